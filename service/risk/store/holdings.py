"""Holdings: counting them, taking them, following a line's life."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.dialects.postgresql import insert as upsert

from service.infra.postgres import Reader, Tx
from service.kit.ids import new_id
from service.risk.model import Blind, Evidence, HoldingKind, HoldingState, Value
from service.risk.rules import Parameters
from service.risk.tables import HoldingRow

_H = HoldingRow
_IDENTITY = (HoldingKind.DOCUMENT, HoldingKind.PERSONAL_NUMBER, HoldingKind.PERSON)
_COUNTED = {HoldingKind.DOCUMENT, HoldingKind.PERSONAL_NUMBER, HoldingKind.PERSON, HoldingKind.DEVICE}


def _any(keys: Collection[bytes]) -> sa.ColumnElement[bool]:
    """``idx = ANY(…)``: one plan whatever the number of keys."""
    return sa.any_(sa.cast(list(keys), ARRAY(BYTEA))) == _H.idx


def _counting(now: datetime, p: Parameters) -> sa.ColumnElement[bool]:
    """A line that counts for the cap: not ended, or opened within the window, or closed a short while ago.

    One that was released before it ever went live does not count.
    """
    return sa.or_(
        _H.state.in_([HoldingState.APPROVED, HoldingState.LIVE]),
        sa.and_(
            _H.state == HoldingState.CLOSED,
            sa.or_(
                _H.opened_at > now - timedelta(days=p.window_days),
                _H.closed_at > now - timedelta(days=p.refill_days),
            ),
        ),
    )


def _scam(now: datetime, p: Parameters) -> sa.ColumnElement[bool]:
    """Stopped for scam and not reinstated since; while the line is not closed, or within ``strike_days``."""
    return sa.and_(
        _H.scam_at > sa.func.coalesce(_H.lifted_at, sa.text("'-infinity'::timestamptz")),
        sa.or_(
            _H.scam_at > now - timedelta(days=p.strike_days),
            _H.state.in_([HoldingState.APPROVED, HoldingState.LIVE]),
        ),
    )


def _struck(now: datetime, p: Parameters) -> sa.ColumnElement[bool]:
    """A confirmed strike that was not undone and has not decayed."""
    return sa.and_(
        _H.struck_at > sa.func.coalesce(_H.lifted_at, sa.text("'-infinity'::timestamptz")),
        _H.struck_at > now - timedelta(days=p.strike_days),
    )


def _row(
    tenant: UUID,
    label: str,
    *where: sa.ColumnElement[bool],
    lines: sa.ColumnElement[bool],
    scam: sa.ColumnElement[bool],
    strikes: sa.ColumnElement[bool],
) -> sa.Select[str, int, int, int, int]:
    """One row of counts: lines, those of them on unproven evidence, stopped for scam, struck."""
    count = sa.func.count()
    return sa.select(
        sa.literal(label).label("label"),
        count.filter(lines).label("lines"),
        count.filter(lines, _H.evidence == Evidence.LIMITED).label("unproven"),
        count.filter(scam).label("scam"),
        count.filter(strikes).label("strikes"),
    ).where(_H.operator_id == tenant, *where)


def _selects(
    tenant: UUID, keys: Mapping[HoldingKind, Blind], p: Parameters, now: datetime, scarce: bool
) -> list[sa.Select[str, int, int, int, int]]:
    counting = _counting(now, p)
    kept = _H.state != HoldingState.RELEASED
    day = now - timedelta(hours=24)
    scam, struck = _scam(now, p), _struck(now, p)
    never = sa.false()
    found: list[sa.Select[str, int, int, int, int]] = []
    for kind, blind in keys.items():
        if kind in _IDENTITY or (kind is HoldingKind.DEVICE and not scarce):
            recent = sa.and_(kept, _H.opened_at > now - timedelta(days=p.device_days))
            found.append(
                _row(
                    tenant,
                    kind.value,
                    _H.kind == kind,
                    _any(blind.every),
                    lines=recent if kind is HoldingKind.DEVICE else counting,
                    scam=scam,
                    strikes=struck,
                )
            )
    if person := keys.get(HoldingKind.PERSON):
        documents = keys[HoldingKind.DOCUMENT].every if HoldingKind.DOCUMENT in keys else ()
        found.append(
            _row(
                tenant,
                "predecessor",
                *_predecessor(person, documents, p, now),
                lines=counting,
                scam=never,
                strikes=never,
            )
        )
    if dealer := keys.get(HoldingKind.DEALER):
        mine = (_H.kind == HoldingKind.DEALER, _any(dealer.every))
        found.append(
            _row(tenant, "dealer_today", *mine, _H.opened_at > day, lines=kept, scam=never, strikes=never)
        )
        if not scarce:
            lately = _H.scam_at > now - timedelta(days=p.dealer_scam_days)
            found.append(
                _row(
                    tenant,
                    "dealer",
                    *mine,
                    _H.scam_at.is_not(None),
                    lines=never,
                    scam=sa.and_(scam, lately),
                    strikes=sa.and_(struck, lately),
                )
            )
    return found


def _predecessor(
    person: Blind, documents: Collection[bytes], p: Parameters, now: datetime
) -> tuple[sa.ColumnElement[bool], ...]:
    """Lines of the same person whose document, another one, has ended or soon will. The person's index holds
    the issuer, so that the issuer is the same."""
    horizon = (now + timedelta(days=p.renewal_days)).date()
    other = sa.orm.aliased(HoldingRow)
    same_document = (
        sa.exists()
        .where(
            other.operator_id == _H.operator_id,
            other.registration_id == _H.registration_id,
            other.kind == HoldingKind.DOCUMENT,
            sa.any_(sa.cast(list(documents), ARRAY(BYTEA))) == other.idx,
        )
        .correlate(HoldingRow)
    )
    return (
        _H.kind == HoldingKind.PERSON,
        _any(person.every),
        _H.document_ends <= horizon,
        sa.not_(same_document),
    )


async def count(
    reader: Reader, keys: Mapping[HoldingKind, Blind], p: Parameters, now: datetime, *, scarce: bool = False
) -> dict[str, Value | None]:
    """The counts among the signals, in one statement. ``scarce``: only those that a lock protects.

    A key that is absent has no lines: its counts are 0, and known.
    """
    counts: dict[str, Value | None] = {"lines_on_predecessor": 0, "unproven_on_document": 0}
    counts |= {"dealer_lines_today": 0, "dealer_unproven_today": 0}
    for kind in HoldingKind:
        if not scarce or kind in _IDENTITY:
            if kind in _COUNTED:
                counts[f"lines_on_{kind.value}"] = 0
            counts[f"scam_on_{kind.value}"] = counts[f"strikes_on_{kind.value}"] = 0
    selects = _selects(reader.tenant, keys, p, now, scarce)
    if not selects:
        return counts
    for row in await reader.all(sa.union_all(*selects)):
        if row.label == "predecessor":
            counts["lines_on_predecessor"] = row.lines
        elif row.label == "dealer_today":
            counts["dealer_lines_today"], counts["dealer_unproven_today"] = row.lines, row.unproven
        else:
            counts[f"scam_on_{row.label}"], counts[f"strikes_on_{row.label}"] = row.scam, row.strikes
            if f"lines_on_{row.label}" in counts:
                counts[f"lines_on_{row.label}"] = row.lines
            if row.label == HoldingKind.DOCUMENT:
                counts["unproven_on_document"] = row.unproven
    return counts


def hold(
    tx: Tx,
    keys: Mapping[HoldingKind, Blind],
    registration_id: UUID,
    evidence: Evidence,
    document_expires_on: date | None,
    p: Parameters,
    *,
    may_renew: bool,
) -> None:
    """Stage a row of each kind. A registration that holds already is left as it is."""
    renewed: Any = None
    if may_renew and (person := keys.get(HoldingKind.PERSON)):
        documents = keys[HoldingKind.DOCUMENT].every if HoldingKind.DOCUMENT in keys else ()
        renewed = (
            sa.select(_H.registration_id)
            .where(_H.operator_id == tx.tenant, *_predecessor(person, documents, p, tx.now))
            .order_by(_H.opened_at.desc(), _H.id.desc())
            .limit(1)
            .scalar_subquery()
        )
    month = document_expires_on.replace(day=1) if document_expires_on else None
    for kind, blind in keys.items():
        tx.stage(
            upsert(HoldingRow)
            .values(
                operator_id=tx.tenant,
                id=new_id(),
                registration_id=registration_id,
                kind=kind,
                idx=blind.primary,
                evidence=evidence,
                state=HoldingState.APPROVED,
                opened_at=tx.now,
                document_ends=month if kind is HoldingKind.PERSON else None,
                renewal_of=renewed if kind is HoldingKind.DOCUMENT else None,
            )
            .on_conflict_do_nothing(index_elements=["operator_id", "registration_id", "kind"])
        )


def _of(tx: Tx, registration_id: UUID) -> sa.ColumnElement[bool]:
    return sa.and_(_H.operator_id == tx.tenant, _H.registration_id == registration_id)


async def activate(tx: Tx, registration_id: UUID, line_id: UUID | None) -> int:
    """``approved`` → ``live``, once; a line that was closed meanwhile stays closed."""
    return await tx.run(
        sa.update(HoldingRow)
        .where(_of(tx, registration_id), _H.state == HoldingState.APPROVED)
        .values(state=HoldingState.LIVE, line_id=line_id)
    )


async def close(tx: Tx, registration_id: UUID, at: datetime) -> int:
    return await tx.run(
        sa.update(HoldingRow)
        .where(_of(tx, registration_id), _H.state.in_([HoldingState.APPROVED, HoldingState.LIVE]))
        .values(state=HoldingState.CLOSED, closed_at=at)
    )


async def release(tx: Tx, registration_id: UUID) -> int:
    """Give back what never went live."""
    return await tx.run(
        sa.update(HoldingRow)
        .where(_of(tx, registration_id), _H.state == HoldingState.APPROVED)
        .values(state=HoldingState.RELEASED)
    )


async def mark_scam(tx: Tx, registration_id: UUID, at: datetime, *, confirmed: bool) -> int:
    """The line was stopped for scam at ``at``. Instants only ever grow, so events may come twice and in any
    order."""
    columns = {"scam_at": _H.scam_at, **({"struck_at": _H.struck_at} if confirmed else {})}
    return await tx.run(
        sa.update(HoldingRow)
        .where(_of(tx, registration_id), sa.or_(*(sa.or_(c.is_(None), c < at) for c in columns.values())))
        .values({name: sa.func.greatest(column, at) for name, column in columns.items()})
    )


async def lift_scam(tx: Tx, registration_id: UUID, at: datetime) -> int:
    """The line was reinstated at ``at``: what was marked up to then is undone."""
    return await tx.run(
        sa.update(HoldingRow)
        .where(_of(tx, registration_id), sa.or_(_H.lifted_at.is_(None), _H.lifted_at < at))
        .values(lifted_at=at)
    )


async def registration_of(reader: Reader, line_id: UUID) -> UUID | None:
    found: UUID | None = await reader.scalar(
        sa.select(_H.registration_id).where(_H.operator_id == reader.tenant, _H.line_id == line_id).limit(1)
    )
    return found


async def forget(tx: Tx, registration_id: UUID, p: Parameters) -> int:
    """Erase a registration's holdings, but those that carry a scam or a strike which has not decayed."""
    return await tx.run(sa.delete(HoldingRow).where(_of(tx, registration_id), *_weightless(tx.now, p)))


def _weightless(now: datetime, p: Parameters) -> tuple[sa.ColumnElement[bool], ...]:
    return tuple(sa.func.coalesce(sa.not_(clause), sa.true()) for clause in (_scam(now, p), _struck(now, p)))


async def purge(tx: Tx, p: Parameters) -> int:
    """Delete what can weigh nothing any more: released or closed, out of every window, no scam, no strike."""
    days = timedelta(days=1)
    recent = tx.now - days * max(p.device_days, 1)
    ended = sa.or_(
        sa.and_(_H.state == HoldingState.RELEASED, _H.opened_at <= recent),
        sa.and_(
            _H.state == HoldingState.CLOSED,
            _H.opened_at <= min(recent, tx.now - days * p.window_days),
            _H.closed_at <= tx.now - days * p.refill_days,
        ),
    )
    return await tx.run(
        sa.delete(HoldingRow).where(_H.operator_id == tx.tenant, ended, *_weightless(tx.now, p))
    )
