"""Budgets in Redis. Losing them refills them, which costs money and never a registration.

Redis gone or slow: every call raises :class:`service.kit.errors.Unavailable`; a limit fails **closed**.
"""

import base64
import hashlib
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any, Protocol, cast

from service.infra.redis import Redis, Script
from service.kit.canon import Part
from service.kit.clock import micros, rfc3339
from service.kit.errors import LimitExceeded
from service.limits.model import (
    Block,
    Bucket,
    Charge,
    Dimension,
    Gcra,
    Halves,
    Marks,
    Outcome,
    Run,
    Schedule,
    Slice,
    State,
    Streak,
    Tally,
    Until,
    Unverified,
    Verdict,
    Window,
)
from service.limits.model import (
    Purse as PurseBucket,
)
from service.limits.rules import Bill, fresh, spelt

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US = 86_400_000_000


class Names(Protocol):
    """The part of the vault that names things in Redis: 16 bytes under the primary ``volatile`` key."""

    def volatile(self, purpose: str, *parts: Part) -> bytes: ...


def with_law(package: str, *paths: str) -> Script:
    """A script that charges budgets in the same step as its own work: the law's text, then its own."""
    law = resources.files("service.limits").joinpath("lua/law.lua").read_text("utf-8")
    text = "\n".join([law, *(resources.files(package).joinpath(path).read_text("utf-8") for path in paths)])
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


SPEND = with_law("service.limits", "lua/spend.lua")
PUT = Script.load("service.limits", "lua/put.lua")
BLOCK = Script.load("service.limits", "lua/block.lua")


def name(names: Names, dimension: Dimension, *parts: Part) -> str:
    """The keyed hash of a dimension's value. When the key is rotated its budgets start afresh, once."""
    return base64.urlsafe_b64encode(names.volatile("limit/v2", dimension.value, *parts)).rstrip(b"=").decode()


def wire(charges: Sequence[Charge]) -> str:
    """The buckets as ``law.lua`` reads them from ARGV."""
    if isinstance(charges, Bill):
        return charges.plan.wire
    return spelt((each.bucket, each.share, each.stage, each.part) for each in charges)


def keys_of(charges: Sequence[Charge]) -> Sequence[str]:
    """The names of the budgets, in the order of :func:`wire`."""
    return charges.keys if isinstance(charges, Bill) else [each.key for each in charges]


def verdict(charges: Sequence[Charge], answer: Sequence[Any], now_us: int) -> Verdict:
    """What ``law.lua`` answered: its first five values; a bucket counts from 1, 0 is none."""
    outcome, index, free_us, shadows, pressures = answer[:5]
    return Verdict(
        Outcome(outcome),
        charges[index - 1].limit if index else None,
        int(free_us),
        now_us,
        tuple(charges[n - 1].limit for n in shadows),
        tuple(charges[n - 1].limit for n in pressures),
        tuple(n - 1 for n in shadows),
    )


def read_state(bucket: Bucket, raw: bytes | None, part: str = "") -> State:
    """What a key of Redis holds, in the words of the law; of a value that several buckets share, this ``part``."""
    if part:
        raw = _parts(raw or b"").get(part.encode())
    if raw is None:
        return fresh(bucket)
    match bucket:
        case Window():
            return Marks(tuple(int(at) for at in struct.unpack(f">{len(raw) // 8}d", raw)))
        case Schedule():
            return Run(*(int(part) for part in raw.split(b"|")))
        case Unverified():
            return Halves(*(int(part) for part in raw.split(b"|")))
        case Streak():
            return Tally(int(raw))
        case PurseBucket():
            return Slice(int(raw))
        case Gcra() | Block():
            return Until(int(raw))


def _parts(raw: bytes) -> dict[bytes, bytes]:
    found = {}
    while raw:
        part, _, rest = raw.partition(b"=")
        size, _, rest = rest.partition(b":")
        found[part], raw = rest[: int(size)], rest[int(size) :]
    return found


def instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def not_before(micros: int) -> datetime:
    """The whole second at or after: the wire shows seconds, and who comes back as told must be let in."""
    return instant(-(-micros // 1_000_000) * 1_000_000)


def refusal(denied: Verdict) -> LimitExceeded:
    """429 for a denial; the wait in whole seconds, rounded up. What no wait ends is told to ask again in a day."""
    assert denied.outcome in (Outcome.DENIED, Outcome.CHALLENGED)
    assert denied.limit is not None
    free_us = min(denied.free_us, denied.now_us + _DAY_US)
    return LimitExceeded(
        denied.limit.value, rfc3339(not_before(free_us)), -((denied.now_us - free_us) // 1_000_000)
    )


class Limiter:
    """Budgets by themselves, for callers that have no script of their own."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def spend(self, charges: Sequence[Charge]) -> Verdict:
        """Charge all or none. One round trip."""
        return await self._run("spend", 0, charges)

    async def peek(self, charges: Sequence[Charge]) -> Verdict:
        """The verdict that a spend would have now; nothing is written."""
        return await self._run("peek", 0, charges)

    async def refund(self, charges: Sequence[Charge], at_us: int) -> None:
        """Give back the charge of ``at_us`` (``Verdict.now_us``), of the budgets that were charged then."""
        await self._run("refund", at_us, charges)

    async def succeed(self, charges: Sequence[Charge]) -> None:
        """Something came out well: streaks end, what was unverified is verified."""
        await self._run("succeed", 0, charges)

    async def _run(self, mode: str, at_us: int, charges: Sequence[Charge]) -> Verdict:
        answer = await self._redis.run(
            SPEND, keys_of(charges), [self._redis.now_us, mode, at_us, wire(charges)]
        )
        return verdict(charges, answer, int(answer[5]))


class Purse:
    """What was leased and is not spent yet, one number a day for each operator."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def left(self, key: str) -> int | None:
        """Micro-units; None where nothing was leased, or Redis has forgotten."""
        found = await self._redis.guard(cast(Any, self._redis.client.get(key)))
        return None if found is None else int(found)

    async def put(self, key: str, amount: int, life: timedelta) -> None:
        """Add a slice. An answer that is lost loses the slice, never more."""
        await self._redis.run(PUT, [key], [amount, life // timedelta(milliseconds=1)])


class BlockCopies:
    """Blocks as the scripts see them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def put(self, key: str, until: datetime, now: datetime) -> None:
        """Until the last instant that was ever set there."""
        life = max(1, -(-(until - now) // timedelta(milliseconds=1)))
        await self._redis.run(BLOCK, [key], [micros(until), life])

    async def drop(self, *keys: str) -> None:
        await self._redis.guard(cast(Any, self._redis.client.delete(*keys)))
