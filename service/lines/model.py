"""Nouns of a line in service: its states, its facts, and what it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from service.kit.errors import Kind, Refusal


class State(StrEnum):
    """``quarantined``: closed, and the number is not given out yet. ``closed`` is final."""

    ACTIVE = "active"
    RESTRICTED = "restricted"
    SUSPENDED = "suspended"
    QUARANTINED = "quarantined"
    CLOSED = "closed"

    @property
    def is_open(self) -> bool:
        """Whether the holder still has the line: it counts against caps and blocks its number and SIM."""
        return self in (State.ACTIVE, State.RESTRICTED, State.SUSPENDED)


class Action(StrEnum):
    """What a client or staff may ask for; also the last segment of the route."""

    RESTRICT = "restrict"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    CLOSE = "close"


AWAITING_CODE = "awaiting-code"
"""Restricted until a code sent to the line itself is verified (``api.md``, purpose ``new``)."""

CODE_NEVER_CAME = "code-never-came"
SERVICE_ENDED = "service-ended"
PROBATION = "probation"
LABELLED = "labelled"
"""Shown beside the other reasons of a line that carries a label, whatever its state."""
RESERVED = frozenset({AWAITING_CODE, CODE_NEVER_CAME, SERVICE_ENDED, PROBATION, LABELLED})
REVERIFY_DUE = "reverify-due"
"""Held until the holder has shown again who they are: the one reason that a re-verification lifts."""
ASSURANCES = ("none", "basic", "substantial", "high")
"""From doubt to certainty; ``substantial`` and above end a probation early."""
"""Reasons that the house gives by itself; nobody may assert them."""

REASON_PATTERN = "^[a-z]+(-[a-z]+){0,5}$"
"""A reason is a code of letters: no digit, so no number can be written into it. At most 48 characters."""


@dataclass(frozen=True, slots=True)
class LinePolicy:
    """Times of a line's life; the seed version of the policy holds the same figures."""

    quarantine: timedelta = timedelta(days=90)
    awaiting_code: timedelta = timedelta(hours=72)
    probation: "ProbationPolicy" = field(default_factory=lambda: ProbationPolicy())


@dataclass(frozen=True, slots=True)
class ProbationPolicy:
    """What a probation is. ``days`` of ordinary use end one that was restarted; a new line's length is its
    decision's. A day with more than ``callees`` distinct numbers called is not ordinary, and the network is asked
    to allow no more. A line is young for ``young``, and dormant once nobody used it for ``dormant``."""

    days: int = 30
    callees: int = 50
    young: timedelta = timedelta(days=90)
    dormant: timedelta = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Line:
    """A number in service. Number and ICCID are in ``sealed`` alone, under the subscriber's key.

    ``reasons`` say why the line is not active; ``held_until``, ``labelled_until``, ``awaiting_until``,
    ``service_until`` and ``quarantine_until`` are instants at which time alone changes it. A label bars nothing: until
    it ends whoever is called may be told that the number was reported. ``applied_version`` is the newest
    version that the network has confirmed; where it lags ``version``, the change is under way, or waits for
    staff if ``apply_failed`` says why.
    ``country`` is ISO 3166-1 alpha-2 of the number, for retention.

    ``probation_until`` is the earliest end of a probation, None where there is none; it ends once
    ``probation_days`` days of ordinary use were counted from ``probation_since`` on, of which there are
    ``ordinary_days``. ``judged_to`` is the last day (UTC) that was looked at, ``used_on`` the last on which the line
    was used, as far as the network told.
    """

    id: UUID
    operator_id: UUID
    subscriber_id: UUID
    registration_id: UUID
    state: State
    reasons: tuple[str, ...]
    assurance: str
    country: str
    holder_since: datetime
    dealer_id: UUID | None = None
    active_since: datetime | None = None
    sim_changed_at: datetime | None = None
    probation_until: datetime | None = None
    probation_since: datetime | None = None
    probation_days: int | None = None
    ordinary_days: int = 0
    judged_to: date | None = None
    used_on: date | None = None
    handset_changed_at: datetime | None = None
    service_until: datetime | None = None
    held_until: datetime | None = None
    labelled_until: datetime | None = None
    awaiting_until: datetime | None = None
    quarantine_until: datetime | None = None
    closed_at: datetime | None = None
    sealed: bytes | None = None
    applied_version: int = 1
    apply_failed: str | None = None
    version: int = 1

    @property
    def is_awaiting_code(self) -> bool:
        return self.awaiting_until is not None


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a line's sealed blob holds: MSISDN (E.164) and ICCID (None where an eSIM has none yet)."""

    msisdn: str
    iccid: str | None


@dataclass(frozen=True, slots=True)
class NewLine:
    """Facts of an approved registration that becomes a line.

    ``awaits_code``: the SIM could not receive before activation, so the line's own code is still owed.
    ``restricted_until``: a condition of the decision; outgoing traffic waits until then.
    """

    registration_id: UUID
    subscriber_id: UUID
    msisdn: str
    iccid: str | None
    country: str
    assurance: str
    dealer_id: UUID | None = None
    awaits_code: bool = False
    restricted_until: datetime | None = None
    probation_until: datetime | None = None
    service_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to a line; the workflow turns it into an event. ``reason`` is a code."""

    what: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the network is to let a line do. Emergency calls and the operator's care are not a choice here:
    whatever is connected may reach them (:attr:`emergency_and_care`)."""

    connected: bool
    outgoing: bool
    incoming: bool
    premium: bool = True
    """Premium-rate and international numbers may be called."""
    callees_a_day: int | None = None
    """How many distinct numbers may be called in a day of UTC; None: no budget."""
    label: str | None = None
    """What whoever is called may be told of the number, a code; None: nothing."""

    @property
    def emergency_and_care(self) -> bool:
        return self.connected


REPORTED = "reported"
"""The one label: people reported the number."""

FULL = Conditions(connected=True, outgoing=True, incoming=True)


@dataclass(frozen=True, slots=True)
class ActivationOrder:
    """What the provisioner needs to bring a line up; idempotent by ``registration_id``.

    ``prepare`` is asked with the same facts before there is a decision; it does not look at ``conditions``.
    """

    operator_id: UUID
    registration_id: UUID
    msisdn: str
    iccid: str | None
    imei: str | None
    plan: str
    form: str
    conditions: Conditions = FULL
    is_ported: bool = False
    """The number comes from another network, which is to be asked for it."""


@dataclass(frozen=True, slots=True)
class ConditionsOrder:
    """New conditions of a line; a repeated or older ``version`` changes nothing at the other end.

    ``numbers`` is None where the holder was erased: the other end then finds the line by its registration.
    """

    operator_id: UUID
    line_id: UUID
    registration_id: UUID
    version: int
    numbers: Numbers | None
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class SimOrder:
    """Another card for a line that is in service. Idempotent by ``change_id`` (the registration that asked for it)
    and ``is_undo``. ``before`` is the card that the line has, ``iccid`` the one that it gets, None where an eSIM
    has none yet. The network refuses it for a line that is not connected."""

    operator_id: UUID
    line_id: UUID
    registration_id: UUID
    change_id: UUID
    msisdn: str
    before: str | None
    iccid: str | None
    imei: str | None
    form: str
    is_undo: bool = False


@dataclass(frozen=True, slots=True)
class UseAsked:
    """What is asked about one line: how it was used on the days (UTC) ``since`` to ``until``, both included."""

    line_id: UUID
    registration_id: UUID
    msisdn: str
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class DayOfUse:
    """One day (UTC) on which the line was used: calls and messages out and in, and to how many distinct numbers."""

    day: date
    outgoing: int
    callees: int
    incoming: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """How a line was used. Days that are missing were silent. ``handset_changed_at``: when it was last seen in
    another handset than before, None where it was not; the first handset of a line is no change."""

    days: tuple[DayOfUse, ...] = ()
    handset_changed_at: datetime | None = None


UseByLine = Mapping[UUID, Use]
"""By line; a line that is missing is not known to the other side, and nothing follows for it."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """``can_receive``: whether the SIM can take a message before the line is activated."""

    can_receive: bool


@dataclass(frozen=True, slots=True)
class Done:
    """The network did it, now or on an earlier attempt."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It was not done, or we cannot know. ``code`` is a code of letters, digits and hyphens."""

    retryable: bool
    code: str


Outcome = Done | Failed


@dataclass(frozen=True, slots=True)
class Stock:
    """What the inventory says of one number or one card.

    ``allotted``: it may be sold by the dealer asked about (always true where no dealer was named and it is
    not set aside for one). ``unused``: nothing was ever activated on it, or it was given back.
    """

    ours: bool
    allotted: bool
    unused: bool

    @property
    def may_be_sold(self) -> bool:
        return self.ours and self.allotted and self.unused


@dataclass(frozen=True, slots=True)
class StockAnswer:
    """``sim`` is None where no card was asked about."""

    number: Stock
    sim: Stock | None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Back-off of work against the network: ``first``, doubled each time up to ``longest``, ``attempts`` in all."""

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(hours=1)
    attempts: int = 12


@dataclass(frozen=True, slots=True)
class RetryAt:
    at: datetime


@dataclass(frozen=True, slots=True)
class ListedForStaff:
    """No further attempt is made by itself: a person reads ``code`` and decides."""

    code: str


class NumberInUse(Refusal):
    code = "number-in-use"
    kind = Kind.CONFLICT
    title = "The number already has a line or an open registration here"


class SimInUse(Refusal):
    code = "sim-in-use"
    kind = Kind.CONFLICT
    title = "The SIM card already has a line or an open registration here"


class NumberInQuarantine(Refusal):
    """Fact ``free_at``: the instant from which the number may be given out."""

    code = "number-in-quarantine"
    kind = Kind.CONFLICT
    title = "The number was given back lately and rests before it has a new holder"


class SimNotInStock(Refusal):
    code = "sim-not-in-stock"
    kind = Kind.INVALID
    title = "The SIM card is not in the stock that may be sold here"


class NumberNotAllowed(Refusal):
    code = "number-not-allowed"
    kind = Kind.INVALID
    title = "This number may not be registered here"
