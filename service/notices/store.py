"""Durable truth of notices."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.infra.postgres import Reader, Tx
from service.kit.ids import new_id
from service.notices.model import NoticePolicy, Way
from service.notices.tables import OwnerNoticeRow

_NOTICE = cast(sa.Table, OwnerNoticeRow.__table__)
KEPT = timedelta(days=400)

_TAKE = sa.text(
    "SELECT notice_take(CAST(:idxs AS bytea[]), CAST(:fresh AS bytea[]), CAST(:about AS bytea),"
    " CAST(:at AS timestamptz), :day, :month)"
)
_SPEND = sa.text("SELECT notice_spend(CAST(:token AS bytea), CAST(:until AS timestamptz))")
_IS_SPENT = sa.text("SELECT notice_is_spent(CAST(:token AS bytea))")


async def take(tx: Tx, every: Sequence[bytes], fresh: Sequence[bytes], about: bytes, p: NoticePolicy) -> bool:
    """Whether an identity may be told of one more line; taken with the answer."""
    values = {"idxs": list(every), "fresh": list(fresh), "about": about, "at": tx.now}
    return await tx.scalar(_TAKE, {**values, "day": p.day, "month": p.month}) is True


async def claim(tx: Tx, line_id: UUID, about: bytes, way: Way) -> UUID | None:
    """The notice to a line about a new one, made if there was none; None where it left already."""
    await tx.run(
        insert(_NOTICE)
        .values(operator_id=tx.tenant, id=new_id(), line_id=line_id, about=about, way=way.value, at=tx.now)
        .on_conflict_do_nothing()
    )
    found: UUID | None = await tx.scalar(
        sa.select(_NOTICE.c.id).where(
            _NOTICE.c.operator_id == tx.tenant,
            _NOTICE.c.line_id == line_id,
            _NOTICE.c.about == about,
            _NOTICE.c.way == way.value,
            _NOTICE.c.sent_at.is_(None),
            _NOTICE.c.failed.is_(None),
        )
    )
    return found


def settle(tx: Tx, notice_id: UUID, failed: str | None) -> None:
    """Stage that a sender took it, or why none did."""
    tx.stage(
        sa.update(_NOTICE)
        .where(_NOTICE.c.operator_id == tx.tenant, _NOTICE.c.id == notice_id)
        .values(sent_at=None if failed else tx.now, failed=failed)
    )


async def spend(tx: Tx, token: bytes, until: datetime) -> bool:
    """Whether this is the first use of a link."""
    return await tx.scalar(_SPEND, {"token": token, "until": until}) is True


async def is_spent(reader: Reader, token: bytes) -> bool:
    return await reader.scalar(_IS_SPENT, {"token": token}) is True


async def purge(tx: Tx) -> None:
    """Delete what is over; part of the chores."""
    await tx.run(sa.delete(_NOTICE).where(_NOTICE.c.operator_id == tx.tenant, _NOTICE.c.at < tx.now - KEPT))
    await tx.run(sa.text("SELECT notice_purge(CAST(:at AS timestamptz))"), {"at": tx.now})
