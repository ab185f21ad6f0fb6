"""What codes are sent with, and what stands before a message."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from service.adapters.caller import Caller
from service.adapters.captcha.http import DEADLINE_S as CAPTCHA_DEADLINE_S
from service.adapters.captcha.http import HttpCaptcha
from service.adapters.hlr.http import DEADLINE_S as HLR_DEADLINE_S
from service.adapters.hlr.http import HttpLookup
from service.adapters.sms.outbox import Outbox
from service.adapters.sms.smpp import Link, OnReceipt, SmppSender
from service.adapters.sms.webhook import VoiceSender, WebhookSender
from service.compose.outside import Instead
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import Clock
from service.limits.workflow import Blocks, Purses
from service.otp.model import CodePolicy
from service.otp.ports import Challenger, Lookup, NullLookup, Sender
from service.otp.workflow import Dispatch, Engine, Receipts, Tools
from service.otp.workflow.challenge import CaptchaChallenger, WorkChallenger
from service.otp.workflow.engine import no_link
from service.otp.workflow.history import StreamJournal
from service.otp.workflow.holder import HolderLinks
from service.policies import Policies
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Guards:
    """What stands before a message: the network's word on a number, and a challenge under pressure."""

    lookup: Lookup
    challenger: Challenger
    callers: Sequence[Caller] = ()

    async def close(self) -> None:
        for caller in self.callers:
            await caller.close()


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
    dispatch: Dispatch
    guards: Guards


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
    return Coded(engine, links, journal, receipts, blocks, purses, sending, dispatch, before)


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
