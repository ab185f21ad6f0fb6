"""Marks on the identity that a registration's papers show: the holder's word, taken by staff or by a notice."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from service.audit.workflow import Actor
from service.infra.postgres import Reader, Tx
from service.registration import store
from service.registration.workflow.deciding import subject_of
from service.registration.workflow.parts import Parts, opened
from service.risk.model import Mark, MarkKind, RiskSubject
from service.risk.workflow import Marks

MARKS = Marks()


async def mark(
    parts: Parts, tx: Tx, registration_id: UUID, kind: MarkKind, actor: Actor, until: datetime | None = None
) -> Mark:
    """Set a mark, or find the one that holds. Raises NotFound, Erased, NothingToMark."""
    return await MARKS.set(
        tx, kind, await _subject(parts, tx, registration_id), registration_id, actor, until=until
    )


async def marks_on(parts: Parts, reader: Reader, registration_id: UUID) -> Sequence[Mark]:
    """The marks that hold on the identity of a registration, wherever they were set."""
    return await MARKS.holding(reader, await _subject(parts, reader, registration_id))


async def _subject(parts: Parts, reader: Reader, registration_id: UUID) -> RiskSubject:
    registration = await store.load(reader, registration_id)
    key, numbers = await opened(parts, reader, registration)
    return subject_of(parts.vault, registration, key, numbers, None, reader.now)
