"""Figures of sellers against their peers."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.risk.rules.rates import LEAST_FOR_SHARE, burst, share, shrunken

DAY = timedelta(days=1)
shares = st.integers(0, 1_000)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 100_000), shares, st.integers(1, 10**6), shares, st.integers(1, 10_000))
def test_a_shrunken_rate_lies_between_the_own_and_the_peers(
    own: int, bad: int, peers: int, peers_bad: int, weight: int
) -> None:
    stopped, peers_stopped = own * bad // 1_000, peers * peers_bad // 1_000
    rate = shrunken(stopped, own, peers_stopped, peers, weight)
    assert rate is not None
    usual = 1_000 * peers_stopped / peers
    mine = 1_000 * stopped / own if own else usual
    assert min(mine, usual) - 1 <= rate <= max(mine, usual)
    worse = shrunken(min(own, stopped + 1), own, peers_stopped, peers, weight)
    assert worse is not None
    assert worse >= rate, "one more stopped line makes nobody better"


def test_one_bad_line_of_two_is_no_rate_of_a_half() -> None:
    assert shrunken(1, 2, 10, 1_000, 50) == 28
    assert shrunken(0, 0, 10, 1_000, 50) == 10, "who has sold nothing is taken for usual"
    assert shrunken(60, 100, 10, 1_000, 50) == 403
    assert shrunken(1, 2, 0, 0, 50) is None, "without peers nothing is usual"


def test_a_burst_is_against_the_own_days() -> None:
    assert burst(0, 0, timedelta(0)) == 100, "the first line of a new shop"
    assert burst(17, 60, 60 * DAY) == 1_800
    assert burst(99, 6_000, 60 * DAY) == 100
    assert burst(1, 3, 60 * DAY) == 200, "a mean day has one line at least"


def test_a_share_of_few_says_nothing() -> None:
    assert share(9, LEAST_FOR_SHARE - 1) is None
    assert share(5, LEAST_FOR_SHARE) == 50
