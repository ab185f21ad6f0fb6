"""A desk where codes are asked for and compared, with everything that a call needs filled in."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.infra.redis import Redis
from service.infra.telemetry import REGISTRY
from service.kit.clock import ManualClock
from service.kit.errors import Refusal, Unavailable
from service.kit.ids import new_id
from service.limits.model import Bucket, Limit, LimitPolicy, Rule
from service.otp import rules
from service.otp.model import CodePolicy, Proof, Sent
from service.otp.ports import Sender
from service.otp.workflow import Asker, Codes, Dispatch, Engine, Tools
from tests.fakes.otp import Recorder

NUMBER = "+4915112345678"
OTHER = "+4915112345679"
OPERATOR, CLIENT, REGISTRATION = new_id(), new_id(), new_id()
SECOND = timedelta(seconds=1)
HOUR_US = 3600 * 10**6
DAY_US = 24 * HOUR_US
WEEK = timedelta(days=7)


class Desk:
    """Codes of registrations; ``more`` goes to :class:`Tools`."""

    def __init__(
        self,
        redis: Redis,
        hashes: Any,
        clock: ManualClock,
        senders: Sequence[Sender] | None = None,
        policy: CodePolicy | None = None,
        deadline_s: float = 5,
        operator: UUID = OPERATOR,
        **more: Any,
    ) -> None:
        self.clock = clock
        self.redis = redis
        self.operator = operator
        self.sender = Recorder()
        self.policy = policy or without_money(rules.seed_policy())
        self.dispatch = Dispatch([self.sender] if senders is None else senders, deadline_s=deadline_s)
        self.engine = Engine(redis, hashes, Tools(lambda: self.policy, self.dispatch, **more))
        self.codes = Codes(self.engine)
        self.expires_with = clock.now() + WEEK

    async def send(self, **other: Any) -> Sent:
        asker = {"operator": self.operator, "operator_name": "Demo", "client": CLIENT}
        for name in ("operator", "client", "dealer", "ip", "device", "is_bound"):
            if name in other:
                asker[name] = other.pop(name)
        return await self.codes.send(
            **{
                "asker": Asker(**asker),
                "registration_id": REGISTRATION,
                "purpose": "new",
                "to": "line",
                "msisdn": NUMBER,
                "channel": "sms",
                "language": "en",
                "expires_with": self.expires_with,
                "now": self.clock.now(),
                **other,
            }
        )

    async def check(self, code: str, challenge_id: UUID | None = None, **other: Any) -> Proof:
        asker = Asker(other.pop("operator", self.operator), "Demo", other.pop("client", CLIENT))
        return await self.codes.check(
            **{
                "asker": asker,
                "registration_id": REGISTRATION,
                "purpose": "new",
                "code": code,
                "challenge_id": challenge_id,
                **other,
            }
        )

    async def wrong(self, times: int, challenge_id: UUID | None = None, **other: Any) -> list[Refusal]:
        refusals = []
        for _ in range(times):
            with pytest.raises(Refusal) as caught:
                await self.check(other_than(self.sender.last_code), challenge_id, **other)
            refusals.append(caught.value)
        return refusals


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def without_money(policy: CodePolicy) -> CodePolicy:
    return replace(policy, limits=replace(policy.limits, money=None))


def limits(policy: CodePolicy, **buckets: Bucket | Rule) -> CodePolicy:
    """The policy with these limits alone, named as members of ``Limit``."""
    kept = {Limit[name]: each if isinstance(each, Rule) else Rule((each,)) for name, each in buckets.items()}
    return replace(policy, limits=LimitPolicy("test", kept))


async def everything(redis: Redis, but: Sequence[bytes] = ()) -> dict[bytes, Any]:
    """All that Redis holds, value by value; keys that contain one of ``but`` are left out."""
    found: dict[bytes, Any] = {}
    async for key in redis.client.scan_iter("*"):
        if not any(part in key for part in but):
            found[key] = await redis.client.dump(key)
    return found


async def budgets(redis: Redis) -> dict[bytes, Any]:
    """The budgets that Redis holds, without those that measure pressure."""
    return {key: raw for key, raw in (await everything(redis, (b":pa:",))).items() if b":l:" in key}


async def texts(redis: Redis, part: bytes) -> dict[bytes, bytes]:
    """The keys of strings that contain ``part``, and what stands there."""
    client: Any = redis.client
    return {key: await client.get(key) async for key in client.scan_iter("*") if part in key}


async def flush(redis: Redis) -> None:
    """Redis forgets everything; the application's own user may not say so in one word."""
    keys = [key async for key in redis.client.scan_iter("*")]
    if keys:
        await redis.client.delete(*keys)


async def outcomes(calls: Sequence[Any]) -> Counter[str]:
    done = await asyncio.gather(*calls, return_exceptions=True)
    return Counter(each.code if isinstance(each, Refusal) else type(each).__name__ for each in done)


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("simward_codes_total", {"outcome": outcome}) or 0.0


async def gone(call: Any, dependency: str = "redis") -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        await call
    assert caught.value.facts == {"dependency": dependency}
    assert caught.value.retry_after_s
    return caught.value
