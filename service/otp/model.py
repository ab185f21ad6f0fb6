"""Nouns of one-time codes, and what is said no to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from service.kit.errors import Kind, LimitExceeded, Refusal
from service.kit.msisdn import Msisdn
from service.limits.model import LimitPolicy


class To(StrEnum):
    """Whom a code is sent to: the number that is being registered, another way to reach the applicant, or the number
    of a verification on its own."""

    LINE = "line"
    CONTACT = "contact"
    NUMBER = "number"


class Channel(StrEnum):
    """How a code travels. ``voice`` is offered only after an SMS."""

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
    """The newest challenge to one target of a subject, as Redis has it; never its code, its number or its digest.

    ``sealed`` is the number for a resend, under the key-encryption key; empty where the caller knows it.
    """

    id: UUID
    to: To
    state: ChallengeState
    channel: Channel
    expires_at: datetime
    resend_at: datetime
    attempts_left: int
    is_newest: bool
    verified_at: datetime | None = None
    sealed: bytes = b""
    dealer: UUID | None = None


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
class Behaviour:
    """How the codes of a registration were used. ``seconds``: from sending to coming back, the quickest; None where
    the sending is not in the history yet."""

    resends: int
    seconds: int | None


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
class Destination:
    """A number as everybody can compute it. ``country`` is ISO 3166-1 alpha-2, None where libphonenumber cannot
    tell; ``is_allocated``: its range is given out, as far as that library knows."""

    msisdn: Msisdn
    country: str | None
    line_type: str
    is_allocated: bool

    @property
    def block(self) -> str:
        """The number without its last four digits: what is bought and pumped together."""
        return self.msisdn.value[:-4]

    @property
    def hundred(self) -> str:
        return self.msisdn.value[:-2]


@dataclass(frozen=True, slots=True)
class TestNumber:
    """A fictitious number: nothing is sent to it, and its code is the one that the policy names."""

    code: str
    until: date


@dataclass(frozen=True, slots=True)
class Routes:
    """Names of senders, the first to be tried first. ``by_country`` is keyed by ISO 3166-1 alpha-2."""

    order: tuple[str, ...] = ()
    by_country: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    voice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CodePolicy:
    """One published version. ``prices``: micro-units for one SMS part, by ISO 3166-1 alpha-2 code; a country that is
    not in it gets no codes. ``line_types``: the kit's names."""

    limits: LimitPolicy
    ttl: timedelta
    attempts: int
    tombstone: timedelta
    claim: timedelta
    line_types: frozenset[str]
    allows_unallocated: bool
    prices: Mapping[str, int]
    work_bits: int
    """Leading zero bits that a proof of work needs."""

    test_numbers: Mapping[str, TestNumber] = field(default_factory=dict)
    routes: Routes = Routes()

    def test_number(self, msisdn: str, today: date) -> TestNumber | None:
        found = self.test_numbers.get(msisdn)
        return found if found is not None and today <= found.until else None


@dataclass(frozen=True, slots=True)
class Wording:
    """The templates of one language. ``base`` names operator, code, purpose and last digits; ``caller`` and
    ``shop`` say whom not to tell; ``holder`` gives ``{link}`` to whoever asked for no code; ``card_notice`` tells
    that a card is asked for in the place of the reader's."""

    base: str
    caller: str
    shop: str
    holder: str
    card_notice: str
    purposes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Verification:
    """A code on its own, as far as it is still known: Redis tells all, the history the status alone."""

    id: UUID
    status: str
    verified_at: datetime | None = None
    to_masked: str | None = None
    channel: Channel | None = None
    expires_at: datetime | None = None
    resend_at: datetime | None = None
    attempts_left: int = 0
    client_ref: str | None = None


@dataclass(frozen=True, slots=True)
class CodeEvent:
    """One line of the history. ``kind``: send, check, accepted, unsent, withheld, receipt. ``outcome`` of a send: sent,
    suppressed, denied, unfunded, challenged, test; of a check: verified, rejected, expired, exhausted, limited, absent;
    of the rest a word of their own. ``limit`` is the one that decided. ``facts`` of a send: ``names`` (keyed hashes by
    dimension), ``shadows`` and ``pressures`` (limits without room), and ``first``, ``shop``, ``solved``, ``refilled``
    where it is so; of a check that is expired: ``compared``, where a code of before was given and charged a try."""

    id: UUID
    at: datetime
    kind: str
    outcome: str
    limit: str | None = None
    subject: UUID | None = None
    challenge: UUID | None = None
    client_id: UUID | None = None
    dealer_id: UUID | None = None
    purpose: str | None = None
    country: str | None = None
    block: str | None = None
    channel: str | None = None
    language: str | None = None
    sender: str | None = None
    price: int | None = None
    policy: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class NoticeKind(StrEnum):
    """What a message without a code is about."""

    CARD_ASKED = "card-asked"
    NEW_LINE = "new-line"
    STEP = "step"

    @property
    def worth(self) -> timedelta:
        """A gateway that has not delivered it by then drops it."""
        return timedelta(hours=4) if self is NoticeKind.NEW_LINE else timedelta(hours=24)

    @property
    def repeats(self) -> bool:
        """Whether one whose answer was lost is sent again. Twice frightens more than it says; but what waits for this
        one would wait for ever."""
        return self is NoticeKind.CARD_ASKED


@dataclass(frozen=True, slots=True)
class Notice:
    """A message without a code, sealed while it waits under the key of ``subject``. ``about``, ``way`` and ``mark``
    name it within its kind: asked for twice it is sent once. ``is_kept``: what cannot be sent now is sent as soon as it
    can be; else whoever asked asks again."""

    operator: UUID
    kind: NoticeKind
    about: UUID
    way: str
    subject: UUID
    number: str = field(repr=False)
    mark: bytes = b""
    is_kept: bool = True


class Handed(StrEnum):
    """What became of a notice. The last four are for good."""

    SENT = "sent"
    MONEY = "money"
    """The day's money is spent."""
    SENDER = "sender"
    """No sender takes messages, or Redis, which keeps the money, is away: nothing has left."""
    BUSY = "busy"
    """Somebody else is handing it over, or its next try is not due."""
    WITHHELD = "withheld"
    UNCERTAIN = "uncertain"
    ERASED = "holder-erased"
    OVER = "over"
    """It waited till it was no longer so."""

    @property
    def waits(self) -> bool:
        return self in (Handed.MONEY, Handed.SENDER, Handed.BUSY)


@dataclass(frozen=True, slots=True)
class Told:
    """Notices of one kind that had one end, or none: how many, and since when. ``waits``: they
    will be tried again."""

    kind: NoticeKind
    outcome: Handed
    waits: bool
    many: int
    since: datetime


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


class ChallengeAsked(LimitExceeded):
    """Too many of this client's messages stand unanswered: solve the fact ``challenge`` and send it along."""

    title = "A challenge must be solved first"
