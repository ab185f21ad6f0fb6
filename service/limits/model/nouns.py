"""Nouns of limits: the kinds of bucket, what a budget remembers, and the answer.

All instants and durations are whole microseconds (since 1970 for instants): Lua counts in doubles, which
hold them exactly until the year 2255. Money is whole micro-units of a currency.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID

from service.limits.model.names import SHARES, Limit, Share


class Stage(StrEnum):
    """What a bucket is for. The values are the wire to Lua."""

    ENFORCED = "enforced"
    SHADOW = "shadow"
    """Judged and charged as if it were enforced; binds nobody."""

    PRESSURE = "pressure"
    """Charged whatever becomes of the request; binds nobody."""

    COUNTED = "counted"
    """Charged as if it were enforced, full or not; binds nobody. Of no policy: a gate whose challenge was solved, or a
    resend behind it, is at this stage for one request."""


@dataclass(frozen=True, slots=True)
class Gcra:
    """Smoothing: one every ``interval_us``, ``burst`` at once. Lets up to twice as many through in one period, so
    that "at most N in T" is always a :class:`Window` (ITU-T I.371, the virtual scheduling algorithm)."""

    interval_us: int
    burst: int


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``count`` (20 at most: each is remembered) in any ``period_us``, exactly."""

    count: int
    period_us: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """After the n-th, wait ``waits_us[n-1]`` (the last one from then on); all is forgotten after ``quiet_us``."""

    waits_us: tuple[int, ...]
    quiet_us: int


@dataclass(frozen=True, slots=True)
class Streak:
    """At most ``count`` in a row: only a success begins again."""

    count: int


@dataclass(frozen=True, slots=True)
class Unverified:
    """So many may stand unanswered in a rolling ``period_us``: ``floor``, or ``per_cent`` of those that were
    verified in it, whichever is more."""

    floor: int
    per_cent: int
    period_us: int


@dataclass(frozen=True, slots=True)
class Purse:
    """``price``, micro-units, is taken from what PostgreSQL has leased."""

    price: int


@dataclass(frozen=True, slots=True)
class Block:
    """Full until an instant that somebody set."""


Bucket = Gcra | Window | Schedule | Streak | Unverified | Purse | Block


@dataclass(frozen=True, slots=True)
class Until:
    """What a :class:`Gcra` remembers, the instant at which it is empty; and a :class:`Block`, until when it holds."""

    at_us: int = 0


@dataclass(frozen=True, slots=True)
class Marks:
    """What a :class:`Window` remembers: the instants of the last charges, newest first, never rising."""

    at_us: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What a :class:`Schedule` remembers: how many in this run, the last instant and the one before it."""

    count: int = 0
    last_us: int = 0
    before_us: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """What a :class:`Streak` remembers."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class Halves:
    """What an :class:`Unverified` remembers: the period's number since 1970, and what was sent and verified in it
    and in the one before."""

    slot: int = 0
    sent: int = 0
    sent_before: int = 0
    ok: int = 0
    ok_before: int = 0


@dataclass(frozen=True, slots=True)
class Slice:
    """What a :class:`Purse` holds, micro-units; None: nothing was leased."""

    left: int | None = None


State = Until | Marks | Run | Tally | Halves | Slice


@dataclass(frozen=True, slots=True)
class Charge:
    """One budget to be charged: ``key`` is its name in Redis. Where a limit has several buckets they share the key, and
    ``part`` tells them apart."""

    limit: Limit
    key: str
    bucket: Bucket
    stage: Stage = Stage.ENFORCED
    part: str = ""

    @property
    def share(self) -> Share:
        return SHARES.get(self.limit, Share.OWN)


class Outcome(IntEnum):
    """The numbers are the wire between Lua and Python."""

    DENIED = 0
    ALLOWED = 1
    SUPPRESSED = 2
    SHORT = 3
    """The purse holds less than the price: nothing was charged."""

    CHALLENGED = 4
    """A gate asks for a solved challenge first: nothing was charged."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a spend.

    DENIED: nothing enforced was written; ``limit`` is the strictest of the caller's own and ``free_us`` the instant
    from which it has room. ALLOWED: all are charged; ``free_us`` is the earliest instant at which the caller's own
    budgets would allow the same again. SUPPRESSED: as ALLOWED to the eye; only the caller's own were charged
    and ``limit`` is the shared one that is full. ``now_us`` is the instant that was charged, for a refund.
    ``shadows`` and ``pressures`` are the limits of those stages that had no room; ``skipped`` says which of the charges
    that were asked for were shadows without room, by their places: these alone were not charged.
    """

    outcome: Outcome
    limit: Limit | None
    free_us: int
    now_us: int
    shadows: tuple[Limit, ...] = ()
    pressures: tuple[Limit, ...] = ()
    skipped: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """The buckets of one limit and the stage that they are at."""

    buckets: tuple[Bucket, ...]
    stage: Stage = Stage.ENFORCED


@dataclass(frozen=True, slots=True)
class Money:
    """What an operator's messages may cost in a day of UTC, micro-units; PostgreSQL leases it in slices."""

    currency: str
    per_day: int
    slice: int


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """One published version: the rule of each limit. A limit that is not in it does not bind; without ``money`` no
    purse does."""

    version: str
    rules: Mapping[Limit, Rule] = field(default_factory=dict)
    money: Money | None = None


@dataclass(frozen=True, slots=True)
class SendBlock:
    """Somewhere no codes go until an instant. ``place``: a country, a number block or a client's id; for a number it
    is None and ``sealed`` holds the number under the key-encryption key. ``reason`` is a code; ``made_by`` is guard,
    holder or an id of staff. ``lifted_*`` say that somebody ended it before its time."""

    id: UUID
    limit: Limit
    place: str | None
    client_id: UUID | None
    sealed: bytes | None = field(repr=False)
    reason: str
    made_by: str
    made_at: datetime
    until: datetime
    lifted_at: datetime | None = None
    lifted_by: str | None = None

    def holds(self, now: datetime) -> bool:
        return self.lifted_at is None and now < self.until


class PolicyInvalid(ValueError):
    """A policy file that must not replace a good one; the text names the place, it holds no input from outside."""
