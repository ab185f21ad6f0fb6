"""The database for commands that look or change registers, without the whole service around it."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from service.infra.crypto import Vault, kms_from
from service.infra.postgres import Database
from service.kit.clock import SystemClock
from service.settings import Mode, Settings

Work = Callable[[Database, argparse.Namespace], Awaitable[int]]


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


def run(work: Work) -> Callable[[argparse.Namespace], int]:
    """A command over the database of the settings."""

    def inside(arguments: argparse.Namespace) -> int:
        async def working() -> int:
            async with database(Settings()) as db:
                return await work(db, arguments)

        return asyncio.run(working())

    return inside


def instant(text: str) -> datetime:
    """A day alone is its first instant in UTC."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        if "T" in text:
            raise argparse.ArgumentTypeError("say the offset from UTC, as in 2027-01-01T00:00:00Z")
        at = at.replace(tzinfo=UTC)
    return at.astimezone(UTC)
