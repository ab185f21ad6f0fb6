"""What became of the lines of shops, for their assessment. Holdings of kind ``dealer`` carry its id."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader
from service.infra.statements import Statement


@dataclass(frozen=True, slots=True)
class Dealing:
    """One shop's lines since an instant: how many, stopped for scam, struck, approved between 22 and 6 UTC, and the
    most in one hour."""

    lines: int
    stopped: int
    struck: int
    night: int
    peak: int


_LINES = Statement(
    sa.text(
        """WITH found AS (
  SELECT h.idx, date_trunc('hour', h.opened_at AT TIME ZONE 'UTC') AS hour,
    h.scam_at > COALESCE(h.lifted_at, '-infinity'::timestamptz)
      OR h.stopped_at > COALESCE(h.lifted_at, '-infinity'::timestamptz) OR s.struck AS stopped, s.struck
  FROM holding h CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM strike s WHERE s.operator_id = h.operator_id
      AND s.registration_id = h.registration_id AND s.kind <> 'sold'
      AND (s.undone_at IS NULL OR s.at > s.undone_at)) AS struck) s
  WHERE h.operator_id = :operator AND h.kind = 'dealer' AND h.opened_at > :since
    AND h.state <> 'released'
), hours AS (
  SELECT idx, hour, count(*) AS lines, count(*) FILTER (WHERE stopped) AS stopped,
    count(*) FILTER (WHERE struck) AS struck
  FROM found GROUP BY idx, hour
)
SELECT idx, sum(lines)::bigint AS lines, sum(stopped)::bigint AS stopped, sum(struck)::bigint AS struck,
  COALESCE(sum(lines) FILTER (WHERE extract(hour FROM hour) >= 22 OR extract(hour FROM hour) < 6), 0)::bigint
    AS night,
  max(lines) AS peak
FROM hours GROUP BY idx"""
    )
)


async def dealings(reader: Reader, since: datetime) -> dict[UUID, Dealing]:
    """By dealer; one without a line since then is left out."""
    rows = await reader.fetch(_LINES, operator=reader.tenant, since=since)
    return {
        UUID(bytes=bytes(row.idx)): Dealing(row.lines, row.stopped, row.struck, row.night, row.peak)
        for row in rows
    }
