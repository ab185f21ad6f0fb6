"""Steps on lines, by the real ladder (``service/response/rules``) and the life of a line (``service/lines/rules``).

What this does beside them is what ``service/response/workflow/actions.py`` does over its tables: the ledger of a line
and the line itself are kept together. What waits for its time or for a person is told to whoever keeps the days.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from service.lines import rules as lines
from service.lines.model import Action, LinePolicy, NewLine, State
from service.lines.model import Line as RealLine
from service.response import rules
from service.response.model import (
    Facts,
    Ground,
    LineAction,
    Planned,
    ResponsePolicy,
    Sent,
    Source,
    Step,
)
from service.response.model import State as StepState
from service.simulation.calendar import Of, at, day_of, uid
from service.simulation.ledger import Line
from service.simulation.tally import Stop

STAFF = "staff"
_WHY = {
    Ground.REPORTED: Stop.REPORTS,
    Ground.CONFIRMED: Stop.REPORTS,
    Ground.OWNERSHIP: Stop.OWNER,
    Ground.RING: Stop.RING,
}


@dataclass(slots=True, eq=False)
class Dossier:
    """A line as the lines' own rules know it, and its ledger of steps, from the first word about it on."""

    line: RealLine
    steps: list[LineAction] = field(default_factory=list)

    def step(self, of: LineAction) -> LineAction:
        """As it stands now."""
        return next(each for each in self.steps if each.id == of.id)


class Ladder:
    """``on(day, act)`` puts something on the agenda; ``stopped`` hears of a line that may call no more, and why;
    ``taken`` of a step that came into force, ``referred`` of one that waits for a person."""

    def __init__(
        self,
        policy: ResponsePolicy,
        on: Callable[[int, Callable[[int], object]], None],
        stopped: Callable[[Line, Stop], None],
        taken: Callable[[Line, LineAction, int], None],
        referred: Callable[[Line, LineAction, int], None],
    ) -> None:
        self.policy, self.lines = policy, LinePolicy()
        self._on, self._stopped, self._taken, self._referred = on, stopped, taken, referred
        self._made = 0

    # ---- The line ----------------------------------------------------------------------------------------------

    def dossier(self, line: Line, restricted_until: datetime | None = None) -> Dossier:
        """``restricted_until`` is a condition of the decision, of a line that is opened now."""
        if line.dossier is None:
            new = NewLine(
                registration_id=line.registration,
                subscriber_id=line.registration,
                msisdn="",
                iccid=None,
                country="ZZ",
                assurance="basic",
                restricted_until=restricted_until,
            )
            operator = uid(Of.OPERATOR, line.operator)
            opened, _ = lines.opened(new, line.id, operator, self.lines, at(line.opened))
            line.dossier = Dossier(replace(opened, holder_since=at(line.since)))
            if line.closed is not None:
                self.given_up(line, line.closed)
        return line.dossier

    def real(self, line: Line, day: int) -> RealLine:
        """As it stands on ``day``, with what time has done."""
        dossier = self.dossier(line)
        dossier.line, _ = lines.elapse(dossier.line, self.lines, at(day))
        return dossier.line

    def may_call(self, line: Line, day: int) -> bool:
        return line.is_open and (
            line.dossier is None or lines.conditions(self.real(line, day), self.lines).outgoing
        )

    def is_labelled(self, line: Line, day: int) -> bool:
        if line.dossier is None:
            return False
        return any(each.step is Step.LABEL and each.is_in_force(at(day)) for each in line.dossier.steps)

    def act(
        self, line: Line, action: Action, reason: str, day: int, why: Stop, until: datetime | None = None
    ) -> None:
        """What somebody asked of the line; StateConflict where its state forbids that."""
        dossier, now = self.dossier(line), at(day)
        real = self.real(line, day)
        dossier.line, _ = lines.advance(real, action, now, self.lines, reason=reason, until=until)
        if not lines.conditions(dossier.line, self.lines).outgoing:
            self._stopped(line, why)

    def given_up(self, line: Line, day: int) -> None:
        """By its holder, which stops nobody."""
        if line.dossier is not None and (real := self.real(line, day)).state.is_open:
            end = Action.CLOSE
            line.dossier.line, _ = lines.advance(real, end, at(day), self.lines, reason="holder-asked")

    def reinstate(self, line: Line, reason: str, day: int) -> None:
        """By a person: the ledger says so too (``Following`` of ``service/response/workflow``)."""
        if self.real(line, day).state in (State.RESTRICTED, State.SUSPENDED):
            self.act(line, Action.REINSTATE, reason, day, Stop.REPORTS)
        for each in [*self.dossier(line).steps]:
            if each.step is not Step.LABEL and each.is_in_force(at(day)):
                self._save(line, replace(each, state=StepState.LIFTED, due_at=None))

    def reverified(self, line: Line, day: int) -> None:
        """The holder has shown who they are again: that lifts a hold for this very reason and no other."""
        dossier = self.dossier(line)
        was = self.real(line, day).state
        dossier.line, _ = lines.reverified(dossier.line, "basic", at(day))
        if was is not State.ACTIVE and dossier.line.state is State.ACTIVE:
            self.reinstate(line, "reverified", day)

    # ---- Steps -------------------------------------------------------------------------------------------------

    def ask(self, line: Line, ground: Ground, source: Source, day: int) -> tuple[Planned, ...]:
        """Put on the ledger what follows on ``source``, and take what may be taken at once."""
        dossier, before = self.dossier(line), [*self.dossier(line).steps]
        facts = Facts(self.real(line, day).state.is_open, dossier.line.holder_since)
        planned = rules.asked(ground, before, facts, source, self.policy, at(day))
        begun = [self.begin(line, each, ground, source, day) for each in planned]
        waiting = [each for each in begun if each is not None and each.state is StepState.WAITING]
        for each in waiting:
            told = self._save(
                line, rules.after_notice(each, Sent(), is_last=True, policy=self.policy, now=at(day))
            )
            assert told.due_at is not None
            self._on(day_of(told.due_at), partial(self._due, line, told))
        return planned

    def begin(
        self, line: Line, planned: Planned, ground: Ground, source: Source, day: int, by: str = "system"
    ) -> LineAction | None:
        """One step onto the ledger, and in force where nothing is waited for; None where it is there already."""
        dossier = self.dossier(line)
        known = next((a for a in dossier.steps if a.source == source and a.step is planned.step), None)
        if known is not None and known.state is not StepState.UNDONE:
            return None
        self._made += 1
        action = LineAction(
            id=known.id if known else uid(Of.STEP, self._made),
            operator_id=dossier.line.operator_id,
            line_id=line.id,
            registration_id=line.registration,
            step=planned.step,
            ground=ground,
            source=source,
            state=StepState.REFERRED if planned.state is StepState.IN_FORCE else planned.state,
            at=at(day),
            by=by,
            guard=planned.guard,
            bar=planned.bar,
        )
        self._save(line, action)
        if planned.state is StepState.IN_FORCE:
            return self.take(line, action, day)
        if planned.state is StepState.REFERRED:
            self._referred(line, action, day)
        return action

    def take(self, line: Line, action: LineAction, day: int) -> LineAction:
        """In force from now, with the line made as strict as that; void where the line has ended."""
        real = self.real(line, day)
        if not real.state.is_open:
            return self._save(line, replace(action, state=StepState.VOID, due_at=None))
        action = rules.taken(action, self.policy, at(day))
        reason = rules.line_reason(action.step, action.ground)
        verbs = rules.impose(real, action.step, rules.bar_end(action), reason)
        was = rules.standing(real)
        for verb in verbs:
            self.act(line, verb.action, verb.reason, day, _WHY[action.ground], verb.until)
        action = self._save(line, replace(action, was=was, moved=bool(verbs)))
        self._taken(line, action, day)
        return action

    def decided(self, line: Line, action: LineAction, day: int, *, accepted: bool) -> bool:
        """A person's word on what was referred; whether it came into force."""
        action = self.dossier(line).step(action)
        if action.state is not StepState.REFERRED:
            return False
        action = self._save(line, rules.decided(action, accepted=accepted, staff=STAFF, now=at(day)))
        return accepted and self.take(line, action, day).state is StepState.IN_FORCE

    def undo(self, line: Line, action: LineAction, reason: str, day: int) -> None:
        """Take a step back; the line is left as the rest of the ledger wants it."""
        dossier = self.dossier(line)
        action = dossier.step(action)
        if action.undone_at is not None or action.state in (StepState.REFUSED, StepState.VOID):
            return
        if action.state is StepState.IN_FORCE:
            real, rest = self.real(line, day), [*dossier.steps]
            verbs = rules.loosen(real, action, rest, reason, at(day))
            for verb in verbs:
                self.act(line, verb.action, verb.reason, day, _WHY[action.ground], verb.until)
            for other, was in rules.inherits(action, rest, at(day), moved=bool(verbs)):
                self._save(line, replace(other, moved=True, was=was))
        self._save(line, rules.undone(action, reason, at(day)))

    def undo_source(self, line: Line, source: Source, day: int) -> None:
        for each in [*self.dossier(line).steps]:
            if each.source == source:
                self.undo(line, each, "report-dismissed", day)

    def _due(self, line: Line, action: LineAction, day: int) -> None:
        """The time after the notice is over. A line that has become long-tenured since goes to a person."""
        action = self.dossier(line).step(action)
        if action.state is not StepState.WAITING:
            return
        real = self.real(line, day)
        guard = rules.guard_of(Facts(real.state.is_open, real.holder_since), self.policy, at(day))
        if guard is None or not real.state.is_open:
            self.take(line, action, day)
        else:
            self._referred(line, self._save(line, rules.referred(action, guard)), day)

    def _save(self, line: Line, action: LineAction) -> LineAction:
        steps = self.dossier(line).steps
        for place, each in enumerate(steps):
            if each.id == action.id:
                steps[place] = action
                return action
        steps.append(action)
        return action
