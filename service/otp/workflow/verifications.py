"""One-time codes on their own: no registration, no row of PostgreSQL in the way.

Their truth is Redis, declared weaker than a registration's: what is lost with it is a code that must be sent again,
and the answer is 404 or 410, never "verified" twice. What became of them is in the history a second later.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from service.dealers.model import Dealer, DealerMismatch
from service.dealers.workflow import Dealers
from service.infra.postgres import Database
from service.kit.errors import NotFound, StateConflict
from service.kit.ids import new_id
from service.kit.msisdn import Msisdn
from service.limits.volatile import not_before
from service.otp import rules, store
from service.otp.model import (
    Challenge,
    ChallengeState,
    Channel,
    CodeEvent,
    OtpExpired,
    Proof,
    Sent,
    To,
    Verification,
)
from service.otp.volatile import Answers, Idem, Issued
from service.otp.workflow.budgets import Asker
from service.otp.workflow.codes import known_channel
from service.otp.workflow.engine import Engine, Solution, Subject

PURPOSE = "verification"
_TARGETS = {To.NUMBER: PURPOSE}
_TABLE = "verification"
_KEEP_S = 2.0
_STATUS = {
    ChallengeState.LIVE: "pending",
    ChallengeState.USED: "verified",
    ChallengeState.EXHAUSTED: "exhausted",
    ChallengeState.EXPIRED: "expired",
    ChallengeState.WITHDRAWN: "expired",
}


class Sealed(NamedTuple):
    """What a verification keeps sealed in Redis, as a bare list: it stands there once for each."""

    to: str
    language: str
    client_ref: str | None

    def written(self) -> bytes:
        return json.dumps(self, ensure_ascii=False, separators=(",", ":")).encode()


class Secrets(Protocol):
    """What of the vault is needed here."""

    def seal_secret(self, table: str, row: UUID, data: bytes) -> bytes: ...
    def open_secret(self, table: str, row: UUID, blob: bytes) -> bytes: ...


class Verifications:
    """Send, resend, check, look."""

    def __init__(
        self,
        engine: Engine,
        db: Database,
        vault: Secrets,
        dealers: Dealers,
        answers: Answers,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._db = db
        self._vault = vault
        self._dealers = dealers
        self._monotonic = monotonic
        self._answers = answers
        self._admitted: dict[tuple[UUID, UUID | str], tuple[float, Dealer]] = {}

    async def send(
        self,
        asker: Asker,
        *,
        to: str,
        channel: str,
        language: str,
        client_ref: str | None = None,
        dealer: str | None = None,
        solved: Solution | None = None,
        idem: Idem | None = None,
    ) -> tuple[UUID, Sent, bool]:
        """The verification, what was sent, and whether that is an earlier answer. Refusals: :meth:`Engine.send`, and
        those of a dealer."""
        asker = await self._admit(asker, dealer)
        number = Msisdn.parse(to, "/to")
        verification, now = new_id(), self._db.clock.now()
        kept = Sealed(number.value, language, client_ref)
        subject = Subject(
            verification,
            To.NUMBER,
            PURPOSE,
            until=None,
            sealed=self._vault.seal_secret(_TABLE, verification, kept.written()),
            dealer=asker.dealer if asker.is_bound else None,
        )
        sent, issued = await self._engine.send(
            asker,
            subject,
            rules.destination(number),
            channel=known_channel(channel),
            language=language,
            now=now,
            solved=solved,
            idem=idem,
        )
        return issued.subject, sent, issued.is_replay

    async def resend(
        self,
        asker: Asker,
        verification: UUID,
        *,
        channel: str,
        language: str | None = None,
        idem: Idem | None = None,
    ) -> tuple[Sent, bool]:
        """A new code in the place of the old one, whose budget of wrong answers stays as it is."""
        challenge = await self._known(asker, verification)
        kept = self._kept(verification, challenge)
        if challenge.state in (ChallengeState.USED, ChallengeState.EXPIRED):
            # Over since, but what was answered under this Idempotency-Key stands.
            earlier = await self._answers.sent(idem) if idem else None
            if earlier is None and challenge.state is ChallengeState.USED:
                raise StateConflict("verified")
            if earlier is None:
                raise OtpExpired()
            return _told(challenge, earlier, Msisdn.parse(kept.to), known_channel(channel)), True
        subject = Subject(
            verification,
            To.NUMBER,
            PURPOSE,
            until=None,
            sealed=challenge.sealed,
            dealer=challenge.dealer,
            is_first=False,
        )
        sent, issued = await self._engine.send(
            asker,
            subject,
            rules.destination(Msisdn.parse(kept.to)),
            channel=known_channel(channel),
            language=language or kept.language,
            now=self._db.clock.now(),
            idem=idem,
        )
        return sent, issued.is_replay

    async def check(
        self, asker: Asker, verification: UUID, code: str, *, idem: Idem | None = None
    ) -> tuple[Proof, bool]:
        """Verified once; whether that is an earlier answer. Raises what :meth:`Engine.check` does, and NotFound."""
        try:
            return await self._engine.check(
                asker,
                verification,
                code,
                targets=_TARGETS,
                must_be_recorded=False,
                dealer=asker.dealer if asker.is_bound else None,
                idem=idem,
            )
        except KeyError:
            await self._past(asker, verification)
            raise OtpExpired() from None

    async def get(self, asker: Asker, verification: UUID) -> Verification:
        """As Redis knows it; later its status alone, from the history."""
        try:
            challenge = await self._known(asker, verification)
        except OtpExpired:
            return await self._past(asker, verification)
        kept = self._kept(verification, challenge)
        return Verification(
            id=verification,
            status=_STATUS[challenge.state],
            verified_at=challenge.verified_at,
            to_masked=Msisdn.parse(kept.to).masked,
            channel=challenge.channel,
            expires_at=challenge.expires_at,
            resend_at=challenge.resend_at,
            attempts_left=challenge.attempts_left,
            client_ref=kept.client_ref,
        )

    async def proved_at(
        self, operator: UUID, verification: UUID, msisdn: str, dealer: UUID | None
    ) -> datetime | None:
        """When this verification proved this number (E.164); None where it did not, is another dealer's, or is so old
        that Redis knows it no more: its history holds no number. Redis gone: Unavailable."""
        found, _ = await self._engine.challenges.load(operator, verification)
        challenge = next((each for each in found if each.to is To.NUMBER), None)
        if challenge is None or challenge.state is not ChallengeState.USED:
            return None
        if dealer is not None and challenge.dealer != dealer:
            return None
        return challenge.verified_at if self._kept(verification, challenge).to == msisdn else None

    async def keep_refusal(self, idem: Idem, status: int, sealed: bytes) -> None:
        """Keep what was refused before any script, under its Idempotency-Key."""
        await self._engine.challenges.keep_refusal(idem, status, sealed)

    @property
    def answers_live(self) -> timedelta:
        """How long an answer is kept under its Idempotency-Key: no longer than a challenge."""
        return self._engine.tools.policy().ttl

    async def _known(self, asker: Asker, verification: UUID) -> Challenge:
        """The newest challenge; NotFound for what never was or is another dealer's, OtpExpired for what is over."""
        found, _ = await self._engine.challenges.load(asker.operator, verification)
        challenge = next((each for each in found if each.to is To.NUMBER), None)
        if challenge is None:
            await self._past(asker, verification)
            raise OtpExpired()
        if asker.is_bound and challenge.dealer != asker.dealer:
            raise NotFound()
        return challenge

    async def _past(self, asker: Asker, verification: UUID) -> Verification:
        """What the history says; NotFound where it says nothing."""
        async with self._db.read(asker.operator) as reader:
            events = await store.of_subject(reader, verification)
        sends = [each for each in events if each.kind == "send" and each.purpose == PURPOSE]
        if not sends or (asker.is_bound and sends[0].dealer_id != asker.dealer):
            raise NotFound()
        verified = next((each for each in events if each.outcome == "verified"), None)
        return Verification(
            verification,
            "verified" if verified else _ended(events),
            verified_at=verified.at if verified else None,
        )

    def _kept(self, verification: UUID, challenge: Challenge) -> Sealed:
        return Sealed(*json.loads(self._vault.open_secret(_TABLE, verification, challenge.sealed)))

    async def _admit(self, asker: Asker, code: str | None) -> Asker:
        """With the dealer that the request names or the key is bound to; what was found is kept for two seconds."""
        named = asker.dealer if asker.is_bound else code
        if named is None:
            return asker
        now, key = self._monotonic(), (asker.operator, named)
        kept = self._admitted.get(key)
        if kept is None or now - kept[0] >= _KEEP_S:
            async with self._db.read(asker.operator) as reader:
                dealer, _ = await self._dealers.admit(reader, named)
            if len(self._admitted) >= 10_000:
                self._admitted.clear()
            kept = self._admitted[key] = (now, dealer)
        if code not in (None, kept[1].code):
            raise DealerMismatch()
        return replace(asker, dealer=kept[1].id)


def _told(challenge: Challenge, issued: Issued, number: Msisdn, channel: Channel) -> Sent:
    """An earlier answer, in the words of then."""
    return Sent(
        challenge_id=challenge.id,
        to=To.NUMBER,
        to_masked=number.masked,
        channel=channel,
        expires_at=issued.expires_at,
        resend_at=not_before(issued.verdict.free_us),
        attempts_left=issued.attempts_left,
    )


def _ended(events: Sequence[CodeEvent]) -> str:
    return "exhausted" if any(each.outcome == "exhausted" for each in events) else "expired"
