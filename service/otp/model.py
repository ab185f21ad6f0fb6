"""Nouns of one-time codes, and what is said no to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from service.kit.errors import Kind, Refusal
from service.limits.model import LimitPolicy


class To(StrEnum):
    """Whom a code is sent to: the number that is being registered, or another way to reach the applicant."""

    LINE = "line"
    CONTACT = "contact"


class Channel(StrEnum):
    """How a code travels."""

    SMS = "sms"
    VOICE = "voice"


class ChallengeState(StrEnum):
    LIVE = "live"
    USED = "used"
    EXHAUSTED = "exhausted"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Challenge:
    """The newest challenge to one target of a registration, as Redis has it; never its code or number.

    ``number`` is a keyed hash of the number under the ``volatile`` key, good for naming budgets and for
    binding the digest. ``digest`` is not carried: only the script reads it.
    """

    id: UUID
    to: To
    state: ChallengeState
    purpose: str
    number: bytes
    expires_at: datetime
    resend_at: datetime
    attempts_left: int
    is_newest: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """A right code was given. ``challenge_id`` makes recording it idempotent."""

    registration_id: UUID
    to: To
    challenge_id: UUID
    verified_at: datetime
    tries: int = 1
    """Comparisons it took, this one included."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The answer to a send. It is the same whether a message left or was silently held back."""

    challenge_id: UUID
    to: To
    to_masked: str
    channel: Channel
    expires_at: datetime
    resend_at: datetime
    attempts_left: int


@dataclass(frozen=True, slots=True)
class Message:
    """What a sender is given. ``text`` holds the code and ``number`` the E.164 number: neither is ever shown."""

    id: UUID
    number: str = field(repr=False)
    channel: Channel
    language: str
    text: str = field(repr=False)
    sent_at: datetime
    deliver_by: datetime


@dataclass(frozen=True, slots=True)
class Accepted:
    """A sender took the message. ``reference`` is the sender's own id of it, for receipts; None where it has none.

    ``more``: the ids of the further parts where a long message is acknowledged part by part.
    """

    sender: str
    reference: str | None = None
    more: tuple[str, ...] = ()

    @property
    def references(self) -> tuple[str, ...]:
        return () if self.reference is None else (self.reference, *self.more)


class Delivery(StrEnum):
    """What became of an accepted message. ``undelivered`` and ``rejected`` are the network's words for never."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A sender's word on a message. ``reference``: what :class:`Accepted` named it by. ``at``: when it says it was,
    or when the receipt came where the sender's clock tells no zone."""

    sender: str
    reference: str
    outcome: Delivery
    at: datetime


@dataclass(frozen=True, slots=True)
class CodePolicy:
    """One published version. ``countries`` holds ISO 3166-1 alpha-2 codes or ``*``; ``line_types`` the kit's names."""

    limits: LimitPolicy
    ttl: timedelta
    attempts: int
    tombstone: timedelta
    claim: timedelta
    line_types: frozenset[str]
    countries: frozenset[str]


@dataclass(frozen=True, slots=True)
class Wording:
    """The templates of one language. ``base`` names operator, code, purpose and last digits; ``caller`` and
    ``shop`` say whom not to tell; ``holder`` gives ``{link}`` to whoever asked for no code."""

    base: str
    caller: str
    shop: str
    holder: str
    purposes: Mapping[str, str]


class OtpExpired(Refusal):
    """Expired, superseded, used, withdrawn or never sent: which of them is nobody's business."""

    code = "otp-expired"
    kind = Kind.GONE
    title = "There is no code to compare with; ask for a new one"


class OtpExhausted(Refusal):
    code = "otp-exhausted"
    kind = Kind.GONE
    title = "This code was guessed at too often; ask for a new one"


class OtpRejected(Refusal):
    """Fact ``attempts_left``: 0 where this was the last one."""

    code = "otp-rejected"
    kind = Kind.INVALID
    title = "The code is not right"

    def __init__(self, attempts_left: int) -> None:
        super().__init__(attempts_left=attempts_left)


class NumberNotAllowed(Refusal):
    """For facts that anyone can compute alone: country policy, line type."""

    code = "number-not-allowed"
    kind = Kind.INVALID
    title = "Codes are not sent to numbers of this kind"
