"""Dealers: states and quotas."""

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.dealers import rules
from service.dealers.model import Counts, Dealer, DealerSuspended, Quotas, State
from service.kit.errors import InvalidRequest, LimitExceeded, StateConflict

NOW = datetime(2026, 11, 23, 10, 59, 30, tzinfo=UTC)
LEGAL = {
    (State.ACTIVE, State.PAUSED),
    (State.ACTIVE, State.SUSPENDED),
    (State.PAUSED, State.SUSPENDED),
    (State.PAUSED, State.ACTIVE),
    (State.SUSPENDED, State.ACTIVE),
}


@pytest.mark.parametrize(("state", "wanted"), list(product(State, State)))
def test_only_legal_moves(state: State, wanted: State) -> None:
    if (state, wanted) in LEGAL:
        assert rules.move(state, wanted) is wanted
        return
    with pytest.raises(StateConflict) as refused:
        rules.move(state, wanted)
    assert refused.value.facts == {
        "state": state.value,
        "allowed": sorted(to.value for source, to in LEGAL if source is state),
    }


@pytest.mark.parametrize("state", State)
def test_only_an_active_dealer_is_admitted(state: State) -> None:
    dealer = Dealer(UUID(int=1), UUID(int=2), "D-1", "Shop", b"", state, Quotas(), NOW)
    if state is State.ACTIVE:
        rules.admit(dealer)
    else:
        with pytest.raises(DealerSuspended):
            rules.admit(dealer)


def test_a_spent_hour_opens_with_the_next() -> None:
    with pytest.raises(LimitExceeded) as refused:
        rules.take(Counts(hour=10, day=12), Quotas(hourly=10, daily=100), NOW)
    assert refused.value.facts == {"limit": "RegistrationsPerDealer", "retry_at": "2026-11-23T11:00:00Z"}
    assert refused.value.retry_after_s == 30


def test_a_spent_day_opens_at_midnight() -> None:
    with pytest.raises(LimitExceeded) as refused:
        rules.take(Counts(hour=10, day=12), Quotas(hourly=10, daily=12), NOW)
    assert refused.value.facts["retry_at"] == "2026-11-24T00:00:00Z"


counts = st.integers(0, 50)


@given(counts, counts, counts, counts)
@settings(max_examples=100)
def test_take_and_quota_left_agree(hour: int, earlier: int, hourly: int, daily: int) -> None:
    seen, quotas = Counts(hour=hour, day=hour + earlier), Quotas(hourly, daily)
    left = rules.quota_left(seen, quotas)
    assert left == max(0, min(hourly - hour, daily - hour - earlier))
    if left:
        rules.take(seen, quotas, NOW)
        return
    with pytest.raises(LimitExceeded) as refused:
        rules.take(seen, quotas, NOW)
    again = datetime.fromisoformat(str(refused.value.facts["retry_at"]))
    assert NOW < again <= NOW + timedelta(days=1)


@pytest.mark.parametrize("quotas", [Quotas(-1, 5), Quotas(5, 1_000_001)])
def test_a_quota_is_a_sensible_number(quotas: Quotas) -> None:
    with pytest.raises(InvalidRequest):
        rules.checked(quotas)


@given(st.datetimes(timezones=st.just(UTC)))
@settings(max_examples=50)
def test_hours_and_days_are_of_utc(now: datetime) -> None:
    assert now - timedelta(hours=1) < rules.hour_of(now) <= now
    assert rules.day_of(now).date() == now.date()
