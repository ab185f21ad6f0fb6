"""What the pages of backtests show."""

from dataclasses import dataclass
from datetime import datetime

from service.admin.views.pieces import Badge, Choice, Fact


@dataclass(frozen=True, slots=True)
class RunRow:
    href: str
    badge: Badge
    asked_at: datetime
    who: str
    span: str
    said: str


@dataclass(frozen=True, slots=True)
class RunsPage:
    """The backtests of a draft, and the form that asks for one (``path`` is None where it may not be asked for)."""

    draft: str
    rows: tuple[RunRow, ...]
    spans: tuple[Choice, ...]
    path: str | None
    why_not: str | None = None


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day on a chart of 100 units' width and 120 of height; heights of what waited and what would have."""

    label: str
    x: float
    width: float
    was: float
    now: float
    title: str


@dataclass(frozen=True, slots=True)
class Held:
    """Honest people held up, of one segment; places on a bar of 96 units; texts beside them."""

    name: str
    of: int
    was: str
    now: str
    between: str
    low: float
    high: float
    was_at: float
    now_at: float


@dataclass(frozen=True, slots=True)
class Turned:
    """A decision that comes out otherwise."""

    href: str
    ref: str
    was: Badge
    now: Badge
    rules: str
    became: str


@dataclass(frozen=True, slots=True)
class Measure:
    """Precision or recall of one side, against one source of truth."""

    against: str
    what: str
    was: str
    now: str
    between: str


@dataclass(frozen=True, slots=True)
class RunPage:
    """A backtest, under way or over. ``share`` is how far it is, in per cent."""

    draft: str
    badge: Badge
    is_over: bool
    done: int
    total: int
    share: int
    facts: tuple[Fact, ...]
    cancel: str | None
    verdicts: tuple[tuple[str, int, int], ...] = ()
    days: tuple[DayBar, ...] = ()
    top: int = 0
    measures: tuple[Measure, ...] = ()
    held: tuple[Held, ...] = ()
    turned: tuple[Turned, ...] = ()
    turned_of: int = 0
    unrecorded: tuple[tuple[str, int], ...] = ()
