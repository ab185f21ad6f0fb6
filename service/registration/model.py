"""Nouns of the pipeline: the registration, its evidence, and what it refuses."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from service.kit.errors import JsonObject, Kind, Refusal

TTL = timedelta(hours=24)
"""How long a registration may stay in ``collecting``."""
APPEAL_WITHIN = timedelta(days=30)
LOST_CARD_WAIT = timedelta(hours=24)
"""From the notice to the holder on, before anybody may approve a card in the place of a lost one."""
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

    @property
    def is_about_a_line(self) -> bool:
        """Whether it changes a line in service; the others end in a new one."""
        return self in (Purpose.SIM_SWAP, Purpose.REVERIFY)


class Channel(StrEnum):
    SHOP = "shop"
    APP = "app"
    WEB = "web"
    CALL_CENTRE = "call_centre"


class Target(StrEnum):
    """Whom a code goes to."""

    LINE = "line"
    CONTACT = "contact"


SIM_REST = timedelta(hours=72)
"""A code to a card that was changed less than so long before proves nothing, where no policy says another time."""


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
    ties: frozenset[str] = frozenset()
    """The targets (``line``, ``contact``) whose number is on a registry's record of this person: a code from one of
    them makes ``consistent`` into ``confirmed`` (:func:`service.registration.rules.proof_of`)."""

    @property
    def awaits_confirmation(self) -> bool:
        """Of a picture: what was read of it proves nothing until somebody says that the document shows it."""
        return (self.kind, self.outcome, self.proof) == ("image", "refer", "none")


@dataclass(frozen=True, slots=True)
class CodeProof:
    """A code that came back right."""

    to: Target
    challenge: UUID
    verified_at: datetime
    tries: int = 1
    sim_changed_at: datetime | None = None
    """When the card was changed that the code went to, as far as its number was a line here."""

    def counts(self, rest: timedelta) -> bool:
        """False where the card had been changed less than ``rest`` before: then it proves nothing."""
        return self.sim_changed_at is None or self.verified_at - self.sim_changed_at >= rest


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
    line_id: UUID | None = None
    """The line in service that a SIM swap or a re-verification is about; it holds no place under a cap of its own."""
    told_at: datetime | None = None
    """When the holder was told that somebody asks for a card in the place of a lost one."""
    version: int = 1

    def verified(self, to: Target) -> CodeProof | None:
        return next((proof for proof in self.codes if proof.to is to), None)

    @property
    def code_targets(self) -> tuple[Target, ...]:
        """Where possession of the SIM is proved before the decision; a code from any of them does. Of a line in
        service the contact is the one on file."""
        if not self.can_receive:
            return (Target.CONTACT,)
        return (Target.LINE, Target.CONTACT) if self.line_id else (Target.LINE,)

    @property
    def possible_targets(self) -> tuple[Target, ...]:
        """Where a code may go: a new line's contact too, which owes none, but may be on a registry's record."""
        if self.line_id is None and Target.CONTACT not in self.code_targets:
            return (*self.code_targets, Target.CONTACT)
        return self.code_targets

    @property
    def needs_code(self) -> bool:
        """Where the line's own card is gone, or may not receive, no code is owed: a person looks instead."""
        return self.can_receive or self.line_id is None

    @property
    def has_code(self) -> bool:
        """Whether a code came back from one of the targets."""
        return any(self.verified(target) is not None for target in self.code_targets)

    @property
    def is_card_lost(self) -> bool:
        """A swap that the old card cannot confirm."""
        return self.purpose is Purpose.SIM_SWAP and not self.can_receive

    @property
    def awaits_line_code(self) -> bool:
        """The line is up but restricted until a code reaches it."""
        if self.line_id is not None:
            return False
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
    sim_lost: bool = False
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
