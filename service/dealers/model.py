"""Dealers, agents, their quotas, and what is refused about them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from service.kit.errors import Kind, Refusal

CODE_PATTERN = "^[A-Z0-9][A-Z0-9-]{0,31}$"
"""Form of a dealer's and an agent's code: ``D-0042``, ``A-7``."""

QUOTA = "RegistrationsPerDealer"
"""Name of the limit in 429 ``limit-exceeded``."""


class State(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Quotas:
    """Registrations that a dealer may open in a UTC hour and a UTC day; zero is none."""

    hourly: int = 100
    daily: int = 500


class Band(StrEnum):
    """How a shop stands beside its peers; all that other operators learn of it. ``none``: no lines yet."""

    NONE = "none"
    LOW = "low"
    WATCH = "watch"
    HIGH = "high"

    @property
    def severity(self) -> int:
        return list(Band).index(self)


@dataclass(frozen=True, slots=True)
class Record:
    """A shop's last ninety days: lines approved, stopped for scam, struck; approved between 22 and 6 UTC; the most
    approved in one hour. ``decided`` and ``reviewed`` are of the present UTC day."""

    lines: int = 0
    stopped: int = 0
    struck: int = 0
    night: int = 0
    peak: int = 0
    decided: int = 0
    reviewed: int = 0


@dataclass(frozen=True, slots=True)
class Assessment:
    """``rate``: lines stopped for scam in permille, drawn towards the peers' ``mean``; ``interval``: where the shop's
    own rate lies (95 %), None without a line. ``outlet``: the worst band of the same licence at any operator."""

    record: Record
    rate: int
    interval: tuple[int, int] | None
    mean: int
    band: Band
    outlet: Band = Band.NONE


@dataclass(frozen=True, slots=True)
class Standing:
    """What a decision about somebody else's registration weighs of the dealer behind it."""

    state: State
    daily_quota: int
    band: Band = Band.NONE
    outlet: Band = Band.NONE


@dataclass(frozen=True, slots=True)
class Dealer:
    """A shop. Its licence number is in ``licence`` alone, sealed as a secret of this row. On the UTC day ``shrunk_on``
    the daily quota is ``shrunk_to``; ``band`` and ``outlet`` are set by the clock's chore."""

    id: UUID
    operator_id: UUID
    code: str
    name: str
    licence: bytes
    state: State
    quotas: Quotas
    created_at: datetime
    version: int = 1
    shrunk_to: int | None = None
    shrunk_on: date | None = None
    band: Band = Band.NONE
    outlet: Band = Band.NONE

    @property
    def standing(self) -> Standing:
        return Standing(self.state, self.quotas.daily, self.band, self.outlet)


@dataclass(frozen=True, slots=True)
class Agent:
    """A person in a shop, known here by a code only."""

    id: UUID
    operator_id: UUID
    dealer_id: UUID
    code: str
    is_active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """Registrations that a dealer opened in the present UTC hour and UTC day."""

    hour: int = 0
    day: int = 0


class AgentUnknown(Refusal):
    code = "agent-unknown"
    kind = Kind.INVALID
    title = "The dealer has no active agent with this code"


class DealerSuspended(Refusal):
    """Also for a paused dealer: the caller need not know which."""

    code = "dealer-suspended"
    kind = Kind.FORBIDDEN
    title = "This dealer may not open registrations at present"


class DealerCodeTaken(Refusal):
    code = "dealer-code-taken"
    kind = Kind.CONFLICT
    title = "Another dealer has this code"


class AgentCodeTaken(Refusal):
    code = "agent-code-taken"
    kind = Kind.CONFLICT
    title = "Another agent of this dealer has this code"


class LicenceInUse(Refusal):
    """A suspended shop must not come back under a new code."""

    code = "licence-in-use"
    kind = Kind.CONFLICT
    title = "A dealer with this licence is registered already"


class DealerMismatch(Refusal):
    code = "dealer-mismatch"
    kind = Kind.FORBIDDEN
    title = "The key is bound to another dealer"
