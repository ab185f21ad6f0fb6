"""Holdings: counting them, taking them, following a line's life.

Counting is done in every decision, so that its statement is a constant text: built from expressions it cost
ten times the CPU of its execution.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader, Tx
from service.infra.statements import Statement
from service.kit.ids import new_id
from service.risk.model import Blind, Evidence, HoldingKind, HoldingState, Value
from service.risk.rules import Parameters
from service.risk.store.shared import EXCEEDS
from service.risk.tables import HoldingRow

_H = HoldingRow
_COUNTED = (HoldingKind.DOCUMENT, HoldingKind.PERSONAL_NUMBER, HoldingKind.PERSON, HoldingKind.DEVICE)
_MARKED = (*_COUNTED, HoldingKind.DEALER)
"""Of which scams and strikes are counted."""

# A line that counts for the cap: not ended, or opened within the window, or closed a short while ago. One that
# was released before it ever went live does not count.
_COUNTING = """(h.state IN ('approved', 'live')
  OR (h.state = 'closed' AND (h.opened_at > :window_since OR h.closed_at > :refill_since)))"""

# Stopped for scam and not reinstated since; while the line is not closed, or within `strike_days`.
SCAM = """(h.scam_at > COALESCE(h.lifted_at, '-infinity'::timestamptz)
  AND (h.scam_at > :strike_since OR h.state IN ('approved', 'live')))"""

# So, or by a step on a confirmed report or a ring (service.risk.store.strikes): what a seller's rate counts. Fixed
# numbers of lines are of acts on the line alone: three confirmed reports are few for a shop of ten thousand lines.
STOPPED = f"""({SCAM} OR (h.stopped_at > COALESCE(h.lifted_at, '-infinity'::timestamptz)
  AND (h.stopped_at > :strike_since OR h.state IN ('approved', 'live'))))"""

# A confirmed strike that was not undone (service.risk.store.strikes) and has not decayed.
STRUCK = "(h.struck_at > :strike_since)"

# Lines of the same person whose document, another one, has ended or soon will. The person's index holds the
# issuer, so that the issuer is the same.
_PREDECESSOR = """h.operator_id = :operator AND h.kind = 'person' AND h.idx = ANY(CAST(:person AS bytea[]))
  AND h.document_ends <= :horizon AND NOT EXISTS (
    SELECT FROM holding d WHERE d.operator_id = h.operator_id AND d.registration_id = h.registration_id
      AND d.kind = 'document' AND d.idx = ANY(CAST(:document AS bytea[])))"""

_COUNT = f"""
SELECT h.kind AS label,
  count(*) FILTER (WHERE CASE WHEN h.kind = 'device'
    THEN h.state <> 'released' AND h.opened_at > :device_since ELSE {_COUNTING} END) AS lines,
  count(*) FILTER (WHERE {_COUNTING} AND h.evidence = 'limited') AS unproven,
  count(*) FILTER (WHERE {SCAM}) AS scam,
  count(*) FILTER (WHERE {STRUCK}) AS strikes
FROM holding h WHERE h.operator_id = :operator AND h.kind <> 'dealer' AND h.idx = ANY(CAST(:keys AS bytea[]))
GROUP BY h.kind
UNION ALL
SELECT 'predecessor', count(*) FILTER (WHERE {_COUNTING}), 0, 0, 0
FROM holding h WHERE {_PREDECESSOR}
UNION ALL
SELECT 'dealer_today', count(*), count(*) FILTER (WHERE h.evidence = 'limited'), 0, 0
FROM holding h WHERE h.operator_id = :operator AND h.kind = 'dealer' AND h.idx = ANY(CAST(:dealer AS bytea[]))
  AND h.opened_at > :day_since AND h.state <> 'released'
UNION ALL
SELECT 'dealer', 0, 0, count(*) FILTER (WHERE {SCAM} AND h.scam_at > :dealer_scam_since),
  count(*) FILTER (WHERE {STRUCK} AND h.struck_at > :dealer_scam_since)
FROM holding h WHERE h.operator_id = :operator AND h.kind = 'dealer' AND h.idx = ANY(CAST(:dealer AS bytea[]))
  AND (h.scam_at IS NOT NULL OR h.struck_at IS NOT NULL)"""

_COUNTS = Statement(sa.text(_COUNT))
# With what is asked over all operators: in the same statement, because it is asked in every submit.
_COUNTS_ASKING = Statement(
    sa.text(f"{_COUNT}\nUNION ALL\nSELECT 'shared', CAST({EXCEEDS} AS integer), 0, 0, 0")
)


def _since(now: datetime, p: Parameters) -> dict[str, Any]:
    day = timedelta(days=1)
    return {
        "window_since": now - day * p.window_days,
        "refill_since": now - day * p.refill_days,
        "strike_since": now - day * p.strike_days,
        "device_since": now - day * p.device_days,
        "day_since": now - day,
        "horizon": (now + day * p.renewal_days).date(),
    }


async def count(
    reader: Reader,
    keys: Mapping[HoldingKind, Blind],
    p: Parameters,
    now: datetime,
    *,
    asking: Mapping[str, Any] | None = None,
) -> dict[str, Value | None]:
    """The counts among the signals, in one statement; with ``asking``, what is asked over all operators too, of
    which null is unknown.

    A key that is absent has no lines: its counts are 0, and known.
    """
    counts: dict[str, Value | None] = {"lines_on_predecessor": 0, "unproven_on_document": 0}
    counts |= {"dealer_lines_today": 0, "dealer_unproven_today": 0}
    for kind in _MARKED:
        counts[f"scam_on_{kind.value}"] = counts[f"strikes_on_{kind.value}"] = 0
        if kind in _COUNTED:
            counts[f"lines_on_{kind.value}"] = 0
    if not keys:
        return counts

    def every(*kinds: HoldingKind) -> list[bytes]:
        return [index for kind in kinds if kind in keys for index in keys[kind].every]

    values = {
        "operator": reader.tenant,
        "keys": every(*_COUNTED),
        "document": every(HoldingKind.DOCUMENT),
        "person": every(HoldingKind.PERSON),
        "dealer": every(HoldingKind.DEALER),
        "dealer_scam_since": now - timedelta(days=p.dealer_scam_days),
        **_since(now, p),
        **(asking or {}),
    }
    for row in await reader.fetch(_COUNTS if asking is None else _COUNTS_ASKING, **values):
        if row.label == "shared":
            counts["shared_limit_exceeded"] = None if row.lines is None else row.lines == 1
        elif row.label == "predecessor":
            counts["lines_on_predecessor"] = row.lines
        elif row.label == "dealer_today":
            counts["dealer_lines_today"], counts["dealer_unproven_today"] = row.lines, row.unproven
        else:
            counts[f"scam_on_{row.label}"], counts[f"strikes_on_{row.label}"] = row.scam, row.strikes
            if row.label in _COUNTED:
                counts[f"lines_on_{row.label}"] = row.lines
            if row.label == HoldingKind.DOCUMENT:
                counts["unproven_on_document"] = row.unproven
    return counts


_HOLD = """INSERT INTO holding
  (operator_id, id, registration_id, kind, idx, evidence, state, opened_at, document_ends, renewal_of)
SELECT :operator, k.id, :registration, k.kind, k.idx, :held_on, 'approved', :opened_at,
  CASE WHEN k.kind = 'person' THEN CAST(:document_ends AS date) END, {0}
FROM unnest(CAST(:ids AS uuid[]), CAST(:kinds AS text[]), CAST(:idxs AS bytea[])) AS k (id, kind, idx)
ON CONFLICT (operator_id, registration_id, kind) DO NOTHING"""

_HOLDS = Statement(sa.text(_HOLD.format("NULL::uuid")))
# With the line that a renewed document continues. A statement does not see the rows that it inserts, so that the
# registration is no predecessor of itself.
_HOLDS_RENEWED = Statement(
    sa.text(
        _HOLD.format(f"""CASE WHEN k.kind = 'document' THEN (SELECT h.registration_id FROM holding h
  WHERE h.registration_id <> :registration AND {_PREDECESSOR} ORDER BY h.opened_at DESC, h.id DESC LIMIT 1) END""")
    )
)
_joined = cache(Statement.after)


def hold(
    tx: Tx,
    keys: Mapping[HoldingKind, Blind],
    registration_id: UUID,
    evidence: Evidence,
    document_expires_on: date | None,
    p: Parameters,
    *,
    may_renew: bool,
    first: tuple[Statement, Mapping[str, Any]] | None = None,
) -> None:
    """Stage a row of each kind, in one statement. A registration that holds already is left as it is. ``first`` is
    done in the same statement: the decision that grants it."""
    if not keys:
        if first is not None:
            tx.stage(*first)
        return
    values: dict[str, Any] = {
        "operator": tx.tenant,
        "registration": registration_id,
        "ids": [new_id() for _ in keys],
        "kinds": [kind.value for kind in keys],
        "idxs": [blind.primary for blind in keys.values()],
        "held_on": evidence.value,
        "opened_at": tx.now,
        "document_ends": document_expires_on.replace(day=1) if document_expires_on else None,
    }
    statement = _HOLDS
    if may_renew and HoldingKind.PERSON in keys:
        statement = _HOLDS_RENEWED
        documents = keys.get(HoldingKind.DOCUMENT)
        values |= {
            "person": list(keys[HoldingKind.PERSON].every),
            "document": list(documents.every) if documents else [],
            "horizon": _since(tx.now, p)["horizon"],
        }
    if first is None:
        tx.stage(statement, values)
    else:
        tx.stage(_joined(statement, first[0]), {**first[1], **values})


def _of(tx: Tx, registration_id: UUID) -> sa.ColumnElement[bool]:
    return sa.and_(_H.operator_id == tx.tenant, _H.registration_id == registration_id)


async def activate(tx: Tx, registration_id: UUID, line_id: UUID | None) -> int:
    """``approved`` → ``live``, once; a line that was closed meanwhile stays closed."""
    return await tx.run(
        sa.update(HoldingRow)
        .where(_of(tx, registration_id), _H.state == HoldingState.APPROVED)
        .values(state=HoldingState.LIVE, line_id=line_id)
    )


async def close(tx: Tx, registration_id: UUID, at: datetime) -> int:
    return await tx.run(
        sa.update(HoldingRow)
        .where(_of(tx, registration_id), _H.state.in_([HoldingState.APPROVED, HoldingState.LIVE]))
        .values(state=HoldingState.CLOSED, closed_at=at)
    )


async def release(tx: Tx, registration_id: UUID) -> int:
    """Give back what never went live."""
    return await tx.run(
        sa.update(HoldingRow)
        .where(_of(tx, registration_id), _H.state == HoldingState.APPROVED)
        .values(state=HoldingState.RELEASED)
    )


async def mark_scam(tx: Tx, registration_id: UUID, at: datetime) -> int:
    """The line was stopped for scam at ``at``. Instants only ever grow, so events may come twice and in any
    order."""
    return await tx.run(
        sa.update(HoldingRow)
        .where(_of(tx, registration_id), sa.or_(_H.scam_at.is_(None), _H.scam_at < at))
        .values(scam_at=at)
    )


async def lift_scam(tx: Tx, registration_id: UUID, at: datetime) -> int:
    """The line was reinstated at ``at``: what was marked up to then is undone."""
    return await tx.run(
        sa.update(HoldingRow)
        .where(_of(tx, registration_id), sa.or_(_H.lifted_at.is_(None), _H.lifted_at < at))
        .values(lifted_at=at)
    )


async def registration_of(reader: Reader, line_id: UUID) -> UUID | None:
    found: UUID | None = await reader.scalar(
        sa.select(_H.registration_id).where(_H.operator_id == reader.tenant, _H.line_id == line_id).limit(1)
    )
    return found


async def forget(tx: Tx, registration_id: UUID, p: Parameters) -> dict[bytes, HoldingKind]:
    """Erase a registration's holdings, but those that carry a scam or a strike which has not decayed; what it hung
    on."""
    statement = sa.text(
        f"""DELETE FROM holding h WHERE h.operator_id = :operator AND h.registration_id = :registration
  AND {SCAM} IS NOT TRUE AND {STRUCK} IS NOT TRUE RETURNING h.idx, h.kind"""
    )
    since = {"strike_since": _since(tx.now, p)["strike_since"]}
    rows = await tx.all(statement, {"operator": tx.tenant, "registration": registration_id, **since})
    return {bytes(row.idx): HoldingKind(row.kind) for row in rows}


async def purge(tx: Tx, p: Parameters) -> int:
    """Delete what can weigh nothing any more: released or closed, out of every window, no scam, no strike."""
    statement = sa.text(
        f"""DELETE FROM holding h WHERE h.operator_id = :operator AND h.state IN ('released', 'closed')
  AND h.opened_at <= :device_since AND h.opened_at <= :day_since
  AND (h.kind NOT IN ('dealer', 'agent') OR h.state = 'released' OR h.opened_at <= :seller_since)
  AND NOT {_COUNTING} AND {SCAM} IS NOT TRUE AND {STRUCK} IS NOT TRUE"""
    )
    since = _since(tx.now, p)
    del since["horizon"]
    since["seller_since"] = tx.now - timedelta(
        days=p.dealer_scam_days
    )  # a rate is of all lines, closed ones too
    return await tx.run(statement, {"operator": tx.tenant, **since})
