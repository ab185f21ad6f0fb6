"""What lines hang on, and how many: the counts of ``service/risk/store``, in memory and by the day.

Each operator counts its own lines. What all operators have together is one truth, as in production. A test puts the
same lines into PostgreSQL and compares (``tests/store/test_simulated_counts.py``).
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from service.dealers.model import Record
from service.dealers.rules import assessed
from service.response.model import Sharing
from service.risk.model import STRUCK_KINDS, Value
from service.risk.rules import Parameters
from service.simulation.calendar import Of, at, day_of, uid
from service.simulation.population import Application

if TYPE_CHECKING:
    from service.simulation.ladder import Dossier
    from service.simulation.reporting import Case

NEVER = -1_000_000
COUNTED = ("document", "personal_number", "person", "device")
SHARED = ("document", "person")
ASSESSED_DAYS = 90
"""Of so many days a shop's lines are set beside its peers' (``service/registration/workflow/dealing.py``)."""
BY_LINE = "line"
"""The source of what an act on the line itself struck."""


@dataclass(slots=True, eq=False)
class Line:
    """A line in service, or what is left of one. Days are whole; None is not yet. ``taken_over``: the line of somebody
    else whose card this is now; places, marks and strikes are that line's (:attr:`holding`)."""

    application: Application
    opened: int
    is_limited: bool = False
    taken_over: "Line | None" = None
    number: int = 0
    closed: int | None = None
    counts_to: int = 0
    """The first day on which it counts no more under a cap, once it is closed."""
    scam: int | None = None
    lifted: int | None = None
    strikes: dict[str, dict[str, int]] = field(default_factory=dict)
    """By the kind of thing and the source, the day."""
    sold: dict[str, int] = field(default_factory=dict)
    """By the source that stopped it, the day: what whoever sold it has in their rate."""
    probation_left: int = 0
    """Days of ordinary use that are still to be shown."""
    calls_from: int = 0
    dossier: "Dossier | None" = None
    case: "Case | None" = None
    complaints: list[int] = field(default_factory=list)
    is_complained: bool = False
    was_stopped: bool = False
    is_marked: bool = False
    is_disowned: bool = False
    is_back: bool = False
    """Its holder has come since it was stopped."""
    taken_by: "Line | None" = None
    """The line as whoever took it over has it."""

    @property
    def holding(self) -> "Line":
        return self.taken_over or self

    @property
    def since(self) -> int:
        """Since when its holder has had it."""
        return self.holding.opened

    @property
    def operator(self) -> int:
        return self.application.operator

    @property
    def id(self) -> UUID:
        return uid(Of.LINE, self.number)

    @property
    def registration(self) -> UUID:
        return uid(Of.REGISTRATION, self.holding.number)

    @property
    def is_scam(self) -> bool:
        return self.application.strategy is not None

    @property
    def is_open(self) -> bool:
        return self.closed is None

    def counts(self, day: int) -> bool:
        """Whether it takes a place under a cap."""
        return self.closed is None or self.counts_to > day

    def is_stopped(self, since: int) -> bool:
        """For scam and not reinstated since; while it is open, or after ``since``."""
        if self.scam is None or (self.lifted is not None and self.scam <= self.lifted):
            return False
        return self.scam > since or self.closed is None

    def is_ended(self, since: int) -> bool:
        """So, or by a step on a confirmed report or a ring."""
        at_day = max(self.sold.values(), default=NEVER)
        holds = at_day > (NEVER if self.lifted is None else self.lifted)
        return self.is_stopped(since) or (holds and (at_day > since or self.closed is None))

    def struck(self, kind: str) -> int | None:
        """The newest strike that holds on a thing of this line."""
        return max(self.strikes.get(kind, {}).values(), default=None)

    def is_struck(self, kind: str, since: int) -> bool:
        at_day = self.struck(kind) if self.strikes else None
        return at_day is not None and at_day > since


_NONE: list[Line] = []


@dataclass(slots=True, eq=False)
class Seller:
    """A dealer's or an agent's lines: on which days, which of them on unproven evidence, which were ever stopped or
    struck."""

    opened: list[int] = field(default_factory=list)
    unproven: list[int] = field(default_factory=list)
    marked: list[Line] = field(default_factory=list)

    def lines(self, since: int) -> int:
        return len(self.opened) - bisect_right(self.opened, since)

    def first(self, since: int) -> int | None:
        place = bisect_right(self.opened, since)
        return self.opened[place] if place < len(self.opened) else None


class Ledger:
    """The lines of all operators, by what they hang on."""

    def __init__(self, parameters: Parameters) -> None:
        self._p = parameters
        self._made = 0
        self._lines: dict[tuple[str, int], list[Line]] = defaultdict(list)
        self._here: dict[tuple[str, int, int], list[Line]] = defaultdict(list)
        self.sellers: dict[tuple[str, int], Seller] = defaultdict(Seller)
        self._operator_of: dict[tuple[str, int], int] = {}
        self._peers: dict[tuple[str, int], tuple[int, int]] = {}
        self._peers_on: int | None = None
        self._bands: dict[int, str] = {}
        self._bands_on: int | None = None

    # ---- Lines that come and go --------------------------------------------------------------------------------

    def named(self, line: Line) -> Line:
        self._made += 1
        line.number = self._made
        return line

    def hold(self, line: Line) -> None:
        """Days only grow."""
        self.named(line)
        for key in (*line.application.keys.items(), *line.application.sellers):
            self._lines[key].append(line)
            self._here[*key, line.application.operator].append(line)
        for key in line.application.sellers:
            seller = self.sellers[key]
            self._operator_of[key] = line.operator
            seller.opened.append(line.opened)
            if line.is_limited:
                seller.unproven.append(line.opened)

    def close(self, line: Line, day: int) -> None:
        """It goes on counting for as long as the real parameters say."""
        line.closed = day
        line.counts_to = day_of(self._p.counts_until(at(line.opened), at(day)))

    def mark(self, line: Line, day: int) -> None:
        """Stopped for scam, on suspicion or confirmed."""
        line = line.holding
        self._marked(line)
        line.scam = max(day, line.scam or day)

    def strike(self, line: Line, kinds: Iterable[str], source: str, day: int) -> None:
        """What ``source`` strikes. Of one that is no act on the line itself, whoever sold it hears too."""
        line = line.holding
        if source != BY_LINE:
            self._marked(line)
            line.sold[source] = day
        things = {*line.application.keys, *(kind for kind, _ in line.application.sellers)}
        for kind in kinds:
            if kind in things:
                self._marked(line)
                line.strikes.setdefault(kind, {})[source] = day

    def unstrike(self, line: Line, source: str) -> None:
        for sources in (line.holding.sold, *line.holding.strikes.values()):
            sources.pop(source, None)

    def lift(self, line: Line, day: int) -> None:
        """Reinstated: what an act on the line marked and struck is undone."""
        line.holding.lifted = day
        self.unstrike(line, BY_LINE)

    def _marked(self, line: Line) -> None:
        if not line.is_marked:
            line.is_marked = True
            for key in line.application.sellers:
                self.sellers[key].marked.append(line)

    # ---- What is asked -----------------------------------------------------------------------------------------

    def on(self, kind: str, number: int) -> list[Line]:
        """All operators', the oldest first."""
        return self._lines.get((kind, number), _NONE)

    def here(self, kind: str, number: int, operator: int) -> list[Line]:
        """One operator's, the oldest first."""
        return self._here.get((kind, number, operator), _NONE)

    def oldest_open(self, person: int, operator: int | None = None) -> Line | None:
        """Of all that a person holds; a line that a ring opened in their name is not theirs."""
        for line in self.on("person", person):
            if line.is_open and not line.is_scam and operator in (None, line.operator):
                return line
        return None

    def counts(self, application: Application, day: int) -> dict[str, Value]:
        """The signals that are counts, for one who asks on ``day``: ``count`` of ``service/risk/store/holdings.py``."""
        p, found = self._p, dict[str, Value]()
        struck_since = day - p.strike_days
        for kind in COUNTED:
            number = application.keys.get(kind)
            lines = unproven = scam = strikes = 0
            for line in _NONE if number is None else self.here(kind, number, application.operator):
                counts = line.counts(day)
                lines += line.opened > day - p.device_days if kind == "device" else counts
                unproven += counts and line.is_limited
                scam += line.is_stopped(struck_since)
                strikes += line.is_struck(kind, struck_since)
            found[f"lines_on_{kind}"] = lines
            found[f"scam_on_{kind}"], found[f"strikes_on_{kind}"] = scam, strikes
            if kind == "document":
                found["unproven_on_document"] = unproven
        found["shared_limit_exceeded"] = self._exceeds(application, day)
        return found | self._dealer(application, day)

    def _exceeds(self, application: Application, day: int) -> bool:
        """Over all operators, asked once a document has passed and a code has come back."""
        facts, most = application.facts, self._p.shared_cap
        has_code = facts.get("line_code_verified") is True or facts.get("contact_code_verified") is True
        if not most or not has_code or facts.get("document_outcome") != "pass":
            return False
        return any(
            sum(line.counts(day) for line in self.on(kind, application.keys[kind])) >= most
            for kind in SHARED
            if kind in application.keys
        )

    def _dealer(self, application: Application, day: int) -> dict[str, Value]:
        found: dict[str, Value] = dict.fromkeys(
            ("dealer_lines_today", "dealer_unproven_today", "scam_on_dealer", "strikes_on_dealer"), 0
        )
        if application.dealer is None:
            return found
        seller = self.sellers["dealer", application.dealer]
        since = day - self._p.dealer_scam_days
        found["dealer_lines_today"] = seller.lines(day - 1)
        found["dealer_unproven_today"] = len(seller.unproven) - bisect_right(seller.unproven, day - 1)
        found |= self.stopped(("dealer", application.dealer), day, since)
        return found

    def stopped(self, key: tuple[str, int], day: int, since: int) -> dict[str, Value]:
        """Of a seller, the lines stopped for scam and struck after ``since``."""
        kind, marked = key[0], self.sellers[key].marked
        decays = day - self._p.strike_days
        scam = sum(line.is_stopped(decays) and (line.scam or 0) > since for line in marked)
        return {
            f"scam_on_{kind}": scam,
            f"strikes_on_{kind}": sum(line.is_struck(kind, max(decays, since)) for line in marked),
        }

    def sharing(self, line: Line, among: Sequence[Line], dealer_since: int) -> dict[str, Sharing]:
        """By kind of what is struck: how many lines hang on the same thing as ``line``, and how many of those are
        ``among``; of a dealer, those opened after ``dealer_since``."""
        own, found = line.holding, dict[str, Sharing]()
        for key in (*own.application.keys.items(), *own.application.sellers):
            kind, number = key
            since = dealer_since if kind == "dealer" else NEVER
            if kind not in STRUCK_KINDS or own.opened <= since:
                continue
            lines = [each for each in self.here(kind, number, own.operator) if each.opened > since]
            ours = {each.holding.number for each in among} & {each.number for each in lines}
            found[kind] = Sharing(len(lines), len(ours))
        return found

    # ---- Sellers beside their peers ----------------------------------------------------------------------------

    def rate(self, key: tuple[str, int], day: int) -> tuple[int, int]:
        """(stopped for scam, lines) of a seller within ``dealer_scam_days``."""
        seller, since = self.sellers[key], day - self._p.dealer_scam_days
        decays = day - self._p.strike_days
        stopped = sum(line.opened > since and line.is_ended(decays) for line in seller.marked)
        return stopped, seller.lines(since)

    def peers(self, kind: str, operator: int, day: int) -> tuple[int, int]:
        """(stopped, lines) of all sellers of an operator; counted once a day, as the chore does."""
        if self._peers_on != day:
            self._peers, self._peers_on = {}, day
            everyone: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
            for key in self.sellers:
                if key in self._operator_of:
                    sums = everyone[key[0], self._operator_of[key]]
                    stopped, lines = self.rate(key, day)
                    sums[0] += stopped
                    sums[1] += lines
            self._peers = {key: (stopped, lines) for key, (stopped, lines) in everyone.items()}
        return self._peers.get((kind, operator), (0, 0))

    def band(self, dealer: int, day: int) -> str:
        """How the real assessment sets a shop beside its peers, once a day; a shop without a line has none."""
        if self._bands_on != day:
            self._bands, self._bands_on = {}, day
            records: dict[int, dict[UUID, Record]] = defaultdict(dict)
            names: dict[UUID, int] = {}
            for key, operator in self._operator_of.items():
                if key[0] == "dealer":
                    names[name := uid(Of.DEALER, key[1])] = key[1]
                    records[operator][name] = self.record(self.sellers[key], day)
            for each in records.values():
                self._bands |= {names[name]: found.band.value for name, found in assessed(each).items()}
        return self._bands.get(dealer, "none")

    def record(self, seller: Seller, day: int) -> Record:
        since = day - ASSESSED_DAYS
        marked = [line for line in seller.marked if line.opened > since]
        struck = sum(any(line.strikes.values()) for line in marked)
        stopped = sum(any(line.strikes.values()) or line.is_ended(NEVER) for line in marked)
        return Record(lines=seller.lines(since), stopped=stopped, struck=struck)

    def burst_span(self, key: tuple[str, int], day: int) -> tuple[int, int, timedelta]:
        """(lines of the day, lines before it, the time in which those lie) of a seller."""
        seller, since = self.sellers[key], day - self._p.dealer_scam_days
        today, first = seller.lines(day - 1), seller.first(since)
        span = timedelta(0) if first is None else timedelta(days=day - 1 - first)
        return today, seller.lines(since) - today, span
