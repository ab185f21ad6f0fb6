"""Durable history of codes: written from the stream, read by staff, by ``GET`` and by a replay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.infra.postgres import Reader, Tx
from service.infra.statements import Statement
from service.otp.model import CodeEvent
from service.otp.tables import OtpEventRow

_TABLE = OtpEventRow.__table__
_COLUMNS = [column.name for column in _TABLE.columns]
_ADD = Statement(insert(OtpEventRow).on_conflict_do_nothing(), _COLUMNS)


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of messages of one country, block or sender. ``spent`` in micro-units."""

    name: str
    sent: int
    verified: int
    suppressed: int
    spent: int

    @property
    def rate(self) -> float | None:
        return self.verified / self.sent if self.sent else None


def add(tx: Tx, events: Sequence[CodeEvent]) -> None:
    """Stage them; one that is there already stays as it is."""
    for event in events:
        tx.stage(_ADD, {name: getattr(event, name, None) for name in _COLUMNS} | {"operator_id": tx.tenant})


async def of_subject(reader: Reader, subject: UUID) -> Sequence[CodeEvent]:
    """Everything about one registration or verification, oldest first."""
    rows = await reader.all(
        sa.select(_TABLE)
        .where(_TABLE.c.operator_id == reader.tenant, _TABLE.c.subject == subject)
        .order_by(_TABLE.c.at, _TABLE.c.id)
        .limit(500)
    )
    return [_event(row) for row in rows]


async def page(
    reader: Reader, since: datetime, until: datetime, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[CodeEvent]:
    """What happened in ``[since, until)``, oldest first, a page at a time."""
    t = _TABLE.c
    wanted = [t.operator_id == reader.tenant, t.at >= since, t.at < until]
    if after is not None:
        wanted.append(sa.tuple_(t.at, t.id) > sa.tuple_(*(sa.literal(part) for part in after)))
    rows = await reader.all(sa.select(_TABLE).where(*wanted).order_by(t.at, t.id).limit(limit))
    return [_event(row) for row in rows]


async def asked_again(reader: Reader, since: datetime, until: datetime) -> set[UUID]:
    """Ids of sends that were no decision: a slice of money ran out, the next was leased, and it was asked again."""
    rows = await reader.all(
        sa.text(
            "SELECT array_agg(id ORDER BY outcome <> 'unfunded', at, id) AS ids FROM otp_event"
            " WHERE operator_id = :operator AND at >= :since AND at < :until AND kind = 'send' AND challenge IN"
            " (SELECT challenge FROM otp_event WHERE operator_id = :operator AND at >= :since AND at < :until"
            " AND kind = 'send' AND outcome = 'unfunded') GROUP BY challenge HAVING count(*) > 1"
        ),
        {"operator": reader.tenant, "since": since, "until": until},
    )
    return {each for row in rows for each in row.ids[:-1]}


_KEYS = {"country": "s.country", "block": "s.block", "sender": "coalesce(a.sender, 'none')"}


async def conversion(reader: Reader, by: str, since: datetime, limit: int = 50) -> Sequence[Conversion]:
    """Messages since an instant by ``country``, ``block`` or ``sender``, the most messages first."""
    rows = await reader.all(
        sa.text(
            f"SELECT {_KEYS[by]} AS name, count(*) FILTER (WHERE s.outcome = 'sent') AS sent,"
            " count(v.challenge) AS verified, count(*) FILTER (WHERE s.outcome = 'suppressed') AS suppressed,"
            " coalesce(sum(s.price) FILTER (WHERE s.outcome = 'sent'), 0)::bigint AS spent"
            " FROM otp_event s"
            " LEFT JOIN LATERAL (SELECT v.challenge FROM otp_event v WHERE v.operator_id = s.operator_id"
            " AND v.challenge = s.challenge AND v.kind = 'check' AND v.outcome = 'verified' LIMIT 1) v ON true"
            " LEFT JOIN LATERAL (SELECT a.sender FROM otp_event a WHERE a.operator_id = s.operator_id"
            " AND a.challenge = s.challenge AND a.kind = 'accepted' LIMIT 1) a ON true"
            " WHERE s.operator_id = :operator AND s.kind = 'send' AND s.outcome IN ('sent', 'suppressed')"
            " AND s.at >= :since GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :limit"
        ),
        {"operator": reader.tenant, "since": since, "limit": limit},
    )
    return [Conversion(row.name or "none", row.sent, row.verified, row.suppressed, row.spent) for row in rows]


async def refused(reader: Reader, since: datetime) -> Sequence[tuple[str, str, int]]:
    """``(limit, stage, times)`` since an instant: limits that had no room, enforced or in shadow or pressed."""
    rows = await reader.all(
        sa.text(
            "SELECT \"limit\" AS name, 'enforced' AS stage, count(*) AS times FROM otp_event"
            ' WHERE operator_id = :operator AND at >= :since AND "limit" IS NOT NULL GROUP BY 1'
            " UNION ALL SELECT each, stage, count(*) FROM (SELECT 'shadow' AS stage, facts->'shadows' AS found"
            " FROM otp_event WHERE operator_id = :operator AND at >= :since AND facts ? 'shadows'"
            " UNION ALL SELECT 'pressure', facts->'pressures' FROM otp_event WHERE operator_id = :operator"
            " AND at >= :since AND facts ? 'pressures') f, jsonb_array_elements_text(f.found) AS each"
            " GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
        ),
        {"operator": reader.tenant, "since": since},
    )
    return [(row.name, row.stage, row.times) for row in rows]


async def hours(reader: Reader, since: datetime) -> Sequence[tuple[datetime, int, int]]:
    """``(hour, sent, verified)`` of the messages of each hour since an instant, oldest first."""
    rows = await reader.all(
        sa.text(
            "SELECT date_trunc('hour', s.at, 'UTC') AS hour, count(*) AS sent, count(v.challenge) AS verified"
            " FROM otp_event s LEFT JOIN LATERAL (SELECT v.challenge FROM otp_event v"
            " WHERE v.operator_id = s.operator_id AND v.challenge = s.challenge AND v.kind = 'check'"
            " AND v.outcome = 'verified' LIMIT 1) v ON true"
            " WHERE s.operator_id = :operator AND s.kind = 'send' AND s.outcome = 'sent' AND s.at >= :since"
            " GROUP BY 1 ORDER BY 1"
        ),
        {"operator": reader.tenant, "since": since},
    )
    return [(row.hour, row.sent, row.verified) for row in rows]


async def purge(tx: Tx, before: datetime) -> int:
    """Forget what is older; how many."""
    return await tx.run(sa.delete(OtpEventRow).where(_TABLE.c.operator_id == tx.tenant, _TABLE.c.at < before))


def _event(row: "sa.Row[Any]") -> CodeEvent:
    return CodeEvent(**{name: getattr(row, name) for name in _COLUMNS if name != "operator_id"})
