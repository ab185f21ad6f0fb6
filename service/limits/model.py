"""Nouns of limits: their names, the kinds of bucket, what a budget remembers, and the answer.

All instants and durations are whole microseconds (since 1970 for instants): Lua counts in doubles, which
hold them exactly until the year 2255. Money is whole micro-units of a currency.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID


class Limit(StrEnum):
    """Every limit there is, named action-Per-key; the value is the fact ``limit`` of a refusal.

    If you add one, you MUST say here what its budget is keyed by (:data:`DIMENSION`), give it buckets in
    ``policy/limits.toml``, put it into :data:`SHARES` unless it is the caller's own, and write it into
    ``docs/limits.md``.

    A budget of the caller's own is keyed by operator **and client**, so that ``retry_at`` tells a client
    nothing about what other clients sent to the same number.
    """

    OTP_SENDS_PER_MSISDN = "OtpSendsPerMsisdn"
    """Messages with a code to one number."""

    OTP_SENDS_PER_MSISDN_EVERYWHERE = "OtpSendsPerMsisdnEverywhere"
    """The same over all operators and clients: shields a victim from bombing. Shared."""

    OTP_SENDS_PER_CLIENT = "OtpSendsPerClient"
    OTP_SENDS_PER_DEALER = "OtpSendsPerDealer"
    """A dealer that a client merely asserts cannot use up another key's budget: the client is in its key."""

    OTP_SENDS_PER_IP = "OtpSendsPerIp"
    """By the applicant's address as the caller says it: an IPv4 address, or the /64 of an IPv6 one."""

    OTP_SENDS_PER_NETWORK = "OtpSendsPerNetwork"
    """The /48 of an IPv6 address, the /24 of an IPv4 one."""

    OTP_SENDS_PER_DEVICE = "OtpSendsPerDevice"
    OTP_SENDS_PER_BLOCK = "OtpSendsPerBlock"
    """The number without its last four digits."""

    OTP_SENDS_PER_COUNTRY = "OtpSendsPerCountry"
    OTP_CHALLENGE_PER_CLIENT = "OtpChallengePerClient"
    """Gate: with so many messages of this client unanswered, the first one to a number wants a solved challenge."""

    OTP_NEIGHBOURS_PER_HUNDRED = "OtpNeighboursPerHundred"
    """First messages to numbers that differ in their last two digits alone. Shared."""

    OTP_UNVERIFIED_PER_COUNTRY = "OtpUnverifiedPerCountry"
    OTP_UNVERIFIED_PER_BLOCK = "OtpUnverifiedPerBlock"
    OTP_UNVERIFIED_PER_IP = "OtpUnverifiedPerIp"
    OTP_UNVERIFIED_EVERYWHERE = "OtpUnverifiedEverywhere"
    """The breaker: all messages of an operator. Shared."""

    OTP_BLOCKED_MSISDN = "OtpBlockedMsisdn"
    """The holder's wish, or staff's: no codes of this client to this number. Shared."""

    OTP_BLOCKED_MSISDN_EVERYWHERE = "OtpBlockedMsisdnEverywhere"
    OTP_BLOCKED_BLOCK = "OtpBlockedBlock"
    OTP_BLOCKED_COUNTRY = "OtpBlockedCountry"
    OTP_BLOCKED_CLIENT = "OtpBlockedClient"
    OTP_BLOCKED_EVERYWHERE = "OtpBlockedEverywhere"
    OTP_MONEY_PER_DAY = "OtpMoneyPerDay"
    """What an operator's messages may cost in a day of UTC. A purse."""

    OTP_SEND_ATTEMPTS_PER_CLIENT = "OtpSendAttemptsPerClient"
    """Asked for, sent or not: what an attack looks like from here. Pressure."""

    OTP_CHECKS_PER_CLIENT = "OtpChecksPerClient"
    """Codes compared for one client."""

    OTP_CHECKS_PER_IP = "OtpChecksPerIp"
    OTP_WRONG_CODES_PER_MSISDN = "OtpWrongCodesPerMsisdn"
    """Wrong codes for one number; a new code does not refill it."""

    OTP_SPRAYED_PER_CLIENT = "OtpSprayedPerClient"
    """Codes whose first answer was wrong: one guess at each of many numbers."""

    OTP_SPRAYED_PER_IP = "OtpSprayedPerIp"


class Share(StrEnum):
    """Who charges a budget, which is who may be told of it. The values are the wire to Lua."""

    OWN = "own"
    SHARED = "shared"
    GATE = "gate"
    PURSE = "purse"


SHARES: Mapping[Limit, Share] = {
    Limit.OTP_CHALLENGE_PER_CLIENT: Share.GATE,
    Limit.OTP_MONEY_PER_DAY: Share.PURSE,
    **dict.fromkeys(
        (
            Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE,
            Limit.OTP_NEIGHBOURS_PER_HUNDRED,
            Limit.OTP_UNVERIFIED_PER_COUNTRY,
            Limit.OTP_UNVERIFIED_PER_BLOCK,
            Limit.OTP_UNVERIFIED_PER_IP,
            Limit.OTP_UNVERIFIED_EVERYWHERE,
            Limit.OTP_BLOCKED_MSISDN,
            Limit.OTP_BLOCKED_MSISDN_EVERYWHERE,
            Limit.OTP_BLOCKED_BLOCK,
            Limit.OTP_BLOCKED_COUNTRY,
            Limit.OTP_BLOCKED_CLIENT,
            Limit.OTP_BLOCKED_EVERYWHERE,
        ),
        Share.SHARED,
    ),
}
"""Limits that are not the caller's own. Which they are is structure, not policy: a mistake here would tell."""

SHARED = frozenset(limit for limit, share in SHARES.items() if share is Share.SHARED)


class Dimension(StrEnum):
    """What a budget is keyed by; the value stands in the names of Redis. Each says its parts, after the label."""

    OPERATOR = "o"
    CLIENT = "c"
    DEALER = "d"
    """operator, client, dealer."""

    MSISDN = "n"
    """operator, client, number."""

    MSISDN_EVERYWHERE = "N"
    """number."""

    MSISDN_OPERATOR = "m"
    """operator, number."""

    IP = "i"
    """operator, client, address."""

    IP_OPERATOR = "J"
    """operator, address."""

    NETWORK = "I"
    """operator, client, network."""

    DEVICE = "f"
    """operator, client, device."""

    BLOCK = "b"
    """operator, client, block."""

    BLOCK_OPERATOR = "B"
    """operator, block."""

    COUNTRY = "k"
    """operator, client, country."""

    COUNTRY_OPERATOR = "K"
    """operator, country."""

    HUNDRED = "h"
    """operator, number without its last two digits."""


DIMENSION: Mapping[Limit, Dimension] = {
    Limit.OTP_SENDS_PER_MSISDN: Dimension.MSISDN,
    Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE: Dimension.MSISDN_EVERYWHERE,
    Limit.OTP_SENDS_PER_CLIENT: Dimension.CLIENT,
    Limit.OTP_SENDS_PER_DEALER: Dimension.DEALER,
    Limit.OTP_SENDS_PER_IP: Dimension.IP,
    Limit.OTP_SENDS_PER_NETWORK: Dimension.NETWORK,
    Limit.OTP_SENDS_PER_DEVICE: Dimension.DEVICE,
    Limit.OTP_SENDS_PER_BLOCK: Dimension.BLOCK,
    Limit.OTP_SENDS_PER_COUNTRY: Dimension.COUNTRY,
    Limit.OTP_CHALLENGE_PER_CLIENT: Dimension.CLIENT,
    Limit.OTP_NEIGHBOURS_PER_HUNDRED: Dimension.HUNDRED,
    Limit.OTP_UNVERIFIED_PER_COUNTRY: Dimension.COUNTRY_OPERATOR,
    Limit.OTP_UNVERIFIED_PER_BLOCK: Dimension.BLOCK_OPERATOR,
    Limit.OTP_UNVERIFIED_PER_IP: Dimension.IP_OPERATOR,
    Limit.OTP_UNVERIFIED_EVERYWHERE: Dimension.OPERATOR,
    Limit.OTP_BLOCKED_MSISDN: Dimension.MSISDN,
    Limit.OTP_BLOCKED_MSISDN_EVERYWHERE: Dimension.MSISDN_OPERATOR,
    Limit.OTP_BLOCKED_BLOCK: Dimension.BLOCK_OPERATOR,
    Limit.OTP_BLOCKED_COUNTRY: Dimension.COUNTRY_OPERATOR,
    Limit.OTP_BLOCKED_CLIENT: Dimension.CLIENT,
    Limit.OTP_BLOCKED_EVERYWHERE: Dimension.OPERATOR,
    Limit.OTP_MONEY_PER_DAY: Dimension.OPERATOR,
    Limit.OTP_SEND_ATTEMPTS_PER_CLIENT: Dimension.CLIENT,
    Limit.OTP_CHECKS_PER_CLIENT: Dimension.CLIENT,
    Limit.OTP_CHECKS_PER_IP: Dimension.IP,
    Limit.OTP_WRONG_CODES_PER_MSISDN: Dimension.MSISDN,
    Limit.OTP_SPRAYED_PER_CLIENT: Dimension.CLIENT,
    Limit.OTP_SPRAYED_PER_IP: Dimension.IP,
}


TAG: Mapping[Limit, str] = {
    limit: tag
    for tag, limit in {
        "s": Limit.OTP_SENDS_PER_MSISDN,
        "se": Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE,
        "sc": Limit.OTP_SENDS_PER_CLIENT,
        "sd": Limit.OTP_SENDS_PER_DEALER,
        "si": Limit.OTP_SENDS_PER_IP,
        "sn": Limit.OTP_SENDS_PER_NETWORK,
        "sf": Limit.OTP_SENDS_PER_DEVICE,
        "sb": Limit.OTP_SENDS_PER_BLOCK,
        "sk": Limit.OTP_SENDS_PER_COUNTRY,
        "g": Limit.OTP_CHALLENGE_PER_CLIENT,
        "h": Limit.OTP_NEIGHBOURS_PER_HUNDRED,
        "uk": Limit.OTP_UNVERIFIED_PER_COUNTRY,
        "ub": Limit.OTP_UNVERIFIED_PER_BLOCK,
        "ui": Limit.OTP_UNVERIFIED_PER_IP,
        "u": Limit.OTP_UNVERIFIED_EVERYWHERE,
        "bn": Limit.OTP_BLOCKED_MSISDN,
        "bm": Limit.OTP_BLOCKED_MSISDN_EVERYWHERE,
        "bb": Limit.OTP_BLOCKED_BLOCK,
        "bk": Limit.OTP_BLOCKED_COUNTRY,
        "bc": Limit.OTP_BLOCKED_CLIENT,
        "b": Limit.OTP_BLOCKED_EVERYWHERE,
        "m": Limit.OTP_MONEY_PER_DAY,
        "pa": Limit.OTP_SEND_ATTEMPTS_PER_CLIENT,
        "cc": Limit.OTP_CHECKS_PER_CLIENT,
        "ci": Limit.OTP_CHECKS_PER_IP,
        "w": Limit.OTP_WRONG_CODES_PER_MSISDN,
        "wc": Limit.OTP_SPRAYED_PER_CLIENT,
        "wi": Limit.OTP_SPRAYED_PER_IP,
    }.items()
}
"""A limit in the names of Redis: short, and never given to another limit."""


class Stage(StrEnum):
    """What a bucket is for. The values are the wire to Lua."""

    ENFORCED = "enforced"
    SHADOW = "shadow"
    """Judged and charged as if it were enforced; binds nobody."""

    PRESSURE = "pressure"
    """Charged whatever becomes of the request; binds nobody."""


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
    """One budget to be charged: ``key`` is its name in Redis."""

    limit: Limit
    key: str
    bucket: Bucket
    stage: Stage = Stage.ENFORCED

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
    ``shadows`` and ``pressures`` are the limits of those stages that had no room.
    """

    outcome: Outcome
    limit: Limit | None
    free_us: int
    now_us: int
    shadows: tuple[Limit, ...] = ()
    pressures: tuple[Limit, ...] = ()


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
