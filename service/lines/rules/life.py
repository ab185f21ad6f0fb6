"""Judgement on the life of a line: which change is legal, what time alone does, whether a number is free.

Pure functions over :class:`~service.lines.model.Line`; the instant is passed in.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from service.kit.clock import rfc3339
from service.kit.errors import InvalidRequest, StateConflict
from service.lines.model import (
    ASSURANCES,
    AWAITING_CODE,
    CODE_NEVER_CAME,
    PROBATION,
    REPORTED,
    REVERIFY_DUE,
    SERVICE_ENDED,
    Action,
    Change,
    Conditions,
    Failed,
    Line,
    LinePolicy,
    ListedForStaff,
    NewLine,
    NumberInQuarantine,
    NumberInUse,
    NumberNotAllowed,
    RetryAt,
    RetryPolicy,
    SimInUse,
    SimNotInStock,
    State,
    StockAnswer,
)
from service.lines.rules import probation

ACTIVATED, RESTRICTED, SUSPENDED, REINSTATED, CLOSED = (
    "activated",
    "restricted",
    "suspended",
    "reinstated",
    "closed",
)
SIM_CHANGED, REVERIFIED = "sim-changed", "reverified"

_ALLOWED: dict[State, tuple[Action, ...]] = {
    State.ACTIVE: (Action.RESTRICT, Action.SUSPEND, Action.CLOSE),
    State.RESTRICTED: (Action.SUSPEND, Action.REINSTATE, Action.CLOSE),
    # From suspended to restricted in one step: by way of active, a scammer would have full service between.
    State.SUSPENDED: (Action.RESTRICT, Action.REINSTATE, Action.CLOSE),
    State.QUARANTINED: (),
    State.CLOSED: (),
}


def opened(
    new: NewLine, line_id: UUID, operator_id: UUID, policy: LinePolicy, now: datetime
) -> tuple[Line, list[Change]]:
    """The first state of a line: active, or restricted while its own code is owed or a condition runs."""
    held = new.restricted_until if new.restricted_until and new.restricted_until > now else None
    reasons = (AWAITING_CODE,) * new.awaits_code + (PROBATION,) * (held is not None)
    state = State.RESTRICTED if reasons else State.ACTIVE
    line = Line(
        id=line_id,
        operator_id=operator_id,
        subscriber_id=new.subscriber_id,
        registration_id=new.registration_id,
        state=state,
        reasons=reasons,
        assurance=new.assurance,
        country=new.country,
        holder_since=now,
        dealer_id=new.dealer_id,
        active_since=None if reasons else now,
        service_until=new.service_until,
        held_until=held,
        awaiting_until=now + policy.awaiting_code if new.awaits_code else None,
    )
    if new.probation_until is not None and new.probation_until > now:
        line = probation.begun(line, new.probation_until, now)
    return line, [Change(RESTRICTED, reasons[0])] if reasons else [Change(ACTIVATED)]


def allowed(line: Line) -> tuple[Action, ...]:
    """The actions that anyone may ask for now. A line that only owes its code is not reinstated by hand."""
    actions = _ALLOWED[line.state]
    if line.state is State.RESTRICTED and line.reasons == (AWAITING_CODE,):
        return tuple(action for action in actions if action is not Action.REINSTATE)
    return actions


def advance(
    line: Line,
    action: Action,
    now: datetime,
    policy: LinePolicy,
    *,
    reason: str,
    until: datetime | None = None,
) -> tuple[Line, list[Change]]:
    """Do what somebody asked. Raises StateConflict where the state forbids it, InvalidRequest for ``until``."""
    if action not in allowed(line):
        raise StateConflict(line.state.value, [action.value for action in allowed(line)])
    if until is not None:
        if action not in (Action.RESTRICT, Action.SUSPEND):
            raise InvalidRequest("/until", "not-applicable", "Only restrict and suspend end at an instant.")
        if until <= now:
            raise InvalidRequest("/until", "in-the-past", "This must be an instant in the future.")
    match action:
        case Action.RESTRICT | Action.SUSPEND:
            state = State.RESTRICTED if action is Action.RESTRICT else State.SUSPENDED
            owed = (AWAITING_CODE,) * line.is_awaiting_code
            line = replace(line, state=state, reasons=(*owed, reason), held_until=until)
            return line, [Change(state.value, reason)]
        case Action.REINSTATE:
            return _reinstate(line, reason, now)
        case Action.CLOSE:
            return _close(line, reason, policy, now)


def _reinstate(line: Line, reason: str, now: datetime) -> tuple[Line, list[Change]]:
    """Lift what was imposed. What the line still owes (its code) stays."""
    line = replace(line, held_until=None)
    if line.is_awaiting_code:
        return replace(line, state=State.RESTRICTED, reasons=(AWAITING_CODE,)), [Change(REINSTATED, reason)]
    first = line.active_since is None
    line = replace(line, state=State.ACTIVE, reasons=(), active_since=line.active_since or now)
    return line, [Change(REINSTATED, reason), *([Change(ACTIVATED)] if first else [])]


def _close(line: Line, reason: str, policy: LinePolicy, now: datetime) -> tuple[Line, list[Change]]:
    rests = policy.quarantine.total_seconds() > 0
    line = replace(
        line,
        state=State.QUARANTINED if rests else State.CLOSED,
        reasons=(reason,),
        held_until=None,
        labelled_until=None,
        awaiting_until=None,
        quarantine_until=now + policy.quarantine if rests else None,
        closed_at=now,
    )
    return line, [Change(CLOSED, reason)]


def prove(line: Line, now: datetime) -> tuple[Line, list[Change]]:
    """The line's own code was verified. A line that owes none is returned as it is."""
    if not line.state.is_open or not line.is_awaiting_code:
        return line, []
    left = tuple(reason for reason in line.reasons if reason != AWAITING_CODE)
    line = replace(line, awaiting_until=None, reasons=left)
    if left:
        return line, []
    return replace(line, state=State.ACTIVE, active_since=line.active_since or now), [Change(ACTIVATED)]


def refuse_sim_change(line: Line) -> None:
    """Raises StateConflict unless the line is in full service."""
    if line.state is not State.ACTIVE:
        raise StateConflict(line.state.value, [State.ACTIVE.value])


def refuse_reverification(line: Line) -> None:
    """Raises StateConflict unless the holder still has the line; one that is held may be confirmed again."""
    if not line.state.is_open:
        raise StateConflict(line.state.value, [State.ACTIVE.value])


def sim_changed(line: Line, policy: LinePolicy, now: datetime) -> tuple[Line, list[Change]]:
    """The line has another card. Raises StateConflict. A young or dormant line begins its probation again."""
    refuse_sim_change(line)
    again, changes = probation.restarted(line, probation.SIM_CHANGED, policy.probation, now)
    return replace(again, sim_changed_at=now), [Change(SIM_CHANGED), *changes]


def reverified(line: Line, assurance: str, now: datetime) -> tuple[Line, list[Change]]:
    """The holder has shown who they are again. Assurance only rises; a hold for this very reason is lifted, and
    no other; what is substantial ends a probation. Raises StateConflict where the line is closed."""
    refuse_reverification(line)
    line = replace(line, assurance=max(line.assurance, assurance, key=ASSURANCES.index))
    changes = [Change(REVERIFIED)]
    if line.state is not State.ACTIVE and line.reasons[-1:] == (REVERIFY_DUE,):
        line, more = _reinstate(line, REVERIFY_DUE, now)
        changes += more
    line, more = probation.assured(line, assurance)
    return line, [*changes, *more]


def labelled(line: Line, until: datetime | None) -> Line:
    """With a label until then, or without one; a line that is closed carries none."""
    return replace(line, labelled_until=until if line.state.is_open else None)


def due_at(line: Line) -> datetime | None:
    """The next instant at which time alone changes this line."""
    if line.state is State.QUARANTINED:
        return line.quarantine_until
    if line.state is State.CLOSED:
        return None
    instants = (line.held_until, line.labelled_until, line.awaiting_until, line.service_until)
    return min((at for at in instants if at is not None), default=None)


def elapse(line: Line, policy: LinePolicy, now: datetime) -> tuple[Line, list[Change]]:
    """What time did up to ``now``, in the order in which it fell due. Asked twice, the second says nothing."""
    changes: list[Change] = []
    while (at := due_at(line)) is not None and at <= now:
        more: list[Change] = []
        if line.state is State.QUARANTINED:
            line = replace(line, state=State.CLOSED, quarantine_until=None)
        elif at == line.awaiting_until:
            line, more = _close(line, CODE_NEVER_CAME, policy, now)
        elif at == line.service_until:
            line, more = _close(line, SERVICE_ENDED, policy, now)
        elif at == line.labelled_until:
            line = replace(line, labelled_until=None)
        else:
            line, more = _lapse(line, now)
        changes += more
    return line, changes


def _lapse(line: Line, now: datetime) -> tuple[Line, list[Change]]:
    """A restriction or suspension reached its end. A first activation is told as that, not as a return."""
    line, changes = _reinstate(line, line.reasons[-1], now)
    if Change(ACTIVATED) in changes:
        return line, [Change(ACTIVATED)]
    return line, changes


def refuse_taken(on_number: Iterable[Line], on_sim: Iterable[Line], now: datetime) -> None:
    """Whether number and card may have a new line, given every line that was ever on them.

    Raises NumberInUse, NumberInQuarantine or SimInUse. A quarantine that is over counts as over even
    before the job has written so.
    """
    for line in on_number:
        if line.state.is_open:
            raise NumberInUse()
        rests = line.quarantine_until
        if line.state is State.QUARANTINED and rests is not None and rests > now:
            raise NumberInQuarantine(free_at=rfc3339(rests))
    if any(line.state.is_open for line in on_sim):
        raise SimInUse()


def refuse_stock(answer: StockAnswer) -> None:
    """Raises NumberNotAllowed or SimNotInStock. Which of ours, allotted, unused failed stays inside."""
    if not answer.number.may_be_sold:
        raise NumberNotAllowed()
    if answer.sim is not None and not answer.sim.may_be_sold:
        raise SimNotInStock()


def refuse_sim_stock(answer: StockAnswer) -> None:
    """As :func:`refuse_stock`, of the card alone: the number is in use, or comes from another network."""
    if answer.sim is not None and not answer.sim.may_be_sold:
        raise SimNotInStock()


def conditions(line: Line, policy: LinePolicy | None = None) -> Conditions:
    """What the network is to let this line do. Restricted keeps incoming; only a closed line is cut off; on
    probation premium numbers are barred and the callees of a day are counted. A label bars nothing."""
    on_probation = probation.is_on(line)
    budget = (policy or LinePolicy()).probation.callees
    return Conditions(
        connected=line.state.is_open,
        outgoing=line.state is State.ACTIVE,
        incoming=line.state in (State.ACTIVE, State.RESTRICTED),
        premium=not on_probation,
        callees_a_day=budget if on_probation else None,
        label=REPORTED if line.state.is_open and line.labelled_until is not None else None,
    )


def first_conditions(new: NewLine, now: datetime, policy: LinePolicy | None = None) -> Conditions:
    """The conditions with which a new line is brought up: those of the state that :func:`opened` gives it."""
    nobody = UUID(int=0)
    policy = policy or LinePolicy()
    return conditions(opened(new, nobody, nobody, policy, now)[0], policy)


def after_failure(
    failed: Failed, attempts: int, subject: UUID, policy: RetryPolicy, now: datetime
) -> RetryAt | ListedForStaff:
    """What follows the ``attempts``-th failure (from 1) of work on ``subject`` against the network.

    The delay doubles and is spread by up to a fifth, from the subject's id and the attempt, so that the
    orders that failed together do not come back together.
    """
    if not failed.retryable or attempts >= policy.attempts:
        return ListedForStaff(failed.code)
    delay = min(policy.first * 2 ** min(attempts - 1, 20), policy.longest)
    spread = (subject.int + attempts * 97) % 256 / 255 * 0.2
    return RetryAt(now + delay * (1 - spread))
