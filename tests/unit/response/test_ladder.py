"""The ladder's state machine: whatever comes in whatever order, nothing closes by itself and nothing gets looser."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.kit.errors import StateConflict
from service.lines.model import Action, Line, LinePolicy
from service.lines.model import State as LineState
from service.lines.rules import advance
from service.response import rules
from service.response.model import (
    Facts,
    Ground,
    Guard,
    LineAction,
    Mark,
    NotSent,
    ResponsePolicy,
    SecondPersonNeeded,
    Sent,
    Source,
    SourceKind,
    Standing,
    State,
    Step,
)

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = ResponsePolicy()
ONE = UUID(int=1)
FRESH = Facts(True, NOW - DAY)


def source(n: int) -> Source:
    return Source(SourceKind.REPORT, UUID(int=n))


def entry(step: Step, n: int = 1, state: State = State.IN_FORCE, **more: object) -> LineAction:
    made = LineAction(
        UUID(int=n * 10 + step.rank),
        ONE,
        ONE,
        ONE,
        step,
        Ground.REPORTED,
        source(n),
        state,
        NOW,
        taken_at=NOW,
    )
    return replace(made, **more)  # type: ignore[arg-type]  # the names are the fields'


def line(state: LineState = LineState.ACTIVE, reason: str = "scam", until: datetime | None = None) -> Line:
    barred = state in (LineState.RESTRICTED, LineState.SUSPENDED)
    return Line(
        ONE, ONE, ONE, ONE, state, (reason,) if barred else (), "basic", "DE", NOW,
        active_since=NOW, held_until=until if barred else None,
    )  # fmt: skip


def walk(start: Line, verbs: tuple[rules.Verb, ...]) -> Line:
    """By the law of the lines themselves, which refuses what is not allowed."""
    for verb in verbs:
        start, _ = advance(start, verb.action, NOW, LinePolicy(), reason=verb.reason, until=verb.until)
    return start


STEPS = st.sampled_from(list(Step))
ENDS = st.one_of(st.none(), st.integers(1, 100).map(lambda days: NOW + days * DAY))
LINES = st.builds(
    line,
    st.sampled_from([LineState.ACTIVE, LineState.RESTRICTED, LineState.SUSPENDED]),
    st.sampled_from(["holder-asked", "scam"]),
    ENDS,
)
LEDGERS = st.lists(
    st.builds(
        entry,
        STEPS,
        st.integers(1, 6),
        st.sampled_from(list(State)),
        until=ENDS,
        taken_at=st.one_of(st.none(), st.integers(0, 500).map(lambda days: NOW - days * DAY)),
    ),
    max_size=8,
)
FACTS = st.builds(
    Facts,
    st.booleans(),
    st.integers(0, 800).map(lambda days: NOW - days * DAY),
    st.frozensets(st.sampled_from(list(Mark))),
)


def bars(found: Line) -> tuple[int, float]:
    """How strict, and for how long."""
    rank = [LineState.ACTIVE, LineState.RESTRICTED, LineState.SUSPENDED, LineState.QUARANTINED].index(
        found.state
    )
    return rank, 1e12 if found.held_until is None else found.held_until.timestamp()


@settings(max_examples=150)
@given(st.sampled_from(list(Ground)), LEDGERS, FACTS, st.integers(1, 9))
def test_reports_alone_never_bar_at_once_and_nothing_closes_by_itself(
    ground: Ground, ledger: list[LineAction], facts: Facts, n: int
) -> None:
    planned = rules.asked(ground, ledger, facts, source(n), POLICY, NOW)
    for each in planned:
        if each.step is Step.CLOSE:
            assert each.state is State.REFERRED
        if ground is Ground.REPORTED and each.step is not Step.LABEL:
            assert each.state in (State.WAITING, State.REFERRED)
        if ground is Ground.REPORTED and each.step.rank > Step.RESTRICT.rank:
            assert each.state is State.REFERRED
    if not facts.is_open:
        assert planned == ()
    guarded = facts.marks or NOW - facts.holder_since >= POLICY.tenure
    if guarded:
        assert {each.state for each in planned} <= {State.REFERRED}
        assert all(each.guard for each in planned)


@settings(max_examples=150)
@given(LINES, STEPS, ENDS)
def test_imposing_is_legal_and_never_looser(start: Line, step: Step, until: datetime | None) -> None:
    verbs = rules.impose(start, step, until, "reported")
    after = walk(start, verbs)
    assert bars(after)[0] >= bars(start)[0]
    if bars(after)[0] == bars(start)[0]:
        assert bars(after)[1] >= bars(start)[1]
    if step is Step.SUSPEND:
        assert after.state is LineState.SUSPENDED
        assert bars(after)[1] >= (1e12 if until is None else until.timestamp())
    assert rules.impose(after, step, until, "reported") == () or step is Step.CLOSE


@settings(max_examples=150)
@given(
    LINES,
    st.lists(st.tuples(STEPS.filter(lambda s: s is not Step.CLOSE), st.integers(1, 60)), max_size=4),
    st.data(),
)
def test_taken_back_in_any_order_the_line_stands_as_it_stood(
    start: Line, asked: list[tuple[Step, int]], data: st.DataObject
) -> None:
    now, ledger = start, []
    for n, (step, days) in enumerate(asked, 1):
        action = rules.taken(entry(step, n, State.REFERRED, bar=days * DAY), POLICY, NOW)
        verbs = rules.impose(now, step, rules.bar_end(action), rules.line_reason(step, action.ground))
        ledger.append(replace(action, moved=bool(verbs), was=rules.standing(now)))
        now = walk(now, verbs)
    left = list(ledger)
    for _ in ledger:
        action = left.pop(data.draw(st.integers(0, len(left) - 1)))
        verbs = rules.loosen(now, action, [action, *left], "mistake", NOW)
        now = walk(now, verbs)
        changed = {
            each.id: replace(each, moved=True, was=was)
            for each, was in rules.inherits(action, [action, *left], NOW, moved=bool(verbs))
        }
        left = [changed.get(each.id, each) for each in left]
        strict = rules.strictest(left, NOW)
        if strict is not None:
            assert bars(now)[0] >= (2 if strict.step is Step.SUSPEND else 1)
    assert (now.state, now.reasons, now.held_until) == (start.state, start.reasons, start.held_until)


def test_what_changed_nothing_passes_nothing_on() -> None:
    """Of three suspensions the third is as long as the first: taking it back does not touch what the second found."""
    asked = Standing("restricted", "holder-asked", None)
    ends = (NOW + 2 * DAY, NOW + 3 * DAY, NOW + 2 * DAY)
    first, second, third = (entry(Step.SUSPEND, n, until=end) for n, end in enumerate(ends, 1))
    first = replace(first, moved=True, was=asked)
    second = replace(second, moved=True, was=Standing("suspended", "reported", ends[0]))
    third = replace(third, moved=False, was=Standing("suspended", "reported", ends[1]))
    assert rules.inherits(third, [first, second, third], NOW, moved=False) == ()
    [(heir, was)] = rules.inherits(first, [first, second, third], NOW, moved=False)
    assert (heir.id, was) == (second.id, asked)


def test_what_somebody_did_since_stays() -> None:
    action = replace(entry(Step.RESTRICT, until=NOW + DAY), moved=True)
    for other in (
        line(LineState.RESTRICTED, "holder-asked", NOW + DAY),
        line(LineState.SUSPENDED, "reported", NOW + DAY),
        line(LineState.RESTRICTED, "reported", NOW + 2 * DAY),
        line(),
    ):
        assert rules.loosen(other, action, [action], "mistake", NOW) == ()


@pytest.mark.parametrize(("before", "days"), [(0, 15), (1, 30), (2, 90), (5, 90)])
def test_bars_grow(before: int, days: int) -> None:
    ledger = [entry(Step.RESTRICT, n + 2) for n in range(before)]
    planned = rules.asked(Ground.REPORTED, ledger, FRESH, source(1), POLICY, NOW)
    assert planned[1].bar == days * DAY


def test_what_was_undone_or_is_long_ago_is_no_breach() -> None:
    ledger = [
        entry(Step.RESTRICT, 2, State.UNDONE),
        entry(Step.RESTRICT, 3, taken_at=NOW - 366 * DAY),
        entry(Step.LABEL, 4),
        entry(Step.RESTRICT, 5, State.WAITING, taken_at=None),
        entry(Step.RESTRICT, 1),
    ]
    assert rules.breaches(ledger, source(1), POLICY, NOW) == 0
    assert rules.breaches([*ledger, entry(Step.HOLD, 6, State.LIFTED)], source(1), POLICY, NOW) == 1


def test_a_notice_begins_the_waiting_once() -> None:
    waits = entry(Step.RESTRICT, state=State.WAITING, taken_at=None)
    told = rules.after_notice(waits, Sent(), is_last=True, policy=POLICY, now=NOW)
    assert (told.notice_at, told.due_at) == (NOW, NOW + POLICY.notice)
    again = rules.after_notice(told, Sent(), is_last=True, policy=POLICY, now=NOW + DAY)
    assert again == told
    lost = rules.after_notice(waits, NotSent(True, "busy"), is_last=True, policy=POLICY, now=NOW)
    assert (lost.state, lost.guard) == (State.REFERRED, Guard.UNREACHED)
    assert rules.after_notice(waits, NotSent(True, "busy"), is_last=False, policy=POLICY, now=NOW) == waits


def test_only_a_person_closes() -> None:
    close = entry(Step.CLOSE, state=State.REFERRED)
    with pytest.raises(AssertionError):
        rules.taken(close, POLICY, NOW)
    said = rules.decided(close, accepted=True, staff="ann", now=NOW)
    assert rules.taken(said, POLICY, NOW).state is State.IN_FORCE
    assert rules.undone(rules.taken(said, POLICY, NOW), "mistake", NOW).state is State.IN_FORCE
    with pytest.raises(ValueError, match="never automatic"):
        ResponsePolicy(on_confirmed=(Step.HOLD, Step.CLOSE))


@pytest.mark.parametrize("state", [each for each in State if each is not State.REFERRED])
def test_only_what_was_referred_is_decided(state: State) -> None:
    with pytest.raises(StateConflict):
        rules.decided(entry(Step.HOLD, state=state), accepted=True, staff="ann", now=NOW)


def test_an_appeal_is_made_once_in_time_and_judged_by_another() -> None:
    action = entry(Step.HOLD, by="ann", decided_by="ben")
    assert rules.may_appeal(action, POLICY, NOW + 29 * DAY)
    assert not rules.may_appeal(action, POLICY, NOW + 30 * DAY)
    assert not rules.may_appeal(entry(Step.RESTRICT, until=NOW), POLICY, NOW)
    announced = entry(Step.RESTRICT, state=State.WAITING, taken_at=None)
    assert not rules.may_appeal(announced, POLICY, NOW), "the holder was not told yet"
    assert rules.may_appeal(replace(announced, notice_at=NOW), POLICY, NOW)
    with pytest.raises(StateConflict):
        rules.refuse_appeal(action, "eve")
    appealed = replace(action, appealed_at=NOW)
    assert not rules.may_appeal(appealed, POLICY, NOW)
    for who in ("ann", "ben"):
        with pytest.raises(SecondPersonNeeded):
            rules.refuse_appeal(appealed, who)
    rules.refuse_appeal(appealed, "eve")
    with pytest.raises(StateConflict):
        rules.refuse_appeal(replace(appealed, appeal_outcome="upheld"), "eve")


def test_restrictions_are_verbs_that_lines_know() -> None:
    assert {verb.action for verb in rules.impose(line(), Step.RESTRICT, NOW, "reported")} == {Action.RESTRICT}
