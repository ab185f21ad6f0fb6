"""Rings, and a line's ledger, as their pages show them."""

from dataclasses import dataclass, field
from datetime import datetime

from service.admin.views.pieces import Act, Badge, Choice, Fact, Moment, Pager, Tab


@dataclass(frozen=True, slots=True)
class RingListRow:
    id: str
    badge: Badge
    lines: int
    score: int
    at: datetime
    until: datetime | None
    by: str | None


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """One step that waits for a person: referred, or appealed."""

    line: str
    step: str
    why: str
    since: datetime


@dataclass(frozen=True, slots=True)
class RingsPage:
    tabs: tuple[Tab, ...]
    rows: tuple[RingListRow, ...]
    waiting: tuple[WaitingRow, ...]
    total: int
    pager: Pager = field(default_factory=Pager)


@dataclass(frozen=True, slots=True)
class MemberRow:
    line: str | None
    msisdn: str
    via: str
    hop: int
    strength: int
    step: str
    spared: str | None
    strikes: str
    done: str
    is_root: bool = False


@dataclass(frozen=True, slots=True)
class RingPage:
    """``code`` asks for the second factor in the approval's form."""

    id: str
    version: int
    digest: str
    badge: Badge
    clock: str
    clock_at: datetime
    facts: tuple[Fact, ...]
    effects: tuple[tuple[str, int], ...]
    spared: tuple[str, ...]
    rows: tuple[MemberRow, ...]
    timeline: tuple[Moment, ...]
    acts: tuple[Act, ...]
    why_none: str | None
    code: bool
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One step of a line's ledger. ``acts`` are (value, button) of what this person may do about it."""

    id: str
    version: int
    step: str
    badge: Badge
    ground: str
    why: str | None
    at: datetime
    until: datetime | None
    told: datetime | None
    effect: str
    appeal: str | None
    appeal_text: str | None
    path: str
    acts: tuple[Choice, ...] = ()
    why_none: str | None = None
    is_by_hand: bool = False


@dataclass(frozen=True, slots=True)
class MarkRow:
    name: str
    word: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    rows: tuple[LedgerRow, ...]
    rings: tuple[str, ...]
    marks: tuple[MarkRow, ...]
    may_mark: bool
    path: str
    label_until: datetime | None = None
