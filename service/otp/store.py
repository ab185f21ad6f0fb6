"""Durable history of codes: written from the stream, read by staff, by ``GET`` and by a replay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
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
    """Everything about one registration or verification, oldest first; what senders made of its messages too."""
    rows = await reader.all(
        sa.text(
            "SELECT * FROM otp_event WHERE operator_id = :operator AND subject = :subject"
            " UNION ALL SELECT n.* FROM otp_event n WHERE n.operator_id = :operator AND n.subject IS NULL"
            " AND n.challenge IN (SELECT challenge FROM otp_event WHERE operator_id = :operator"
            " AND subject = :subject AND kind = 'send') ORDER BY at, id LIMIT 500"
        ),
        {"operator": reader.tenant, "subject": subject},
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


_MESSAGES = (
    "WITH m AS (SELECT challenge, min(at) FILTER (WHERE kind = 'send') AS at,"
    " min(country) AS country, min(block) AS block, coalesce(min(sender), 'none') AS sender,"
    " max(price) FILTER (WHERE outcome = 'sent') AS price,"
    " bool_or(outcome = 'sent') AND NOT bool_or(kind = 'withheld') AS is_sent,"
    " bool_or(kind = 'check' AND outcome = 'verified') AS is_ok FROM otp_event"
    " WHERE operator_id = :operator AND at >= :since AND challenge IS NOT NULL AND (kind = 'send'"
    " AND outcome IN ('sent', 'suppressed') OR kind = 'check' AND outcome = 'verified'"
    " OR kind IN ('accepted', 'withheld') OR kind = 'unsent' AND outcome = 'unavailable')"
    " GROUP BY challenge HAVING bool_or(kind = 'send') AND NOT bool_or(kind = 'unsent'))"
)
"""A line for each message, in one pass over the span: what follows a message comes after it. Left out is what no
sender took, for certain: nothing was paid for it."""

BY = ("country", "block", "sender")


async def conversion(reader: Reader, by: str, since: datetime) -> list[Conversion]:
    """Messages since an instant by one of :data:`BY`."""
    return (await conversions(reader, since))[by]


async def conversions(reader: Reader, since: datetime) -> dict[str, list[Conversion]]:
    """Messages since an instant by ``country``, ``block`` and ``sender``, the most messages first in each."""
    rows = await reader.all(
        sa.text(
            f"{_MESSAGES} SELECT grouping(country, block) AS which, country, block, sender,"
            " count(*) FILTER (WHERE is_sent) AS sent, count(*) FILTER (WHERE is_ok) AS verified,"
            " count(*) FILTER (WHERE NOT is_sent) AS held, coalesce(sum(price), 0)::bigint AS spent"
            " FROM m GROUP BY GROUPING SETS ((country), (block), (sender)) ORDER BY 5 DESC, 7 DESC, 2, 3, 4"
        ),
        {"operator": reader.tenant, "since": since},
    )
    found: dict[str, list[Conversion]] = {by: [] for by in BY}
    for row in rows:
        # A bit for each of the two that is not grouped by, the first one the higher.
        by = {0b01: "country", 0b10: "block", 0b11: "sender"}[row.which]
        name = getattr(row, by) or "none"
        found[by].append(Conversion(name, row.sent, row.verified, row.held, row.spent))
    return found


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
            f"{_MESSAGES} SELECT date_trunc('hour', at, 'UTC') AS hour, count(*) AS sent,"
            " count(*) FILTER (WHERE is_ok) AS verified FROM m WHERE is_sent GROUP BY 1 ORDER BY 1"
        ),
        {"operator": reader.tenant, "since": since},
    )
    return [(row.hour, row.sent, row.verified) for row in rows]


async def days(reader: Reader, since: datetime) -> dict[date, int]:
    """Messages by UTC day since an instant."""
    rows = await reader.all(
        sa.text(
            "SELECT (s.at AT TIME ZONE 'UTC')::date AS day, count(*) AS sent FROM otp_event s"
            " WHERE s.operator_id = :operator AND s.at >= :since AND s.kind = 'send' AND s.outcome = 'sent'"
            " AND NOT EXISTS (SELECT FROM otp_event u WHERE u.operator_id = :operator AND u.at >= :since"
            " AND u.kind = 'unsent' AND u.outcome = 'unavailable' AND u.challenge = s.challenge) GROUP BY 1"
        ),
        {"operator": reader.tenant, "since": since},
    )
    return {row.day: row.sent for row in rows}


async def purge(tx: Tx, before: datetime) -> int:
    """Forget what is older; how many."""
    return await tx.run(sa.delete(OtpEventRow).where(_TABLE.c.operator_id == tx.tenant, _TABLE.c.at < before))


def _event(row: "sa.Row[Any]") -> CodeEvent:
    return CodeEvent(**{name: getattr(row, name) for name in _COLUMNS if name != "operator_id"})
