"""A day's money: leased by PostgreSQL in slices, spent in Redis, never more than the cap, whatever Redis loses."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import structlog
from structlog.testing import capture_logs

from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.errors import Unavailable
from service.kit.ids import new_id
from service.limits import store
from service.limits.model import LimitPolicy, Money
from service.limits.tables import MoneyDayRow
from service.limits.volatile import Purse
from service.limits.workflow import Blocks, MoneyLeft, Purses
from service.otp import rules
from service.otp.model import CodePolicy
from service.otp.ports import SenderRejected, SenderUnavailable, SenderUncertain
from tests.conftest import START, Backend
from tests.fakes.desk import Desk, flush, gone, limits
from tests.fakes.otp import Failing

PRICE = 75_000
"""Of one part to Germany, in the seed."""

DAY = START.date()


def with_money(per_day: int, piece: int) -> CodePolicy:
    """No limit but the purse."""
    policy = limits(rules.seed_policy())
    return replace(policy, limits=replace(policy.limits, money=Money("EUR", per_day, piece)))


class Counter:
    """Everything around an operator's purse."""

    def __init__(self, db: Database, redis: Redis, vault: Vault, clock: ManualClock, operator: UUID) -> None:
        self.db, self.redis, self.vault, self.clock, self.operator = db, redis, vault, clock, operator
        self.policy = with_money(20 * PRICE, 5 * PRICE)
        self.purses = self.another(db)

    def another(self, db: Database) -> Purses:
        """As another process has it."""

        def policy() -> LimitPolicy:
            return self.policy.limits

        return Purses(db, self.redis, self.vault, Blocks(db, self.redis, self.vault, policy), policy)

    def desk(self, purses: Purses | None = None, **more: Any) -> Desk:
        return Desk(
            self.redis, self.vault, self.clock, policy=self.policy, operator=self.operator,
            purses=purses or self.purses, **more,
        )  # fmt: skip

    async def leased(self, day: Any = DAY) -> int:
        async with self.db.read(self.operator) as reader:
            found = await store.leased(reader, day)
        return 0 if found is None else found[1]

    async def left(self) -> int:
        found = await self.purses.left(self.operator)
        assert found is not None
        return found.unspent


@pytest.fixture
def till(db: Database, redis: Redis, vault: Vault, clock: ManualClock, operator: UUID) -> Counter:
    return Counter(db, redis, vault, clock, operator)


@pytest.fixture
async def other_db(backend: Backend, clock: ManualClock) -> AsyncIterator[Database]:
    """The database of another process."""
    database = Database(backend.servers.app_url, clock, pool_size=10)
    yield database
    await database.close()


async def send_until_the_day_is_spent(desk: Desk, most: int) -> int:
    """How many messages left."""
    for sent in range(most):
        if not await is_sent(desk):
            return sent
    raise AssertionError("the day was never spent")


async def is_sent(desk: Desk) -> bool:
    """Sent, or refused for want of money and nothing else."""
    try:
        await desk.send(registration_id=new_id())
    except Unavailable as refused:
        if refused.facts != {"dependency": "money"} or not refused.retry_after_s:
            raise
        return False
    return True


async def test_the_first_message_of_the_day_leases_a_slice(till: Counter) -> None:
    desk = till.desk()
    await desk.send()
    assert len(desk.sender.messages) == 1
    assert (await till.leased(), await till.left()) == (5 * PRICE, 4 * PRICE)
    assert await till.purses.left(till.operator) == MoneyLeft("EUR", 20 * PRICE, 5 * PRICE, 4 * PRICE)


async def test_the_whole_cap_is_spent_and_no_more(till: Counter) -> None:
    desk = till.desk()
    assert await send_until_the_day_is_spent(desk, 25) == 20
    assert len(desk.sender.messages) == 20
    assert await till.leased() == 20 * PRICE
    await gone(desk.send(registration_id=new_id()), "money")
    assert len(desk.sender.messages) == 20


async def test_a_slice_is_leased_ahead_of_need(till: Counter) -> None:
    """Where less than half a slice is left, and not before: what is leased and forgotten is lost."""
    await till.purses.top_up(till.operator)
    desk = till.desk()
    for _ in range(2):
        await desk.send(registration_id=new_id())
    await till.purses.top_up(till.operator)
    assert await till.leased() == 5 * PRICE
    await desk.send(registration_id=new_id())
    await till.purses.top_up(till.operator)
    assert (await till.leased(), await till.left()) == (10 * PRICE, 7 * PRICE)


async def test_a_redis_that_forgets_after_every_message_costs_no_more_than_the_cap(till: Counter) -> None:
    desk = till.desk()
    sent = 0
    for _ in range(30):
        await flush(till.redis)
        sent += await is_sent(desk)
        assert await till.leased() <= 20 * PRICE
    assert sent == len(desk.sender.messages) == 4, "a slice each, and then the day is over"
    assert await till.leased() == 20 * PRICE


async def test_many_processes_at_once_lease_no_more_than_the_cap(till: Counter, other_db: Database) -> None:
    """Four processes on two pools, all filling while all send."""
    all_purses = [till.purses, till.another(till.db), till.another(other_db), till.another(other_db)]
    desks = [till.desk(purses) for purses in all_purses]

    results: list[bool] = []
    for _ in range(3):
        results += await asyncio.gather(*(is_sent(desks[n % 4]) for n in range(20)))
        await asyncio.gather(*(purses.top_up(till.operator) for purses in all_purses))
    assert await till.leased() == 20 * PRICE
    assert sum(results) == sum(len(desk.sender.messages) for desk in desks) == 20
    assert await till.left() == 0


async def test_whoever_asks_while_it_is_filled_waits_for_the_same(till: Counter) -> None:
    await asyncio.gather(*(till.purses.top_up(till.operator) for _ in range(50)))
    assert (await till.leased(), await till.left()) == (5 * PRICE, 5 * PRICE)


async def test_a_crash_between_lease_and_purse_loses_a_slice_and_makes_none(
    till: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL has counted it; nobody may spend it."""

    async def dies(*_: Any) -> None:
        raise Unavailable("redis")

    for lost in (1, 2, 3):
        with monkeypatch.context() as patch:
            patch.setattr(Purse, "put", dies)
            await gone(till.purses.top_up(till.operator))
        assert await till.leased() == lost * 5 * PRICE
    desk = till.desk()
    assert await send_until_the_day_is_spent(desk, 10) == 5
    assert await till.leased() == 20 * PRICE


async def test_an_answer_of_redis_that_is_lost_is_not_put_twice(
    till: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Purse.put

    async def deaf(*args: Any) -> None:
        await put(*args)
        raise Unavailable("redis")

    with monkeypatch.context() as patch:
        patch.setattr(Purse, "put", deaf)
        await gone(till.purses.top_up(till.operator))
    await till.purses.top_up(till.operator)
    assert (await till.leased(), await till.left()) == (5 * PRICE, 5 * PRICE)


async def test_near_midnight_tomorrows_first_slice_is_there(till: Counter) -> None:
    till.clock.set(datetime(2026, 11, 23, 23, 49, 59, tzinfo=UTC))
    await till.purses.top_up(till.operator)
    assert await till.leased(DAY + timedelta(days=1)) == 0
    till.clock.set(datetime(2026, 11, 23, 23, 50, 1, tzinfo=UTC))
    await till.purses.top_up(till.operator)
    assert await till.leased(DAY + timedelta(days=1)) == 5 * PRICE
    # After midnight the first message needs no lease, and yesterday's money is not today's.
    till.clock.set(datetime(2026, 11, 24, 0, 0, 1, tzinfo=UTC))
    desk = till.desk()
    before = till.db.statements
    await desk.send()
    assert till.db.statements == before
    assert await till.left() == 4 * PRICE


async def test_what_is_leased_of_one_day_is_not_spent_on_the_next(till: Counter) -> None:
    till.policy = with_money(5 * PRICE, 5 * PRICE)
    desk = till.desk()
    assert await send_until_the_day_is_spent(desk, 6) == 5
    till.clock.set(START + timedelta(days=1))
    assert await send_until_the_day_is_spent(desk, 6) == 5
    assert [await till.leased(DAY + timedelta(days=n)) for n in (0, 1)] == [5 * PRICE, 5 * PRICE]


async def test_a_purse_does_not_outlive_its_day(till: Counter) -> None:
    await till.desk().send()
    [purse] = [key async for key in till.redis.client.scan_iter("*:m:20261123")]
    ttl = timedelta(milliseconds=await till.redis.client.pttl(purse))
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    assert midnight - START < ttl < midnight - START + timedelta(hours=2)


async def test_a_sender_that_takes_nothing_costs_nothing(till: Counter) -> None:
    desk = till.desk(senders=[Failing(SenderUnavailable("gone", "x"))])
    for _ in range(30):
        await gone(desk.send(registration_id=new_id()), "sms")
    assert (await till.leased(), await till.left()) == (5 * PRICE, 5 * PRICE)


@pytest.mark.parametrize("failure", [SenderUncertain("hm", "x"), SenderRejected("no", "x")])
async def test_what_may_have_been_sent_is_paid_for(till: Counter, failure: Exception) -> None:
    desk = till.desk(senders=[Failing(failure)])
    await gone(desk.send(), "sms")
    assert await till.left() == 4 * PRICE


async def test_a_refund_after_redis_forgot_makes_no_money(till: Counter) -> None:
    """The slice is gone; what comes back of it has nowhere to go."""

    class Forgetful(Failing):
        async def send(self, message: Any) -> Any:
            await flush(till.redis)
            return await super().send(message)

    await gone(till.desk(senders=[Forgetful(SenderUnavailable("gone", "x"))]).send(), "sms")
    assert await till.left() == 0
    assert not [key async for key in till.redis.client.scan_iter("*:m:20261123")]


async def test_a_cap_that_was_lowered_below_what_is_leased_leases_nothing_more(till: Counter) -> None:
    desk = till.desk()
    for _ in range(9):
        await desk.send(registration_id=new_id())
    assert await till.leased() == 10 * PRICE
    desk.policy = till.policy = with_money(7 * PRICE, 5 * PRICE)
    # What is out in Redis may still be spent; no more is given out.
    assert await send_until_the_day_is_spent(desk, 3) == 1
    assert await till.leased() == 10 * PRICE
    async with till.db.read(till.operator) as reader:
        assert await reader.scalar(sa.select(MoneyDayRow.cap)) == 10 * PRICE, (
            "the row says what was given out"
        )
    desk.policy = till.policy = with_money(12 * PRICE, 5 * PRICE)
    assert await send_until_the_day_is_spent(desk, 5) == 2
    assert await till.leased() == 12 * PRICE


async def test_a_message_dearer_than_a_slice_is_never_sent(till: Counter) -> None:
    """The slice must be above what one message costs: the house says so beside it."""
    till.policy = with_money(20 * PRICE, PRICE - 1)
    await gone(till.desk().send(), "money")


async def test_without_postgresql_nothing_is_leased_and_nothing_is_sent(
    till: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: Any, **__: Any) -> int:
        raise Unavailable("postgresql")

    monkeypatch.setattr("service.limits.store.lease", dies)
    desk = till.desk()
    await gone(desk.send(), "postgresql")
    assert desk.sender.messages == []


async def test_that_a_day_is_spent_is_said_once(till: Counter) -> None:
    till.policy = with_money(PRICE, PRICE)
    structlog.reset_defaults()  # whatever level an application that ran in this process has set
    with capture_logs() as logs:
        await send_until_the_day_is_spent(till.desk(), 3)
        for _ in range(5):
            await till.purses.top_up(till.operator)
    assert [each["event"] for each in logs].count("money.day_is_spent") == 1


async def test_a_policy_without_money_has_no_purse_that_binds(till: Counter) -> None:
    till.policy = limits(rules.seed_policy())
    desk = till.desk()
    for _ in range(3):
        await desk.send(registration_id=new_id())
    await till.purses.top_up(till.operator)
    assert await till.purses.left(till.operator) is None
    assert await till.leased() == 0


async def test_operators_have_purses_of_their_own(till: Counter, db: Database) -> None:
    from service.operators.workflow import Operators

    other = (await Operators(db).add("other", "Other Telecom")).id
    await send_until_the_day_is_spent(till.desk(), 25)
    beside = Desk(till.redis, till.vault, till.clock, policy=till.policy, operator=other, purses=till.purses)
    await beside.send(registration_id=new_id())
    assert len(beside.sender.messages) == 1
