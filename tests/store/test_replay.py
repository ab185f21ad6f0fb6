"""The history of codes decided again: as it was under the same policy, and otherwise under another."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.limits.model import Limit, LimitPolicy, Rule, Stage, Window
from service.limits.rules import seed_text
from service.operators.workflow import Operators
from service.otp import rules, store
from service.otp.model import CodeEvent, CodePolicy
from service.otp.rules.report import Report
from service.otp.workflow import Asker
from service.otp.workflow.history import History
from service.otp.workflow.replaying import replay
from service.policies import Policies
from tests.fakes.walks import HOUR, Town, tight
from tests.store.conftest import Command


@pytest.fixture
async def town(db: Database, redis: Redis, vault: Vault, clock: ManualClock, operator: UUID) -> Town:
    other = (await Operators(db).add("other", "Other Telecom")).id
    return Town(db, redis, vault, clock, tight(), [operator, other])


async def again(town: Town, following: CodePolicy, in_force: CodePolicy | None = None, **more: Any) -> Report:
    """Everything up to now."""
    until = town.clock.now() + timedelta(seconds=1)
    return await replay(
        town.db,
        town.operators,
        town.blocks.spans,
        in_force or town.policy,
        following,
        more.pop("since", until - timedelta(days=2)),
        more.pop("until", until),
        **more,
    )


async def events(town: Town) -> list[CodeEvent]:
    found: list[CodeEvent] = []
    for operator in town.operators:
        async with town.db.read(operator) as reader:
            now = town.clock.now()
            found += await store.page(reader, now - timedelta(days=3), now + timedelta(days=1), None, 10_000)
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_same_policy_decides_every_row_as_it_was_decided(town: Town, seed: int) -> None:
    """Outcome, limit, shadows and pressures of every send, through refunds, blocks, leases, resends and successes."""
    await town.walk(220, seed)
    report = await again(town, town.policy)
    rows = await events(town)
    seen = Counter(each.outcome for each in rows if each.kind == "send")
    assert report.compared == report.decisions > 100
    assert report.differing == 0, report.differs
    assert report.turned == 0
    assert report.stopped_verified == 0
    assert {"sent", "suppressed", "denied", "challenged"} <= set(seen)
    assert any(each.facts.get("shadows") for each in rows)
    assert any(each.facts.get("pressures") for each in rows)
    assert any(each.kind == "unsent" for each in rows)
    assert any(each.outcome == "limited" for each in rows)
    shown = {row["outcome"]: row for row in report.json["outcomes"]}  # type: ignore[union-attr, index, call-overload]
    assert all(row["recorded"] == row["in_force"] == row["next"] for row in shown.values())


async def test_money_that_runs_out_is_replayed(town: Town) -> None:
    money = town.policy.limits.money
    assert money is not None
    limits = LimitPolicy("poor", {}, replace(money, per_day=75_000 * 6, slice=75_000 * 2))
    town.policy = replace(town.policy, limits=limits)
    await town.walk(80, 4)
    report = await again(town, replace(town.policy, limits=replace(limits, money=None)))
    assert report.differing == 0, report.differs
    unfunded = report.outcomes["unfunded"]
    assert unfunded == [report.let_through, 0]
    assert unfunded[0] == report.recorded["unfunded"] > 0
    rows = await events(town)
    assert sum("refilled" in each.facts for each in rows) > unfunded[0], "some leases brought money"


async def test_a_stricter_policy_stops_and_says_who_was_honest(town: Town) -> None:
    """Two people, three messages each; the second person answers the last one. One message each is allowed next."""
    town.policy = replace(
        tight(), limits=LimitPolicy("open", {Limit.OTP_SENDS_PER_MSISDN: Rule((Window(9, HOUR),))})
    )
    asker, pumped, honest = Asker(town.operators[0], "Demo", new_id()), new_id(), new_id()
    for _ in range(3):
        await town.send(asker, pumped, "+4915112345601")
        code = await town.send(asker, honest, "+4915112345702")
    await town.check(asker, honest, code)
    await History(town.db, town.redis).drain()
    strict = LimitPolicy("strict", {Limit.OTP_SENDS_PER_MSISDN: Rule((Window(1, HOUR),))})
    report = await again(town, replace(town.policy, limits=strict))
    assert report.outcomes == {"sent": [6, 2], "denied": [0, 4]}
    assert report.limits == {("OtpSendsPerMsisdn", "enforced", "denied"): [0, 4]}
    assert report.countries == {("DE", "sent"): [6, 2], ("DE", "denied"): [0, 4]}
    assert (report.turned, report.stopped, report.stopped_verified, report.let_through) == (4, 4, 1, 0)
    assert [each.is_verified for each in report.examples] == [False, False, False, True]
    # And back: what is in force now was not then, so nothing is compared, and four are let through.
    back = await again(town, town.policy, in_force=replace(town.policy, limits=strict))
    assert (back.compared, back.let_through, back.stopped) == (0, 4, 0)


async def test_a_laxer_policy_lets_through(town: Town) -> None:
    await town.walk(150, 5)
    lax = replace(town.policy, limits=LimitPolicy("lax", {}))
    report = await again(town, lax)
    denied, challenged = report.outcomes["denied"], report.outcomes["challenged"]
    assert denied[0] > 0
    assert challenged[0] > 0
    assert denied[1] == challenged[1] == 0
    # What is left are blocks, which hold under every policy.
    left = {row[0] for row, pair in report.limits.items() if pair[1]}
    assert left <= {"OtpBlockedBlock", "OtpBlockedMsisdnEverywhere"}
    assert report.let_through >= denied[0]


async def test_a_shadow_that_is_enforced(town: Town) -> None:
    """First tried in shadow: as often as it was full, it would have held a message back, or it is full less often
    since what it holds back no longer fills others."""
    await town.walk(200, 6)
    rule = town.policy.limits.rules[Limit.OTP_NEIGHBOURS_PER_HUNDRED]
    report = await again(town, tight(OTP_NEIGHBOURS_PER_HUNDRED=Rule(rule.buckets, Stage.ENFORCED)))
    full = report.limits["OtpNeighboursPerHundred", "shadow", "full"]
    held = report.limits["OtpNeighboursPerHundred", "enforced", "suppressed"]
    assert full[0] > 0
    assert full[1] == 0
    assert held[0] == 0
    assert held[1] > 0
    assert report.stopped > 0


async def test_a_country_that_the_next_policy_leaves_out(town: Town) -> None:
    await town.walk(30, 7)
    prices = {country: price for country, price in town.policy.prices.items() if country != "DE"}
    report = await again(town, replace(town.policy, prices=prices))
    assert report.outcomes["refused"] == [0, report.decisions]
    assert report.countries["DE", "refused"] == [0, report.decisions]


async def test_what_was_before_the_range_fills_the_budgets_and_is_not_counted(town: Town) -> None:
    await town.walk(120, 8)
    middle = town.clock.now() - timedelta(minutes=40)
    whole, late = await again(town, town.policy), await again(town, town.policy, since=middle)
    early = await again(town, town.policy, until=middle)
    assert 0 < late.decisions < whole.decisions
    assert early.decisions + late.decisions == whole.decisions
    assert late.differing == early.differing == 0


async def test_one_operator_is_counted_and_all_are_heard(town: Town) -> None:
    await town.walk(120, 9)
    whole = await again(town, town.policy)
    parts = [await again(town, town.policy, counted=operator) for operator in town.operators]
    assert sum(part.decisions for part in parts) == whole.decisions
    assert all(0 < part.decisions < whole.decisions for part in parts)
    assert sum(part.differing for part in parts) == 0


async def test_progress_is_told_and_pages_are_joined(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.otp.workflow.replaying.PAGE", 7)
    await town.walk(60, 10)
    told: list[int] = []
    report = await again(town, town.policy, progress=lambda read, _: told.append(read))
    assert report.differing == 0
    assert told == list(range(7, len(await events(town)) + 1, 7))


async def test_nothing_personal_is_in_the_report(town: Town) -> None:
    await town.walk(60, 11)
    said = json.dumps((await again(town, replace(town.policy, limits=LimitPolicy("lax", {})))).json)
    assert "otp_" in said
    assert "1511234" not in said
    assert "192.0.2" not in said
    for row in await events(town):
        for hashed in row.facts.get("names", {}).values():
            assert hashed not in said


# The command


@pytest.fixture
def command(simward: Command) -> Command:
    return partial(simward, "limits", "replay")


RANGE = ("--from", "2026-11-22", "--to", "2026-11-24T00:00:00Z")
STRICT = ('{ kind = "window", count = 5, period = "1h" }', '{ kind = "window", count = 1, period = "1h" }')


async def test_the_command_tells_what_would_have_changed(
    town: Town, command: Command, tmp_path: Path
) -> None:
    await Policies(town.db, demo=True).refresh()
    town.policy = rules.seed_policy()
    await town.walk(60, 12)
    text, following = seed_text(), tmp_path / "next.toml"
    assert STRICT[0] in text
    following.write_text(text.replace(*STRICT).replace("limits-2026-11", "strict-1"))
    code, out, err = await command("--policy", str(following), *RANGE, "--json")
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert said["replay"]["compared"] == said["decisions"] > 20
    assert said["replay"]["differing"] == 0
    assert said["policy"]["next"].startswith("strict-1")
    denied = {row["outcome"]: row for row in said["outcomes"]}["denied"]
    assert denied["next"] > denied["in_force"]
    assert said["changed"]["stopped"] == said["changed"]["count"] > 0
    assert 0 < said["changed"]["stopped_but_verified"] < said["changed"]["stopped"]
    code, out, err = await command("--policy", str(following), *RANGE, "--operator", "other")
    assert (code, err) == (0, "")
    assert "OtpSendsPerMsisdn" in out
    assert "came back with the right code" in out
    assert "1511234" not in out


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("version = 3", "a version"),
        ("= no toml", "not TOML"),
        (None, "No such file"),
        (seed_text().replace("attempts = 5", "attempts = 6"), "otp.attempts"),
    ],
)
async def test_a_policy_that_is_wrong_is_one_line_and_exit_1(
    command: Command, operator: UUID, tmp_path: Path, text: str | None, why: str
) -> None:
    following = tmp_path / "next.toml"
    if text is not None:
        following.write_text(text)
    code, out, err = await command("--policy", str(following), *RANGE)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("simward: next.toml: ")
    assert why in err


async def test_a_range_that_ends_before_it_begins_is_refused(
    command: Command, operator: UUID, tmp_path: Path
) -> None:
    following = tmp_path / "next.toml"
    following.write_text(seed_text())
    code, _, err = await command("--policy", str(following), "--from", "2026-11-24", "--to", "2026-11-23")
    assert (code, err) == (1, "simward: --from is not before --to\n")
