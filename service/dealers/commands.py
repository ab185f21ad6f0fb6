"""``simward dealers …``: one function a verb. Each takes parsed arguments and returns what is printed as JSON."""

from argparse import Namespace
from collections.abc import Awaitable, Callable
from uuid import UUID

from service.audit.workflow import Actor
from service.dealers.model import Dealer, Quotas
from service.dealers.workflow import Dealers
from service.infra.postgres import Database
from service.kit.errors import JsonObject
from service.kit.ids import wire

Command = Callable[[Dealers, Database, UUID, Namespace], Awaitable[list[JsonObject]]]


def shown(dealer: Dealer) -> JsonObject:
    """A dealer without its licence number."""
    return {
        "id": wire("dlr", dealer.id),
        "code": dealer.code,
        "name": dealer.name,
        "state": dealer.state.value,
        "hourly": dealer.quotas.hourly,
        "daily": dealer.quotas.daily,
    }


async def add(dealers: Dealers, db: Database, operator: UUID, args: Namespace) -> list[JsonObject]:
    """``code``, ``name``, ``licence``, ``hourly``, ``daily`` (the last two may be None)."""
    usual = Quotas()
    quotas = Quotas(
        usual.hourly if args.hourly is None else args.hourly,
        usual.daily if args.daily is None else args.daily,
    )
    dealer = await dealers.register(
        operator, code=args.code, name=args.name, licence=args.licence, quotas=quotas, actor=Actor.cli()
    )
    return [shown(dealer)]


async def listed(dealers: Dealers, db: Database, operator: UUID, args: Namespace) -> list[JsonObject]:
    async with db.read(operator) as reader:
        return [shown(dealer) for dealer in await dealers.listed(reader)]


async def pause(dealers: Dealers, db: Database, operator: UUID, args: Namespace) -> list[JsonObject]:
    """``code``."""
    return [shown(await dealers.pause(operator, args.code, actor=Actor.cli()))]


async def resume(dealers: Dealers, db: Database, operator: UUID, args: Namespace) -> list[JsonObject]:
    """``code``."""
    return [shown(await dealers.resume(operator, args.code, actor=Actor.cli()))]


async def suspend(dealers: Dealers, db: Database, operator: UUID, args: Namespace) -> list[JsonObject]:
    """``code``, ``reason``."""
    return [shown(await dealers.suspend(operator, args.code, args.reason, actor=Actor.cli()))]


async def quotas(dealers: Dealers, db: Database, operator: UUID, args: Namespace) -> list[JsonObject]:
    """``code``, ``hourly``, ``daily`` (None keeps what is)."""
    async with db.read(operator) as reader:
        now = (await dealers.find(reader, args.code)).quotas
    wanted = Quotas(
        now.hourly if args.hourly is None else args.hourly, now.daily if args.daily is None else args.daily
    )
    return [shown(await dealers.set_quotas(operator, args.code, wanted, actor=Actor.cli()))]


async def agent_add(dealers: Dealers, db: Database, operator: UUID, args: Namespace) -> list[JsonObject]:
    """``code`` (the dealer's), ``agent``."""
    agent = await dealers.register_agent(operator, args.code, args.agent, actor=Actor.cli())
    return [{"dealer": args.code, "agent": agent.code, "active": agent.is_active}]


COMMANDS: dict[str, Command] = {
    "add": add,
    "list": listed,
    "pause": pause,
    "resume": resume,
    "suspend": suspend,
    "quotas": quotas,
    "agent-add": agent_add,
}
