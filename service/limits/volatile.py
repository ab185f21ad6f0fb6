"""Budgets in Redis. Losing them refills them, which costs money and never a registration.

Redis gone or slow: every call raises :class:`service.kit.errors.Unavailable`; a limit fails **closed**.
"""

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Protocol

from service.infra.redis import Redis, Script
from service.kit.canon import Part
from service.kit.clock import rfc3339
from service.kit.errors import LimitExceeded
from service.limits.model import Charge, Limit, Outcome, Verdict, Window

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Names(Protocol):
    """The part of the vault that names things in Redis: 16 bytes under the primary ``volatile`` key."""

    def volatile(self, purpose: str, *parts: Part) -> bytes: ...


def with_law(package: str, *paths: str) -> Script:
    """A script that charges budgets in the same step as its own work: the law's text, then its own."""
    law = resources.files("service.limits").joinpath("lua/law.lua").read_text("utf-8")
    text = "\n".join([law, *(resources.files(package).joinpath(path).read_text("utf-8") for path in paths)])
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


SPEND = with_law("service.limits", "lua/spend.lua")


def name(names: Names, limit: Limit, *parts: Part) -> str:
    """The keyed hash of a budget. When the key is rotated a budget starts afresh, once."""
    return base64.urlsafe_b64encode(names.volatile("limit/v1", limit.value, *parts)).rstrip(b"=").decode()


def wire(charges: Sequence[Charge]) -> list[str | int]:
    """The buckets as ``law.lua`` reads them from ARGV."""
    args: list[str | int] = [len(charges)]
    for each in charges:
        share = "shared" if each.is_shared else "own"
        bucket = each.bucket
        if isinstance(bucket, Window):
            args += ["window", share, 2, bucket.count, bucket.period_us]
        else:
            args += ["schedule", share, 1 + len(bucket.waits_us), bucket.quiet_us, *bucket.waits_us]
    return args


def verdict(charges: Sequence[Charge], outcome: int, index: int, free_us: int, now_us: int) -> Verdict:
    """What ``law.lua`` answered; ``index`` counts from 1, 0 is none."""
    return Verdict(Outcome(outcome), charges[index - 1].limit if index else None, free_us, now_us)


def instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def not_before(micros: int) -> datetime:
    """The whole second at or after: the wire shows seconds, and who comes back as told must be let in."""
    return instant(-(-micros // 1_000_000) * 1_000_000)


def refusal(denied: Verdict) -> LimitExceeded:
    """429 for a denial; the wait in whole seconds, rounded up."""
    assert denied.outcome is Outcome.DENIED
    assert denied.limit is not None
    wait_s = -((denied.now_us - denied.free_us) // 1_000_000)
    return LimitExceeded(denied.limit.value, rfc3339(not_before(denied.free_us)), wait_s)


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

    async def _run(self, mode: str, at_us: int, charges: Sequence[Charge]) -> Verdict:
        args = [self._redis.now_us, mode, at_us, *wire(charges)]
        answer = await self._redis.run(SPEND, [each.key for each in charges], args)
        return verdict(charges, *(int(part) for part in answer))
