"""``limits replay``: what a policy that is not yet in force would have decided."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from service.cli.open_book import instant, run, vault
from service.cli.table import table
from service.infra import telemetry
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import SystemClock, rfc3339
from service.limits.model import PolicyInvalid
from service.limits.workflow import Blocks
from service.operators.workflow import Operators
from service.otp.rules import load_policy
from service.otp.workflow.replaying import PAGE, replay
from service.policies import Policies
from service.settings import Settings

RANGE = timedelta(days=7)
EVERY = 20 * PAGE
"""Events between two lines of progress."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    limits = commands.add_parser("limits", help="budgets of one-time codes").add_subparsers(required=True)
    parser = limits.add_parser(
        "replay",
        help="decide the history of codes again, under the policy in force and under another",
        description="Nothing is written. Ids and counts are shown, no numbers. Give limits.toml of the next version.",
    )
    parser.add_argument("--policy", type=Path, required=True, help="the next limits.toml")
    parser.add_argument("--operator", help="count this operator's sends alone; all are heard")
    parser.add_argument(
        "--from", dest="since", type=instant, help="an instant of RFC 3339; default: a week before --to"
    )
    parser.add_argument("--to", dest="until", type=instant, help="an instant of RFC 3339; default: now")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(run=run(_replay))


async def _replay(db: Database, arguments: argparse.Namespace) -> int:
    try:
        following = load_policy(arguments.policy.read_text("utf-8"))
    except (PolicyInvalid, OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        print(f"simward: {arguments.policy.name}: {' '.join(str(why).split())}", file=sys.stderr)
        return 1
    until = arguments.until or db.clock.now()
    since = arguments.since or until - RANGE
    if since >= until:
        print("simward: --from is not before --to", file=sys.stderr)
        return 1
    settings = Settings()
    # Standard output is the report's.
    telemetry.configure("warning")
    operators = Operators(db)
    counted = (await operators.by_slug(arguments.operator)).id if arguments.operator else None
    policies = Policies(db, demo=settings.is_demo, allows_test_numbers=settings.may_have_test_numbers)
    in_force = (await policies.refresh()).codes
    redis = Redis(settings.redis_url, SystemClock())
    blocks = Blocks(db, redis, vault(settings), lambda: in_force.limits)
    try:
        report = await replay(
            db,
            [operator.id for operator in await operators.all()],
            blocks.spans,
            in_force,
            following,
            since,
            until,
            counted=counted,
            progress=_progress,
        )
    finally:
        await redis.close()
    said = {"from": rfc3339(since), "to": rfc3339(until), **report.json}
    print(json.dumps(said, indent=2) if arguments.json else "\n".join(lines(said)))
    return 0


def _progress(read: int, at: datetime) -> None:
    if read % EVERY == 0:
        print(f"simward: {read} events, up to {rfc3339(at)}", file=sys.stderr)


def lines(said: Mapping[str, Any]) -> Iterator[str]:
    """The report as a person reads it."""
    policy, changed, replayed = said["policy"], said["changed"], said["replay"]
    yield f"{said['from']} to {said['to']}: {said['decisions']} sends were decided"
    yield f"in force: {policy['in_force']}; next: {policy['next']}"
    yield ""
    yield from table(
        ("outcome", "recorded", "in force", "next"),
        [(row["outcome"], row["recorded"], row["in_force"], row["next"]) for row in said["outcomes"]],
    )
    yield from table(
        ("limit", "stage", "outcome", "in force", "next"),
        [
            (row["limit"], row["stage"], row["outcome"], row["in_force"], row["next"])
            for row in said["limits"]
        ],
    )
    yield from table(
        ("country", "outcome", "in force", "next"),
        [(row["country"], row["outcome"], row["in_force"], row["next"]) for row in said["countries"]],
    )
    yield (
        f"changed: {changed['count']}; let through: {changed['let_through']}; stopped: {changed['stopped']},"
        f" of which {changed['stopped_but_verified']} came back with the right code{_share(changed)}"
    )
    yield from table(
        ("challenge", "at", "in force", "next", "verified"),
        [
            (
                row["challenge"],
                row["at"],
                _word(row["in_force"], row["in_force_limit"]),
                _word(row["next"], row["next_limit"]),
                "yes" if row["verified"] else "no",
            )
            for row in changed["examples"]
        ],
    )
    yield (
        f"replay: {replayed['compared']} decisions of this version compared, {replayed['differing']} came out"
        f" differently; {replayed['of_other_versions']} were decided under other versions"
    )
    for challenge in replayed["examples"]:
        yield f"  {challenge}"


def _share(changed: Mapping[str, Any]) -> str:
    """Messages to honest people that would not have been sent, of all that would not."""
    stopped = changed["stopped"]
    return f" ({100 * changed['stopped_but_verified'] / stopped:.1f} %)" if stopped else ""


def _word(outcome: str, limit: str | None) -> str:
    return outcome if limit is None else f"{outcome} ({limit})"
