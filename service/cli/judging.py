"""``rules replay``: every stored decision comes out the same. ``rules backtest``: what other rules would change."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from service.cli.open_book import instant, run
from service.cli.table import table
from service.infra import telemetry
from service.infra.postgres import Database
from service.kit.clock import rfc3339
from service.kit.ids import wire
from service.operators.workflow import Operators
from service.policies import Policies, PolicyRefused, Sources
from service.registration.workflow.backtesting import Replayed, backtest, replay
from service.risk.rules import RiskPolicy
from service.settings import Settings

RANGE = timedelta(days=30)
EVERY = 5_000
"""Decisions between two lines of progress."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    rules = commands.add_parser("rules", help="decisions of registrations").add_subparsers(required=True)
    again = rules.add_parser(
        "replay",
        help="judge every stored decision again; exit code 1 where one comes out otherwise",
        description="Nothing is written. Each decision is judged under the version of the policy that made it.",
    )
    again.add_argument("--from", dest="since", type=instant, help="an instant of RFC 3339; default: all")
    again.set_defaults(run=run(_replay))
    test = rules.add_parser(
        "backtest",
        help="judge the decisions of a time under rules that are not in force",
        description="Nothing is written; ^C ends it. Ids and counts are shown. Give risk.toml of the next version.",
    )
    test.add_argument("--policy", type=Path, required=True, help="the next risk.toml")
    test.add_argument("--from", dest="since", type=instant, help="default: thirty days before --to")
    test.add_argument("--queue", type=int, help="say which review_score keeps every day at so many or fewer")
    test.set_defaults(run=run(_backtest))
    for parser in (again, test):
        parser.add_argument("--to", dest="until", type=instant, help="an instant of RFC 3339; default: now")
        parser.add_argument("--operator", help="this operator's decisions alone")
        parser.add_argument("--json", action="store_true", help="for machines")


def _policies(db: Database) -> Policies:
    settings = Settings()
    return Policies(db, demo=settings.is_demo, allows_test_numbers=settings.may_have_test_numbers)


async def _operators(db: Database, slug: str | None) -> list[UUID]:
    operators = Operators(db)
    return [(await operators.by_slug(slug)).id] if slug else [each.id for each in await operators.all()]


def _range(
    db: Database, arguments: argparse.Namespace, length: timedelta | None
) -> tuple[datetime, datetime] | None:
    until = arguments.until or db.clock.now()
    begin = until - length if length else datetime.min.replace(year=2000, tzinfo=until.tzinfo)
    since = arguments.since or begin
    if since >= until:
        print("simward: --from is not before --to", file=sys.stderr)
        return None
    return since, until


async def _replay(db: Database, arguments: argparse.Namespace) -> int:
    span = _range(db, arguments, None)
    if span is None:
        return 1
    telemetry.configure("warning")
    policies, built = _policies(db), dict[str, RiskPolicy | None]()

    async def policy_of(version: str) -> RiskPolicy | None:
        if version not in built:
            try:
                found = await policies.version(version)
            except PolicyRefused:
                found = None
            built[version] = found.risk if found else None
        return built[version]

    found = await replay(db, await _operators(db, arguments.operator), policy_of, *span, _Progress())
    print(json.dumps(_replayed(found), indent=2) if arguments.json else "\n".join(_told(found)))
    return 0 if found.is_whole else 1


def _replayed(found: Replayed) -> dict[str, Any]:
    return {
        "decisions": found.decisions,
        "versions": found.versions,
        "lost": found.lost,
        "differing": found.differing,
        "examples": [wire("dec", each) for each in found.examples],
    }


def _told(found: Replayed) -> Iterator[str]:
    yield f"{found.decisions} decisions judged again; {found.differing} came out otherwise"
    for each in found.examples:
        yield f"  {wire('dec', each)}"
    yield from table(("policy", "decisions"), sorted(found.versions.items()))
    for version, count in sorted(found.lost.items()):
        yield f"{count} decisions were made under {version}, which is not kept or cannot be built any more"


class _Progress:
    """One line on standard error every so often."""

    def __init__(self) -> None:
        self._next = EVERY

    def __call__(self, done: int, total: int) -> None:
        if done >= self._next:
            print(f"simward: {done} of {total} decisions", file=sys.stderr)
            self._next = done + EVERY


async def _backtest(db: Database, arguments: argparse.Namespace) -> int:
    span = _range(db, arguments, RANGE)
    if span is None:
        return 1
    telemetry.configure("warning")
    policies = _policies(db)
    try:
        text = arguments.policy.read_text("utf-8")
        next_set = await policies.beside(lambda now: Sources({**now.texts, "risk.toml": text}))
    except (PolicyRefused, OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        print(f"simward: {arguments.policy.name}: {' '.join(str(why).split())}", file=sys.stderr)
        return 1
    operators = await _operators(db, arguments.operator)
    found = await backtest(db, operators, next_set.risk, *span, progress=_Progress())
    said: dict[str, Any] = {
        "from": rfc3339(span[0]),
        "to": rfc3339(span[1]),
        "policy": next_set.version,
    }
    said |= found.json(arguments.queue)
    print(json.dumps(said, indent=2) if arguments.json else "\n".join(lines(said)))
    return 0


def lines(said: Mapping[str, Any]) -> Iterator[str]:
    """A backtest as a person reads it."""
    yield f"{said['from']} to {said['to']}: {said['decisions']} decisions, judged again under {said['policy']}"
    yield ""
    verdicts = said["verdicts"]
    yield from table(
        ("verdict", "recorded", "next"),
        [(name, verdicts["recorded"][name], verdicts["next"][name]) for name in verdicts["next"]],
    )
    changed = said["changed"]
    yield f"changed: {changed['count']}"
    yield from table(
        ("was", "now", "count"), [(row["was"], row["now"], row["count"]) for row in changed["kinds"]]
    )
    yield from table(
        ("registration", "was", "now", "analyst", "reports", "rules"),
        [
            (
                wire("reg", UUID(row["registration"])),
                row["was"],
                row["now"],
                row["analyst"],
                row["reports"],
                " ".join(row["rules"]),
            )
            for row in changed["examples"]
        ],
    )
    yield from _truths(said["truth"])
    yield from _queue(said["queue"])
    yield from table(
        ("honest people held up, %", "of", "recorded", "next", "95 %"),
        [
            (f"{row['kind']} {row['segment']}", row["of"], _percent(row["recorded"]), _percent(row["next"]),
             _between(row["interval"]))
            for row in said["honest"]
        ],
    )  # fmt: skip
    yield from table(("signal not recorded then", "decisions"), list(said["unrecorded"].items()))


def _truths(truth: Mapping[str, Any]) -> Iterator[str]:
    rows = []
    for source, name in (("analyst", "analysts' outcomes"), ("reports", "confirmed reports")):
        for side in ("recorded", "next"):
            matrix = truth[source][side]
            for what in ("precision", "recall"):
                share = matrix[what]
                rows.append(
                    (name, side, what, f"{share['hits']} of {share['of']}", _percent(share["permille"]),
                     _between(share["interval"]))
                )  # fmt: skip
    yield from table(("against", "policy", "", "cases", "%", "95 %"), rows)


def _queue(queue: Mapping[str, Any]) -> Iterator[str]:
    mean, largest = queue["mean_tenths"], queue["largest"]
    yield (
        f"waiting for a person a day: {mean['recorded'] / 10} (at most {largest['recorded']}) as it was,"
        f" {mean['next'] / 10} (at most {largest['next']}) under the next"
    )
    if queue["asked"] is not None:
        score = queue["score"]
        yield (
            f"no review_score keeps every day at {queue['asked']}: rules that ask for a person pass it alone"
            if score is None
            else f"review_score {score} keeps every day at {queue['asked']} or fewer"
        )
    yield ""


def _percent(permille: int | None) -> str:
    return "-" if permille is None else f"{permille / 10:.1f}"


def _between(interval: Sequence[int] | None) -> str:
    return "-" if interval is None else f"{interval[0] / 10:.1f} to {interval[1] / 10:.1f}"
