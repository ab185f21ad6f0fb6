"""Which budgets a request charges, what they are called in Redis, and how Lua reads them. Pure: hashes are given."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import overload

from service.limits.model import (
    DIMENSION,
    SHARES,
    TAG,
    Block,
    Bucket,
    Charge,
    Dimension,
    Gcra,
    Limit,
    LimitPolicy,
    Purse,
    Rule,
    Schedule,
    Share,
    Stage,
    Streak,
    Unverified,
    Window,
)
from service.limits.rules.policy import BLOCKS, suffix

_BLOCK = Rule((Block(),))

Hashes = Mapping[Dimension, str]
"""The keyed hash of each dimension that a request has: 22 characters of base64url."""


@dataclass(frozen=True, slots=True)
class Row:
    """A bucket before it is known whose: ``tail`` of its key behind the hash of its dimension, ``part`` of the key's
    value."""

    limit: Limit
    tail: str
    bucket: Bucket
    stage: Stage
    part: str = ""

    @property
    def dimension(self) -> Dimension:
        return DIMENSION[self.limit]


class Plan:
    """Buckets that many requests charge, spelt for Lua once."""

    __slots__ = ("_pairs", "limits", "rows", "tags", "wire")

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = tuple(rows)
        self.limits = tuple(row.limit for row in self.rows)
        self.tags = ",".join(f'"{TAG[limit]}"' for limit in self.limits)
        self.wire = spelt(
            (row.bucket, SHARES.get(row.limit, Share.OWN), row.stage, row.part) for row in self.rows
        )
        self._pairs = tuple((row.dimension, row.tail) for row in self.rows)

    def bill(self, hashes: Hashes) -> "Bill":
        """What one request charges; it has every dimension of the rows."""
        return Bill(self, tuple(f"{{otp}}:l:{hashes[dimension]}{tail}" for dimension, tail in self._pairs))


class Bill(Sequence[Charge]):
    """The charges of one request: names of budgets on a plan. A :class:`Charge` is made when it is asked for."""

    __slots__ = ("keys", "plan")

    def __init__(self, plan: Plan, keys: tuple[str, ...]) -> None:
        self.plan = plan
        self.keys = keys

    @overload
    def __getitem__(self, at: int) -> Charge: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Charge]: ...
    def __getitem__(self, at: int | slice) -> Charge | Sequence[Charge]:
        if isinstance(at, slice):
            return tuple(self)[at]
        row = self.plan.rows[at]
        return Charge(row.limit, self.keys[at], row.bucket, row.stage, row.part)

    def __iter__(self) -> Iterator[Charge]:
        return (self[at] for at in range(len(self.keys)))

    def __len__(self) -> int:
        return len(self.keys)


def plan(
    policy: LimitPolicy, limits: Iterable[Limit], having: Iterable[Dimension], *, solved: bool = False
) -> Plan:
    """The buckets of ``limits``: none of one that the policy has not, or that is keyed by what the request lacks. A
    gate whose challenge was ``solved`` counts and asks no more."""
    dimensions = frozenset(having)
    rows: list[Row] = []
    for limit in limits:
        rule = _BLOCK if limit in BLOCKS else policy.rules.get(limit)
        if rule is None or DIMENSION[limit] not in dimensions:
            continue
        is_open = solved and SHARES.get(limit) is Share.GATE
        stage = Stage.COUNTED if is_open else rule.stage
        if len(rule.buckets) == 1:
            rows.append(Row(limit, f":{TAG[limit]}:{suffix(rule.buckets[0])}", rule.buckets[0], stage))
        else:
            rows += (Row(limit, f":{TAG[limit]}:+", bucket, stage, suffix(bucket)) for bucket in rule.buckets)
    return Plan(rows)


def charges(policy: LimitPolicy, limit: Limit, hashes: Hashes) -> Sequence[Charge]:
    """The buckets of one limit."""
    return all_charges(policy, (limit,), hashes)


def all_charges(policy: LimitPolicy, limits: Iterable[Limit], hashes: Hashes) -> Sequence[Charge]:
    return plan(policy, limits, hashes).bill(hashes)


def block_key(limit: Limit, hashed: str) -> str:
    """Where a block of this limit stands; ``hashed`` is the keyed hash of its dimension."""
    return f"{{otp}}:l:{hashed}:{TAG[limit]}:b"


def purse_key(operator: str, day: date) -> str:
    """The purse of an operator (its keyed hash) for a day of UTC."""
    return f"{{otp}}:l:{operator}{purse_tail(day)}"


def purse_tail(day: date) -> str:
    return f":{TAG[Limit.OTP_MONEY_PER_DAY]}:{day:%Y%m%d}"


def parameters(bucket: Bucket) -> tuple[str, tuple[int, ...]]:
    """Kind and parameters as ``law.lua`` reads them."""
    match bucket:
        case Window():
            return "window", (bucket.count, bucket.period_us)
        case Gcra():
            return "gcra", (bucket.interval_us, bucket.burst)
        case Schedule():
            return "schedule", (bucket.quiet_us, *bucket.waits_us)
        case Streak():
            return "streak", (bucket.count,)
        case Unverified():
            return "unverified", (bucket.floor, bucket.per_cent, bucket.period_us)
        case Purse():
            return "purse", (bucket.price,)
        case Block():
            return "block", ()


def spelt(buckets: Iterable[tuple[Bucket, Share, Stage, str]]) -> str:
    """Buckets as JSON, for ``law.lua``."""
    return f"[{','.join(_one(*each) for each in buckets)}]"


def _one(bucket: Bucket, share: Share, stage: Stage, part: str) -> str:
    kind, numbers = parameters(bucket)
    return f'["{kind}","{share}","{stage}","{part}"{"".join(f",{number}" for number in numbers)}]'
