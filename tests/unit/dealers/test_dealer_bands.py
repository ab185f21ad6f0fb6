"""How a shop stands beside its peers, and what a bad day does to its quota."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.dealers import rules
from service.dealers.model import Band, Dealer, Quotas, Record, State

SHOP = [UUID(int=n) for n in range(20)]
QUOTAS = Quotas(hourly=100, daily=200)
TODAY = date(2026, 9, 1)


def peers(*others: Record, clean: int = 9) -> dict[UUID, Record]:
    records = {SHOP[n]: Record(lines=1000, stopped=10) for n in range(clean)}
    return records | {SHOP[clean + n]: record for n, record in enumerate(others)}


def band(record: Record) -> Band:
    return rules.assessed(peers(record))[SHOP[9]].band


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (Record(), Band.NONE),
        (Record(lines=100, stopped=1), Band.LOW),
        (Record(lines=1, stopped=1), Band.LOW),  # one line, and it was unlucky
        (Record(lines=100, stopped=5), Band.WATCH),
        (Record(lines=100, stopped=20), Band.HIGH),
        (Record(lines=5000, stopped=60), Band.LOW),  # a busy shop at its peers' rate
    ],
)
def test_bands_weigh_how_sure_the_rate_is(record: Record, expected: Band) -> None:
    assert band(record) is expected


def test_large_bad_shop_is_not_its_own_measure() -> None:
    made = rules.assessed({SHOP[0]: Record(lines=9000, stopped=900), SHOP[1]: Record(lines=1000, stopped=10)})
    assert (made[SHOP[0]].mean, made[SHOP[0]].band) == (10, Band.HIGH)
    assert (made[SHOP[1]].mean, made[SHOP[1]].band) == (100, Band.LOW)


def test_rate_is_drawn_to_the_peers() -> None:
    small = rules.assessed(peers(Record(lines=3, stopped=3)))[SHOP[9]]
    assert small.rate == 66
    assert small.interval == (438, 1000)


@pytest.mark.parametrize(
    ("decided", "reviewed", "expected"),
    [
        (9, 9, None),  # too few to say
        (100, 30, None),  # thirty percent are borne
        (100, 31, 193),
        (100, 60, 100),
        (150, 150, 150),  # never below what was decided
        (10, 10, 60),
    ],
)
def test_day_in_review_shrinks_its_quota(decided: int, reviewed: int, expected: int | None) -> None:
    assert rules.shrunk(QUOTAS, decided, reviewed) == expected


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 300))
def test_quota_never_grows_and_never_undoes_what_was_done(decided: int, reviewed: int, daily: int) -> None:
    found = rules.shrunk(Quotas(100, daily), decided, min(reviewed, decided))
    if found is not None:
        assert min(daily, decided) <= found <= daily


def dealer(shrunk_to: int | None, shrunk_on: date | None) -> Dealer:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Dealer(SHOP[0], SHOP[1], "D-1", "Shop", b"", State.ACTIVE, QUOTAS, at, 1, shrunk_to, shrunk_on)


def test_smaller_quota_is_of_one_day() -> None:
    assert rules.quotas_of(dealer(60, TODAY), TODAY).daily == 60
    assert rules.quotas_of(dealer(60, date(2026, 8, 31)), TODAY) == QUOTAS
    assert rules.quotas_of(dealer(900, TODAY), TODAY) == QUOTAS
    assert rules.quotas_of(dealer(None, None), TODAY) == QUOTAS
