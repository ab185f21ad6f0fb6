"""The list of scam reports, and the page of one."""

from dataclasses import dataclass, field
from datetime import datetime

from service.admin.views.pieces import Act, Badge, Fact, Moment, Pager, Tab


@dataclass(frozen=True, slots=True)
class ReportRow:
    """``msisdn`` is masked. ``line`` is the state of the line, None where it is not ours."""

    id: str
    msisdn: str
    badge: Badge
    said: str
    votes: int
    counted: int
    last_at: datetime
    line: Badge | None


@dataclass(frozen=True, slots=True)
class ReportsPage:
    tabs: tuple[Tab, ...]
    rows: tuple[ReportRow, ...]
    total: int
    required: int
    pager: Pager = field(default_factory=Pager)


@dataclass(frozen=True, slots=True)
class VoteRow:
    """What one reporter said. ``worth`` says whether it counts, ``why`` in words; ``standing`` is the reporter's
    reputation in per cent. Nothing says who they are."""

    id: str
    said: str
    filed_at: datetime
    happened_at: datetime | None
    by: str
    worth: Badge
    why: str
    standing: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ReportPage:
    """``tally`` is the sentence on how much counts; ``more`` is how many votes are left off."""

    id: str
    version: int
    msisdn: str
    badge: Badge
    clock: str
    clock_at: datetime
    facts: tuple[Fact, ...]
    tally: str
    votes: tuple[VoteRow, ...]
    more: int
    timeline: tuple[Moment, ...]
    acts: tuple[Act, ...]
    why_none: str | None = None
