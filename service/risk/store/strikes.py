"""Strikes by their source: which report, ring or act on a line put them, so that each is undone exactly.

A strike holds while it was put later than it was undone; put and undone may come in any order and any number of times.
``holding.struck_at`` is the newest strike that holds, so that a decision counts strikes where it counts lines.

That a source stopped the line is kept beside its strikes, as a row of the kind :data:`SOLD`, which is no kind of
holding and strikes nothing: whoever sold the line has it in their rate (``holding.stopped_at`` of dealer and agent)
whether or not it is fair to strike them, and has it no more once the source is undone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader, Tx
from service.infra.statements import Statement
from service.risk.model import HoldingKind
from service.risk.rules import Parameters

SOLD = "sold"

_LOCK = sa.text(
    "SELECT count(*) FROM (SELECT 1 FROM holding WHERE operator_id = :operator"
    " AND registration_id = ANY(CAST(:registrations AS uuid[])) ORDER BY id FOR UPDATE) AS held"
)
# An act on the line that was lifted already is put as undone.
_PUT = sa.text(
    """INSERT INTO strike AS s (operator_id, registration_id, kind, source_kind, source_id, at, undone_at, is_erased)
SELECT h.operator_id, h.registration_id, h.kind, CAST(:source_kind AS text), :source_id, :at,
  CASE WHEN CAST(:source_kind AS text) = 'line' THEN h.lifted_at END, false
FROM holding h WHERE h.operator_id = :operator AND h.registration_id = :registration
  AND h.kind = ANY(CAST(:kinds AS text[]))
ON CONFLICT (operator_id, registration_id, kind, source_kind, source_id)
  DO UPDATE SET at = EXCLUDED.at WHERE s.at < EXCLUDED.at"""
)
_STOP = sa.text(
    """INSERT INTO strike AS s (operator_id, registration_id, kind, source_kind, source_id, at, undone_at, is_erased)
SELECT :operator, :registration, 'sold', :source_kind, :source_id, :at, NULL, false
WHERE EXISTS (SELECT FROM holding h WHERE h.operator_id = :operator AND h.registration_id = :registration
  AND h.kind IN ('dealer', 'agent'))
ON CONFLICT (operator_id, registration_id, kind, source_kind, source_id)
  DO UPDATE SET at = EXCLUDED.at WHERE s.at < EXCLUDED.at"""
)
_UNDO = """UPDATE strike SET undone_at = :at
WHERE operator_id = :operator AND source_kind = :source_kind
  AND (undone_at IS NULL OR undone_at < :at) AND {0} RETURNING registration_id, kind, is_erased"""
_UNDO_SOURCE = sa.text(_UNDO.format("source_id = :source_id"))
_UNDO_ONE = sa.text(_UNDO.format("source_id = :source_id AND registration_id = :registration"))
_UNDO_REGISTRATION = sa.text(_UNDO.format("registration_id = :registration"))
_PROJECT = sa.text(
    """UPDATE holding h SET struck_at = (SELECT max(s.at) FROM strike s WHERE s.operator_id = h.operator_id
  AND s.registration_id = h.registration_id AND s.kind = h.kind AND (s.undone_at IS NULL OR s.at > s.undone_at)),
  stopped_at = CASE WHEN h.kind IN ('dealer', 'agent') THEN (SELECT max(s.at) FROM strike s
    WHERE s.operator_id = h.operator_id AND s.registration_id = h.registration_id AND s.kind = 'sold'
      AND (s.undone_at IS NULL OR s.at > s.undone_at)) END
WHERE h.operator_id = :operator AND h.registration_id = ANY(CAST(:registrations AS uuid[]))"""
)
_FORGET = sa.text(
    """DELETE FROM holding WHERE operator_id = :operator AND registration_id = ANY(CAST(:registrations AS uuid[]))
  AND struck_at IS NULL AND (scam_at IS NULL OR scam_at <= lifted_at) RETURNING registration_id, idx, kind"""
)


@dataclass(frozen=True, slots=True)
class Undone:
    """How many strikes were undone; of whom the holdings went, and on which things."""

    count: int
    forgotten: frozenset[UUID] = frozenset()
    gone: Mapping[bytes, HoldingKind] = field(default_factory=dict)


async def put(
    tx: Tx, registration_id: UUID, kinds: Iterable[str], source_kind: str, source_id: UUID, at: datetime
) -> int:
    """Strike those of a registration's holdings that are of ``kinds``; how many are new."""
    await _lock(tx, [registration_id])
    count = await tx.run(
        _PUT,
        {
            "operator": tx.tenant,
            "registration": registration_id,
            "kinds": list(kinds),
            "source_kind": source_kind,
            "source_id": source_id,
            "at": at,
        },
    )
    await _project(tx, [registration_id])
    return count


async def stop(tx: Tx, registration_id: UUID, source_kind: str, source_id: UUID, at: datetime) -> None:
    """Whoever sold the line sees in their rate that this source stopped it."""
    await _lock(tx, [registration_id])
    values = {"registration": registration_id, "source_kind": source_kind, "source_id": source_id, "at": at}
    await tx.run(_STOP, {"operator": tx.tenant, **values})
    await _project(tx, [registration_id])


async def undo(
    tx: Tx,
    source_kind: str,
    source_id: UUID | None,
    at: datetime,
    *,
    registration_id: UUID | None = None,
) -> "Undone":
    """Undo what a source put up to ``at``: on every registration, or on one; without ``source_id`` what every source of
    the kind put on that one. What was kept of the erased for the sake of a strike goes with its last one."""
    struck = [registration_id] if registration_id else await _registrations(tx, source_kind, source_id)
    if not struck:
        return Undone(0)
    await _lock(tx, struck)
    values: dict[str, Any] = {"operator": tx.tenant, "source_kind": source_kind, "at": at}
    statement = _UNDO_SOURCE if registration_id is None else _UNDO_ONE
    if source_id is None:
        statement = _UNDO_REGISTRATION
    else:
        values["source_id"] = source_id
    if registration_id is not None:
        values["registration"] = registration_id
    rows = await tx.all(statement, values)
    await _project(tx, struck)
    gone: Sequence[Any] = ()
    if erased := list({row.registration_id for row in rows if row.is_erased}):
        gone = await tx.all(_FORGET, {"operator": tx.tenant, "registrations": erased})
    return Undone(
        sum(row.kind != SOLD for row in rows),
        frozenset(row.registration_id for row in gone),
        {bytes(row.idx): HoldingKind(row.kind) for row in gone},
    )


async def _registrations(reader: Reader, source_kind: str, source_id: UUID | None) -> list[UUID]:
    rows = await reader.all(
        sa.text(
            "SELECT DISTINCT registration_id FROM strike WHERE operator_id = :operator"
            " AND source_kind = :kind AND source_id = :id"
        ),
        {"operator": reader.tenant, "kind": source_kind, "id": source_id},
    )
    return [row.registration_id for row in rows]


async def _lock(tx: Tx, registrations: Sequence[UUID]) -> None:
    """Two sources at once would each compute the newest strike without the other's."""
    await tx.scalar(_LOCK, {"operator": tx.tenant, "registrations": list(registrations)})


async def _project(tx: Tx, registrations: Sequence[UUID]) -> None:
    await tx.run(_PROJECT, {"operator": tx.tenant, "registrations": list(registrations)})


def erased(tx: Tx, registration_id: UUID) -> None:
    """Stage the note that the registration's person is erased: its holdings go with the last strike."""
    tx.stage(
        sa.text(
            "UPDATE strike SET is_erased = true WHERE operator_id = :operator AND registration_id = :registration"
        ),
        {"operator": tx.tenant, "registration": registration_id},
    )


async def purge(tx: Tx, p: Parameters) -> int:
    """Delete what has decayed."""
    return await tx.run(
        sa.text("DELETE FROM strike WHERE operator_id = :operator AND at <= :since"),
        {"operator": tx.tenant, "since": tx.now - timedelta(days=p.strike_days)},
    )


async def sources(reader: Reader, registration_id: UUID) -> list[tuple[str, str, UUID, datetime]]:
    """(kind, kind of source, source, when) of the strikes that hold on a registration, newest first."""
    rows = await reader.all(
        sa.text(
            "SELECT kind, source_kind, source_id, at FROM strike WHERE operator_id = :operator"
            " AND registration_id = :registration AND (undone_at IS NULL OR at > undone_at) AND kind <> 'sold'"
            " ORDER BY at DESC, kind"
        ),
        {"operator": reader.tenant, "registration": registration_id},
    )
    return [(row.kind, row.source_kind, row.source_id, row.at) for row in rows]


# How many lines hang on the very things that some lines hang on; each thing is counted once, whatever hangs on it.
_SHARING = Statement(
    sa.text(
        """WITH ring AS MATERIALIZED (SELECT registration_id, kind, idx FROM holding
  WHERE operator_id = :operator AND registration_id = ANY(CAST(:registrations AS uuid[]))
    AND kind IN ('document', 'personal_number', 'person', 'device', 'dealer')
    AND (kind <> 'dealer' OR opened_at > :dealer_since)),
counted AS MATERIALIZED (SELECT k.kind, k.idx, k.ours,
    CASE WHEN EXISTS (SELECT FROM link_common c WHERE c.operator_id = :operator AND c.idx = k.idx)
    THEN 1000000000 ELSE (SELECT count(*) FROM holding h
    WHERE h.operator_id = :operator AND h.idx = k.idx AND h.kind = k.kind AND h.state <> 'released'
      AND (k.kind <> 'dealer' OR h.opened_at > :dealer_since)) END AS lines
  FROM (SELECT kind, idx, count(*) AS ours FROM ring GROUP BY kind, idx) AS k)
SELECT r.registration_id, r.kind, c.lines, c.ours FROM ring r JOIN counted c USING (kind, idx)"""
    )
)


async def sharing(
    reader: Reader, registrations: Iterable[UUID], dealer_since: datetime
) -> Mapping[UUID, dict[str, tuple[int, int]]]:
    """By registration and kind of holding: how many lines hang on the same thing, and how many of those are among
    ``registrations``; of a dealer, those since ``dealer_since``; countless of what is marked as common."""
    rows = await reader.fetch(
        _SHARING, operator=reader.tenant, registrations=list(registrations), dealer_since=dealer_since
    )
    found: dict[UUID, dict[str, tuple[int, int]]] = {}
    for row in rows:
        found.setdefault(row.registration_id, {})[row.kind] = (row.lines, row.ours)
    return found
