"""The ladder: which step follows on what, what it does to the line, how it ends, who may judge an appeal.

Pure functions over the ledger of one line; the instant is passed in. Nothing here closes a line by itself, and nothing
makes a line looser than somebody else left it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from service.kit.errors import StateConflict
from service.lines.model import AWAITING_CODE, RESERVED, REVERIFY_DUE, Action, Line
from service.lines.model import State as LineState
from service.response.model import (
    Facts,
    Ground,
    Guard,
    LineAction,
    Mark,
    NotSent,
    Planned,
    ResponsePolicy,
    SecondPersonNeeded,
    Sent,
    Standing,
    State,
    Step,
)

AS_BEFORE = "as-before"
"""The reason under which a line goes back to a restriction of the house, whose own reasons nobody may give."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb of the lines with the end and the reason that it is given."""

    action: Action
    until: datetime | None
    reason: str


_REASON = {
    Ground.REPORTED: "reported",
    Ground.CONFIRMED: "report-confirmed",
    Ground.OWNERSHIP: "not-mine-confirmed",
    Ground.RING: "ring-confirmed",
}
OURS = frozenset({*_REASON.values(), REVERIFY_DUE})
_GUARD = {Mark.BUSINESS: Guard.BUSINESS, Mark.PUBLIC_SERVICE: Guard.PUBLIC_SERVICE}


def line_reason(step: Step, ground: Ground) -> str:
    """The reason code that a line carries. None of them is one of the codes that strike by themselves: strikes are
    put and undone by their source."""
    return REVERIFY_DUE if step is Step.HOLD else _REASON[ground]


def reason_of(action: LineAction) -> str:
    """The reason code of an entry, as the line carries it."""
    return action.reason or line_reason(action.step, action.ground)


def guard_of(facts: Facts, policy: ResponsePolicy, now: datetime) -> Guard | None:
    """Why a person comes first, the gravest reason first."""
    for mark in (Mark.PUBLIC_SERVICE, Mark.BUSINESS):
        if mark in facts.marks:
            return _GUARD[mark]
    return Guard.TENURED if now - facts.holder_since >= policy.tenure else None


def breaches(ledger: Iterable[LineAction], source: object, policy: ResponsePolicy, now: datetime) -> int:
    """How many other sources led to more than a label within the memory, and were not undone since. An act by hand is
    no breach: most have nothing to do with reports."""
    return len(
        {
            each.source
            for each in ledger
            if each.source != source
            and each.step is not Step.LABEL
            and each.ground is not Ground.HAND
            and each.state in (State.IN_FORCE, State.LIFTED)
            and each.taken_at is not None
            and now - each.taken_at < policy.memory
        }
    )


def asked(
    ground: Ground,
    ledger: Sequence[LineAction],
    facts: Facts,
    source: object,
    policy: ResponsePolicy,
    now: datetime,
) -> tuple[Planned, ...]:
    """What follows on ``source``. Reports alone lead to a label, and to a restriction that waits for its notice."""
    if not facts.is_open:
        return ()
    before = breaches(ledger, source, policy, now)
    steps: list[Planned] = []
    if ground is Ground.REPORTED:
        bar = policy.bars[min(before, len(policy.bars) - 1)]
        steps = [
            Planned(Step.LABEL, State.IN_FORCE, policy.label),
            Planned(Step.RESTRICT, State.WAITING, bar),
        ]
        if before >= policy.repeats:
            steps.append(Planned(Step.HOLD, State.REFERRED, None, Guard.REPEATED))
    else:
        step = policy.on_confirmed[min(before, len(policy.on_confirmed) - 1)]
        steps = [Planned(step, State.IN_FORCE)]
        if before >= policy.repeats:
            steps.append(Planned(Step.CLOSE, State.REFERRED, None, Guard.FINAL))
    guard = guard_of(facts, policy, now)
    if guard is None:
        return tuple(steps)
    return tuple(replace(each, state=State.REFERRED, guard=each.guard or guard) for each in steps)


def standing(line: Line) -> Standing | None:
    """How the line stands, where it is barred by more than its own code that is still to come."""
    if line.state not in (LineState.RESTRICTED, LineState.SUSPENDED) or line.reasons == (AWAITING_CODE,):
        return None
    return Standing(line.state.value, line.reasons[-1], line.held_until)


def impose(line: Line, step: Step, until: datetime | None, reason: str) -> tuple[Verb, ...]:
    """The verbs that make ``line`` as strict as ``step`` asks until ``until``; none where it is already.

    From restricted to restricted, and from suspended to suspended, leads by way of the other: the lines know no other
    way to a new end. It is one transaction, and the network is told the last state alone.
    """
    if step is Step.LABEL or not line.state.is_open:
        return ()
    if step is Step.CLOSE:
        return (Verb(Action.CLOSE, None, reason),)
    wanted = LineState.SUSPENDED if step is Step.SUSPEND else LineState.RESTRICTED
    stands = standing(line)
    if stands is None or (stands.state != wanted and wanted is LineState.SUSPENDED):
        return _way(line, wanted, until, reason)
    lasts = stands.until is None or (until is not None and stands.until >= until)
    # Suspended for a shorter while than the restriction is to last: until it ends, restricted would be milder.
    return () if lasts or stands.state != wanted else _way(line, wanted, until, reason)


def _way(line: Line, wanted: LineState, until: datetime | None, reason: str) -> tuple[Verb, ...]:
    verb, other = Action.RESTRICT, Action.SUSPEND
    if wanted is LineState.SUSPENDED:
        verb, other = other, verb
    around = (Verb(other, None, reason),) if line.state is wanted else ()
    return (*around, Verb(verb, until, reason))


def asserts_at(line: Line, action: LineAction) -> datetime | None:
    """When ``action``, which found the line suspended, must look again: the suspension ends before it does."""
    if action.moved or action.step not in (Step.RESTRICT, Step.HOLD) or line.state is not LineState.SUSPENDED:
        return None
    ends = line.held_until
    return None if ends is None or (bar_end(action) or ends) < ends else ends


def strictest(actions: Iterable[LineAction], now: datetime) -> LineAction | None:
    """Of the ladder's steps in force the one that bars most, and longest. Acts by hand are left out: how a line stood
    is kept with the step that changed it (``was``)."""

    def weight(each: LineAction) -> tuple[bool, bool, float]:
        end = bar_end(each)
        return each.step is Step.SUSPEND, end is None, 0 if end is None else end.timestamp()

    barring = (Step.RESTRICT, Step.HOLD, Step.SUSPEND)
    return max(
        (a for a in actions if a.is_in_force(now) and a.step in barring and a.ground is not Ground.HAND),
        key=weight,
        default=None,
    )


def label_until(actions: Iterable[LineAction], now: datetime) -> datetime | None:
    """When the last of the labels in force ends; None where there is none."""
    ends = (a.until for a in actions if a.step is Step.LABEL and a.is_in_force(now))
    return max((end for end in ends if end is not None), default=None)


def bar_end(action: LineAction) -> datetime | None:
    """The end that the line is given: none for a hold, which ends by verification."""
    return None if action.step is Step.HOLD else action.until


def _standing_of(action: LineAction) -> Standing:
    state = LineState.SUSPENDED if action.step is Step.SUSPEND else LineState.RESTRICTED
    return Standing(state.value, reason_of(action), bar_end(action))


def loosen(
    line: Line, action: LineAction, rest: Iterable[LineAction], reason: str, now: datetime
) -> tuple[Verb, ...]:
    """The verbs that take ``action`` off the line and leave it as the ``rest`` of the ledger wants it, or as it stood.

    None where the action changed nothing, or where somebody has acted on the line since.
    """
    if not action.moved or standing(line) != _standing_of(action):
        return ()
    left = strictest((each for each in rest if each.id != action.id), now)
    if left is not None:
        wanted = LineState.SUSPENDED if left.step is Step.SUSPEND else LineState.RESTRICTED
        return _way(line, wanted, bar_end(left), reason_of(left))
    was = action.was
    if was is None or was.reason in OURS or (was.until is not None and was.until <= now):
        return (Verb(Action.REINSTATE, None, reason),)
    return _way(line, LineState(was.state), was.until, AS_BEFORE if was.reason in RESERVED else was.reason)


def inherits(
    action: LineAction, rest: Sequence[LineAction], now: datetime, *, moved: bool
) -> tuple[tuple[LineAction, Standing | None], ...]:
    """Which other entries stand on the line in place of ``action`` once it is taken back, and how the line stood before
    them. ``moved``: taking it back changed the line, so that the strictest of the rest is what bars it now."""
    others = [each for each in rest if each.id != action.id]
    if moved:
        left = strictest(others, now)
        return () if left is None or left.moved else ((left, action.was),)
    if not action.moved:
        return ()  # nobody found the line as this one left it, though another may have left it just so
    ours = _standing_of(action)
    return tuple((each, action.was) for each in others if each.moved and each.was == ours)


def taken(action: LineAction, policy: ResponsePolicy, now: datetime) -> LineAction:
    """In force from now. A line is closed by a person who decided it or not at all: else it is our bug."""
    assert action.decided_by is not None or not action.step.is_final, "nothing closes a line by itself"
    length = policy.hold if action.step is Step.HOLD else action.bar
    return replace(
        action,
        state=State.IN_FORCE,
        taken_at=now,
        until=None if length is None else now + length,
        due_at=None,
    )


def after_notice(
    action: LineAction, outcome: Sent | NotSent, *, is_last: bool, policy: ResponsePolicy, now: datetime
) -> LineAction:
    """A notice was sent, or cannot be (``is_last``: it is not tried again). What waits for it begins after the declared
    time, or goes to a person."""
    if isinstance(outcome, Sent):
        waits = action.state is State.WAITING and action.due_at is None
        due = now + policy.notice if waits else action.due_at
        return replace(action, notice_at=action.notice_at or now, due_at=due)
    if is_last and action.state is State.WAITING:
        return replace(action, state=State.REFERRED, guard=Guard.UNREACHED)
    return action


def referred(action: LineAction, guard: Guard) -> LineAction:
    """What waited for its time goes to a person instead."""
    return replace(action, state=State.REFERRED, guard=guard, due_at=None)


def decided(action: LineAction, *, accepted: bool, staff: str, now: datetime) -> LineAction:
    """A person looked at what was referred. Accepted, it is to be taken at once. StateConflict where it waits for
    nobody."""
    if action.state is not State.REFERRED:
        raise StateConflict(action.state.value, [])
    state = State.REFERRED if accepted else State.REFUSED
    return replace(action, state=state, decided_by=staff, decided_at=now)


def undone(action: LineAction, reason: str, now: datetime) -> LineAction:
    """Taken back. What is final stays: the line is gone, and the entry says that it was wrong."""
    state = action.state if action.step.is_final and action.state is State.IN_FORCE else State.UNDONE
    return replace(action, state=state, undone_at=now, undone_reason=reason, due_at=None)


# Appeals


def may_appeal(action: LineAction, policy: ResponsePolicy, now: datetime) -> bool:
    """Once, while it is in force, or as soon as it is announced to the holder, within the time."""
    waits = action.state is State.WAITING
    since = action.notice_at if waits else action.taken_at
    return (
        action.appealed_at is None
        and action.undone_at is None
        and since is not None
        and now - since < policy.appeal_within
        and (waits or action.is_in_force(now))
    )


def refuse_appeal(action: LineAction, staff: str) -> None:
    """Raises StateConflict where nothing waits, SecondPersonNeeded for whoever acted."""
    if action.appealed_at is None or action.appeal_outcome is not None:
        raise StateConflict("not-appealed" if action.appealed_at is None else "judged", [])
    if staff in (action.by, action.decided_by):
        raise SecondPersonNeeded()
