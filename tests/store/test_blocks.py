"""Blocks: PostgreSQL's truth, Redis' copies; set, held, expired, lifted, put back; seen by staff, never by callers."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.audit.workflow import Actor, entries, open_note
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.errors import NotFound
from service.kit.ids import new_id, wire
from service.limits import rules as law
from service.limits.model import Limit, Money, Unverified
from service.limits.volatile import name
from service.limits.workflow import Blocks, Purses, live_blocks
from service.otp import rules
from service.otp.model import CodeEvent
from service.otp.workflow.guard import Guard
from tests.conftest import START
from tests.fakes.desk import CLIENT, DAY_US, NUMBER, OTHER, Desk, flush, limits

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
STAFF = Actor.system("test")
BLOCK = NUMBER[:-4]


class House:
    """Blocks and a desk that they bind."""

    def __init__(self, db: Database, redis: Redis, vault: Vault, clock: ManualClock, operator: UUID) -> None:
        self.db, self.redis, self.vault, self.clock, self.operator = db, redis, vault, clock, operator
        self.desk = Desk(redis, vault, clock, policy=limits(rules.seed_policy()), operator=operator)
        self.blocks = Blocks(db, redis, vault, lambda: self.desk.policy.limits)
        self.purses = Purses(db, redis, vault, self.blocks, lambda: self.desk.policy.limits)

    async def set(self, limit: Limit, **where: Any) -> UUID:
        until = where.pop("until", self.clock.now() + HOUR)
        block = await self.blocks.set(
            self.operator, limit, until=until, reason="test", actor=STAFF, made_by="test", **where
        )
        return block.id

    async def lift(self, block: UUID) -> None:
        await self.blocks.lift(self.operator, block, reason="mistake", actor=STAFF, note="looked at it")

    async def leaves(self, **given: Any) -> bool:
        """Whether a message leaves; the caller sees the same either way."""
        before = len(self.desk.sender.messages)
        sent = await self.desk.send(**{"registration_id": new_id(), **given})
        assert (sent.attempts_left, sent.expires_at) == (5, self.clock.now() + timedelta(minutes=10))
        return len(self.desk.sender.messages) > before


@pytest.fixture
def house(db: Database, redis: Redis, vault: Vault, clock: ManualClock, operator: UUID) -> House:
    return House(db, redis, vault, clock, operator)


EVERYWHERE: list[tuple[Limit, dict[str, Any], dict[str, Any]]] = [
    (Limit.OTP_BLOCKED_MSISDN, {"number": NUMBER, "client": CLIENT}, {"client": new_id()}),
    (Limit.OTP_BLOCKED_MSISDN, {"number": NUMBER, "client": CLIENT}, {"msisdn": OTHER}),
    (Limit.OTP_BLOCKED_MSISDN_EVERYWHERE, {"number": NUMBER}, {"msisdn": OTHER}),
    (Limit.OTP_BLOCKED_BLOCK, {"place": BLOCK}, {"msisdn": "+4915112355678"}),
    (Limit.OTP_BLOCKED_COUNTRY, {"place": "DE"}, {"msisdn": "+31612345678"}),
    (Limit.OTP_BLOCKED_CLIENT, {"place": str(CLIENT), "client": CLIENT}, {"client": new_id()}),
]


@pytest.mark.parametrize(("limit", "where", "beside"), EVERYWHERE)
async def test_a_block_holds_where_it_is_set_and_nowhere_else(
    house: House, limit: Limit, where: dict[str, Any], beside: dict[str, Any]
) -> None:
    await house.set(limit, **where)
    assert not await house.leaves()
    assert await house.leaves(**beside)


async def test_a_block_on_everything_binds_every_client_and_number_of_its_operator(
    house: House, vault: Vault
) -> None:
    await house.set(Limit.OTP_BLOCKED_EVERYWHERE, place="everything")
    assert not await house.leaves()
    assert not await house.leaves(client=new_id(), msisdn="+31612345678")
    assert await house.leaves(operator=new_id())


async def test_every_block_has_a_test() -> None:
    assert {limit for limit, *_ in EVERYWHERE} | {Limit.OTP_BLOCKED_EVERYWHERE} == law.BLOCKS


async def test_a_block_ends_at_its_instant(house: House) -> None:
    await house.set(Limit.OTP_BLOCKED_COUNTRY, place="DE")
    house.clock.set(START + HOUR - timedelta(microseconds=1))
    assert not await house.leaves()
    house.clock.set(START + HOUR)
    assert await house.leaves()
    assert await house.blocks.live(house.operator) == []


async def test_the_longer_of_two_holds(house: House) -> None:
    first = await house.set(Limit.OTP_BLOCKED_COUNTRY, place="DE", until=START + 3 * HOUR)
    await house.set(Limit.OTP_BLOCKED_COUNTRY, place="DE", until=START + HOUR)
    house.clock.set(START + 2 * HOUR)
    assert not await house.leaves()
    await house.lift(first)
    assert await house.leaves()


async def test_lifting_one_of_two_leaves_the_other(house: House) -> None:
    short = await house.set(Limit.OTP_BLOCKED_COUNTRY, place="DE")
    await house.set(Limit.OTP_BLOCKED_COUNTRY, place="DE", until=START + 3 * HOUR)
    await house.lift(short)
    assert not await house.leaves()


async def test_what_is_lifted_is_over_at_once_and_only_once(house: House) -> None:
    block = await house.set(Limit.OTP_BLOCKED_MSISDN, number=NUMBER, client=CLIENT)
    await house.lift(block)
    assert await house.leaves()
    with pytest.raises(NotFound):
        await house.lift(block)
    with pytest.raises(NotFound):
        await house.lift(new_id())


async def test_the_same_block_twice_is_one_and_after_it_was_lifted_it_may_be_wished_again(
    house: House,
) -> None:
    """A link that is followed again repeats its own id; staff's word is the later one."""
    block = new_id()
    for _ in range(2):
        await house.set(Limit.OTP_BLOCKED_MSISDN, number=NUMBER, client=CLIENT, block_id=block)
    assert [each.id for each in await house.blocks.live(house.operator)] == [block]
    async with house.db.read(house.operator) as reader:
        assert len(await entries(reader, action="block.set")) == 1
    await house.lift(block)
    assert await house.leaves()
    house.clock.advance(timedelta(hours=1))
    await house.set(Limit.OTP_BLOCKED_MSISDN, number=NUMBER, client=CLIENT, block_id=block)
    [again] = await house.blocks.live(house.operator)
    assert again.id != block
    assert not await house.leaves()


async def test_what_filled_up_behind_a_block_begins_anew_when_it_is_lifted(house: House) -> None:
    """Otherwise the budget, still full, would set it again with the next message."""
    house.desk.policy = limits(rules.seed_policy(), OTP_UNVERIFIED_PER_BLOCK=Unverified(3, 100, DAY_US))
    assert [await house.leaves() for _ in range(4)] == [True, True, True, False]
    block = await house.set(Limit.OTP_BLOCKED_BLOCK, place=BLOCK)
    await house.lift(block)
    assert [await house.leaves() for _ in range(4)] == [True, True, True, False]


async def test_a_flush_forgets_no_block(house: House) -> None:
    for limit, where, _ in EVERYWHERE:
        await house.set(limit, **where)
    over = await house.set(Limit.OTP_BLOCKED_EVERYWHERE, place="everything")
    await house.lift(over)
    copies = {key async for key in house.redis.client.scan_iter("{otp}:l:*:b")}
    assert len(copies) == 5  # of six, two are of one number and one client
    await flush(house.redis)
    await house.blocks.project(house.operator)
    assert {key async for key in house.redis.client.scan_iter("{otp}:l:*:b")} == copies
    assert not await house.leaves()


@pytest.mark.parametrize("money", [Money("EUR", 10**9, 10**7), None])
async def test_filling_the_purse_puts_blocks_back(house: House, money: Money | None) -> None:
    """A purse that is not there says that Redis has forgotten, also where the policy has no money."""
    policy = house.desk.policy
    house.desk.policy = replace(policy, limits=replace(policy.limits, money=money))
    await house.set(Limit.OTP_BLOCKED_COUNTRY, place="DE")
    await house.purses.top_up(house.operator)
    await flush(house.redis)
    await house.purses.top_up(house.operator)
    assert not await house.leaves()


@pytest.mark.parametrize(
    ("limit", "where"),
    [
        (Limit.OTP_BLOCKED_MSISDN, {"number": NUMBER, "client": CLIENT}),
        (Limit.OTP_BLOCKED_MSISDN_EVERYWHERE, {"number": NUMBER}),
    ],
)
async def test_a_holders_block_does_not_bind_a_registration_in_a_shop(
    house: House, limit: Limit, where: dict[str, Any]
) -> None:
    await house.set(limit, **where)
    assert not await house.leaves()
    assert await house.leaves(in_shop=True)


async def test_staffs_blocks_bind_shops_too(house: House) -> None:
    await house.set(Limit.OTP_BLOCKED_BLOCK, place=BLOCK)
    assert not await house.leaves(in_shop=True)


async def test_the_number_of_a_block_is_sealed_and_staff_can_read_it(house: House) -> None:
    await house.set(Limit.OTP_BLOCKED_MSISDN, number=NUMBER, client=CLIENT)
    [block] = await house.blocks.live(house.operator)
    assert block.sealed is not None
    assert NUMBER.encode() not in block.sealed
    assert NUMBER not in repr(block)
    assert house.blocks.number(block) == NUMBER
    assert block.place is None
    assert house.blocks.number(replace(block, sealed=None)) is None


async def test_setting_and_lifting_stand_in_the_audit(house: House) -> None:
    block = await house.set(Limit.OTP_BLOCKED_COUNTRY, place="DE")
    await house.lift(block)
    async with house.db.read(house.operator) as reader:
        found = await entries(reader, object=wire("blk", block))
        assert [(each.action, each.reason, each.actor) for each in found] == [
            ("block.lifted", "mistake", STAFF),
            ("block.set", "test", STAFF),
        ]
        assert found[1].facts == {"limit": "OtpBlockedCountry", "place": "DE"}
        key = house.vault.operator_key(house.operator)
        assert await open_note(reader, found[0].id, key) == "looked at it"


async def test_operators_do_not_see_each_others_blocks(house: House, db: Database) -> None:
    from service.operators.workflow import Operators

    other = (await Operators(db).add("other", "Other Telecom")).id
    block = await house.set(Limit.OTP_BLOCKED_COUNTRY, place="DE")
    assert await house.blocks.live(other) == []
    with pytest.raises(NotFound):
        await house.blocks.lift(other, block, reason="mistake", actor=STAFF)
    async with db.read(house.operator) as reader:
        assert [each.id for each in await live_blocks(reader)] == [block]


async def test_blocks_that_ended_long_ago_are_forgotten(house: House) -> None:
    await house.set(Limit.OTP_BLOCKED_COUNTRY, place="DE")
    house.clock.set(START + 89 * DAY)
    await house.blocks.purge(house.operator)
    house.clock.set(START)
    assert len(await house.blocks.live(house.operator)) == 1
    house.clock.set(START + HOUR + 90 * DAY + timedelta(seconds=1))
    await house.blocks.purge(house.operator)
    house.clock.set(START)
    assert await house.blocks.live(house.operator) == []


# The guard


def suppressed(limit: Limit) -> CodeEvent:
    return CodeEvent(new_id(), START, "send", "suppressed", limit.value, country="DE", block=BLOCK)


GUARDED = [
    (Limit.OTP_UNVERIFIED_PER_BLOCK, Limit.OTP_BLOCKED_BLOCK, BLOCK),
    (Limit.OTP_UNVERIFIED_PER_COUNTRY, Limit.OTP_BLOCKED_COUNTRY, "DE"),
    (Limit.OTP_UNVERIFIED_EVERYWHERE, Limit.OTP_BLOCKED_EVERYWHERE, "everything"),
]


@pytest.mark.parametrize(("full", "blocked", "place"), GUARDED)
async def test_a_budget_that_runs_full_sets_a_block_once(
    house: House, full: Limit, blocked: Limit, place: str
) -> None:
    guard = Guard(house.blocks)
    for _ in range(3):
        await guard.tripped(house.operator, suppressed(full))
    [block] = await house.blocks.live(house.operator)
    assert (block.limit, block.place, block.made_by, block.until) == (blocked, place, "guard", START + HOUR)
    assert not await house.leaves()
    async with house.db.read(house.operator) as reader:
        [entry] = await entries(reader, action="block.set")
    assert entry.reason == "unanswered-messages"


async def test_workers_that_see_the_same_at_once_set_one_block(house: House) -> None:
    event = suppressed(Limit.OTP_UNVERIFIED_PER_BLOCK)
    await asyncio.gather(*(Guard(house.blocks).tripped(house.operator, event) for _ in range(10)))
    assert len(await house.blocks.live(house.operator)) == 1


async def test_a_block_lasts_longer_each_time_within_a_week(house: House) -> None:
    lives = []
    for _ in range(4):
        block = await house.blocks.guard(
            house.operator, Limit.OTP_BLOCKED_BLOCK, BLOCK, "unanswered-messages"
        )
        assert block is not None
        lives.append(block.until - house.clock.now())
        house.clock.set(block.until)
    assert lives == [HOUR, 6 * HOUR, DAY, DAY]
    house.clock.set(house.clock.now() + 8 * DAY)
    block = await house.blocks.guard(house.operator, Limit.OTP_BLOCKED_BLOCK, BLOCK, "unanswered-messages")
    assert block is not None
    assert block.until - house.clock.now() == HOUR


async def test_another_place_is_another_count(house: House) -> None:
    await house.blocks.guard(house.operator, Limit.OTP_BLOCKED_BLOCK, BLOCK, "unanswered-messages")
    other = await house.blocks.guard(
        house.operator, Limit.OTP_BLOCKED_BLOCK, "+491511", "unanswered-messages"
    )
    assert other is not None
    assert other.until == START + HOUR


@pytest.mark.parametrize(
    "limit", [Limit.OTP_UNVERIFIED_PER_IP, Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE, Limit.OTP_BLOCKED_COUNTRY]
)
async def test_other_silences_set_no_block(house: House, limit: Limit) -> None:
    await Guard(house.blocks).tripped(house.operator, suppressed(limit))
    assert await house.blocks.live(house.operator) == []


async def test_names_in_redis_are_keyed_hashes(house: House) -> None:
    await house.set(Limit.OTP_BLOCKED_COUNTRY, place="DE")
    [key] = [key async for key in house.redis.client.scan_iter("*")]
    hashed = name(house.vault, law_dimension(Limit.OTP_BLOCKED_COUNTRY), house.operator, "DE")
    assert key.decode() == law.block_key(Limit.OTP_BLOCKED_COUNTRY, hashed)


def law_dimension(limit: Limit) -> Any:
    from service.limits.model import DIMENSION

    return DIMENSION[limit]
