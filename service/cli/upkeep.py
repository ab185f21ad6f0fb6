"""``policy``, ``audit``, ``rotate-keys``, ``create-keys``, ``retention``, ``erase``."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from service.audit.heads import read_heads
from service.audit.verify import describe, verify
from service.cli.open_book import run, vault
from service.compose import Services
from service.compose import build as compose
from service.infra.crypto import KeysetName, KeysetRefused, Step, Verifier, create_keysets, kms_from, rotate
from service.infra.postgres import Database
from service.kit.clock import SystemClock
from service.kit.ids import parse
from service.operators.workflow import Operators
from service.policies import Policies, PolicyRefused, Sources, build
from service.policies.model import FILES, OPTIONAL
from service.settings import Mode, Settings
from service.upkeep import Upkeep, rewrite


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    policy = commands.add_parser(
        "policy", help="versions of limits, rules, documents, retention"
    ).add_subparsers(required=True)
    publish = policy.add_parser("publish", help="bring the TOML files of a folder into force")
    publish.add_argument("folder", type=Path)
    publish.set_defaults(run=run(_publish))
    check = policy.add_parser("check", help="build a folder's files without publishing them")
    check.add_argument("folder", type=Path)
    check.set_defaults(run=_check)
    policy.add_parser("list").set_defaults(run=run(_policies))
    audit = commands.add_parser("audit", help="the audit's chains").add_subparsers(required=True)
    verifying = audit.add_parser("verify", help="recompute every chain; exit code 1 where something is wrong")
    verifying.add_argument("--heads", type=Path, help="file of signed heads that was kept elsewhere")
    verifying.set_defaults(run=run(_verify))
    keys = commands.add_parser("create-keys", help="make the five keysets in the keys folder")
    keys.set_defaults(run=_create_keys)
    turn = commands.add_parser("rotate-keys", help="rotate a keyset: add, promote, rewrite, retire")
    turn.add_argument("keyset", choices=[name.value for name in KeysetName])
    turn.add_argument("step", choices=["add", "promote", "rewrite", "retire"])
    turn.set_defaults(run=_rotate)
    commands.add_parser("retention", help="erase who is due now").set_defaults(run=_retention)
    erase = commands.add_parser("erase", help="erase one person: delete their data key and indexes")
    erase.add_argument("--operator", required=True)
    erase.add_argument("subscriber", help="sub_…")
    erase.set_defaults(run=_erase)


def _sources(folder: Path) -> Sources:
    names = [*FILES, *(name for name in OPTIONAL if (folder / name).exists())]
    return Sources({name: (folder / name).read_text("utf-8") for name in names})


async def _publish(db: Database, arguments: argparse.Namespace) -> int:
    settings = Settings()
    policies = Policies(db, demo=settings.is_demo, allows_test_numbers=settings.may_have_test_numbers)
    try:
        published = await policies.publish(_sources(arguments.folder), "cli")
    except (PolicyRefused, OSError) as error:
        print(f"simward: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"version": published.version, "number": published.number}))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    try:
        allowed = Settings().may_have_test_numbers
        built = build(_sources(arguments.folder), demo=False, allows_test_numbers=allowed)
    except (PolicyRefused, OSError) as error:
        print(f"simward: {error}", file=sys.stderr)
        return 1
    print(f"{built.version}: {len(built.risk.rules)} rules; their examples hold.")
    return 0


async def _policies(db: Database, _: argparse.Namespace) -> int:
    for found in await Policies(db, demo=Settings().is_demo).history():
        print(f"{found.number:5} {found.version} {found.published_at.isoformat()} by {found.published_by}")
    return 0


async def _verify(db: Database, arguments: argparse.Namespace) -> int:
    ids = [operator.id for operator in await Operators(db).all()]
    given = read_heads(arguments.heads) if arguments.heads else []
    found = await verify(db, ids, Verifier.load(Settings().keys_dir), given=given)
    print("\n".join(describe(found)))
    return 0 if found.is_whole else 1


def _create_keys(_: argparse.Namespace) -> int:
    settings = Settings()
    settings.keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    create_keysets(settings.keys_dir, kms=kms_from(settings.master_key_file))
    print(f"Five keysets are in {settings.keys_dir}. Copy them to where backups of the database do not go.")
    return 0


def _rotate(arguments: argparse.Namespace) -> int:
    step = arguments.step
    try:
        if step in ("rewrite", "retire"):
            return run(_rewrite)(arguments)
        return _step(arguments, Step(step), ())
    except KeysetRefused as error:
        print(f"simward: {error}", file=sys.stderr)
        return 1


def _step(arguments: argparse.Namespace, step: Step, in_use: Collection[int]) -> int:
    settings = Settings()
    done = rotate(
        settings.keys_dir,
        KeysetName(arguments.keyset),
        step,
        production=settings.mode is Mode.PRODUCTION,
        kms=kms_from(settings.master_key_file),
        in_use=in_use,
    )
    print(
        f"{done.keyset.value}: {step.value} done; primary key {done.primary}, enabled keys {len(done.enabled)}."
    )
    print("Restart every process before the next step, so that each has the new keyset.")
    return 0


async def _rewrite(db: Database, arguments: argparse.Namespace) -> int:
    """Move rows to the primary key; ``retire`` does so first, to know which keys rows still have."""
    name = KeysetName(arguments.keyset)
    moved = await rewrite(
        db, vault(Settings()), name, [operator.id for operator in await Operators(db).all()]
    )
    print(f"{name.value}: {moved.rows} rows moved; rows have {len(moved.in_use)} keys.")
    return _step(arguments, Step.RETIRE, moved.in_use) if arguments.step == "retire" else 0


def _with_services(work: Callable[[Services], Awaitable[int]]) -> int:
    async def working() -> int:
        services = compose(Settings(), SystemClock())
        async with services.running():
            return await work(services)

    return asyncio.run(working())


def _retention(_: argparse.Namespace) -> int:
    async def work(services: Services) -> int:
        for done in await Upkeep(services).retention():
            print(
                f"{done.operator}: looked at {done.looked_at}, erased {done.erased}, on hold {done.on_hold}"
            )
        return 0

    return _with_services(work)


def _erase(arguments: argparse.Namespace) -> int:
    async def work(services: Services) -> int:
        operator = await services.operators.by_slug(arguments.operator)
        done = await Upkeep(services).erase(operator.id, parse("sub", arguments.subscriber))
        print("Erased." if done else "It was erased before.")
        return 0

    return _with_services(work)
