"""``dealers`` and ``staff``."""

import argparse
import json

from service.audit.workflow import Actor
from service.cli.open_book import run, vault
from service.dealers import commands
from service.dealers.workflow import Dealers
from service.infra.postgres import Database
from service.operators.workflow import Operators
from service.settings import Settings
from service.staff.model import Role
from service.staff.workflow import Factors, StaffRegister

_DEALERS: dict[str, tuple[commands.Command, list[str]]] = {
    "add": (commands.add, ["code", "name", "licence", "--hourly", "--daily"]),
    "list": (commands.listed, []),
    "pause": (commands.pause, ["code"]),
    "resume": (commands.resume, ["code"]),
    "suspend": (commands.suspend, ["code", "reason"]),
    "agent-add": (commands.agent_add, ["code", "agent"]),
}


def add(commands_: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    dealers = commands_.add_parser("dealers", help="shops, their agents and quotas").add_subparsers(
        required=True
    )
    for name, (verb, arguments) in _DEALERS.items():
        parser = dealers.add_parser(name)
        parser.add_argument("--operator", required=True)
        for argument in arguments:
            parser.add_argument(argument, type=int if argument.startswith("--") else str)
        parser.set_defaults(verb=verb, run=run(_dealers))
    staff = commands_.add_parser("staff", help="our people: who may sign in").add_subparsers(required=True)
    adding = staff.add_parser("add", help="add a person; prints the link that sets up the first sign-in")
    adding.add_argument("login")
    adding.add_argument("name")
    adding.add_argument("role", choices=[role.value for role in Role])
    linking = staff.add_parser("link", help="a new link, which ends the sessions of the old factors")
    linking.add_argument("login")
    role = staff.add_parser("role", help="change a role; ends the person's sessions")
    role.add_argument("login")
    role.add_argument("role", choices=[role.value for role in Role])
    disabling = staff.add_parser("disable")
    disabling.add_argument("login")
    listing = staff.add_parser("list")
    named = {"add": adding, "link": linking, "role": role, "disable": disabling, "list": listing}
    for word, parser in named.items():
        parser.add_argument("--operator", required=True)
        parser.set_defaults(verb=word, run=run(_staff))


async def _dealers(db: Database, arguments: argparse.Namespace) -> int:
    operator = await Operators(db).by_slug(arguments.operator)
    for line in await arguments.verb(Dealers(db, vault(Settings())), db, operator.id, arguments):
        print(json.dumps(line))
    return 0


async def _staff(db: Database, arguments: argparse.Namespace) -> int:
    settings = Settings()
    operator = await Operators(db).by_slug(arguments.operator)
    register = StaffRegister(db, Factors(vault(settings)))
    actor = Actor.cli()
    match arguments.verb:
        case "add":
            role = Role(arguments.role)
            link = await register.add(
                operator.id, login=arguments.login, name=arguments.name, role=role, actor=actor
            )
            print(f"{settings.public_url}/admin/link/{link}")
        case "link":
            link = await register.link(operator.id, arguments.login, actor=actor)
            print(f"{settings.public_url}/admin/link/{link}")
        case "role":
            await register.set_role(operator.id, arguments.login, Role(arguments.role), actor=actor)
        case "disable":
            await register.disable(operator.id, arguments.login, actor=actor)
        case _:
            for person, name in await register.listed(operator.id):
                print(f"{person.login:24} {person.role.value:12} {person.state.value:10} {name}")
    return 0
