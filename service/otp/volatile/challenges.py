"""Challenges in Redis: one hash for each subject (a registration, a verification), named by a keyed hash.

What is kept of a code is its digest, ``PRF_volatile("otp/v2", operator, subject, target, purpose, code)``. A subject's
target has one number for its whole life, and lives in the hash where the digest stands (ADR 0015). Nothing here can be
joined to an index of the database.

Redis gone or slow: every call raises :class:`service.kit.errors.Unavailable`. Losing Redis costs a new code.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from service.infra.redis import Redis
from service.kit.clock import micros
from service.kit.errors import InvalidRequest, Refusal
from service.limits.model import Charge, Outcome, Verdict
from service.limits.volatile import instant, keys_of, not_before, refusal, verdict, wire, with_law
from service.otp.model import (
    Challenge,
    ChallengeState,
    Channel,
    OtpExhausted,
    OtpExpired,
    OtpRejected,
    Proof,
    To,
)
from service.otp.volatile.shapes import ONE_US, Budget, Hashes, Idem, Issued, Kept, NewChallenge, Tariff
from service.otp.volatile.stream import Stream
from service.web.idempotency import InProgress, KeyReused

ISSUE = with_law("service.otp", "lua/home.lua", "lua/issue.lua")
CHECK = with_law("service.otp", "lua/home.lua", "lua/check.lua")
WITHDRAW = with_law("service.otp", "lua/home.lua", "lua/withdraw.lua")
PROOF = with_law("service.otp", "lua/home.lua", "lua/proof.lua")
KEEP = with_law("service.otp", "lua/home.lua", "lua/keep.lua")

_PIECE = 60
_SHORT = {To.LINE: "l", To.CONTACT: "c", To.NUMBER: "n"}
_LONG = {short: to for to, short in _SHORT.items()}
_NO_IDEM = ("", "", "", "")


class Challenges:
    """One Redis command each; :meth:`load` takes one more for each further enabled key while one is rotated."""

    def __init__(self, redis: Redis, hashes: Hashes) -> None:
        self._redis = redis
        self._hashes = hashes

    async def issue(
        self,
        new: NewChallenge,
        code: str,
        charges: Sequence[Charge],
        *,
        log: str = "",
        idem: Idem | None = None,
        asks_again: bool = False,
    ) -> Issued:
        """Charge and issue, or neither. Raises ``LimitExceeded`` for a denial; a verdict that is SHORT or CHALLENGED is
        answered as it is, with nothing issued. ``asks_again``: SHORT is not the end of it, and no line of history."""
        homes = self._homes(new.operator, new.subject)
        word, *rest = await self._redis.run(
            ISSUE,
            [*homes, Stream.KEY, *([idem.key] if idem else []), *keys_of(charges)],
            [
                self._redis.now_us,
                len(homes),
                wire(charges),
                self._spelt(new, code),
                log,
                *(idem.wire if idem else _NO_IDEM),
                "1" if asks_again else "",
            ],
        )
        match word:
            case b"issued":
                found = verdict(charges, rest, int(rest[5]))
                return Issued(found, instant(int(rest[6])), int(rest[7]), new.subject)
            case b"denied":
                found = verdict(charges, rest, int(rest[5]))
                if found.outcome is Outcome.DENIED:
                    raise refusal(found)
                return Issued(found, instant(0), 0, new.subject)
            case b"sms-first":
                raise InvalidRequest("/channel", "sms-first", "A call is offered after a message was sent.")
            case b"again":
                subject, outcome, again_us, expires_us, left = json.loads(rest[0])
                was = Verdict(Outcome(outcome), None, int(again_us), 0)
                return Issued(was, instant(int(expires_us)), int(left), UUID(hex=subject), is_replay=True)
        raise _earlier(word, rest)

    async def withdraw(
        self,
        operator: UUID,
        subject: UUID,
        challenge: UUID,
        refund: Sequence[Charge],
        at_us: int,
        idem: Idem | None = None,
    ) -> None:
        """Kill a challenge whose message no sender took; give ``refund``, charged at ``at_us``, back."""
        await self._end(operator, subject, challenge, refund, at_us, idem, "withdraw")

    async def accept(self, operator: UUID, subject: UUID, challenge: UUID, idem: Idem) -> None:
        """A sender took the message: the answer may be told to a repeated request."""
        await self._end(operator, subject, challenge, (), 0, idem, "accept")

    async def check(
        self,
        operator: UUID,
        subject: UUID,
        code: str,
        *,
        targets: Mapping[To, str],
        challenge: UUID | None,
        tariff: Tariff,
        claim: timedelta | None,
        dealer: UUID | None = None,
        log: str = "",
        idem: Idem | None = None,
    ) -> tuple[Proof, bool]:
        """Judge, compare, charge, burn; the proof, and whether it is an earlier answer to the same Idempotency-Key.

        ``targets`` are those of the subject with what each is :func:`meant` for; ``claim`` is None where nothing is
        recorded elsewhere. Raises :class:`OtpExpired`, :class:`OtpExhausted`, :class:`OtpRejected`,
        ``LimitExceeded``, or ``KeyError`` where Redis knows nothing of the subject.
        """
        homes = self._homes(operator, subject)
        digests = {
            _SHORT[to]: [_digest(*each) for each in self._digests(operator, subject, to, purpose, code)]
            for to, purpose in targets.items()
        }
        word, *found = await self._redis.run(
            CHECK,
            [*homes, Stream.KEY, *([idem.key] if idem else [])],
            [
                self._redis.now_us,
                len(homes),
                tariff.wire,
                tariff.names,
                json.dumps(digests),
                challenge.hex if challenge else "",
                dealer.hex if dealer else "",
                "" if claim is None else str(claim // ONE_US),
                log,
                *(idem.wire if idem else _NO_IDEM),
            ],
        )
        if word == b"again":
            was, *found = json.loads(found[0])
            try:
                return _proof(was.encode(), found, subject, tariff.budgets), True
            except Refusal as refused:
                refused.is_replay = True
                raise
        return _proof(word, found, subject, tariff.budgets), False

    async def load(self, operator: UUID, subject: UUID) -> tuple[list[Challenge], list[Proof]]:
        """The newest challenge to each target, and the proofs that wait to be recorded. Nothing is written."""
        for home in self._homes(operator, subject):
            # The stubs of redis-py say that a command is a value or a future of one; asyncio's is a future.
            raw = await self._redis.guard(cast(Any, self._redis.client.hgetall(home)))
            if raw:
                fields = {key.decode(): value for key, value in raw.items()}
                return _challenges(fields, self._redis.clock.now()), _proofs(fields, subject)
        return [], []

    async def settle(self, operator: UUID, proof: Proof) -> None:
        """The proof is recorded: nothing is left here to adopt."""
        await self._proof(operator, proof, "settle")

    async def release(self, operator: UUID, proof: Proof) -> None:
        """The proof could not be recorded: the next right answer may try at once."""
        await self._proof(operator, proof, "release")

    async def forget(self, operator: UUID, subject: UUID) -> None:
        """Drop all codes and proofs of a subject; budgets stay charged."""
        homes = self._homes(operator, subject)
        await self._redis.guard(cast(Any, self._redis.client.delete(*homes)))

    async def keep_refusal(self, idem: Idem, status: int, sealed: bytes) -> None:
        """Keep what was refused before any script; raises what an earlier request with the key was answered."""
        word, *rest = await self._redis.run(
            KEEP, [idem.key], [self._redis.now_us, *idem.wire, status, sealed]
        )
        if word not in (b"new", b"again"):
            raise _earlier(word, rest)

    async def _end(
        self,
        operator: UUID,
        subject: UUID,
        challenge: UUID,
        refund: Sequence[Charge],
        at_us: int,
        idem: Idem | None,
        verb: str,
    ) -> None:
        homes = self._homes(operator, subject)
        keys = [*homes, *([idem.key] if idem else []), *keys_of(refund)]
        args: list[str | int] = [len(homes), challenge.hex, at_us, wire(refund)]
        args += [idem.holder if idem else "", verb]
        await self._redis.run(WITHDRAW, keys, args)

    async def _proof(self, operator: UUID, proof: Proof, verb: str) -> None:
        homes = self._homes(operator, proof.registration_id)
        await self._redis.run(PROOF, homes, [len(homes), proof.challenge_id.hex, verb])

    def _spelt(self, new: NewChallenge, code: str) -> str:
        """The challenge as ``issue.lua`` reads it. The sealed number goes in pieces: see ``home.lua``."""
        digest = _digest(*self._digests(new.operator, new.subject, new.to, new.meant, code)[0])
        sealed = base64.b64encode(new.sealed).decode()
        pieces = ",".join(
            [f'"s{at // _PIECE + 1}":"{sealed[at : at + _PIECE]}"' for at in range(0, len(sealed), _PIECE)]
        )
        dims = ",".join([f'"{name}":"{hashed}"' for name, hashed in new.dims.items()])
        until = f'"until":{micros(new.until)},' if new.until is not None else ""
        dealer = f',"dealer":"{new.dealer.hex}"' if new.dealer is not None else ""
        # By hand: ids, hex digits and words of ours need no escaping, and this is done for every message.
        return (
            f'{{"subject":"{new.subject.hex}","to":"{_SHORT[new.to]}","id":"{new.id.hex}","digest":"{digest}",'
            f'"left":{new.attempts},"channel":"{new.channel}","life":{new.ttl // ONE_US},'
            f'"tombstone":{new.tombstone // ONE_US},{until}'
            f'"sealed":{{{pieces}}},"dims":{{{dims}}}{dealer}}}'
        )

    def _digests(
        self, operator: UUID, subject: UUID, to: To, purpose: str, code: str
    ) -> tuple[tuple[int, bytes], ...]:
        return self._hashes.volatile_all("otp/v2", operator, subject, to.value, purpose, code)

    def _homes(self, operator: UUID, subject: UUID) -> list[str]:
        """The home's name under every enabled key, the primary first."""
        names = self._hashes.volatile_all("otp-home/v1", operator, subject)
        return [f"{{otp}}:r:{base64.urlsafe_b64encode(name).rstrip(b'=').decode()}" for _, name in names]


def _digest(key_id: int, digest: bytes) -> str:
    return f"{key_id}:{digest.hex()}"


def _proof(word: bytes, found: Sequence[Any], subject: UUID, budgets: Sequence[Budget]) -> Proof:
    """What ``check.lua`` answered, fresh or told again."""
    match word:
        case b"verified":
            to, at_us, _, tries, newest = (
                each.decode() if isinstance(each, bytes) else each for each in found
            )
            return Proof(subject, _LONG[to], UUID(hex=newest), instant(int(at_us)), int(tries))
        case b"rejected":
            raise OtpRejected(int(found[0]))
        case b"limited":
            limit = budgets[int(found[0]) - 1].charge.limit
            raise refusal(Verdict(Outcome.DENIED, limit, int(found[1]), int(found[2])))
        case b"exhausted":
            raise OtpExhausted()
        case b"expired":
            raise OtpExpired()
        case b"absent":
            raise KeyError(subject)
    raise _earlier(word, found)


def _earlier(word: bytes, rest: Sequence[Any]) -> Exception:
    """What an earlier request with the same Idempotency-Key left."""
    match word:
        case b"reused":
            return KeyReused()
        case b"busy":
            return InProgress(retry_after_s=2)
        case b"kept":
            return Kept(int(rest[0]), rest[1])
    raise AssertionError("a script of ours answered a word that it does not know")


def _challenges(fields: Mapping[str, bytes], now: datetime) -> list[Challenge]:
    dealer = fields.get("dealer")
    newest = fields.get("newest", b"").decode()
    return [
        Challenge(
            id=UUID(hex=fields[f"{_SHORT[to]}.id"].decode()),
            to=to,
            state=_state(fields, to, now),
            channel=Channel(fields[f"{_SHORT[to]}.channel"].decode()),
            expires_at=instant(int(fields[f"{_SHORT[to]}.expires"])),
            resend_at=not_before(int(fields[f"{_SHORT[to]}.again"])),
            attempts_left=int(fields[f"{_SHORT[to]}.left"]),
            is_newest=newest == _SHORT[to],
            verified_at=instant(int(fields[f"{_SHORT[to]}.verified"]))
            if fields[f"{_SHORT[to]}.state"] == b"used" and f"{_SHORT[to]}.verified" in fields
            else None,
            sealed=base64.b64decode(b"".join(fields.get(f"{_SHORT[to]}.s{n}", b"") for n in range(1, 10))),
            dealer=UUID(hex=dealer.decode()) if dealer else None,
        )
        for to in To
        if f"{_SHORT[to]}.id" in fields
    ]


def _state(fields: Mapping[str, bytes], to: To, now: datetime) -> ChallengeState:
    """What time and tries make of it; the script that compares judges by itself."""
    state = ChallengeState(fields[f"{_SHORT[to]}.state"].decode())
    if state is not ChallengeState.LIVE:
        return state
    if int(fields[f"{_SHORT[to]}.left"]) <= 0:
        return ChallengeState.EXHAUSTED
    return ChallengeState.EXPIRED if instant(int(fields[f"{_SHORT[to]}.expires"])) <= now else state


def _proofs(fields: Mapping[str, bytes], subject: UUID) -> list[Proof]:
    return [
        Proof(
            subject,
            to,
            UUID(hex=fields[f"{_SHORT[to]}.proof.id"].decode()),
            instant(int(fields[f"{_SHORT[to]}.proof.at"])),
            int(fields[f"{_SHORT[to]}.proof.tries"]),
        )
        for to in To
        if f"{_SHORT[to]}.proof.id" in fields
    ]
