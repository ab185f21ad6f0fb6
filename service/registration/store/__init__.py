"""Durable truth of registrations."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from service.infra.postgres import Reader, Tx
from service.infra.statements import Statement
from service.kit.errors import NotFound, Stale
from service.lines.model import NumberInUse, SimInUse
from service.registration.model import (
    OPEN,
    Activating,
    Activation,
    Channel,
    CodeProof,
    DocumentSummary,
    Outcome,
    Purpose,
    Registration,
    State,
    Target,
)
from service.registration.tables import RegistrationRow

TABLE = cast(sa.Table, RegistrationRow.__table__)
HERE = sa.and_(TABLE.c.operator_id == sa.bindparam("at_operator"), TABLE.c.id == sa.bindparam("at_id"))
_FIXED = ("id", "operator_id", "created_at", "client_id", "subscriber_id")
_LOAD = Statement(sa.select(TABLE).where(HERE))


def beside(rows: sa.Select[Any], table: str, reference: str, **columns: str) -> sa.Select[Any]:
    """``rows`` with columns, by label, of another domain's table, which is named by string as in a foreign key."""
    other = sa.table(table, sa.column("operator_id"), sa.column("id"), *map(sa.column, columns.values()))
    on = sa.and_(other.c.operator_id == TABLE.c.operator_id, other.c.id == TABLE.c[reference])
    return rows.outerjoin(other, on).add_columns(*(other.c[of].label(to) for to, of in columns.items()))


# Almost every request needs the wrapped data key; what it means is the subscribers' business.
_KEY = {"key_kek_id": "kek_id", "key_wrapped": "wrapped"}
WITH_KEYS = beside(sa.select(TABLE), "subject_key", "subscriber_id", **_KEY)
_LOAD_OPENED = Statement(WITH_KEYS.where(HERE))
_LOAD_LOCKED = Statement(sa.select(TABLE).where(HERE).with_for_update())
WrappedKey = tuple[int, bytes]
"""The id of the key-encryption key, and the data key under it."""

_PLAIN = [
    f.name
    for f in fields(Registration)
    if f.name not in ("documents", "codes", "outcome", "activation", "state", "purpose", "channel")
]


_ADD = Statement(
    insert(TABLE).on_conflict_do_nothing(),
    [column.name for column in TABLE.columns if column.name != "legal_hold"],
)
_SAVE = Statement(
    sa.update(TABLE)
    .where(HERE, TABLE.c.version == sa.bindparam("at_version"))
    .values(
        {
            column.name: sa.bindparam(column.name, type_=column.type)
            for column in TABLE.columns
            if column.name not in (*_FIXED, "legal_hold")
        }
    )
)


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _text(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def values(reg: Registration) -> dict[str, Any]:
    """The row of a registration."""
    row: dict[str, Any] = {name: getattr(reg, name) for name in _PLAIN}
    row |= {"state": reg.state.value, "purpose": reg.purpose.value, "channel": reg.channel.value}
    row["documents"] = [
        {
            "id": d.id.hex,
            "kind": d.kind,
            "outcome": d.outcome,
            "proof": d.proof,
            "reason": d.reason,
            "facts": d.facts,
            "ties": sorted(d.ties),
        }
        for d in reg.documents
    ]
    row["codes"] = [
        {
            "to": c.to.value,
            "challenge": c.challenge.hex,
            "verified_at": _text(c.verified_at),
            "tries": c.tries,
            "sim_changed_at": _text(c.sim_changed_at),
        }
        for c in reg.codes
    ]
    out = reg.outcome
    row["outcome"] = out and {
        "id": out.id.hex,
        "verdict": out.verdict,
        "assurance": out.assurance,
        "reasons": list(out.reasons),
        "restricted_until": _text(out.restricted_until),
        "probation_until": _text(out.probation_until),
        "policy_version": out.policy_version,
        "decided_at": _text(out.decided_at),
        "decided_by": out.decided_by,
    }
    row["activation"] = reg.activation and {
        "state": reg.activation.state.value,
        "detail": reg.activation.detail,
    }
    return row


def _outcome(data: Mapping[str, Any] | None) -> Outcome | None:
    if data is None:
        return None
    decided_at = _instant(data["decided_at"])
    assert decided_at is not None
    return Outcome(
        id=UUID(data["id"]),
        verdict=data["verdict"],
        assurance=data["assurance"],
        reasons=tuple(data["reasons"]),
        restricted_until=_instant(data["restricted_until"]),
        probation_until=_instant(data["probation_until"]),
        policy_version=data["policy_version"],
        decided_at=decided_at,
        decided_by=data["decided_by"],
    )


def of_row(row: Any) -> Registration:
    """The registration of a row: SQLAlchemy's, or a compiled statement's named tuple."""
    data: Any = row._mapping if isinstance(row, sa.Row) else row._asdict()
    plain = {name: data[name] for name in _PLAIN}
    return Registration(
        **plain,
        state=State(data["state"]),
        purpose=Purpose(data["purpose"]),
        channel=Channel(data["channel"]),
        documents=tuple(
            DocumentSummary(
                UUID(d["id"]),
                d["kind"],
                d["outcome"],
                d["proof"],
                d["reason"],
                d["facts"],
                frozenset(d.get("ties", ())),
            )
            for d in data["documents"]
        ),
        codes=tuple(
            CodeProof(
                Target(c["to"]),
                UUID(c["challenge"]),
                datetime.fromisoformat(c["verified_at"]),
                c["tries"],
                _instant(c.get("sim_changed_at")),
            )
            for c in data["codes"]
        ),
        outcome=_outcome(data["outcome"]),
        activation=(
            Activation(Activating(data["activation"]["state"]), data["activation"]["detail"])
            if data["activation"]
            else None
        ),
    )


async def load(
    reader: Reader, registration_id: UUID, *, dealer: UUID | None = None, lock: bool = False
) -> Registration:
    """The registration; :class:`NotFound` also where it belongs to another operator, or to another dealer than
    the one that the key is bound to."""
    row = await reader.fetch_one(
        _LOAD_LOCKED if lock else _LOAD, at_operator=reader.tenant, at_id=registration_id
    )
    if row is None or (dealer is not None and row.dealer_id != dealer):
        raise NotFound()
    return of_row(row)


async def load_with_key(
    reader: Reader, registration_id: UUID, *, dealer: UUID | None = None
) -> tuple[Registration, WrappedKey | None]:
    """As :func:`load`, with the applicant's wrapped data key (its key-encryption key's id and the bytes); None for
    the key where the applicant was erased."""
    row = await reader.fetch_one(_LOAD_OPENED, at_operator=reader.tenant, at_id=registration_id)
    if row is None or (dealer is not None and row.dealer_id != dealer):
        raise NotFound()
    return of_row(row), wrapped_of(row)


def wrapped_of(row: Any) -> WrappedKey | None:
    """The applicant's wrapped data key; None where the applicant was erased."""
    return None if row.key_wrapped is None else (row.key_kek_id, row.key_wrapped)


async def add(tx: Tx, registration: Registration) -> bool:
    """Insert it now; False where a unique index refuses a number or a SIM that is taken."""
    return await tx.change(_ADD, **values(registration)) == 1


async def save(tx: Tx, registration: Registration, *, expected: int) -> None:
    """Write the registration whose version was ``expected``; :class:`Stale` where somebody was faster."""
    changed = values(registration) | {"version": expected + 1}
    for fixed in _FIXED:
        del changed[fixed]
    count = await tx.change(
        _SAVE, at_operator=tx.tenant, at_id=registration.id, at_version=expected, **changed
    )
    if count == 0:
        raise Stale()


async def reopen(tx: Tx, registration: Registration, *, expected: int) -> None:
    """Write an appeal: from here on the registration holds its number and card again. Raises NumberInUse or
    SimInUse where a unique index says that they are another's, Stale where somebody was faster."""
    try:
        count = await tx.run(
            sa.update(RegistrationRow)
            .where(
                TABLE.c.operator_id == tx.tenant,
                TABLE.c.id == registration.id,
                TABLE.c.version == expected,
            )
            .values(
                state=registration.state.value,
                ended_at=registration.ended_at,
                appealed_at=registration.appealed_at,
                version=expected + 1,
            )
        )
    except IntegrityError as error:
        name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        if name == "uq_registration_open_msisdn":
            raise NumberInUse() from None
        if name == "uq_registration_open_iccid":
            raise SimInUse() from None
        raise
    if count == 0:
        raise Stale()


async def listed(
    reader: Reader,
    *,
    limit: int,
    before: UUID | None,
    states: tuple[State, ...] = (),
    msisdn: tuple[bytes, ...] = (),
    dealer: UUID | None = None,
) -> list[Registration]:
    """Newest first."""
    found = await listed_with_keys(
        reader, limit=limit, before=before, states=states, msisdn=msisdn, dealer=dealer
    )
    return [registration for registration, _ in found]


async def listed_with_keys(
    reader: Reader,
    *,
    limit: int,
    before: UUID | None,
    states: tuple[State, ...] = (),
    msisdn: tuple[bytes, ...] = (),
    dealer: UUID | None = None,
) -> list[tuple[Registration, WrappedKey | None]]:
    """Newest first, each with its applicant's wrapped key as in :func:`load_with_key`: one statement for a page."""
    wanted = WITH_KEYS.where(TABLE.c.operator_id == reader.tenant)
    if states:
        wanted = wanted.where(TABLE.c.state.in_([state.value for state in states]))
    if msisdn:
        wanted = wanted.where(TABLE.c.msisdn_idx.in_(msisdn))
    if dealer is not None:
        wanted = wanted.where(TABLE.c.dealer_id == dealer)
    if before is not None:
        wanted = wanted.where(TABLE.c.id < before)
    rows = await reader.all(wanted.order_by(TABLE.c.id.desc()).limit(limit))
    return [(of_row(row), wrapped_of(row)) for row in rows]


async def expire_holding(tx: Tx, msisdn: Collection[bytes], iccid: Collection[bytes]) -> int:
    """Free a number and a SIM that only a registration past its time still holds."""
    held = sa.or_(TABLE.c.msisdn_idx.in_(msisdn), TABLE.c.iccid_idx.in_(iccid))
    return await tx.run(
        sa.update(RegistrationRow)
        .where(
            TABLE.c.operator_id == tx.tenant,
            TABLE.c.state == "collecting",
            TABLE.c.expires_at <= tx.now,
            held,
        )
        .values(state="expired", ended_at=tx.now, version=TABLE.c.version + 1)
    )


async def open_on(reader: Reader, msisdn: Collection[bytes], iccid: Collection[bytes]) -> str | None:
    """``msisdn`` or ``iccid`` where an open registration holds it under any of the indexes."""
    row = await reader.one(
        sa.select(TABLE.c.msisdn_idx.in_(msisdn).label("on_number"))
        .where(
            TABLE.c.operator_id == reader.tenant,
            TABLE.c.state.in_([state.value for state in OPEN]),
            sa.or_(TABLE.c.msisdn_idx.in_(msisdn), TABLE.c.iccid_idx.in_(iccid)),
        )
        .order_by(sa.desc("on_number"))
        .limit(1)
    )
    return None if row is None else "msisdn" if row.on_number else "iccid"


# For retention and for the rotation of keys


async def ended_holders(reader: Reader, after: UUID | None, limit: int) -> list[UUID]:
    """Subscribers that are not erased and whose registration ended without a line, ascending by id."""
    key = sa.table("subject_key", sa.column("operator_id"), sa.column("id"))
    wanted = (
        sa.select(TABLE.c.subscriber_id)
        .join(key, sa.and_(key.c.operator_id == TABLE.c.operator_id, key.c.id == TABLE.c.subscriber_id))
        .where(TABLE.c.operator_id == reader.tenant, TABLE.c.ended_at.is_not(None))
        .distinct()
        .order_by(TABLE.c.subscriber_id)
        .limit(limit)
    )
    if after is not None:
        wanted = wanted.where(TABLE.c.subscriber_id > after)
    return [row.subscriber_id for row in await reader.all(wanted)]


async def of_subscriber(
    reader: Reader, subscriber_id: UUID, *, lock: bool = False
) -> list[tuple[Registration, bool]]:
    """(registration, whether a legal hold is on it) of a subscriber."""
    wanted = sa.select(TABLE).where(
        TABLE.c.operator_id == reader.tenant, TABLE.c.subscriber_id == subscriber_id
    )
    rows = await reader.all(wanted.with_for_update() if lock else wanted)
    return [(of_row(row), row.legal_hold) for row in rows]


def forget(tx: Tx, subscriber_id: UUID) -> None:
    """Drop every keyed hash and every sealed byte of an erased applicant's registrations that have ended."""
    tx.stage(
        sa.update(RegistrationRow)
        .where(
            TABLE.c.operator_id == tx.tenant,
            TABLE.c.subscriber_id == subscriber_id,
            TABLE.c.state.not_in([state.value for state in OPEN]),
        )
        .values(
            msisdn_idx=b"",
            iccid_idx=None,
            device_idx=None,
            payment_idx=None,
            identity=None,
            sealed=b"",
            version=TABLE.c.version + 1,
        )
    )
