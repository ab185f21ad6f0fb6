"""Desks for codes: with the seed's limits, with none, and on a server that a test may break."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest

from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.otp import rules
from tests.fakes.archive import Archive
from tests.fakes.desk import Desk, limits
from tests.fakes.otp import OwnRedis


@pytest.fixture
def desk(redis: Redis, vault: Vault, clock: ManualClock) -> Desk:
    return Desk(redis, vault, clock)


@pytest.fixture
def free(redis: Redis, vault: Vault, clock: ManualClock) -> Desk:
    """A desk without any limit."""
    return Desk(redis, vault, clock, policy=limits(rules.seed_policy()))


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    server = OwnRedis()
    server.start()
    yield server
    server.close()


@pytest.fixture
async def fragile(own_redis: OwnRedis, vault: Vault, clock: ManualClock) -> AsyncIterator[Desk]:
    """A desk on a server that the test may break; what takes a fifth of a second is given up."""
    redis = Redis(own_redis.url, clock, timeout_s=0.2)
    yield Desk(redis, vault, clock)
    await redis.close()


@pytest.fixture
def archive(db: Database, redis: Redis, vault: Vault, clock: ManualClock, operator: UUID) -> Archive:
    return Archive(db, redis, vault, clock, operator)
