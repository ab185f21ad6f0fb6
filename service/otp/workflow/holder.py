"""The holder's own word: a link in a message by which whoever has the number stops codes to it (``api.md``).

The token in the link is sealed: it says which number, of which operator, for which client, and until when it is good.
It is short (47 characters), since a message is paid by its length (``infra.crypto.capability``).
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from service.audit.workflow import Actor
from service.infra.crypto import Capability, Keys
from service.kit.clock import Clock
from service.kit.errors import NotFound
from service.kit.msisdn import Msisdn
from service.kit.values import Malformed
from service.limits.model import Limit
from service.limits.workflow import Blocks
from service.operators.model import Client, Operator
from service.otp.model import Destination
from service.otp.workflow.budgets import Asker

GOOD = timedelta(days=30)
"""How long a link works."""

BLOCKED = timedelta(days=30)
"""How long the holder's wish holds."""

_DAY = 86_400
_OPERATOR, _CLIENT, _NUMBER = 4, 6, 7
"""Bytes of a token: keyed hashes by which operator and client are found again among the few that there are, and the
number's digits; the day until which it is good takes two more."""

_REACH = {"client": Limit.OTP_BLOCKED_MSISDN, "everyone": Limit.OTP_BLOCKED_MSISDN_EVERYWHERE}


class Directory(Protocol):
    """Operators and their clients."""

    async def all(self) -> list[Operator]: ...

    async def clients(self, operator: UUID) -> list[Client]: ...


@dataclass(frozen=True, slots=True)
class Stop:
    """What a link says."""

    operator: Operator
    client: Client
    number: Msisdn
    until: datetime


class HolderLinks:
    """Makes and reads the links. ``public_url`` is where ``/h/`` is reached."""

    def __init__(self, keys: Keys, public_url: str) -> None:
        self._keys = keys
        self._tokens = Capability(keys, "holder-link/v1", b"not-me/v1", _OPERATOR + _CLIENT + _NUMBER + 2)
        self._base = f"{public_url.rstrip('/')}/h/"

    def of(self, asker: Asker, to: Destination, now: datetime) -> str:
        """The link of a message."""
        until = int((now + GOOD).timestamp()) // _DAY
        plain = b"".join(
            (
                self._refs(asker.operator)[0][:_OPERATOR],
                self._refs(asker.operator, asker.client)[0][:_CLIENT],
                int(to.msisdn.value[1:]).to_bytes(_NUMBER, "big"),
                until.to_bytes(2, "big"),
            )
        )
        return self._base + self._tokens.seal(plain)

    async def read(self, token: str, now: datetime, directory: Directory) -> Stop:
        """What a token says; :class:`NotFound` for one that is not ours, was altered, or is over."""
        plain = self._tokens.open(token)
        number = plain[_OPERATOR + _CLIENT : -2]
        until = datetime.fromtimestamp(int.from_bytes(plain[-2:], "big") * _DAY, now.tzinfo)
        if until < now:
            raise NotFound()
        for operator in await directory.all():
            if not self._is(plain[:_OPERATOR], operator.id):
                continue
            for client in await directory.clients(operator.id):
                if self._is(plain[_OPERATOR : _OPERATOR + _CLIENT], operator.id, client.id):
                    return Stop(operator, client, _msisdn(number), until)
        raise NotFound()

    def _is(self, ref: bytes, *parts: UUID) -> bool:
        return any(hmac.compare_digest(each[: len(ref)], ref) for each in self._refs(*parts))

    def _refs(self, *parts: UUID) -> list[bytes]:
        return [found for _, found in self._keys.volatile_all("holder-ref/v1", *parts)]


def _msisdn(raw: bytes) -> Msisdn:
    try:
        return Msisdn.parse(f"+{int.from_bytes(raw, 'big')}")
    except Malformed:
        raise NotFound() from None


class Holder:
    """What the holder of a number may do without any key: look, and stop."""

    def __init__(self, links: HolderLinks, directory: Directory, blocks: Blocks, clock: Clock) -> None:
        self._links = links
        self._directory = directory
        self._blocks = blocks
        self._clock = clock

    async def look(self, token: str) -> Stop:
        """What the link is about; nothing changes."""
        return await self._links.read(token, self._clock.now(), self._directory)

    async def stop(self, token: str, reach: str) -> datetime:
        """No codes to this number, of that ``client`` or of ``everyone`` who sends through this operator; until when.
        The same link twice is one block. It never stops a registration in a shop, nor notices to the owner."""
        limit = _REACH.get(reach)
        if limit is None:
            raise NotFound()
        now = self._clock.now()
        found = await self._links.read(token, now, self._directory)
        block_id = UUID(bytes=hashlib.sha256(f"{reach}:{token}".encode()).digest()[:16])
        block = await self._blocks.set(
            found.operator.id,
            limit,
            until=now + BLOCKED,
            reason="not-me",
            actor=Actor.system("holder"),
            made_by="holder",
            number=found.number.value,
            client=found.client.id if reach == "client" else None,
            block_id=block_id,
        )
        return block.until
