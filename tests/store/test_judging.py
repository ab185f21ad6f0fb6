"""``simward rules replay`` and ``simward rules backtest`` over real rows, as the command line runs them."""

import json
from dataclasses import replace
from functools import partial
from importlib import resources
from pathlib import Path
from uuid import UUID

import pytest

from service.infra.postgres import Database
from service.kit.ids import new_id
from service.operators.workflow import Operators
from service.policies import Policies, Sources
from service.policies.rules import seed
from service.risk.model import Decider, Decision, Value, Verdict, ordinary
from service.risk.rules import by_person, decide
from service.risk.store import decisions
from tests.store.conftest import Command

SEED = resources.files("service").joinpath("policy/risk.toml").read_text("utf-8")
RANGE = ("--from", "2026-11-01", "--to", "2026-12-01T00:00:00Z")


@pytest.fixture
def command(simward: Command) -> Command:
    return partial(simward, "rules")


class Book:
    """Writes decisions as the registration's workflow would."""

    def __init__(self, db: Database, operator: UUID) -> None:
        self.db, self.operator = db, operator
        self.policies = Policies(db, demo=True)

    async def rules(self, **signals: Value | None) -> Decision:
        policy = (await self.policies.refresh()).risk
        seen = ordinary().having(signals)
        async with self.db.write(self.operator) as tx:
            made = Decision(new_id(), new_id(), tx.now, decide(seen, policy, tx.now), seen)
            decisions.add(tx, made)
        return made

    async def person(self, before: Decision, verdict: Verdict) -> Decision:
        policy = (await self.policies.refresh()).risk
        async with self.db.write(self.operator) as tx:
            judgement = by_person(before.judgement, before.signals, verdict, policy, tx.now)
            made = Decision(
                new_id(), before.registration_id, tx.now, judgement, before.signals, Decider.PERSON, before.id, "seen"
            )  # fmt: skip
            decisions.add(tx, made)
        return made

    async def add(self, made: Decision) -> None:
        async with self.db.write(self.operator) as tx:
            decisions.add(tx, made)


@pytest.fixture
def book(db: Database, operator: UUID) -> Book:
    return Book(db, operator)


async def test_replay_agrees_and_finds_the_one_that_was_written_otherwise(
    book: Book, command: Command
) -> None:
    await book.rules()
    doubted = await book.rules(document_outcome="refer")
    await book.person(doubted, Verdict.APPROVED)
    code, out, _ = await command("replay", "--json")
    said = json.loads(out)
    assert (code, said["decisions"], said["differing"], said["lost"]) == (0, 3, 0, {})
    # The same signals, another verdict: somebody wrote past the rules.
    forged = replace(
        doubted, id=new_id(), judgement=replace(doubted.judgement, verdict=Verdict.APPROVED, reasons=())
    )
    await book.add(forged)
    code, out, _ = await command("replay")
    assert (code, out.splitlines()[0]) == (1, "4 decisions judged again; 1 came out otherwise")


async def test_replay_names_a_version_that_is_not_kept(book: Book, command: Command) -> None:
    made = await book.rules()
    lost = replace(made, id=new_id(), judgement=replace(made.judgement, policy_version="0" * 32))
    await book.add(lost)
    code, out, _ = await command("replay", "--json")
    assert (code, json.loads(out)["lost"]) == (1, {"0" * 32: 1})


async def test_decision_under_an_older_version_is_replayed_under_that(book: Book, command: Command) -> None:
    held = await book.rules(lines_on_document=3)
    texts = {**seed(demo=True).texts, "risk.toml": SEED.replace("\ncap = 5 ", "\ncap = 2 ")}
    await book.policies.publish(Sources(texts), "test")
    stricter = await book.rules(lines_on_document=3)
    assert (held.verdict, stricter.verdict) == (Verdict.APPROVED, Verdict.DENIED)
    code, out, _ = await command("replay", "--json")
    said = json.loads(out)
    assert (code, said["differing"], sorted(said["versions"].values())) == (0, 0, [1, 1])


async def test_backtest_tells_what_would_change_and_at_whose_cost(
    book: Book, command: Command, tmp_path: Path
) -> None:
    for held in (0, 1, 3, 3, 4):
        await book.rules(lines_on_document=held)
    doubted = [await book.rules(document_outcome="refer") for _ in range(2)]
    await book.person(doubted[0], Verdict.DENIED)
    await book.person(doubted[1], Verdict.APPROVED)
    following = tmp_path / "next.toml"
    following.write_text(SEED.replace("\ncap = 5 ", "\ncap = 3 "))
    code, out, err = await command("backtest", "--policy", str(following), *RANGE, "--json", "--queue", "1")
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert said["decisions"] == 7, "people's decisions are outcomes, not cases"
    assert said["changed"]["kinds"] == [{"was": "approved", "now": "denied", "count": 3}]
    analyst = said["truth"]["analyst"]["recorded"]
    assert (analyst["flagged_bad"], analyst["flagged_good"]) == (1, 1)
    assert said["queue"]["largest"] == {"recorded": 2, "next": 2}
    assert said["queue"]["score"] is None
    await Operators(book.db).add("other", "Other Telecom")
    code, out, _ = await command("backtest", "--policy", str(following), *RANGE, "--operator", "other")
    assert (code, "changed: 0" in out) == (0, True), "another operator's decisions are not counted"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("= no toml", "risk.toml"),
        (None, "No such file"),
        (SEED.replace('when = "lines_on_document >= cap', 'when = "faces_seen >= cap'), "faces_seen"),
    ],
)
async def test_policy_that_is_wrong_is_one_line_and_exit_1(
    book: Book, command: Command, tmp_path: Path, text: str | None, why: str
) -> None:
    following = tmp_path / "next.toml"
    if text is not None:
        following.write_text(text)
    code, out, err = await command("backtest", "--policy", str(following), *RANGE)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("simward: next.toml: ")
    assert why in err


async def test_range_that_ends_before_it_begins_is_refused(
    book: Book, command: Command, tmp_path: Path
) -> None:
    code, _, err = await command("replay", "--from", "2026-11-24", "--to", "2026-11-23")
    assert (code, err) == (1, "simward: --from is not before --to\n")
