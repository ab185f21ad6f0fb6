"""What became of codes: told by the scripts, drained from Redis once, read by staff."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import ManualClock, micros
from service.kit.errors import LimitExceeded, Refusal, Unavailable
from service.kit.ids import new_id
from service.limits.model import Limit, Money, Rule, Stage, Unverified, Window
from service.limits.workflow import Blocks, Purses
from service.otp import rules, store
from service.otp.model import CodeEvent
from service.otp.ports import SenderUnavailable, SenderUncertain
from service.otp.volatile import Stream
from service.otp.workflow.guard import Guard
from service.otp.workflow.history import MOST_NOTES, History, StreamJournal
from tests.conftest import START
from tests.fakes.desk import (
    CLIENT,
    DAY_US,
    HOUR_US,
    NUMBER,
    OTHER,
    REGISTRATION,
    Desk,
    gone,
    limits,
)
from tests.fakes.otp import Failing

HOUR = timedelta(hours=1)


class Archive:
    """A desk whose history is drained."""

    def __init__(self, db: Database, redis: Redis, vault: Vault, clock: ManualClock, operator: UUID) -> None:
        self.db, self.redis, self.vault, self.clock, self.operator = db, redis, vault, clock, operator
        self.journal = StreamJournal(redis)
        self.history = History(db, redis)
        self.desk = self.make_desk()

    def make_desk(self, **more: Any) -> Desk:
        return Desk(
            self.redis,
            self.vault,
            self.clock,
            **{
                "policy": limits(rules.seed_policy()),
                "operator": self.operator,
                "journal": self.journal,
                **more,
            },
        )

    async def drained(self) -> list[CodeEvent]:
        await self.journal.flush()
        await self.history.drain()
        async with self.db.read(self.operator) as reader:
            return list(await store.page(reader, START - HOUR, START + 400 * HOUR, None, 1000))

    async def waiting(self) -> int:
        client: Any = self.redis.client
        return int(await client.xlen(Stream.KEY))


@pytest.fixture
def archive(db: Database, redis: Redis, vault: Vault, clock: ManualClock, operator: UUID) -> Archive:
    return Archive(db, redis, vault, clock, operator)


def lines(events: list[CodeEvent]) -> Counter[tuple[str, str, str | None]]:
    return Counter((each.kind, each.outcome, each.limit) for each in events)


async def test_a_code_from_its_sending_to_its_answer(archive: Archive) -> None:
    sent = await archive.desk.send(dealer=(dealer := new_id()), language="de")
    archive.clock.advance(timedelta(seconds=9))
    await archive.desk.wrong(1)
    await archive.desk.check(archive.desk.sender.last_code)
    found = await archive.drained()
    assert lines(found) == {
        ("send", "sent", None): 1,
        ("accepted", "accepted", None): 1,
        ("check", "rejected", None): 1,
        ("check", "verified", None): 1,
    }
    assert {each.challenge for each in found} == {sent.challenge_id}
    [send] = [each for each in found if each.kind == "send"]
    assert send == CodeEvent(
        id=send.id,
        at=START,
        kind="send",
        outcome="sent",
        subject=REGISTRATION,
        challenge=sent.challenge_id,
        client_id=CLIENT,
        dealer_id=dealer,
        purpose="new",
        country="DE",
        block=NUMBER[:-4],
        channel="sms",
        language="de",
        price=75_000 * rules.sms_parts(archive.desk.sender.messages[0].text),
        policy="test",
        facts=send.facts,
    )
    # Keyed hashes by dimension, so that a replay can count without knowing whom.
    assert set(send.facts) == {"names", "first", "solved"}
    assert {len(hashed) for hashed in send.facts["names"].values()} == {22}
    [check] = [each for each in found if each.outcome == "verified"]
    assert (check.at, check.subject, check.client_id) == (
        START + timedelta(seconds=9),
        REGISTRATION,
        CLIENT,
    )
    assert next(each.sender for each in found if each.kind == "accepted") == "recorder"


FULL_SHADOW = Rule((Window(1, HOUR_US),), Stage.SHADOW)
PRESSED = Rule((Window(1, HOUR_US),), Stage.PRESSURE)


async def test_what_was_refused_says_by_which_limit_and_what_else_had_no_room(archive: Archive) -> None:
    archive.desk.policy = limits(
        rules.seed_policy(),
        OTP_SENDS_PER_MSISDN=Window(2, HOUR_US),
        OTP_SENDS_PER_MSISDN_EVERYWHERE=Window(1, DAY_US),
        OTP_SENDS_PER_CLIENT=FULL_SHADOW,
        OTP_SEND_ATTEMPTS_PER_CLIENT=PRESSED,
    )
    for _ in range(2):
        await archive.desk.send()
        archive.clock.advance(timedelta(seconds=1))
    with pytest.raises(LimitExceeded):
        await archive.desk.send()
    sends = [each for each in await archive.drained() if each.kind == "send"]
    assert [(each.outcome, each.limit) for each in sends] == [
        ("sent", None),
        ("suppressed", "OtpSendsPerMsisdnEverywhere"),
        ("denied", "OtpSendsPerMsisdn"),
    ]
    assert [each.facts.get("shadows") for each in sends] == [None] + [["OtpSendsPerClient"]] * 2
    assert [each.facts.get("pressures") for each in sends] == [None] + [["OtpSendAttemptsPerClient"]] * 2


async def test_a_send_without_money_is_unfunded_and_one_that_waited_for_a_slice_is_sent(
    archive: Archive,
) -> None:
    policy = archive.desk.policy
    archive.desk.policy = replace(policy, limits=replace(policy.limits, money=Money("EUR", 10**9, 10**7)))
    await gone(archive.desk.send(), "money")

    found = await archive.drained()
    assert lines(found) == {("send", "unfunded", "OtpMoneyPerDay"): 1}
    blocks = Blocks(archive.db, archive.redis, archive.vault, lambda: archive.desk.policy.limits)
    purses = Purses(archive.db, archive.redis, archive.vault, blocks, lambda: archive.desk.policy.limits)
    funded = archive.make_desk(policy=archive.desk.policy, purses=purses)
    await funded.send()
    assert lines(await archive.drained()) - lines(found) == {
        ("send", "sent", None): 1,
        ("accepted", "accepted", None): 1,
    }


@pytest.mark.parametrize(
    ("failure", "cause"),
    [(SenderUnavailable("x", "y"), "unavailable"), (SenderUncertain("x", "y"), "refused")],
)
async def test_what_no_sender_took_is_unsent(archive: Archive, failure: Exception, cause: str) -> None:
    desk = archive.make_desk(senders=[Failing(failure)])
    await gone(desk.send(), "sms")
    assert lines(await archive.drained()) == {("send", "sent", None): 1, ("unsent", cause, None): 1}


async def test_every_answer_to_a_check_has_a_line(archive: Archive) -> None:
    desk = archive.desk
    desk.policy = limits(rules.seed_policy(), OTP_WRONG_CODES_PER_MSISDN=Window(6, DAY_US))

    async def refused(call: Any) -> None:
        with pytest.raises(Refusal):
            await call

    await refused(desk.check("123456"))  # absent
    await desk.send()
    await desk.wrong(5)
    await refused(desk.check(desk.sender.last_code))  # exhausted
    await desk.send()
    await desk.wrong(1)
    await refused(desk.check(desk.sender.last_code))  # limited
    archive.clock.advance(timedelta(minutes=11))
    await refused(desk.check(desk.sender.last_code))  # expired
    checks = [each for each in await archive.drained() if each.kind == "check"]
    assert lines(checks) == {
        ("check", "absent", None): 1,
        ("check", "rejected", None): 6,
        ("check", "exhausted", None): 1,
        ("check", "limited", "OtpWrongCodesPerMsisdn"): 1,
        ("check", "expired", None): 1,
    }
    assert [each.challenge is None for each in checks if each.outcome == "absent"] == [True]


# Drained once


async def test_a_stream_that_is_drained_is_gone(archive: Archive) -> None:
    await archive.desk.send()
    assert await archive.waiting() == 1
    await archive.drained()
    assert not await archive.redis.client.exists(Stream.KEY)
    assert await archive.history.drain() == 0


async def test_more_than_a_batch_is_drained_in_one_go(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.otp.workflow.history.BATCH", 7)
    for _ in range(20):
        await archive.desk.send(registration_id=new_id())
    assert await archive.history.drain() == 20
    assert len(await archive.drained()) == 40


async def test_workers_that_drain_at_once_write_each_line_once(archive: Archive) -> None:
    for _ in range(25):
        await archive.desk.send(registration_id=new_id())
    await archive.journal.flush()
    await asyncio.gather(*(History(archive.db, archive.redis).drain() for _ in range(6)))
    assert lines(await archive.drained()) == {("send", "sent", None): 25, ("accepted", "accepted", None): 25}


async def test_a_worker_that_dies_between_writing_and_forgetting_writes_nothing_twice(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.desk.send()
    with monkeypatch.context() as patch:

        async def dies(*_: Any) -> None:
            raise KeyboardInterrupt

        patch.setattr(Stream, "drop", dies)
        with pytest.raises(KeyboardInterrupt):
            await archive.history.drain()
    assert await archive.waiting() == 1
    assert lines(await archive.drained()) == {("send", "sent", None): 1, ("accepted", "accepted", None): 1}


async def test_without_postgresql_the_history_waits(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.desk.send()
    with monkeypatch.context() as patch:

        def dies(*_: Any) -> None:
            raise Unavailable("postgresql")

        patch.setattr("service.otp.store.add", dies)
        await gone(archive.history.drain(), "postgresql")
    assert await archive.waiting() == 1
    assert len(await archive.drained()) == 2


GOOD = {"e": new_id().hex, "k": "accepted", "o": new_id().hex, "h": new_id().hex, "t": str(micros(START))}
BAD: list[Callable[[], dict[str, str]]] = [
    lambda: {"s": "not json"},
    lambda: {"s": "[]"},
    lambda: {"s": "3"},
    lambda: {"s": json.dumps({**GOOD, "e": 5})},
    lambda: {"s": json.dumps({**GOOD, "o": "nobody"})},
    lambda: {"s": json.dumps({**GOOD, "t": "9" * 30})},
    lambda: {"s": json.dumps({**GOOD, "t": "soon"})},
    lambda: {"s": json.dumps({key: value for key, value in GOOD.items() if key != "h"})},
    lambda: {"s": json.dumps({**GOOD, "k": "send"})},
    lambda: {"s": json.dumps({**GOOD, "k": "send"}), "r": "[1]"},
    lambda: {"s": json.dumps({**GOOD, "k": "check"}), "r": "{}"},
]


@pytest.mark.parametrize("bad", BAD)
async def test_an_entry_that_makes_no_sense_is_dropped_and_holds_nothing_up(
    archive: Archive, bad: Callable[[], dict[str, str]]
) -> None:
    await archive.redis.client.xadd(Stream.KEY, bad())  # type: ignore[arg-type]
    await archive.desk.send()
    with capture_logs() as logs:
        found = await archive.drained()
    assert lines(found) == {("send", "sent", None): 1, ("accepted", "accepted", None): 1}
    [said] = logs
    assert (said["event"], said["log_level"]) == ("otp.history_entry", "error")
    assert "makes no sense" in said["why"]
    assert await archive.waiting() == 0


async def test_words_that_are_too_long_for_a_column_hold_nothing_up(archive: Archive) -> None:
    entry = {**GOOD, "o": archive.operator.hex, "k": "k" * 40, "sender": "s" * 40, "cause": "c" * 40}
    await archive.redis.client.xadd(Stream.KEY, {"s": json.dumps(entry)})
    [found] = await archive.drained()
    assert (found.kind, found.sender, found.outcome) == ("k" * 12, "s" * 16, "c" * 16)


# The journal


async def test_a_journal_that_cannot_write_keeps_its_notes(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.desk.send()
    with monkeypatch.context() as patch:

        async def dies(*_: Any) -> None:
            raise Unavailable("redis")

        patch.setattr(Stream, "add", dies)
        await gone(archive.journal.flush())
    assert lines(await archive.drained())["accepted", "accepted", None] == 1


async def test_a_note_whose_answer_was_lost_is_written_once(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.desk.send()
    add = Stream.add
    with monkeypatch.context() as patch:

        async def deaf(*args: Any) -> None:
            await add(*args)
            raise Unavailable("redis")

        patch.setattr(Stream, "add", deaf)
        await gone(archive.journal.flush())
    assert lines(await archive.drained())["accepted", "accepted", None] == 1


async def test_notes_that_pile_up_are_dropped_and_counted(archive: Archive) -> None:
    for _ in range(MOST_NOTES + 5):
        archive.journal.note("accepted", operator=archive.operator, challenge=REGISTRATION)
    assert (len(archive.journal._notes), archive.journal._dropped) == (MOST_NOTES, 5)


# What staff read


async def test_figures_of_known_rows(archive: Archive) -> None:
    """Three to Germany, one of them verified; one to the Netherlands, verified; one held back."""
    desk = archive.desk
    desk.policy = limits(
        rules.seed_policy(),
        OTP_SENDS_PER_MSISDN_EVERYWHERE=Window(2, DAY_US),
        OTP_SENDS_PER_CLIENT=Window(6, DAY_US),
        OTP_NEIGHBOURS_PER_HUNDRED=FULL_SHADOW,
    )
    await desk.send(registration_id=(first := new_id()))
    await desk.check(desk.sender.last_code, registration_id=first)
    await desk.send(registration_id=new_id())
    await desk.send(registration_id=new_id())  # the third to one number: held back
    archive.clock.advance(HOUR)
    await desk.send(registration_id=new_id(), msisdn=OTHER)
    await desk.send(registration_id=(dutch := new_id()), msisdn="+31612345678")
    await desk.check(desk.sender.last_code, registration_id=dutch)
    await archive.drained()
    async with archive.db.read(archive.operator) as reader:
        by_country = await store.conversion(reader, "country", START)
        by_block = await store.conversion(reader, "block", START)
        by_sender = await store.conversion(reader, "sender", START)
        refused = await store.refused(reader, START)
        hours = await store.hours(reader, START)
        later = await store.conversion(reader, "country", START + HOUR)
    one = 75_000 * rules.sms_parts(desk.sender.messages[0].text)
    dutch_price = 80_000 * rules.sms_parts(desk.sender.messages[-1].text)
    assert [(c.name, c.sent, c.verified, c.suppressed, c.spent) for c in by_country] == [
        ("DE", 3, 1, 1, 3 * one),
        ("NL", 1, 1, 0, dutch_price),
    ]
    assert [c.rate for c in by_country] == [1 / 3, 1.0]
    assert [(c.name, c.sent) for c in by_block] == [("+491511234", 3), ("+3161234", 1)]
    assert [(c.name, c.sent, c.verified, c.suppressed) for c in by_sender] == [
        ("recorder", 4, 2, 0),
        ("none", 0, 0, 1),
    ]
    assert [(c.name, c.sent) for c in later] == [("DE", 1), ("NL", 1)]
    assert refused == [
        ("OtpNeighboursPerHundred", "shadow", 2),
        ("OtpSendsPerMsisdnEverywhere", "enforced", 1),
    ]
    assert hours == [(START, 2, 1), (START + HOUR, 2, 1)]


async def test_the_history_of_a_subject_and_its_end(archive: Archive, db: Database) -> None:
    await archive.desk.send()
    await archive.desk.send(registration_id=new_id())
    await archive.drained()
    async with db.read(archive.operator) as reader:
        assert [each.outcome for each in await store.of_subject(reader, REGISTRATION)] == [
            "sent",
            "accepted",
        ]
    archive.clock.advance(timedelta(days=1))
    async with db.write(archive.operator) as tx:
        assert await store.purge(tx, START) == 0
        assert await store.purge(tx, START + timedelta(seconds=1)) == 4


async def test_a_page_goes_on_where_the_last_one_ended(archive: Archive, db: Database) -> None:
    for _ in range(5):
        await archive.desk.send(registration_id=new_id())
    every = await archive.drained()
    async with db.read(archive.operator) as reader:
        found: list[CodeEvent] = []
        after = None
        while rows := await store.page(reader, START, START + HOUR, after, 3):
            found += rows
            after = (rows[-1].at, rows[-1].id)
        assert found == every
        assert await store.page(reader, START - HOUR, START, None, 10) == []


# The guard, by way of the history


async def test_unanswered_messages_become_a_block_that_staff_can_lift(archive: Archive) -> None:
    """Pumped traffic: so many without an answer, then silence, then a block; nobody outside is told."""
    desk = archive.desk
    desk.policy = limits(rules.seed_policy(), OTP_UNVERIFIED_PER_BLOCK=Unverified(5, 100, DAY_US))
    blocks = Blocks(archive.db, archive.redis, archive.vault, lambda: desk.policy.limits)
    archive.history = History(archive.db, archive.redis, Guard(blocks).tripped)
    for n in range(8):
        await desk.send(registration_id=new_id(), msisdn=f"+49151123456{n:02d}")
    assert len(desk.sender.messages) == 5
    await archive.drained()
    [block] = await blocks.live(archive.operator)
    assert (block.limit, block.place) == (Limit.OTP_BLOCKED_BLOCK, NUMBER[:-4])
    await desk.send(registration_id=new_id())
    [*_, last] = [each for each in await archive.drained() if each.kind == "send"]
    assert (last.outcome, last.limit) == ("suppressed", "OtpUnverifiedPerBlock")
    assert len(await blocks.live(archive.operator)) == 1


async def test_verified_messages_keep_a_busy_block_open(archive: Archive) -> None:
    """Whoever answers makes room: of a shop's hundred customers none is silenced."""
    desk = archive.desk
    desk.policy = limits(rules.seed_policy(), OTP_UNVERIFIED_PER_BLOCK=Unverified(5, 100, DAY_US))
    for n in range(40):
        await desk.send(registration_id=(one := new_id()), msisdn=f"+49151123456{n:02d}")
        if n % 3:
            await desk.check(desk.sender.last_code, registration_id=one)
    assert len(desk.sender.messages) == 40
