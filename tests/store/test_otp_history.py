"""What became of codes, as the scripts tell it and as staff read it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.infra.postgres import Database
from service.kit.errors import LimitExceeded, Refusal
from service.kit.ids import new_id
from service.kit.msisdn import Msisdn
from service.limits.model import Limit, Money, Rule, Stage, Unverified, Window
from service.limits.workflow import Blocks, Purses
from service.otp import rules, store
from service.otp.model import CodeEvent
from service.otp.ports import SenderUnavailable, SenderUncertain
from service.otp.workflow.guard import Guard
from service.otp.workflow.history import History
from tests.conftest import START
from tests.fakes.archive import HOUR, Archive, lines
from tests.fakes.desk import (
    CLIENT,
    DAY_US,
    HOUR_US,
    NUMBER,
    OTHER,
    REGISTRATION,
    counted,
    gone,
    limits,
)
from tests.fakes.otp import Failing


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
        await archive.desk.send(registration_id=new_id())
        archive.clock.advance(timedelta(seconds=1))
    with pytest.raises(LimitExceeded):
        await archive.desk.send(registration_id=new_id())
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


class Refusing:
    """A network that knows something against every number."""

    async def may_receive(self, number: Msisdn) -> bool:
        return False


async def test_what_the_network_holds_back_is_no_message(archive: Archive, db: Database) -> None:
    """The caller sees a message; the figures do not."""
    archive.desk.dispatch._lookup = Refusing()
    before = counted("sent")
    await archive.desk.send()
    assert archive.desk.sender.messages == []
    assert counted("sent") == before
    await archive.drained()
    async with db.read(archive.operator) as reader:
        [found] = await store.conversion(reader, "country", START - HOUR)
        assert await store.hours(reader, START - HOUR) == []
    assert (found.sent, found.suppressed) == (0, 1)
