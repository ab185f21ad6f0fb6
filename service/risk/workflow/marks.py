"""What holders say of their own papers: a lost document, an identity that takes no new line.

Both are checked at every decision and send to a person; neither denies, because whoever says so may be mistaken, or
may wish the holder ill.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from service.audit.workflow import Actor, record
from service.infra.crypto import NoteKey
from service.infra.postgres import Reader, Tx
from service.kit.errors import NotFound
from service.kit.ids import new_id, wire
from service.risk.model import HoldingKind, Mark, MarkKind, NothingToMark, RiskSubject
from service.risk.store import marks as store

LONGEST = timedelta(days=3_650)


@dataclass(frozen=True, slots=True)
class Why:
    """Why staff did it: a code, and what they noted, under the key that it is sealed with."""

    reason: str | None = None
    note: str | None = field(default=None, repr=False)
    key: NoteKey | None = field(default=None, repr=False)


class Marks:
    """Set, lift, list. The subject is the one of the registration whose papers are meant."""

    async def set(
        self,
        tx: Tx,
        kind: MarkKind,
        subject: RiskSubject,
        registration_id: UUID,
        actor: Actor,
        *,
        until: datetime | None = None,
        why: Why | None = None,
    ) -> Mark:
        """Set a mark; the one of this kind that holds already, where there is one. Raises
        :class:`NothingToMark` where no document was read."""
        keys = {of: blind for of, blind in subject.keys().items() if of in kind.of}
        if HoldingKind.DOCUMENT not in keys:
            raise NothingToMark()
        for before in await store.holding(tx, keys, tx.now):
            if before.kind is kind:
                return before
        if until is not None:
            until = min(until, tx.now + LONGEST)
        mark = Mark(new_id(), kind, registration_id, tx.now, actor.id or actor.kind.value, until)
        store.add(tx, mark, keys)
        self._record(
            tx, "identity.marked", mark.id, actor, why, kind=kind.value, registration=registration_id
        )
        return mark

    async def lift(self, tx: Tx, mark_id: UUID, actor: Actor, why: Why | None = None) -> None:
        """Lift a mark before its end. :class:`NotFound` where none of this operator's holds under that id."""
        if not await store.lift(tx, mark_id, actor.id or actor.kind.value):
            raise NotFound()
        self._record(tx, "identity.mark_lifted", mark_id, actor, why)

    async def holding(self, reader: Reader, subject: RiskSubject) -> Sequence[Mark]:
        """The marks that hold on an identity, the oldest first."""
        keys = {of: blind for of, blind in subject.keys().items() if of in MarkKind.FROZEN.of}
        return await store.holding(reader, keys, reader.now)

    @staticmethod
    def _record(
        tx: Tx,
        action: str,
        mark_id: UUID,
        actor: Actor,
        why: Why | None,
        kind: str = "",
        registration: UUID | None = None,
    ) -> None:
        facts = {} if registration is None else {"kind": kind, "registration": wire("reg", registration)}
        why = why or Why()
        record(
            tx,
            actor=actor,
            action=action,
            object=mark_id.hex,
            reason=why.reason,
            facts=facts,
            note=why.note,
            key=why.key,
        )
