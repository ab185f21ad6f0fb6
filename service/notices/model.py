"""Nouns of a notice: whom it goes to, what its link says, and what its holder may say."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

GOOD = timedelta(days=30)
"""How long a link works."""

FROZEN = timedelta(days=365)
"""How long an identity takes no new line once its holder has said so."""

NOT_MINE = "not-mine"
"""The reason that holds a line: its holder by the papers says that it is another's."""


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    """``settled``: only lines that are this old are told. At most ``day`` and ``month`` new lines are told of an
    identity in 24 hours and in 30 days: a warning that comes all day is a nuisance, and tells of one's own address."""

    settled: timedelta = timedelta(days=30)
    day: int = 1
    month: int = 3


class Way(StrEnum):
    """To the line itself, or to the number that its holder gave as contact."""

    LINE = "line"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Target:
    """An existing line of the same person, at whichever operator, whose data its key
    seals, and the number to write to (E.164)."""

    operator: UUID
    registration: UUID
    line: UUID
    way: Way
    subject: UUID
    number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """What a link says: the new line's registration, and through which line of the holder it was told."""

    operator: UUID
    registration: UUID
    via_operator: UUID
    via_registration: UUID
    until: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """What the holder says. The new line is not theirs; besides, their document is lost, or their identity is to take
    no new line."""

    lost: bool = False
    freeze: bool = False
