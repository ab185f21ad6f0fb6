"""Shares and their intervals."""

from hypothesis import given
from hypothesis import strategies as st

from service.kit.shares import shrunken, wilson


@given(st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_wilsons_interval_holds_the_share(counts: tuple[int, int]) -> None:
    hits, of = counts
    interval = wilson(hits, of)
    assert interval is not None
    low, high = interval
    assert 0 <= low <= round(1000 * hits / of) <= high <= 1000
    assert high - low > 0


def test_wilson_of_known_figures() -> None:
    assert wilson(0, 0) is None
    assert wilson(5, 10) == (237, 763)  # 0.2366 to 0.7634, the textbook's example


def test_the_small_and_unlucky_are_drawn_to_the_mean() -> None:
    assert shrunken(3, 3, 10, 50) == 66
    assert shrunken(30, 300, 10, 50) == 87
    assert shrunken(0, 0, 10, 50) == 10


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 1000), st.integers(1, 100))
def test_shrinking_stays_between_the_rate_and_the_mean(
    hits: int, more: int, mean: int, strength: int
) -> None:
    of = hits + more
    found = shrunken(hits, of, mean, strength)
    rate = mean if not of else 1000 * hits / of
    assert min(mean, rate) - 1 <= found <= max(mean, rate) + 1
