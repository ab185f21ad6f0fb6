"""Each kind of bucket by example and by any walk; the Lua twin is held to it in ``tests/twins``."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.limits import rules
from service.limits.model import (
    Block,
    Bucket,
    Gcra,
    Halves,
    Marks,
    Purse,
    Run,
    Schedule,
    Slice,
    State,
    Streak,
    Tally,
    Until,
    Unverified,
    Window,
)

S = rules.SECOND_US
HOUR = 3600 * S
START = 1_000_000 * S
RESENDS = Schedule(tuple(wait * S for wait in (30, 60, 120, 300, 600)), HOUR)


def walked(bucket: Bucket, steps: Sequence[int], now: int = START) -> tuple[State, list[int], int]:
    """Charge wherever there is room: the state, the instants that were let through, and the last instant."""
    state, admitted = rules.fresh(bucket), []
    for step in steps:
        now += step
        if not rules.judge(bucket, state, now):
            state = rules.charge(bucket, state, now)
            admitted.append(now)
    return state, admitted, now


# Window: at most N in any T


@given(st.integers(1, 20), st.lists(st.integers(0, 40), min_size=1, max_size=120))
def test_a_window_never_lets_more_than_its_count_through(count: int, steps: list[int]) -> None:
    _, admitted, _ = walked(Window(count, 60), steps)
    for start in admitted:
        assert sum(start <= at < start + 60 for at in admitted) <= count


@given(st.integers(1, 20), st.integers(1, 10**9))
def test_a_window_lets_exactly_its_count_through(count: int, period: int) -> None:
    """And the next at the instant that it names, not a microsecond sooner."""
    bucket = Window(count, period)
    state, admitted, now = walked(bucket, [0] * (count + 3))
    assert len(admitted) == count
    free = rules.judge(bucket, state, now)
    assert free == START + period
    assert rules.judge(bucket, state, free - 1) == free
    assert rules.judge(bucket, state, free) == 0


def test_a_window_names_the_instant_from_which_it_has_room() -> None:
    bucket = Window(2, 100)
    state = Marks((1050, 1000))
    assert rules.judge(bucket, state, 1060) == 1100
    assert rules.judge(bucket, state, 1099) == 1100
    assert rules.judge(bucket, state, 1100) == 0


# GCRA: smoothing, and why it is no window


@pytest.mark.parametrize("burst", [1, 2, 5, 20])
def test_a_gcra_admits_up_to_twice_its_burst_less_one_in_a_period(burst: int) -> None:
    """``docs/limits.md``: "at most N in T" is always a window, because N every T with a burst of N is 2N - 1.

    All at once, then one more whenever there is room: until the period is over N - 1 have come back.
    """
    period = burst * 60
    bucket = Gcra(60, burst)
    _, admitted, _ = walked(bucket, [0] * (burst + 1) + [1] * (period - 1))
    assert sum(at < START + period for at in admitted) == 2 * burst - 1
    windowed = walked(Window(min(burst, 20), period), [0] * (burst + 1) + [1] * (period - 1))[1]
    assert len(windowed) == burst


@given(st.integers(1, 8), st.integers(1, 50), st.lists(st.integers(0, 120), min_size=1, max_size=100))
def test_a_gcra_never_admits_more_than_its_rate_and_its_burst(
    burst: int, interval: int, steps: list[int]
) -> None:
    _, admitted, _ = walked(Gcra(interval, burst), steps)
    for n, first in enumerate(admitted):
        for m, last in enumerate(admitted[n:]):
            assert m + 1 <= burst + (last - first) / interval


@given(st.integers(1, 8), st.integers(1, 50), st.integers(1, 20))
def test_a_gcra_names_the_instant_from_which_it_has_room(burst: int, interval: int, more: int) -> None:
    bucket = Gcra(interval, burst)
    state, admitted, now = walked(bucket, [0] * (burst + more))
    assert len(admitted) == burst
    free = rules.judge(bucket, state, now)
    assert free == START + interval
    assert rules.judge(bucket, state, free - 1) == free
    assert rules.judge(bucket, state, free) == 0


# Schedule: the n-th waits longer


def test_resends_wait_longer_each_time_and_start_again_after_quiet() -> None:
    state: State = Run()
    now = START
    for wait in (30, 60, 120, 300, 600, 600):
        assert rules.judge(RESENDS, state, now) == 0
        state = rules.charge(RESENDS, state, now)
        assert rules.judge(RESENDS, state, now + wait * S - 1) == now + wait * S
        now += wait * S
    assert isinstance(state, Run)
    assert state.count == 6
    quiet = state.last_us + HOUR
    state = rules.charge(RESENDS, state, quiet)
    assert state == Run(1, quiet, 0)


@given(st.lists(st.integers(0, 700 * S), min_size=1, max_size=60))
def test_a_schedule_never_lets_two_through_closer_than_it_says(steps: list[int]) -> None:
    _, admitted, _ = walked(RESENDS, steps)
    run = 0
    for before, at in pairwise(admitted):
        run = 0 if at - before >= RESENDS.quiet_us else run
        assert at - before >= RESENDS.waits_us[min(run, len(RESENDS.waits_us) - 1)]
        run += 1


# Streak: only a success begins again


def test_a_hundred_in_a_row_are_denied_and_time_changes_nothing() -> None:
    """NIST SP 800-63B-4, 3.2.2: no more than 100 consecutive failures."""
    bucket = Streak(100)
    state, admitted, now = walked(bucket, [86_400 * S] * 150)
    assert len(admitted) == 100
    for years in (1, 10, 200):
        assert rules.judge(bucket, state, now + years * 365 * 24 * HOUR) == rules.FAR
    assert rules.succeed(bucket, state, now) == Tally()
    assert rules.judge(bucket, Tally(), now) == 0


@given(st.integers(1, 10), st.lists(st.sampled_from(["wrong", "wrong", "right"]), max_size=60))
def test_a_streak_counts_since_the_last_success(count: int, answers: list[str]) -> None:
    bucket, state, row = Streak(count), rules.fresh(Streak(count)), 0
    for answer in answers:
        free = rules.judge(bucket, state, START)
        assert (free == rules.FAR) == (row >= count)
        if answer == "right":
            state, row = rules.succeed(bucket, state, START), 0
        elif not free:
            state, row = rules.charge(bucket, state, START), row + 1


# Unverified: a floor, a share of what was verified, and two halves that roll

DAY = 24 * HOUR


def unanswered(sent: int, ok: int, *, floor: int = 10, per_cent: int = 100, now: int = 7 * DAY) -> int:
    bucket = Unverified(floor, per_cent, DAY)
    state = rules.fresh(bucket)
    for _ in range(sent):
        state = rules.charge(bucket, state, now)
    for _ in range(ok):
        state = rules.succeed(bucket, state, now)
    return rules.judge(bucket, state, now)


def test_so_many_may_stand_unanswered_before_anything_was_verified() -> None:
    assert unanswered(9, 0) == 0
    assert unanswered(10, 0) == 8 * DAY  # looked at again when the period turns


@pytest.mark.parametrize(
    ("sent", "ok", "per_cent", "has_room"),
    [
        (19, 10, 100, True),  # nine open, ten may be
        (20, 10, 100, False),
        (199, 100, 100, True),  # 99 open, a hundred may be
        (200, 100, 100, False),
        (149, 100, 50, True),
        (150, 100, 50, False),
        (299, 100, 200, True),
        (300, 100, 200, False),
    ],
)
def test_verified_messages_make_room(sent: int, ok: int, per_cent: int, has_room: bool) -> None:
    """Each answers one, and each lets ``per_cent`` of one more stand open, once that is more than the floor."""
    assert (unanswered(sent, ok, per_cent=per_cent) == 0) == has_room


@given(st.integers(1, 50), st.integers(1, 300), st.integers(0, 80), st.integers(0, 80))
def test_floor_or_share_whichever_is_more(floor: int, per_cent: int, sent: int, ok: int) -> None:
    open_, may = sent - ok, max(floor, ok * per_cent / 100)
    assert (unanswered(sent, ok, floor=floor, per_cent=per_cent) == 0) == (open_ < may)


def test_what_stands_open_fades_over_two_periods() -> None:
    """Full to the end of its period; in the next one it counts by the share that is still inside; then not at all."""
    bucket = Unverified(10, 100, DAY)
    state = rules.fresh(bucket)
    for _ in range(20):
        state = rules.charge(bucket, state, 7 * DAY)
    assert rules.judge(bucket, state, 8 * DAY - 1) == 8 * DAY
    assert rules.judge(bucket, state, 8 * DAY + DAY // 2 - 1000) == 9 * DAY  # more than half of 20
    assert rules.judge(bucket, state, 8 * DAY + DAY // 2 + 1000) == 0  # less than half
    assert rules.judge(bucket, state, 9 * DAY) == 0
    assert rules.charge(bucket, state, 9 * DAY) == Halves(9, 1)


def test_verified_ones_drain_what_was_sent_the_period_before() -> None:
    bucket = Unverified(10, 100, DAY)
    state: State = Halves(7, 20, 0, 0, 0)
    late = 8 * DAY + HOUR
    assert rules.judge(bucket, state, late)
    for _ in range(11):
        state = rules.succeed(bucket, state, late)
    assert rules.judge(bucket, state, late) == 0
    assert state == Halves(8, 0, 20, 11, 0)


# Purse and block


@given(st.integers(0, 200), st.integers(1, 40))
def test_a_purse_is_never_overdrawn(leased: int, price: int) -> None:
    bucket, state = Purse(price), Slice(leased)
    sent = 0
    while not rules.judge(bucket, state, START):
        state = rules.charge(bucket, state, START)
        sent += 1
    assert sent == leased // price
    assert state == Slice(leased % price)


def test_a_purse_that_is_not_there_is_short_and_a_refund_makes_none() -> None:
    """What Redis has forgotten nobody has leased: only PostgreSQL makes money."""
    assert rules.judge(Purse(1), Slice(None), START) == rules.FAR
    assert rules.refund(Purse(5), Slice(None), START) == Slice(None)
    assert rules.refund(Purse(5), Slice(0), START) == Slice(5)


def test_a_block_holds_until_its_instant_and_charges_change_nothing() -> None:
    state = Until(START)
    assert rules.judge(Block(), state, START - 1) == START
    assert rules.judge(Block(), state, START) == 0
    assert rules.charge(Block(), state, START - 1) == state
    assert rules.refund(Block(), state, START - 1) == state
    assert rules.judge(Block(), Until(), START) == 0


# What all have in common

KINDS: list[Bucket] = [Window(9, DAY), Gcra(60 * S, 9), RESENDS, Streak(9), Unverified(5, 50, HOUR)]


@given(st.sampled_from(KINDS), st.lists(st.integers(0, 100 * S), min_size=1, max_size=8))
def test_a_refund_undoes_the_charge(bucket: Bucket, steps: list[int]) -> None:
    """Whoever gets the last charge back is judged as if it had never been, at every later instant."""
    now, state = START, rules.fresh(bucket)
    for step in steps:
        now += step
        before = state
        state = rules.charge(bucket, state, now)
        undone = rules.refund(bucket, state, now)
        for ahead in range(0, 700 * S, 50 * S):
            assert rules.judge(bucket, undone, now + ahead) == rules.judge(bucket, before, now + ahead)


def test_a_refund_of_what_was_not_charged_changes_nothing() -> None:
    assert rules.refund(Window(2, 10), Marks((5, 4)), 3) == Marks((5, 4))
    assert rules.refund(RESENDS, Run(2, 50, 20), 20) == Run(2, 50, 20)
    for bucket in (*KINDS, Purse(3), Block()):
        fresh = rules.fresh(bucket)
        assert rules.refund(bucket, fresh, 0) == fresh


def test_a_clock_that_steps_back_gives_nothing_back() -> None:
    assert rules.judge(Window(1, 100), Marks((1000,)), 500) == 1100
    assert rules.charge(Window(2, 100), Marks((1000,)), 500) == Marks((1000, 1000))
    assert rules.judge(RESENDS, Run(1, 1000 * S, 0), 900 * S) == 1030 * S
    assert rules.judge(Gcra(60, 1), Until(1060), 900) == 1060
    full = Halves(8, 10)
    assert rules.judge(Unverified(10, 100, DAY), full, 8 * DAY - HOUR) == 9 * DAY
    assert rules.charge(Unverified(10, 100, DAY), full, 8 * DAY - HOUR) == Halves(8, 11)


@given(st.sampled_from([*KINDS, Purse(3), Block()]))
def test_only_streaks_and_unverified_learn_of_success(bucket: Bucket) -> None:
    state = rules.charge(bucket, rules.fresh(bucket), START)
    changed = rules.succeed(bucket, state, START) != state
    assert changed == isinstance(bucket, Streak | Unverified)
