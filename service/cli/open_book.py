"""The database for commands that look or change registers, without the whole service around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.infra.crypto import Vault, kms_from
from service.infra.postgres import Database
from service.kit.clock import SystemClock
from service.settings import Mode, Settings


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    db = Database(settings.database_url, SystemClock(), pool_size=2)
    try:
        yield db
    finally:
        await db.close()


def vault(settings: Settings) -> Vault:
    return Vault.load(
        settings.keys_dir,
        production=settings.mode is Mode.PRODUCTION,
        kms=kms_from(settings.master_key_file),
    )
