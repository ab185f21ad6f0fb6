"""What both composition roots build: every collaborator once, from the settings and a clock."""

import contextlib
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
import structlog
from pydantic import SecretStr

from service.adapters.caller import Caller
from service.adapters.captcha.http import DEADLINE_S as CAPTCHA_DEADLINE_S
from service.adapters.captcha.http import HttpCaptcha
from service.adapters.hlr.http import DEADLINE_S as HLR_DEADLINE_S
from service.adapters.hlr.http import HttpLookup
from service.adapters.inventory.http import HttpInventory
from service.adapters.provisioning.http import HttpProvisioner
from service.adapters.registry.http import HttpRegistry
from service.adapters.sms.outbox import Outbox
from service.adapters.sms.smpp import Link, OnReceipt, SmppSender
from service.adapters.sms.webhook import VoiceSender, WebhookSender
from service.dealers.workflow import Dealers
from service.documents.ports import NullRegistry, Registry
from service.documents.workflow import Documents
from service.infra.crypto import KeysetRefused, Vault, kms_from
from service.infra.jobs import defer_all
from service.infra.postgres import Database, Deliver
from service.infra.redis import Redis
from service.kit.clock import Clock
from service.kit.errors import Unavailable
from service.limits.workflow import Blocks, Purses
from service.lines.ports import Inventory, NullInventory, NullProvisioner, Provisioner
from service.lines.workflow import Lines
from service.migrations import HEAD
from service.operators.workflow import Operators
from service.otp.model import CodePolicy
from service.otp.ports import Challenger, Journal, Lived, Lookup, NullLookup, Sender
from service.otp.volatile import Answers
from service.otp.workflow import Codes, Dispatch, Engine, Receipts, Tools
from service.otp.workflow.challenge import CaptchaChallenger, WorkChallenger
from service.otp.workflow.engine import no_link
from service.otp.workflow.history import StreamJournal
from service.otp.workflow.holder import Holder, HolderLinks
from service.otp.workflow.verifications import Verifications
from service.policies import Policies
from service.registration.workflow import Registrations
from service.registration.workflow.parts import Parts
from service.risk.workflow import Risk
from service.settings import Mode, Settings
from service.staff.model import Role
from service.staff.volatile import Sessions
from service.staff.workflow import Factors, StaffDesk, StaffRegister
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
    codes: Codes
    verifications: Verifications
    holder: Holder
    journal: StreamJournal
    blocks: Blocks
    purses: Purses
    risk: Risk
    lines: Lines
    registrations: Registrations
    outbox: Outbox | None
    senders: Sequence[Sender]
    guards: "Guards"
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
        return [operator.id for operator in await self.operators.all()]

    @property
    def receipt_secrets(self) -> Mapping[str, Sequence[str]]:
        """By sender, the secrets that a receipt over HTTP may be signed with."""
        return receipt_secrets(self.settings)

    @asynccontextmanager
    async def running(self, *, sends: bool = False) -> AsyncIterator[None]:
        """Open until left. Raises ``RedisRefused`` in production for the server that is for demo and tests.

        ``sends``: senders that keep a connection make it. A gateway counts the sessions of an account, and the
        process that answers requests is the only one that has messages for it.
        """
        await self._judge_redis()
        await self.policies.start()
        await self.journal.start()
        with contextlib.suppress(Unavailable):
            for operator in await self.operator_ids():
                await self.purses.top_up(operator)
        if not gc.isenabled():
            # The command line switched the collector off for the imports. What they made stays to the end, so that
            # it need not be looked at again.
            gc.freeze()
            gc.enable()
        lived = [each for each in self.senders if isinstance(each, Lived)] if sends else []
        for each in lived:
            await each.start()
        try:
            yield
        finally:
            for each in lived:
                await each.stop()
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


@dataclass(frozen=True, slots=True)
class Instead:
    """What the seed and tests put in the place of the settings' choice."""

    senders: Sequence[Sender] | None = None
    registry: Registry | None = None
    provisioner: Provisioner | None = None
    inventory: Inventory | None = None
    deliver: Deliver | None = None
    journal: Journal | None = None


def build(settings: Settings, clock: Clock, instead: Instead | None = None) -> Services:
    """Build everything; nothing is connected yet."""
    instead = instead or Instead()
    production = settings.mode is Mode.PRODUCTION
    try:
        vault = Vault.load(settings.keys_dir, production=production, kms=kms_from(settings.master_key_file))
    except KeysetRefused as refused:
        log.critical("keysets.refused", reason=str(refused))  # uvicorn's own record of it would not say why
        raise
    db = Database(
        settings.database_url, clock, pool_size=settings.pool_size, deliver=instead.deliver or defer_all
    )
    redis = Redis(settings.redis_url, clock)
    policies = Policies(db, demo=settings.is_demo, allows_test_numbers=settings.may_have_test_numbers)
    provisioner, inventory, registry = outside(settings, clock)
    provisioner, inventory = instead.provisioner or provisioner, instead.inventory or inventory
    subscribers = Subscribers(vault)
    dealers = Dealers(db, vault)
    documents = Documents(instead.registry or registry)
    outbox = Outbox(redis, vault, demo=True) if "outbox" in settings.senders else None
    sent = coded(settings, clock, db, redis, vault, policies, outbox, instead)
    codes, risk = Codes(sent.engine), Risk(vault)
    lines = Lines(db, vault, subscribers, provisioner)
    operators = Operators(db)
    factors = Factors(vault)
    parts = Parts(
        db, vault, subscribers, dealers, documents, codes, risk, lines, provisioner, inventory, policies
    )
    return Services(
        settings=settings,
        clock=clock,
        db=db,
        redis=redis,
        vault=vault,
        policies=policies,
        operators=operators,
        subscribers=subscribers,
        dealers=dealers,
        documents=documents,
        codes=codes,
        verifications=Verifications(sent.engine, db, vault, dealers, Answers(redis)),
        holder=Holder(sent.links, operators, sent.blocks, clock),
        journal=sent.journal,
        blocks=sent.blocks,
        purses=sent.purses,
        risk=risk,
        lines=lines,
        registrations=Registrations(parts),
        outbox=outbox,
        senders=sent.senders,
        guards=sent.guards,
        receipts=sent.receipts,
        staff=StaffRegister(db, factors),
        desk=StaffDesk(db, operators, Sessions(redis, vault), factors, is_demo=settings.is_demo),
    )


@dataclass(frozen=True, slots=True)
class Coded:
    """What codes are made of."""

    engine: Engine
    links: HolderLinks
    journal: StreamJournal
    receipts: Receipts
    blocks: Blocks
    purses: Purses
    senders: Sequence[Sender]
    guards: "Guards"


def coded(
    settings: Settings,
    clock: Clock,
    db: Database,
    redis: Redis,
    vault: Vault,
    policies: Policies,
    outbox: Outbox | None,
    instead: Instead,
) -> Coded:
    """The engine of codes and its tools."""
    journal = StreamJournal(redis)
    receipts = Receipts(redis, vault, instead.journal or journal)
    sending = instead.senders
    if sending is None:
        sending = senders(settings, outbox, clock, receipts.received)
    before = guards(settings, clock, vault, lambda: policies.current.codes)
    dispatch = Dispatch(sending, deadline_s=settings.send_deadline_s, lookup=before.lookup)
    blocks = Blocks(db, redis, vault, lambda: policies.current.limits)
    purses = Purses(db, redis, vault, blocks, lambda: policies.current.limits)
    links = HolderLinks(vault, settings.public_url)
    engine = Engine(
        redis,
        vault,
        Tools(
            lambda: policies.current.codes,
            dispatch,
            journal=journal,
            purses=purses,
            challenger=before.challenger,
            web_domain=settings.web_otp_domain or None,
            links=links.of if settings.holder_links else no_link,
            remember=receipts.remember,
        ),
    )
    return Coded(engine, links, journal, receipts, blocks, purses, sending, before)


def outside(settings: Settings, clock: Clock) -> tuple[Provisioner, Inventory, Registry]:
    """The operator's own systems; the null twin where none is named."""

    def caller(url: str, token: SecretStr) -> Caller:
        return Caller(url, clock, token=token.get_secret_value() or None)

    provisioner: Provisioner = NullProvisioner()
    inventory: Inventory = NullInventory()
    registry: Registry = NullRegistry()
    if settings.provisioner_url:
        provisioner = HttpProvisioner(caller(settings.provisioner_url, settings.provisioner_token))
    if settings.inventory_url:
        inventory = HttpInventory(caller(settings.inventory_url, settings.inventory_token))
    if settings.registry_url:
        registry = HttpRegistry(caller(settings.registry_url, settings.registry_token))
    return provisioner, inventory, registry


@dataclass(frozen=True, slots=True)
class Guards:
    """What stands before a message: the network's word on a number, and a challenge under pressure."""

    lookup: Lookup
    challenger: Challenger
    callers: Sequence[Caller] = ()

    async def close(self) -> None:
        for caller in self.callers:
            await caller.close()


def guards(settings: Settings, clock: Clock, vault: Vault, policy: Callable[[], CodePolicy]) -> Guards:
    """Null where no register is named; proof of work where no CAPTCHA is."""
    known: Lookup = NullLookup()
    asks: Challenger = WorkChallenger(vault, lambda: policy().work_bits)
    callers: list[Caller] = []

    def caller(url: str, token: SecretStr, deadline_s: float) -> Caller:
        made = Caller(url, clock, token=token.get_secret_value() or None, deadline_s=deadline_s)
        callers.append(made)
        return made

    if settings.hlr_url:
        hlr = caller(settings.hlr_url, settings.hlr_token, HLR_DEADLINE_S)
        known = HttpLookup(hlr, lambda line_type: line_type in policy().line_types, clock)
    if settings.captcha_url:
        verifier = caller(settings.captcha_url, settings.captcha_token, CAPTCHA_DEADLINE_S)
        asks = CaptchaChallenger(HttpCaptcha(verifier, settings.captcha_site_key), asks)
    return Guards(known, asks, callers)


def senders(settings: Settings, outbox: Outbox | None, clock: Clock, on_receipt: OnReceipt) -> list[Sender]:
    """What sends codes, in the order in which it is tried where no policy routes them; calls come last."""
    private = settings.allow_private_targets
    secrets = receipt_secrets(settings)
    found: list[Sender] = []
    for name in settings.senders:
        if name == "smpp":
            found.append(
                SmppSender(
                    Link.parse(settings.smpp_url, settings.smpp_password.get_secret_value()),
                    clock,
                    source=settings.smpp_source,
                    rate=settings.smpp_rate,
                    window=settings.smpp_window,
                    on_receipt=on_receipt,
                )
            )
        elif name == "webhook":
            found.append(WebhookSender(settings.sender_webhook_url, secrets[name], allow_private=private))
        elif outbox is not None:
            found.append(outbox)
    if settings.sender_voice_url:
        found.append(VoiceSender(settings.sender_voice_url, secrets["voice"], allow_private=private))
    return found


def receipt_secrets(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Who may tell us over HTTP what became of messages, and by which secrets: those that we sign with for them."""
    found = {}
    if "webhook" in settings.senders:
        found["webhook"] = tuple(settings.sender_webhook_secret.get_secret_value().split())
    if settings.sender_voice_url:
        found["voice"] = tuple(settings.sender_voice_secret.get_secret_value().split())
    return found
