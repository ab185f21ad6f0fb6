"""``documents``: the certificates by which chips are trusted. One person brings a file, another brings it into force.

The persons are those of the staff register, named on the command line as an operator's own process would have it:
whoever has this shell could name two. The audit says who was named, and the digest is for both to compare.
"""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

from service.cli.open_book import run, vault
from service.compose import rules_owner
from service.documents.model.trust import TrustImport
from service.documents.workflow.trust import Authorities
from service.infra import telemetry
from service.infra.postgres import Database
from service.kit.clock import rfc3339
from service.kit.ids import parse, wire
from service.operators.workflow import Operators
from service.settings import Settings
from service.staff.model import NotPermitted, Permission, StaffState
from service.staff.rules import may
from service.staff.workflow import Factors, StaffRegister

Act = Callable[[Authorities, UUID, argparse.Namespace], Awaitable[TrustImport]]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    documents = commands.add_parser("documents", help="whose signatures on chips are trusted").add_subparsers(
        required=True
    )
    bring = documents.add_parser("import-csca", help="bring a master list, or one authority's certificate")
    bring.add_argument("file", type=Path, help="DER or PEM")
    bring.add_argument(
        "--root",
        type=Path,
        action="append",
        default=[],
        help="the certificate that vouches for it, if it is not trusted yet; check its fingerprint first",
    )
    revoke = documents.add_parser("import-crl", help="bring an authority's list of revocations")
    revoke.add_argument("file", type=Path, help="DER or PEM")
    csca = documents.add_parser("csca", help="what was brought").add_subparsers(required=True)
    csca.add_parser("list").set_defaults(run=run(_list))
    trusting = csca.add_parser("activate", help="bring it into force; by another person than brought it")
    withdrawing = csca.add_parser("withdraw", help="trust it no more")
    for parser in (trusting, withdrawing):
        parser.add_argument("id", help="csca_…, as import and list print it")
    acts: tuple[tuple[argparse.ArgumentParser, Act, Permission], ...] = (
        (bring, _bring, Permission.EDIT_RULES),
        (revoke, _revoke, Permission.EDIT_RULES),
        (trusting, _activate, Permission.PUBLISH_RULES),
        (withdrawing, _withdraw, Permission.PUBLISH_RULES),
    )
    for parser, act, permission in acts:
        parser.add_argument("--staff", required=True, metavar="LOGIN", help="who does it")
        parser.add_argument(
            "--operator", help="whose staff; default: who may change the installation's rules"
        )
        parser.set_defaults(act=act, permission=permission, run=run(_act))


async def _act(db: Database, arguments: argparse.Namespace) -> int:
    telemetry.configure("warning")
    by = await _person(db, arguments)
    try:
        found = await arguments.act(Authorities(db), by, arguments)
    except OSError as error:
        print(f"simward: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    print(_shown(found))
    return 0


async def _person(db: Database, arguments: argparse.Namespace) -> UUID:
    """The active member of staff with this login, who may. Raises :class:`NotPermitted`."""
    settings, operators = Settings(), Operators(db)
    operator = (
        (await operators.by_slug(arguments.operator)).id
        if arguments.operator
        else await rules_owner(settings, operators)()
    )
    if operator is not None:
        for staff, _ in await StaffRegister(db, Factors(vault(settings))).listed(operator):
            is_meant = staff.login == arguments.staff and staff.state is StaffState.ACTIVE
            if is_meant and may(staff.role, arguments.permission):
                return staff.id
    raise NotPermitted()


async def _bring(authorities: Authorities, by: UUID, arguments: argparse.Namespace) -> TrustImport:
    roots = [root.read_bytes() for root in arguments.root]
    return await authorities.stage(arguments.file.read_bytes(), roots, by)


async def _revoke(authorities: Authorities, by: UUID, arguments: argparse.Namespace) -> TrustImport:
    return await authorities.stage_crl(arguments.file.read_bytes(), by)


async def _activate(authorities: Authorities, by: UUID, arguments: argparse.Namespace) -> TrustImport:
    return await authorities.activate(parse("csca", arguments.id), by)


async def _withdraw(authorities: Authorities, by: UUID, arguments: argparse.Namespace) -> TrustImport:
    return await authorities.withdraw(parse("csca", arguments.id), by)


async def _list(db: Database, _: argparse.Namespace) -> int:
    for found in await Authorities(db).listed():
        print(_shown(found))
    return 0


def _shown(found: TrustImport) -> str:
    return json.dumps(
        {
            "id": wire("csca", found.id),
            "kind": found.kind.value,
            "source": found.source,
            "dated_at": rfc3339(found.dated_at),
            "count": found.count,
            "sha256": found.digest,
            "in_force": found.is_in_force,
            "staged_by": wire("stf", found.staged_by),
            "activated_by": None if found.activated_by is None else wire("stf", found.activated_by),
        }
    )
