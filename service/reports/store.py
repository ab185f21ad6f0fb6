"""Durable truth of reports and votes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from service.infra.postgres import Reader, Tx
from service.infra.statements import Statement
from service.kit.errors import NotFound, Stale
from service.reports.model import FALSE_REPORTS, Kind, Place, Report, State, Topic, Vote, Weighed, Why
from service.reports.tables import ReportRow, VoteRow

_REPORT, _VOTE = ReportRow.__table__, VoteRow.__table__
MOST_WEIGHED = 500
"""So many votes of a report are weighed together, one a reporter, the oldest first: whoever would fill these needs as
many proved numbers first, all with a line here."""

_SAME = (
    "id",
    "operator_id",
    "opened_at",
    "last_filed_at",
    "line_id",
    "registration_id",
    "holder_since",
    "votes",
    "counted",
    "corroborated_at",
    "decided_at",
    "decided_by",
    "reason",
    "appealed_at",
    "secret",
    "version",
)
_VOTED = tuple(
    name for name in (column.name for column in _VOTE.columns) if name not in ("operator_id", "kind", "why")
)
_OPEN = sa.text("state IN ('filed', 'corroborated')")


def _of(row: Any) -> Report:
    return Report(
        **{name: getattr(row, name) for name in _SAME},
        topic=Topic(row.topic),
        place=Place(row.place),
        state=State(row.state),
    )


def _vote(row: Any) -> Vote:
    return Vote(**{name: getattr(row, name) for name in _VOTED}, kind=Kind(row.kind), why=Why(row.why))


def _joined(filed_at: Any) -> dict[str, Any]:
    last = sa.func.greatest(_REPORT.c.last_filed_at, filed_at)
    return {"votes": _REPORT.c.votes + 1, "last_filed_at": last}


_ADDED = insert(ReportRow)
_JOIN = _ADDED.on_conflict_do_update(
    index_elements=["operator_id", "line_id", "topic"],
    index_where=sa.and_(_OPEN, sa.text("line_id IS NOT NULL")),
    set_=_joined(_ADDED.excluded.last_filed_at),
).returning(_REPORT)


async def join(tx: Tx, report: Report) -> Report:
    """The open report of this line and topic with one vote more, held until the transaction ends; ``report`` itself
    where there was none. Of many at once one opens it."""
    row = await tx.one(_JOIN.values(_values(report)))
    assert row is not None
    return _of(row)


async def join_elsewhere(tx: Tx, report: Report, indexes: Sequence[bytes]) -> Report:
    """The same of a number that is not ours, known by its ``indexes``, the primary first. The caller holds their locks:
    an index is never unique, or a rotation could not end (``security.md`` 1.11)."""
    row = await tx.one(
        sa.update(ReportRow)
        .where(
            _REPORT.c.operator_id == tx.tenant,
            _REPORT.c.number_idx.in_(indexes),
            _REPORT.c.topic == report.topic.value,
            _OPEN,
        )
        .values(_joined(report.last_filed_at))
        .returning(_REPORT)
    )
    if row is not None:
        return _of(row)
    tx.stage(sa.insert(ReportRow).values(_values(report) | {"number_idx": indexes[0]}))
    return report


def _values(report: Report) -> dict[str, Any]:
    enums = {name: getattr(report, name).value for name in ("topic", "place", "state")}
    return {name: getattr(report, name) for name in _SAME} | enums


async def add_vote(tx: Tx, vote: Vote) -> bool:
    """Insert it now; whether it was new."""
    values = {name: getattr(vote, name) for name in _VOTED}
    values |= {"operator_id": tx.tenant, "kind": vote.kind.value, "why": vote.why.value}
    added = insert(VoteRow).values(values).on_conflict_do_nothing().returning(VoteRow.id)
    return await tx.scalar(added) is not None


async def load(reader: Reader, report_id: UUID, *, lock: bool = False) -> Report:
    """By id; NotFound."""
    wanted = sa.select(_REPORT).where(_REPORT.c.operator_id == reader.tenant, _REPORT.c.id == report_id)
    row = await reader.one(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise NotFound()
    return _of(row)


async def voted(reader: Reader, vote_id: UUID) -> tuple[Vote, Report]:
    """A vote and its report; NotFound."""
    row = await reader.one(
        sa.select(_VOTE).where(_VOTE.c.operator_id == reader.tenant, _VOTE.c.id == vote_id)
    )
    if row is None:
        raise NotFound()
    return _vote(row), await load(reader, row.report_id)


async def save(tx: Tx, report: Report, *, expected: int) -> None:
    """Write its state whose version was ``expected``; Stale where somebody was faster."""
    changed = {
        "state": report.state.value,
        "counted": report.counted,
        "corroborated_at": report.corroborated_at,
        "decided_at": report.decided_at,
        "decided_by": report.decided_by,
        "reason": report.reason,
        "appealed_at": report.appealed_at,
        "version": expected + 1,
    }
    count = await tx.run(
        sa.update(ReportRow)
        .where(_REPORT.c.operator_id == tx.tenant, _REPORT.c.id == report.id, _REPORT.c.version == expected)
        .values(changed)
    )
    if count == 0:
        raise Stale()


def note_counted(tx: Tx, report_id: UUID, counted: int) -> None:
    """How many votes count, beside its version: nobody who is about to decide is turned away by it."""
    tx.stage(
        sa.update(ReportRow)
        .where(_REPORT.c.operator_id == tx.tenant, _REPORT.c.id == report_id)
        .values(counted=counted)
    )


async def newest_votes(reader: Reader, report_id: UUID, limit: int = MOST_WEIGHED) -> list[Vote]:
    """The newest first."""
    rows = await reader.all(
        sa.select(_VOTE)
        .where(_VOTE.c.operator_id == reader.tenant, _VOTE.c.report_id == report_id)
        .order_by(_VOTE.c.filed_at.desc(), _VOTE.c.id.desc())
        .limit(limit)
    )
    return [_vote(row) for row in rows]


_CANDIDATES = Statement(
    sa.text(
        # Of one reporter the first vote that may still count speaks: a thousand of theirs push nobody out.
        "SELECT * FROM (SELECT DISTINCT ON (v.line_id) v.* FROM report_vote v WHERE v.operator_id = :op"
        " AND v.report_id = :report AND v.line_id IS NOT NULL AND v.proved_at IS NOT NULL AND v.filed_at >= :since"
        " ORDER BY v.line_id, v.filed_at, v.id) c ORDER BY c.filed_at, c.id LIMIT :most"
    )
)
_UNWEIGHED = Statement(
    sa.text(
        "SELECT * FROM report_vote v WHERE v.operator_id = :op AND v.report_id = :report"
        " AND v.why = 'not-weighed' ORDER BY v.filed_at, v.id LIMIT :most"
    )
)


async def candidates(reader: Reader, report_id: UUID, since: datetime) -> list[Vote]:
    """What may count, one vote a reporter, and what was not looked at yet; each once."""
    given = {"op": reader.tenant, "report": report_id, "most": MOST_WEIGHED}
    rows = [*await reader.fetch(_CANDIDATES, since=since, **given), *await reader.fetch(_UNWEIGHED, **given)]
    return list({row.id: _vote(row) for row in rows}.values())


def note_worth(tx: Tx, worth: Iterable[Weighed]) -> None:
    for each in worth:
        tx.stage(
            sa.update(VoteRow)
            .where(_VOTE.c.operator_id == tx.tenant, _VOTE.c.id == each.vote_id)
            .values(why=each.why.value, weight=each.weight)
        )


_OUTCOMES = Statement(
    sa.text(
        "SELECT v.line_id AS line, r.state = 'confirmed' AS was_right, r.decided_at AS at FROM report_vote v"
        " JOIN report r ON r.operator_id = v.operator_id AND r.id = v.report_id"
        " WHERE v.operator_id = :op AND v.line_id = ANY(:lines) AND v.proved_at IS NOT NULL"
        " AND (r.state = 'confirmed' OR r.state = 'dismissed' AND r.reason = :false)"
        " AND r.decided_at > :since GROUP BY v.line_id, r.id, r.state, r.decided_at ORDER BY r.decided_at, r.id"
    ).bindparams(sa.bindparam("lines", type_=ARRAY(sa.Uuid)))
)


async def outcomes(reader: Reader, lines: Sequence[UUID], since: datetime) -> Mapping[UUID, list[bool]]:
    """By the reporter's line, what became of the reports that they had a proved vote in, oldest first: True where one
    was confirmed, False where it was dismissed as false."""
    found: dict[UUID, list[bool]] = {}
    if lines:
        for row in await reader.fetch(
            _OUTCOMES, op=reader.tenant, lines=list(lines), since=since, false=FALSE_REPORTS
        ):
            found.setdefault(row.line, []).append(row.was_right)
    return found


async def listed(
    reader: Reader,
    *,
    limit: int,
    before: UUID | None = None,
    states: Iterable[State] = (),
    place: Place | None = None,
) -> list[Report]:
    """Newest first."""
    wanted = sa.select(_REPORT).where(_REPORT.c.operator_id == reader.tenant)
    if before is not None:
        wanted = wanted.where(_REPORT.c.id < before)
    if states := tuple(states):
        wanted = wanted.where(_REPORT.c.state.in_([state.value for state in states]))
    if place is not None:
        wanted = wanted.where(_REPORT.c.place == place.value)
    return [_of(row) for row in await reader.all(wanted.order_by(_REPORT.c.id.desc()).limit(limit))]


async def counts(reader: Reader) -> Mapping[tuple[Place, State], int]:
    """How many there are of each place and state."""
    rows = await reader.all(
        sa.select(_REPORT.c.place, _REPORT.c.state, sa.func.count().label("many"))
        .where(_REPORT.c.operator_id == reader.tenant)
        .group_by(_REPORT.c.place, _REPORT.c.state)
    )
    return {(Place(row.place), State(row.state)): row.many for row in rows}


async def kinds(reader: Reader, reports: Sequence[UUID]) -> Mapping[UUID, Sequence[Kind]]:
    """What is said to have happened, the most frequent first."""
    rows = await reader.all(
        sa.select(_VOTE.c.report_id, _VOTE.c.kind)
        .where(_VOTE.c.operator_id == reader.tenant, _VOTE.c.report_id.in_(reports))
        .group_by(_VOTE.c.report_id, _VOTE.c.kind)
        .order_by(sa.func.count().desc(), _VOTE.c.kind)
    )
    found: dict[UUID, list[Kind]] = {}
    for row in rows:
        found.setdefault(row.report_id, []).append(Kind(row.kind))
    return found


async def elsewhere(tx: Tx, after: UUID, limit: int) -> list[tuple[UUID, bytes]]:
    """Reports on numbers that are not ours, ascending by id, above ``after``: the id and the sealed number."""
    rows = await tx.all(
        sa.select(_REPORT.c.id, _REPORT.c.secret)
        .where(
            _REPORT.c.operator_id == tx.tenant,
            _REPORT.c.place == Place.ELSEWHERE.value,
            _REPORT.c.id > after,
            _REPORT.c.secret.is_not(None),
        )
        .order_by(_REPORT.c.id)
        .limit(limit)
        .with_for_update()
    )
    return [(row.id, row.secret) for row in rows]


def set_number_index(tx: Tx, report_id: UUID, index: bytes) -> None:
    tx.stage(
        sa.update(ReportRow)
        .where(_REPORT.c.operator_id == tx.tenant, _REPORT.c.id == report_id)
        .values(number_idx=index)
    )


def forget(tx: Tx, subscriber_id: UUID) -> None:
    """A reporter's votes lose their note and whose they are; that they were filed stays."""
    tx.stage(
        sa.update(VoteRow)
        .where(_VOTE.c.operator_id == tx.tenant, _VOTE.c.subscriber_id == subscriber_id)
        .values(
            sealed=None,
            line_id=None,
            registration_id=None,
            subscriber_id=None,
            line_since=None,
            line_dealer_id=None,
            sim_changed_at=None,
            weight=None,
            why=Why.ERASED.value,
        )
    )


async def purge(tx: Tx, before: datetime) -> int:
    """Delete what was decided, or had its last vote and waits for nobody, before an instant; how many."""
    over = sa.case((_REPORT.c.decided_at.is_not(None), _REPORT.c.decided_at), else_=_REPORT.c.last_filed_at)
    waits = (State.CORROBORATED.value, State.APPEALED.value)
    return await tx.run(
        sa.delete(ReportRow).where(
            _REPORT.c.operator_id == tx.tenant, over < before, _REPORT.c.state.not_in(waits)
        )
    )
