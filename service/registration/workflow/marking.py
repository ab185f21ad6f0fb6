"""Marks on the identity that a registration's papers show: the holder's word, taken by staff or by a notice."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from service.audit.workflow import Actor
from service.infra.crypto import SubjectKey
from service.infra.postgres import Reader, Tx
from service.kit.errors import NotFound
from service.registration import store
from service.registration.workflow.deciding import subject_of
from service.registration.workflow.parts import Parts, opened
from service.risk.model import Mark, MarkKind, RiskSubject
from service.risk.workflow import Marks, Why

MARKS = Marks()


async def mark(
    parts: Parts,
    tx: Tx,
    registration_id: UUID,
    kind: MarkKind,
    actor: Actor,
    until: datetime | None = None,
    why: Why | None = None,
) -> Mark:
    """Set a mark, or find the one that holds. Raises NotFound, Erased, NothingToMark."""
    subject, key = await _subject(parts, tx, registration_id)
    why = replace(why, key=key) if why is not None and why.note is not None else why
    return await MARKS.set(tx, kind, subject, registration_id, actor, until=until, why=why)


async def lift_mark_on(
    parts: Parts, tx: Tx, registration_id: UUID, mark_id: UUID, actor: Actor, why: Why
) -> None:
    """Lift a mark that holds on the identity of this registration; NotFound for any other."""
    subject, key = await _subject(parts, tx, registration_id)
    if mark_id not in {each.id for each in await MARKS.holding(tx, subject)}:
        raise NotFound()
    why = replace(why, key=key) if why.note is not None else why
    await MARKS.lift(tx, mark_id, actor, why)


async def marks_on(parts: Parts, reader: Reader, registration_id: UUID) -> Sequence[Mark]:
    """The marks that hold on the identity of a registration, wherever they were set."""
    return await MARKS.holding(reader, (await _subject(parts, reader, registration_id))[0])


async def _subject(parts: Parts, reader: Reader, registration_id: UUID) -> tuple[RiskSubject, SubjectKey]:
    registration = await store.load(reader, registration_id)
    key, numbers = await opened(parts, reader, registration)
    return subject_of(parts.vault, registration, key, numbers, None, reader.now), key
