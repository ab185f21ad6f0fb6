"""The codes of registrations: send, check, and what is owed to a proof until it stands in PostgreSQL."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

from service.kit.errors import InvalidRequest
from service.kit.msisdn import Msisdn
from service.otp import rules
from service.otp.model import Behaviour, Challenge, ChallengeState, Channel, OtpExpired, Proof, Sent, To
from service.otp.volatile.shapes import meant
from service.otp.workflow.budgets import Asker
from service.otp.workflow.engine import Engine, Solution, Subject


class Codes:
    """The engine's verbs for a registration, whose code goes to the line or to the contact."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._challenges = engine.challenges

    async def send(
        self,
        *,
        asker: Asker,
        registration_id: UUID,
        purpose: str,
        to: str,
        msisdn: Msisdn | str,
        channel: str,
        language: str,
        expires_with: datetime,
        now: datetime,
        in_shop: bool = False,
        solved: Solution | None = None,
        may_move: bool = False,
    ) -> Sent:
        """See :meth:`Engine.send`; a channel that does not exist is :class:`InvalidRequest`. ``may_move``: the target's
        number may change while the code is on its way, so that the code is bound to it."""
        number = msisdn if isinstance(msisdn, Msisdn) else Msisdn.parse(msisdn, "/to")
        known, _ = await self._challenges.load(asker.operator, registration_id)
        # What no sender took was no message.
        bound = number.value if may_move else ""
        is_first = all(each.to != to or each.state is ChallengeState.WITHDRAWN for each in known)
        subject = Subject(
            registration_id, To(to), purpose, expires_with, in_shop, is_first=is_first, bound=bound
        )
        sent, _ = await self._engine.send(
            asker,
            subject,
            rules.destination(number),
            channel=known_channel(channel),
            language=language,
            now=now,
            solved=solved,
        )
        return sent

    async def check(
        self,
        *,
        asker: Asker,
        registration_id: UUID,
        purpose: str,
        code: str,
        challenge_id: UUID | None,
        contact: str | None = None,
    ) -> Proof:
        """Compare with the named challenge, else with the newest; the right answer burns the code. ``contact``: the
        contact's number as it is now, where it may move; a code that was sent to another one is wrong.

        The caller records the proof inside :meth:`recording`. Refusals: see :meth:`Engine.check`.
        """
        try:
            proof, _ = await self._engine.check(
                asker,
                registration_id,
                code,
                targets={To.LINE: purpose, To.CONTACT: meant(purpose, _bound(contact))},
                challenge=challenge_id,
                must_be_recorded=True,
            )
        except KeyError:
            raise OtpExpired() from None
        return proof

    @asynccontextmanager
    async def recording(self, operator: UUID, proof: Proof) -> AsyncIterator[None]:
        """Around the transaction that records a proof: settled after it, released if it fails.

        ``async with codes.recording(operator, proof): async with db.write(operator) as tx: …``
        Recording must be idempotent by ``proof.challenge_id``: ``GET`` or ``submit`` may be adopting it too.
        Redis failing here is not an error: the proof stays unrecorded there and is adopted once more.
        """
        kindly = self._engine.tasks.kindly
        try:
            yield
        except BaseException:
            await kindly(self._challenges.release(operator, proof))
            raise
        await kindly(self._challenges.settle(operator, proof))

    async def unrecorded_proofs(self, operator: UUID, registration_id: UUID) -> list[Proof]:
        """Right answers that PostgreSQL may not have yet; record each, then :meth:`settle` it."""
        return (await self._challenges.load(operator, registration_id))[1]

    async def settle(self, operator: UUID, proof: Proof) -> None:
        """The proof stands in PostgreSQL. From here on the code is used for good."""
        await self._challenges.settle(operator, proof)

    async def release(self, operator: UUID, proof: Proof) -> None:
        """The proof could not be recorded: the same code, given again, is adopted at once."""
        await self._challenges.release(operator, proof)

    @staticmethod
    def behaviour(sent: Mapping[UUID, datetime], proved: Mapping[UUID, datetime]) -> Behaviour | None:
        """How codes were used: when each was ``sent``, as the history says, and when which was ``proved``. None
        while the history has nothing of them: it comes within a second."""
        if not sent:
            return None
        spans = [proved[challenge] - sent[challenge] for challenge in proved if challenge in sent]
        seconds = max(0, min(spans) // timedelta(seconds=1)) if spans else None
        return Behaviour(max(0, len(sent) - max(1, len(proved))), seconds)

    async def status(self, operator: UUID, registration_id: UUID) -> list[Challenge]:
        """The challenges that still wait for an answer, at most one to each target."""
        known, _ = await self._challenges.load(operator, registration_id)
        return [each for each in known if each.state is ChallengeState.LIVE]

    async def forget(self, operator: UUID, registration_id: UUID) -> None:
        """Drop codes and unrecorded proofs: the registration was cancelled, or a number in it was changed."""
        await self._challenges.forget(operator, registration_id)


def _bound(contact: str | None) -> str:
    return "" if contact is None else Msisdn.parse(contact).value


def known_channel(channel: str) -> Channel:
    try:
        return Channel(channel)
    except ValueError:
        raise InvalidRequest("/channel", "channel-not-enabled", "Codes are sent by SMS or voice.") from None
