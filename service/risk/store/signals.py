"""What a decision gathers beside the counts that grant something scarce: one statement, outside any lock.

Of each thing the newest lines are looked at, so that a supernode (a hostel's address, a large dealer) costs no more
than any other. What was stopped for scam is found by an index of its own, however old.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader
from service.infra.statements import Statement
from service.risk.model import Blind, MarkKind, Value
from service.risk.model.catalogue import LONG_AGO, WINDOWS
from service.risk.rules import Parameters
from service.risk.rules.rates import burst, share, shrunken
from service.risk.store.holdings import SCAM, STOPPED, STRUCK

NEWEST = 200
NEWEST_OF_SELLER = 1_000

_SPACED = ("document", "person", "device")
_SHARED = ("address", "contact", "payment")
_SELLERS = ("dealer", "agent")
_DENIED = ("document", "personal_number", "person", "device", *_SHARED)

_GATHER = Statement(
    sa.text(f"""
WITH k (kind, idx) AS (SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:idxs AS bytea[])))
SELECT k.kind AS label,
  count(*) FILTER (WHERE h.state IN ('approved', 'live')) AS lines,
  count(*) FILTER (WHERE h.opened_at > :since_1d) AS day,
  count(*) FILTER (WHERE h.opened_at > :since_7d) AS week,
  count(*) FILTER (WHERE h.opened_at > :since_30d) AS month,
  count(DISTINCT who.idx) AS others, min(h.opened_at) AS first, max(h.opened_at) AS last
FROM k CROSS JOIN LATERAL (SELECT * FROM holding x
  WHERE x.operator_id = :operator AND x.idx = k.idx AND x.kind = k.kind AND x.state <> 'released'
  ORDER BY x.opened_at DESC LIMIT {NEWEST}) h
LEFT JOIN LATERAL (SELECT w.idx FROM holding w WHERE w.operator_id = :operator
  AND w.registration_id = h.registration_id AND w.kind IN ('person', 'document')
  ORDER BY w.kind DESC LIMIT 1) who ON k.kind NOT IN ('document', 'person')
WHERE k.kind IN ('document', 'person', 'device', 'address', 'contact', 'payment') GROUP BY k.kind
UNION ALL
SELECT 'stopped_' || k.kind, count(*) FILTER (WHERE {SCAM}), count(*) FILTER (WHERE {STRUCK}), 0, 0, 0, NULL, NULL
FROM k JOIN holding h ON h.operator_id = :operator AND h.idx = k.idx AND h.kind = k.kind
  AND (h.scam_at IS NOT NULL OR h.struck_at IS NOT NULL)
WHERE k.kind IN ('address', 'contact', 'payment', 'block')
  OR (k.kind = 'agent' AND (h.scam_at > :seller_since OR h.struck_at > :seller_since)) GROUP BY k.kind
UNION ALL
SELECT 'seller_' || k.kind, count(*), count(*) FILTER (WHERE h.opened_at > :since_1d),
  count(*) FILTER (WHERE {STOPPED}), count(*) FILTER (WHERE
    (CAST(extract(hour FROM h.opened_at AT TIME ZONE 'UTC') AS integer) - :night_from + 24) % 24
      < (:night_until - :night_from + 24) % 24),
  0, min(h.opened_at), max(h.opened_at)
FROM k CROSS JOIN LATERAL (SELECT * FROM holding x
  WHERE x.operator_id = :operator AND x.idx = k.idx AND x.kind = k.kind AND x.state <> 'released'
    AND x.opened_at > :seller_since ORDER BY x.opened_at DESC LIMIT {NEWEST_OF_SELLER}) h
WHERE k.kind IN ('dealer', 'agent') GROUP BY k.kind
UNION ALL
SELECT 'peers_' || p.kind, p.lines, p.stopped, 0, 0, 0, NULL, NULL FROM peer_rate p WHERE p.operator_id = :operator
UNION ALL
SELECT 'denied_' || k.kind, count(DISTINCT d.registration_id), 0, 0, 0, 0, NULL, NULL
FROM k JOIN denied_key d ON d.operator_id = :operator AND d.idx = k.idx AND d.kind = k.kind
WHERE d.at > :denied_since AND d.registration_id <> :registration GROUP BY k.kind
UNION ALL
SELECT 'mark_' || m.kind, count(*), 0, 0, 0, 0, NULL, NULL
FROM k JOIN identity_mark m ON m.operator_id = :operator AND m.idx = k.idx AND m.of = k.kind
WHERE m.lifted_at IS NULL AND m.set_at <= :now AND (m.until IS NULL OR m.until > :now) GROUP BY m.kind
""")
)


async def gather(
    reader: Reader, registration_id: UUID, keys: Mapping[str, Blind], p: Parameters, now: datetime
) -> dict[str, Value | None]:
    """Signals by name. What a registration does not name has no lines: 0, and known; its sellers' rates are
    unknown until the peers were counted."""
    hour, day = timedelta(hours=1), timedelta(days=1)
    pairs = [(kind, index) for kind, blind in keys.items() for index in blind.every]
    rows = await reader.fetch(
        _GATHER,
        operator=reader.tenant,
        registration=registration_id,
        kinds=[kind for kind, _ in pairs],
        idxs=[index for _, index in pairs],
        now=now,
        strike_since=now - day * p.strike_days,
        seller_since=now - day * p.dealer_scam_days,
        denied_since=now - day * p.denial_days,
        night_from=p.night_from,
        night_until=p.night_until,
        **{f"since_{days}d": now - day * days for days in WINDOWS},
    )
    found: dict[str, Any] = {row.label: row for row in rows}
    signals: dict[str, Value | None] = {
        "identity_frozen": f"mark_{MarkKind.FROZEN}" in found,
        "document_reported_lost": f"mark_{MarkKind.DOCUMENT_LOST}" in found,
    }
    for kind in _SPACED:
        row = found.get(kind)
        for days, name in zip(WINDOWS, ("day", "week", "month"), strict=True):
            signals[f"lines_on_{kind}_{days}d"] = getattr(row, name) if row else 0
        signals[f"hours_since_line_on_{kind}"] = (now - row.last) // hour if row else LONG_AGO
    for kind in ("device", *_SHARED):
        row = found.get(kind)
        signals[f"persons_on_{kind}"] = row.others if row else 0
        if kind != "device":
            signals[f"lines_on_{kind}"] = row.lines if row else 0
    for kind in (*_SHARED, "agent", "block"):
        row = found.get(f"stopped_{kind}")
        signals[f"scam_on_{kind}"] = row.lines if row else 0
        if kind != "block":
            signals[f"strikes_on_{kind}"] = row.day if row else 0
    for kind in _DENIED:
        row = found.get(f"denied_{kind}")
        signals[f"denials_on_{kind}"] = row.lines if row else 0
    for kind in _SELLERS:
        signals |= _seller(kind, kind in keys, found, p, now)
    peers = found.get("peers_dealer")
    signals["peer_scam_rate_permille"] = 1_000 * peers.day // peers.lines if peers and peers.lines else None
    return signals


def _seller(
    kind: str, is_named: bool, found: Mapping[str, Any], p: Parameters, now: datetime
) -> dict[str, Value | None]:
    """A seller's figures. Of a registration that names none they are unknown: nobody is no good seller."""
    names = (f"{kind}_scam_rate_permille", f"{kind}_burst", f"{kind}_night_share")
    if not is_named:
        return dict.fromkeys(names)
    row, peers = found.get(f"seller_{kind}"), found.get(f"peers_{kind}")
    lines, today, stopped, night = (row.lines, row.day, row.week, row.month) if row else (0, 0, 0, 0)
    rate = shrunken(stopped, lines, peers.day, peers.lines, p.peer_lines) if peers else None
    span = now - timedelta(days=1) - row.first if row else timedelta(0)
    return dict(zip(names, (rate, burst(today, lines - today, span), share(night, lines)), strict=True))


_PEERS = Statement(
    sa.text(f"""
INSERT INTO peer_rate (operator_id, kind, lines, stopped, at)
SELECT :operator, k.kind, count(h.id), count(h.id) FILTER (WHERE {STOPPED}), :now
FROM (VALUES ('dealer'), ('agent')) AS k (kind)
LEFT JOIN holding h ON h.operator_id = :operator AND h.kind = k.kind AND h.state <> 'released'
  AND h.opened_at > :seller_since
GROUP BY k.kind
ON CONFLICT (operator_id, kind) DO UPDATE SET lines = excluded.lines, stopped = excluded.stopped, at = excluded.at
  WHERE peer_rate.at <= excluded.at
""")
)


def count_peers(tx: Any, p: Parameters) -> None:
    """Stage the count of all sellers' lines, and of those stopped for scam: a scan, for a chore."""
    day = timedelta(days=1)
    tx.stage(
        _PEERS,
        {
            "operator": tx.tenant,
            "now": tx.now,
            "strike_since": tx.now - day * p.strike_days,
            "seller_since": tx.now - day * p.dealer_scam_days,
        },
    )
