"""Whole days as instants, and counted things as ids: what the nouns of the real rules are made of."""

from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from uuid import UUID

BEGIN = datetime(2027, 1, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Of(IntEnum):
    """What an id is of."""

    LINE = 1
    REGISTRATION = 2
    DEALER = 3
    REPORT = 4
    VOTE = 5
    STEP = 6
    RING = 7
    CLIENT = 8
    OPERATOR = 9
    FRAMER = 10
    NOTICE = 11


def at(day: int) -> datetime:
    """Noon of a day; days before the first one are negative."""
    return BEGIN + DAY * day


def day_of(instant: datetime) -> int:
    """The first day whose noon is not before ``instant``."""
    return -((BEGIN - instant) // DAY)


@lru_cache(maxsize=300_000)
def uid(of: Of, number: int) -> UUID:
    """Ids of a kind sort as their numbers do."""
    return UUID(int=of << 96 | number)
