"""Nouns of the pipeline: the registration, its evidence, and what it refuses."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from service.kit.errors import JsonObject, Kind, Refusal

TTL = timedelta(hours=24)
"""How long a registration may stay in ``collecting``."""
APPEAL_WITHIN = timedelta(days=30)
MAX_PATCHES = 3
MAX_FAILED_DOCUMENTS = 5


class State(StrEnum):
    COLLECTING = "collecting"
    APPROVED = "approved"
    IN_REVIEW = "in_review"
    DENIED = "denied"
    ACTIVE = "active"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


OPEN = frozenset({State.COLLECTING, State.IN_REVIEW, State.APPROVED})
"""States in which a registration holds its number and its SIM."""


ENDED_STATES = frozenset({State.DENIED, State.EXPIRED, State.CANCELLED})
"""States from which nothing comes but, for a denial, its appeal."""


class Purpose(StrEnum):
    NEW = "new"
    PORT_IN = "port_in"
    SIM_SWAP = "sim_swap"
    REVERIFY = "reverify"


class Channel(StrEnum):
    SHOP = "shop"
    APP = "app"
    WEB = "web"
    CALL_CENTRE = "call_centre"


class Target(StrEnum):
    """Whom a code goes to."""

    LINE = "line"
    CONTACT = "contact"


class Activating(StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """One judged document, in codes alone."""

    id: UUID
    kind: str
    outcome: str
    proof: str
    reason: str | None
    facts: JsonObject = field(default_factory=dict)
    """Codes for the decision: ``issuing_state``, ``expires_in_days`` and the like; no personal data."""


@dataclass(frozen=True, slots=True)
class CodeProof:
    """A code that came back right."""

    to: Target
    challenge: UUID
    verified_at: datetime
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided, as much of it as the registration shows; the whole is in ``risk``'s decision."""

    id: UUID
    verdict: str
    assurance: str
    reasons: tuple[JsonObject, ...]
    """``{code, text, rule, value, threshold}``: the staff's part is shown only with scope ``evidence``."""
    restricted_until: datetime | None
    probation_until: datetime | None
    policy_version: str
    decided_at: datetime
    decided_by: str


@dataclass(frozen=True, slots=True)
class Activation:
    state: Activating
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """The aggregate. Numbers and names are in ``sealed`` and in the subscriber, under the subject's key."""

    id: UUID
    operator_id: UUID
    client_id: UUID
    subscriber_id: UUID
    dealer_id: UUID | None
    agent_id: UUID | None
    state: State
    purpose: Purpose
    channel: Channel
    plan: str
    form: str
    msisdn_idx: bytes
    iccid_idx: bytes | None
    device_idx: bytes | None
    device_role: str | None
    payment_idx: bytes | None
    sealed: bytes
    can_receive: bool
    """Whether the SIM can get a message before it is activated (``Provisioner.prepare``)."""
    created_at: datetime
    expires_at: datetime
    documents: tuple[DocumentSummary, ...] = ()
    codes: tuple[CodeProof, ...] = ()
    patches: int = 0
    identity: bytes | None = None
    """Sealed: what the best document says about who this is (canonical document number, person, dates)."""
    outcome: Outcome | None = None
    activation: Activation | None = None
    appealed_at: datetime | None = None
    service_until: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1

    def verified(self, to: Target) -> CodeProof | None:
        return next((proof for proof in self.codes if proof.to is to), None)

    @property
    def wants_code_to(self) -> Target:
        """Where possession is proved before the decision."""
        return Target.LINE if self.can_receive else Target.CONTACT

    @property
    def awaits_line_code(self) -> bool:
        """The line is up but restricted until a code reaches it."""
        return self.state is State.ACTIVE and not self.can_receive and self.verified(Target.LINE) is None


class EvidenceMissing(Refusal):
    code = "evidence-missing"
    kind = Kind.CONFLICT
    title = "Evidence is missing"

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(None, missing=list(missing))


class RegistrationExpired(Refusal):
    code = "registration-expired"
    kind = Kind.GONE
    title = "The registration has expired; begin a new one"


class PurposeNotEnabled(Refusal):
    code = "purpose-not-enabled"
    kind = Kind.INVALID
    title = "This purpose is not enabled"


class CategoryNotEnabled(Refusal):
    code = "category-not-enabled"
    kind = Kind.INVALID
    title = "This kind is not enabled"


@dataclass(frozen=True, slots=True)
class Opening:
    """What a client asks for when it opens a registration: typed, and of the right form."""

    msisdn: str
    purpose: Purpose
    iccid: str | None = None
    imei: str | None = None
    channel: Channel = Channel.SHOP
    dealer: str | None = None
    agent: str | None = None
    plan: str = "prepaid"
    form: str = "sim"
    service_until: datetime | None = None
    subscriber: JsonObject | None = None
    fingerprint: str | None = None
    device_ip: str | None = None
    device_role: str | None = None
    payment_token: str | None = None
    holder_kind: str = "person"
    peer_ip: str | None = None


@dataclass(frozen=True, slots=True)
class PendingCode:
    """A code on its way: when it ends and when the next may be asked for."""

    to: Target
    expires_at: datetime
    resend_at: datetime | None


@dataclass(frozen=True, slots=True)
class View:
    """A registration as it is shown: with its number, which is None once the subject was erased."""

    registration: Registration
    msisdn: str | None
    pending: tuple[PendingCode, ...] = ()
    line_waits: bool = True
    """Of a registration that awaits its line's code: whether the line does; it may be closed by now."""
