"""The verbs of delivery receipts: remember by what a sender knows a message, and note what it says became of it."""

import base64
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import structlog

from service.infra.redis import Redis
from service.kit.errors import Unavailable
from service.otp.model import Accepted, Delivery, Receipt
from service.otp.ports import Journal
from service.otp.volatile import Hashes

KEEP = timedelta(days=2)
"""Networks try for a day or two; what is said of a code after that tells nothing that could be acted on."""
EARLY = timedelta(minutes=5)
"""A receipt may overtake the answer that names the message: it waits so long for :meth:`Receipts.remember`."""
ONCE = timedelta(minutes=10)
"""As long as a signed timestamp can be good, five minutes before and after."""

_EARLY = b"?"
"""Before the outcome of a receipt that came early; no UUIDv7 begins so before the year 4165."""

log = structlog.get_logger("receipts")


class Receipts:
    """References stand in Redis as keyed hashes beside two ids, ours: a dump joins nobody's number to them."""

    def __init__(self, redis: Redis, hashes: Hashes, journal: Journal) -> None:
        self._redis = redis
        self._hashes = hashes
        self._journal = journal

    async def remember(self, accepted: Accepted, operator: UUID, challenge: UUID) -> None:
        """Keep whose message it is, in one round trip; none where the sender tells no receipts.

        Never fails the caller: the message is sent, and without Redis only its receipt is lost. It belongs off the
        path of the answer: a receipt that comes before it waits.
        """
        references = accepted.references
        if not references:
            return
        value = operator.bytes + challenge.bytes
        pipe = self._redis.client.pipeline(transaction=False)
        for reference in references:
            key = self._keys("d", "receipt/v1", accepted.sender, reference)[0]
            pipe.set(key, value, ex=KEEP, get=True)
        try:
            before = await self._redis.guard(pipe.execute())
        except Unavailable:
            log.warning("receipts.not_remembered", sender=accepted.sender, count=len(references))
            return
        for early in before:
            if early is not None and early.startswith(_EARLY):
                self._note(accepted.sender, Delivery(early[1:].decode()), operator, challenge)

    async def received(self, receipt: Receipt, once: str | None = None) -> None:
        """Note it, if the message is known; a receipt for an unknown one waits a while and is then forgotten.

        ``once`` is the id of the delivery that brought it: the same one again notes nothing. Raises
        :class:`service.kit.errors.Unavailable` where Redis is gone; then nothing was noted and it may come again.
        """
        whose = await self._whose(receipt)
        if once is not None and not await self._is_first(receipt.sender, once):
            return
        if whose is not None:
            self._note(receipt.sender, receipt.outcome, *whose)

    async def _whose(self, receipt: Receipt) -> tuple[UUID, UUID] | None:
        """Operator and challenge, by the reference that this very sender gave or was given."""
        keys = self._keys("d", "receipt/v1", receipt.sender, receipt.reference)
        for key in keys:
            if known := _ids(await self._get(key)):
                return known
        early = _EARLY + receipt.outcome.value.encode()
        if await self._redis.guard(self._redis.client.set(keys[0], early, ex=EARLY, nx=True)):
            return None
        return _ids(await self._get(keys[0]))  # remembered meanwhile; or early for the second time

    async def _is_first(self, sender: str, once: str) -> bool:
        key, *older = self._keys("w", "receipt-id/v1", sender, once)
        for each in older:
            if await self._get(each) is not None:
                return False
        return bool(await self._redis.guard(self._redis.client.set(key, b"1", ex=ONCE, nx=True)))

    async def _get(self, key: str) -> bytes | None:
        found: bytes | None = await self._redis.guard(cast(Any, self._redis.client.get(key)))
        return found

    def _note(self, sender: str, outcome: Delivery, operator: UUID, challenge: UUID) -> None:
        self._journal.note(
            "receipt", operator=operator, challenge=challenge, sender=sender, outcome=outcome.value
        )

    def _keys(self, room: str, purpose: str, sender: str, reference: str) -> list[str]:
        """Names under every enabled key, the primary first."""
        names = self._hashes.volatile_all(purpose, sender, reference)
        texts = (base64.urlsafe_b64encode(name).rstrip(b"=").decode() for _, name in names)
        return [f"{{otp}}:{room}:{text}" for text in texts]


def _ids(kept: bytes | None) -> tuple[UUID, UUID] | None:
    """Operator and challenge, where a value holds them."""
    if kept is None or kept.startswith(_EARLY):
        return None
    return UUID(bytes=kept[:16]), UUID(bytes=kept[16:])
