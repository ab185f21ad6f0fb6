"""The demo's sender: messages are put where ``GET /dev/outbox`` reads them, in this process or another.

It is refused outside demo mode. Even there they are sealed and kept under a keyed hash for an hour, so that
no number and no code stands in Redis.
"""

import base64
import json
from typing import Any, TypedDict, cast
from uuid import UUID

from service.infra.crypto import Vault
from service.infra.redis import Redis
from service.kit.clock import rfc3339
from service.kit.errors import Unavailable
from service.otp.model import Accepted, Channel, Message
from service.otp.ports import SenderUncertain

KEEP_S = 3600
KEEP_MESSAGES = 20
"""For each number."""


class Posted(TypedDict):
    """A message as the demo shows it; ``sent_at`` is RFC 3339."""

    to: str
    channel: str
    text: str
    sent_at: str


class Outbox:
    """Raises ``ValueError`` unless ``demo``: real codes are never readable by anyone but their receiver."""

    name = "outbox"
    channels = frozenset({Channel.SMS})

    def __init__(self, redis: Redis, vault: Vault, *, demo: bool) -> None:
        if not demo:
            raise ValueError("the outbox sender is for the demo alone")
        self._redis = redis
        self._vault = vault

    async def send(self, message: Message) -> Accepted:
        posted = Posted(
            to=message.number,
            channel=message.channel.value,
            text=message.text,
            sent_at=rfc3339(message.sent_at),
        )
        sealed = self._vault.seal_secret("outbox", message.id, json.dumps(posted).encode())
        key = self._keys(message.number)[0]
        pipe = self._redis.client.pipeline(transaction=True)
        pipe.lpush(key, message.id.bytes + sealed)
        pipe.ltrim(key, 0, KEEP_MESSAGES - 1)
        pipe.expire(key, KEEP_S)
        try:
            await self._redis.guard(pipe.execute())
        except Unavailable:
            raise SenderUncertain(self.name, "redis") from None
        return Accepted(self.name, message.id.hex)

    async def read(self, to: str) -> list[Posted]:
        """What was sent to a number (E.164) within the hour, newest first."""
        found: list[Posted] = []
        for key in self._keys(to):
            entries = await self._redis.guard(cast(Any, self._redis.client.lrange(key, 0, -1)))
            for entry in entries:
                data = self._vault.open_secret("outbox", UUID(bytes=entry[:16]), entry[16:])
                found.append(cast(Posted, json.loads(data)))
        return found

    def _keys(self, number: str) -> list[str]:
        names = self._vault.volatile_all("outbox/v1", number)
        return [f"{{otp}}:outbox:{base64.urlsafe_b64encode(name).decode().rstrip('=')}" for _, name in names]
