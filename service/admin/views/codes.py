"""The page of codes and limits, and the page of one block."""

from dataclasses import dataclass
from datetime import datetime

from service.admin.views.pieces import (
    Act,
    Badge,
    Choice,
    Fact,
    FormField,
    Moment,
    Number,
    Tab,
    Tone,
)


@dataclass(frozen=True, slots=True)
class Stack:
    """One column of a chart: its parts from the floor up, as ``(kind, amount)``. ``label`` stands under it."""

    title: str
    parts: tuple[tuple[str, int], ...]
    label: str | None = None

    @property
    def total(self) -> int:
        return sum(amount for _, amount in self.parts)


@dataclass(frozen=True, slots=True)
class Hour:
    """The messages of one hour, and those of them that were verified since."""

    at: datetime
    sent: int
    verified: int


@dataclass(frozen=True, slots=True)
class MoneyToday:
    """What today's messages have cost against the cap; whole micro-units. ``note`` is a sentence where the figure is
    not exact."""

    value: str
    text: str
    spent: int
    cap: int
    tone: Tone
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of messages of one country, number block or sender. ``share`` is per cent."""

    name: str
    sent: int
    verified: int
    held: int
    cost: str
    share: int | None
    is_low: bool = False


@dataclass(frozen=True, slots=True)
class Conversions:
    """One table; ``first`` heads its first column, ``more`` is how many rows were left off."""

    key: str
    title: str
    first: str
    currency: str
    rows: tuple[Converted, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Pressed:
    """A limit that had no room: how often it bound, would have bound, was pressed."""

    name: str
    text: str
    enforced: int
    shadow: int
    pressure: int
    is_silent: bool


@dataclass(frozen=True, slots=True)
class BlockRow:
    """``what`` is of ``kind``: a country, a number block, a client, a masked number."""

    id: str
    kind: str
    what: str
    why: str
    by: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """Messages without a code that were not sent. ``waits``: they are tried again."""

    what: str
    why: str
    many: int
    since: datetime
    waits: bool


@dataclass(frozen=True, slots=True)
class BlockForm:
    """Setting a block by hand: its id is made with the page, so that sending it twice sets one."""

    id: str
    kinds: tuple[Choice, ...]
    ends: tuple[Choice, ...]
    reasons: tuple[Choice, ...]
    where: FormField
    kind: str = ""
    end: str = ""
    reason: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class CodesPage:
    span: str
    tabs: tuple[Tab, ...]
    numbers: tuple[Number, ...]
    money: MoneyToday | None
    hours: tuple[Hour, ...]
    tables: tuple[Conversions, ...]
    pressed: tuple[Pressed, ...]
    blocks: tuple[BlockRow, ...]
    notices: tuple[NoticeRow, ...]
    may_lift: bool
    form: BlockForm | None = None


@dataclass(frozen=True, slots=True)
class BlockPage:
    id: str
    kind: str
    what: str
    badge: Badge
    clock: str
    clock_at: datetime
    facts: tuple[Fact, ...]
    timeline: tuple[Moment, ...]
    acts: tuple[Act, ...]
    why_none: str | None = None
