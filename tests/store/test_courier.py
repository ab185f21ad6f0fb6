"""Messages without a code: sent once, paid from the day's money alone, and kept where they cannot be sent."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.audit.workflow import Actor, entries
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.limits.model import Limit, Money
from service.limits.workflow import Blocks, Purses
from service.otp import rules
from service.otp.model import Accepted, Handed, Message, Notice, NoticeKind
from service.otp.ports import Lookup, NullLookup, SenderUnavailable, SenderUncertain
from service.otp.workflow import Courier, Dispatch, drop
from service.otp.workflow.courier import LEASE, told
from service.otp.workflow.dispatch import Pace
from service.subscribers.workflow import Subscribers
from tests.conftest import Backend
from tests.fakes.desk import limits
from tests.fakes.otp import Recorder

PRICE = 75_000
"""Of one part to Germany, in the seed."""

NUMBER = "+4915112345678"
DAY = timedelta(days=1)


class Died(BaseException):
    """The process is gone."""


class Turnable(Recorder):
    """Takes messages, or fails as it is told."""

    failure: Exception | None = None
    dies = False

    async def send(self, message: Message) -> Accepted:
        if self.dies:
            raise Died
        if self.failure is not None:
            raise self.failure
        await asyncio.sleep(0)
        return await super().send(message)


class Nobody:
    async def may_receive(self, number: Any) -> bool:
        return False


class Office:
    """A courier, its sender and one holder."""

    def __init__(self, db: Database, redis: Redis, vault: Vault, operator: UUID) -> None:
        self.db, self.redis, self.vault, self.operator = db, redis, vault, operator
        self.sender = Turnable()
        self.subscribers = Subscribers(vault)
        self.holder = new_id()
        policy = limits(rules.seed_policy())
        self.policy = replace(policy, limits=replace(policy.limits, money=Money("EUR", PRICE, PRICE)))
        self.blocks = Blocks(db, redis, vault, lambda: self.policy.limits)
        self.courier = self.another()

    def another(self, redis: Redis | None = None, lookup: Lookup | None = None) -> Courier:
        purses = Purses(self.db, redis or self.redis, self.vault, self.blocks, lambda: self.policy.limits)
        dispatch = Dispatch(
            [self.sender], deadline_s=5, lookup=lookup or NullLookup(), pace=Pace(lambda _: asyncio.sleep(0))
        )
        return Courier(self.db, self.subscribers, dispatch, purses, lambda: self.policy)

    def raise_cap(self, messages: int) -> None:
        money = Money("EUR", messages * PRICE, PRICE)
        self.policy = replace(self.policy, limits=replace(self.policy.limits, money=money))

    def about(self, kind: NoticeKind = NoticeKind.NEW_LINE, way: str = "line", **more: Any) -> Notice:
        return Notice(self.operator, kind, UUID(int=7), way, self.holder, NUMBER, **more)

    async def hand(self, notice: Notice | None = None, courier: Courier | None = None) -> Handed:
        return await (courier or self.courier).hand(
            notice or self.about(), lambda language: f"Told, {language}"
        )

    async def stands(self) -> list[tuple[str, bool, int]]:
        async with self.db.read(self.operator) as reader:
            return [(each.outcome, each.waits, each.many) for each in await told(reader, 7 * DAY)]

    async def audited(self) -> list[str]:
        async with self.db.read(self.operator) as reader:
            found = await entries(reader, limit=20)
        return sorted(each.action for each in found if each.action.startswith("notice."))


@pytest.fixture
async def office(db: Database, redis: Redis, vault: Vault, operator: UUID) -> Office:
    made = Office(db, redis, vault, operator)
    async with db.write(operator) as tx:
        made.subscribers.add(tx, made.holder, {})
    return made


def test_a_country_without_a_price_is_not_free() -> None:
    prices = {"DE": 2, "AT": 5}
    assert rules.price_of("x", "DE", prices) == 2
    assert rules.price_of("x" * 161, "DE", prices) == 4
    assert rules.price_of("x", "ZZ", prices) == rules.price_of("x", None, prices) == 5


def test_ids_differ_in_every_part() -> None:
    base = Notice(UUID(int=1), NoticeKind.STEP, UUID(int=2), "taken", UUID(int=3), NUMBER)
    others = [
        replace(base, kind=NoticeKind.NEW_LINE),
        replace(base, about=UUID(int=4)),
        replace(base, way="undone"),
        replace(base, mark=b"x"),
        replace(base, way="tak", mark=b"en"),
    ]
    assert len({rules.name_of(each) for each in [base, *others]}) == 6
    assert rules.name_of(base) == rules.name_of(replace(base, number="+4915100000000"))


async def test_of_many_at_once_one_is_sent_and_it_is_paid_for(office: Office) -> None:
    found = await asyncio.gather(*(office.hand(courier=office.another()) for _ in range(4)))
    assert sorted(found)[-1] is Handed.SENT
    assert {each for each in found if each is not Handed.SENT} <= {Handed.BUSY}
    assert await office.hand() is Handed.SENT
    [message] = office.sender.messages
    assert (message.number, message.text) == (NUMBER, "Told, de")
    assert await office.hand(office.about(way="contact")) is Handed.MONEY, "the day had one message's money"
    assert await office.audited() == ["notice.kept", "notice.sent"]


async def test_what_money_forbids_is_kept_counted_and_sent_the_next_day(
    office: Office, clock: ManualClock, backend: Backend
) -> None:
    office.raise_cap(0)
    assert await office.hand() is Handed.MONEY
    assert await office.stands() == [("money", True, 1)]
    with backend.admin() as conn:
        [[sealed]] = conn.execute("SELECT sealed FROM notice").fetchall()
    assert NUMBER.encode() not in sealed
    clock.advance(timedelta(minutes=10))
    assert await office.courier.again(office.operator) == 1
    assert await office.hand() is Handed.BUSY, "asked for again it is not due yet"
    assert office.sender.messages == []
    clock.advance(DAY)
    office.raise_cap(1)
    assert await office.courier.again(office.operator) == 1
    assert len(office.sender.messages) == 1
    assert await office.courier.again(office.operator) == 0
    assert await office.stands() == []
    with backend.admin() as conn:
        assert conn.execute("SELECT sealed FROM notice").fetchall() == [(None,)]


async def test_no_limit_and_no_block_on_codes_stops_it(office: Office, clock: ManualClock) -> None:
    until, actor = clock.now() + DAY, Actor.system("holder")
    given: dict[str, Any] = {"until": until, "reason": "not-me", "actor": actor, "made_by": "holder"}
    await office.blocks.set(office.operator, Limit.OTP_BLOCKED_MSISDN_EVERYWHERE, number=NUMBER, **given)
    await office.blocks.set(office.operator, Limit.OTP_BLOCKED_EVERYWHERE, **given)
    assert await office.hand() is Handed.SENT


@pytest.mark.parametrize("kind", list(NoticeKind))
async def test_what_never_left_is_paid_back_and_what_may_have_left_is_not(
    office: Office, clock: ManualClock, kind: NoticeKind
) -> None:
    notice = office.about(kind)
    office.sender.failure = SenderUnavailable("turnable", "away")
    assert await office.hand(notice) is Handed.SENDER
    clock.advance(timedelta(seconds=15))
    office.sender.failure = SenderUncertain("turnable", "no-answer")
    assert await office.courier.again(office.operator) == 1, "the one message's money was there again"
    office.sender.failure = None
    clock.advance(DAY)
    again = 1 if kind is NoticeKind.CARD_ASKED else 0
    assert await office.courier.again(office.operator) == again, "twice would frighten"
    assert len(office.sender.messages) == again
    assert await office.hand(notice) is (Handed.SENT if again else Handed.UNCERTAIN)


async def test_what_may_have_left_each_time_is_sent_five_times_at_most(
    office: Office, clock: ManualClock
) -> None:
    office.raise_cap(100)
    office.sender.failure = SenderUncertain("turnable", "no-answer")
    assert await office.hand(office.about(NoticeKind.CARD_ASKED)) is Handed.UNCERTAIN
    tries = 1
    for _ in range(2):
        clock.advance(timedelta(minutes=1))
        tries += await office.courier.again(office.operator)
    assert tries == 3
    for _ in range(16):
        clock.advance(timedelta(hours=5))
        tries += await office.courier.again(office.operator)
    assert tries == 5
    assert await office.stands() == [("uncertain", False, 1)]


async def test_what_the_network_withholds_is_over_and_paid_back(office: Office) -> None:
    barred = office.another(lookup=Nobody())
    assert await office.hand(courier=barred) is Handed.WITHHELD
    assert await office.hand() is Handed.WITHHELD
    assert await office.hand(office.about(way="contact")) is Handed.SENT
    assert await office.stands() == [("withheld", False, 1)]


async def test_with_redis_gone_it_waits(office: Office, clock: ManualClock) -> None:
    nowhere = Redis("redis://127.0.0.1:1/0", clock, timeout_s=0.2)
    assert await office.hand(courier=office.another(nowhere)) is Handed.SENDER
    await nowhere.close()
    clock.advance(timedelta(seconds=15))
    assert await office.courier.again(office.operator) == 1
    assert len(office.sender.messages) == 1


async def test_what_is_not_kept_is_for_whoever_asks_again(office: Office, clock: ManualClock) -> None:
    notice = office.about(NoticeKind.STEP, "announced", is_kept=False)
    office.sender.failure = SenderUnavailable("turnable", "away")
    assert await office.hand(notice) is Handed.SENDER
    office.sender.failure = None
    clock.advance(DAY)
    assert await office.courier.again(office.operator) == 0
    assert await office.stands() == [("sender", False, 1)]
    assert await office.hand(notice) is Handed.SENT


async def test_it_is_tried_for_three_days_and_then_listed(office: Office, clock: ManualClock) -> None:
    office.sender.failure = SenderUnavailable("turnable", "away")
    await office.hand()
    clock.advance(3 * DAY - timedelta(minutes=5))
    assert await office.courier.again(office.operator) == 1
    clock.advance(timedelta(minutes=5))
    assert await office.courier.again(office.operator) == 1
    clock.advance(DAY)
    assert await office.courier.again(office.operator) == 0
    assert await office.stands() == [("sender", False, 1)]
    assert await office.audited() == ["notice.failed", "notice.kept"]
    clock.advance(6 * DAY)
    assert await office.stands() == []
    clock.advance(400 * DAY)
    await office.courier.purge(office.operator)
    office.sender.failure = None
    assert await office.hand() is Handed.SENT, "nothing is known of it any more"


async def test_a_holder_who_is_erased_meanwhile_is_told_nothing(office: Office, clock: ManualClock) -> None:
    office.raise_cap(0)
    await office.hand()
    async with office.db.write(office.operator) as tx:
        await office.subscribers.erase(tx, office.holder)
    office.raise_cap(1)
    clock.advance(timedelta(minutes=10))
    assert await office.courier.again(office.operator) == 1
    assert office.sender.messages == []
    assert await office.stands() == [("holder-erased", False, 1)]
    assert await office.hand(office.about(way="contact")) is Handed.ERASED


async def test_what_is_no_longer_so_is_dropped_but_for_the_word_that_says_this(
    office: Office, clock: ManualClock
) -> None:
    office.sender.failure = SenderUnavailable("turnable", "away")
    taken, undone = (office.about(NoticeKind.STEP, way) for way in ("taken", "undone"))
    for notice in (taken, undone, office.about(NoticeKind.NEW_LINE)):
        assert await office.hand(notice) is Handed.SENDER
    async with office.db.write(office.operator) as tx:
        drop(tx, NoticeKind.STEP, taken.about, but="undone")
    office.sender.failure = None
    office.raise_cap(3)
    clock.advance(DAY)
    assert await office.courier.again(office.operator) == 2
    assert await office.hand(taken) is Handed.OVER
    assert await office.stands() == [("over", False, 1)]


@pytest.mark.parametrize("fails", [True, False])
async def test_what_is_dropped_while_it_is_handed_over_is_not_tried_again(
    office: Office, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    notice, send = office.about(NoticeKind.STEP, "taken"), office.sender.send

    async def dropped(message: Message) -> Accepted:
        async with office.db.write(office.operator) as tx:
            drop(tx, notice.kind, notice.about, but="undone")
        return await send(message)

    monkeypatch.setattr(office.sender, "send", dropped)
    office.sender.failure = SenderUnavailable("turnable", "away") if fails else None
    await office.hand(notice)
    clock.advance(DAY)
    assert await office.courier.again(office.operator) == 0
    assert await office.hand(notice) is (Handed.OVER if fails else Handed.SENT)


async def test_a_worker_that_dies_in_the_middle_loses_nothing(office: Office, clock: ManualClock) -> None:
    office.sender.dies = True
    with pytest.raises(Died):
        await office.hand()
    office.sender.dies = False
    assert await office.hand() is Handed.BUSY
    assert await office.stands() == [("busy", True, 1)]
    clock.advance(LEASE)
    office.raise_cap(2)  # what the dead one paid for may have left
    assert await office.courier.again(office.operator) == 1
    assert len(office.sender.messages) == 1
