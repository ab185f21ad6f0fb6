"""The lines of an identity, for telling their holder of a new one."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader
from service.infra.statements import Statement
from service.risk.model import Blind, HoldingKind

_LINES = Statement(
    sa.text(
        """SELECT DISTINCT ON (h.line_id) h.line_id, h.registration_id FROM holding h
WHERE h.operator_id = :operator AND h.kind IN ('document', 'personal_number', 'person')
  AND h.idx = ANY(CAST(:identity AS bytea[])) AND h.state = 'live' AND h.line_id IS NOT NULL
  AND h.opened_at <= :before AND h.registration_id <> :registration
  AND NOT EXISTS (SELECT FROM holding s WHERE s.operator_id = h.operator_id
    AND s.registration_id = h.registration_id AND s.kind IN ('device', 'dealer')
    AND s.idx = ANY(CAST(:seller AS bytea[])))
ORDER BY h.line_id LIMIT 20"""
    )
)


async def settled_lines(
    reader: Reader,
    keys: Mapping[HoldingKind, Blind],
    registration_id: UUID,
    before: datetime,
) -> list[tuple[UUID, UUID]]:
    """(line, registration) of live lines on the same document, personal number or person that were approved by
    ``before``; without those that share the device or the dealer of ``keys``: whoever registered this line may have
    registered those. Twenty at most."""
    identity = (HoldingKind.DOCUMENT, HoldingKind.PERSONAL_NUMBER, HoldingKind.PERSON)
    seller = (HoldingKind.DEVICE, HoldingKind.DEALER)
    rows = await reader.fetch(
        _LINES,
        operator=reader.tenant,
        identity=[idx for kind in identity if kind in keys for idx in keys[kind].every],
        seller=[idx for kind in seller if kind in keys for idx in keys[kind].every],
        registration=registration_id,
        before=before,
    )
    return [(row.line_id, row.registration_id) for row in rows]
