"""The signals of an application: what the ledger counts, as the operator that is asked would gather it.

Names that the catalogue does not have are left out by whoever asks the rules (``Judge.rule``).
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from service.risk.model import Value
from service.risk.model.catalogue import LONG_AGO, WINDOWS
from service.risk.rules import Parameters
from service.risk.rules.rates import burst, shrunken
from service.simulation.ledger import Ledger, Line
from service.simulation.population import Application

SPACED = ("document", "person", "device")
SHARED = ("address", "contact", "payment")
DENIED = ("document", "personal_number", "person", "device", *SHARED)
NEWEST = 200
"""Of a thing that very many lines hang on, the newest are looked at."""

Given = dict[str, Value | None]


class Gathering:
    """Holds what is asked beside the lines themselves: denials, and tries of the day."""

    def __init__(self, ledger: Ledger, parameters: Parameters) -> None:
        self._ledger, self._p = ledger, parameters
        self._denials: dict[tuple[int, str, int], list[int]] = defaultdict(list)
        self._tries: dict[tuple[int, int, int], int] = defaultdict(int)

    def signals(self, application: Application, day: int) -> Given:
        """Everything that depends on what is held, for one who asks on ``day``. None is unknown."""
        given: Given = {**application.facts, **self._ledger.counts(application, day)}
        held = {kind: self._own(application, kind) for kind in ("document", "person", "device", *SHARED)}
        for kind in SPACED:
            lines = held[kind]
            last = lines[-1].opened if lines else None
            for days in WINDOWS:
                is_quiet = last is None or last <= day - days
                given[f"lines_on_{kind}_{days}d"] = (
                    0 if is_quiet else sum(line.opened > day - days for line in lines)
                )
            given[f"hours_since_line_on_{kind}"] = LONG_AGO if last is None else 24 * (day - last)
        for kind in ("device", *SHARED):
            lines = held[kind]
            given[f"persons_on_{kind}"] = len({line.application.person for line in lines})
            if kind != "device":
                given[f"lines_on_{kind}"] = sum(line.is_open for line in lines)
                since = day - self._p.strike_days
                given[f"scam_on_{kind}"] = sum(line.scam is not None for line in lines)
                given[f"strikes_on_{kind}"] = sum(
                    line.is_struck(kind, since) for line in lines if line.struck
                )
        return given | self._denied(application, day) | self._seller(application, day)

    def decided(self, application: Application, day: int, *, is_denied: bool) -> None:
        """Remembered by everything that the application named."""
        operator = application.operator
        if (device := application.keys.get("device")) is not None:
            self._tries[operator, device, day] += 1
        for kind in DENIED if is_denied else ():
            if (number := application.keys.get(kind)) is not None:
                self._denials[operator, kind, number].append(day)

    def _own(self, application: Application, kind: str) -> list[Line]:
        """The operator's lines on one thing, the newest at the end."""
        number = application.keys.get(kind)
        lines: Iterable[Line] = () if number is None else self._ledger.on(kind, number)
        return [line for line in lines if line.application.operator == application.operator][-NEWEST:]

    def _denied(self, application: Application, day: int) -> Given:
        found: Given = {}
        for kind in DENIED:
            number = application.keys.get(kind)
            days = [] if number is None else self._denials.get((application.operator, kind, number), [])
            found[f"denials_on_{kind}"] = sum(at > day - self._p.denial_days for at in days)
        device = application.keys.get("device")
        found["device_tries_1d"] = 0 if device is None else self._tries[application.operator, device, day]
        return found

    def _seller(self, application: Application, day: int) -> Given:
        """A dealer's figures; of a registration that names none they are unknown."""
        names = ("dealer_scam_rate_permille", "dealer_burst", "peer_scam_rate_permille")
        dealer = application.dealer
        if dealer is None:
            return dict.fromkeys(names)
        seller = self._ledger.seller(dealer, day)
        lines, stopped = self._ledger.peers(application.operator, day)
        rate = peers = None
        if lines:
            rate = shrunken(seller.stopped, seller.lines, stopped, lines, self._p.peer_lines)
            peers = 1000 * stopped // lines
        span = timedelta(days=day - seller.first)
        soon = burst(seller.today, seller.lines - seller.today, span)
        return dict(zip(names, (rate, soon, peers), strict=True))
