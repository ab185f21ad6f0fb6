"""``marks``: what holders say of their own papers, taken by staff at the command line."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from service.audit.model import Actor
from service.compose import Services, build
from service.kit.clock import SystemClock, rfc3339
from service.kit.errors import NotFound
from service.kit.ids import parse
from service.risk.model import Mark, MarkKind
from service.settings import Settings

Work = Callable[[Services, UUID, argparse.Namespace], Awaitable[int]]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    marks = commands.add_parser(
        "marks", help="a document that was reported lost, an identity frozen against new lines"
    ).add_subparsers(required=True)
    setting = marks.add_parser("set", help="set one on the papers of a registration; prints it as JSON")
    setting.add_argument("kind", choices=[kind.value for kind in MarkKind])
    setting.add_argument("--days", type=int, help="until when; default: until it is lifted")
    setting.set_defaults(run=_run(_set))
    listing = marks.add_parser("list", help="those that hold on the papers of a registration")
    listing.set_defaults(run=_run(_list))
    for command in (setting, listing):
        command.add_argument("registration", help="reg_…")
    lifting = marks.add_parser("lift", help="lift one before its end")
    lifting.add_argument("mark", help="its id, as set and list print it")
    lifting.set_defaults(run=_run(_lift))
    for command in (setting, listing, lifting):
        command.add_argument("--operator", required=True)


def _run(work: Work) -> Callable[[argparse.Namespace], int]:
    def inside(arguments: argparse.Namespace) -> int:
        async def working() -> int:
            services = build(Settings(), SystemClock())
            async with services.running():
                operator = await services.operators.by_slug(arguments.operator)
                return await work(services, operator.id, arguments)

        return asyncio.run(working())

    return inside


def _shown(mark: Mark) -> str:
    until = None if mark.until is None else rfc3339(mark.until)
    return json.dumps(
        {"id": mark.id.hex, "kind": mark.kind.value, "set_at": rfc3339(mark.set_at), "until": until}
    )


async def _set(services: Services, operator: UUID, arguments: argparse.Namespace) -> int:
    async with services.db.write(operator) as tx:
        until = tx.now + timedelta(days=arguments.days) if arguments.days else None
        registration = parse("reg", arguments.registration)
        kind = MarkKind(arguments.kind)
        mark = await services.registrations.mark(tx, registration, kind, Actor.cli(), until)
    print(_shown(mark))
    return 0


async def _list(services: Services, operator: UUID, arguments: argparse.Namespace) -> int:
    async with services.db.read(operator) as reader:
        for mark in await services.registrations.marks_on(reader, parse("reg", arguments.registration)):
            print(_shown(mark))
    return 0


async def _lift(services: Services, operator: UUID, arguments: argparse.Namespace) -> int:
    try:
        mark = UUID(hex=arguments.mark)
    except ValueError:
        raise NotFound() from None
    async with services.db.write(operator) as tx:
        await services.registrations.lift_mark(tx, mark, Actor.cli())
    print("Lifted.")
    return 0
