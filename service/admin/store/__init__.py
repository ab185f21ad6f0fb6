"""What pages count and join over several domains. Reads alone; every write is a domain's own verb.

The tables belong to their domains, so nothing is imported from them here: the statements name what they read,
and the tests of the pages run every one. Each is bounded by a limit or by time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader
from service.registration.model import Registration
from service.registration.store import WrappedKey, of_row

_SINCE = "COALESCE(appealed_at, (outcome->>'decided_at')::timestamptz, created_at)"


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for people: cases, appeals among them, activations and changes the network did not take."""

    cases: int
    appeals: int
    activations: int
    changes: int

    @property
    def attention(self) -> int:
        return self.activations + self.changes


async def waiting(reader: Reader) -> Waiting:
    row = await reader.one(
        sa.text(
            "SELECT count(*) FILTER (WHERE state = 'in_review') AS cases,"
            " count(*) FILTER (WHERE state = 'in_review' AND appealed_at IS NOT NULL) AS appeals,"
            " count(*) FILTER (WHERE state = 'approved' AND activation->>'state' = 'failed') AS activations,"
            " (SELECT count(*) FROM line WHERE operator_id = :op AND apply_failed IS NOT NULL) AS changes"
            " FROM registration WHERE operator_id = :op AND state IN ('in_review', 'approved')"
        ),
        {"op": reader.tenant},
    )
    assert row is not None, "an aggregate has one row"
    return Waiting(row.cases, row.appeals, row.activations, row.changes)


async def failed_activations(reader: Reader, limit: int = 20) -> list[tuple[UUID, datetime, str]]:
    """(id, decided at, code) of approved registrations whose line the network did not bring up."""
    rows = await reader.all(
        sa.text(
            f"SELECT id, {_SINCE} AS at, COALESCE(activation->>'detail', 'unknown') AS detail FROM registration"
            " WHERE operator_id = :op AND state = 'approved' AND activation->>'state' = 'failed'"
            " ORDER BY id DESC LIMIT :most"
        ),
        {"op": reader.tenant, "most": limit},
    )
    return [(row.id, row.at, row.detail) for row in rows]


# The queue


async def queue(
    reader: Reader, *, appeals: bool | None = None, limit: int = 50, offset: int = 0
) -> list[tuple[Registration, datetime]]:
    """Cases in review with the instant since when they wait, the longest wait first."""
    which = {
        None: "",
        True: " AND appealed_at IS NOT NULL",
        False: " AND appealed_at IS NULL",
    }[appeals]
    rows = await reader.all(
        sa.text(
            f"SELECT *, {_SINCE} AS since FROM registration WHERE operator_id = :op AND state = 'in_review'{which}"
            " ORDER BY since, id LIMIT :most OFFSET :start"
        ),
        {"op": reader.tenant, "most": limit, "start": offset},
    )
    return [(of_row(row), row.since) for row in rows]


async def came_after(reader: Reader, after: UUID) -> int:
    """How many cases of the queue are newer than registration ``after``."""
    found = await reader.scalar(
        sa.text(
            "SELECT count(*) FROM registration WHERE operator_id = :op AND state = 'in_review' AND id > :after"
        ),
        {"op": reader.tenant, "after": after},
    )
    return int(found or 0)


_BY_PERSON = "outcome->>'decided_by' ~ '^[0-9a-f]{32}$' AND state <> 'in_review'"


async def decided_by_people(
    reader: Reader, *, limit: int = 50, offset: int = 0
) -> list[tuple[Registration, datetime]]:
    """What people decided in the last 30 days, the newest first."""
    rows = await reader.all(
        sa.text(
            "SELECT *, (outcome->>'decided_at')::timestamptz AS since FROM registration"
            f" WHERE operator_id = :op AND {_BY_PERSON}"
            " AND (outcome->>'decided_at')::timestamptz > :from_at ORDER BY since DESC, id LIMIT :most OFFSET :start"
        ),
        {
            "op": reader.tenant,
            "most": limit,
            "start": offset,
            "from_at": reader.now - timedelta(days=30),
        },
    )
    return [(of_row(row), row.since) for row in rows]


async def decided_count(reader: Reader) -> int:
    found = await reader.scalar(
        sa.text(
            f"SELECT count(*) FROM registration WHERE operator_id = :op AND {_BY_PERSON}"
            " AND (outcome->>'decided_at')::timestamptz > :from_at"
        ),
        {"op": reader.tenant, "from_at": reader.now - timedelta(days=30)},
    )
    return int(found or 0)


async def registrations(reader: Reader, ids: Sequence[UUID]) -> list[Registration]:
    """These of this operator, newest first."""
    if not ids:
        return []
    rows = await reader.all(
        sa.text("SELECT * FROM registration WHERE operator_id = :op AND id = ANY(:ids) ORDER BY id DESC"),
        {"op": reader.tenant, "ids": list(ids)},
    )
    return [of_row(row) for row in rows]


async def with_keys(reader: Reader, ids: Sequence[UUID]) -> list[tuple[Registration, WrappedKey | None]]:
    """These of this operator, each with its applicant's wrapped key; None where the applicant was erased."""
    rows = await reader.all(
        sa.text(
            "SELECT r.*, k.kek_id AS key_kek_id, k.wrapped AS key_wrapped FROM registration r"
            " LEFT JOIN subject_key k ON k.operator_id = r.operator_id AND k.id = r.subscriber_id"
            " WHERE r.operator_id = :op AND r.id = ANY(:ids)"
        ),
        {"op": reader.tenant, "ids": list(ids)},
    )
    return [
        (of_row(row), None if row.key_wrapped is None else (row.key_kek_id, row.key_wrapped)) for row in rows
    ]


async def found_by(
    reader: Reader,
    *,
    msisdn: Sequence[bytes] = (),
    iccid: Sequence[bytes] = (),
    subscribers: Sequence[UUID] = (),
    limit: int = 50,
) -> tuple[list[UUID], list[UUID]]:
    """Ids of registrations and of lines with one of these indexes or subscribers, newest first."""
    given = {
        "op": reader.tenant,
        "numbers": list(msisdn),
        "cards": list(iccid),
        "people": list(subscribers),
        "most": limit,
    }
    where = (
        " WHERE operator_id = :op AND (msisdn_idx = ANY(:numbers) OR iccid_idx = ANY(:cards)"
        " OR subscriber_id = ANY(:people)) ORDER BY id DESC LIMIT :most"
    )
    regs = await reader.all(sa.text("SELECT id FROM registration" + where), given)
    lines = await reader.all(sa.text("SELECT id FROM line" + where), given)
    return [row.id for row in regs], [row.id for row in lines]


# Overview


async def days(reader: Reader, since: datetime) -> dict[date, dict[str, int]]:
    """Registrations by UTC day of opening and state."""
    rows = await reader.all(
        sa.text(
            "SELECT (created_at AT TIME ZONE 'UTC')::date AS day, state, count(*) AS n FROM registration"
            " WHERE operator_id = :op AND created_at >= :since GROUP BY 1, 2"
        ),
        {"op": reader.tenant, "since": since},
    )
    counted: dict[date, dict[str, int]] = {}
    for row in rows:
        counted.setdefault(row.day, {})[row.state] = row.n
    return counted


async def rules_that_referred(reader: Reader, since: datetime, limit: int = 6) -> list[tuple[str, str, int]]:
    """(rule, effect, how often) of the rules that led to review or denial, the most frequent first."""
    rows = await reader.all(
        sa.text(
            "SELECT r->>'rule' AS rule, r->>'effect' AS effect, count(*) AS n"
            " FROM decision, jsonb_array_elements(reasons) AS r"
            " WHERE operator_id = :op AND at >= :since AND decided_by = 'rules'"
            " AND r->>'effect' IN ('review', 'denied') GROUP BY 1, 2 ORDER BY n DESC, rule LIMIT :most"
        ),
        {"op": reader.tenant, "since": since, "most": limit},
    )
    return [(row.rule, row.effect, row.n) for row in rows]


async def usual(reader: Reader, signals: Iterable[str]) -> dict[str, int]:
    """What nine of ten of the last 1000 registrations stay within, signal by signal; left out below 30 of them."""
    names = sorted(set(signals))
    if not names:
        return {}
    rows = await reader.all(
        sa.text(
            "SELECT s.name, count(*) AS n,"
            " percentile_disc(0.9) WITHIN GROUP (ORDER BY (d.signals->>s.name)::int) AS usual"
            " FROM (SELECT signals FROM decision WHERE operator_id = :op AND decided_by = 'rules'"
            "  AND at > :since ORDER BY at DESC LIMIT 1000) AS d"
            " CROSS JOIN unnest(CAST(:names AS text[])) AS s(name)"
            " WHERE jsonb_typeof(d.signals->s.name) = 'number' GROUP BY s.name HAVING count(*) >= 30"
        ),
        {"op": reader.tenant, "names": names, "since": reader.now - timedelta(days=60)},
    )
    return {row.name: row.usual for row in rows}


# Lines, dealers, people, audit


async def lines_by_state(reader: Reader) -> dict[str, int]:
    rows = await reader.all(
        sa.text("SELECT state, count(*) AS n FROM line WHERE operator_id = :op GROUP BY state"),
        {"op": reader.tenant},
    )
    return {row.state: row.n for row in rows}


@dataclass(frozen=True, slots=True)
class Activity:
    """A dealer's registrations today and in this hour, and those of its cases that wait."""

    today: int = 0
    hour: int = 0
    waiting: int = 0


async def activity(reader: Reader) -> dict[UUID, Activity]:
    hour = reader.now.replace(minute=0, second=0, microsecond=0)
    rows = await reader.all(
        sa.text(
            "SELECT dealer_id, sum(today)::int AS today, sum(hour)::int AS hour, sum(waits)::int AS waits FROM ("
            " SELECT dealer_id, created AS today, CASE WHEN hour = :hour THEN created ELSE 0 END AS hour, 0 AS waits"
            "  FROM dealer_hour WHERE operator_id = :op AND hour >= :day"
            " UNION ALL SELECT dealer_id, 0, 0, count(*) FROM registration"
            "  WHERE operator_id = :op AND state = 'in_review' AND dealer_id IS NOT NULL GROUP BY dealer_id"
            ") AS figures GROUP BY dealer_id"
        ),
        {"op": reader.tenant, "hour": hour, "day": hour.replace(hour=0)},
    )
    return {row.dealer_id: Activity(row.today, row.hour, row.waits) for row in rows}


@dataclass(frozen=True, slots=True)
class Names:
    """What ids are called on a page: codes of dealers and agents, names of clients, sign-in names of staff."""

    dealers: dict[UUID, str]
    agents: dict[UUID, str]
    clients: dict[UUID, str]
    staff: dict[UUID, str]


async def names(reader: Reader) -> Names:
    """Registers of some thousands at most, in one statement."""
    rows = await reader.all(
        sa.text(
            "SELECT 'dealer' AS kind, id, code AS name FROM dealer WHERE operator_id = :op"
            " UNION ALL SELECT 'agent', id, code FROM agent WHERE operator_id = :op"
            " UNION ALL SELECT 'client', id, name FROM client WHERE operator_id = :op"
            " UNION ALL SELECT 'staff', id, login FROM staff WHERE operator_id = :op"
        ),
        {"op": reader.tenant},
    )
    found: dict[str, dict[UUID, str]] = {"dealer": {}, "agent": {}, "client": {}, "staff": {}}
    for row in rows:
        found[row.kind][row.id] = row.name
    return Names(found["dealer"], found["agent"], found["client"], found["staff"])


async def seal_numbers(reader: Reader, entries: Sequence[UUID]) -> dict[UUID, int]:
    """The chain's number of each of these entries that is sealed."""
    rows = await reader.all(
        sa.text("SELECT entry_id, n FROM audit_seal WHERE operator_id = :op AND entry_id = ANY(:ids)"),
        {"op": reader.tenant, "ids": list(entries)},
    )
    return {row.entry_id: row.n for row in rows}


@dataclass(frozen=True, slots=True)
class ChainState:
    """``waits``: entries without a number; ``oldest``: the first of them; ``sealed_at``: when the newest got its
    number; ``head_*``: the newest signed head."""

    sealed: int
    link: bytes | None
    sealed_at: datetime | None
    head_n: int
    head_at: datetime | None
    waits: int
    oldest: datetime | None


async def chain(reader: Reader) -> ChainState:
    row: Any = await reader.one(
        sa.text(
            "SELECT s.n, s.link, s.sealed_at, h.n AS head_n, h.at AS head_at, w.n AS waits, w.oldest"
            " FROM (SELECT 1) AS one"
            " LEFT JOIN LATERAL (SELECT n, link, sealed_at FROM audit_seal WHERE operator_id = :op"
            "  ORDER BY n DESC LIMIT 1) AS s ON true"
            " LEFT JOIN LATERAL (SELECT n, at FROM audit_head WHERE operator_id = :op"
            "  ORDER BY n DESC LIMIT 1) AS h ON true"
            " LEFT JOIN LATERAL (SELECT count(*) AS n, min(e.at) AS oldest FROM audit_entry e"
            "  WHERE e.operator_id = :op AND NOT EXISTS (SELECT 1 FROM audit_seal x"
            "  WHERE x.operator_id = :op AND x.entry_id = e.id)) AS w ON true"
        ),
        {"op": reader.tenant},
    )
    link = None if row.link is None else bytes(row.link)
    return ChainState(
        row.n or 0, link, row.sealed_at, row.head_n or 0, row.head_at, row.waits or 0, row.oldest
    )
