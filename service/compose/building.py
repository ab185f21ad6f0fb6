"""Every collaborator once, from the settings and a clock."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from service.adapters.sms.holder import SmsHolderNotice
from service.adapters.sms.outbox import Outbox
from service.compose.codes import coded
from service.compose.outside import Instead, enquiries, outside, reader, usage
from service.compose.reporting import reporting
from service.compose.services import Services
from service.dealers.workflow import Dealers
from service.documents.volatile import Nonces
from service.documents.workflow import Chips, Documents, Traces
from service.documents.workflow.trust import Authorities
from service.infra.crypto import KeysetRefused, Vault, kms_from
from service.infra.jobs import defer_all
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import Clock
from service.lines.workflow import Lines, Probation
from service.notices.workflow import Links, Notices
from service.operators.workflow import Operators
from service.otp.volatile import Answers
from service.otp.workflow import Codes, Courier
from service.otp.workflow.holder import Holder
from service.otp.workflow.verifications import Verifications
from service.policies import Policies
from service.registration.model import Purpose
from service.registration.workflow import Registrations
from service.registration.workflow.backtests import Backtests
from service.registration.workflow.parts import Parts
from service.response.workflow import AppealLinks, Response
from service.risk.volatile import Velocity
from service.risk.workflow import Drafts, Risk, Usual
from service.settings import Mode, Settings
from service.staff.volatile import Sessions
from service.staff.workflow import Factors, StaffDesk, StaffRegister
from service.subscribers.workflow import Subscribers

log = structlog.get_logger(__name__)


def build(settings: Settings, clock: Clock, instead: Instead | None = None) -> Services:
    """Build everything; nothing is connected yet."""
    instead = instead or Instead()
    vault, deliver = _vault(settings), instead.deliver or defer_all
    db = Database(settings.database_url, clock, pool_size=settings.pool_size, deliver=deliver)
    redis = Redis(settings.redis_url, clock)
    policies = Policies(db, demo=settings.is_demo, allows_test_numbers=settings.may_have_test_numbers)
    provisioner, inventory = outside(settings, clock)
    provisioner, inventory = instead.provisioner or provisioner, instead.inventory or inventory
    subscribers, dealers = Subscribers(vault), Dealers(db, vault)
    trusted, operators, pictures = Authorities(db), Operators(db), instead.reader or reader(settings)
    chips, traces = Chips(lambda: trusted.current, Nonces(redis, vault), vault), Traces(vault)
    documents = Documents(enquiries(settings, clock, instead), pictures, chips, traces)
    outbox = Outbox(redis, vault, demo=True) if "outbox" in settings.senders else None
    sent = coded(settings, clock, db, redis, vault, policies, outbox, instead)
    courier = Courier(db, subscribers, sent.dispatch, sent.purses, lambda: policies.current.codes)
    usual = Usual(db, operators.ids)
    codes, risk = Codes(sent.engine), Risk(vault, Velocity(redis, vault), usual.of)
    lines, factors = Lines(db, vault, subscribers, provisioner), Factors(vault)
    rest = (provisioner, inventory, policies, _purposes(settings), courier)
    parts = Parts(db, vault, subscribers, dealers, documents, codes, risk, lines, *rest)
    verifications = Verifications(sent.engine, db, vault, dealers, Answers(redis))
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
        authorities=trusted,
        codes=codes,
        verifications=verifications,
        holder=Holder(sent.links, operators, sent.blocks, clock),
        journal=sent.journal,
        blocks=sent.blocks,
        purses=sent.purses,
        risk=risk,
        usual=usual,
        backtests=Backtests(db, policies.risk_text, policies.overlaid),
        drafts=Drafts(db, policies, rules_owner(settings, operators)),
        lines=lines,
        probation=Probation(lines, instead.usage or usage(settings, clock)),
        registrations=Registrations(parts),
        notices=Notices(parts, operators, courier, Links(vault, settings.public_url)),
        reports=reporting(db, redis, vault, subscribers, operators, verifications, policies),
        response=responding(settings, parts, policies, operators, courier, instead),
        courier=courier,
        outbox=outbox,
        senders=sent.senders,
        pictures=pictures,
        guards=sent.guards,
        receipts=sent.receipts,
        staff=StaffRegister(db, factors),
        desk=StaffDesk(db, operators, Sessions(redis, vault), factors, is_demo=settings.is_demo),
    )


def responding(
    settings: Settings,
    parts: Parts,
    policies: Policies,
    operators: Operators,
    courier: Courier,
    instead: Instead,
) -> Response:
    """What follows from reports, over the domains that it composes."""
    return Response(
        parts.db,
        parts.vault,
        parts.subscribers,
        parts.lines,
        parts.risk,
        instead.finder or parts.risk.links,
        instead.notices or SmsHolderNotice(parts.db, parts.lines, courier),
        lambda: policies.current.risk,
        AppealLinks(parts.vault, settings.public_url),
        operators.ids,
        lambda: policies.current.response,
    )


def rules_owner(settings: Settings, operators: Operators) -> Callable[[], Awaitable[UUID | None]]:
    """The operator whose staff change the rules of the installation: the one that is named, else the only one."""

    async def owner() -> UUID | None:
        every = await operators.all()
        named = [each for each in every if each.slug == settings.rules_operator]
        chosen = named if settings.rules_operator else every
        return chosen[0].id if len(chosen) == 1 else None

    return owner


def _vault(settings: Settings) -> Vault:
    production = settings.mode is Mode.PRODUCTION
    try:
        return Vault.load(settings.keys_dir, production=production, kms=kms_from(settings.master_key_file))
    except KeysetRefused as refused:
        log.critical("keysets.refused", reason=str(refused))  # uvicorn's own record of it would not say why
        raise


def _purposes(settings: Settings) -> frozenset[Purpose]:
    return frozenset(map(Purpose, settings.purposes.split(",")))
