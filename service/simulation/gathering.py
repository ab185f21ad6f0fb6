"""The signals of an application: what ``service/risk/store/signals.py`` gathers and the ledger counts, as the operator
that is asked sees it.

Names that the catalogue does not have are left out by whoever asks the rules (``Judge.rule``).
"""

from collections import defaultdict
from dataclasses import dataclass, field

from service.dealers.model import Quotas
from service.dealers.rules import shrunk
from service.registration.rules import taking_no_place
from service.risk.model import MarkKind, Value
from service.risk.model.catalogue import LONG_AGO, WINDOWS
from service.risk.rules import Parameters
from service.risk.rules.rates import burst, shrunken
from service.simulation.ledger import Ledger, Line
from service.simulation.population import Application

SPACED = ("document", "person", "device")
SHARED = ("address", "contact", "payment")
DENIED = ("document", "personal_number", "person", "device", *SHARED)
SELLERS = ("dealer", "agent")
NEWEST = 200
"""Of a thing that very many lines hang on, the newest are looked at."""
TRACED_DAYS = 30
"""So long a document leaves a trace (``service/documents/store/traces.py``); each registration is another
applicant's."""
QUOTAS = Quotas()
"""Every shop has the quotas that a new one gets."""

Given = dict[str, Value | None]


@dataclass(slots=True)
class _Day:
    """What the rules made of a dealer's day so far."""

    decided: int = 0
    reviewed: int = 0


@dataclass(slots=True)
class Gathering:
    """Holds what is asked beside the lines themselves: denials, tries of the day, marks, a dealer's day."""

    ledger: Ledger
    p: Parameters
    _denials: dict[tuple[int, str, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    _tries: dict[tuple[int, int, int], int] = field(default_factory=lambda: defaultdict(int))
    _marks: dict[tuple[MarkKind, int, str, int], int] = field(default_factory=dict)
    """By kind, operator and thing, the day on which it ends."""
    _shown: dict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    """By operator and document, the days on which it was shown."""
    _days: dict[tuple[int, int], _Day] = field(default_factory=lambda: defaultdict(_Day))

    def signals(self, application: Application, day: int) -> Given:
        """Everything that depends on what is held, for one who asks on ``day`` for a new line. None is unknown."""
        given: Given = {**application.facts, **self.ledger.counts(application, day)}
        held = {kind: self._own(application, kind) for kind in ("document", "person", "device", *SHARED)}
        since = day - self.p.strike_days
        for kind in SPACED:
            given |= _spaced(kind, held[kind], day)
        for kind in ("device", *SHARED):
            lines = held[kind][-NEWEST:]
            given[f"persons_on_{kind}"] = len({line.application.person for line in lines})
            if kind != "device":
                given[f"lines_on_{kind}"] = sum(line.is_open for line in lines)
                given[f"scam_on_{kind}"] = sum(line.is_stopped(since) for line in held[kind])
                given[f"strikes_on_{kind}"] = sum(line.is_struck(kind, since) for line in held[kind])
                given[f"{kind}_absent"] = kind not in application.keys
        shown = self._shown.get((application.operator, application.keys.get("document", -1)), [])
        given["document_seen_before"] = sum(at > day - TRACED_DAYS for at in shown)
        given |= {"purpose": "new", "holder_match": "not_asked", "card_lost": False, "velocity_known": True}
        given |= self._denied(application, day) | self._marked(application, day)
        return given | self._sellers(application, day)

    def about(self, application: Application, line: Line, day: int, purpose: str) -> Given:
        """As :meth:`signals`, of a line in service: it takes no place. Papers are those on file, however they were
        got."""
        given = self.signals(application, day)
        changed = line.opened if line.taken_over else None
        return given | {
            **taking_no_place(given),
            "purpose": purpose,
            "holder_match": "same",
            "card_lost": purpose == "sim_swap" and not application.facts.get("line_code_verified"),
            "line_tenure_days": day - line.since,
            "hours_since_sim_change": LONG_AGO if changed is None else 24 * (day - changed),
        }

    def decided(self, application: Application, day: int, *, is_denied: bool, is_reviewed: bool) -> None:
        """Remembered by everything that the application named."""
        operator = application.operator
        if (document := application.keys.get("document")) is not None:
            self._shown[operator, document].append(day)
        if (device := application.keys.get("device")) is not None:
            self._tries[operator, device, day] += 1
        for kind in DENIED if is_denied else ():
            if (number := application.keys.get(kind)) is not None:
                self._denials[operator, kind, number].append(day)
        if application.dealer is not None:
            today = self._days[application.dealer, day]
            today.decided += 1
            today.reviewed += is_reviewed

    def mark(self, kind: MarkKind, operator: int, keys: dict[str, int], until: int) -> None:
        """What a holder says of their papers."""
        for of in kind.of:
            if of.value in keys:
                self._marks[kind, operator, of.value, keys[of.value]] = until

    def _own(self, application: Application, kind: str) -> list[Line]:
        """The operator's lines on one thing, the newest at the end."""
        number = application.keys.get(kind)
        return [] if number is None else self.ledger.here(kind, number, application.operator)

    def _denied(self, application: Application, day: int) -> Given:
        found: Given = {}
        for kind in DENIED:
            number = application.keys.get(kind)
            days = [] if number is None else self._denials.get((application.operator, kind, number), [])
            found[f"denials_on_{kind}"] = sum(at > day - self.p.denial_days for at in days)
        device = application.keys.get("device")
        found["device_tries_1d"] = 0 if device is None else self._tries[application.operator, device, day]
        return found

    def _marked(self, application: Application, day: int) -> Given:
        names = {MarkKind.FROZEN: "identity_frozen", MarkKind.DOCUMENT_LOST: "document_reported_lost"}
        if not self._marks:
            return dict.fromkeys(names.values(), False)
        return {
            name: any(
                self._marks.get((kind, application.operator, of.value, number), day) > day
                for of in kind.of
                if (number := application.keys.get(of.value)) is not None
            )
            for kind, name in names.items()
        }

    def _sellers(self, application: Application, day: int) -> Given:
        """The sellers' figures; of one that is not named they are unknown."""
        named = dict(application.sellers)
        found: Given = {}
        for kind in SELLERS:
            names = (f"{kind}_scam_rate_permille", f"{kind}_burst")
            found |= (
                self._seller((kind, named[kind]), application.operator, day)
                if kind in named
                else (dict.fromkeys(names))
            )
        stopped, lines = self.ledger.peers("dealer", application.operator, day)
        found["peer_scam_rate_permille"] = 1000 * stopped // lines if lines else None
        found |= {"scam_on_agent": 0, "strikes_on_agent": 0}
        if "agent" in named:
            since = day - self.p.dealer_scam_days
            found |= self.ledger.stopped(("agent", named["agent"]), day, since)
        return found | self._standing(application.dealer, day)

    def _seller(self, key: tuple[str, int], operator: int, day: int) -> Given:
        kind = key[0]
        stopped, lines = self.ledger.rate(key, day)
        peers_stopped, peers_lines = self.ledger.peers(kind, operator, day)
        today, earlier, span = self.ledger.burst_span(key, day)
        rate = None
        if peers_lines:
            rate = shrunken(stopped, lines, peers_stopped, peers_lines, self.p.peer_lines)
        return {f"{kind}_scam_rate_permille": rate, f"{kind}_burst": burst(today, earlier, span)}

    def _standing(self, dealer: int | None, day: int) -> Given:
        """A shop is a licence of its own here, so that its outlet's band is its own. Nobody pauses a shop."""
        if dealer is None:
            return {
                "dealer_state": "none",
                "dealer_quota_day": None,
                "dealer_band": "none",
                "outlet_band": "none",
            }
        band, today = self.ledger.band(dealer, day), self._days.get((dealer, day), _Day())
        quota = shrunk(QUOTAS, today.decided, today.reviewed)
        return {
            "dealer_state": "active",
            "dealer_quota_day": QUOTAS.daily if quota is None else quota,
            "dealer_band": band,
            "outlet_band": band,
        }


def _spaced(kind: str, lines: list[Line], day: int) -> Given:
    last = lines[-1].opened if lines else None
    given: Given = {f"hours_since_line_on_{kind}": LONG_AGO if last is None else 24 * (day - last)}
    for days in WINDOWS:
        is_quiet = last is None or last <= day - days
        given[f"lines_on_{kind}_{days}d"] = 0 if is_quiet else sum(line.opened > day - days for line in lines)
    return given
