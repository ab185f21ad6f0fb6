"""Durable truth of operators, clients and keys."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader, Tx
from service.operators.model import Client, Operator
from service.operators.tables import ClientKeyRow, ClientRow, OperatorRow


def add_operator(tx: Tx, operator: Operator) -> None:
    tx.stage(
        sa.insert(OperatorRow).values(
            id=operator.id, slug=operator.slug, name=operator.name, created_at=operator.created_at
        )
    )


async def operators(reader: Reader) -> list[Operator]:
    rows = await reader.all(sa.select(OperatorRow.__table__).order_by(OperatorRow.slug))
    return [Operator(row.id, row.slug, row.name, row.created_at) for row in rows]


async def operator_by_slug(reader: Reader, slug: str) -> Operator | None:
    row = await reader.one(sa.select(OperatorRow.__table__).where(OperatorRow.slug == slug))
    return Operator(row.id, row.slug, row.name, row.created_at) if row else None


async def clients(reader: Reader) -> list[Client]:
    rows = await reader.all(
        sa.select(ClientRow.__table__).where(ClientRow.operator_id == reader.tenant).order_by(ClientRow.name)
    )
    return [Client(row.id, row.name, row.dealer_id) for row in rows]


async def client_by_name(reader: Reader, name: str) -> Client | None:
    row = await reader.one(
        sa.select(ClientRow.__table__).where(ClientRow.operator_id == reader.tenant, ClientRow.name == name)
    )
    return Client(row.id, row.name, row.dealer_id) if row else None


def add_client(tx: Tx, client: Client) -> None:
    tx.stage(
        sa.insert(ClientRow).values(
            operator_id=tx.tenant,
            id=client.id,
            name=client.name,
            dealer_id=client.dealer_id,
            created_at=tx.now,
        )
    )


async def live_keys(reader: Reader, client_id: UUID) -> list[str]:
    key = ClientKeyRow
    rows = await reader.all(
        sa.select(key.key_id)
        .where(
            key.operator_id == reader.tenant,
            key.client_id == client_id,
            key.revoked_at.is_(None),
            sa.or_(key.expires_at.is_(None), key.expires_at > reader.now),
        )
        .with_for_update()
    )
    return [row.key_id for row in rows]


def add_key(
    tx: Tx,
    operator: Operator,
    client: Client,
    *,
    key_id: str,
    sha256: bytes,
    scopes: list[str],
    cidr: str | None,
    expires_at: datetime | None,
) -> None:
    tx.stage(
        sa.insert(ClientKeyRow).values(
            operator_id=tx.tenant,
            key_id=key_id,
            client_id=client.id,
            client=client.name,
            operator=operator.name,
            dealer_id=client.dealer_id,
            sha256=sha256,
            scopes=scopes,
            cidr=cidr,
            expires_at=expires_at,
            created_at=tx.now,
        )
    )


async def revoke_key(tx: Tx, key_id: str) -> bool:
    key = ClientKeyRow
    return bool(
        await tx.run(
            sa.update(key)
            .where(key.operator_id == tx.tenant, key.key_id == key_id, key.revoked_at.is_(None))
            .values(revoked_at=tx.now)
        )
    )


async def find_key(reader: Reader, key_id: str) -> sa.Row[tuple[object, ...]] | None:
    """The live key with this id, of whichever operator. The setting lets row-level security show that row alone."""
    await reader.scalar(sa.select(sa.func.set_config("simward.key", key_id, True)))
    key = ClientKeyRow
    return await reader.one(sa.select(key.__table__).where(key.key_id == key_id, key.revoked_at.is_(None)))
