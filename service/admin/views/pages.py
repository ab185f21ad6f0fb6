"""The pages, one view model each."""

from dataclasses import dataclass, field
from datetime import datetime

from service.admin.views.documents import Evidence
from service.admin.views.pieces import (
    Act,
    Attention,
    Badge,
    Day,
    Fact,
    FormField,
    Moment,
    Number,
    Pager,
    QueueRow,
    Reason,
    Related,
    Reveal,
    RuleCount,
    Tab,
    Tone,
)
from service.admin.views.rings import Ledger


@dataclass(frozen=True, slots=True)
class OverviewPage:
    numbers: tuple[Number, ...]
    days: tuple[Day, ...]
    usual: tuple[int, int] | None
    waiting: tuple[QueueRow, ...]
    waiting_total: int
    rules: tuple[RuleCount, ...]
    attention: tuple[Attention, ...]


@dataclass(frozen=True, slots=True)
class ReviewPage:
    tabs: tuple[Tab, ...]
    rows: tuple[QueueRow, ...]
    total: int
    newest: str
    pager: Pager = field(default_factory=Pager)


@dataclass(frozen=True, slots=True)
class CasePage:
    id: str
    version: int
    badge: Badge
    clock: str
    clock_at: datetime
    facts: tuple[Fact, ...]
    holder: tuple[Fact, ...]
    reasons: tuple[Reason, ...]
    evidence: Evidence
    timeline: tuple[Moment, ...]
    acts: tuple[Act, ...]
    why_none: str | None = None
    reveal: Reveal | None = None
    related: tuple[Related, ...] = ()
    policy: str | None = None
    ways: tuple[str, ...] = ()
    shadow: tuple[Reason, ...] = ()
    appeal: str | None = None
    next_href: str | None = None


@dataclass(frozen=True, slots=True)
class LineRow:
    id: str
    msisdn: str
    badge: Badge
    since: datetime
    dealer: str | None
    assurance: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class LinesPage:
    tabs: tuple[Tab, ...]
    rows: tuple[LineRow, ...]
    total: int
    pager: Pager = field(default_factory=Pager)


@dataclass(frozen=True, slots=True)
class LinePage:
    id: str
    version: int
    msisdn: str
    badge: Badge
    clock: str
    clock_at: datetime
    facts: tuple[Fact, ...]
    timeline: tuple[Moment, ...]
    acts: tuple[Act, ...]
    registration: str | None
    why_none: str | None = None
    ledger: Ledger | None = None


@dataclass(frozen=True, slots=True)
class DealerRisk:
    """A shop beside its peers. Rates as text; ``low`` to ``high``, ``rate`` and ``mean`` as places on a bar of 96."""

    band: Badge
    outlet: Badge | None
    said: str
    peers: str
    low: float
    high: float
    rate: float
    mean: float
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class DealerRow:
    ref: str
    name: str
    badge: Badge
    licence: str
    today: int
    daily_quota: int
    hour: int
    hourly_quota: int
    waiting: int
    risk: DealerRisk | None = None
    shrunk_from: int | None = None


@dataclass(frozen=True, slots=True)
class DealersPage:
    rows: tuple[DealerRow, ...]
    total: int
    may_edit: bool
    pager: Pager = field(default_factory=Pager)


@dataclass(frozen=True, slots=True)
class DealerPage:
    """A dealer, or the form of a new one (``row`` is None)."""

    row: DealerRow | None
    path: str
    form: tuple[FormField, ...]
    agents: tuple[str, ...]
    acts: tuple[Act, ...]
    may_edit: bool
    version: int = 0


@dataclass(frozen=True, slots=True)
class AuditRow:
    number: int | None
    at: datetime
    actor: str
    action: str
    object: str
    object_href: str | None
    reason: str | None
    facts: str


@dataclass(frozen=True, slots=True)
class Chain:
    """How far the chain is sealed; ``tone`` says whether that is as it should be."""

    text: str
    tone: Tone
    detail: str
    head: str | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    rows: tuple[AuditRow, ...]
    chain: Chain
    form: tuple[FormField, ...]
    total: int
    pager: Pager = field(default_factory=Pager)


@dataclass(frozen=True, slots=True)
class FoundPage:
    """The answer to a search, without repeating what was searched for."""

    what: str
    cases: tuple[QueueRow, ...]
    lines: tuple[LineRow, ...]


@dataclass(frozen=True, slots=True)
class SignInPage:
    form: tuple[FormField, ...]
    wrong: str | None = None
    pre: str = ""


@dataclass(frozen=True, slots=True)
class LinkPage:
    """The page behind a staff link. ``qr`` is an SVG drawn here, ``secret`` its text twin."""

    name: str
    login: str
    path: str
    qr: str
    secret: str
    form: tuple[FormField, ...]
    wrong: str | None = None
    pre: str = ""


@dataclass(frozen=True, slots=True)
class RecoveryPage:
    codes: tuple[str, ...]
    next_href: str


@dataclass(frozen=True, slots=True)
class YouPage:
    login: str
    since: datetime
    ends: datetime
    codes_left: int
    password_form: tuple[FormField, ...]
    codes_form: tuple[FormField, ...]
    is_demo: bool


@dataclass(frozen=True, slots=True)
class ErrorPage:
    status: int
    title: str
    happened: str
    kept: str
    do: str
    href: str
    href_text: str
    trace: str | None = None
