"""Velocity over a real Redis: told twice and in any order it is the same; lost, it is unknown and not nothing."""

from datetime import timedelta
from uuid import UUID

import pytest
import redis as sync_redis

from service.infra.crypto import Vault
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.risk import volatile
from service.risk.volatile import Places, Velocity
from tests.conftest import START, Backend

MINUTE = timedelta(minutes=1)
HERE = Places("203.0.113.0/24", b"a device")
UNKNOWN = {"velocity_known": False}


@pytest.fixture
def velocity(redis: Redis, vault: Vault) -> Velocity:
    return Velocity(redis, vault)


@pytest.fixture
def operator() -> UUID:
    return new_id()


async def seen(
    velocity: Velocity, operator: UUID, places: Places = HERE, who: UUID | None = None
) -> list[object]:
    told = await velocity.count(operator, who or new_id(), places)
    names = ("network_tries_1h", "network_tries_1d", "network_lines_1d", "device_tries_1h", "device_tries_1d")
    return [told.get(name) for name in names]


async def test_until_it_is_whole_nothing_is_known(velocity: Velocity, operator: UUID) -> None:
    await velocity.note(operator, new_id(), HERE, START, is_line=True)
    assert await velocity.count(operator, new_id(), HERE) == UNKNOWN
    assert not await velocity.is_whole(operator)
    await velocity.now_whole(operator)
    assert await velocity.is_whole(operator)
    assert await seen(velocity, operator) == [1, 1, 1, 1, 1]
    assert await velocity.count(new_id(), new_id(), HERE) == UNKNOWN, "another operator's are its own"


async def test_told_twice_and_backwards(velocity: Velocity, operator: UUID, clock: ManualClock) -> None:
    await velocity.now_whole(operator)
    events = [(new_id(), START + minutes * MINUTE, minutes != 30) for minutes in (0, 30, 90)]
    for registration, at, is_line in [*reversed(events), *events]:
        await velocity.note(operator, registration, HERE, at, is_line=is_line)
    clock.advance(80 * MINUTE)
    assert await seen(velocity, operator) == [1, 2, 1, 1, 2], "and none from the future"
    clock.advance(11 * MINUTE)
    assert await seen(velocity, operator) == [1, 3, 2, 1, 3]
    assert await seen(velocity, operator, who=events[2][0]) == [0, 2, 1, 0, 2], "itself is not another one"
    clock.advance(timedelta(days=1) - 11 * MINUTE)
    assert await seen(velocity, operator) == [0, 1, 1, 0, 1], "a day has gone by since the first two"
    late = new_id()
    await velocity.note(operator, late, HERE, START + timedelta(days=1, minutes=79), is_line=False)
    await velocity.note(operator, *events[0][:1], HERE, events[0][1], is_line=True)
    assert await seen(velocity, operator) == [1, 2, 1, 1, 2], "what is told too late counts no more"


async def test_each_place_counts_its_own(velocity: Velocity, operator: UUID) -> None:
    await velocity.now_whole(operator)
    await velocity.note(operator, new_id(), HERE, START, is_line=False)
    await velocity.note(operator, new_id(), Places("198.51.100.0/24", None), START, is_line=True)
    await velocity.note(operator, new_id(), Places(), START, is_line=True)
    assert await seen(velocity, operator) == [1, 1, 0, 1, 1]
    assert await seen(velocity, operator, Places(None, HERE.device)) == [0, 0, 0, 1, 1]
    assert await seen(velocity, operator, Places()) == [0] * 5


async def test_a_set_is_bounded(
    velocity: Velocity, operator: UUID, monkeypatch: pytest.MonkeyPatch, redis: Redis
) -> None:
    monkeypatch.setattr(volatile, "MOST", 3)
    await velocity.now_whole(operator)
    for n in range(5):
        await velocity.note(
            operator, new_id(), HERE, START + n * timedelta(microseconds=1) - MINUTE, is_line=False
        )
    assert (await seen(velocity, operator))[0] == 3


async def test_names_say_nothing(velocity: Velocity, operator: UUID, redis: Redis, backend: Backend) -> None:
    await velocity.note(operator, registration := new_id(), HERE, START, is_line=True)
    with sync_redis.Redis.from_url(backend.servers.redis_admin_url) as admin:
        keys = admin.keys("*")
    assert len(keys) == 3
    for key in keys:
        assert key.startswith(b"{risk}:velocity:")
        assert await redis.client.pttl(key) > 0
        members = await redis.client.zrange(key, 0, -1)
        raw = key + b"".join(members)
        assert b"203.0" not in raw
        assert registration.bytes not in raw
