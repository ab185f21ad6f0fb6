"""The life of a line: what is legal, what time does, when a number is free."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.kit.errors import InvalidRequest, StateConflict
from service.lines.model import (
    AWAITING_CODE,
    CODE_NEVER_CAME,
    FULL,
    PROBATION,
    SERVICE_ENDED,
    Action,
    Change,
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
    Stock,
    StockAnswer,
)
from service.lines.rules import (
    advance,
    after_failure,
    allowed,
    conditions,
    due_at,
    elapse,
    labelled,
    opened,
    prove,
    refuse_stock,
    refuse_taken,
)

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = LinePolicy()
OPERATOR, LINE_ID, REGISTRATION, SUBSCRIBER = (UUID(int=n) for n in range(1, 5))


def new(**facts: object) -> NewLine:
    given_facts: dict[str, object] = {
        "registration_id": REGISTRATION,
        "subscriber_id": SUBSCRIBER,
        "msisdn": "+4915112345678",
        "iccid": None,
        "country": "DE",
        "assurance": "basic",
    }
    return NewLine(**{**given_facts, **facts})  # type: ignore[arg-type]


def line(**facts: object) -> Line:
    return opened(new(**facts), LINE_ID, OPERATOR, POLICY, NOW)[0]


def act(what: Line, action: Action, now: datetime = NOW, until: datetime | None = None) -> Line:
    return advance(what, action, now, POLICY, reason="scam", until=until)[0]


def test_opens_active() -> None:
    first, changes = opened(new(), LINE_ID, OPERATOR, POLICY, NOW)
    assert (first.state, first.active_since, first.reasons) == (State.ACTIVE, NOW, ())
    assert changes == [Change("activated")]
    assert due_at(first) is None


def test_opens_restricted_while_its_code_is_owed_and_the_code_activates_it() -> None:
    first, changes = opened(new(awaits_code=True), LINE_ID, OPERATOR, POLICY, NOW)
    assert (first.state, first.reasons, first.active_since) == (State.RESTRICTED, (AWAITING_CODE,), None)
    assert changes == [Change("restricted", AWAITING_CODE)]
    assert due_at(first) == NOW + timedelta(hours=72)
    later = NOW + timedelta(hours=1)
    proved, changes = prove(first, later)
    assert (proved.state, proved.active_since, due_at(proved)) == (State.ACTIVE, later, None)
    assert changes == [Change("activated")]
    assert prove(proved, later) == (proved, [])


def test_the_code_that_never_came_closes_the_line() -> None:
    first = line(awaits_code=True)
    assert elapse(first, POLICY, NOW + timedelta(hours=72) - timedelta(microseconds=1)) == (first, [])
    closed, changes = elapse(first, POLICY, NOW + timedelta(hours=72))
    assert closed.state is State.QUARANTINED
    assert changes == [Change("closed", CODE_NEVER_CAME)]


def test_no_hand_reinstates_a_line_that_owes_its_code() -> None:
    first = line(awaits_code=True)
    with pytest.raises(StateConflict) as refused:
        act(first, Action.REINSTATE)
    assert refused.value.facts == {"state": "restricted", "allowed": ["suspend", "close"]}
    suspended = act(first, Action.SUSPEND)
    back = act(suspended, Action.REINSTATE)
    assert (back.state, back.reasons) == (State.RESTRICTED, (AWAITING_CODE,))
    proved, changes = prove(suspended, NOW)
    assert (proved.state, proved.reasons, changes) == (State.SUSPENDED, ("scam",), [])
    first_time = advance(proved, Action.REINSTATE, NOW, POLICY, reason="mistake")
    assert first_time[0].active_since == NOW
    assert first_time[1] == [Change("reinstated", "mistake"), Change("activated")]


def test_a_condition_of_the_decision_ends_by_itself() -> None:
    first, changes = opened(new(restricted_until=NOW + DAY), LINE_ID, OPERATOR, POLICY, NOW)
    assert (first.state, changes) == (State.RESTRICTED, [Change("restricted", PROBATION)])
    active, changes = elapse(first, POLICY, NOW + DAY)
    assert (active.state, active.active_since, changes) == (State.ACTIVE, NOW + DAY, [Change("activated")])


def test_until_reinstates_and_a_later_suspension_replaces_it() -> None:
    held = act(line(), Action.RESTRICT, until=NOW + DAY)
    back, changes = elapse(held, POLICY, NOW + DAY)
    assert (back.state, changes) == (State.ACTIVE, [Change("reinstated", "scam")])
    for_good = act(held, Action.SUSPEND)
    assert elapse(for_good, POLICY, NOW + 10 * DAY) == (for_good, [])


@pytest.mark.parametrize("until", [NOW, NOW - DAY])
def test_until_lies_ahead(until: datetime) -> None:
    with pytest.raises(InvalidRequest):
        act(line(), Action.SUSPEND, until=until)


def test_until_is_for_restrict_and_suspend_alone() -> None:
    with pytest.raises(InvalidRequest):
        act(line(), Action.CLOSE, until=NOW + DAY)


def test_service_ends() -> None:
    tourist = line(service_until=NOW + DAY)
    closed, changes = elapse(tourist, POLICY, NOW + 2 * DAY)
    assert (closed.state, changes) == (State.QUARANTINED, [Change("closed", SERVICE_ENDED)])
    assert closed.quarantine_until == NOW + 92 * DAY


def test_a_closed_number_rests_ninety_days() -> None:
    closed = act(line(), Action.CLOSE)
    assert (closed.state, closed.closed_at) == (State.QUARANTINED, NOW)
    with pytest.raises(NumberInQuarantine) as refused:
        refuse_taken([closed], [], NOW + 90 * DAY - timedelta(microseconds=1))
    assert refused.value.facts == {"free_at": "2027-02-21T10:00:00Z"}
    refuse_taken([closed], [closed], NOW + 90 * DAY)
    gone, changes = elapse(closed, POLICY, NOW + 90 * DAY)
    assert (gone.state, changes) == (State.CLOSED, [])


def test_without_quarantine_a_line_closes_at_once() -> None:
    closed, _ = advance(
        line(), Action.CLOSE, NOW, LinePolicy(quarantine=timedelta()), reason="holder-request"
    )
    assert closed.state is State.CLOSED
    refuse_taken([closed], [closed], NOW)


def test_an_open_line_blocks_its_number_and_its_card() -> None:
    for taken in (line(), act(line(), Action.RESTRICT), act(line(), Action.SUSPEND)):
        with pytest.raises(NumberInUse):
            refuse_taken([taken], [], NOW)
        with pytest.raises(SimInUse):
            refuse_taken([], [taken], NOW)


def test_emergency_and_care_are_never_barred_while_there_is_a_line() -> None:
    active, restricted, suspended = line(), act(line(), Action.RESTRICT), act(line(), Action.SUSPEND)
    assert all(conditions(each).emergency_and_care for each in (active, restricted, suspended))
    assert (conditions(restricted).incoming, conditions(restricted).outgoing) == (True, False)
    assert (conditions(suspended).incoming, conditions(suspended).outgoing) == (False, False)
    assert not conditions(act(line(), Action.CLOSE)).connected


YES = Stock(ours=True, allotted=True, unused=True)


@pytest.mark.parametrize("field", ["ours", "allotted", "unused"])
def test_stock_refuses_what_may_not_be_sold(field: str) -> None:
    refuse_stock(StockAnswer(YES, YES))
    refuse_stock(StockAnswer(YES, None))
    no = replace(YES, **{field: False})
    with pytest.raises(NumberNotAllowed):
        refuse_stock(StockAnswer(no, YES))
    with pytest.raises(SimNotInStock):
        refuse_stock(StockAnswer(YES, no))


def test_failures_are_retried_ever_later_and_then_listed() -> None:
    policy = RetryPolicy()
    failed = Failed(True, "unreachable")
    delays = []
    for attempt in range(1, policy.attempts):
        verdict = after_failure(failed, attempt, REGISTRATION, policy, NOW)
        assert isinstance(verdict, RetryAt)
        delays.append(verdict.at - NOW)
        longest = min(policy.first * 2 ** (attempt - 1), policy.longest)
        assert longest * 0.8 <= delays[-1] <= longest
    assert after_failure(failed, policy.attempts, REGISTRATION, policy, NOW) == ListedForStaff("unreachable")
    assert after_failure(Failed(False, "sim-blocked"), 1, REGISTRATION, policy, NOW) == ListedForStaff(
        "sim-blocked"
    )


# One step of anybody or of time: (action or None for waiting or "prove", hours that pass, hours until or None).
steps = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(Action), st.sampled_from(["wait", "prove"])),
        st.integers(0, 24 * 40),
        st.one_of(st.none(), st.integers(1, 24 * 20)),
    ),
    max_size=12,
)
births = st.fixed_dictionaries(
    {
        "awaits_code": st.booleans(),
        "restricted_until": st.one_of(st.none(), st.integers(1, 800).map(lambda h: NOW + timedelta(hours=h))),
        "service_until": st.one_of(st.none(), st.integers(1, 3000).map(lambda h: NOW + timedelta(hours=h))),
    }
)


@given(births, steps)
@settings(max_examples=200)
def test_every_history_is_legal(
    birth: dict[str, object], history: list[tuple[object, int, int | None]]
) -> None:
    now, current = NOW, line(**birth)
    for what, hours, until_hours in history:
        now += timedelta(hours=hours)
        before = current
        current, _ = elapse(current, POLICY, now)
        assert elapse(current, POLICY, now) == (current, [])
        if isinstance(what, Action):
            takes_until = what in (Action.RESTRICT, Action.SUSPEND) and until_hours
            until = now + timedelta(hours=until_hours) if takes_until and until_hours else None
            if what in allowed(current):
                current = act(current, what, now, until)
            else:
                with pytest.raises(StateConflict):
                    act(current, what, now, until)
        elif what == "prove":
            current, _ = prove(current, now)
        if not before.state.is_open:
            assert not current.state.is_open, "a closed line never comes back"
        assert (current.state is State.ACTIVE) == (current.state.is_open and not current.reasons)
        assert current.state is not State.ACTIVE or current.active_since is not None
        assert current.state.is_open == (current.closed_at is None)
        due = due_at(current)
        assert due is None or due > now, "nothing that fell due is left"
        assert conditions(current).emergency_and_care == current.state.is_open
    if current.closed_at is not None:
        free = current.closed_at + POLICY.quarantine
        refuse_taken([current], [current], free)
        assert elapse(current, POLICY, free)[0].state is State.CLOSED


def test_a_label_bars_nothing_and_ends_by_time_or_with_the_line() -> None:
    with_label = labelled(line(), NOW + DAY)
    assert (due_at(with_label), conditions(with_label)) == (NOW + DAY, replace(FULL, label="reported"))
    assert elapse(with_label, POLICY, NOW + DAY) == (line(), [])
    held = act(with_label, Action.RESTRICT, until=NOW + DAY)
    assert conditions(held).label == "reported"
    assert elapse(held, POLICY, NOW + DAY)[0] == line()
    closed = act(with_label, Action.CLOSE)
    assert closed == act(line(), Action.CLOSE)
    assert labelled(closed, NOW + DAY).labelled_until is None
