"""Many at once on a real server: what is counted is counted once."""

import asyncio

from service.infra.crypto import Vault
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.limits.model import Window
from service.otp import rules
from tests.fakes.desk import (
    OPERATOR,
    REGISTRATION,
    Desk,
    limits,
    other_than,
    outcomes,
)


async def test_of_200_parallel_right_codes_one_is_verified(free: Desk) -> None:
    await free.send()
    code = free.sender.last_code
    assert await outcomes([free.check(code) for _ in range(200)]) == {"Proof": 1, "otp-expired": 199}


async def test_of_200_parallel_wrong_codes_five_are_compared(free: Desk) -> None:
    await free.send()
    code = other_than(free.sender.last_code)
    seen = await outcomes([free.check(code) for _ in range(200)])
    assert seen == {"otp-rejected": 5, "otp-exhausted": 195}


async def test_of_200_parallel_sends_five_are_sent(redis: Redis, vault: Vault, clock: ManualClock) -> None:
    policy = limits(rules.seed_policy(), OTP_SENDS_PER_MSISDN=Window(5, 3600 * 10**6))
    desk = Desk(redis, vault, clock, policy=policy)
    assert await outcomes([desk.send() for _ in range(200)]) == {"Sent": 5, "limit-exceeded": 195}
    assert len(desk.sender.messages) == 5


async def test_of_parallel_sends_the_last_one_issued_is_the_live_one(free: Desk) -> None:
    await asyncio.gather(*(free.send() for _ in range(20)))
    [live] = await free.codes.status(OPERATOR, REGISTRATION)
    [message] = [each for each in free.sender.messages if each.id == live.id]
    free.sender.messages = [message]
    assert (await free.check(free.sender.last_code)).challenge_id == live.id
