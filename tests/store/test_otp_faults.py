"""Redis gone, slow, full, flushed; answers that are lost."""

import copy
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from service.infra.crypto import Vault
from service.infra.redis import Redis, Script
from service.kit.errors import Unavailable
from service.otp.model import OtpExpired, To
from tests.fakes.desk import (
    OPERATOR,
    OTHER,
    REGISTRATION,
    Desk,
    gone,
    other_than,
)
from tests.fakes.otp import OwnRedis


async def test_redis_gone_fails_closed_and_heals(own_redis: OwnRedis, fragile: Desk) -> None:
    await fragile.send()
    own_redis.stop()
    await gone(fragile.send(msisdn=OTHER))
    await gone(fragile.check(fragile.sender.last_code))
    await gone(fragile.codes.unrecorded_proofs(OPERATOR, REGISTRATION))
    assert len(fragile.sender.messages) == 1, "without a charge nothing is sent"
    own_redis.start()
    with pytest.raises(OtpExpired):
        await fragile.check(fragile.sender.last_code)
    await fragile.send()
    assert (await fragile.check(fragile.sender.last_code)).tries == 1


async def test_redis_slow_fails_closed_and_sends_nothing_twice(own_redis: OwnRedis, fragile: Desk) -> None:
    with own_redis.admin() as admin:
        admin.client_pause(60_000, all=False)
        await gone(fragile.send())
        admin.client_unpause()
    assert fragile.sender.messages == []


async def test_a_check_whose_answer_was_lost_is_adopted(own_redis: OwnRedis, fragile: Desk) -> None:
    """The script ran and nobody heard: after the wait that the refusal names, the same code counts."""
    await fragile.send()
    code = fragile.sender.last_code
    fragile.engine.challenges._redis = deaf = copy.copy(fragile.redis)
    deaf.__class__ = Deaf
    refusal = await gone(fragile.check(code))
    fragile.engine.challenges._redis = fragile.redis
    assert refusal.retry_after_s is not None
    fragile.clock.advance(timedelta(seconds=refusal.retry_after_s))
    with pytest.raises(OtpExpired):
        await fragile.check(other_than(code))
    assert (await fragile.check(code)).to is To.LINE


class Deaf(Redis):
    """The script runs, and its answer is lost."""

    async def run(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[str | bytes | int]
    ) -> Any:
        await super().run(script, keys, args)
        raise Unavailable("redis")


async def test_a_send_whose_answer_was_lost_sends_nothing(fragile: Desk, vault: Vault) -> None:
    deaf = copy.copy(fragile.redis)
    deaf.__class__ = Deaf
    await gone(Desk(deaf, vault, fragile.clock, senders=[fragile.sender]).send())
    assert fragile.sender.messages == []


async def test_redis_full_fails_closed(own_redis: OwnRedis, fragile: Desk) -> None:
    await fragile.send()
    with own_redis.admin() as admin:
        admin.config_set("maxmemory", "1")
        await gone(fragile.send(msisdn=OTHER))
        await gone(fragile.check(fragile.sender.last_code))
        admin.config_set("maxmemory", "0")
    assert len(fragile.sender.messages) == 1
    assert (await fragile.check(fragile.sender.last_code)).tries == 1


async def test_redis_flushed_costs_a_new_code(own_redis: OwnRedis, fragile: Desk) -> None:
    await fragile.send()
    with own_redis.admin() as admin:
        admin.flushall()
        admin.script_flush()
    with pytest.raises(OtpExpired):
        await fragile.check(fragile.sender.last_code)
    await fragile.send()
    assert (await fragile.check(fragile.sender.last_code)).tries == 1


async def test_redis_gone_while_a_proof_is_recorded_is_no_error(own_redis: OwnRedis, fragile: Desk) -> None:
    await fragile.send()
    proof = await fragile.check(fragile.sender.last_code)
    async with fragile.codes.recording(OPERATOR, proof):
        own_redis.stop()
