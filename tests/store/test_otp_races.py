"""Many at once on a real server: what is counted is counted once."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from service.infra.crypto import Vault
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.errors import LimitExceeded
from service.kit.ids import new_id
from service.limits.model import Gcra, Limit, LimitPolicy, Rule, Streak, Window
from service.otp import rules
from tests.fakes.desk import (
    DAY_US,
    OPERATOR,
    REGISTRATION,
    SECOND,
    Desk,
    limits,
    other_than,
    outcomes,
    texts,
    without_money,
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


async def test_a_burst_of_200_sends_lets_five_through_a_smoothed_limit(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    """One a minute, five at once; everybody else is told when, and nothing else moved."""
    policy = limits(rules.seed_policy(), OTP_SENDS_PER_CLIENT=Gcra(60 * 10**6, 5))
    desk = Desk(redis, vault, clock, policy=policy)
    calls = [desk.send(registration_id=new_id(), msisdn=f"+4915112345{n:03d}") for n in range(200)]
    assert await outcomes(calls) == {"Sent": 5, "limit-exceeded": 195}
    assert len(desk.sender.messages) == 5
    assert len([key async for key in redis.client.scan_iter("{otp}:r:*")]) == 5


async def test_twenty_resends_of_five_guesses_are_stopped_by_the_numbers_budget(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    """With the seed's budgets of wrong codes: twenty compared of a hundred, whatever is sent in between."""
    seed = without_money(rules.seed_policy())
    kept = {Limit.OTP_WRONG_CODES_PER_MSISDN: seed.limits.rules[Limit.OTP_WRONG_CODES_PER_MSISDN]}
    desk = Desk(redis, vault, clock, policy=replace(seed, limits=LimitPolicy("test", kept)))
    seen: Counter[str] = Counter()
    for _ in range(20):
        await desk.send()
        wrong = other_than(desk.sender.last_code)
        seen += await outcomes([desk.check(wrong) for _ in range(5)])
    assert seen == {"otp-rejected": 20, "limit-exceeded": 80}
    # Another registration, another challenge, the same number: the budget is the number's.
    other = new_id()
    await desk.send(registration_id=other)
    [refused] = await desk.wrong(1, registration_id=other)
    assert refused.facts["limit"] == "OtpWrongCodesPerMsisdn"
    # And no right answer helps: it is not compared.
    with pytest.raises(LimitExceeded):
        await desk.check(desk.sender.last_code, registration_id=other)


async def test_a_hundred_wrong_in_a_row_end_it_until_a_right_one(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    """Twenty a day for five days; on the sixth time alone gives nothing back (NIST SP 800-63B-4, 3.2.2)."""
    seed = without_money(rules.seed_policy())
    kept = {Limit.OTP_WRONG_CODES_PER_MSISDN: seed.limits.rules[Limit.OTP_WRONG_CODES_PER_MSISDN]}
    desk = Desk(redis, vault, clock, policy=replace(seed, limits=LimitPolicy("test", kept)))
    seen: Counter[str] = Counter()
    for _ in range(6):
        for _ in range(4):
            await desk.send()
            seen.update(each.code for each in await desk.wrong(5))
        clock.advance(timedelta(days=1))
    assert seen == {"otp-rejected": 100, "limit-exceeded": 20}
    clock.advance(timedelta(days=30))
    await desk.send()
    [refused] = await desk.wrong(1)
    assert refused.retry_after_s == 86_400, "what no wait ends is told to ask again in a day"


async def test_a_right_code_ends_the_row_and_not_the_days_budget(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    rule = Rule((Streak(5), Window(8, DAY_US)))
    desk = Desk(redis, vault, clock, policy=limits(rules.seed_policy(), OTP_WRONG_CODES_PER_MSISDN=rule))
    await desk.send()
    await desk.wrong(4)
    await desk.check(desk.sender.last_code)
    clock.advance(SECOND)
    await desk.send()
    # Four more: the row began again, the day's eight are used up.
    assert {each.code for each in await desk.wrong(4)} == {"otp-rejected"}
    [refused] = await desk.wrong(1)
    assert (refused.code, refused.retry_after_s) == ("limit-exceeded", 86_400 - 1)


async def test_one_guess_at_each_of_many_numbers_is_stopped_by_address(desk: Desk) -> None:
    """Spraying: no code sees more than one guess, no number more than one; the address is what they share."""
    spray, seen = "203.0.113.9", []
    subjects = [new_id() for _ in range(10)]
    for n, subject in enumerate(subjects):
        # Codes were sent from everywhere; who guesses says one address.
        await desk.send(registration_id=subject, msisdn=f"+4915{110 + n}345678", ip=spray)
        seen += await desk.wrong(1, registration_id=subject)
    assert {each.code for each in seen} == {"otp-rejected"}
    # A second guess at one of them is no new number: what is full denies it all the same.
    [refused] = await desk.wrong(1, registration_id=subjects[0])
    assert (refused.code, refused.facts["limit"]) == ("limit-exceeded", "OtpSprayedPerIp")
    # Elsewhere nothing is felt.
    await desk.send(registration_id=(other := new_id()), msisdn="+491601234567", ip="203.0.113.10")
    assert (await desk.check(desk.sender.last_code, registration_id=other)).tries == 1


async def test_five_guesses_at_one_number_are_one_for_the_spray(desk: Desk) -> None:
    """Whoever mistypes is no ring: only the first wrong answer to a challenge counts."""
    for n in range(3):
        await desk.send(registration_id=(one := new_id()), msisdn=f"+4915{110 + n}345678", ip="203.0.113.9")
        await desk.wrong(5, registration_id=one)
    marks = await texts(desk.redis, b":wi:")
    assert [len(raw) // 8 for raw in marks.values()] == [3]
