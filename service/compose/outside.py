"""The outside world: the operator's own systems, and what the seed and tests put in their place."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from service.adapters.caller import Caller
from service.adapters.inventory.http import HttpInventory
from service.adapters.mrz_reader import pooled
from service.adapters.provisioning.http import HttpProvisioner
from service.adapters.registry.http import DEADLINE_S, HttpDeaths, HttpLostStolen, HttpRegistry
from service.adapters.usage.http import HttpUsage
from service.documents.ports import Deaths, LostStolen, MrzReader, NullMrzReader, Registry
from service.documents.workflow.asking import Enquiries
from service.infra.pool import Pool, Terms
from service.infra.postgres import Deliver
from service.kit.clock import Clock
from service.lines.ports import Calendar, Inventory, NullInventory, NullProvisioner, Provisioner, Usage
from service.otp.ports import Journal, Sender
from service.response.ports import HolderNotice
from service.response.workflow import RingFinder
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Instead:
    """What the seed and tests put in the place of the settings' choice."""

    senders: Sequence[Sender] | None = None
    registry: Registry | None = None
    lost_stolen: LostStolen | None = None
    deaths: Deaths | None = None
    provisioner: Provisioner | None = None
    inventory: Inventory | None = None
    usage: Usage | None = None
    deliver: Deliver | None = None
    journal: Journal | None = None
    finder: RingFinder | None = None
    notices: HolderNotice | None = None
    reader: MrzReader | None = None


def outside(settings: Settings, clock: Clock) -> tuple[Provisioner, Inventory]:
    """The operator's own systems; the null twin where none is named."""

    def caller(url: str, token: SecretStr) -> Caller:
        return Caller(url, clock, token=token.get_secret_value() or None)

    provisioner: Provisioner = NullProvisioner()
    inventory: Inventory = NullInventory()
    if settings.provisioner_url:
        provisioner = HttpProvisioner(caller(settings.provisioner_url, settings.provisioner_token))
    if settings.inventory_url:
        inventory = HttpInventory(caller(settings.inventory_url, settings.inventory_token))
    return provisioner, inventory


def enquiries(settings: Settings, clock: Clock, instead: Instead) -> Enquiries:
    """Those who are asked about documents; nobody where none is named."""

    def caller(url: str, token: SecretStr) -> Caller | None:
        if not url:
            return None
        return Caller(url, clock, token=token.get_secret_value() or None, deadline_s=DEADLINE_S)

    registry = caller(settings.registry_url, settings.registry_token)
    lost_stolen = caller(settings.lost_stolen_url, settings.lost_stolen_token)
    deaths = caller(settings.deaths_url, settings.deaths_token)
    return Enquiries(
        instead.registry or (HttpRegistry(registry) if registry else None),
        instead.lost_stolen or (HttpLostStolen(lost_stolen) if lost_stolen else None),
        instead.deaths or (HttpDeaths(deaths) if deaths else None),
    )


def usage(settings: Settings, clock: Clock) -> Usage:
    """The operator's figures of use; the calendar where none are named."""
    if not settings.usage_url:
        return Calendar()
    return HttpUsage(Caller(settings.usage_url, clock, token=settings.usage_token.get_secret_value() or None))


def reader(settings: Settings) -> MrzReader:
    """Who reads pictures; nothing is started yet."""
    if settings.image_readers == 0:
        return NullMrzReader()
    terms = Terms(
        children=settings.image_readers,
        queue=settings.image_queue,
        seconds=settings.image_deadline_s,
        wait_s=settings.image_deadline_s,
        most=settings.image_recycle,
    )
    return pooled.PooledMrzReader(Pool(pooled.COMMAND, terms), early=settings.image_readers_early)
