"""Durable truth of staff."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from service.infra.postgres import Reader, Tx
from service.kit.errors import Stale
from service.kit.ids import new_id
from service.staff.model import Link, LoginTaken, Role, Staff, StaffState
from service.staff.tables import StaffLinkRow, StaffRecoveryRow, StaffRevealRow, StaffRow

_STAFF = cast(sa.Table, StaffRow.__table__)
_LINK = cast(sa.Table, StaffLinkRow.__table__)
_RECOVERY = cast(sa.Table, StaffRecoveryRow.__table__)
_REVEAL = cast(sa.Table, StaffRevealRow.__table__)


def _of_row(row: sa.Row[Any]) -> Staff:
    data = dict(row._mapping)
    data["role"], data["state"] = Role(data["role"]), StaffState(data["state"])
    return Staff(**data)


async def add(tx: Tx, staff: Staff) -> None:
    """Write it now; :class:`LoginTaken` where the operator has somebody of that sign-in name."""
    tx.stage(
        sa.insert(_STAFF),
        {
            "operator_id": tx.tenant,
            "id": staff.id,
            "login": staff.login,
            "role": staff.role.value,
            "state": staff.state.value,
            "epoch": staff.epoch,
            "sealed": staff.sealed,
            "password_hash": staff.password_hash,
            "totp_step": staff.totp_step,
            "failures": staff.failures,
            "failed_at": staff.failed_at,
            "created_at": staff.created_at,
            "version": staff.version,
        },
    )
    try:
        await tx.settle()
    except IntegrityError:
        raise LoginTaken() from None


async def by_login(reader: Reader, login: str) -> Staff | None:
    row = await reader.one(
        sa.select(_STAFF).where(_STAFF.c.operator_id == reader.tenant, _STAFF.c.login == login)
    )
    return _of_row(row) if row else None


async def by_id(reader: Reader, staff_id: UUID, *, lock: bool = False) -> Staff | None:
    stmt = sa.select(_STAFF).where(_STAFF.c.operator_id == reader.tenant, _STAFF.c.id == staff_id)
    row = await reader.one(stmt.with_for_update() if lock else stmt)
    return _of_row(row) if row else None


async def listed(reader: Reader) -> list[Staff]:
    rows = await reader.all(
        sa.select(_STAFF).where(_STAFF.c.operator_id == reader.tenant).order_by(_STAFF.c.login)
    )
    return [_of_row(row) for row in rows]


async def save(tx: Tx, staff_id: UUID, changes: Mapping[str, Any], *, expected: int) -> None:
    """Write columns of a person; :class:`Stale` if somebody else wrote first."""
    touched = await tx.run(
        sa.update(_STAFF)
        .where(_STAFF.c.operator_id == tx.tenant, _STAFF.c.id == staff_id, _STAFF.c.version == expected)
        .values(version=expected + 1, **changes)
    )
    if touched == 0:
        raise Stale()


async def note_failure(tx: Tx, staff_id: UUID) -> None:
    """One more wrong try; counted by the database, so that parallel tries all count."""
    await tx.run(
        sa.update(_STAFF)
        .where(_STAFF.c.operator_id == tx.tenant, _STAFF.c.id == staff_id)
        .values(failures=_STAFF.c.failures + 1, failed_at=tx.now)
    )


async def accept_step(tx: Tx, staff_id: UUID, step: int) -> bool:
    """Take a TOTP step that is newer than every one before; False if it, or a later one, was taken already."""
    touched = await tx.run(
        sa.update(_STAFF)
        .where(
            _STAFF.c.operator_id == tx.tenant,
            _STAFF.c.id == staff_id,
            sa.or_(_STAFF.c.totp_step.is_(None), _STAFF.c.totp_step < step),
        )
        .values(totp_step=step)
    )
    return touched == 1


async def clear_failures(tx: Tx, staff_id: UUID) -> None:
    await tx.run(
        sa.update(_STAFF)
        .where(_STAFF.c.operator_id == tx.tenant, _STAFF.c.id == staff_id)
        .values(failures=0, failed_at=None)
    )


async def set_password_hash(tx: Tx, staff_id: UUID, password_hash: str) -> None:
    """The same password under newer parameters: no session ends."""
    await tx.run(
        sa.update(_STAFF)
        .where(_STAFF.c.operator_id == tx.tenant, _STAFF.c.id == staff_id)
        .values(password_hash=password_hash)
    )


# Links


def add_link(tx: Tx, link: Link) -> None:
    tx.stage(
        sa.insert(_LINK),
        {
            "operator_id": tx.tenant,
            "id": link.id,
            "staff_id": link.staff_id,
            "sha256": link.sha256,
            "is_demo": link.is_demo,
            "expires_at": link.expires_at,
            "used_at": None,
            "created_at": tx.now,
        },
    )


async def link(reader: Reader, link_id: UUID) -> Link | None:
    row = await reader.one(
        sa.select(_LINK).where(_LINK.c.operator_id == reader.tenant, _LINK.c.id == link_id)
    )
    if row is None:
        return None
    return Link(row.id, row.staff_id, row.sha256, row.is_demo, row.expires_at, row.used_at)


async def use_link(tx: Tx, link_id: UUID) -> bool:
    """Take the link; False if somebody was faster or its time is over."""
    touched = await tx.run(
        sa.update(_LINK)
        .where(
            _LINK.c.operator_id == tx.tenant,
            _LINK.c.id == link_id,
            _LINK.c.used_at.is_(None),
            _LINK.c.expires_at > tx.now,
        )
        .values(used_at=tx.now)
    )
    return touched == 1


async def end_links(tx: Tx, staff_id: UUID) -> None:
    """Older links of a person stop working when a new one is made."""
    await tx.run(sa.delete(_LINK).where(_LINK.c.operator_id == tx.tenant, _LINK.c.staff_id == staff_id))


# Recovery codes


async def replace_recovery(tx: Tx, staff_id: UUID, hashes: Sequence[str]) -> None:
    await tx.run(
        sa.delete(_RECOVERY).where(_RECOVERY.c.operator_id == tx.tenant, _RECOVERY.c.staff_id == staff_id)
    )
    rows = [
        {
            "operator_id": tx.tenant,
            "staff_id": staff_id,
            "slot": slot,
            "code_hash": code_hash,
            "used_at": None,
        }
        for slot, code_hash in enumerate(hashes)
    ]
    tx.stage(sa.insert(_RECOVERY), rows)


async def recovery_hash(reader: Reader, staff_id: UUID, slot: int) -> str | None:
    """The hash of an unused recovery code."""
    found: str | None = await reader.scalar(
        sa.select(_RECOVERY.c.code_hash).where(
            _RECOVERY.c.operator_id == reader.tenant,
            _RECOVERY.c.staff_id == staff_id,
            _RECOVERY.c.slot == slot,
            _RECOVERY.c.used_at.is_(None),
        )
    )
    return found


async def use_recovery(tx: Tx, staff_id: UUID, slot: int) -> bool:
    touched = await tx.run(
        sa.update(_RECOVERY)
        .where(
            _RECOVERY.c.operator_id == tx.tenant,
            _RECOVERY.c.staff_id == staff_id,
            _RECOVERY.c.slot == slot,
            _RECOVERY.c.used_at.is_(None),
        )
        .values(used_at=tx.now)
    )
    return touched == 1


async def recovery_left(reader: Reader, staff_id: UUID) -> int:
    found = await reader.scalar(
        sa.select(sa.func.count()).where(
            _RECOVERY.c.operator_id == reader.tenant,
            _RECOVERY.c.staff_id == staff_id,
            _RECOVERY.c.used_at.is_(None),
        )
    )
    return int(found or 0)


# Reveals


async def reveals_since(reader: Reader, staff_id: UUID, since: datetime) -> int:
    found = await reader.scalar(
        sa.select(sa.func.count()).where(
            _REVEAL.c.operator_id == reader.tenant, _REVEAL.c.staff_id == staff_id, _REVEAL.c.at > since
        )
    )
    return int(found or 0)


async def reveals_in_hour(reader: Reader, staff_id: UUID) -> int:
    return await reveals_since(reader, staff_id, reader.now - timedelta(hours=1))


def add_reveal(tx: Tx, staff_id: UUID, object_id: str, reason: str) -> None:
    tx.stage(
        sa.insert(_REVEAL),
        {
            "operator_id": tx.tenant,
            "id": new_id(),
            "staff_id": staff_id,
            "object": object_id,
            "reason": reason,
            "at": tx.now,
        },
    )
