"""Probation as a state machine: what ends it, what begins it again, and what never does."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.kit.errors import StateConflict
from service.lines.model import (
    ASSURANCES,
    REVERIFY_DUE,
    Action,
    Change,
    DayOfUse,
    Line,
    LinePolicy,
    NewLine,
    ProbationPolicy,
    State,
    Use,
)
from service.lines.rules import advance, conditions, opened, reverified, sim_changed
from service.lines.rules import probation as rules

NOW = datetime(2026, 11, 1, 10, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = LinePolicy()
ENDED = Change(rules.PROBATION_ENDED, rules.ORDINARY_USE)


def new(days: int | None = 30, now: datetime = NOW) -> Line:
    until = None if days is None else now + days * DAY
    facts = NewLine(UUID(int=2), UUID(int=3), "+4915112345678", None, "DE", "basic", probation_until=until)
    return opened(facts, UUID(int=1), UUID(int=9), POLICY, now)[0]


def day_by_day(
    line: Line, uses: Sequence[int | None], *, sees_use: bool = True, changed: datetime | None = None
) -> tuple[Line, list[Change]]:
    """Judge one whole day after another; ``None`` is a silent day, a number the callees of one."""
    changes: list[Change] = []
    first = NOW.date()
    for turn, callees in enumerate(uses):
        today = first + turn * DAY
        now = datetime.combine(today + DAY, NOW.timetz())
        asked = rules.question(line, "+4915112345678", now)
        assert asked is not None
        days = () if callees is None else (DayOfUse(today, 3, callees),)
        line, more = rules.judged(line, Use(days, changed), asked, POLICY.probation, now, sees_use=sees_use)
        changes += more
    return line, changes


def test_thirty_days_of_ordinary_use_end_it_and_lift_its_conditions() -> None:
    line = new()
    assert (conditions(line).premium, conditions(line).callees_a_day) == (False, 50)
    line, _ = day_by_day(line, [4] * 29)
    assert rules.is_on(line)
    line, changes = _more(line, 29, 4)
    assert changes == [ENDED]
    assert not rules.is_on(line)
    assert (conditions(line).premium, conditions(line).callees_a_day) == (True, None)


def _more(line: Line, turn: int, callees: int | None) -> tuple[Line, list[Change]]:
    today = NOW.date() + turn * DAY
    now = datetime.combine(today + DAY, NOW.timetz())
    asked = rules.question(line, "+4915112345678", now)
    assert asked is not None
    days = () if callees is None else (DayOfUse(today, 3, callees),)
    return rules.judged(line, Use(days), asked, POLICY.probation, now, sees_use=True)


def test_a_silent_line_stays_on_it_and_its_date_moves_on() -> None:
    line, changes = day_by_day(new(), [None] * 80)
    assert changes == []
    assert rules.is_on(line)
    assert line.probation_until is not None
    assert line.probation_until >= NOW + 100 * DAY


def test_a_day_of_calling_everybody_is_not_ordinary() -> None:
    line, _ = day_by_day(new(), [51, 50, 4])
    assert line.ordinary_days == 2


@settings(max_examples=60)
@given(st.lists(st.one_of(st.none(), st.integers(0, 120)), max_size=75))
def test_it_ends_exactly_when_enough_ordinary_days_were_lived(uses: list[int | None]) -> None:
    line, changes = new(), []
    ordinary = 0
    for turn, callees in enumerate(uses):
        was_on = rules.is_on(line)
        line, changes = _more(line, turn, callees)
        ordinary += callees is not None and callees <= POLICY.probation.callees
        assert (changes == [ENDED]) == (was_on and ordinary >= 30)
        if was_on and rules.is_on(line):
            assert line.ordinary_days == ordinary
            assert line.probation_until is not None
            assert line.probation_until >= NOW + 30 * DAY


@settings(max_examples=40)
@given(st.integers(1, 60), st.lists(st.integers(1, 20), min_size=1, max_size=12))
def test_the_calendar_ends_it_on_time_however_the_runs_are_spaced(days: int, gaps: list[int]) -> None:
    line, now = new(days), NOW
    for gap in [*gaps, 90]:
        now += gap * DAY
        while (asked := rules.question(line, "+4915112345678", now)) is not None:
            span = (asked.until - asked.since).days + 1
            every = tuple(DayOfUse(asked.since + n * DAY, 1, 1) for n in range(span))
            line, changes = rules.judged(line, Use(every), asked, POLICY.probation, now, sees_use=False)
            if changes:
                assert now >= NOW + days * DAY
    assert not rules.is_on(line)
    assert line.used_on is None, "a calendar knows nothing of use"


def test_a_day_counts_once() -> None:
    line, _ = _more(new(), 0, 4)
    now = datetime.combine(NOW.date() + DAY, NOW.timetz())
    assert rules.question(line, "+4915112345678", now) is None


def test_a_new_handset_on_a_young_line_begins_it_again() -> None:
    changed = NOW + 9 * DAY
    line, changes = day_by_day(new(), [4] * 12, changed=changed)
    assert changes == [Change(rules.PROBATION_RESTARTED, rules.HANDSET_CHANGED)], (
        "once, however often it is told"
    )
    assert line.probation_since == changed
    assert line.ordinary_days == 3


@pytest.mark.parametrize(("age", "used", "restarts"), [(10, 1, True), (400, 1, False), (400, 61, True)])
def test_a_new_card_restarts_what_is_young_or_dormant(age: int, used: int, restarts: bool) -> None:
    line = replace(new(None, NOW - age * DAY), used_on=(NOW - used * DAY).date())
    after, changes = sim_changed(line, POLICY, NOW)
    assert after.sim_changed_at == NOW
    assert (Change(rules.PROBATION_RESTARTED, rules.SIM_CHANGED) in changes) is restarts
    assert rules.is_on(after) is restarts


def test_where_use_is_not_known_an_old_line_is_not_dormant() -> None:
    after, _ = sim_changed(new(None, NOW - 400 * DAY), POLICY, NOW)
    assert not rules.is_on(after)


def test_a_policy_without_probation_begins_none() -> None:
    after, changes = sim_changed(new(None), replace(POLICY, probation=ProbationPolicy(days=0)), NOW)
    assert not rules.is_on(after)
    assert len(changes) == 1


@pytest.mark.parametrize("state", [State.RESTRICTED, State.SUSPENDED, State.QUARANTINED, State.CLOSED])
def test_only_a_line_in_full_service_changes_its_card(state: State) -> None:
    with pytest.raises(StateConflict):
        sim_changed(replace(new(), state=state), POLICY, NOW)


@given(
    st.sampled_from(ASSURANCES),
    st.sampled_from(ASSURANCES),
    st.booleans(),
    st.sampled_from(["scam", REVERIFY_DUE]),
)
def test_a_re_verification_only_ever_helps(before: str, shown: str, held: bool, reason: str) -> None:
    line = replace(new(), assurance=before)
    if held:
        line, _ = advance(line, Action.SUSPEND, NOW, POLICY, reason=reason)
    after, changes = reverified(line, shown, NOW + DAY)
    assert ASSURANCES.index(after.assurance) == max(ASSURANCES.index(before), ASSURANCES.index(shown))
    assert (after.state is State.ACTIVE) == (not held or reason == REVERIFY_DUE), "no other hold is lifted"
    assert rules.is_on(after) == (shown not in ("substantial", "high"))
    assert (Change(rules.PROBATION_ENDED, rules.ASSURANCE) in changes) == (shown in ("substantial", "high"))


def test_lines_from_before_the_counting_are_counted_from_their_beginning() -> None:
    line = replace(new(), probation_since=None, probation_days=None)
    assert rules.days_needed(line) == 30
    asked = rules.question(line, "+4915112345678", NOW + 45 * DAY)
    assert asked is not None
    assert (asked.since, asked.until) == (NOW.date(), NOW.date() + 30 * DAY)


def test_a_closed_line_is_past_it() -> None:
    closed, _ = advance(new(), Action.CLOSE, NOW, POLICY, reason="asked")
    assert not rules.is_on(closed)
