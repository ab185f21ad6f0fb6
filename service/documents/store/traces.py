"""What documents leave behind for thirty days, so that the next one can be held against them: keyed hashes, where they
were shown, and of a picture the perceptual hash of what the black-out left."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa

from service.documents.tables import DocumentCheckRow, DocumentTraceRow, PictureHashRow
from service.infra.postgres import Tx
from service.infra.statements import Statement

KEPT: Final = timedelta(days=30)
CHIPS_KEPT: Final = timedelta(days=90)
"""So long the keyed hash of a chip is looked for, and then no more kept: what is behind it stands nowhere, so that it
would keep an old index key in use for ever."""
DAY: Final = timedelta(days=1)
BITS: Final = 256
LIKE: Final = 24
"""Differing bits up to which two pictures are one that was encoded again. Measured by ``bench.images``: one that was
made smaller or squeezed differs in 14 in the middle, at most 36; other documents with the same print in the same place
in 78 at least. Some that were encoded again are let go, rather than taking two documents of one print for one
picture."""
NEWEST: Final = 1_000
"""Documents of a seller's day that are looked at."""


Trail = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sight:
    """Where a document was shown: the applicant's own device as a keyed hash, the shop, and the person in it."""

    device: bytes | None = None
    dealer: UUID | None = None
    agent: UUID | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """``document`` and ``names`` are keyed hashes, None of what identifies nobody. ``picture``: 256 bits as text."""

    document_id: UUID
    registration_id: UUID
    subscriber_id: UUID
    failed: bool
    document: bytes | None = None
    names: bytes | None = None
    picture: str | None = None


# Goes on where the statement of the document ends (``Statement.after``). One that is there takes what was judged
# since; where and when it was shown stays.
_BESIDE = Statement(
    sa.text("""
, trace AS (INSERT INTO document_trace (operator_id, document_id, registration_id, subscriber_id, failed,
    document_idx, names_idx, device_idx, dealer_id, agent_id, at)
  VALUES (CAST(:operator AS uuid), CAST(:trace_of AS uuid), CAST(:trace_registration AS uuid),
    CAST(:trace_subscriber AS uuid), CAST(:failed AS boolean), CAST(:document AS bytea), CAST(:names AS bytea),
    CAST(:device AS bytea), CAST(:dealer AS uuid), CAST(:agent AS uuid), CAST(:shown_at AS timestamptz))
  ON CONFLICT (operator_id, document_id) DO UPDATE SET document_idx = EXCLUDED.document_idx,
    names_idx = EXCLUDED.names_idx, failed = EXCLUDED.failed)
INSERT INTO picture_hash (operator_id, document_id, registration_id, subscriber_id, hash, at)
SELECT CAST(:operator AS uuid), CAST(:trace_of AS uuid), CAST(:trace_registration AS uuid),
  CAST(:trace_subscriber AS uuid), CAST(CAST(:picture AS text) AS bit(256)), CAST(:shown_at AS timestamptz)
WHERE CAST(:picture AS text) IS NOT NULL ON CONFLICT DO NOTHING
""")
)
joined = cache(_BESIDE.after)
"""A statement about a document, and its trail, in one."""


def trail(tx: Tx, trace: Trace, sight: Sight) -> Trail:
    """The values of a trail."""
    return {
        "operator": tx.tenant,
        "trace_of": trace.document_id,
        "trace_registration": trace.registration_id,
        "trace_subscriber": trace.subscriber_id,
        "failed": trace.failed,
        "document": trace.document,
        "names": trace.names,
        "picture": trace.picture,
        "device": sight.device,
        "dealer": sight.dealer,
        "agent": sight.agent,
        "shown_at": tx.now,
    }


def _others(extra: str = "") -> str:
    return f"""(SELECT count(DISTINCT t.registration_id) FROM mine JOIN document_trace t
  ON t.operator_id = registration.operator_id AND t.document_idx = mine.document_idx
  WHERE t.subscriber_id <> registration.subscriber_id AND t.at > :traces_since {extra})"""


def _tried(column: str, condition: str = "true") -> str:
    return f"""(SELECT count(*) AS tries, count(*) FILTER (WHERE failed) AS fails FROM (SELECT t.failed
  FROM document_trace t WHERE t.operator_id = registration.operator_id AND t.{column} = registration.{column}
    AND {condition} AND t.registration_id <> registration.id AND t.at > :traces_day
  ORDER BY t.at DESC LIMIT {NEWEST}) newest)"""


_OWN_DEVICE = "registration.device_role IS DISTINCT FROM 'dealer'"
SEEN: Final = f"""(SELECT to_jsonb(seen) FROM (
WITH mine AS MATERIALIZED (SELECT d.document_id, d.document_idx, d.names_idx FROM document_trace d
  WHERE d.operator_id = registration.operator_id AND d.registration_id = registration.id),
pictures AS MATERIALIZED (SELECT p.registration_id, other.document_idx IS NOT NULL AND mine.document_idx IS NOT NULL
    AND other.document_idx <> mine.document_idx AS is_other
  FROM picture_hash own
  JOIN picture_hash p ON p.operator_id = registration.operator_id AND bit_count(own.hash # p.hash) <= {LIKE}
  JOIN mine ON mine.document_id = own.document_id
  LEFT JOIN document_trace other
    ON other.operator_id = registration.operator_id AND other.document_id = p.document_id
  WHERE own.operator_id = registration.operator_id AND own.registration_id = registration.id
    AND p.subscriber_id <> registration.subscriber_id AND p.at > :traces_since)
SELECT {_others()} AS document_seen_before,
  {_others("AND t.names_idx <> mine.names_idx")} AS document_seen_other_names,
  (SELECT count(DISTINCT registration_id) FROM pictures) AS picture_seen_before,
  (SELECT count(DISTINCT registration_id) FROM pictures WHERE is_other) AS picture_seen_other_document,
  device.tries AS document_tries_on_device, device.fails AS document_fails_on_device,
  dealer.tries AS document_tries_at_dealer, dealer.fails AS document_fails_at_dealer,
  agent.tries AS document_tries_by_agent, agent.fails AS document_fails_by_agent
FROM {_tried("device_idx", _OWN_DEVICE)} device, {_tried("dealer_id")} dealer, {_tried("agent_id")} agent
) seen)"""
"""The signals by name, as JSON, of the row ``registration`` of a statement around it. Of what is not named nothing was
seen: 0, and known."""


def spans(now: datetime) -> Mapping[str, datetime]:
    """The values that ``SEEN`` takes."""
    return {"traces_since": now - KEPT, "traces_day": now - DAY}


async def purge(tx: Tx) -> int:
    """Delete what is older than it is kept; how many documents."""
    checks = cast(Any, DocumentCheckRow).__table__
    await tx.run(
        sa.update(checks)
        .where(
            checks.c.operator_id == tx.tenant,
            checks.c.chip_idx.is_not(None),
            checks.c.at <= tx.now - CHIPS_KEPT,
        )
        .values(chip_idx=None)
    )
    count = 0
    for row in (PictureHashRow, DocumentTraceRow):
        table = cast(Any, row).__table__
        count = await tx.run(
            sa.delete(table).where(table.c.operator_id == tx.tenant, table.c.at <= tx.now - KEPT)
        )
    return count


async def forget(tx: Tx, subscriber_id: UUID) -> None:
    """Delete what an erased person's documents left, the keyed hashes of their chips too."""
    checks = cast(Any, DocumentCheckRow).__table__
    await tx.run(
        sa.update(checks)
        .where(checks.c.operator_id == tx.tenant, checks.c.subscriber_id == subscriber_id)
        .values(chip_idx=None)
    )
    for row in (PictureHashRow, DocumentTraceRow):
        table = cast(Any, row).__table__
        await tx.run(
            sa.delete(table).where(table.c.operator_id == tx.tenant, table.c.subscriber_id == subscriber_id)
        )
