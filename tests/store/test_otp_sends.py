"""What a send is held to, and what is refused before anything is charged."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.infra.crypto import Vault
from service.infra.redis import Redis
from service.kit.clock import ManualClock, rfc3339
from service.kit.errors import InvalidRequest, LimitExceeded, Refusal, Unavailable
from service.kit.ids import new_id
from service.limits.model import Limit, Window
from service.otp import rules
from service.otp.model import Channel, NumberNotAllowed, To
from tests.fakes.desk import (
    DAY_US,
    HOUR_US,
    OTHER,
    SECOND,
    WEEK,
    Desk,
    budgets,
    counted,
    everything,
    limits,
)


async def test_resends_wait_longer_each_time(desk: Desk) -> None:
    for wait in (30, 60, 120, 300):
        sent = await desk.send()
        assert sent.resend_at == desk.clock.now() + wait * SECOND
        with pytest.raises(LimitExceeded) as caught:
            await desk.send()
        assert caught.value.facts == {"limit": "OtpSendsPerMsisdn", "retry_at": rfc3339(sent.resend_at)}
        assert caught.value.retry_after_s == wait
        desk.clock.set(sent.resend_at)
    # The fifth within the hour: now the hour is what is waited for, and the answer says so beforehand.
    fifth = await desk.send()
    assert fifth.resend_at == desk.expires_with - WEEK + timedelta(hours=1)
    assert len(desk.sender.messages) == 5


async def test_ten_messages_a_day_to_a_number(desk: Desk) -> None:
    start = desk.clock.now()
    for _ in range(9):
        desk.clock.set((await desk.send()).resend_at)
    assert (await desk.send()).resend_at == start + timedelta(days=1)
    with pytest.raises(LimitExceeded) as caught:
        await desk.send()
    assert caught.value.facts["retry_at"] == rfc3339(start + timedelta(days=1))


async def test_another_clients_messages_do_not_show_in_the_answer(desk: Desk) -> None:
    """``retry_at`` and ``resend_at`` depend on this client's own requests alone."""
    await desk.send(client=new_id(), registration_id=new_id())
    sent = await desk.send()
    assert sent.resend_at == desk.clock.now() + 30 * SECOND


async def test_a_denied_send_changes_nothing(desk: Desk) -> None:
    await desk.send()
    desk.clock.advance(SECOND)
    before = await budgets(desk.redis)
    assert len(before) >= 10
    with pytest.raises(LimitExceeded):
        await desk.send()
    assert await budgets(desk.redis) == before
    assert (await desk.check(desk.sender.last_code)).to is To.LINE


@pytest.mark.parametrize(
    ("limit", "given"),
    [("OTP_SENDS_PER_CLIENT", {}), ("OTP_SENDS_PER_DEALER", {"dealer": new_id()})],
)
async def test_client_and_dealer_have_budgets_of_their_own(
    redis: Redis, vault: Vault, clock: ManualClock, limit: str, given: dict[str, UUID]
) -> None:
    desk = Desk(redis, vault, clock, policy=limits(rules.seed_policy(), **{limit: Window(2, HOUR_US)}))
    await desk.send(**given)
    await desk.send(**given, msisdn=OTHER)
    with pytest.raises(LimitExceeded) as caught:
        await desk.send(**given, msisdn="+4915112345670")
    assert caught.value.facts["limit"] == Limit[limit].value
    other = {"dealer": new_id()} if given else {"client": new_id()}
    await desk.send(**other)


async def test_a_number_that_everyone_writes_to_is_spared_in_silence(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    """Over all operators; who asks sees the ordinary answer, and wrong codes are counted as ever."""
    policy = limits(
        rules.seed_policy(),
        OTP_SENDS_PER_MSISDN=Window(5, HOUR_US),
        OTP_SENDS_PER_MSISDN_EVERYWHERE=Window(2, DAY_US),
    )
    desk = Desk(redis, vault, clock, policy=policy)
    loud = [await desk.send(operator=new_id(), registration_id=new_id()) for _ in range(2)]
    before = counted("suppressed")
    silent = await desk.send()
    assert len(desk.sender.messages) == 2
    assert counted("suppressed") == before + 1
    assert replace(silent, challenge_id=loud[0].challenge_id) == loud[0]
    refusals = await desk.wrong(5)
    assert [each.facts["attempts_left"] for each in refusals] == [4, 3, 2, 1, 0]
    # The caller's own budget was charged: four more answers, then its own limit.
    for _ in range(4):
        await desk.send()
    with pytest.raises(LimitExceeded):
        await desk.send()
    assert len(desk.sender.messages) == 2


# What is refused before anything is charged


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"channel": "pigeon"}, InvalidRequest),
        ({"channel": "voice"}, InvalidRequest),
        ({"msisdn": "+493012345678"}, NumberNotAllowed),
        ({"msisdn": "+999123456789"}, InvalidRequest),
        ({"msisdn": "0151 1234567"}, InvalidRequest),
    ],
)
async def test_a_send_that_can_never_be_costs_nothing(
    desk: Desk, given: dict[str, str], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        await desk.send(**given)
    assert await everything(desk.redis) == {}
    assert desk.sender.messages == []


@pytest.mark.parametrize(
    ("channel", "channels", "code"),
    [
        ("voice", Channel, "sms-first"),
        ("voice", [Channel.SMS], "channel-not-enabled"),
        ("pigeon", Channel, "channel-not-enabled"),
    ],
)
async def test_a_channel_is_refused_by_name(
    desk: Desk, channel: str, channels: Iterable[Channel], code: str
) -> None:
    desk.sender.channels = frozenset(channels)
    with pytest.raises(InvalidRequest) as caught:
        await desk.send(channel=channel)
    errors: Any = caught.value.facts["errors"]
    assert [(each["pointer"], each["code"]) for each in errors] == [("/channel", code)]


async def test_a_call_is_offered_after_a_message(free: Desk) -> None:
    await free.send()
    assert (await free.send(channel="voice")).channel is Channel.VOICE
    assert [each.channel for each in free.sender.messages] == [Channel.SMS, Channel.VOICE]
    with pytest.raises(InvalidRequest):
        await free.send(channel="voice", to="contact", msisdn=OTHER)


async def test_without_a_sender_nothing_is_charged(redis: Redis, vault: Vault, clock: ManualClock) -> None:
    desk = Desk(redis, vault, clock, senders=[])
    with pytest.raises(Unavailable) as caught:
        await desk.send()
    assert caught.value.facts == {"dependency": "sms"}
    assert await everything(redis) == {}
