"""Every refusal of a check, and the budgets that do not refill."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from service.infra.crypto import Vault
from service.infra.redis import Redis
from service.kit.clock import ManualClock, rfc3339
from service.kit.errors import LimitExceeded, Refusal
from service.kit.ids import new_id
from service.limits.model import Window
from service.otp import rules
from service.otp.model import OtpExhausted, OtpExpired, OtpRejected, To
from tests.fakes.desk import (
    DAY_US,
    HOUR_US,
    OPERATOR,
    OTHER,
    REGISTRATION,
    SECOND,
    Desk,
    limits,
)


async def test_five_wrong_codes_and_the_right_one_is_too_late(desk: Desk) -> None:
    await desk.send()
    refusals = await desk.wrong(5)
    assert [each.code for each in refusals] == ["otp-rejected"] * 5
    assert [each.facts["attempts_left"] for each in refusals] == [4, 3, 2, 1, 0]
    with pytest.raises(OtpExhausted):
        await desk.check(desk.sender.last_code)
    assert await desk.codes.status(OPERATOR, REGISTRATION) == []


async def test_the_fifth_try_may_still_be_right(desk: Desk) -> None:
    await desk.send()
    await desk.wrong(4)
    proof = await desk.check(desk.sender.last_code)
    assert proof.tries == 5
    # Being right costs no try: where the proof could not be recorded, the same answer counts again.
    await desk.codes.release(OPERATOR, proof)
    assert await desk.check(desk.sender.last_code) == proof


async def test_a_code_lives_ten_minutes(desk: Desk) -> None:
    sent = await desk.send()
    desk.clock.advance(timedelta(minutes=10) - timedelta(microseconds=1))
    await desk.wrong(1)
    desk.clock.advance(timedelta(microseconds=1))
    with pytest.raises(OtpExpired):
        await desk.check(desk.sender.last_code, sent.challenge_id)
    assert await desk.codes.status(OPERATOR, REGISTRATION) == []


async def test_a_new_code_kills_the_old_one(desk: Desk) -> None:
    first = await desk.send()
    old = desk.sender.last_code
    desk.clock.advance(30 * SECOND)
    second = await desk.send()
    with pytest.raises(OtpExpired):
        await desk.check(old, first.challenge_id)
    assert old != desk.sender.last_code, "one in a million"
    # Told from its tombstone, and a guess like any other.
    with pytest.raises(OtpExpired):
        await desk.check(old)
    proof = await desk.check(desk.sender.last_code)
    assert (proof.challenge_id, proof.tries) == (second.challenge_id, 2)


async def test_what_was_never_sent_has_expired(desk: Desk) -> None:
    with pytest.raises(OtpExpired):
        await desk.check("123456")
    await desk.send()
    with pytest.raises(OtpExpired):
        await desk.check(desk.sender.last_code, new_id())


async def test_without_a_challenge_only_the_newest_is_compared(desk: Desk) -> None:
    line = await desk.send()
    to_line = desk.sender.last_code
    await desk.send(to="contact", msisdn=OTHER)
    if to_line != desk.sender.last_code:
        with pytest.raises(OtpRejected):
            await desk.check(to_line)
    assert (await desk.check(to_line, line.challenge_id)).to is To.LINE
    assert (await desk.check(desk.sender.last_code)).to is To.CONTACT


@pytest.mark.parametrize("what", ["operator", "registration_id"])
async def test_a_challenge_is_not_found_from_elsewhere(desk: Desk, what: str) -> None:
    sent = await desk.send()
    with pytest.raises(OtpExpired):
        await desk.check(desk.sender.last_code, sent.challenge_id, **{what: new_id()})


@pytest.mark.parametrize("what", ["subject", "purpose", "to"])
async def test_a_code_is_right_for_its_subject_target_and_purpose_alone(free: Desk, what: str) -> None:
    """Whoever could move a digest about in Redis could still not make a code good for anything else."""
    await free.send()
    code = free.sender.last_code
    [home] = [key async for key in free.redis.client.scan_iter("{otp}:r:*")]
    digest: Any = await free.redis.client.hget(home, "l.digest")
    asked: dict[str, Any] = {}
    if what == "subject":
        asked["registration_id"] = new_id()
        await free.send(registration_id=asked["registration_id"])
        [home] = [key async for key in free.redis.client.scan_iter("{otp}:r:*") if key != home]
    elif what == "to":
        await free.send(to="contact", msisdn=OTHER)
    field = "c.digest" if what == "to" else "l.digest"
    await free.redis.client.hset(home, field, digest)
    if what == "purpose":
        asked["purpose"] = "sim_swap"
    with pytest.raises(OtpRejected):
        await free.check(code, **asked)


async def test_wrong_codes_for_a_number_are_counted_over_resends(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    """Twenty resends of five tries each: the number's budget ends it, and no new code refills it."""
    policy = limits(rules.seed_policy(), OTP_WRONG_CODES_PER_MSISDN=Window(20, DAY_US))
    desk = Desk(redis, vault, clock, policy=policy)
    first_wrong = clock.now()
    seen: Counter[str] = Counter()
    last: Refusal | None = None
    for _ in range(20):
        await desk.send()
        for last in await desk.wrong(5):
            seen[last.code] += 1
        clock.advance(SECOND)
    assert seen == {"otp-rejected": 20, "limit-exceeded": 80}
    assert last is not None
    assert last.facts["limit"] == "OtpWrongCodesPerMsisdn"
    assert last.facts["retry_at"] == rfc3339(first_wrong + timedelta(days=1))
    with pytest.raises(LimitExceeded):
        await desk.check(desk.sender.last_code)
    clock.set(first_wrong + timedelta(days=1))
    await desk.send()
    assert (await desk.check(desk.sender.last_code)).tries == 1


async def test_right_codes_do_not_use_up_the_budget_of_wrong_ones(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    policy = limits(rules.seed_policy(), OTP_WRONG_CODES_PER_MSISDN=Window(2, DAY_US))
    desk = Desk(redis, vault, clock, policy=policy)
    for _ in range(5):
        await desk.send()
        await desk.check(desk.sender.last_code)
        clock.advance(SECOND)


async def test_checks_of_a_client_are_counted(redis: Redis, vault: Vault, clock: ManualClock) -> None:
    policy = limits(rules.seed_policy(), OTP_CHECKS_PER_CLIENT=Window(2, HOUR_US))
    desk = Desk(redis, vault, clock, policy=policy)
    await desk.send()
    await desk.wrong(2)
    [refusal] = await desk.wrong(1)
    assert (refusal.code, refusal.facts["limit"]) == ("limit-exceeded", "OtpChecksPerClient")
    assert refusal.retry_after_s == 3600
    assert (await desk.check(desk.sender.last_code, client=new_id())).tries == 3
