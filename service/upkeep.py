"""Chores of the clock: what expires, what is sealed, what is made ahead, what is thrown away."""

import math
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
import structlog

from service.adapters.audit_heads import HeadsWebhook
from service.audit.heads import HeadsFile
from service.audit.model import Actor
from service.audit.ports import HeadsOutlet
from service.audit.sealer import Sealer
from service.compose import Services
from service.dealers.workflow import Dealers
from service.documents.workflow.traces import TracePlaintexts
from service.infra.crypto import KeysetName, Signer, Vault, kms_from
from service.infra.jobs import MAX_ATTEMPTS
from service.infra.postgres import Database, Reader, Tx
from service.infra.telemetry import BLOCKS, JOBS_FAILED, MONEY_LEFT
from service.kit.clock import Clock
from service.kit.errors import JsonObject, StateConflict, Unavailable
from service.limits.rules.policy import BLOCKS as BLOCKED
from service.lines.ports import NullProvisioner
from service.lines.workflow import Lines
from service.migrations.security import months
from service.otp import store as codes
from service.otp.workflow.guard import Guard
from service.otp.workflow.history import History
from service.registration.retention import PipelineHoldings
from service.registration.rotation import RegistrationPlaintexts, reshare
from service.reports import rotation as reports
from service.risk.workflow import Links, Risk
from service.settings import Mode, Settings
from service.subscribers.model import RetentionRun
from service.subscribers.ports import Plaintexts
from service.subscribers.retention import run_retention
from service.subscribers.rotation import Moved, SecretColumn, reindex, rewrap
from service.subscribers.workflow import Subscribers
from service.web.idempotency import purge

log = structlog.get_logger("upkeep")

LONGEST_JOB = timedelta(minutes=10)
"""More than any job takes; the daily retention is the longest."""


HISTORY = timedelta(days=90)
"""How long it is kept what became of a code."""


class Upkeep:
    """Every chore is idempotent, and safe to run in several workers at once."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def expire(self) -> None:
        """Registrations whose collecting is over."""
        for operator in await self._services.operator_ids():
            while await self._services.registrations.expire(operator):
                continue

    async def dealers(self) -> None:
        """Shops beside their peers, and quotas of a day that went to review."""
        for operator in await self._services.operator_ids():
            await self._services.registrations.assess_dealers(operator)

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

    async def history(self) -> None:
        """What became of codes, from Redis into PostgreSQL; budgets that ran full become blocks."""
        services = self._services
        await History(services.db, services.redis, Guard(services.blocks).tripped).drain()

    async def money(self) -> None:
        """Slices of the day's money, ahead of need; and blocks that Redis has forgotten."""
        for operator in await self._services.operator_ids():
            await self._services.purses.top_up(operator)

    async def notices(self) -> None:
        """Messages without a code that could not be sent when they were asked for."""
        for operator in await self._services.operator_ids():
            await self._services.courier.again(operator)

    async def velocity(self) -> None:
        """Count the last day again where Redis has forgotten it, or could not be told."""
        services = self._services
        counters = services.risk.velocity
        assert counters is not None
        for operator in await services.operator_ids():
            if operator in counters.missed or not await counters.is_whole(operator):
                counted = await services.registrations.rebuild_velocity(operator)
                log.info("velocity.rebuilt", operator=operator.hex, registrations=counted)

    async def peers(self) -> None:
        """What is usual among sellers, counted again."""
        services = self._services
        for operator in await services.operator_ids():
            async with services.db.write(operator) as tx:
                services.risk.count_peers(tx, services.policies.current.risk)

    async def measure(self) -> None:
        """Money left and blocks that hold, for whoever reads the metrics. Asked of the servers at that moment, by a
        process that has an address for it: the worker has none."""
        services = self._services
        left, holding = [], Counter[str]()
        try:
            for operator in await services.operator_ids():
                holding.update(block.limit.value for block in await services.blocks.live(operator))
                money = await services.purses.left(operator)
                if money is not None and money.cap:
                    left.append(money.left / money.cap)
        except Unavailable:
            left = [math.nan]
        else:
            for limit in sorted(BLOCKED):
                BLOCKS.labels(limit.value).set(holding[limit.value])
        if left:
            MONEY_LEFT.set(min(left))

    async def usual(self) -> None:
        """What is usual for each signal, from the decisions of the last days."""
        for operator in await self._services.operator_ids():
            await self._services.usual.count(operator)

    async def purge(self) -> None:
        """Kept answers past their day, jobs that failed a week ago; count the failed ones that wait."""
        for operator in await self._services.operator_ids():
            async with self._services.db.write(operator) as tx:
                await purge(tx)
                await codes.purge(tx, tx.now - HISTORY)
                await self._services.documents.purge(tx)
            await self._services.blocks.purge(operator)
            await self._services.reports.purge(operator)
            await self._services.courier.purge(operator)
        await self._services.notices.purge()
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

    async def stalled(self, after: timedelta) -> int:
        """Give the jobs of dead workers back to the queue; how many.

        Dead: no heartbeat for ``after``, or no longer registered. A job that a living worker holds for longer than
        any of ours takes is given back too: its end could not be written down, and its lock would bar its
        registration for ever. Handlers are idempotent, so a worker that was only slow does no harm.
        """
        async with self._services.db.write(None) as tx:
            # procrastinate writes heartbeats and events by the server's clock, so they are judged by it.
            found = await tx.all(
                sa.text(
                    "SELECT j.id, j.attempts FROM procrastinate_jobs j"
                    " LEFT JOIN procrastinate_workers w ON w.id = j.worker_id WHERE j.status = 'doing' AND ("
                    " w.id IS NULL OR w.last_heartbeat < now() - CAST(:after AS interval) OR NOT EXISTS ("
                    " SELECT 1 FROM procrastinate_events e WHERE e.job_id = j.id AND e.type = 'started'"
                    " AND e.at > now() - CAST(:longest AS interval))) ORDER BY j.id FOR UPDATE OF j SKIP LOCKED"
                ),
                {"after": after, "longest": LONGEST_JOB},
            )
            for job in found:
                log.warning("job.stalled", job=job.id, attempts=job.attempts)
                await tx.run(sa.text(await self._what_becomes_of(tx, job.id, job.attempts)), {"job": job.id})
        return len(found)

    @staticmethod
    async def _what_becomes_of(tx: Tx, job: int, attempts: int) -> str:
        """The statement for one stalled job. What was begun too often kills whoever begins it: it is listed as
        failed. What another one in the queue stands for (``queueing_lock``) is dropped."""
        if attempts + 1 >= MAX_ATTEMPTS:
            return "SELECT procrastinate_finish_job_v1(:job, 'failed', false)"
        replaced = await tx.scalar(
            sa.text(
                "SELECT EXISTS (SELECT 1 FROM procrastinate_jobs t JOIN procrastinate_jobs j USING (queueing_lock)"
                " WHERE j.id = :job AND t.status = 'todo')"
            ),
            {"job": job},
        )
        if replaced:
            return "SELECT procrastinate_finish_job_v1(:job, 'aborted', true)"
        return "SELECT procrastinate_retry_job_v2(:job, now(), NULL, NULL, NULL)"

    async def retention(self) -> list[RetentionRun]:
        """Erase who is due, by the policy in force; each operator's run is in its audit."""
        services = self._services
        policy = services.policies.current
        operators = await services.operator_ids()
        for operator in operators:
            async with services.db.write(operator) as tx:
                await services.risk.purge(tx, policy.risk)
        async with services.db.write(None) as tx:
            services.risk.purge_shared(tx)
        return await run_retention(
            services.db,
            services.subscribers,
            PipelineHoldings(
                services.lines, services.risk, policy.risk, [services.reports, services.documents]
            ),
            operators,
            policy.retention,
        )

    async def links(self) -> None:
        """Every operator's components from the holdings alone, under the policy in force."""
        for operator in await self._services.operator_ids():
            policy = self._services.policies.current.risk
            await Links().sweep(self._services.db, operator, policy)

    async def erase(self, operator: UUID, subscriber_id: UUID) -> bool:
        """Erase one person on request: the data key, and what other domains keep of them, in one transaction. A
        registration that is open is cancelled; a line's index stays until its number is free. Raises NotFound,
        and StateConflict under a legal hold."""
        services = self._services
        risk = services.policies.current.risk
        holdings = PipelineHoldings(
            services.lines, services.risk, risk, [services.reports, services.documents]
        )
        async with services.db.write(operator) as tx:
            if any(held.on_hold for held in await holdings.of(tx, subscriber_id)):
                raise StateConflict("legal_hold", (), "A legal hold is on this person's registration.")
            await holdings.forget(tx, subscriber_id)
            return await services.subscribers.erase(tx, subscriber_id, actor=Actor.cli())


def sealer(services: Services) -> tuple[Sealer, Database]:
    """The audit's sealer over its own connection: it alone holds the private key."""
    settings = services.settings
    db = Database(settings.sealer_database_url, services.clock, pool_size=2)
    production = settings.mode is Mode.PRODUCTION
    signer = Signer.load(settings.keys_dir, production=production, kms=kms_from(settings.master_key_file))
    return Sealer(db, signer, services.operator_ids, outlets(settings, services.clock)), db


def outlets(settings: Settings, clock: Clock) -> list[HeadsOutlet]:
    """Where signed heads leave the host."""
    found: list[HeadsOutlet] = []
    if settings.heads_file:
        found.append(HeadsFile(settings.heads_file))
    if settings.heads_webhook_url:
        secrets = settings.heads_webhook_secret.get_secret_value().split()
        allow = settings.allow_private_targets
        found.append(HeadsWebhook(settings.heads_webhook_url, secrets, clock, allow_private=allow))
    return found


SECRETS = (
    SecretColumn("dealer", "licence", "dealer"),
    SecretColumn("report", "secret", "report"),
    SecretColumn("report_vote", "secret", "report_vote"),
    SecretColumn("staff", "sealed", "staff"),
)
"""Secrets under the key-encryption key, which a rotation of ``kek`` seals again."""

PASSING = (SecretColumn("kept_answer", "answer", "kept_answer"),)
"""Those that are gone after a day: the old key stays until then."""


async def rewrite(db: Database, vault: Vault, keyset: KeysetName, operators: Iterable[UUID]) -> Moved:
    """Bring every operator's rows to the primary key of ``kek``, ``index`` or ``shared``; how many moved, and which
    keys rows have after all that. The other keysets leave no rows that could be rewritten: what ``volatile``
    keys expires by itself, and the audit keeps every signature with the key that made it."""
    subscribers = Subscribers(vault)
    lines = Lines(db, vault, subscribers, NullProvisioner())
    risk = Risk(vault)
    rows, in_use = 0, set[int]()

    async def typed(reader: Reader, subscriber: UUID) -> JsonObject:
        return (await subscribers.open(reader, subscriber)).pii

    for operator in operators:
        moved = Moved(0, frozenset())
        if keyset is KeysetName.KEK:
            moved = await rewrap(db, vault, operator, SECRETS, PASSING)
        elif keyset is KeysetName.INDEX:
            rows += await Dealers(db, vault).reindex(operator)
            rows += await reports.reindex(db, vault, operator)
            sources: list[Plaintexts] = [RegistrationPlaintexts(), lines, TracePlaintexts(typed)]
            moved = await reindex(db, vault, subscribers, operator, sources)
        elif keyset is KeysetName.SHARED:
            rows += await reshare(db, vault, subscribers, lines, risk, operator)
        rows += moved.rows
        in_use |= moved.in_use
    if keyset is KeysetName.SHARED:
        async with db.read(None) as reader:
            in_use = await risk.shared_keys_in_use(reader)
    return Moved(rows, frozenset(in_use))
