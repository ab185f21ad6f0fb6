"""Time is passed in. Only this module and the settings read the machine's clock."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Says what time it is: an aware instant in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    is_manual = False

    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that tests and the seed turn by hand; settings refuse it elsewhere."""

    is_manual = True

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        self._now += by

    def set(self, to: datetime) -> None:
        self._now = to


def micros(instant: datetime) -> int:
    """Microseconds since 1970, exact."""
    delta = instant - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def rfc3339(instant: datetime) -> str:
    """``2026-11-23T10:00:00Z``: UTC, whole seconds, as every instant on the wire."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
