"""The graph over holdings: what is near a line, how many hang on a thing, and the components.

A line that was released before it went live is no part of it. Degrees are counted no further than they matter,
so that a thing on which a million lines hang costs what one with a few dozen does.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader, Tx
from service.infra.statements import Statement
from service.kit.canon import lock_key
from service.risk.model import HoldingKind
from service.risk.model.links import Held

_COLUMNS = (
    "h.registration_id, h.line_id, h.kind, h.idx, h.state, h.opened_at, h.scam_at, h.struck_at, h.lifted_at"
)


# Row-level security is enforced on every row that is looked at; what is compared with it is one constant.
_OF_LINES = Statement(
    sa.text(
        f"SELECT {_COLUMNS} FROM holding h WHERE h.operator_id = :operator"
        " AND h.registration_id = ANY(CAST(:lines AS uuid[])) AND h.state <> 'released'"
    )
)

# The newest lines on some things, at most ``limit`` of each.
_ON = Statement(
    sa.text(
        "SELECT DISTINCT near.registration_id FROM unnest(CAST(:keys AS bytea[])) AS w (idx)"
        " CROSS JOIN LATERAL (SELECT h.registration_id FROM holding h WHERE h.operator_id = :operator"
        "  AND h.idx = w.idx AND h.state <> 'released' ORDER BY h.opened_at DESC LIMIT :limit) AS near"
    )
)

# The newest lines on some things, at most ``limit`` of each, and ``most`` in all; each with all that it hangs on.
_NEAR = Statement(
    sa.text(
        "WITH near AS (SELECT DISTINCT found.registration_id FROM unnest(CAST(:keys AS bytea[])) AS w (idx)"
        " CROSS JOIN LATERAL (SELECT h.registration_id FROM holding h WHERE h.operator_id = :operator"
        "  AND h.idx = w.idx AND h.state <> 'released' ORDER BY h.opened_at DESC LIMIT :limit) AS found"
        " WHERE found.registration_id <> ALL(CAST(:known AS uuid[]))"
        " ORDER BY found.registration_id DESC LIMIT :most)"
        f" SELECT {_COLUMNS} FROM near JOIN holding h ON h.operator_id = :operator"
        "  AND h.registration_id = near.registration_id AND h.state <> 'released'"
    )
)

# Also those of a line that was released: it leaves others behind.
_KEYS_OF = Statement(
    sa.text(
        "SELECT DISTINCT h.kind, h.idx FROM holding h WHERE h.operator_id = :operator"
        " AND h.registration_id = ANY(CAST(:lines AS uuid[]))"
    )
)

_DEGREES = Statement(
    sa.text(
        "SELECT w.idx, CASE WHEN EXISTS (SELECT FROM link_common c WHERE c.operator_id = :operator AND c.idx = w.idx)"
        " THEN CAST(:most AS bigint) ELSE (SELECT count(*) FROM (SELECT FROM holding h WHERE h.operator_id = :operator"
        "  AND h.idx = w.idx AND h.state <> 'released' LIMIT :most) AS counted) END AS degree"
        " FROM unnest(CAST(:keys AS bytea[])) AS w (idx)"
    )
)

_COMPONENT_OF = Statement(
    sa.text(
        "SELECT c.registration_id FROM link_component c WHERE c.operator_id = :operator AND c.component IN"
        " (SELECT o.component FROM link_component o WHERE o.operator_id = :operator"
        "   AND o.registration_id = ANY(CAST(:lines AS uuid[])))"
        " ORDER BY c.registration_id LIMIT :limit"
    )
)

_LEAVE = Statement(
    sa.text(
        "DELETE FROM link_component WHERE operator_id = :operator"
        " AND registration_id = ANY(CAST(:lines AS uuid[]))"
    )
)

_JOIN = Statement(
    sa.text(
        "INSERT INTO link_component AS c (operator_id, registration_id, component)"
        " SELECT :operator, w.line, w.component"
        " FROM unnest(CAST(:lines AS uuid[]), CAST(:components AS uuid[])) AS w (line, component)"
        " ON CONFLICT (operator_id, registration_id) DO UPDATE SET component = EXCLUDED.component"
        " WHERE c.component <> EXCLUDED.component"
    )
)

_PAGE = Statement(
    sa.text(
        "SELECT DISTINCT h.registration_id FROM holding h WHERE h.operator_id = :operator"
        " AND h.registration_id > CAST(:after AS uuid) ORDER BY h.registration_id LIMIT :limit"
    )
)

_ORPHANS = Statement(
    sa.text(
        "DELETE FROM link_component c WHERE c.operator_id = :operator AND NOT EXISTS (SELECT FROM holding h"
        " WHERE h.operator_id = c.operator_id AND h.registration_id = c.registration_id"
        " AND h.state <> 'released')"
    )
)


_LABELS = Statement(
    sa.text("SELECT c.registration_id, c.component FROM link_component c WHERE c.operator_id = :operator")
)


async def lines(reader: Reader, ids: Collection[UUID]) -> dict[UUID, Held]:
    """The lines of these registrations; those that hold nothing are left out."""
    if not ids:
        return {}
    return _grouped(await reader.fetch(_OF_LINES, operator=reader.tenant, lines=list(ids)))


async def near(
    reader: Reader, keys: Collection[bytes], known: Collection[UUID], limit: int, most: int
) -> dict[UUID, Held]:
    """The lines on these things that are not known yet: the newest ``limit`` of each thing, ``most`` in all."""
    if not keys:
        return {}
    return _grouped(
        await reader.fetch(
            _NEAR, operator=reader.tenant, keys=list(keys), known=list(known), limit=limit, most=most
        )
    )


def _grouped(found: Iterable[Any]) -> dict[UUID, Held]:
    rows: dict[UUID, list[Any]] = {}
    for row in found:
        rows.setdefault(row.registration_id, []).append(row)
    return {line: _held(of) for line, of in rows.items()}


def _held(rows: Sequence[Any]) -> Held:
    first = rows[0]

    def since(at: datetime | None) -> datetime | None:
        return at if at is not None and (first.lifted_at is None or at > first.lifted_at) else None

    return Held(
        first.registration_id,
        first.line_id,
        first.state,
        first.opened_at,
        since(first.scam_at),
        max((row.struck_at for row in rows if row.struck_at is not None), default=None),
        {HoldingKind(row.kind): bytes(row.idx) for row in rows},
    )


async def on(reader: Reader, keys: Iterable[bytes], limit: int) -> set[UUID]:
    """The registrations of the newest lines on these things, ``limit`` of each at most."""
    wanted = list(dict.fromkeys(keys))
    if not wanted:
        return set()
    rows = await reader.fetch(_ON, operator=reader.tenant, keys=wanted, limit=limit)
    return {row.registration_id for row in rows}


async def keys_of(reader: Reader, ids: Collection[UUID]) -> dict[bytes, HoldingKind]:
    """What these registrations hang on, or hung on."""
    rows = await reader.fetch(_KEYS_OF, operator=reader.tenant, lines=list(ids))
    return {bytes(row.idx): HoldingKind(row.kind) for row in rows}


async def degrees(reader: Reader, keys: Iterable[bytes], most: int) -> dict[bytes, int]:
    """How many lines hang on each, counted up to ``most``; that many on what is marked as common."""
    wanted = list(dict.fromkeys(keys))
    if not wanted:
        return {}
    rows = await reader.fetch(_DEGREES, operator=reader.tenant, keys=wanted, most=most)
    return {bytes(row.idx): row.degree for row in rows}


async def component_of(reader: Reader, ids: Collection[UUID], limit: int) -> set[UUID]:
    """The registrations that the components of these ones hold, themselves included."""
    if not ids:
        return set()
    rows = await reader.fetch(_COMPONENT_OF, operator=reader.tenant, lines=list(ids), limit=limit)
    return {row.registration_id for row in rows}


async def guard(tx: Tx) -> None:
    """Components of one operator are changed by one transaction at a time: two that grow towards each other
    would each miss what the other joined. One lock has one order."""
    await tx.lock(lock_key(b"link_component" + tx.tenant.bytes))


async def put_components(tx: Tx, ids: Collection[UUID], found: Mapping[UUID, UUID]) -> None:
    """Write the components of these registrations; those that hang together with nobody have no row."""
    alone = [line for line in ids if line not in found]
    if alone:
        await tx.change(_LEAVE, operator=tx.tenant, lines=alone)
    if found:
        ordered = sorted(found)
        await tx.change(
            _JOIN, operator=tx.tenant, lines=ordered, components=[found[line] for line in ordered]
        )


async def page(reader: Reader, after: UUID, limit: int) -> list[UUID]:
    """Registrations that hold something, ascending by id, above ``after``."""
    rows = await reader.fetch(_PAGE, operator=reader.tenant, after=after, limit=limit)
    return [row.registration_id for row in rows]


async def drop_orphans(tx: Tx) -> int:
    """Delete what stands for lines that hold nothing any more."""
    return await tx.change(_ORPHANS, operator=tx.tenant)


async def labels(reader: Reader) -> dict[UUID, UUID]:
    """Every line's component: what proofs compare."""
    rows = await reader.fetch(_LABELS, operator=reader.tenant)
    return {row.registration_id: row.component for row in rows}
