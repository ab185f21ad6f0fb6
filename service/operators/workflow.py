"""Add operators, clients and keys; find the key behind a request."""

import base64
import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from service.audit.workflow import Actor, record
from service.infra.postgres import Database
from service.kit.errors import NotFound
from service.kit.ids import new_id, wire
from service.operators import store
from service.operators.model import Client, NewKey, Operator, ScopeNotForDealers, TooManyKeys
from service.web.auth import NOT_FOR_DEALERS, Credential, Principal, Scope


class Operators:
    """The register of tenants and of the systems that call for them; also web's client directory."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, slug: str, name: str, *, operator_id: UUID | None = None) -> Operator:
        operator = Operator(operator_id or new_id(), slug, name, self._db.clock.now())
        async with self._db.write(operator.id) as tx:
            store.add_operator(tx, operator)
            await tx.settle()
            record(
                tx,
                actor=Actor.cli(),
                action="operator.added",
                object=wire("op", operator.id),
                facts={"slug": slug},
            )
        return operator

    async def all(self) -> list[Operator]:
        async with self._db.read(None) as reader:
            return await store.operators(reader)

    async def ids(self) -> list[UUID]:
        return [operator.id for operator in await self.all()]

    async def by_slug(self, slug: str) -> Operator:
        async with self._db.read(None) as reader:
            operator = await store.operator_by_slug(reader, slug)
        if operator is None:
            raise NotFound(f"There is no operator {slug!r}.")
        return operator

    async def client(self, operator: Operator, name: str) -> Client:
        async with self._db.read(operator.id) as reader:
            found = await store.client_by_name(reader, name)
        if found is None:
            raise NotFound()
        return found

    async def clients(self, operator: UUID) -> list[Client]:
        """The systems that call for an operator."""
        async with self._db.read(operator) as reader:
            return await store.clients(reader)

    async def create_key(
        self,
        operator: Operator,
        client_name: str,
        scopes: Collection[Scope],
        *,
        dealer_id: UUID | None = None,
        cidr: str | None = None,
        expires_at: datetime | None = None,
    ) -> NewKey:
        """A new key for a client, which is added where it is not there yet. Shown once, kept as a SHA-256."""
        if dealer_id is not None and NOT_FOR_DEALERS & set(scopes):
            raise ScopeNotForDealers()
        key_id = base64.b32encode(secrets.token_bytes(10)).decode().lower().rstrip("=")
        text = f"sk_{key_id}_{secrets.token_urlsafe(32)}"
        async with self._db.write(operator.id) as tx:
            client = await store.client_by_name(tx, client_name)
            if client is None:
                client = Client(new_id(), client_name, dealer_id)
                store.add_client(tx, client)
            elif client.dealer_id != dealer_id:
                raise NotFound("A client of this name is bound to another dealer.")
            if len(await store.live_keys(tx, client.id)) >= 2:
                raise TooManyKeys()
            store.add_key(
                tx,
                operator,
                client,
                key_id=key_id,
                sha256=hashlib.sha256(text.encode()).digest(),
                scopes=sorted(scope.value for scope in scopes),
                cidr=cidr,
                expires_at=expires_at,
            )
            record(
                tx,
                actor=Actor.cli(),
                action="key.created",
                object=f"key_{key_id}",
                facts={"client": client_name, "scopes": " ".join(sorted(scope.value for scope in scopes))},
            )
        return NewKey(text, client_name)

    async def revoke_key(self, operator: Operator, key_id: str) -> None:
        async with self._db.write(operator.id) as tx:
            if not await store.revoke_key(tx, key_id):
                raise NotFound("There is no live key with this id.")
            record(tx, actor=Actor.cli(), action="key.revoked", object=f"key_{key_id}")

    async def find(self, key_id: str) -> Credential | None:
        """For web's Gate: the live credential with this id."""
        async with self._db.read(None) as reader:
            row = await store.find_key(reader, key_id)
        if row is None:
            return None
        principal = Principal(
            operator_id=row.operator_id,
            operator=row.operator,
            client_id=row.client_id,
            client=row.client,
            scopes=frozenset(Scope(scope) for scope in row.scopes),
            dealer_id=row.dealer_id,
        )
        return Credential(principal, row.sha256, row.expires_at, row.cidr)
