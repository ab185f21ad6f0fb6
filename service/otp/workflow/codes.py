"""The verbs of codes: send, check, and what is owed to a proof until it stands in PostgreSQL."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import pyotp
import structlog

from service.infra.redis import Redis
from service.infra.telemetry import CODES
from service.kit.errors import InvalidRequest, LimitExceeded, Refusal, Unavailable
from service.kit.ids import new_id
from service.kit.msisdn import Msisdn
from service.limits import rules as limits
from service.limits.model import Charge, Limit, Outcome, Verdict
from service.limits.volatile import name, not_before
from service.otp import rules
from service.otp.model import (
    Accepted,
    Challenge,
    ChallengeState,
    Channel,
    CodePolicy,
    Message,
    OtpExpired,
    Proof,
    Sent,
    To,
)
from service.otp.ports import Sender, SenderUnavailable, SendFailed
from service.otp.volatile import Challenges, Hashes, NewChallenge

_T = TypeVar("_T")
log = structlog.get_logger()


def new_code() -> str:
    """Six digits: HOTP (RFC 4226) at 0 over a secret that is dropped here; keeping it would be keeping the code."""
    return pyotp.HOTP(base64.b32encode(secrets.token_bytes(20)).decode()).at(0)


class Codes:
    """``policy`` gives the version in force; ``senders`` are tried in order; ``deadline_s`` bounds them all.

    ``web_domain`` adds the line by which browsers fill codes in (WebOTP).
    """

    def __init__(
        self,
        redis: Redis,
        vault: Hashes,
        senders: Sequence[Sender],
        policy: Callable[[], CodePolicy],
        *,
        deadline_s: float = 8.0,
        web_domain: str | None = None,
    ) -> None:
        self._vault = vault
        self._challenges = Challenges(redis, vault)
        self._senders = tuple(senders)
        self._policy = policy
        self._deadline_s = deadline_s
        self._web_domain = web_domain
        self._running: set[asyncio.Task[Any]] = set()

    async def send(
        self,
        *,
        operator: UUID,
        operator_name: str,
        client_id: UUID,
        dealer_id: UUID | None,
        registration_id: UUID,
        purpose: str,
        to: str,
        msisdn: Msisdn | str,
        channel: str,
        language: str,
        expires_with: datetime,
        now: datetime,
        in_shop: bool = False,
    ) -> Sent:
        """Charge and issue in one step, then have the message taken within the deadline.

        Raises :class:`InvalidRequest` (channel), ``NumberNotAllowed``, ``LimitExceeded``, or ``Unavailable``:
        then no code is live, and the budget was given back where it is certain that nothing was sent.
        Where a budget that others share is full, the answer is the same and nothing is sent.
        """
        policy = self._policy()
        number = msisdn if isinstance(msisdn, Msisdn) else Msisdn.parse(msisdn, "/to")
        self._may_send(policy, number, channel)
        new = NewChallenge(
            operator=operator,
            registration_id=registration_id,
            id=new_id(),
            to=To(to),
            purpose=purpose,
            number=self._challenges.number(operator, number.value),
            ttl=policy.ttl,
            attempts=policy.attempts,
            tombstone=policy.tombstone,
            until=expires_with,
        )
        code = new_code()
        text, spoken = rules.compose(
            language=language,
            purpose=purpose,
            operator=operator_name,
            number=number,
            code=code,
            in_shop=in_shop,
            web_domain=self._web_domain,
        )
        charges = self._send_charges(policy, new, client_id, dealer_id, number)
        verdict, expires_at = await self._issue(new, code, charges)
        if verdict.outcome is Outcome.SUPPRESSED:
            CODES.labels("suppressed").inc()
        else:
            message = Message(new.id, number.value, Channel.SMS, spoken, text, now, expires_at)
            await self._deliver(message, new, charges, verdict.now_us)
            CODES.labels("sent").inc()
        resend_at = not_before(verdict.free_us)
        return Sent(new.id, new.to, number.masked, Channel.SMS, expires_at, resend_at, policy.attempts)

    async def check(
        self,
        *,
        operator: UUID,
        client_id: UUID,
        registration_id: UUID,
        code: str,
        challenge_id: UUID | None,
        now: datetime,
    ) -> Proof:
        """Compare with the named challenge, else with the newest; the right answer burns the code.

        The caller records the proof inside :meth:`recording`. Raises ``OtpExpired``, ``OtpExhausted``,
        ``OtpRejected``, ``LimitExceeded``, ``Unavailable``. ``now`` is the request's instant; whether a code
        is still good is judged by the clock of Redis, which gave it its end.
        """
        policy = self._policy()
        try:
            known, _ = await self._challenges.load(operator, registration_id)
            challenge = _asked(known, challenge_id)
            proof = await self._to_the_end(
                self._challenges.check(
                    operator,
                    registration_id,
                    challenge,
                    code,
                    must_be_newest=challenge_id is None,
                    claim=policy.claim,
                    charges=self._named(policy, Limit.OTP_CHECKS_PER_CLIENT, operator, client_id),
                    mistakes=self._named(
                        policy, Limit.OTP_WRONG_CODES_PER_MSISDN, operator, client_id, challenge.number
                    ),
                )
            )
        except Unavailable as gone:
            # The answer alone may be lost: whoever waits for the claim to lapse has a right code adopted.
            CODES.labels("unavailable").inc()
            wait_s = max(gone.retry_after_s or 0, -(-policy.claim.total_seconds() // 1))
            raise Unavailable("redis", int(wait_s)) from gone
        except Refusal as refused:
            CODES.labels(refused.code.removeprefix("otp-")).inc()
            raise
        CODES.labels("verified").inc()
        return proof

    @asynccontextmanager
    async def recording(self, operator: UUID, proof: Proof) -> AsyncIterator[None]:
        """Around the transaction that records a proof: settled after it, released if it fails.

        ``async with codes.recording(operator, proof): async with db.write(operator) as tx: …``
        Recording must be idempotent by ``proof.challenge_id``: ``GET`` or ``submit`` may be adopting it too.
        Redis failing here is not an error: the proof stays unrecorded there and is adopted once more.
        """
        try:
            yield
        except BaseException:
            await self._kindly(self._challenges.release(operator, proof))
            raise
        await self._kindly(self._challenges.settle(operator, proof))

    async def unrecorded_proofs(self, operator: UUID, registration_id: UUID) -> list[Proof]:
        """Right answers that PostgreSQL may not have yet; record each, then :meth:`settle` it."""
        return (await self._challenges.load(operator, registration_id))[1]

    async def settle(self, operator: UUID, proof: Proof) -> None:
        """The proof stands in PostgreSQL. From here on the code is used for good."""
        await self._challenges.settle(operator, proof)

    async def release(self, operator: UUID, proof: Proof) -> None:
        """The proof could not be recorded: the same code, given again, is adopted at once."""
        await self._challenges.release(operator, proof)

    async def status(self, operator: UUID, registration_id: UUID) -> list[Challenge]:
        """The challenges that still wait for an answer, at most one to each target."""
        known, _ = await self._challenges.load(operator, registration_id)
        return [each for each in known if each.state is ChallengeState.LIVE]

    async def forget(self, operator: UUID, registration_id: UUID) -> None:
        """Drop codes and unrecorded proofs: the registration was cancelled, or a number in it was changed."""
        await self._challenges.forget(operator, registration_id)

    def _may_send(self, policy: CodePolicy, number: Msisdn, channel: str) -> None:
        """What is refused before anything is charged."""
        if channel != Channel.SMS:
            raise InvalidRequest("/channel", "channel-not-enabled", "Codes are sent by SMS here.")
        rules.may_receive(policy, number)
        if not self._senders:
            raise Unavailable("sms")

    async def _issue(
        self, new: NewChallenge, code: str, charges: Sequence[Charge]
    ) -> tuple[Verdict, datetime]:
        try:
            return await self._to_the_end(self._challenges.issue(new, code, charges))
        except LimitExceeded:
            CODES.labels("limited").inc()
            raise

    async def _deliver(
        self, message: Message, new: NewChallenge, charges: Sequence[Charge], charged_us: int
    ) -> Accepted:
        """The first sender that takes it. Failing, the challenge dies before the caller hears of it."""
        refund: Sequence[Charge] = ()
        try:
            async with asyncio.timeout(self._deadline_s):
                for sender in self._senders:
                    try:
                        return await sender.send(message)
                    except SenderUnavailable as failed:
                        log.warning("otp.sender_unavailable", sender=sender.name, reason=failed.reason)
            refund, cause = charges, "unavailable"
        except SendFailed as failed:
            log.warning("otp.sender_failed", sender=failed.sender, reason=failed.reason)
            cause = "refused"
        except TimeoutError:
            # The message may be on its way: a charge given back here would make slow senders free to abuse.
            log.warning("otp.sender_slow", senders=len(self._senders))
            cause = "late"
        except Exception:
            await self._kindly(self._challenges.withdraw(new.operator, new.registration_id, new.id, (), 0))
            raise
        CODES.labels(cause).inc()
        await self._kindly(
            self._challenges.withdraw(new.operator, new.registration_id, new.id, refund, charged_us)
        )
        raise Unavailable("sms")

    async def _to_the_end(self, call: Coroutine[Any, Any, _T]) -> _T:
        """Run on even if the caller hangs up: who closes the connection early has been charged all the same."""
        task = asyncio.create_task(call)
        self._running.add(task)
        task.add_done_callback(self._over)
        return await asyncio.shield(task)

    async def _kindly(self, call: Coroutine[Any, Any, None]) -> None:
        """To the end as well, and without a word where Redis is gone: what it repairs heals by time."""
        try:
            await self._to_the_end(call)
        except Unavailable:
            log.warning("otp.redis_gone")

    def _over(self, task: "asyncio.Task[Any]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # read, so that a refusal nobody waits for any more is not reported as lost

    def _send_charges(
        self,
        policy: CodePolicy,
        new: NewChallenge,
        client_id: UUID,
        dealer_id: UUID | None,
        number: Msisdn,
    ) -> tuple[Charge, ...]:
        charges = self._named(policy, Limit.OTP_SENDS_PER_MSISDN, new.operator, client_id, new.number)
        charges += self._named(policy, Limit.OTP_SENDS_PER_CLIENT, new.operator, client_id)
        if dealer_id is not None:
            charges += self._named(policy, Limit.OTP_SENDS_PER_DEALER, new.operator, client_id, dealer_id)
        return charges + self._named(policy, Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE, number.value)

    def _named(self, policy: CodePolicy, limit: Limit, *parts: bytes | str | UUID) -> tuple[Charge, ...]:
        return limits.charges(policy.limits, limit, name(self._vault, limit, *parts))


def _asked(known: Sequence[Challenge], challenge_id: UUID | None) -> Challenge:
    for each in known:
        if each.id == challenge_id or (challenge_id is None and each.is_newest):
            return each
    raise OtpExpired()
