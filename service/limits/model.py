"""Nouns of limits: their names, the two kinds of bucket, what a budget remembers, and the answer.

All instants and durations are whole microseconds (since 1970 for instants): Lua counts in doubles, which
hold them exactly until the year 2255.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Limit(StrEnum):
    """Every limit there is, named action-Per-key; the value is the fact ``limit`` of a refusal.

    If you add one, you MUST say here what its budget is keyed by, give it buckets in ``policy/limits.toml``,
    put it into :data:`SHARED` if anyone but the caller can charge it, and write it into ``docs/limits.md``.

    A budget of the caller's own is keyed by operator **and client**, so that ``retry_at`` tells a client
    nothing about what other clients sent to the same number.
    """

    OTP_SENDS_PER_MSISDN = "OtpSendsPerMsisdn"
    """Messages with a code to one number. Key: operator, client, number."""

    OTP_SENDS_PER_MSISDN_EVERYWHERE = "OtpSendsPerMsisdnEverywhere"
    """The same over all operators and clients: shields a victim from bombing. Key: number. Shared."""

    OTP_SENDS_PER_CLIENT = "OtpSendsPerClient"
    """Key: operator, client."""

    OTP_SENDS_PER_DEALER = "OtpSendsPerDealer"
    """Key: operator, client, dealer: a dealer that a client merely asserts cannot use up another key's budget."""

    OTP_CHECKS_PER_CLIENT = "OtpChecksPerClient"
    """Codes compared for one client. Key: operator, client."""

    OTP_WRONG_CODES_PER_MSISDN = "OtpWrongCodesPerMsisdn"
    """Wrong codes for one number; a new code does not refill it. Key: operator, client, number."""


SHARED = frozenset({Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE})
"""Limits that others charge too. Which they are is structure, not policy: a mistake here would tell."""


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``count`` in any ``period_us``, exactly: a rolling window, not a bucket that refills."""

    count: int
    period_us: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """After the n-th, wait ``waits_us[n-1]`` (the last one from then on); all is forgotten after ``quiet_us``."""

    waits_us: tuple[int, ...]
    quiet_us: int


Bucket = Window | Schedule


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


State = Marks | Run


@dataclass(frozen=True, slots=True)
class Charge:
    """One budget to be charged: ``key`` is its name in Redis."""

    limit: Limit
    key: str
    bucket: Bucket

    @property
    def is_shared(self) -> bool:
        return self.limit in SHARED


class Outcome(IntEnum):
    """The numbers are the wire between Lua and Python."""

    DENIED = 0
    ALLOWED = 1
    SUPPRESSED = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a spend.

    DENIED: nothing was written; ``limit`` is the strictest of the caller's own and ``free_us`` the instant from
    which it has room. ALLOWED: all are charged; ``free_us`` is the earliest instant at which the caller's own
    budgets would allow the same again. SUPPRESSED: as ALLOWED to the eye; only the caller's own were charged
    and ``limit`` is the shared one that is full. ``now_us`` is the instant that was charged, for a refund.
    """

    outcome: Outcome
    limit: Limit | None
    free_us: int
    now_us: int


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """One published version: the buckets of each limit. A limit that is not in it does not bind."""

    version: str
    buckets: Mapping[Limit, tuple[Bucket, ...]]


class PolicyInvalid(ValueError):
    """A policy file that must not replace a good one; the text names the place, it holds no input from outside."""
