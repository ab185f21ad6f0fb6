"""The law of limits by example; its Lua twin is held to it in ``tests/twins``."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.limits import rules
from service.limits.model import (
    Bucket,
    Charge,
    Limit,
    LimitPolicy,
    Marks,
    Outcome,
    PolicyInvalid,
    Run,
    Schedule,
    State,
    Window,
)

S = rules.SECOND_US
HOUR = 3600 * S
RESENDS = Schedule(tuple(wait * S for wait in (30, 60, 120, 300, 600)), HOUR)


def own(bucket: Bucket, key: str = "k") -> Charge:
    return Charge(Limit.OTP_SENDS_PER_MSISDN, key, bucket)


def shared(bucket: Bucket) -> Charge:
    return Charge(Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE, "everywhere", bucket)


@given(
    st.integers(1, 6),
    st.lists(st.integers(0, 40), min_size=1, max_size=60),
)
def test_a_window_never_holds_more_than_its_count(count: int, steps: list[int]) -> None:
    bucket = Window(count, 60)
    state: State = Marks()
    now, admitted = 1000, []
    for step in steps:
        now += step
        if rules.judge(bucket, state, now) == 0:
            state = rules.charge(bucket, state, now)
            admitted.append(now)
    for start in admitted:
        assert sum(start <= at < start + 60 for at in admitted) <= count


def test_a_window_names_the_instant_from_which_it_has_room() -> None:
    bucket = Window(2, 100)
    state = Marks((1050, 1000))
    assert rules.judge(bucket, state, 1060) == 1100
    assert rules.judge(bucket, state, 1099) == 1100
    assert rules.judge(bucket, state, 1100) == 0


def test_resends_wait_longer_each_time_and_start_again_after_quiet() -> None:
    state: State = Run()
    now = 1_000 * S
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


def test_a_clock_that_steps_back_gives_nothing_back() -> None:
    assert rules.judge(Window(1, 100), Marks((1000,)), 500) == 1100
    assert rules.charge(Window(2, 100), Marks((1000,)), 500) == Marks((1000, 1000))
    assert rules.judge(RESENDS, Run(1, 1000 * S, 0), 900 * S) == 1030 * S


def test_all_are_charged_or_none() -> None:
    charges = [own(Window(5, HOUR)), own(Window(1, HOUR)), own(RESENDS)]
    states = [Marks(), Marks((10 * S,)), Run(1, 10 * S, 0)]
    verdict, after = rules.spend(charges, states, 20 * S)
    assert verdict.outcome is Outcome.DENIED
    assert verdict.free_us == 10 * S + HOUR  # the strictest, not the first
    assert list(after) == states


def test_what_others_sent_is_never_told() -> None:
    """A full shared budget: the caller's own are charged and the answer looks like a yes."""
    charges = [own(Window(5, HOUR)), own(RESENDS), shared(Window(1, 24 * HOUR))]
    states = [Marks(), Run(), Marks((10 * S,))]
    verdict, after = rules.spend(charges, states, 20 * S)
    assert verdict.outcome is Outcome.SUPPRESSED
    assert verdict.limit is Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE
    assert verdict.free_us == 50 * S  # of the caller's own schedule
    assert list(after) == [Marks((20 * S,)), Run(1, 20 * S, 0), Marks((10 * S,))]


def test_ones_own_limit_comes_before_the_shared_one() -> None:
    charges = [shared(Window(1, HOUR)), own(Window(1, HOUR))]
    verdict, _ = rules.spend(charges, [Marks((10,)), Marks((10,))], 20)
    assert verdict.outcome is Outcome.DENIED
    assert verdict.limit is Limit.OTP_SENDS_PER_MSISDN


@given(st.lists(st.integers(0, 100 * S), min_size=1, max_size=8))
def test_a_refund_undoes_the_charge(steps: list[int]) -> None:
    now = 1_000 * S
    for bucket in (Window(9, 24 * HOUR), RESENDS):
        state = rules.fresh(bucket)
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
    assert rules.refund(RESENDS, Run(), 0) == Run()


def test_the_seed_policy_is_what_the_issue_asks_for() -> None:
    policy = rules.load_policy(rules.seed_text())
    assert policy.buckets[Limit.OTP_SENDS_PER_MSISDN] == (RESENDS, Window(5, HOUR), Window(10, 24 * HOUR))
    assert policy.buckets[Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE] == (Window(15, 24 * HOUR),)
    assert policy.buckets[Limit.OTP_WRONG_CODES_PER_MSISDN] == (Window(20, 24 * HOUR),)
    assert set(policy.buckets) == set(Limit)


def test_each_bucket_has_a_key_of_its_own() -> None:
    policy = rules.load_policy(rules.seed_text())
    keys = [each.key for each in rules.charges(policy, Limit.OTP_SENDS_PER_MSISDN, "abc")]
    assert keys == ["{otp}:l:abc:s", "{otp}:l:abc:w3600", "{otp}:l:abc:w86400"]
    assert rules.charges(LimitPolicy("none", {}), Limit.OTP_SENDS_PER_MSISDN, "abc") == ()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("not toml", "not TOML"),
        ("[limits]", "version"),
        ('version = "1"', "version"),
        ('version = "1"\n[limits.OtpSendsPerMoon]\nbuckets = []', "no such limit"),
        ('version = "1"\n[limits.OtpSendsPerClient]\nbuckets = []', "buckets"),
        ('version = "1"\n[limits.OtpSendsPerClient]\nbuckets = [{kind="gcra"}]', "a bucket is"),
        (
            'version = "1"\n[limits.OtpSendsPerClient]\nbuckets = [{kind="window", count=0, period="1h"}]',
            "count",
        ),
        (
            'version = "1"\n[limits.OtpSendsPerClient]\nbuckets = [{kind="window", count=true, period="1h"}]',
            "count",
        ),
        (
            'version = "1"\n[limits.OtpSendsPerClient]\nbuckets = [{kind="window", count=1, period="1 hour"}]',
            "duration",
        ),
        (
            'version = "1"\n[limits.OtpSendsPerClient]\n'
            'buckets = [{kind="window", count=1, period="1h"}, {kind="window", count=2, period="60m"}]',
            "two buckets",
        ),
        (
            'version = "1"\n[limits.OtpSendsPerClient]\nbuckets = [{kind="schedule", waits=["2h"], quiet="1h"}]',
            "quiet",
        ),
        (
            'version = "1"\n[limits.OtpSendsPerClient]\nbuckets = [{kind="schedule", waits=[], quiet="1h"}]',
            "waits",
        ),
        (
            'version = "1"\n[limits.OtpSendsPerMsisdnEverywhere]\n'
            'buckets = [{kind="schedule", waits=["1m"], quiet="1h"}]',
            "windows only",
        ),
    ],
)
def test_a_policy_that_is_wrong_says_where(body: str, says: str) -> None:
    with pytest.raises(PolicyInvalid, match=says):
        rules.load_policy(body)
