"""The life of a report: every step, who may take it, and that no path to a decision goes round a person."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.kit.errors import InvalidRequest, StateConflict
from service.reports import rules
from service.reports.model import (
    CONFIRM_REASONS,
    DISMISS_REASONS,
    Change,
    Place,
    Report,
    ReportPolicy,
    State,
    Told,
    Topic,
)

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
POLICY = ReportPolicy()
ONE, TWO = "1" * 32, "2" * 32
FILED = Report(
    UUID(int=1), UUID(int=2), Topic.CONDUCT, Place.OURS, State.FILED, NOW, NOW, UUID(int=3), UUID(int=4)
)
ELSEWHERE = replace(FILED, place=Place.ELSEWHERE, line_id=None, registration_id=None)


def decided(to: State, by: str = ONE, reason: str = "appeal-upheld") -> Report:
    return rules.decide(FILED, to, reason, by, POLICY, NOW)[0]


def test_enough_votes_corroborate_once() -> None:
    assert rules.corroborate(FILED, 4, POLICY, NOW) == (replace(FILED, counted=4), [])
    after, changes = rules.corroborate(FILED, 5, POLICY, NOW)
    assert (after.state, after.corroborated_at, changes) == (
        State.CORROBORATED,
        NOW,
        [Change(State.CORROBORATED)],
    )
    assert rules.corroborate(after, 6, POLICY, NOW + timedelta(hours=1)) == (replace(after, counted=6), [])
    # Fewer count now: what somebody may have acted on is not taken back.
    assert rules.corroborate(after, 1, POLICY, NOW) == (replace(after, counted=1), [])


@pytest.mark.parametrize("to", [State.CONFIRMED, State.DISMISSED])
def test_what_is_decided_takes_no_count(to: State) -> None:
    assert rules.corroborate(decided(to), 9, POLICY, NOW) == (decided(to), [])


def test_another_operators_line_is_never_judged_here() -> None:
    assert rules.corroborate(ELSEWHERE, 99, POLICY, NOW)[1] == []
    assert rules.allowed(ELSEWHERE, POLICY, NOW) == ()
    with pytest.raises(StateConflict):
        rules.decide(ELSEWHERE, State.CONFIRMED, CONFIRM_REASONS[0], ONE, POLICY, NOW)
    with pytest.raises(StateConflict):
        rules.appeal(ELSEWHERE, "holder-asked", POLICY, NOW)


def test_a_decision_keeps_who_why_and_when() -> None:
    after, changes = rules.decide(FILED, State.DISMISSED, "number-spoofed", ONE, POLICY, NOW)
    assert (after.state, after.decided_by, after.reason, after.decided_at) == (
        State.DISMISSED,
        ONE,
        "number-spoofed",
        NOW,
    )
    assert changes == [Change(State.DISMISSED, "number-spoofed")]


@pytest.mark.parametrize("reason", ["false-reports", "", "because"])
def test_a_reason_belongs_to_its_step(reason: str) -> None:
    with pytest.raises(InvalidRequest):
        rules.decide(FILED, State.CONFIRMED, reason, ONE, POLICY, NOW)
    with pytest.raises(InvalidRequest):
        rules.appeal(decided(State.CONFIRMED), reason, POLICY, NOW)


@pytest.mark.parametrize("to", [State.FILED, State.CORROBORATED, State.APPEALED])
def test_only_two_states_are_decisions(to: State) -> None:
    with pytest.raises(StateConflict):
        rules.decide(FILED, to, "reports-agree", ONE, POLICY, NOW)


@pytest.mark.parametrize("first", [State.CONFIRMED, State.DISMISSED])
def test_an_appeal_is_decided_by_another_person_and_only_once(first: State) -> None:
    before = decided(first)
    with pytest.raises(StateConflict):
        rules.decide(before, State.CONFIRMED, "reports-agree", TWO, POLICY, NOW)
    appealed, changes = rules.appeal(before, "holder-asked", POLICY, NOW + timedelta(days=30))
    assert changes == [Change(State.APPEALED, "holder-asked")]
    with pytest.raises(StateConflict) as same:
        rules.decide(appealed, State.DISMISSED, "appeal-upheld", ONE, POLICY, NOW)
    assert "another person" in (same.value.detail or "")
    after, _ = rules.decide(appealed, State.DISMISSED, "appeal-upheld", TWO, POLICY, NOW)
    assert after.decided_by == TWO
    with pytest.raises(StateConflict) as again:
        rules.appeal(after, "holder-asked", POLICY, NOW)
    assert "once" in (again.value.detail or "")


def test_an_appeal_comes_in_time() -> None:
    before = decided(State.CONFIRMED)
    assert rules.allowed(before, POLICY, NOW + POLICY.appeal) == ("appeal",)
    late = NOW + POLICY.appeal + timedelta(seconds=1)
    assert rules.allowed(before, POLICY, late) == ()
    with pytest.raises(StateConflict) as over:
        rules.appeal(before, "holder-asked", POLICY, late)
    assert "over" in (over.value.detail or "")


STEPS = st.one_of(
    st.tuples(st.just("count"), st.integers(0, 9), st.none()),
    st.tuples(st.just("confirm"), st.sampled_from([ONE, TWO]), st.sampled_from(CONFIRM_REASONS)),
    st.tuples(st.just("dismiss"), st.sampled_from([ONE, TWO]), st.sampled_from(DISMISS_REASONS)),
    st.tuples(st.just("appeal"), st.none(), st.just("holder-asked")),
)


@settings(max_examples=200)
@given(st.lists(STEPS, max_size=12), st.sampled_from([FILED, ELSEWHERE]))
def test_no_path_goes_round_a_person(steps: list[tuple[str, object, str | None]], start: Report) -> None:
    report, deciders, appeals = start, list[str](), 0
    for verb, value, reason in steps:
        before = report
        try:
            if verb == "count":
                assert isinstance(value, int)
                report, _ = rules.corroborate(report, value, POLICY, NOW)
                assert report.state in (before.state, State.CORROBORATED)
            elif verb == "appeal":
                report, _ = rules.appeal(report, str(reason), POLICY, NOW)
                appeals += 1
            else:
                to = State.CONFIRMED if verb == "confirm" else State.DISMISSED
                report, _ = rules.decide(report, to, str(reason), str(value), POLICY, NOW)
                deciders.append(str(value))
        except StateConflict:
            assert report == before
    assert (report.decided_by is not None) == bool(deciders)
    assert len(deciders) <= 1 + appeals <= 2
    assert len(set(deciders)) == len(deciders), "one person decided twice"
    if report.state.is_decided:
        assert report.decided_by == deciders[-1]
    if start is ELSEWHERE:
        assert report.state is State.FILED
    # What the page offers is what the law allows.
    for verb in ("confirm", "dismiss"):
        to, reason = (
            (State.CONFIRMED, "reports-agree") if verb == "confirm" else (State.DISMISSED, "nothing-found")
        )
        if verb in rules.allowed(report, POLICY, NOW):
            rules.decide(report, to, reason, "3" * 32, POLICY, NOW)
        else:
            with pytest.raises(StateConflict):
                rules.decide(report, to, reason, "3" * 32, POLICY, NOW)


@given(
    st.integers(0, 60),
    st.sampled_from(State),
    st.booleans(),
)
def test_elsewhere_only_time_is_seen(days: int, state: State, is_bound: bool) -> None:
    now = NOW + timedelta(days=days)
    said = {
        rules.shown(replace(ELSEWHERE, state=state, votes=votes), NOW, POLICY, now, is_bound=is_bound)
        for votes in (1, 7)
    }
    assert said == {Told.FILED if days < 30 else Told.CLOSED}
    ours = rules.shown(replace(FILED, state=state), NOW, POLICY, now, is_bound=is_bound)
    assert ours == (said.pop() if is_bound else state)
