"""Durable truth of lines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError

from service.infra.postgres import Reader, Tx
from service.infra.statements import Statement
from service.kit.errors import NotFound, Stale
from service.lines.model import Line, NumberInUse, SimInUse, State
from service.lines.rules import due_at
from service.lines.tables import LineRow

_LINE = LineRow.__table__
_SAME = (
    "id",
    "operator_id",
    "subscriber_id",
    "registration_id",
    "dealer_id",
    "assurance",
    "country",
    "sealed",
    "holder_since",
    "active_since",
    "sim_changed_at",
    "probation_until",
    "probation_since",
    "probation_days",
    "ordinary_days",
    "judged_to",
    "used_on",
    "handset_changed_at",
    "service_until",
    "held_until",
    "labelled_until",
    "awaiting_until",
    "quarantine_until",
    "closed_at",
    "applied_version",
    "apply_failed",
    "version",
)
"""Columns that are fields of the same name."""

_FIXED = ("id", "operator_id", "subscriber_id", "registration_id", "dealer_id", "country", "holder_since")


def _values(line: Line) -> dict[str, Any]:
    row = {name: getattr(line, name) for name in _SAME}
    return row | {"state": line.state.value, "reasons": list(line.reasons), "due_at": due_at(line)}


_ON = Statement(
    sa.select(_LINE).where(
        _LINE.c.operator_id == sa.bindparam("op"),
        _LINE.c.state != sa.literal_column(f"'{State.CLOSED.value}'"),
        sa.or_(
            _LINE.c.msisdn_idx == sa.any_(sa.bindparam("numbers", type_=ARRAY(sa.LargeBinary))),
            _LINE.c.iccid_idx == sa.any_(sa.bindparam("cards", type_=ARRAY(sa.LargeBinary))),
        ),
    )
)


def _of(row: Any) -> Line:
    """The line of a row: SQLAlchemy's, or a compiled statement's named tuple."""
    return Line(
        **{name: getattr(row, name) for name in _SAME}, state=State(row.state), reasons=tuple(row.reasons)
    )


async def add(tx: Tx, line: Line, msisdn_idx: bytes, iccid_idx: bytes | None) -> None:
    """Insert it now. Raises NumberInUse or SimInUse where a unique index says no."""
    try:
        await tx.run(
            sa.insert(LineRow).values(_values(line) | {"msisdn_idx": msisdn_idx, "iccid_idx": iccid_idx})
        )
    except IntegrityError as error:
        name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        if name == "uq_line_open_msisdn":
            raise NumberInUse() from None
        if name == "uq_line_open_iccid":
            raise SimInUse() from None
        raise


@dataclass(frozen=True, slots=True)
class Card:
    """The index of a line's new card; None where an eSIM has none yet."""

    index: bytes | None


async def save(tx: Tx, line: Line, *, expected: int, card: Card | None = None) -> None:
    """Write the line whose version was ``expected``; Stale where somebody was faster. ``card``: another than it
    had; SimInUse where a unique index says no."""
    changed = {name: value for name, value in _values(line).items() if name not in _FIXED}
    if card is not None:
        changed["iccid_idx"] = card.index
    try:
        count = await tx.run(
            sa.update(LineRow)
            .where(_LINE.c.operator_id == tx.tenant, _LINE.c.id == line.id, _LINE.c.version == expected)
            .values(changed | {"version": expected + 1})
        )
    except IntegrityError as error:
        if getattr(getattr(error.orig, "diag", None), "constraint_name", None) == "uq_line_open_iccid":
            raise SimInUse() from None
        raise
    if count == 0:
        raise Stale()


async def load(reader: Reader, line_id: UUID, *, lock: bool = False) -> Line:
    """By id; NotFound."""
    return await _one(reader, _LINE.c.id == line_id, lock)


async def by_registration(reader: Reader, registration_id: UUID, *, lock: bool = False) -> Line:
    """The line that a registration opened; NotFound."""
    return await _one(reader, _LINE.c.registration_id == registration_id, lock)


async def by_registrations(reader: Reader, registrations: Sequence[UUID]) -> list[Line]:
    """The lines that any of the registrations opened."""
    wanted = sa.select(_LINE).where(
        _LINE.c.operator_id == reader.tenant, _LINE.c.registration_id.in_(registrations)
    )
    return [_of(row) for row in await reader.all(wanted)]


async def _one(reader: Reader, which: sa.ColumnElement[bool], lock: bool) -> Line:
    wanted = sa.select(_LINE).where(_LINE.c.operator_id == reader.tenant, which)
    row = await reader.one(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise NotFound()
    return _of(row)


async def current(reader: Reader, msisdn: tuple[bytes, ...], *, lock: bool = False) -> Line:
    """The line that the number has now, a quarantined one included; NotFound where it has none.

    A line whose number is free again belongs to the past: nothing of an old holder is shown.
    """
    wanted = (
        sa.select(_LINE)
        .where(
            _LINE.c.operator_id == reader.tenant,
            _LINE.c.msisdn_idx.in_(msisdn),
            _LINE.c.state != State.CLOSED.value,
            sa.or_(_LINE.c.quarantine_until.is_(None), _LINE.c.quarantine_until > reader.now),
        )
        .order_by(_LINE.c.id.desc())
        .limit(1)
    )
    row = await reader.one(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise NotFound()
    return _of(row)


async def current_of(reader: Reader, numbers: Mapping[str, tuple[bytes, ...]]) -> dict[str, Line]:
    """As :func:`current` of several numbers at once, each with its indexes: those that have a line."""
    wanted = (
        sa.select(_LINE)
        .where(
            _LINE.c.operator_id == reader.tenant,
            _LINE.c.msisdn_idx.in_([index for every in numbers.values() for index in every]),
            _LINE.c.state != State.CLOSED.value,
            sa.or_(_LINE.c.quarantine_until.is_(None), _LINE.c.quarantine_until > reader.now),
        )
        .order_by(_LINE.c.id)
    )
    rows = await reader.all(wanted)
    return {number: _of(row) for row in rows for number, every in numbers.items() if row.msisdn_idx in every}


async def on(
    reader: Reader, msisdn: tuple[bytes, ...], iccid: tuple[bytes, ...]
) -> tuple[list[Line], list[Line]]:
    """Every line not yet free of this number, and of this card."""
    rows = await reader.fetch(_ON, op=reader.tenant, numbers=list(msisdn), cards=list(iccid))
    on_number = [_of(row) for row in rows if row.msisdn_idx in msisdn]
    on_sim = [_of(row) for row in rows if row.iccid_idx in iccid]
    return on_number, on_sim


async def on_sim(reader: Reader, iccid: tuple[bytes, ...]) -> list[Line]:
    """Every line not yet free of this card."""
    return (await on(reader, (), iccid))[1]


async def to_judge(
    reader: Reader, before: date, after: UUID | None, limit: int, *, on_probation: bool
) -> list[Line]:
    """Open lines whose days up to ``before`` (excluded) were not all judged, ascending by id, above ``after``;
    ``on_probation``: of those that are on it alone."""
    wanted = sa.select(_LINE).where(
        _LINE.c.operator_id == reader.tenant,
        _LINE.c.state.in_([state.value for state in State if state.is_open]),
        sa.or_(_LINE.c.judged_to.is_(None), _LINE.c.judged_to < before - timedelta(days=1)),
    )
    if on_probation:
        wanted = wanted.where(_LINE.c.probation_until.is_not(None))
    if after is not None:
        wanted = wanted.where(_LINE.c.id > after)
    return [_of(row) for row in await reader.all(wanted.order_by(_LINE.c.id).limit(limit))]


def mark_judged(tx: Tx, line: Line) -> None:
    """Stage what was counted of a line's use. It is a measure and changes nothing for anybody, so that the version
    stays; ``judged_to`` only moves forward."""
    counted = ("ordinary_days", "judged_to", "used_on", "handset_changed_at", "probation_until")
    tx.stage(
        sa.update(LineRow)
        .where(
            _LINE.c.operator_id == tx.tenant,
            _LINE.c.id == line.id,
            _LINE.c.version == line.version,
            sa.or_(_LINE.c.judged_to.is_(None), _LINE.c.judged_to < line.judged_to),
        )
        .values({name: getattr(line, name) for name in counted})
    )


async def due(tx: Tx, limit: int) -> list[Line]:
    """Lines that time changes now, locked; those that another worker holds are left to it."""
    rows = await tx.all(
        sa.select(_LINE)
        .where(_LINE.c.operator_id == tx.tenant, _LINE.c.due_at <= tx.now)
        .order_by(_LINE.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_of(row) for row in rows]


async def listed(
    reader: Reader,
    *,
    limit: int,
    before: UUID | None = None,
    states: Iterable[State] = (),
    waits_for_staff: bool = False,
) -> list[Line]:
    """Newest first."""
    wanted = sa.select(_LINE).where(_LINE.c.operator_id == reader.tenant)
    if before is not None:
        wanted = wanted.where(_LINE.c.id < before)
    if states := tuple(states):
        wanted = wanted.where(_LINE.c.state.in_([state.value for state in states]))
    if waits_for_staff:
        wanted = wanted.where(_LINE.c.apply_failed.is_not(None))
    return [_of(row) for row in await reader.all(wanted.order_by(_LINE.c.id.desc()).limit(limit))]


async def of_subscriber(reader: Reader, subscriber_id: UUID, *, lock: bool = False) -> list[Line]:
    """Every line of a holder that was not forgotten."""
    wanted = sa.select(_LINE).where(
        _LINE.c.operator_id == reader.tenant,
        _LINE.c.subscriber_id == subscriber_id,
        _LINE.c.sealed.is_not(None),
    )
    return [_of(row) for row in await reader.all(wanted.with_for_update() if lock else wanted)]


async def closed_holders(reader: Reader, after: UUID | None, limit: int) -> list[UUID]:
    """Subscribers with a closed line that was not forgotten, ascending by id, above ``after``."""
    wanted = (
        sa.select(_LINE.c.subscriber_id)
        .where(
            _LINE.c.operator_id == reader.tenant,
            _LINE.c.state == State.CLOSED.value,
            _LINE.c.sealed.is_not(None),
        )
        .distinct()
        .order_by(_LINE.c.subscriber_id)
        .limit(limit)
    )
    if after is not None:
        wanted = wanted.where(_LINE.c.subscriber_id > after)
    return [row.subscriber_id for row in await reader.all(wanted)]


def mark_applied(tx: Tx, line_id: UUID, version: int, failed: str | None) -> None:
    """Note what the network said about a version, without touching the aggregate's own version.

    Success only ever moves forward; a failure is noted only while nothing newer was confirmed.
    """
    wanted = sa.update(LineRow).where(_LINE.c.operator_id == tx.tenant, _LINE.c.id == line_id)
    if failed is None:
        wanted = wanted.where(_LINE.c.applied_version < version)
        tx.stage(wanted.values(applied_version=version, apply_failed=None))
    else:
        tx.stage(wanted.where(_LINE.c.applied_version < version).values(apply_failed=failed))


def forget(tx: Tx, subscriber_id: UUID) -> None:
    """Drop number, card and their indexes of a holder's closed lines; others keep what they need."""
    tx.stage(
        sa.update(LineRow)
        .where(
            _LINE.c.operator_id == tx.tenant,
            _LINE.c.subscriber_id == subscriber_id,
            _LINE.c.state == State.CLOSED.value,
        )
        .values(sealed=None, msisdn_idx=None, iccid_idx=None)
    )
