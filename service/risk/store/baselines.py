"""What is usual for each signal that counts something: counted from stored decisions, replaced as a whole."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert

from service.infra.postgres import Reader, Tx
from service.risk.model import Baseline
from service.risk.tables import BaselineRow

LEAST = 30
"""Fewer decisions than this say nothing about what is usual."""
MOST = 100_000
"""The newest decisions that are counted: enough for a 99th of a hundred, bounded for the server's sake."""

# A signal that is unknown in a decision, and one that is no number, counts nothing there.
_COUNTED = sa.text(
    "SELECT s.key AS signal, count(*)::int AS of,"
    " percentile_disc(0.5) WITHIN GROUP (ORDER BY (s.value)::text::int) AS p50,"
    " percentile_disc(0.99) WITHIN GROUP (ORDER BY (s.value)::text::int) AS p99"
    " FROM (SELECT signals FROM decision WHERE operator_id = :op AND decided_by = 'rules' AND at > :since"
    "  ORDER BY at DESC LIMIT :most) AS d, jsonb_each(d.signals) AS s"
    " WHERE jsonb_typeof(s.value) = 'number' GROUP BY s.key HAVING count(*) >= :least"
)


async def count(tx: Tx, since: datetime) -> int:
    """Count this operator's decisions since then anew; how many signals have a baseline now."""
    given = {"op": tx.tenant, "since": since, "most": MOST, "least": LEAST}
    rows = await tx.all(_COUNTED, given)
    b = BaselineRow
    for r in rows:
        found = {"p50": r.p50, "p99": r.p99, "of": r.of, "at": tx.now}
        one = upsert(b).values(operator_id=tx.tenant, signal=r.signal, **found)
        # Two workers may count at once.
        await tx.run(one.on_conflict_do_update(index_elements=[b.operator_id, b.signal], set_=found))
    names = [r.signal for r in rows]
    await tx.run(sa.delete(b).where(b.operator_id == tx.tenant, b.signal.not_in(names)))
    return len(rows)


async def load(reader: Reader) -> Mapping[str, Baseline]:
    """This operator's baselines by signal."""
    b = BaselineRow
    rows = await reader.all(sa.select(b.signal, b.p50, b.p99, b.of).where(b.operator_id == reader.tenant))
    return MappingProxyType({row.signal: Baseline(row.p50, row.p99, row.of) for row in rows})
