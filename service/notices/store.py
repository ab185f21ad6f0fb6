"""Durable truth of notices."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from service.infra.postgres import Reader, Tx
from service.notices.model import NoticePolicy

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


async def spend(tx: Tx, token: bytes, until: datetime) -> bool:
    """Whether this is the first use of a link."""
    return await tx.scalar(_SPEND, {"token": token, "until": until}) is True


async def is_spent(reader: Reader, token: bytes) -> bool:
    return await reader.scalar(_IS_SPENT, {"token": token}) is True


async def purge(tx: Tx) -> None:
    """Delete what is over; part of the chores."""
    await tx.run(sa.text("SELECT notice_purge(CAST(:at AS timestamptz))"), {"at": tx.now})
