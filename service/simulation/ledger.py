"""What lines hang on, and how many: the counts of ``service/risk/store/holdings.py``, in memory and by the day.

Each operator counts its own lines. What all operators have together is one truth, as in production.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from service.risk.model import Value
from service.risk.rules import Parameters
from service.simulation.population import Application

COUNTED = ("document", "personal_number", "person", "device")


@dataclass(slots=True, eq=False)
class Line:
    """A line in service, or what is left of one. Days are whole; None is not yet."""

    application: Application
    opened: int
    is_limited: bool = False
    closed: int | None = None
    scam: int | None = None
    struck: dict[str, int] = field(default_factory=dict)
    """By the kind of thing, the day on which it was struck."""
    probation_until: int = 0
    calls_from: int = 0
    is_labelled: bool = False
    is_restricted: bool = False
    has_case: bool = False
    counted: list[int] = field(default_factory=list)
    alive_days: int = 0

    @property
    def is_scam(self) -> bool:
        return self.application.strategy is not None

    def is_struck(self, kind: str, since: int) -> bool:
        at = self.struck.get(kind)
        return at is not None and at > since

    @property
    def is_stopped(self) -> bool:
        """For scam, on suspicion or confirmed."""
        return self.scam is not None or bool(self.struck)

    @property
    def is_open(self) -> bool:
        return self.closed is None


@dataclass(slots=True, eq=False)
class Seller:
    """A dealer's lines within ``dealer_scam_days``: how many, how many of today, how many stopped for scam."""

    recent: deque[Line] = field(default_factory=deque)
    lines: int = 0
    stopped: int = 0
    today: int = 0
    first: int = 0


class Ledger:
    """The lines of all operators, by what they hang on."""

    def __init__(self, parameters: Parameters) -> None:
        self._p = parameters
        self._sellers: dict[int, Seller] = defaultdict(Seller)
        self._peers: dict[tuple[int, int], tuple[int, int]] = {}
        self._lines: dict[tuple[str, int], list[Line]] = defaultdict(list)
        self._dealer_lines: dict[tuple[int, int], int] = defaultdict(int)
        self._dealer_unproven: dict[tuple[int, int], int] = defaultdict(int)
        self._dealer_scam: dict[int, deque[tuple[int, Line]]] = defaultdict(deque)

    def hold(self, line: Line) -> None:
        for key in line.application.keys.items():
            self._lines[key].append(line)
        dealer = line.application.dealer
        if dealer is not None:
            self._dealer_lines[dealer, line.opened] += 1
            self._dealer_unproven[dealer, line.opened] += line.is_limited
            seller = self._sellers[dealer]
            seller.recent.append(line)
            seller.lines += 1

    def mark(self, line: Line, day: int, struck: Iterable[str] | None) -> None:
        """Stopped for scam: on suspicion (None), or confirmed, with the kinds of things that are struck. Days only
        grow."""
        dealer = line.application.dealer
        if dealer is not None and not line.is_stopped:
            self._dealer_scam[dealer].append((day, line))
            if line.opened > day - self._p.dealer_scam_days:
                self._sellers[dealer].stopped += 1
        if struck is None:
            line.scam = day
        else:
            line.struck.update(dict.fromkeys(struck, day))

    def on(self, kind: str, number: int) -> list[Line]:
        return self._lines.get((kind, number), [])

    def oldest_open(self, person: int, operator: int) -> Line | None:
        """The line that a person gives up for a new one."""
        for line in self.on("person", person):
            if line.is_open and line.application.operator == operator and not line.is_scam:
                return line
        return None

    def counts(self, application: Application, day: int) -> dict[str, Value]:
        """The signals that are counts, for one who asks on ``day``."""
        p, found = self._p, dict[str, Value]()
        for kind in COUNTED:
            number = application.keys.get(kind)
            counting = unproven = scam = struck = everywhere = 0
            for line in [] if number is None else self.on(kind, number):
                counts = line.opened > day - p.device_days if kind == "device" else self._counting(line, day)
                everywhere += counts
                if line.application.operator != application.operator:
                    continue
                counting += counts
                unproven += counts and line.is_limited
                if line.scam is not None:
                    scam += line.closed is None or line.scam > day - p.strike_days
                if line.struck:
                    struck += line.is_struck(kind, day - p.strike_days)
            found[f"lines_on_{kind}"] = max(0, counting - application.is_swap)
            found[f"scam_on_{kind}"], found[f"strikes_on_{kind}"] = scam, struck
            if kind == "document":
                found["unproven_on_document"] = unproven
                found["shared_limit_exceeded"] = 0 < p.shared_cap <= everywhere
        return found | self._dealer(application.dealer, day)

    def _dealer(self, dealer: int | None, day: int) -> dict[str, Value]:
        if dealer is None:
            return {"dealer_state": "none"}
        since = day - self._p.dealer_scam_days
        lately = self._dealer_scam[dealer]
        while lately and lately[0][0] <= since:
            lately.popleft()
        return {
            "dealer_lines_today": self._dealer_lines[dealer, day],
            "dealer_unproven_today": self._dealer_unproven[dealer, day],
            "scam_on_dealer": sum(line.scam is not None for _, line in lately),
            "strikes_on_dealer": sum("dealer" in line.struck for _, line in lately),
        }

    def seller(self, dealer: int, day: int) -> Seller:
        seller, since = self._sellers[dealer], day - self._p.dealer_scam_days
        while seller.recent and seller.recent[0].opened <= since:
            seller.stopped -= seller.recent.popleft().is_stopped
            seller.lines -= 1
        seller.today = self._dealer_lines.get((dealer, day), 0)
        seller.first = seller.recent[0].opened if seller.recent else day
        return seller

    def peers(self, operator: int, day: int) -> tuple[int, int]:
        """(lines, stopped) of all dealers of an operator; counted once a day, as the chore does."""
        if (operator, day) not in self._peers:
            self._peers.clear()
            everyone: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
            for dealer in list(self._sellers):
                seller = self.seller(dealer, day)
                of = seller.recent[0].application.operator if seller.recent else operator
                lines, stopped = everyone[of]
                everyone[of] = lines + seller.lines, stopped + seller.stopped
            self._peers.update({(of, day): found for of, found in everyone.items()})
            self._peers.setdefault((operator, day), (0, 0))
        return self._peers[operator, day]

    def _counting(self, line: Line, day: int) -> bool:
        if line.application.is_swap:
            return False
        closed = line.closed
        return closed is None or line.opened > day - self._p.window_days or closed > day - self._p.refill_days
