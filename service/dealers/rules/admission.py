"""Who may open a registration, and how many."""

from datetime import UTC, datetime, timedelta

from service.dealers.model import QUOTA, Counts, Dealer, DealerSuspended, Quotas, State
from service.kit.clock import rfc3339
from service.kit.errors import InvalidRequest, LimitExceeded, StateConflict

_FROM: dict[State, frozenset[State]] = {
    State.PAUSED: frozenset({State.ACTIVE}),
    State.SUSPENDED: frozenset({State.ACTIVE, State.PAUSED}),
    State.ACTIVE: frozenset({State.PAUSED, State.SUSPENDED}),
}
"""State wanted -> states from which it is reached."""


def move(state: State, wanted: State) -> State:
    """The state after ``pause``, ``suspend`` or ``resume``; StateConflict where it is not reached from here."""
    if state not in _FROM[wanted]:
        raise StateConflict(state.value, sorted(s.value for s, sources in _FROM.items() if state in sources))
    return wanted


def admit(dealer: Dealer) -> None:
    """Raises DealerSuspended unless the dealer is active."""
    if dealer.state is not State.ACTIVE:
        raise DealerSuspended()


def hour_of(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_of(now: datetime) -> datetime:
    return hour_of(now).replace(hour=0)


def quota_left(counts: Counts, quotas: Quotas) -> int:
    """How many more registrations the dealer may open now."""
    return max(0, min(quotas.hourly - counts.hour, quotas.daily - counts.day))


def take(counts: Counts, quotas: Quotas, now: datetime) -> None:
    """Judge one more registration, of which ``counts`` does not know yet. Raises LimitExceeded.

    ``retry_at`` is the next UTC midnight where the day is spent, else the next full hour.
    """
    if quota_left(counts, quotas) > 0:
        return
    day_is_spent = counts.day >= quotas.daily
    at = day_of(now) + timedelta(days=1) if day_is_spent else hour_of(now) + timedelta(hours=1)
    raise LimitExceeded(QUOTA, rfc3339(at), -(-(at - now) // timedelta(seconds=1)))


def checked(quotas: Quotas) -> Quotas:
    """Raises InvalidRequest for a quota that is none."""
    for name, value in (("hourly", quotas.hourly), ("daily", quotas.daily)):
        if not 0 <= value <= 1_000_000:
            raise InvalidRequest(f"/quotas/{name}", "out-of-range", "A quota is from 0 to 1000000.")
    return quotas
