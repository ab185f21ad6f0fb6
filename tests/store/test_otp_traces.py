"""What leaves a trace, how long it stays, and what a rotation of keys changes."""

from datetime import timedelta
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from service.infra.crypto import Vault
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.errors import Refusal
from service.kit.ids import new_id
from service.otp import rules
from service.otp.model import OtpRejected
from service.otp.ports import SenderUncertain
from service.otp.volatile import Stream
from tests.fakes.desk import (
    NUMBER,
    OPERATOR,
    OTHER,
    REGISTRATION,
    Desk,
    limits,
    other_than,
)
from tests.fakes.otp import Failing, Ring

ADDRESS, DEVICE = "198.51.100.77", "handset-4711"


async def held_by(redis: Redis) -> bytes:
    """Every key and every value that Redis holds, in any of its types."""
    read: dict[bytes, Any] = {
        b"hash": redis.client.hgetall,
        b"string": redis.client.get,
        b"stream": redis.client.xrange,
    }
    held = b""
    async for key in redis.client.scan_iter("*"):
        held += key + repr(await read[await redis.client.type(key)](key)).encode()
    return held


async def test_no_code_and_no_number_is_left_anywhere(
    redis: Redis, vault: Vault, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every way that a challenge can go, then everything that Redis holds, every log line, every refusal."""
    monkeypatch.setattr("service.otp.workflow.engine.new_code", lambda: "907356")
    said: list[str] = []
    structlog.reset_defaults()  # whatever level an application that ran in this process has set
    with capture_logs() as logs:
        desk = Desk(redis, vault, clock)
        broken = Desk(redis, vault, clock, senders=[Failing(SenderUncertain("hm", "answer-lost"))])
        said.append(repr(await desk.send(ip=ADDRESS, device=DEVICE)))
        said += [repr(refusal) + repr(refusal.facts) for refusal in await desk.wrong(5)]
        for call in (
            desk.check("907356"),
            desk.send(),
            broken.send(msisdn=OTHER),
            desk.check("907356", operator=new_id()),
        ):
            with pytest.raises(Refusal) as caught:
                await call
            said.append(repr(caught.value) + repr(caught.value.facts))
        clock.advance(timedelta(minutes=1))
        await desk.send()
        said.append(repr(await desk.check("907356")))
        said.append(repr(desk.sender.messages))
        said.append(repr(await desk.codes._challenges.load(OPERATOR, REGISTRATION)))
    assert logs, "the failing sender is logged"
    held = await held_by(redis)
    whole = held.decode() + repr(logs) + "".join(said)
    assert len(held) > 500
    assert "907356" not in whole
    for number in (NUMBER, OTHER):
        assert number.removeprefix("+49") not in whole
    for asserted in (ADDRESS, DEVICE):
        assert asserted not in whole


async def test_nothing_stays_for_ever(desk: Desk) -> None:
    await desk.send(dealer=new_id())
    await desk.wrong(1)
    await desk.check(desk.sender.last_code)
    ttls = [
        await desk.redis.client.pttl(key)
        async for key in desk.redis.client.scan_iter("*")
        if key != Stream.KEY.encode()  # gone as soon as it is drained: tests/store/test_otp_drain.py
    ]
    assert len(ttls) >= 8
    assert min(ttls) > 0


# A key that is rotated


async def test_processes_one_step_of_a_rotation_apart_understand_each_other(
    redis: Redis, clock: ManualClock
) -> None:
    before, added, promoted, retired = Ring([1]), Ring([1, 2]), Ring([2, 1]), Ring([2])
    steps = [(before, added), (added, promoted), (promoted, retired)]
    for writer, reader in steps + [(reader, writer) for writer, reader in steps]:
        registration = new_id()
        one = Desk(redis, writer, clock, policy=limits(rules.seed_policy()))
        other = Desk(redis, reader, clock, policy=limits(rules.seed_policy()))
        await one.send(registration_id=registration)
        with pytest.raises(OtpRejected):
            await other.check(other_than(one.sender.last_code), registration_id=registration)
        proof = await other.check(one.sender.last_code, registration_id=registration)
        assert await one.codes.unrecorded_proofs(OPERATOR, registration) == [proof]
        # A second code finds the home that is there, under whichever name.
        await other.send(registration_id=registration)
        assert (await one.check(other.sender.last_code, registration_id=registration)).tries == 1


async def test_a_check_is_one_round_trip_and_a_send_two(free: Desk) -> None:
    """A registration's send first looks whether a message went to this target before: neighbours and the gate count
    first messages. (A verification knows by itself, and takes one.)"""
    await free.send()
    await free.check(free.sender.last_code)  # from here on the server knows the scripts
    before = free.redis.round_trips
    await free.send()
    assert free.redis.round_trips - before == 2
    await free.check(free.sender.last_code)
    assert free.redis.round_trips - before == 3
