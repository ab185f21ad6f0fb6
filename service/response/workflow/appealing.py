"""The holder's own appeal: a link in the notice of a step, by which whoever has the line appeals it without a key."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from service.audit.workflow import Actor
from service.infra.crypto import Capability, Vault
from service.infra.postgres import Database, Reader
from service.kit.errors import NotFound, StateConflict
from service.response import rules
from service.response.model import LineAction
from service.response.store import ledger
from service.response.workflow.judging import Judging

HOLDER = Actor.system("holder")
GOOD = timedelta(days=30)
"""How long a link works, where the step can be appealed that long."""

PREFIX = "a."
"""What a token of an appeal begins with: no token of another kind has a full stop."""

_LONGEST = 128
_LENGTH = 4 + 16 + 4
Operators = Callable[[], Awaitable[Iterable[UUID]]]


@dataclass(frozen=True, slots=True)
class Found:
    """What a link says: a step, and when it was told of."""

    operator: UUID
    action: UUID
    told_at: datetime


class AppealLinks:
    """Makes and reads the links. ``public_url`` is where ``/h/`` is reached."""

    def __init__(self, vault: Vault, public_url: str) -> None:
        self._tokens = Capability(vault, "appeal-link/v1", b"appeal/v1", _LENGTH)
        self._base = f"{public_url.rstrip('/')}/h/{PREFIX}"

    def of(self, action: LineAction, now: datetime) -> str:
        """The link of a notice that is sent ``now``, by a clock that may be behind the one that wrote ``action.at``."""
        told_at = int(max(now, action.at).timestamp())
        plain = _ref(action.operator_id) + action.id.bytes + told_at.to_bytes(4, "big")
        return self._base + self._tokens.seal(plain)

    async def read(self, token: str, now: datetime, operators: Operators) -> Found:
        """What a token says; :class:`NotFound` for one that is not ours, was altered, or is over."""
        if len(token) > _LONGEST:
            raise NotFound()
        plain = self._tokens.open(token)
        told_at = datetime.fromtimestamp(int.from_bytes(plain[20:], "big"), UTC)
        if now >= told_at + GOOD:
            raise NotFound()
        for operator in await operators():
            if _ref(operator) == plain[:4]:
                return Found(operator, UUID(bytes=plain[4:20]), told_at)
        raise NotFound()


def _ref(operator: UUID) -> bytes:
    """Which of the few operators: inside a sealed token a plain hash tells nobody anything."""
    return hashlib.sha256(b"operator/v1\0" + operator.bytes).digest()[:4]


class Appeals:
    """What the holder of a line may do about a step without any key: look, and appeal once."""

    def __init__(self, db: Database, judging: Judging, links: AppealLinks, operators: Operators) -> None:
        self._db, self._judging = db, judging
        self._links, self._operators = links, operators

    async def look(self, token: str) -> LineAction:
        """The step that a link is about; nothing changes. :class:`NotFound` where it cannot be appealed any more, or
        was appealed, here or through a client."""
        found = await self._links.read(token, self._db.clock.now(), self._operators)
        async with self._db.read(found.operator) as reader:
            return await self._step(reader, found)

    async def file(self, token: str, text: str) -> LineAction:
        """File the appeal; the second use is :class:`NotFound`."""
        found = await self._links.read(token, self._db.clock.now(), self._operators)
        async with self._db.read(found.operator) as reader:
            line_id = (await self._step(reader, found)).line_id
        try:
            return await self._judging.appeal_of(
                found.operator, line_id, text, HOLDER, action_id=found.action
            )
        except StateConflict:
            raise NotFound() from None

    async def _step(self, reader: Reader, found: Found) -> LineAction:
        """A link belongs to the taking that it was sent for: a step that was undone and taken anew has another."""
        action = await ledger.load(reader, found.action)
        if action.at.replace(microsecond=0) > found.told_at or not rules.may_appeal(
            action, self._judging.policy, reader.now
        ):
            raise NotFound()
        return action
