"""What lines hang on, and how many: the counts of ``service/risk/store/holdings.py``, in memory and by the day.

Each operator counts its own lines. What all operators have together is one truth, as in production.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from service.risk.model import Value
from service.risk.rules import Parameters
from service.simulation.population import Application

COUNTED = ("document", "personal_number", "person", "device")
LINKING = ("document", "person", "device", "contact", "payment", "address")


@dataclass(slots=True, eq=False)
class Line:
    """A line in service, or what is left of one. Days are whole; None is not yet."""

    application: Application
    opened: int
    is_limited: bool = False
    closed: int | None = None
    scam: int | None = None
    struck: int | None = None
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

    @property
    def is_open(self) -> bool:
        return self.closed is None


class Ledger:
    def __init__(self, parameters: Parameters) -> None:
        self._p = parameters
        self._lines: dict[tuple[str, int], list[Line]] = defaultdict(list)
        self._dealer_lines: dict[tuple[int, int], int] = defaultdict(int)
        self._dealer_unproven: dict[tuple[int, int], int] = defaultdict(int)
        self._dealer_scam: dict[int, list[Line]] = defaultdict(list)

    def hold(self, line: Line) -> None:
        for key in line.application.keys.items():
            self._lines[key].append(line)
        dealer = line.application.dealer
        if dealer is not None:
            self._dealer_lines[dealer, line.opened] += 1
            self._dealer_unproven[dealer, line.opened] += line.is_limited

    def mark(self, line: Line, day: int, *, confirmed: bool) -> None:
        """Stopped for scam: the marks lie on everything that the line hangs on. Days only grow."""
        if line.scam is None and line.application.dealer is not None:
            self._dealer_scam[line.application.dealer].append(line)
        line.scam = day
        if confirmed:
            line.struck = day

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
                    struck += line.struck is not None and line.struck > day - p.strike_days
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
        while lately and lately[0].scam is not None and lately[0].scam <= since:
            del lately[0]
        return {
            "dealer_lines_today": self._dealer_lines[dealer, day],
            "dealer_unproven_today": self._dealer_unproven[dealer, day],
            "scam_on_dealer": len(lately),
            "strikes_on_dealer": sum(line.struck is not None for line in lately),
        }

    def _counting(self, line: Line, day: int) -> bool:
        if line.application.is_swap:
            return False
        closed = line.closed
        return closed is None or line.opened > day - self._p.window_days or closed > day - self._p.refill_days

    def neighbours(self, line: Line, kinds: tuple[str, ...], common: int) -> Iterator[Line]:
        """Open lines of the same operator that share something rare with this one."""
        for kind in kinds:
            number = line.application.keys.get(kind)
            lines = [] if number is None else [each for each in self.on(kind, number) if each.is_open]
            if len(lines) <= common:
                for each in lines:
                    if each is not line and each.application.operator == line.application.operator:
                        yield each
