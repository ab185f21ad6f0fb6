"""The keyed hashes of numbers that are not ours, under the primary key: part of ``simward rotate-keys``."""

from uuid import UUID

from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.kit.canon import IndexKind, canon
from service.reports import store

BATCH = 500


async def reindex(db: Database, vault: Vault, operator: UUID) -> int:
    """Index every number again; how many there are. May be interrupted and run again."""
    after, rows = UUID(int=0), 0
    while True:
        async with db.write(operator) as tx:
            found = await store.elsewhere(tx, after, BATCH)
            for report_id, secret in found:
                number = canon(IndexKind.MSISDN, vault.open_secret("report", report_id, secret).decode())
                store.set_number_index(tx, report_id, vault.index(operator, IndexKind.MSISDN, number))
        rows += len(found)
        if len(found) < BATCH:
            return rows
        after = found[-1][0]
