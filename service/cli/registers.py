"""``operators``, ``keys``: who may call. ``dealers`` and ``staff`` are in their own modules."""

import argparse
import json
from datetime import datetime
from uuid import UUID

from service.cli.open_book import run
from service.infra.postgres import Database
from service.kit.clock import rfc3339
from service.kit.errors import InvalidRequest
from service.operators.workflow import Operators
from service.web.auth import Scope


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    operators = commands.add_parser("operators", help="network operators: the tenants").add_subparsers(
        required=True
    )
    adding = operators.add_parser("add")
    adding.add_argument("slug")
    adding.add_argument("name")
    adding.set_defaults(run=run(_add_operator))
    operators.add_parser("list").set_defaults(run=run(_list_operators))
    keys = commands.add_parser("keys", help="keys of the systems that call us").add_subparsers(required=True)
    create = keys.add_parser("create")
    create.add_argument("--operator", required=True)
    create.add_argument("--client", required=True)
    create.add_argument("--scopes", required=True, help=" ".join(Scope) + ", by commas")
    create.add_argument("--dealer", help="code of the dealer that the key is bound to")
    create.add_argument("--cidr", help="network that it may be used from")
    create.add_argument("--expires", type=_instant, help="an instant of RFC 3339")
    create.set_defaults(run=run(_create_key))
    revoke = keys.add_parser("revoke")
    revoke.add_argument("--operator", required=True)
    revoke.add_argument("id", help="the part of the key between sk_ and the second underscore")
    revoke.set_defaults(run=run(_revoke_key))


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError("say the offset from UTC, as in 2027-01-01T00:00:00Z")
    return at


async def _add_operator(db: Database, arguments: argparse.Namespace) -> int:
    operator = await Operators(db).add(arguments.slug, arguments.name)
    print(json.dumps({"operator": operator.slug, "id": str(operator.id)}))
    return 0


async def _list_operators(db: Database, _: argparse.Namespace) -> int:
    for operator in await Operators(db).all():
        print(f"{operator.slug:20} {operator.name:30} {operator.id} since {rfc3339(operator.created_at)}")
    return 0


async def _create_key(db: Database, arguments: argparse.Namespace) -> int:
    operators = Operators(db)
    operator = await operators.by_slug(arguments.operator)
    try:
        scopes = [Scope(name) for name in arguments.scopes.split(",")]
    except ValueError:
        raise InvalidRequest("/scopes", "scope", "is not a scope") from None
    dealer: UUID | None = None
    if arguments.dealer:
        from service.dealers import store as dealers

        async with db.read(operator.id) as reader:
            found = await dealers.find(reader, arguments.dealer)
        if found is None:
            raise InvalidRequest("/dealer", "unknown", "There is no dealer with this code.")
        dealer = found.id
    key = await operators.create_key(
        operator,
        arguments.client,
        scopes,
        dealer_id=dealer,
        cidr=arguments.cidr,
        expires_at=arguments.expires,
    )
    print(json.dumps({"key": key.text, "client": key.client}))
    return 0


async def _revoke_key(db: Database, arguments: argparse.Namespace) -> int:
    operators = Operators(db)
    await operators.revoke_key(await operators.by_slug(arguments.operator), arguments.id)
    print("The key stops within five seconds.")
    return 0
