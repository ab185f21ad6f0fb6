"""Nouns of reports: states, votes, what a vote is worth and why."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class State(StrEnum):
    """``corroborated`` is reached by counting; ``confirmed`` and ``dismissed`` by a person alone."""

    FILED = "filed"
    CORROBORATED = "corroborated"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    APPEALED = "appealed"

    @property
    def is_open(self) -> bool:
        """Whether votes still join it. What comes after a decision, or during an appeal, is a new report."""
        return self in (State.FILED, State.CORROBORATED)

    @property
    def is_decided(self) -> bool:
        return self in (State.CONFIRMED, State.DISMISSED)


class Kind(StrEnum):
    """What a reporter says happened (``api.md``)."""

    SCAM_CALL = "scam_call"
    SCAM_SMS = "scam_sms"
    SPAM = "spam"
    IMPERSONATION = "impersonation"
    NOT_MINE = "not_mine"

    @property
    def topic(self) -> "Topic":
        return Topic.OWNERSHIP if self is Kind.NOT_MINE else Topic.CONDUCT


class Topic(StrEnum):
    """``conduct``: what the line was used for. ``ownership``: it is in the reporter's name and not theirs; the person
    whose identity it hangs on is then the victim, so that the two are never judged together."""

    CONDUCT = "conduct"
    OWNERSHIP = "ownership"


class Place(StrEnum):
    """Whose line it is. ``elsewhere``: none of this operator's; whether it is another operator's here is not told."""

    OURS = "ours"
    ELSEWHERE = "elsewhere"


class Told(StrEnum):
    """What of a state is shown on the wire where nothing more may be: a matter of time alone."""

    FILED = "filed"
    CLOSED = "closed"


class Why(StrEnum):
    """What a vote is worth: it ``counts``, or the first thing that stands against it."""

    COUNTS = "counts"
    NOT_WEIGHED = "not-weighed"
    """Not looked at yet."""

    OTHER_OPERATOR = "other-operator"
    """Filed with another operator of this installation."""

    OWNERSHIP = "ownership"
    """Says that the line is not theirs: that goes to a person and needs no others."""

    UNPROVED = "unproved"
    """No verification of the reporter's number, or not a recent one of this operator."""

    NO_LINE = "no-line"
    """The reporter's number is no line of this operator, so nothing is known of them."""

    OWN_LINE = "own-line"
    """The reporter is the line that is reported."""

    YOUNG_LINE = "young-line"
    FRESH_SIM = "fresh-sim"
    """The reporter's SIM was changed too short a while ago: the code proves who holds it now."""

    EARLIER_HOLDER = "earlier-holder"
    """It happened before the present holder had the number."""

    OUT_OF_TIME = "out-of-time"
    """Filed, or happened, before the time in which votes are counted together."""

    LOW_REPUTATION = "low-reputation"
    REPEATED = "repeated"
    """This reporter's vote is counted already."""

    LINKED = "linked"
    """A vote of somebody linked to this reporter, or to the reported line's holder, is counted already."""

    SAME_DEALER = "same-dealer"
    SAME_CLIENT = "same-client"
    ERASED = "erased"
    """The reporter was erased."""


FALSE_REPORTS = "false-reports"
CONFIRM_REASONS = ("reports-agree", "evidence-seen", "holder-admits", "appeal-upheld", "appeal-dismissed")
DISMISS_REASONS = (
    FALSE_REPORTS,
    "number-spoofed",
    "nothing-found",
    "holder-explained",
    "appeal-upheld",
    "appeal-dismissed",
)
"""Of these only ``false-reports`` lowers reporters' reputation: who was called by somebody who showed a false number
told the truth."""

APPEAL_REASONS = ("holder-asked", "reporter-asked")


@dataclass(frozen=True, slots=True)
class ReportPolicy:
    """Of ``policy/reports.toml``; reputation in permille.

    ``required`` votes within ``window``: the Telecom Regulatory Authority of India acts on five unique complaints in
    ten days (TCCCPR, second amendment, February 2025).
    """

    required: int = 5
    window: timedelta = timedelta(days=10)
    least_line: timedelta = timedelta(days=30)
    sim_rest: timedelta = timedelta(hours=72)
    proof: timedelta = timedelta(minutes=30)
    most_per_client: int = 2
    most_per_dealer: int = 2
    falls_by: int = 350
    rises_by: int = 200
    least_reputation: int = 500
    memory: timedelta = timedelta(days=365)
    appeal: timedelta = timedelta(days=30)
    told: timedelta = timedelta(days=30)
    """After this a report on a line that is not ours reads ``closed``, whatever became of it."""

    keep: timedelta = timedelta(days=365)
    """How long after the decision, or the last vote, a report is kept."""


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What is known of a number that is a line here. ``since``: when its present holder had it."""

    line_id: UUID
    registration_id: UUID
    subscriber_id: UUID
    dealer_id: UUID | None
    since: datetime
    sim_changed_at: datetime | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """What a client files for a reporter. Numbers are E.164; ``verification`` is what proves the reporter's."""

    reported: str
    kind: Kind
    happened_at: datetime | None = None
    reporter: str | None = None
    verification: UUID | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Filer:
    """The client that files; ``dealer_id`` where its key is bound to one."""

    operator_id: UUID
    client_id: UUID
    dealer_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What is said of one line on one topic. ``registration_id`` is what opened the line; both are None elsewhere,
    where ``secret`` holds the number. ``votes`` is how many were filed, ``counted`` how many of them count.

    ``version`` counts changes of the state, not votes: a flood of them keeps nobody from deciding.
    """

    id: UUID
    operator_id: UUID
    topic: Topic
    place: Place
    state: State
    opened_at: datetime
    last_filed_at: datetime
    line_id: UUID | None = None
    registration_id: UUID | None = None
    holder_since: datetime | None = None
    votes: int = 1
    counted: int = 0
    corroborated_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    reason: str | None = None
    appealed_at: datetime | None = None
    secret: bytes | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Vote:
    """What one reporter said, once. Nothing of the reporter's number: where it is proved and a line here, its line and
    what was known of it then. ``weight`` is the reporter's reputation, permille, when it was last weighed."""

    id: UUID
    report_id: UUID
    kind: Kind
    filed_at: datetime
    client_id: UUID | None
    dealer_id: UUID | None = None
    happened_at: datetime | None = None
    proved_at: datetime | None = None
    line_id: UUID | None = None
    registration_id: UUID | None = None
    subscriber_id: UUID | None = None
    line_since: datetime | None = None
    line_dealer_id: UUID | None = None
    sim_changed_at: datetime | None = None
    sealed: bytes | None = None
    secret: bytes | None = None
    why: Why = Why.NOT_WEIGHED
    weight: int | None = None

    @property
    def said_of(self) -> datetime:
        """When it happened, as far as anybody said."""
        return self.happened_at or self.filed_at


@dataclass(frozen=True, slots=True)
class Weighed:
    vote_id: UUID
    why: Why
    weight: int | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many votes count, and what each is worth."""

    counted: int
    votes: tuple[Weighed, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to a report; the workflow turns it into an event."""

    to: State
    reason: str | None = None
