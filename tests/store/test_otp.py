"""Codes on a real Redis: every refusal, every race, every fault."""

import asyncio
import copy
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from service.infra.crypto import Vault
from service.infra.redis import Redis, Script
from service.infra.telemetry import REGISTRY
from service.kit.clock import ManualClock, rfc3339
from service.kit.errors import InvalidRequest, LimitExceeded, Refusal, Unavailable
from service.kit.ids import new_id
from service.limits.model import Limit, LimitPolicy, Rule, Window
from service.otp import rules
from service.otp.model import (
    CodePolicy,
    NumberNotAllowed,
    OtpExhausted,
    OtpExpired,
    OtpRejected,
    Proof,
    Sent,
    To,
)
from service.otp.ports import Sender, SenderRejected, SenderUnavailable, SenderUncertain
from service.otp.workflow import Asker, Codes, Dispatch, Engine, Tools
from tests.fakes.otp import Failing, OwnRedis, Recorder, Ring, Stuck

NUMBER = "+4915112345678"
OTHER = "+4915112345679"
OPERATOR, CLIENT, REGISTRATION = new_id(), new_id(), new_id()
SECOND = timedelta(seconds=1)
WEEK = timedelta(days=7)


class Desk:
    """Codes with everything that a call needs filled in."""

    def __init__(
        self,
        redis: Redis,
        hashes: Any,
        clock: ManualClock,
        senders: Sequence[Sender] | None = None,
        policy: CodePolicy | None = None,
        deadline_s: float = 5,
    ) -> None:
        self.clock = clock
        self.redis = redis
        self.sender = Recorder()
        self.policy = policy or without_money(rules.seed_policy())
        self.dispatch = Dispatch([self.sender] if senders is None else senders, deadline_s=deadline_s)
        self.engine = Engine(redis, hashes, Tools(lambda: self.policy, self.dispatch))
        self.codes = Codes(self.engine)
        self.expires_with = clock.now() + WEEK

    async def send(self, **other: Any) -> Sent:
        asker = {"operator": OPERATOR, "operator_name": "Demo", "client": CLIENT}
        for name in ("operator", "client", "dealer", "ip", "device", "is_bound"):
            if name in other:
                asker[name] = other.pop(name)
        return await self.codes.send(
            **{
                "asker": Asker(**asker),
                "registration_id": REGISTRATION,
                "purpose": "new",
                "to": "line",
                "msisdn": NUMBER,
                "channel": "sms",
                "language": "en",
                "expires_with": self.expires_with,
                "now": self.clock.now(),
                **other,
            }
        )

    async def check(self, code: str, challenge_id: UUID | None = None, **other: Any) -> Proof:
        asker = Asker(other.pop("operator", OPERATOR), "Demo", other.pop("client", CLIENT))
        return await self.codes.check(
            **{
                "asker": asker,
                "registration_id": REGISTRATION,
                "purpose": "new",
                "code": code,
                "challenge_id": challenge_id,
                **other,
            }
        )

    async def wrong(self, times: int, challenge_id: UUID | None = None) -> list[Refusal]:
        refusals = []
        for _ in range(times):
            with pytest.raises(Refusal) as caught:
                await self.check(other_than(self.sender.last_code), challenge_id)
            refusals.append(caught.value)
        return refusals


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def without_money(policy: CodePolicy) -> CodePolicy:
    return replace(policy, limits=replace(policy.limits, money=None))


def limits(policy: CodePolicy, **windows: Window | None) -> CodePolicy:
    """The policy with these limits alone, named as members of ``Limit``."""
    kept = {Limit[name]: Rule((window,)) for name, window in windows.items() if window}
    return replace(policy, limits=LimitPolicy("test", kept))


async def everything(redis: Redis) -> dict[bytes, Any]:
    """All that Redis holds, value by value."""
    found: dict[bytes, Any] = {}
    async for key in redis.client.scan_iter("*"):
        found[key] = await redis.client.dump(key)
    return found


async def outcomes(calls: Sequence[Any]) -> Counter[str]:
    done = await asyncio.gather(*calls, return_exceptions=True)
    return Counter(each.code if isinstance(each, Refusal) else type(each).__name__ for each in done)


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("simward_codes_total", {"outcome": outcome}) or 0.0


@pytest.fixture
def desk(redis: Redis, vault: Vault, clock: ManualClock) -> Desk:
    return Desk(redis, vault, clock)


@pytest.fixture
def free(redis: Redis, vault: Vault, clock: ManualClock) -> Desk:
    """A desk without any limit."""
    return Desk(redis, vault, clock, policy=limits(rules.seed_policy()))


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    server = OwnRedis()
    server.start()
    yield server
    server.close()


@pytest.fixture
async def fragile(own_redis: OwnRedis, vault: Vault, clock: ManualClock) -> AsyncIterator[Desk]:
    """A desk on a server that the test may break; what takes a fifth of a second is given up."""
    redis = Redis(own_redis.url, clock, timeout_s=0.2)
    yield Desk(redis, vault, clock)
    await redis.close()


# The ordinary way


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


# Refusals of a check


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
    if old != desk.sender.last_code:
        with pytest.raises(OtpRejected):
            await desk.check(old)
    assert (await desk.check(desk.sender.last_code)).challenge_id == second.challenge_id


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


async def test_a_newer_challenge_between_look_and_comparison_is_not_mistaken(
    desk: Desk, vault: Vault
) -> None:
    """Which one is the newest is judged by the script, not by what was read before it."""
    await desk.send()
    code = desk.sender.last_code

    async def contact_is_sent() -> None:
        await desk.send(to="contact", msisdn=OTHER)

    late = copy.copy(desk.redis)
    late.__class__ = Preceded
    assert isinstance(late, Preceded)
    late.by = contact_is_sent
    with pytest.raises(OtpExpired):
        await Desk(late, vault, desk.clock).check(code)


class Preceded(Redis):
    """Something happens just before each script."""

    by: Callable[[], Awaitable[None]]

    async def run(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[str | bytes | int]
    ) -> Any:
        await self.by()
        return await super().run(script, keys, args)


@pytest.mark.parametrize("what", ["operator", "registration_id"])
async def test_a_challenge_is_not_found_from_elsewhere(desk: Desk, what: str) -> None:
    sent = await desk.send()
    with pytest.raises(OtpExpired):
        await desk.check(desk.sender.last_code, sent.challenge_id, **{what: new_id()})


@pytest.mark.parametrize("field", ["line.purpose", "line.number", "line.id"])
async def test_a_code_is_right_for_its_purpose_number_and_challenge_alone(desk: Desk, field: str) -> None:
    """Whoever could write to Redis could still not make a code good for anything else."""
    await desk.send()
    [home] = [key async for key in desk.redis.client.scan_iter("{otp}:r:*")]
    changed = {"line.purpose": "sim_swap", "line.number": "AAAAAAAAAAAAAAAAAAAAAA==", "line.id": new_id().hex}
    await desk.redis.client.hset(home, field, changed[field])
    with pytest.raises(OtpRejected):
        await desk.check(desk.sender.last_code)


async def test_wrong_codes_for_a_number_are_counted_over_resends(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    """Twenty resends of five tries each: the number's budget ends it, and no new code refills it."""
    policy = limits(rules.seed_policy(), OTP_WRONG_CODES_PER_MSISDN=Window(20, 86_400 * 10**6))
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
    policy = limits(rules.seed_policy(), OTP_WRONG_CODES_PER_MSISDN=Window(2, 86_400 * 10**6))
    desk = Desk(redis, vault, clock, policy=policy)
    for _ in range(5):
        await desk.send()
        await desk.check(desk.sender.last_code)
        clock.advance(SECOND)


async def test_checks_of_a_client_are_counted(redis: Redis, vault: Vault, clock: ManualClock) -> None:
    policy = limits(rules.seed_policy(), OTP_CHECKS_PER_CLIENT=Window(2, 3600 * 10**6))
    desk = Desk(redis, vault, clock, policy=policy)
    await desk.send()
    await desk.wrong(2)
    [refusal] = await desk.wrong(1)
    assert (refusal.code, refusal.facts["limit"]) == ("limit-exceeded", "OtpChecksPerClient")
    assert refusal.retry_after_s == 3600
    assert (await desk.check(desk.sender.last_code, client=new_id())).tries == 3


# Races


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


# Limits of a send


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
    before = await everything(desk.redis)
    with pytest.raises(LimitExceeded):
        await desk.send()
    assert await everything(desk.redis) == before
    assert (await desk.check(desk.sender.last_code)).to is To.LINE


@pytest.mark.parametrize(
    ("limit", "given"),
    [("OTP_SENDS_PER_CLIENT", {}), ("OTP_SENDS_PER_DEALER", {"dealer_id": new_id()})],
)
async def test_client_and_dealer_have_budgets_of_their_own(
    redis: Redis, vault: Vault, clock: ManualClock, limit: str, given: dict[str, UUID]
) -> None:
    desk = Desk(redis, vault, clock, policy=limits(rules.seed_policy(), **{limit: Window(2, 3600 * 10**6)}))
    await desk.send(**given)
    await desk.send(**given, msisdn=OTHER)
    with pytest.raises(LimitExceeded) as caught:
        await desk.send(**given, msisdn="+4915112345670")
    assert caught.value.facts["limit"] == Limit[limit].value
    other = {"dealer_id": new_id()} if given else {"client_id": new_id()}
    await desk.send(**other)


async def test_a_number_that_everyone_writes_to_is_spared_in_silence(
    redis: Redis, vault: Vault, clock: ManualClock
) -> None:
    """Over all operators; who asks sees the ordinary answer, and wrong codes are counted as ever."""
    policy = limits(
        rules.seed_policy(),
        OTP_SENDS_PER_MSISDN=Window(5, 3600 * 10**6),
        OTP_SENDS_PER_MSISDN_EVERYWHERE=Window(2, 86_400 * 10**6),
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


async def test_voice_is_refused_by_name(desk: Desk) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await desk.send(channel="voice")
    errors: Any = caught.value.facts["errors"]
    assert [(each["pointer"], each["code"]) for each in errors] == [("/channel", "channel-not-enabled")]


async def test_without_a_sender_nothing_is_charged(redis: Redis, vault: Vault, clock: ManualClock) -> None:
    desk = Desk(redis, vault, clock, senders=[])
    with pytest.raises(Unavailable) as caught:
        await desk.send()
    assert caught.value.facts == {"dependency": "sms"}
    assert await everything(redis) == {}


# Senders that fail


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
    left = await everything(redis)
    assert [key for key in left if b":l:" in key] == [], "every budget is as it was"
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
    await asyncio.gather(*desk.codes._running)
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
    await asyncio.gather(*desk.codes._running, return_exceptions=True)
    [refusal] = await desk.wrong(1)
    assert refusal.facts["attempts_left"] == 3


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
    assert await desk.redis.client.hget(home, "line.digest") is None


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


# Redis gone, slow, full, flushed


async def gone(call: Any) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        await call
    assert caught.value.facts == {"dependency": "redis"}
    assert caught.value.retry_after_s
    return caught.value


async def test_redis_gone_fails_closed_and_heals(own_redis: OwnRedis, fragile: Desk) -> None:
    await fragile.send()
    own_redis.stop()
    await gone(fragile.send(msisdn=OTHER))
    await gone(fragile.check(fragile.sender.last_code))
    await gone(fragile.codes.unrecorded_proofs(OPERATOR, REGISTRATION))
    assert len(fragile.sender.messages) == 1, "without a charge nothing is sent"
    own_redis.start()
    with pytest.raises(OtpExpired):
        await fragile.check(fragile.sender.last_code)
    await fragile.send()
    assert (await fragile.check(fragile.sender.last_code)).tries == 1


async def test_redis_slow_fails_closed_and_sends_nothing_twice(own_redis: OwnRedis, fragile: Desk) -> None:
    with own_redis.admin() as admin:
        admin.client_pause(60_000, all=False)
        await gone(fragile.send())
        admin.client_unpause()
    assert fragile.sender.messages == []


async def test_a_check_whose_answer_was_lost_is_adopted(own_redis: OwnRedis, fragile: Desk) -> None:
    """The script ran and nobody heard: after the wait that the refusal names, the same code counts."""
    await fragile.send()
    code = fragile.sender.last_code
    fragile.codes._challenges._redis = deaf = copy.copy(fragile.redis)
    deaf.__class__ = Deaf
    refusal = await gone(fragile.check(code))
    fragile.codes._challenges._redis = fragile.redis
    assert refusal.retry_after_s is not None
    fragile.clock.advance(timedelta(seconds=refusal.retry_after_s))
    with pytest.raises(OtpExpired):
        await fragile.check(other_than(code))
    assert (await fragile.check(code)).to is To.LINE


class Deaf(Redis):
    """The script runs, and its answer is lost."""

    async def run(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[str | bytes | int]
    ) -> Any:
        await super().run(script, keys, args)
        raise Unavailable("redis")


async def test_a_send_whose_answer_was_lost_sends_nothing(fragile: Desk) -> None:
    deaf = copy.copy(fragile.redis)
    deaf.__class__ = Deaf
    await gone(Desk(deaf, fragile.codes._vault, fragile.clock, senders=[fragile.sender]).send())
    assert fragile.sender.messages == []


async def test_redis_full_fails_closed(own_redis: OwnRedis, fragile: Desk) -> None:
    await fragile.send()
    with own_redis.admin() as admin:
        admin.config_set("maxmemory", "1")
        await gone(fragile.send(msisdn=OTHER))
        await gone(fragile.check(fragile.sender.last_code))
        admin.config_set("maxmemory", "0")
    assert len(fragile.sender.messages) == 1
    assert (await fragile.check(fragile.sender.last_code)).tries == 1


async def test_redis_flushed_costs_a_new_code(own_redis: OwnRedis, fragile: Desk) -> None:
    await fragile.send()
    with own_redis.admin() as admin:
        admin.flushall()
        admin.script_flush()
    with pytest.raises(OtpExpired):
        await fragile.check(fragile.sender.last_code)
    await fragile.send()
    assert (await fragile.check(fragile.sender.last_code)).tries == 1


async def test_redis_gone_while_a_proof_is_recorded_is_no_error(own_redis: OwnRedis, fragile: Desk) -> None:
    await fragile.send()
    proof = await fragile.check(fragile.sender.last_code)
    async with fragile.codes.recording(OPERATOR, proof):
        own_redis.stop()


# What leaves a trace


async def test_no_code_and_no_number_is_left_anywhere(
    redis: Redis, vault: Vault, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every way that a challenge can go, then everything that Redis holds, every log line, every refusal."""
    monkeypatch.setattr("service.otp.workflow.engine.new_code", lambda: "907356")
    said: list[str] = []
    with capture_logs() as logs:
        desk = Desk(redis, vault, clock)
        broken = Desk(redis, vault, clock, senders=[Failing(SenderUncertain("hm", "answer-lost"))])
        said.append(repr(await desk.send()))
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
    held = b""
    async for key in redis.client.scan_iter("*"):
        kind = await redis.client.type(key)
        if kind == b"hash":
            value: Any = await redis.client.hgetall(key)
        else:
            value = await (redis.client.get(key) if kind == b"string" else redis.client.lrange(key, 0, -1))
        held += key + repr(value).encode()
    whole = held.decode() + repr(logs) + "".join(said)
    assert len(held) > 500
    assert "907356" not in whole
    for number in (NUMBER, OTHER):
        assert number.removeprefix("+49") not in whole


async def test_nothing_stays_for_ever(desk: Desk) -> None:
    await desk.send(dealer=new_id())
    await desk.wrong(1)
    await desk.check(desk.sender.last_code)
    ttls = [await desk.redis.client.pttl(key) async for key in desk.redis.client.scan_iter("*")]
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


async def test_a_check_is_two_round_trips_and_a_send_one(free: Desk) -> None:
    await free.send()
    before = free.redis.round_trips
    await free.send()
    assert free.redis.round_trips - before == 1
    await free.check(free.sender.last_code)
    assert free.redis.round_trips - before == 3
