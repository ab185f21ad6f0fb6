"""Nouns of the register of persons, of retention and of rotation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from service.kit.errors import NotFound


class Erased(NotFound):
    """The subscriber's data key is gone: nothing about this person can be read any more."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """A tombstone. It outlives backups: after a restore every erasure since is done again."""

    subscriber_id: UUID
    at: datetime
    reason: str


class HoldingClass(StrEnum):
    """What keeps a person's data alive."""

    REGISTRATION = "registration"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Holding:
    """A registration or a line of a subscriber.

    ``ended_at`` is None while it goes on. ``country`` (ISO 3166-1 alpha-2) counts for lines alone.
    ``on_hold``: a legal hold keeps it whatever its age.
    """

    held_as: HoldingClass
    state: str
    ended_at: datetime | None
    country: str | None = None
    on_hold: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """How long after its end something is kept: ``days``, or to the end of the ``years``-th calendar year after."""

    days: int | None = None
    years: int | None = None


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """``registrations``: terms by state; a state without one is never due by itself (its line speaks for it).
    ``lines``: terms of closed lines by country; ``other_lines`` for the rest."""

    registrations: Mapping[str, Term]
    other_lines: Term
    lines: Mapping[str, Term] = field(default_factory=dict)


class Due(StrEnum):
    """Whether a subscriber is to be erased now, and if not, why not."""

    DUE = "due"
    GOES_ON = "goes-on"
    EARLY = "early"
    ON_HOLD = "on-hold"


@dataclass(frozen=True, slots=True)
class RetentionRun:
    """What one run did for one operator: how many ended subscribers it looked at, erased, and left on hold."""

    operator: UUID
    looked_at: int
    erased: int
    on_hold: int


DAY = timedelta(days=1)
