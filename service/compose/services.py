"""The parts of a running process: opening and closing them, and whether they are ready."""

import contextlib
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
import structlog

from service.adapters.sms.outbox import Outbox
from service.compose.codes import Guards, receipt_secrets
from service.dealers.workflow import Dealers
from service.documents.ports import MrzReader
from service.documents.workflow import Documents
from service.documents.workflow.trust import Authorities
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import Clock
from service.kit.errors import Unavailable
from service.limits.workflow import Blocks, Purses
from service.lines.workflow import Lines, Probation
from service.migrations import HEAD
from service.notices.workflow import Notices
from service.operators.workflow import Operators
from service.otp.ports import Lived, Sender
from service.otp.workflow import Codes, Courier, Receipts
from service.otp.workflow.history import StreamJournal
from service.otp.workflow.holder import Holder
from service.otp.workflow.verifications import Verifications
from service.policies import Policies
from service.registration.workflow import Registrations
from service.registration.workflow.backtests import Backtests
from service.reports.workflow import Reports
from service.response.workflow import Response
from service.risk.workflow import Drafts, Risk, Usual
from service.settings import Mode, Settings
from service.staff.model import Role
from service.staff.workflow import StaffDesk, StaffRegister
from service.subscribers.workflow import Subscribers

_CONNECTED_AS = sa.text(
    "SELECT rolsuper OR rolbypassrls OR pg_has_role(rolname, 'simward_owner', 'MEMBER') AS too_strong,"
    " (SELECT version_num FROM alembic_version) AS revision"
    " FROM pg_roles WHERE rolname = current_user"
)

log = structlog.get_logger(__name__)


class RedisRefused(Exception):
    """The Redis that the settings name is not fit for production. The text is for operators."""


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running process."""

    settings: Settings
    clock: Clock
    db: Database
    redis: Redis
    vault: Vault
    policies: Policies
    operators: Operators
    subscribers: Subscribers
    dealers: Dealers
    documents: Documents
    authorities: Authorities
    codes: Codes
    verifications: Verifications
    holder: Holder
    journal: StreamJournal
    blocks: Blocks
    purses: Purses
    risk: Risk
    usual: Usual
    drafts: Drafts
    backtests: Backtests
    lines: Lines
    probation: Probation
    registrations: Registrations
    notices: Notices
    reports: Reports
    response: Response
    courier: Courier
    outbox: Outbox | None
    senders: Sequence[Sender]
    pictures: MrzReader
    guards: Guards
    receipts: Receipts
    staff: StaffRegister
    desk: StaffDesk

    async def staff_link(self, operator: UUID) -> str:
        """The demo's link to the dashboard, as a path."""
        token = await self.staff.demo_link(
            operator, login="demo", name="Demo supervisor", role=Role.SUPERVISOR
        )
        return f"/admin/link/{token}"

    async def operator_ids(self) -> list[UUID]:
        return await self.operators.ids()

    @property
    def receipt_secrets(self) -> Mapping[str, Sequence[str]]:
        """By sender, the secrets that a receipt over HTTP may be signed with."""
        return receipt_secrets(self.settings)

    @asynccontextmanager
    async def running(self, *, sends: bool = False, reads: bool = False) -> AsyncIterator[None]:
        """Open until left. Raises ``RedisRefused`` in production for the server that is for demo and tests.

        ``sends``: senders that keep a connection make it. A gateway counts the sessions of an account, and only the
        processes that answer requests (codes) and the workers (notices) have messages for it. ``reads``: pictures
        come here.
        """
        await self._judge_redis()
        await self.policies.start()
        await self.usual.start()
        await self.authorities.start()
        await self.journal.start()
        with contextlib.suppress(Unavailable):
            for operator in await self.operator_ids():
                await self.purses.top_up(operator)
        if not gc.isenabled():
            # The command line switched the collector off for the imports. What they made stays to the end, so that
            # it need not be looked at again.
            gc.freeze()
            gc.enable()
        wanted = [*(self.senders if sends else ()), *([self.pictures] if reads else [])]
        lived = [each for each in wanted if isinstance(each, Lived)]
        for each in lived:
            await each.start()
        try:
            yield
        finally:
            for each in lived:
                await each.stop()
            await self.authorities.stop()
            await self.usual.stop()
            await self.policies.stop()
            await self.purses.close()
            await self.guards.close()
            await self.journal.stop()
            await self.redis.close()
            await self.db.close()

    async def _judge_redis(self) -> None:
        """A server that is not there yet is judged by ``/readyz``."""
        if self.settings.mode is not Mode.PRODUCTION:
            return
        try:
            server = await self.redis.server()
        except Unavailable:
            return
        if server.is_bundled:
            log.critical("redis.refused", server=str(server))
            raise RedisRefused(
                f"{server} is for demo and tests: production needs a maintained Redis or Valkey"
            )
        if not server.is_patched:
            log.warning("redis.unpatched", server=str(server), advisory="CVE-2025-49844")

    def probes(self) -> Mapping[str, Callable[[], Awaitable[str | None]]]:
        return {"postgresql": self._postgresql, "redis": self._redis}

    async def _postgresql(self) -> str | None:
        """Reached, as a role without special rights, with the newest migration."""
        try:
            async with self.db.read(None) as reader:
                row = await reader.one(_CONNECTED_AS)
        except Unavailable:
            return "unreachable"
        if row is None or row.too_strong:
            return "connected-as-owner"
        return None if row.revision == HEAD else "migrations-pending"

    async def _redis(self) -> str | None:
        try:
            if self.settings.mode is Mode.PRODUCTION and (await self.redis.server()).is_bundled:
                return "version-refused"
            await self.redis.guard(self.redis.client.ping())
        except Unavailable:
            return "unreachable"
        return None
