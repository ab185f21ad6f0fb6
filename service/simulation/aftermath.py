"""What follows after a line has gone live: complaints, reports, cases, ring actions, and what an owner is told.

What counts, what follows and who is told is said by the real rules (``reporting.py``, ``ladder.py``, ``linking.py``,
``owners.py``). People are coins with a weight: who judges a case, a step that waits for a person, an appeal; who
answers a notice. The desk is what every operator has without us: complaints about one number, counted by hand, and
nothing behind it.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from service.lines.model import REVERIFY_DUE, Action
from service.lines.model import Line as RealLine
from service.notices.model import FROZEN, NOT_MINE
from service.notices.rules import held_by
from service.reports.model import FALSE_REPORTS
from service.reports.model import State as ReportState
from service.response import rules
from service.response.model import (
    Facts,
    Ground,
    LineAction,
    MemberFacts,
    Planned,
    RingAction,
    RingState,
    Sharing,
    Source,
    SourceKind,
    Step,
)
from service.response.model import State as StepState
from service.risk.model import STRUCK_KINDS, HoldingKind, MarkKind, Verdict, ends_for_scam
from service.risk.model.links import Ring
from service.simulation.calendar import DAY, Of, at, uid
from service.simulation.ladder import Ladder
from service.simulation.ledger import BY_LINE, Line
from service.simulation.linking import Linking
from service.simulation.measures import Measure
from service.simulation.owners import Owners
from service.simulation.population import Storm
from service.simulation.reporting import Case, Reports
from service.simulation.tally import Look, Stop

if TYPE_CHECKING:
    from service.simulation.world import World

SUSPECTED, CONFIRMED = "scam", "scam-confirmed"
"""Reasons under which people end a line (``ends_for_scam``)."""
PROPOSER, APPROVER = "one", "another"
FOR_EVER = timedelta(days=10_000)


class Aftermath:
    def __init__(self, world: "World") -> None:
        self._world, self._arm, self._p = world, world.arm, world.p
        self._agenda: dict[int, list[Callable[[int], object]]] = defaultdict(list)
        judge, has_codes = world.judge, self._arm.has(Measure.OTP)
        # A contact number that no code proved is a claim and links nobody.
        kinds = frozenset(HoldingKind) - (frozenset() if has_codes else {HoldingKind.CONTACT})
        self._linking = Linking(world.ledger, judge.links, kinds)
        people = len(world.population.people)
        self._reports = Reports(
            world.p,
            judge.reports,
            world.ledger,
            self._linking.telling,
            world.chance,
            people,
            proves=has_codes,
        )
        self._ladder = Ladder(judge.response, self._on, self._stopped, self._taken, self._referred)
        self._owners = Owners(world.ledger)
        self._rings = 0

    def day(self, day: int) -> None:
        for act in self._agenda.pop(day, ()):
            act(day)

    def _on(self, day: int, act: Callable[[int], object]) -> None:
        self._agenda[day].append(act)

    def _stopped(self, line: Line, why: Stop) -> None:
        """Counted once for a line, however often it is stopped."""
        if not line.was_stopped:
            line.was_stopped = True
            stops = self._world.tally.stops if line.is_scam else self._world.tally.honest_stops
            stops[why] += 1

    def given_up(self, line: Line, day: int) -> None:
        """By its holder."""
        self._ladder.given_up(line, day)
        self._world.ledger.close(line, day)

    def may_call(self, line: Line, day: int) -> bool:
        return self._ladder.may_call(line, day)

    def real(self, line: Line, day: int) -> RealLine:
        return self._ladder.real(line, day)

    def is_labelled(self, line: Line, day: int) -> bool:
        return self._ladder.is_labelled(line, day)

    def _finds(self, line: Line, look: Look, *, confirms: float | None = None) -> bool:
        """A person looked at a line: whether they think that it is a scam's."""
        loop = self._p.loop
        self._world.tally.cases[look] += 1
        share = loop.confirms_scam if confirms is None else confirms
        return self._world.chance.happens(share if line.is_scam else loop.confirms_honest)

    # ---- Reports -----------------------------------------------------------------------------------------------

    def storm(self, line: Line, day: int, storm: Storm) -> None:
        """Reports that come on a certain day, whoever the line belongs to."""
        self._on(day, lambda at: self.reported(line, at, storm.reports, storm.ring))

    def reported(self, line: Line, day: int, reports: int, ring: int | None = None) -> None:
        """By people who were called, or by a ring that wants to do harm; at the desk anybody counts."""
        if not line.is_open:
            return
        if not self._arm.has(Measure.REPORTS):
            self._complained(line, day, reports)
            return
        if ring is None:
            state = self._reports.by_called(line, day, reports)
        else:
            state = self._reports.by_ring(line, day, reports, ring)
        case, desk = line.case, self._p.desk
        if case is None:
            return
        if state is ReportState.CORROBORATED and case.report.corroborated_at == at(day):
            self._ladder.ask(line, Ground.REPORTED, _source(case), day)
            self._on(day + self._p.loop.case_days, partial(self._case, line, case))
        elif (
            not case.is_awaited and self._reports.said_lately(case, day, desk.within_days) >= desk.complaints
        ):
            case.is_awaited = True
            self._on(day + desk.acts_after_days, partial(self._case, line, case))

    def _complained(self, line: Line, day: int, reports: int) -> None:
        desk = self._p.desk
        line.complaints = [at for at in line.complaints + [day] * reports if at > day - desk.within_days]
        if len(line.complaints) >= desk.complaints and not line.is_complained:
            line.is_complained = True
            self._on(day + desk.acts_after_days, lambda at: self._close(line, SUSPECTED, at, Stop.DESK))

    def _case(self, line: Line, case: Case, day: int) -> None:
        """A person looks at what was reported."""
        if not case.report.state.is_open:
            return
        source = _source(case)
        is_corroborated = case.report.state is ReportState.CORROBORATED
        if not self._finds(line, Look.CORROBORATED if is_corroborated else Look.REPORTED):
            reason = FALSE_REPORTS if _is_framed(case) else "number-spoofed"
            self._reports.decide(
                case, ReportState.DISMISSED, "nothing-found" if line.is_scam else reason, day
            )
            if line.dossier is not None:
                self._ladder.undo_source(line, source, day)
            return
        self._reports.decide(case, ReportState.CONFIRMED, "reports-agree", day)
        self._follow(line, Ground.CONFIRMED, source, day)
        if self._arm.has(Measure.LINKS):
            self._on(day + self._p.loop.case_days, partial(self._propose, line, case))

    def _follow(self, line: Line, ground: Ground, source: Source, day: int) -> None:
        """The line's own step at once, and what it hangs on struck, unless a person is asked first."""
        planned = self._ladder.ask(line, ground, source, day)
        if all(each.state is not StepState.REFERRED for each in planned if each.step is not Step.CLOSE):
            self._strike(line, [line], ground, source, day)

    def _strike(self, line: Line, among: list[Line], ground: Ground, source: Source, day: int) -> None:
        kinds = rules.struck(
            self._sharing(line, among, day),
            self._ladder.policy,
            spares_identity=ground is Ground.OWNERSHIP,
        )
        self._world.ledger.strike(line, kinds, source.id.hex, day)

    def _sharing(self, line: Line, among: list[Line], day: int) -> dict[str, Sharing]:
        return self._world.ledger.sharing(line, among, day - self._ladder.policy.dealer_days)

    # ---- Rings -------------------------------------------------------------------------------------------------

    def _propose(self, root: Line, case: Case, day: int) -> None:
        """A confirmed report goes over the links; one person proposes what is found, another decides about it."""
        world, policy, now = self._world, self._ladder.policy, at(day)
        found = self._linking.ring(root, at(day - world.judge.parameters.strike_days))
        if found is None:
            return
        ring, lines = found
        among = [lines[each.registration_id] for each in ring.members]
        facts = {
            line.registration: MemberFacts(
                Facts(line.is_open, at(line.since)), line.id, self._sharing(line, among, day)
            )
            for line in among
        }
        members = rules.plan(ring, facts, policy, now)
        proposed = rules.propose(self._found(case, ring, day), members, ring.score, PROPOSER, policy, now)
        world.tally.cases[Look.RING] += 1
        stops = [lines[each.registration_id] for each in members if each.step and not each.guard]
        is_scams, loop = 2 * sum(line.is_scam for line in stops) >= len(stops), self._p.loop
        if not world.chance.happens(loop.ring_confirms_scam if is_scams else loop.ring_confirms_honest):
            return
        approved = rules.approve(proposed, proposed.digest, rules.digest(members), APPROVER, now)
        source = Source(SourceKind.RING, approved.id)
        for member in approved.members:
            line = lines[member.registration_id]
            if member.step is not None:
                state = StepState.REFERRED if member.guard else StepState.IN_FORCE
                planned = Planned(member.step, state, None, member.guard)
                self._ladder.begin(line, planned, Ground.RING, source, day, PROPOSER)
            if member.guard is None:
                world.ledger.strike(line, member.strikes, source.id.hex, day)

    def _found(self, case: Case, ring: Ring, day: int) -> RingAction:
        self._rings += 1
        return RingAction(
            id=uid(Of.RING, self._rings),
            operator_id=case.report.operator_id,
            report_id=case.report.id,
            root=ring.root,
            digest="",
            score=ring.score,
            state=RingState.FOUND,
            found_at=at(day),
            expires_at=at(day) + self._ladder.policy.proposal,
            members=(),
        )

    # ---- Steps that wait for people ----------------------------------------------------------------------------

    def _referred(self, line: Line, action: LineAction, day: int) -> None:
        """What reports alone led to is decided with the report itself."""
        if action.ground is not Ground.REPORTED:
            self._on(day + self._p.loop.case_days, partial(self._decide, line, action))

    def _decide(self, line: Line, action: LineAction, day: int) -> None:
        if self._ladder.dossier(line).step(action).state is not StepState.REFERRED:
            return
        if self._ladder.decided(line, action, day, accepted=self._finds(line, Look.REFERRED)):
            if action.step.is_final:
                self._ended(line, day)
            self._strike(line, [line], action.ground, action.source, day)

    def _taken(self, line: Line, action: LineAction, day: int) -> None:
        """Whose line is held or suspended comes back once; a hold's day comes, too."""
        if action.step in (Step.HOLD, Step.SUSPEND):
            self._on(day + self._p.loop.holder_days, partial(self._returns, line, action))
        if action.step is Step.HOLD:
            self._on(day + self._ladder.policy.hold // DAY, partial(self._hold_is_over, line, action))

    def _returns(self, line: Line, action: LineAction, day: int) -> None:
        """The holder, whoever that is, comes once to be verified again where that may lift the hold, and appeals."""
        action = self._ladder.dossier(line).step(action)
        may_appeal = rules.may_appeal(action, self._ladder.policy, at(day))
        if line.is_back or not line.is_open or not may_appeal:
            return
        line.is_back = True
        self._world.came_back(line)
        lifts = action.step is Step.HOLD and self._ladder.real(line, day).reasons[-1:] == (REVERIFY_DUE,)
        if lifts and self._world.reverifies(line, day) is Verdict.APPROVED:
            self._ladder.reverified(line, day)
        elif not self._finds(line, Look.RETURNED):
            self._world.ledger.unstrike(line, action.source.id.hex)
            self._ladder.undo(line, action, "appeal-upheld", day)
        line.is_back = not self._ladder.may_call(line, day)

    def _hold_is_over(self, line: Line, action: LineAction, day: int) -> None:
        """The holder was not verified again by then: a person looks."""
        if not line.is_open or not self._ladder.dossier(line).step(action).is_in_force(at(day)):
            return
        if self._finds(line, Look.HOLD):
            is_victims = action.ground is Ground.OWNERSHIP
            reason = rules.line_reason(Step.CLOSE, action.ground) if is_victims else CONFIRMED
            self._close(line, reason, day, Stop.REPORTS)
        else:
            self._reinstate(line, "holder-explained", day)

    def _close(self, line: Line, reason: str, day: int, why: Stop) -> None:
        """A person ends a line, and says whether it was for scam."""
        if not line.is_open:
            return
        self._ladder.act(line, Action.CLOSE, reason, day, why)
        self._ended(line, day)
        for_scam, is_confirmed = ends_for_scam(reason)
        if for_scam:
            self._world.ledger.mark(line, day)
        if is_confirmed:
            self._world.ledger.strike(line, STRUCK_KINDS, BY_LINE, day)

    def _ended(self, line: Line, day: int) -> None:
        self._world.ledger.close(line, day)

    def _reinstate(self, line: Line, reason: str, day: int) -> None:
        self._ladder.reinstate(line, reason, day)
        self._world.ledger.lift(line, day)

    # ---- The owner is told -------------------------------------------------------------------------------------

    def held_by_owner(self, line: Line, day: int, *, waits: bool) -> bool:
        """Whether the owner's answer kept a new line from ever being in service; a later one is put on the agenda.
        ``waits``: it has full service some hours later."""
        if not self._arm.has(Measure.NOTICE) or line.taken_over is not None:
            return False
        told = self._owners.told(line, day)
        self._world.tally.notices += bool(told)
        application = line.application
        owner = application.person if application.strategy is None else application.owner
        # Who opened lines in another's name is told of the next one, too.
        if owner is None or not any(each.application.person == owner and not each.is_scam for each in told):
            return False
        return self._answers(line, day, told, waits=waits)

    def card_asked_for(self, line: Line, day: int) -> bool:
        """Somebody wants a card in the place of one that they say is lost: the holder is told, and nobody approves for
        a day. Whether the holder's answer came within it."""
        if not self._arm.has(Measure.NOTICE):
            return False
        self._world.tally.notices += 1
        if line.application.luck[2] >= self._p.notice.answers:
            return False
        in_time = self._world.chance.days_until(self._p.notice.mean_days) <= 1
        return in_time and self._finds(line, Look.DISOWNED, confirms=self._p.notice.confirms)

    def _answers(self, line: Line, day: int, told: list[Line], *, waits: bool) -> bool:
        notice, luck = self._p.notice, line.application.luck[2]
        answers = notice.answers if line.is_scam else notice.mistaken
        if luck >= answers:
            return False
        if waits and luck < answers * notice.within_hold:
            hours = timedelta(hours=self._world.judge.parameters.notice_hours)
            self._ladder.dossier(line, at(day) + hours)
            self._disowned(line, told, day)
            return self._is_not_theirs(line, day)
        later = day + self._world.chance.days_until(notice.mean_days)
        self._on(later, lambda at: self._disowned(line, told, at))
        return False

    def _disowned(self, line: Line, told: list[Line], day: int) -> None:
        """The line is held for a person; what the holder says of their papers is kept there and where they were
        told."""
        if not line.is_open:
            return
        chance, notice = self._world.chance, self._p.notice
        action = held_by(self._ladder.real(line, day))
        if action is not None:
            self._ladder.act(line, action, NOT_MINE, day, Stop.OWNER)
        said = {
            MarkKind.DOCUMENT_LOST: (notice.says_lost, FOR_EVER),
            MarkKind.FROZEN: (notice.freezes, FROZEN),
        }
        for kind, (share, lasts) in said.items():
            for each in [line, told[0]] if chance.happens(share) else ():
                self._world.gathering.mark(kind, each.operator, each.application.keys, day + lasts // DAY)
        self._on(day + self._p.loop.case_days, partial(self._is_not_theirs, line))

    def _is_not_theirs(self, line: Line, day: int) -> bool:
        """What a person says of a line that was disowned: if it is, it stays held; else it is given back."""
        if not line.is_open or line.is_disowned:
            return False
        line.is_disowned = True
        if not self._finds(line, Look.DISOWNED, confirms=self._p.notice.confirms):
            self._reinstate(line, "holder-explained", day)
            return False
        self._follow(line, Ground.OWNERSHIP, Source(SourceKind.REPORT, uid(Of.NOTICE, line.number)), day)
        return True


def _source(case: Case) -> Source:
    return Source(SourceKind.REPORT, case.report.id)


def _is_framed(case: Case) -> bool:
    """What a person finds out about reports that are false: who made them up."""
    return any(vote.line_id is not None and vote.line_id.int >> 96 == Of.FRAMER for vote in case.votes)
