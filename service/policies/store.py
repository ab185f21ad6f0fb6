"""Durable truth of versions and publications."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert

from service.infra.postgres import Reader, Tx
from service.policies.model import Publication, Sources
from service.policies.tables import PolicyPublicationRow, PolicyVersionRow

_LOCK = 0x706F_6C69_6379
"""One publication at a time, so that the newest is the newest for everybody."""


async def lock(tx: Tx) -> None:
    await tx.lock(_LOCK)


async def newest(reader: Reader, count: int = 1) -> list[Publication]:
    """The last publications, newest first."""
    p = PolicyPublicationRow
    rows = await reader.all(sa.select(p.__table__).order_by(p.number.desc()).limit(count))
    return [Publication(row.number, row.version, row.published_by, row.published_at) for row in rows]


async def sources(reader: Reader, version: str) -> Sources | None:
    found = await reader.scalar(
        sa.select(PolicyVersionRow.sources).where(PolicyVersionRow.version == version)
    )
    return None if found is None else Sources(found)


async def publish(tx: Tx, what: Sources, by: str) -> Publication:
    """Keep a version, if it is new, and that it comes into force. Nothing is ever changed."""
    tx.stage(
        upsert(PolicyVersionRow)
        .values(version=what.version, sources=dict(what.texts), made_at=tx.now)
        .on_conflict_do_nothing()
    )
    number = await tx.scalar(
        sa.insert(PolicyPublicationRow)
        .values(version=what.version, published_by=by, published_at=tx.now)
        .returning(PolicyPublicationRow.number)
    )
    return Publication(number, what.version, by, tx.now)
