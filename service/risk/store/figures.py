"""What rules did: how often they spoke, when last, and what came of it, from stored decisions."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from service.infra.postgres import Reader
from service.risk.model import RuleFigures

MOST = 100_000
"""The newest decisions that are looked at."""

# A case counts as judged once a person decided it after the rules did, or its line was struck for a confirmed scam.
# It bears the rule out where the person denied it, or where it was struck.
_FIGURES = sa.text(
    "WITH seen AS (SELECT id, registration_id, at, reasons, shadow FROM decision"
    "  WHERE operator_id = :op AND decided_by = 'rules' AND at >= :since ORDER BY at DESC LIMIT :most),"
    " spoke AS (SELECT s.registration_id, s.at, r.value AS reason, r.is_shadow FROM seen s CROSS JOIN LATERAL ("
    "   SELECT value, false AS is_shadow FROM jsonb_array_elements(s.reasons)"
    "   UNION ALL SELECT value, true FROM jsonb_array_elements(s.shadow)) AS r),"
    " judged AS (SELECT DISTINCT ON (d.registration_id) d.registration_id, d.verdict FROM decision d"
    "  WHERE d.operator_id = :op AND d.decided_by = 'person' AND d.at >= :since"
    "  ORDER BY d.registration_id, d.at DESC),"
    " struck AS (SELECT DISTINCT registration_id FROM holding WHERE operator_id = :op AND struck_at IS NOT NULL)"
    " SELECT reason->>'rule' AS rule, is_shadow,"
    "  count(*) FILTER (WHERE reason->>'unknown' IS NULL AND NOT (reason->>'failed')::boolean)::int AS hits,"
    "  count(*) FILTER (WHERE reason->>'unknown' IS NOT NULL OR (reason->>'failed')::boolean)::int AS doubts,"
    "  max(spoke.at) AS last,"
    "  count(*) FILTER (WHERE j.verdict IS NOT NULL OR k.registration_id IS NOT NULL)::int AS judged,"
    "  count(*) FILTER (WHERE j.verdict = 'denied' OR k.registration_id IS NOT NULL)::int AS borne_out"
    " FROM spoke LEFT JOIN judged j ON j.registration_id = spoke.registration_id"
    " LEFT JOIN struck k ON k.registration_id = spoke.registration_id GROUP BY 1, 2"
)


async def by_rule(reader: Reader, since: datetime) -> Mapping[tuple[str, bool], RuleFigures]:
    """By (rule, whether it spoke in shadow)."""
    given = {"op": reader.tenant, "since": since, "most": MOST}
    return {
        (row.rule, row.is_shadow): RuleFigures(row.hits, row.doubts, row.last, row.judged, row.borne_out)
        for row in await reader.all(_FIGURES, given)
    }
