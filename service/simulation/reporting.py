"""Who reports, and what it is worth: the real rules of ``service/reports``, over votes of invented people.

What this does beside them is what ``service/reports/workflow`` does over its tables: it keeps the votes that join a
report, asks what their reporters hang on and what became of what they said before, and passes on what is said of
another operator's line, as one vote in a while.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

from service.reports import rules
from service.reports.model import FALSE_REPORTS, Kind, Place, Report, ReportPolicy, State, Topic, Vote
from service.simulation.calendar import Of, at, uid
from service.simulation.chance import Chance
from service.simulation.ledger import Ledger, Line
from service.simulation.parameters import Parameters

LONG_AGO = -1_000

Telling = Callable[[Line], frozenset[str]]


@dataclass(slots=True, eq=False)
class Case:
    """What is said of one line on one topic, until a person has decided."""

    report: Report
    votes: list[Vote] = field(default_factory=list)
    passed: set[tuple[int, int]] = field(default_factory=set)
    """By operator and span of time, what was passed on."""
    proved: dict[UUID, None] = field(default_factory=dict)
    """Reporters with a proved vote, in the order of the first."""
    links: dict[UUID, frozenset[str]] = field(default_factory=dict)
    is_awaited: bool = False
    """A person is going to look at it."""


class Reports:
    """``proves``: whether a code can prove a reporter's number."""

    def __init__(
        self,
        parameters: Parameters,
        policy: ReportPolicy,
        ledger: Ledger,
        telling: Telling,
        chance: Chance,
        people: int,
        *,
        proves: bool,
    ) -> None:
        self._p, self.policy, self._ledger, self._telling = parameters, policy, ledger, telling
        self._chance, self._people = chance, people
        self._proves = proves
        self._made = 0
        self._outcomes: dict[UUID, list[bool]] = defaultdict(list)

    # ---- Votes -------------------------------------------------------------------------------------------------

    def by_called(self, line: Line, day: int, count: int) -> State:
        """People who were called say so to the operator whose line was called, if that is still theirs."""
        for _ in range(count):
            theirs = [
                each for each in self._ledger.on("person", self._chance.below(self._people)) if each.is_open
            ]
            reporter = self._chance.one_of(theirs) if theirs else None
            proves = self._proves and self._chance.happens(self._p.loop.proved_share)
            if reporter is not None and reporter.operator != line.operator:
                self._pass_on(line, reporter.operator, day)
            else:
                self._file(line, day, reporter if proves else None)
        return self._weigh(line, day)

    def by_ring(self, line: Line, day: int, count: int, ring: int) -> State:
        """People of a ring, customers of the same operator for long, say so; few of them are linked to nobody."""
        unlinked = round(count * self._p.honest.framed_unlinked)
        for n in range(count):
            person = uid(Of.FRAMER, ring * 1_000 + n)
            links = frozenset({f"framer:{ring}/{n}" if n < unlinked else f"framers:{ring}"})
            case = self._join(line, day)
            case.links[person] = links
            vote = replace(
                self._vote(case, day),
                proved_at=at(day) if self._proves else None,
                line_id=person,
                registration_id=person,
                line_since=at(LONG_AGO),
            )
            self._add(case, day, vote)
        return self._weigh(line, day)

    def _file(self, line: Line, day: int, reporter: Line | None) -> None:
        """``reporter`` is the line that is proved to be in the reporter's hand."""
        case = self._join(line, day)
        vote = self._vote(case, day)
        if reporter is not None:
            dealer = reporter.application.dealer
            vote = replace(
                vote,
                proved_at=at(day),
                line_id=reporter.id,
                registration_id=reporter.registration,
                line_since=at(reporter.since),
                line_dealer_id=None if dealer is None else uid(Of.DEALER, dealer),
            )
            case.links[reporter.registration] = self._telling(reporter)
        self._add(case, day, vote)

    def _pass_on(self, line: Line, operator: int, day: int) -> None:
        """A case opens at the line's operator: one vote for each time in which votes are counted together."""
        case, span = self._join(line, day), at(day).toordinal() // self.policy.window.days
        if (operator, span) not in case.passed:
            case.passed.add((operator, span))
            self._add(case, day, replace(self._vote(case, day), client_id=None))

    def _join(self, line: Line, day: int) -> Case:
        if line.case is None or not line.case.report.state.is_open:
            self._made += 1
            line.case = Case(
                Report(
                    id=uid(Of.REPORT, self._made),
                    operator_id=uid(Of.OPERATOR, line.operator),
                    topic=Topic.CONDUCT,
                    place=Place.OURS,
                    state=State.FILED,
                    opened_at=at(day),
                    last_filed_at=at(day),
                    line_id=line.id,
                    registration_id=line.registration,
                    holder_since=at(line.since),
                    votes=0,
                )
            )
        return line.case

    def _vote(self, case: Case, day: int) -> Vote:
        self._made += 1
        client = self._chance.weighted(self._p.loop.clients)
        report, kind = case.report, Kind.SCAM_CALL
        return Vote(uid(Of.VOTE, self._made), report.id, kind, at(day), uid(Of.CLIENT, client))

    def _add(self, case: Case, day: int, vote: Vote) -> None:
        oldest = at(day) - self.policy.window
        case.votes = [each for each in case.votes if each.filed_at >= oldest]
        case.votes.append(vote)
        if vote.proved_at is not None and vote.line_id is not None:
            case.proved.setdefault(vote.line_id)
        case.report = replace(case.report, votes=case.report.votes + 1, last_filed_at=at(day))

    # ---- What they are worth -----------------------------------------------------------------------------------

    def _weigh(self, line: Line, day: int) -> State:
        """The state of the report on a line, once what was said today has been weighed."""
        case = line.case
        if case is None:
            return State.FILED
        proved = [vote for vote in case.votes if vote.line_id is not None]
        # Fewer than are required can say nothing new.
        if case.report.state is State.FILED and len(proved) >= self.policy.required:
            case.links[line.registration] = self._telling(line)
            worth = {
                vote.line_id: self.reputation(vote.line_id) for vote in proved if vote.line_id is not None
            }
            tally = rules.weigh(case.report, case.votes, case.links, worth, self.policy, at(day))
            case.report, _ = rules.corroborate(case.report, tally.counted, self.policy, at(day))
        return case.report.state

    def reputation(self, reporter: UUID) -> int:
        return rules.reputation(self._outcomes.get(reporter, ()), self.policy)

    def said_lately(self, case: Case, day: int, days: int) -> int:
        """How many votes of the last ``days`` stand on it, whatever each is worth."""
        return sum(vote.filed_at > at(day - days) for vote in case.votes)

    def decide(self, case: Case, to: State, reason: str, day: int) -> None:
        """A person's word; what it says of the reporters is kept with them."""
        case.report, _ = rules.decide(case.report, to, reason, "staff", self.policy, at(day))
        if to is State.CONFIRMED or reason == FALSE_REPORTS:
            for reporter in case.proved:
                self._outcomes[reporter].append(to is State.CONFIRMED)
