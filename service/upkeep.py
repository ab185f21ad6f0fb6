"""Chores of the clock: what expires, what is sealed, what is made ahead, what is thrown away."""

from datetime import timedelta

import sqlalchemy as sa

from service.audit.heads import HeadsFile
from service.audit.sealer import Sealer
from service.compose import Services
from service.infra.crypto import Signer, kms_from
from service.infra.postgres import Database
from service.infra.telemetry import JOBS_FAILED
from service.migrations.security import months
from service.registration.retention import PipelineHoldings
from service.settings import Mode
from service.subscribers.model import RetentionRun
from service.subscribers.retention import run_retention
from service.web.idempotency import purge


class Upkeep:
    """Every chore is idempotent, and safe to run in several workers at once."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def expire(self) -> None:
        """Registrations whose collecting is over."""
        for operator in await self._services.operator_ids():
            while await self._services.registrations.expire(operator):
                continue

    async def partitions(self) -> None:
        """Monthly partitions, three months ahead."""
        async with self._services.db.write(None) as tx:
            rows = await tx.all(
                sa.text("SELECT relname FROM pg_class c JOIN pg_partitioned_table p ON p.partrelid = c.oid")
            )
            for row in rows:
                for suffix, lower, upper in months(tx.now, 4):
                    await tx.run(
                        sa.text(
                            "SELECT simward_make_partition(:parent, :suffix, CAST(:lower AS timestamptz),"
                            " CAST(:upper AS timestamptz))"
                        ),
                        {"parent": row.relname, "suffix": suffix, "lower": lower, "upper": upper},
                    )

    async def purge(self) -> None:
        """Kept answers past their day, jobs that failed a week ago; count the failed ones that wait."""
        for operator in await self._services.operator_ids():
            async with self._services.db.write(operator) as tx:
                await purge(tx)
        async with self._services.db.write(None) as tx:
            await tx.run(
                sa.text(
                    "DELETE FROM procrastinate_jobs j WHERE status = 'failed' AND NOT EXISTS (SELECT 1 FROM"
                    " procrastinate_events e WHERE e.job_id = j.id AND e.at > CAST(:since AS timestamptz))"
                ),
                {"since": tx.now - timedelta(days=7)},
            )
            failed = await tx.scalar(
                sa.text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'")
            )
            JOBS_FAILED.set(failed)

    async def retention(self) -> list[RetentionRun]:
        """Erase who is due, by the policy in force; each operator's run is in its audit."""
        services = self._services
        return await run_retention(
            services.db,
            services.subscribers,
            PipelineHoldings(services.lines),
            await services.operator_ids(),
            services.policies.current.retention,
        )


def sealer(services: Services) -> tuple[Sealer, Database]:
    """The audit's sealer over its own connection: it alone holds the private key."""
    settings = services.settings
    db = Database(settings.sealer_database_url, services.clock, pool_size=2)
    production = settings.mode is Mode.PRODUCTION
    signer = Signer.load(settings.keys_dir, production=production, kms=kms_from(settings.master_key_file))
    outlets = [HeadsFile(settings.heads_file)] if settings.heads_file else []
    return Sealer(db, signer, services.operator_ids, outlets), db
