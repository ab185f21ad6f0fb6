"""Rotations over registrations: what stands behind their keyed hashes, and what operators share of them."""

from collections.abc import Iterable
from uuid import UUID

from service.audit.workflow import Actor, record
from service.infra.crypto import SubjectKey, Vault
from service.infra.postgres import Database, Reader
from service.kit.canon import IndexKind, canon
from service.lines.workflow import Lines
from service.registration import store
from service.registration.workflow.parts import Numbers
from service.registration.workflow.sharing import identity_of, shared_keys
from service.risk.workflow import Risk
from service.subscribers.model import Erased
from service.subscribers.rotation import every_subscriber
from service.subscribers.workflow import Subscribers

_IDENTITY = (IndexKind.DOCUMENT, IndexKind.PERSONAL_NUMBER, IndexKind.PERSON)


class RegistrationPlaintexts:
    """``service.subscribers.ports.Plaintexts``: the numbers behind a registration's own indexes, and the identity
    behind its holdings, which need not be that of the last document that was shown."""

    async def indexed(
        self, reader: Reader, subscriber_id: UUID, key: SubjectKey
    ) -> Iterable[tuple[IndexKind, str]]:
        found: list[tuple[IndexKind, str]] = []
        for registration, _ in await store.of_subscriber(reader, subscriber_id):
            if registration.sealed:
                numbers = Numbers.of(key, registration)
                found += [(kind, canon(kind, numbers.msisdn)) for kind in (IndexKind.MSISDN, IndexKind.BLOCK)]
                if numbers.iccid:
                    found.append((IndexKind.ICCID, canon(IndexKind.ICCID, numbers.iccid)))
            identity = identity_of(key, registration)
            found += [(kind, text) for kind in _IDENTITY if isinstance(text := identity.get(kind.value), str)]
        return found


async def reshare(
    db: Database, vault: Vault, subscribers: Subscribers, lines: Lines, risk: Risk, operator: UUID
) -> int:
    """Bring what operators share of this one's lines to the primary ``shared`` key; how many rows changed."""
    rows = 0
    async for subscriber_id in every_subscriber(db, operator):
        async with db.write(operator) as tx:
            try:
                key = await subscribers.key(tx, subscriber_id)
            except Erased:
                continue
            for registration, _ in await store.of_subscriber(tx, subscriber_id):
                line = await lines.of_registration(tx, registration.id)
                if line is not None:
                    keys = shared_keys(vault, identity_of(key, registration))
                    rows += await risk.share_again(tx, keys, line.id)
    async with db.write(operator) as tx:
        record(tx, actor=Actor.cli(), action="keys.rotated", object="shared", facts={"rows": rows})
    return rows
