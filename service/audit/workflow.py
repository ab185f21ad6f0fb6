"""Verbs of the audit: write an entry in the transaction of the act, read entries, open a note."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from opentelemetry import trace

from service.audit import rules, store
from service.audit.model import INSTALLATION, Actor, ActorKind, Entry, Fact
from service.infra.crypto import NoteKey
from service.infra.postgres import Reader, Tx
from service.kit.ids import new_id

__all__ = [
    "INSTALLATION",
    "Actor",
    "ActorKind",
    "entries",
    "note_keks",
    "open_note",
    "record",
    "reseal_notes",
]

_NOTE_TABLE = "audit_note"


def record(
    tx: Tx,
    *,
    actor: Actor,
    action: str,
    object: str,
    reason: str | None = None,
    facts: Mapping[str, Fact] = {},
    note: str | None = None,
    key: NoteKey | None = None,
) -> UUID:
    """Stage one entry in ``tx``; its id. Written if and only if the act is.

    ``action`` and ``reason`` are codes, ``object`` a wire id, ``facts`` ids, codes, counts and truths: no
    personal data, and a ``ValueError`` for what is plainly none of these. A free ``note`` is sealed with
    ``key``: the subject's (gone when it is erased) or ``vault.operator_key(operator)``; the entry keeps a
    salted commitment. An act that concerns no operator is written under ``INSTALLATION``.
    """
    entry_id = new_id()
    commit = None
    if note is not None:
        if key is None:
            raise ValueError("a note needs a key: the subject's, or the operator's")
        salt = secrets.token_bytes(16)
        commit = rules.note_commitment(salt, note)
        sealed = key.seal(_NOTE_TABLE, entry_id, {"salt": salt.hex(), "note": note})
        store.stage_note(tx, entry_id, sealed, key.note_kek)
    context = trace.get_current_span().get_span_context()
    entry = rules.compose(
        entry_id=entry_id,
        operator=tx.tenant,
        at=tx.now,
        actor=actor,
        action=action,
        object=object,
        reason=reason,
        facts=facts,
        note_commit=commit,
        trace=f"{context.trace_id:032x}" if context.is_valid else None,
    )
    store.stage_entry(tx, entry)
    return entry_id


async def entries(
    reader: Reader,
    *,
    object: str | None = None,
    action: str | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[Entry]:
    """This operator's entries, newest first; ``before`` is the last id of the page before.

    They are read from their bodies, so what is shown is what is hashed; a body that was tampered with until
    it is no entry is shown as action ``audit.unreadable``.
    """
    found = await store.bodies(reader, object=object, action=action, before=before, limit=limit)
    return [_entry(reader.tenant, *row) for row in found]


def _entry(operator: UUID, entry_id: UUID, at: datetime, body: str) -> Entry:
    try:
        return rules.read(body)
    except rules.BadBody:
        nobody = Actor.system("unknown")
        return Entry(
            entry_id, operator, at, nobody, "audit.unreadable", str(entry_id), None, {}, None, None, body
        )


async def open_note(reader: Reader, entry_id: UUID, key: NoteKey) -> str | None:
    """The note of an entry; None if it has none. ``SealBroken`` once its subject is erased."""
    sealed = await store.note(reader, entry_id)
    return None if sealed is None else str(key.open(_NOTE_TABLE, entry_id, sealed)["note"])


async def reseal_notes(tx: Tx, key: NoteKey, limit: int) -> int:
    """Seal the operator's notes again under the newest key-encryption key; how many. ``key`` is the operator's."""
    assert key.note_kek is not None, "notes under a subject's key are not sealed again"
    found = await store.notes_under(tx, key.note_kek, limit)
    for entry_id, sealed in found:
        fresh = key.seal(_NOTE_TABLE, entry_id, key.open(_NOTE_TABLE, entry_id, sealed))
        store.stage_resealed(tx, entry_id, fresh, key.note_kek)
    return len(found)


async def note_keks(reader: Reader) -> set[int]:
    """Ids of the key-encryption keys that this operator's notes are under."""
    return await store.note_keks(reader)
