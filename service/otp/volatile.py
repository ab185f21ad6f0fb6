"""Challenges in Redis: one hash for each registration, named by a keyed hash of operator and registration.

What is kept of a code is its digest, ``PRF_volatile("otp/v1", operator, challenge, purpose, number, code)``,
where *number* is itself a keyed hash under the ``volatile`` key: an index of the database never stands here,
so that nothing joins a dump of Redis to one of PostgreSQL.

Redis gone or slow: every call raises :class:`service.kit.errors.Unavailable`. Losing Redis costs a new code.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, cast
from uuid import UUID

from service.infra.redis import Redis
from service.kit.canon import Part
from service.kit.clock import micros
from service.kit.errors import LimitExceeded
from service.limits.model import Charge, Outcome, Verdict
from service.limits.volatile import instant, not_before, refusal, verdict, wire, with_law
from service.otp.model import (
    Challenge,
    ChallengeState,
    OtpExhausted,
    OtpExpired,
    OtpRejected,
    Proof,
    To,
)

ISSUE = with_law(__package__, "lua/home.lua", "lua/issue.lua")
CHECK = with_law(__package__, "lua/home.lua", "lua/check.lua")
WITHDRAW = with_law(__package__, "lua/home.lua", "lua/withdraw.lua")
PROOF = with_law(__package__, "lua/home.lua", "lua/proof.lua")


class Hashes(Protocol):
    """The part of the vault that is used here."""

    def volatile(self, purpose: str, *parts: Part) -> bytes: ...

    def volatile_all(self, purpose: str, *parts: Part) -> tuple[tuple[int, bytes], ...]: ...


@dataclass(frozen=True, slots=True)
class NewChallenge:
    """What is issued. ``number`` is the keyed hash (:meth:`Challenges.number`); ``code`` goes into the digest alone."""

    operator: UUID
    registration_id: UUID
    id: UUID
    to: To
    purpose: str
    number: bytes
    ttl: timedelta
    attempts: int
    tombstone: timedelta
    until: datetime


class Challenges:
    """One Redis command each; :meth:`load` takes one more for each further enabled key while one is rotated."""

    def __init__(self, redis: Redis, hashes: Hashes) -> None:
        self._redis = redis
        self._hashes = hashes

    def number(self, operator: UUID, msisdn: str) -> bytes:
        """The keyed hash by which a number (E.164) is known here, inside one operator."""
        return self._hashes.volatile("otp-number/v1", operator, msisdn)

    async def issue(
        self, new: NewChallenge, code: str, charges: Sequence[Charge]
    ) -> tuple[Verdict, datetime]:
        """Charge and issue, or neither. The verdict, never DENIED (that raises), and when the code expires."""
        digest = self._hashes.volatile_all(
            "otp/v1", *_bound(new.operator, new.id, new.purpose, new.number), code
        )
        homes = self._homes(new.operator, new.registration_id)
        answer = await self._redis.run(
            ISSUE,
            [*homes, *(each.key for each in charges)],
            [
                self._redis.now_us,
                len(homes),
                new.to.value,
                new.id.hex,
                _digest(*digest[0]),
                new.purpose,
                base64.b64encode(new.number).decode(),
                new.ttl // timedelta(microseconds=1),
                new.attempts,
                new.tombstone // timedelta(microseconds=1),
                micros(new.until),
                *wire(charges),
            ],
        )
        *decided, expires_us = (int(part) for part in answer)
        found = verdict(charges, *decided)
        if found.outcome is Outcome.DENIED:
            raise refusal(found)
        return found, instant(expires_us)

    async def withdraw(
        self, operator: UUID, registration_id: UUID, challenge: UUID, refund: Sequence[Charge], at_us: int
    ) -> None:
        """Kill a challenge whose message no sender took; give ``refund``, charged at ``at_us``, back."""
        homes = self._homes(operator, registration_id)
        args = [len(homes), challenge.hex, at_us, *wire(refund)]
        await self._redis.run(WITHDRAW, [*homes, *(each.key for each in refund)], args)

    async def check(
        self,
        operator: UUID,
        registration_id: UUID,
        challenge: Challenge,
        code: str,
        *,
        must_be_newest: bool,
        claim: timedelta,
        charges: Sequence[Charge],
        mistakes: Sequence[Charge],
    ) -> Proof:
        """Charge, compare, burn. ``mistakes`` are charged to a wrong answer alone.

        Raises :class:`OtpExpired`, :class:`OtpExhausted`, :class:`OtpRejected` or :class:`LimitExceeded`.
        """
        homes = self._homes(operator, registration_id)
        digests = self._hashes.volatile_all(
            "otp/v1", *_bound(operator, challenge.id, challenge.purpose, challenge.number), code
        )
        every = [*charges, *mistakes]
        word, first, second, now_us, *tries = await self._redis.run(
            CHECK,
            [*homes, *(each.key for each in every)],
            [
                self._redis.now_us,
                len(homes),
                challenge.id.hex,
                int(must_be_newest),
                claim // timedelta(microseconds=1),
                len(charges) + 1,
                len(digests),
                *(_digest(*each) for each in digests),
                *wire(every),
            ],
        )
        match word:
            case b"verified":
                return Proof(
                    registration_id, To(first.decode()), challenge.id, instant(int(second)), int(tries[0])
                )
            case b"rejected":
                raise OtpRejected(int(first))
            case b"limited":
                raise _limited(every, int(first), int(second), int(now_us))
            case b"exhausted":
                raise OtpExhausted()
        raise OtpExpired()

    async def load(self, operator: UUID, registration_id: UUID) -> tuple[list[Challenge], list[Proof]]:
        """The newest challenge to each target, and the proofs that wait to be recorded. Nothing is written."""
        for home in self._homes(operator, registration_id):
            # The stubs of redis-py say that a command is a value or a future of one; asyncio's is a future.
            raw = await self._redis.guard(cast(Any, self._redis.client.hgetall(home)))
            if raw:
                fields = {key.decode(): value.decode() for key, value in raw.items()}
                return _challenges(fields, self._redis.clock.now()), _proofs(fields, registration_id)
        return [], []

    async def settle(self, operator: UUID, proof: Proof) -> None:
        """The proof is recorded: nothing is left here to adopt."""
        await self._proof(operator, proof, "settle")

    async def release(self, operator: UUID, proof: Proof) -> None:
        """The proof could not be recorded: the next right answer may try at once."""
        await self._proof(operator, proof, "release")

    async def forget(self, operator: UUID, registration_id: UUID) -> None:
        """Drop all codes and proofs of a registration; budgets stay charged."""
        homes = self._homes(operator, registration_id)
        await self._redis.guard(cast(Any, self._redis.client.delete(*homes)))

    async def _proof(self, operator: UUID, proof: Proof, verb: str) -> None:
        homes = self._homes(operator, proof.registration_id)
        await self._redis.run(PROOF, homes, [len(homes), proof.challenge_id.hex, verb])

    def _homes(self, operator: UUID, registration_id: UUID) -> list[str]:
        """The home's name under every enabled key, the primary first."""
        names = self._hashes.volatile_all("otp-home/v1", operator, registration_id)
        return [f"{{otp}}:r:{base64.urlsafe_b64encode(name).rstrip(b'=').decode()}" for _, name in names]


def _bound(operator: UUID, challenge: UUID, purpose: str, number: bytes) -> tuple[Part, ...]:
    """What a code is bound to (``security.md`` 4)."""
    return operator, challenge, purpose, number


def _digest(key_id: int, digest: bytes) -> str:
    return f"{key_id}:{digest.hex()}"


def _limited(charges: Sequence[Charge], index: int, free_us: int, now_us: int) -> LimitExceeded:
    return refusal(verdict(charges, Outcome.DENIED.value, index, free_us, now_us))


def _challenges(fields: Mapping[str, str], now: datetime) -> list[Challenge]:
    return [
        Challenge(
            id=UUID(hex=fields[f"{to}.id"]),
            to=to,
            state=_state(fields, to, now),
            purpose=fields[f"{to}.purpose"],
            number=base64.b64decode(fields[f"{to}.number"]),
            expires_at=instant(int(fields[f"{to}.expires"])),
            resend_at=not_before(int(fields[f"{to}.again"])),
            attempts_left=int(fields[f"{to}.left"]),
            is_newest=fields.get("newest") == to,
        )
        for to in To
        if f"{to}.id" in fields
    ]


def _state(fields: Mapping[str, str], to: To, now: datetime) -> ChallengeState:
    """What time and tries make of it; the script that compares judges by itself."""
    state = ChallengeState(fields[f"{to}.state"])
    if state is not ChallengeState.LIVE:
        return state
    if int(fields[f"{to}.left"]) <= 0:
        return ChallengeState.EXHAUSTED
    return ChallengeState.EXPIRED if instant(int(fields[f"{to}.expires"])) <= now else state


def _proofs(fields: Mapping[str, str], registration_id: UUID) -> list[Proof]:
    return [
        Proof(
            registration_id,
            to,
            UUID(hex=fields[f"{to}.proof.id"]),
            instant(int(fields[f"{to}.proof.at"])),
            int(fields[f"{to}.proof.tries"]),
        )
        for to in To
        if f"{to}.proof.id" in fields
    ]
