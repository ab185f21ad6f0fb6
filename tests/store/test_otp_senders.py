"""Senders that fail, and callers that hang up."""

import asyncio
import copy
import re
from collections.abc import Sequence
from typing import Any

import pytest

from service.infra.crypto import Vault
from service.infra.redis import Redis, Script
from service.kit.clock import ManualClock, micros
from service.kit.errors import LimitExceeded, Unavailable
from service.otp.model import OtpExpired
from service.otp.ports import SenderRejected, SenderUnavailable, SenderUncertain
from tests.fakes.desk import OPERATOR, REGISTRATION, Desk, other_than, texts
from tests.fakes.otp import Failing, Recorder, Stuck


async def test_an_unavailable_sender_gives_the_budget_back(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    failing = Failing(SenderUnavailable("gone", "not-reached"))
    desk = Desk(redis, vault, clock, senders=[failing])
    for _ in range(30):
        with pytest.raises(Unavailable) as caught:
            await desk.send()
    assert caught.value.facts == {"dependency": "sms"}
    assert caught.value.retry_after_s
    assert failing.asked == 30
    # What counts the unanswered of a period stands at nothing; every other budget is gone, or free at once.
    for key, raw in (await texts(redis, b":l:")).items():
        if b":pa:" not in key:
            assert re.fullmatch(rb"[0-9]+\|0\|0\|0\|0", raw) or int(raw) <= micros(clock.now()), (key, raw)
    with pytest.raises(OtpExpired):
        await desk.check("123456")
    assert await desk.codes.status(OPERATOR, REGISTRATION) == []


async def test_the_next_sender_is_tried_where_nothing_was_sent(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    recorder = Recorder()
    desk = Desk(redis, vault, clock, senders=[Failing(SenderUnavailable("gone", "x")), recorder])
    desk.sender = recorder
    await desk.send()
    assert (await desk.check(recorder.last_code)).tries == 1


@pytest.mark.parametrize(
    "failure", [SenderRejected("no", "status-400"), SenderUncertain("hm", "answer-lost")]
)
async def test_any_other_failure_costs_what_was_charged_and_is_not_tried_elsewhere(
    redis: Redis, vault: Vault, clock: ManualClock, failure: Exception
) -> None:
    second = Recorder()
    desk = Desk(redis, vault, clock, senders=[Failing(failure), second])
    with pytest.raises(Unavailable):
        await desk.send()
    assert second.messages == []
    with pytest.raises(OtpExpired):
        await desk.check("123456")
    with pytest.raises(LimitExceeded):
        await desk.send()


async def test_a_slow_sender_meets_the_deadline_and_is_not_free(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    desk = Desk(redis, vault, clock, senders=[Stuck()], deadline_s=0.05)
    with pytest.raises(Unavailable):
        await desk.send()
    assert await desk.codes.status(OPERATOR, REGISTRATION) == []
    with pytest.raises(LimitExceeded):
        await desk.send()


async def test_a_sender_that_breaks_leaves_no_live_code(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    desk = Desk(redis, vault, clock, senders=[Failing(KeyError("a bug"))])
    with pytest.raises(KeyError):
        await desk.send()
    assert await desk.codes.status(OPERATOR, REGISTRATION) == []


# Hanging up


class Gated(Redis):
    """Holds every script back until the gate opens, as a slow network does."""

    def hold(self) -> None:
        self.arrived = asyncio.Event()
        self.gate = asyncio.Event()

    async def run(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[str | bytes | int]
    ) -> Any:
        self.arrived.set()
        await self.gate.wait()
        return await super().run(script, keys, args)


async def test_hanging_up_before_the_charge_does_not_dodge_it(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    gated = copy.copy(redis)
    gated.__class__ = Gated
    assert isinstance(gated, Gated)
    gated.hold()
    desk = Desk(gated, vault, clock)
    call = asyncio.create_task(desk.send())
    await gated.arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    gated.gate.set()
    await asyncio.gather(*desk.engine.tasks._running)
    assert desk.sender.messages == []
    with pytest.raises(LimitExceeded):
        await desk.send()


async def test_hanging_up_while_a_sender_works_does_not_give_back(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    stuck = Stuck()
    desk = Desk(redis, vault, clock, senders=[stuck])
    call = asyncio.create_task(desk.send())
    await stuck.began.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    with pytest.raises(LimitExceeded):
        await desk.send()


async def test_hanging_up_on_a_check_does_not_dodge_the_try(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    gated = copy.copy(redis)
    gated.__class__ = Gated
    assert isinstance(gated, Gated)
    gated.hold()
    gated.gate.set()
    desk = Desk(gated, vault, clock)
    await desk.send()
    gated.hold()
    call = asyncio.create_task(desk.check(other_than(desk.sender.last_code)))
    await gated.arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    gated.gate.set()
    await asyncio.gather(*desk.engine.tasks._running, return_exceptions=True)
    [refusal] = await desk.wrong(1)
    assert refusal.facts["attempts_left"] == 3
