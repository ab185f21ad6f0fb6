"""Durable history of codes: written from the stream, read by staff, by ``GET`` and by a replay."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.infra.postgres import Reader, Tx
from service.infra.statements import Statement
from service.otp.model import CodeEvent, Handed, Notice, NoticeKind, Told
from service.otp.tables import NoticeRow, OtpEventRow

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


# Messages without a code

_NOTICE = cast(sa.Table, NoticeRow.__table__)
_REOPENED = sa.and_(
    _NOTICE.c.due_at.is_(None), _NOTICE.c.outcome.in_([Handed.MONEY.value, Handed.SENDER.value])
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice that is to be handed over now; nobody else does before its lease is over."""

    id: UUID
    kind: NoticeKind
    about: UUID
    way: str
    subject: UUID
    sealed: bytes = field(repr=False)
    made_at: datetime
    tries: int


async def claim(tx: Tx, notice: Notice, notice_id: UUID, sealed: bytes, lease: datetime) -> Waiting | Handed:
    """Take a notice for handing it over, made if there was none; else how it stands. One that could not be sent and is
    over begins anew."""
    n, now = _NOTICE.c, tx.now
    made = insert(_NOTICE).values(
        operator_id=tx.tenant,
        id=notice_id,
        kind=notice.kind.value,
        about=notice.about,
        way=notice.way,
        subscriber_id=notice.subject,
        sealed=sealed,
        made_at=now,
        tries=1,
        due_at=lease,
    )
    new = made.excluded
    row = await tx.one(
        made.on_conflict_do_update(
            index_elements=[n.operator_id, n.id],
            set_={
                "sealed": new.sealed,
                "due_at": new.due_at,
                "made_at": sa.case((n.due_at.is_(None), new.made_at), else_=n.made_at),
                "tries": sa.case((n.due_at.is_(None), 1), else_=n.tries + 1),
            },
            where=sa.or_(n.due_at <= now, _REOPENED),
        ).returning(*n)
    )
    if row is not None:
        return _waiting(row)
    stands = await tx.one(sa.select(n.outcome, n.due_at).where(n.operator_id == tx.tenant, n.id == notice_id))
    if stands is None or stands.due_at is not None:
        return Handed.BUSY
    return Handed(stands.outcome)


async def claim_due(tx: Tx, lease: datetime) -> Waiting | None:
    """Take the notice that has been due for longest; None where none is."""
    n = _NOTICE.c
    first = (
        sa.select(n.id)
        .where(n.operator_id == tx.tenant, n.due_at <= tx.now)
        .order_by(n.due_at, n.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = await tx.one(
        sa.update(_NOTICE)
        .where(n.operator_id == tx.tenant, n.id == first.scalar_subquery())
        .values(due_at=lease, tries=n.tries + 1)
        .returning(*n)
    )
    return None if row is None else _waiting(row)


def settle(tx: Tx, notice_id: UUID, outcome: Handed, due: datetime | None) -> None:
    """Stage what became of a try, and when the next one is. Content is kept for a next one alone. A notice that was
    dropped meanwhile has no next one."""
    stands = sa.true() if outcome is Handed.SENT else _NOTICE.c.due_at.is_not(None)
    tx.stage(
        sa.update(_NOTICE)
        .where(_NOTICE.c.operator_id == tx.tenant, _NOTICE.c.id == notice_id, stands)
        .values(
            outcome=outcome.value,
            due_at=due,
            sent_at=tx.now if outcome is Handed.SENT else None,
            **({} if due else {"sealed": None}),
        )
    )


def drop(tx: Tx, kind: NoticeKind, about: UUID, but: str) -> None:
    """Stage the end of what waits about something, ``but`` for one way."""
    n = _NOTICE.c
    tx.stage(
        sa.update(_NOTICE)
        .where(
            n.operator_id == tx.tenant,
            n.due_at.is_not(None),
            n.kind == kind.value,
            n.about == about,
            n.way != but,
        )
        .values(outcome=Handed.OVER.value, due_at=None, sealed=None)
    )


async def told(reader: Reader, since: datetime) -> Sequence[Told]:
    """Notices that wait, and those since an instant that were never sent, by kind and by what stands in their way."""
    n = _NOTICE.c
    waits = n.due_at.is_not(None)
    rows = await reader.all(
        sa.select(
            n.kind,
            sa.func.coalesce(n.outcome, Handed.BUSY.value).label("outcome"),
            waits.label("waits"),
            sa.func.count().label("many"),
            sa.func.min(n.made_at).label("since"),
        )
        .where(n.operator_id == reader.tenant, n.sent_at.is_(None), sa.or_(waits, n.made_at > since))
        .group_by(n.kind, sa.text("2"), waits)
        .order_by(n.kind, sa.text("2"), waits.desc())
    )
    return [Told(NoticeKind(row.kind), Handed(row.outcome), row.waits, row.many, row.since) for row in rows]


async def purge_notices(tx: Tx, before: datetime) -> None:
    await tx.run(
        sa.delete(_NOTICE).where(
            _NOTICE.c.operator_id == tx.tenant, _NOTICE.c.due_at.is_(None), _NOTICE.c.made_at < before
        )
    )


def _waiting(row: Any) -> Waiting:
    return Waiting(
        row.id,
        NoticeKind(row.kind),
        row.about,
        row.way,
        row.subscriber_id,
        row.sealed,
        row.made_at,
        row.tries,
    )
