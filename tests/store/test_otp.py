"""Codes on a real Redis: the ordinary way, and the proof until it stands in PostgreSQL."""

from datetime import timedelta

import pytest

from service.kit.errors import LimitExceeded, Unavailable
from service.kit.ids import new_id
from service.otp.model import OtpExpired, Proof, To
from tests.fakes.desk import (
    NUMBER,
    OPERATOR,
    REGISTRATION,
    SECOND,
    WEEK,
    Desk,
    other_than,
    outcomes,
)


async def test_the_right_code_is_verified_once(desk: Desk) -> None:
    sent = await desk.send()
    assert sent.to_masked == "+49 151 •••• 678"
    assert sent.expires_at == desk.clock.now() + timedelta(minutes=10)
    assert sent.resend_at == desk.clock.now() + 30 * SECOND
    assert sent.attempts_left == 5
    proof = await desk.check(desk.sender.last_code)
    assert proof == Proof(REGISTRATION, To.LINE, sent.challenge_id, desk.clock.now(), 1)
    await desk.codes.settle(OPERATOR, proof)
    with pytest.raises(OtpExpired):
        await desk.check(desk.sender.last_code)


async def test_the_message_names_the_number_and_the_code_and_nothing_of_the_registration(desk: Desk) -> None:
    await desk.send(language="de-AT", in_shop=True)
    [message] = desk.sender.messages
    assert message.number == NUMBER
    assert message.language == "de"
    assert "nur im Laden" in message.text
    assert REGISTRATION.hex not in message.text


async def test_the_proof_tells_how_many_tries_it_took(desk: Desk) -> None:
    await desk.send()
    await desk.wrong(2)
    assert (await desk.check(desk.sender.last_code)).tries == 3


async def test_what_waits_is_shown_until_it_is_answered(desk: Desk) -> None:
    assert await desk.codes.status(OPERATOR, REGISTRATION) == []
    sent = await desk.send()
    [pending] = await desk.codes.status(OPERATOR, REGISTRATION)
    assert (pending.id, pending.to, pending.expires_at, pending.resend_at) == (
        sent.challenge_id,
        To.LINE,
        sent.expires_at,
        sent.resend_at,
    )
    await desk.check(desk.sender.last_code)
    assert await desk.codes.status(OPERATOR, REGISTRATION) == []


# The proof, until it stands in PostgreSQL


async def test_an_unrecorded_proof_waits_as_long_as_the_registration(desk: Desk) -> None:
    await desk.send()
    proof = await desk.check(desk.sender.last_code)
    assert await desk.codes.unrecorded_proofs(OPERATOR, REGISTRATION) == [proof]
    [home] = [key async for key in desk.redis.client.scan_iter("{otp}:r:*")]
    assert await desk.redis.client.pttl(home) > (WEEK - timedelta(minutes=1)) / timedelta(milliseconds=1)
    assert await desk.codes.unrecorded_proofs(new_id(), REGISTRATION) == []


async def test_recording_settles_and_its_failure_releases(desk: Desk) -> None:
    await desk.send()
    code = desk.sender.last_code
    proof = await desk.check(code)

    async def fails() -> None:
        async with desk.codes.recording(OPERATOR, proof):
            raise Unavailable("postgresql")

    with pytest.raises(Unavailable):
        await fails()
    # The right code still counts, at once; a wrong one never.
    with pytest.raises(OtpExpired):
        await desk.check(other_than(code))
    again = await desk.check(code)
    assert again == proof
    async with desk.codes.recording(OPERATOR, again):
        pass
    assert await desk.codes.unrecorded_proofs(OPERATOR, REGISTRATION) == []
    with pytest.raises(OtpExpired):
        await desk.check(code)
    [home] = [key async for key in desk.redis.client.scan_iter("{otp}:r:*")]
    assert await desk.redis.client.hget(home, "l.digest") is None


async def test_a_winner_that_died_is_followed_when_its_claim_lapses(desk: Desk) -> None:
    await desk.send()
    code = desk.sender.last_code
    proof = await desk.check(code)
    with pytest.raises(OtpExpired):
        await desk.check(code)
    desk.clock.advance(desk.policy.claim)
    assert await desk.check(code, proof.challenge_id) == proof
    with pytest.raises(OtpExpired):
        await desk.check(code)


async def test_of_200_retries_after_a_release_one_is_adopted(free: Desk) -> None:
    await free.send()
    code = free.sender.last_code
    proof = await free.check(code)
    await free.codes.release(OPERATOR, proof)
    assert await outcomes([free.check(code) for _ in range(200)]) == {"Proof": 1, "otp-expired": 199}


async def test_a_used_code_is_not_guessed_at_beyond_its_tries(free: Desk) -> None:
    await free.send()
    code = free.sender.last_code
    proof = await free.check(code)
    await free.codes.release(OPERATOR, proof)
    await free.wrong(5)
    with pytest.raises(OtpExpired):
        await free.check(code)
    assert await free.codes.unrecorded_proofs(OPERATOR, REGISTRATION) == [proof]


async def test_a_new_code_does_not_lose_an_unrecorded_proof(free: Desk) -> None:
    await free.send()
    proof = await free.check(free.sender.last_code)
    await free.send()
    assert await free.codes.unrecorded_proofs(OPERATOR, REGISTRATION) == [proof]
    await free.codes.settle(OPERATOR, proof)
    assert (await free.check(free.sender.last_code)).challenge_id != proof.challenge_id


async def test_what_is_forgotten_is_gone(desk: Desk) -> None:
    await desk.send()
    await desk.check(desk.sender.last_code)
    await desk.codes.forget(OPERATOR, REGISTRATION)
    assert await desk.codes.unrecorded_proofs(OPERATOR, REGISTRATION) == []
    with pytest.raises(LimitExceeded):
        await desk.send()
