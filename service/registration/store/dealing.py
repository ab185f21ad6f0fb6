"""What shops sent in and what the rules made of it, counted for the assessment of dealers."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader
from service.infra.statements import Statement

_DAY = Statement(
    sa.text(
        """SELECT r.dealer_id, count(*) AS decided, count(*) FILTER (WHERE d.verdict = 'review') AS reviewed
FROM decision d JOIN registration r ON r.operator_id = d.operator_id AND r.id = d.registration_id
WHERE d.operator_id = :operator AND d.at >= :day AND d.decided_by = 'rules' AND r.dealer_id IS NOT NULL
GROUP BY r.dealer_id"""
    )
)


async def decided(reader: Reader, day: datetime) -> dict[UUID, tuple[int, int]]:
    """(decided by the rules, sent to a person) since ``day``, by dealer."""
    rows = await reader.fetch(_DAY, operator=reader.tenant, day=day)
    return {row.dealer_id: (row.decided, row.reviewed) for row in rows}
