"""Nouns of the response: the steps of the ladder, what was done to a line and why, the ring's proposal, refusals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from service.kit.errors import Kind, Refusal, StateConflict


class Step(StrEnum):
    """The rungs, the mildest first. ``label`` tells who is called; ``restrict`` bars outgoing traffic for a time;
    ``hold`` bars it until the holder is verified again; ``close`` cannot be undone."""

    LABEL = "label"
    RESTRICT = "restrict"
    HOLD = "hold"
    SUSPEND = "suspend"
    CLOSE = "close"

    @property
    def rank(self) -> int:
        return list(Step).index(self)

    @property
    def is_final(self) -> bool:
        return self is Step.CLOSE


class Ground(StrEnum):
    """On whose word: ``reported`` people alone, ``confirmed`` a person of ours who confirmed a report, ``ring`` two of
    ours who approved an action on a ring. ``ownership``: confirmed, that the line is in the name of somebody who never
    asked for it; whose papers it hangs on is then the victim, and is not struck. ``hand``: staff or a client acted on
    the line by hand, for a reason of their own."""

    REPORTED = "reported"
    CONFIRMED = "confirmed"
    OWNERSHIP = "ownership"
    RING = "ring"
    HAND = "hand"


class SourceKind(StrEnum):
    REPORT = "report"
    RING = "ring"
    ACT = "act"


@dataclass(frozen=True, slots=True)
class Source:
    """What an action or a strike goes back to, and is undone by."""

    kind: SourceKind
    id: UUID


class State(StrEnum):
    """``waiting``: for the notice, then for its time. ``referred``: for a person. ``void``: the line ended before."""

    WAITING = "waiting"
    REFERRED = "referred"
    IN_FORCE = "in_force"
    LIFTED = "lifted"
    UNDONE = "undone"
    REFUSED = "refused"
    VOID = "void"

    @property
    def is_pending(self) -> bool:
        return self in (State.WAITING, State.REFERRED)


class Guard(StrEnum):
    """Why a person comes first."""

    TENURED = "tenured"
    BUSINESS = "business"
    PUBLIC_SERVICE = "public-service"
    REPEATED = "repeated"
    FINAL = "final"
    UNREACHED = "unreached"
    """The holder could not be told: a bar that needs notice is not set by itself."""


class Mark(StrEnum):
    """What staff have marked a line as."""

    BUSINESS = "business"
    PUBLIC_SERVICE = "public-service"


_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsePolicy:
    """The figures of the ladder. Bars follow TRAI 2025: a first breach bars outgoing traffic for 15 days."""

    notice: timedelta = timedelta(hours=24)
    """How long after the notice was sent a restriction on reports alone begins."""
    label: timedelta = 15 * _DAY
    bars: tuple[timedelta, ...] = (15 * _DAY, 30 * _DAY, 90 * _DAY)
    """A restriction's length by how many breaches came before; the last for all further ones."""
    hold: timedelta = 14 * _DAY
    """Within this the holder is verified again; then a person looks. The hold itself does not end by time."""
    on_confirmed: tuple[Step, ...] = (Step.HOLD, Step.SUSPEND)
    """The step on a confirmed report by how many breaches came before. Never :attr:`Step.CLOSE`."""
    repeats: int = 2
    """From so many breaches on, a person is asked about the next step too."""
    memory: timedelta = 365 * _DAY
    """A breach counts this long."""
    tenure: timedelta = 365 * _DAY
    """A line that its holder has had this long goes to a person first."""
    appeal_within: timedelta = 30 * _DAY
    proposal: timedelta = 7 * _DAY
    """A ring's proposal that nobody approved within this is worth nothing."""
    suspend_strength: int = 600
    """Members of a ring that hang on it this strongly (0 to 1,000) are suspended, others held."""
    few_lines: int = 5
    sole_percent: int = 50
    """A person or a device is struck where it has so few lines, or where more than this share of them are the
    ring's."""
    dealer_lines: int = 3
    dealer_percent: int = 20
    dealer_days: int = 90
    """A dealer is struck only for so many lines of the ring, and this share of its lines within these days."""

    def __post_init__(self) -> None:
        if Step.CLOSE in self.on_confirmed or not self.on_confirmed or not self.bars:
            raise ValueError("closing is never automatic, and each list has a first entry")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the ladder looks at. ``is_open``: the holder still has the line."""

    is_open: bool
    holder_since: datetime
    marks: frozenset[Mark] = frozenset()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a line stood: ``state`` is restricted or suspended, ``reason`` the last of its reasons."""

    state: str
    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class LineAction:
    """One entry of a line's ledger. ``until`` is its expiry, for a hold the day on which a person looks; ``moved``
    says that it changed the line, rather than finding it as strict already, and ``was`` how it stood then. ``by`` and
    ``decided_by`` are ids of staff, of an act by hand also of a client, or ``system``. ``reason`` is the code that was
    given for an act by hand."""

    id: UUID
    operator_id: UUID
    line_id: UUID
    registration_id: UUID
    step: Step
    ground: Ground
    source: Source
    state: State
    at: datetime
    by: str = "system"
    guard: Guard | None = None
    bar: timedelta | None = None
    notice_at: datetime | None = None
    due_at: datetime | None = None
    taken_at: datetime | None = None
    until: datetime | None = None
    moved: bool = False
    was: "Standing | None" = None
    appealed_at: datetime | None = None
    appeal_outcome: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    undone_at: datetime | None = None
    undone_reason: str | None = None
    reason: str | None = None
    version: int = 1

    def is_in_force(self, now: datetime) -> bool:
        """A hold stays in force past its day: it ends by verification or by a person."""
        if self.state is not State.IN_FORCE:
            return False
        return self.step in (Step.HOLD, Step.CLOSE) or self.until is None or self.until > now


@dataclass(frozen=True, slots=True)
class Planned:
    """A step that the ladder asks for. ``bar`` is its length, None where it does not end by itself."""

    step: Step
    state: State
    bar: timedelta | None = None
    guard: Guard | None = None


class NoticeKind(StrEnum):
    ANNOUNCED = "announced"
    TAKEN = "taken"
    UNDONE = "undone"


LONGEST_APPEAL = 1000
"""Characters of what a holder writes."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a holder is told: which step, why (a code), from when and until when, and that they may appeal. Ids and
    codes alone; whoever sends it finds the number by the line. ``appeal_link`` is for the holder's eyes only: it
    appeals, once."""

    operator_id: UUID
    action_id: UUID
    line_id: UUID
    kind: NoticeKind
    step: Step
    reason: str
    begins_at: datetime | None
    until: datetime | None
    may_appeal: bool
    appeal_link: str | None = field(default=None, repr=False)
    asked_at: datetime | None = None
    """When the step was asked for: taken back and taken anew, it is told anew."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A sender accepted it, now or on an earlier attempt."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """``code`` is a code of letters and hyphens."""

    retryable: bool
    code: str


class RingState(StrEnum):
    """``found``: by the rules, nobody has proposed anything yet."""

    FOUND = "found"
    PROPOSED = "proposed"
    APPROVED = "approved"
    DONE = "done"
    REFUSED = "refused"
    UNDONE = "undone"

    @property
    def is_open(self) -> bool:
        return self in (RingState.FOUND, RingState.PROPOSED)


class MemberState(StrEnum):
    PLANNED = "planned"
    TAKEN = "taken"
    REFERRED = "referred"
    SKIPPED = "skipped"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Member:
    """One line of a ring: why it is in it and what would be done. ``strikes`` are the kinds of holdings that would be
    struck. ``step`` is None where nothing can be done to the line any more; its identity is struck all the same."""

    registration_id: UUID
    line_id: UUID | None
    hop: int
    strength: int
    via: tuple[str, ...]
    step: Step | None
    guard: Guard | None = None
    strikes: tuple[str, ...] = ()
    state: MemberState = MemberState.PLANNED


@dataclass(frozen=True, slots=True)
class RingAction:
    """What is proposed against a ring. ``digest`` is of the members and their steps: an approval is given to it."""

    id: UUID
    operator_id: UUID
    report_id: UUID
    root: UUID
    digest: str
    score: int
    state: RingState
    found_at: datetime
    expires_at: datetime
    members: tuple[Member, ...]
    proposed_by: str | None = None
    proposed_at: datetime | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Sharing:
    """How many lines hang on a thing that a member hangs on, and how many of those are the ring's."""

    lines: int
    ours: int


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """What the plan for a ring looks at beside the links. ``sharing`` is by kind of holding."""

    facts: Facts
    line_id: UUID | None
    sharing: Mapping[str, Sharing] = field(default_factory=dict)


class RingChanged(StateConflict):
    """The ring is not the one that was proposed: its members, or what would be done to them, have changed."""

    code = "ring-changed"
    title = "The ring has changed since it was proposed"

    def __init__(self) -> None:
        super().__init__("changed", ("propose",), "Look at it again and propose it anew.")


class SecondPersonNeeded(Refusal):
    """Who acted does not also approve it or judge its appeal."""

    code = "second-person-needed"
    kind = Kind.FORBIDDEN
    title = "This needs another person than the one who acted before"
