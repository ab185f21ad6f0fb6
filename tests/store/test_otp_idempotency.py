"""``Idempotency-Key`` in the engine: done once, told again to the same request, and nothing sent twice."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.infra.crypto import Vault
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.errors import LimitExceeded, Refusal
from service.kit.ids import new_id
from service.kit.msisdn import Msisdn
from service.limits.model import Window
from service.otp import rules
from service.otp.model import Channel, OtpExpired, OtpRejected, Proof, Sent, To
from service.otp.ports import SenderUnavailable, SenderUncertain
from service.otp.volatile import LEASE, Idem, Issued, Kept
from service.otp.workflow import Asker
from service.otp.workflow.engine import Subject
from service.web.idempotency import InProgress, KeyReused
from tests.fakes.desk import (
    CLIENT,
    DAY_US,
    HOUR_US,
    NUMBER,
    OPERATOR,
    Desk,
    budgets,
    gone,
    limits,
    other_than,
    outcomes,
)  # fmt: skip
from tests.fakes.otp import Failing, Stuck

ASKER = Asker(OPERATOR, "Demo", CLIENT)
LIFE = timedelta(minutes=10)


def idem(fingerprint: str = "body", *, key: str = "one", holder: str = "") -> Idem:
    """A request with a key; each has a holder of its own."""
    return Idem(f"{{otp}}:i:{key}", fingerprint, holder or new_id().hex, LIFE)


async def send(desk: Desk, with_key: Idem | None, subject: UUID | None = None) -> tuple[Sent, Issued]:
    wanted = Subject(subject or new_id(), To.NUMBER, "verification", desk.clock.now())
    to = rules.destination(Msisdn.parse(NUMBER))
    return await desk.engine.send(
        ASKER, wanted, to, channel=Channel.SMS, language="en", now=desk.clock.now(), idem=with_key
    )


async def check(desk: Desk, subject: UUID, code: str, with_key: Idem | None) -> tuple[Proof, bool]:
    return await desk.engine.check(
        ASKER, subject, code, targets={To.NUMBER: "verification"}, must_be_recorded=False, idem=with_key
    )


async def test_the_same_key_and_body_is_told_again_and_nothing_is_sent(free: Desk) -> None:
    first, issued = await send(free, idem())
    again, replayed = await send(free, idem())
    assert (issued.is_replay, replayed.is_replay) == (False, True)
    assert replayed.subject == issued.subject
    assert replace(again, challenge_id=first.challenge_id) == first
    assert len(free.sender.messages) == 1


async def test_another_body_is_refused(free: Desk) -> None:
    await send(free, idem())
    with pytest.raises(KeyReused):
        await send(free, idem("another body"))
    assert len(free.sender.messages) == 1
    await send(free, idem("another body", key="two"))
    assert len(free.sender.messages) == 2


async def test_while_the_first_still_runs_the_second_is_told_to_wait(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    stuck = Stuck()
    desk = Desk(redis, vault, clock, senders=[stuck], policy=limits(rules.seed_policy()))
    first = asyncio.create_task(send(desk, idem()))
    await stuck.began.wait()
    with pytest.raises(InProgress) as caught:
        await send(desk, idem())
    assert caught.value.retry_after_s == 2
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_of_200_at_once_with_one_key_one_is_sent(free: Desk) -> None:
    seen = await outcomes([send(free, idem()) for _ in range(200)])
    assert seen["tuple"] >= 1
    assert set(seen) <= {"tuple", "idempotency-in-progress"}
    assert len(free.sender.messages) == 1
    assert len([key async for key in free.redis.client.scan_iter("{otp}:r:*")]) == 1


async def test_a_holder_that_died_is_followed_by_its_answer_and_not_by_a_second_message(
    free: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the script and the sender's answer: nobody knows whether a message left. After the lease the same
    request is told what was issued, and nothing is sent again."""

    async def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(free.engine), "_finish", dies)
        with pytest.raises(KeyboardInterrupt):
            await send(free, idem())
    with pytest.raises(InProgress):
        await send(free, idem())
    free.clock.advance(LEASE)
    _, issued = await send(free, idem())
    assert issued.is_replay
    assert free.sender.messages == []
    assert issued.attempts_left == 5


@pytest.mark.parametrize("failure", [SenderUnavailable("x", "y"), SenderUncertain("x", "y"), KeyError("bug")])
async def test_a_send_that_was_withdrawn_frees_the_key(
    redis: Redis, vault: Vault, clock: ManualClock, failure: Exception
) -> None:
    desk = Desk(redis, vault, clock, senders=[Failing(failure)], policy=limits(rules.seed_policy()))
    with pytest.raises((Refusal, KeyError)):
        await send(desk, idem())
    assert not [key async for key in redis.client.scan_iter("{otp}:i:*")]
    desk.dispatch.senders = (desk.sender,)
    _, issued = await send(desk, idem())
    assert not issued.is_replay
    assert len(desk.sender.messages) == 1


async def test_a_late_withdrawal_takes_no_later_holders_key(free: Desk) -> None:
    """Its lease was over, and another request had begun anew: the record is that one's."""
    first = idem(holder="slow")
    _, issued = await send(free, first)
    await free.redis.client.delete(first.key)
    await send(free, idem(holder="next"))
    await free.engine.challenges.withdraw(OPERATOR, issued.subject, new_id(), (), 0, first)
    _, again = await send(free, idem())
    assert again.is_replay


async def test_a_limit_keeps_no_key_and_is_charged_once(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    desk = Desk(
        redis, vault, clock, policy=limits(rules.seed_policy(), OTP_SENDS_PER_CLIENT=Window(1, HOUR_US))
    )
    await send(desk, idem())
    before = await budgets(redis)
    await send(desk, idem())
    with pytest.raises(LimitExceeded):
        await send(desk, idem(key="two"))
    assert await budgets(redis) == before
    clock.advance(timedelta(hours=1))
    _, issued = await send(desk, idem(key="two"))
    assert not issued.is_replay


async def test_a_key_is_forgotten_with_its_challenge(free: Desk) -> None:
    await send(free, idem())
    [record] = [key async for key in free.redis.client.scan_iter("{otp}:i:*")]
    assert 0 < await free.redis.client.pttl(record) <= LIFE / timedelta(milliseconds=1)


async def test_a_suppressed_send_is_told_again_as_it_was(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    desk = Desk(
        redis,
        vault,
        clock,
        policy=limits(rules.seed_policy(), OTP_SENDS_PER_MSISDN_EVERYWHERE=Window(1, DAY_US)),
    )
    await send(desk, None)
    first, _ = await send(desk, idem())
    again, issued = await send(desk, idem())
    assert issued.is_replay
    assert replace(again, challenge_id=first.challenge_id) == first
    assert len(desk.sender.messages) == 1


# Checks


async def test_the_right_code_with_the_same_key_is_told_again(free: Desk) -> None:
    await send(free, None, subject := new_id())
    code = free.sender.last_code
    proof, was_replay = await check(free, subject, code, idem())
    again, is_replay = await check(free, subject, code, idem())
    assert (was_replay, is_replay) == (False, True)
    assert again == proof
    # Without the key, or with another one, the code is used: never "any code" (a rival's mistake).
    for other in (None, idem(key="two")):
        with pytest.raises(OtpExpired):
            await check(free, subject, code, other)
    with pytest.raises(KeyReused):
        await check(free, subject, other_than(code), idem("another code"))


async def test_a_wrong_code_told_again_costs_no_try(free: Desk) -> None:
    await send(free, None, subject := new_id())
    code = free.sender.last_code
    for turn in range(3):
        with pytest.raises(OtpRejected) as caught:
            await check(free, subject, other_than(code), idem())
        assert caught.value.facts == {"attempts_left": 4}
        assert caught.value.is_replay == (turn > 0)
    with pytest.raises(OtpRejected) as caught:
        await check(free, subject, other_than(code), idem(key="two"))
    assert caught.value.facts == {"attempts_left": 3}


async def test_of_200_right_codes_with_one_key_one_is_compared(free: Desk) -> None:
    await send(free, None, subject := new_id())
    code = free.sender.last_code
    found = await asyncio.gather(*(check(free, subject, code, idem()) for _ in range(200)))
    assert len({proof for proof, _ in found}) == 1
    assert sum(not is_replay for _, is_replay in found) == 1


async def test_a_limited_check_keeps_no_key(redis: Redis, vault: Vault, clock: ManualClock) -> None:
    desk = Desk(
        redis, vault, clock, policy=limits(rules.seed_policy(), OTP_CHECKS_PER_CLIENT=Window(1, HOUR_US))
    )
    await send(desk, None, subject := new_id())
    with pytest.raises(OtpRejected):
        await check(desk, subject, other_than(desk.sender.last_code), None)
    with pytest.raises(LimitExceeded):
        await check(desk, subject, desk.sender.last_code, idem())
    assert not [key async for key in redis.client.scan_iter("{otp}:i:*")]


# Refusals that were found before any script


async def test_a_refusal_that_is_kept_is_told_to_the_same_body(free: Desk) -> None:
    challenges = free.engine.challenges
    await challenges.keep_refusal(idem(), 422, b"sealed")
    for call in (challenges.keep_refusal(idem(), 404, b"other"), send(free, idem())):
        with pytest.raises(Kept) as caught:
            await call
        assert (caught.value.status, caught.value.body) == (422, b"sealed")
    with pytest.raises(KeyReused):
        await send(free, idem("another body"))
    assert free.sender.messages == []


async def test_redis_gone_with_a_key_is_no_double_send(free: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer of the script is lost: nobody sent anything, and the retry is told to wait, then what was issued."""
    from service.kit.errors import Unavailable

    run = type(free.redis).run

    async def deaf(*args: Any) -> Any:
        await run(*args)
        raise Unavailable("redis", 1)

    with monkeypatch.context() as patch:
        patch.setattr(type(free.redis), "run", deaf)
        await gone(send(free, idem()))
    with pytest.raises(InProgress):
        await send(free, idem())
    free.clock.advance(LEASE)
    _, issued = await send(free, idem())
    assert issued.is_replay
    assert free.sender.messages == []
