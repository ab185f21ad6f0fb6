"""Challenges for chips on a real Redis: one for a registration, taken once, gone with the server."""

from uuid import uuid4

import pytest

from service.documents.volatile import LIFE, Nonces
from service.infra.crypto import Vault
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.errors import Unavailable
from tests.fakes.otp import OwnRedis

OPERATOR, OTHER, REGISTRATION = uuid4(), uuid4(), uuid4()


async def test_a_challenge_is_taken_once_by_its_registration(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    nonces = Nonces(redis, vault)
    first, _ = await nonces.issue(OPERATOR, REGISTRATION, clock.now())
    second, until = await nonces.issue(OPERATOR, REGISTRATION, clock.now())
    assert until == clock.now() + LIFE
    assert len(second) == 8
    assert first != second
    assert await nonces.take(OTHER, REGISTRATION) is None
    assert await nonces.take(OPERATOR, uuid4()) is None
    assert await nonces.take(OPERATOR, REGISTRATION) == second
    assert await nonces.take(OPERATOR, REGISTRATION) is None


async def test_its_name_says_nothing_and_it_ends(redis: Redis, vault: Vault, clock: ManualClock) -> None:
    await Nonces(redis, vault).issue(OPERATOR, REGISTRATION, clock.now())
    (key,) = [name async for name in redis.client.scan_iter(match="{documents}*")]
    for told in (OPERATOR.hex, str(OPERATOR), REGISTRATION.hex, str(REGISTRATION)):
        assert told.encode() not in bytes(key)
    assert 0 < await redis.client.pttl(key) <= LIFE.total_seconds() * 1000


async def test_without_redis_there_is_no_challenge(
    own_redis: OwnRedis, vault: Vault, clock: ManualClock
) -> None:
    redis = Redis(own_redis.url, clock, timeout_s=0.2)
    nonces = Nonces(redis, vault)
    await nonces.issue(OPERATOR, REGISTRATION, clock.now())
    own_redis.stop()
    for call in (nonces.issue(OPERATOR, REGISTRATION, clock.now()), nonces.take(OPERATOR, REGISTRATION)):
        with pytest.raises(Unavailable) as gone:
            await call
        assert gone.value.facts["dependency"] == "redis"
    await redis.close()
