"""Blocks and the history's figures on real servers: set once, lifted whole, counted as sets."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.audit.workflow import Actor, entries
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.errors import NotFound, Unavailable
from service.kit.ids import new_id, wire
from service.limits.model import Limit, LimitPolicy, SendBlock
from service.limits.workflow import Blocks
from service.otp import store
from service.otp.model import CodeEvent

HOUR = timedelta(hours=1)
HOLDER, STAFF = Actor.system("holder"), Actor.staff(new_id())
NUMBER = "+4915112345678"


@pytest.fixture
def blocks(db: Database, redis: Redis, vault: Vault) -> Blocks:
    return Blocks(db, redis, vault, lambda: LimitPolicy("none"))


async def stop(blocks: Blocks, operator: UUID, **more: Any) -> SendBlock:
    given: Mapping[str, Any] = {
        "until": blocks._db.clock.now() + HOUR,
        "reason": "not-me",
        "actor": HOLDER,
        "made_by": "holder",
        "number": NUMBER,
        **more,
    }
    return await blocks.set(operator, more.pop("limit", Limit.OTP_BLOCKED_MSISDN_EVERYWHERE), **given)


async def copies(redis: Redis) -> list[bytes]:
    return sorted([key async for key in redis.client.scan_iter("*:b")])


async def test_the_same_id_twice_is_one_block_with_one_entry(
    blocks: Blocks, redis: Redis, db: Database, operator: UUID
) -> None:
    block_id = new_id()
    first = await stop(blocks, operator, block_id=block_id)
    there = await copies(redis)
    assert len(there) == 1
    again = await stop(blocks, operator, block_id=block_id, number="+4915112345679")
    assert blocks.number(again) == NUMBER, "what is written is what holds"
    assert again.until == first.until
    assert await copies(redis) == there, "nothing is blocked that no list shows"
    async with db.read(operator) as reader:
        assert len(await entries(reader, object=wire("blk", block_id))) == 1


async def test_a_wish_that_was_lifted_can_be_wished_again(
    blocks: Blocks, redis: Redis, operator: UUID
) -> None:
    block_id = new_id()
    await stop(blocks, operator, block_id=block_id)
    await blocks.lift(operator, block_id, reason="mistake", actor=STAFF)
    assert await copies(redis) == []
    again = [await stop(blocks, operator, block_id=block_id) for _ in range(3)]
    assert len({each.id for each in again} - {block_id}) == 1
    assert [each.id for each in await blocks.live(operator)] == [again[0].id]
    assert len(await copies(redis)) == 1


async def test_a_lift_leaves_what_another_block_still_holds(
    blocks: Blocks, redis: Redis, operator: UUID, clock: ManualClock
) -> None:
    one, two = await stop(blocks, operator), await stop(blocks, operator, until=clock.now() + 2 * HOUR)
    await blocks.lift(operator, one.id, reason="mistake", actor=STAFF)
    assert len(await copies(redis)) == 1
    with pytest.raises(NotFound):
        await blocks.lift(operator, one.id, reason="mistake", actor=STAFF)
    await blocks.lift(operator, two.id, reason="mistake", actor=STAFF)
    assert await copies(redis) == []
    found = await blocks.find(operator, two.id)
    assert (found.lifted_by, found.holds(clock.now())) == (STAFF.id, False)


async def test_with_redis_gone_nothing_is_set_and_nothing_lifted(
    blocks: Blocks, redis: Redis, operator: UUID, clock: ManualClock
) -> None:
    made = await stop(blocks, operator)
    blocks._copies._redis = Redis("redis://127.0.0.1:1", clock, timeout_s=0.2)
    with pytest.raises(Unavailable):
        await blocks.lift(operator, made.id, reason="mistake", actor=STAFF)
    with pytest.raises(Unavailable):
        await stop(blocks, operator, number="+4915112345679")
    assert [each.id for each in await blocks.live(operator)] == [made.id]
    assert len(await copies(redis)) == 1


# Figures of the history


def event(clock: ManualClock, kind: str, outcome: str, challenge: UUID, **more: Any) -> CodeEvent:
    return CodeEvent(new_id(), clock.now(), kind, outcome, challenge=challenge, facts={}, **more)


async def test_the_figures_count_messages_once(db: Database, operator: UUID, clock: ManualClock) -> None:
    subject = new_id()
    sends = [new_id() for _ in range(5)]
    told = {"subject": subject, "country": "DE", "block": "+491511234", "price": 75_000}
    answered, unsent, silent, late, held = sends
    events = [event(clock, "send", "sent", each, **told) for each in (answered, unsent, silent, late)]
    events += [
        event(clock, "send", "suppressed", held, **told),
        event(clock, "check", "verified", answered, subject=subject),
        event(clock, "check", "verified", answered, subject=subject),
        event(clock, "accepted", "accepted", answered, sender="smpp"),
        event(clock, "accepted", "accepted", silent, sender="smpp"),
        event(clock, "unsent", "unavailable", unsent),
        event(clock, "unsent", "late", late),
        event(clock, "accepted", "accepted", new_id(), sender="of another"),
    ]
    since = clock.now()
    async with db.write(operator) as tx:
        store.add(tx, events)
    clock.advance(HOUR)
    async with db.read(operator) as reader:
        [country] = await store.conversion(reader, "country", since)
        senders = {each.name: each for each in await store.conversion(reader, "sender", since)}
        assert (country.sent, country.verified, country.suppressed, country.spent) == (3, 1, 1, 225_000)
        assert {name: each.sent for name, each in senders.items()} == {"smpp": 2, "none": 1}
        assert [(sent, ok) for _, sent, ok in await store.hours(reader, since)] == [(3, 1)]
        assert await store.days(reader, since) == {since.date(): 3}
        assert await store.conversion(reader, "country", clock.now()) == []
        history = await store.of_subject(reader, subject)
    assert {each.id for each in history} == {each.id for each in events[:-1]}
