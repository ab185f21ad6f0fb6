"""Rules drafted by one person and published by another: each refusal and each race over real PostgreSQL."""

import asyncio
import tomllib
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from service.audit.workflow import entries
from service.infra import child
from service.infra.postgres import Database
from service.kit.errors import NotFound, Stale, StateConflict
from service.kit.ids import new_id, wire
from service.operators.workflow import Operators
from service.policies import Policies, PolicyRefused, Sources, seed
from service.risk.model import (
    Draft,
    DraftState,
    RulesElsewhere,
    RulesMoved,
    RuleUnfit,
    SecondPersonNeeded,
    Stage,
)
from service.risk.workflow import Drafts, drafting

WRITER, SECOND, THIRD = new_id(), new_id(), new_id()
PLAIN = seed(demo=False)
BUSY = next(rule for rule in tomllib.loads(PLAIN.texts["risk.toml"])["rule"] if rule["id"] == "busy-device")
NEW = {
    "id": "large-quota",
    "stage": "shadow",
    "when": "dealer_quota_day >= 300",
    "verdict": "review",
    "staff": "A quota of {dealer_quota_day} a day",
    "code": "needs-a-person",
    "owner": "dealers",
    "example": [{"given": {"dealer_quota_day": 900}, "expect": "fires"}, {"expect": "quiet"}],
}


@pytest.fixture
async def policies(db: Database) -> Policies:
    policies = Policies(db)
    await policies.refresh()
    return policies


@pytest.fixture
def drafts(db: Database, policies: Policies, operator: UUID) -> Drafts:
    async def owner() -> UUID:
        return operator

    return Drafts(db, policies, owner)


@pytest.fixture
def proposed(drafts: Drafts, operator: UUID) -> Callable[..., Awaitable[Draft]]:
    async def make(rule: dict[str, Any] = NEW) -> Draft:
        draft = await drafts.save_rule(operator, WRITER, rule, expected=None)
        return await drafts.propose(operator, WRITER, draft.id, "new-pattern", expected=draft.version)

    return make


async def current(db: Database, operator: UUID, drafts: Drafts) -> Draft | None:
    async with db.read(operator) as reader:
        return await drafts.unfinished(reader)


async def approve(drafts: Drafts, operator: UUID, draft: Draft, who: UUID = SECOND) -> Draft:
    return await drafts.approve(operator, who, draft.id, draft.digest or "", expected=draft.version + 1)


async def test_one_writes_and_another_publishes(
    db: Database, operator: UUID, drafts: Drafts, policies: Policies
) -> None:
    before = policies.current
    draft = await drafts.save_rule(operator, WRITER, NEW, expected=None)
    changed = {**BUSY, "staff": "Too many from this phone: {lines_on_device}"}
    draft = await drafts.save_rule(operator, THIRD, changed, expected=1)
    assert draft.authors == (WRITER, THIRD)
    assert draft.rules["busy-device"]["version"] == 2, "a live rule does not change under its version"
    assert draft.rules["large-quota"]["version"] == 1
    assert policies.current is before, "a draft decides nothing"
    draft = await drafts.propose(operator, WRITER, draft.id, "new-pattern", expected=2)
    done = await drafts.approve(operator, SECOND, draft.id, draft.digest or "", expected=3)
    assert done.state is DraftState.PUBLISHED
    assert policies.current.version == done.published_version != before.version
    rule = policies.risk.rule("large-quota")
    assert rule is not None
    assert rule.stage is Stage.SHADOW
    busy = policies.risk.rule("busy-device")
    assert busy is not None
    assert (busy.version, busy.staff) == (2, changed["staff"])
    assert len(policies.risk.rules) == len(before.risk.rules) + 1
    assert (await policies.history())[0].published_by == wire("stf", SECOND)
    async with db.read(operator) as reader:
        assert await Policies(db).risk_of(reader, before.version) == before.risk
        assert await policies.risk_of(reader, "0" * 32) is None
        told = await entries(reader, object=wire("rdr", draft.id))
        assert [entry.action for entry in told] == [
            "rules.published", "rules.proposed", "rules.drafted", "rules.drafted",
        ]  # fmt: skip
        assert told[0].facts["policy"] == done.published_version
        # Remarks and all other rules stay letter by letter.
        text = await policies.risk_text(reader, policies.current.version)
    assert text.startswith(PLAIN.texts["risk.toml"][:2_000])


async def test_nobody_publishes_what_they_proposed_or_wrote(
    operator: UUID, drafts: Drafts, policies: Policies
) -> None:
    version = policies.current.version
    draft = await drafts.save_rule(operator, WRITER, NEW, expected=None)
    draft = await drafts.propose(operator, THIRD, draft.id, "new-pattern", expected=1)
    for who in (THIRD, WRITER):
        with pytest.raises(SecondPersonNeeded):
            await drafts.approve(operator, who, draft.id, draft.digest or "", expected=2)
    assert (await policies.refresh()).version == version


async def test_an_approval_is_bound_to_what_was_read(
    db: Database,
    operator: UUID,
    drafts: Drafts,
    policies: Policies,
    proposed: Callable[..., Awaitable[Draft]],
) -> None:
    draft = await proposed()
    with pytest.raises(Stale):
        await drafts.approve(operator, SECOND, draft.id, "0" * 64, expected=2)
    # Taken back, changed and proposed again: the digest that was read names something else.
    await drafts.withdraw(operator, WRITER, draft.id, expected=2)
    with pytest.raises(StateConflict):
        await approve(drafts, operator, draft)
    await drafts.save_rule(operator, WRITER, {**NEW, "stage": "live"}, expected=3)
    again = await drafts.propose(operator, WRITER, draft.id, "new-pattern", expected=4)
    assert again.digest != draft.digest
    with pytest.raises(Stale):
        await drafts.approve(operator, SECOND, draft.id, draft.digest or "", expected=5)
    with pytest.raises(StateConflict):
        await drafts.save_rule(operator, WRITER, NEW, expected=5)
    assert policies.current.version == PLAIN.version


async def test_two_approvals_at_once_and_one_wins(
    operator: UUID, drafts: Drafts, policies: Policies, proposed: Callable[..., Awaitable[Draft]]
) -> None:
    draft = await proposed()
    both = await asyncio.gather(
        *(drafts.approve(operator, who, draft.id, draft.digest or "", expected=2) for who in (SECOND, THIRD)),
        return_exceptions=True,
    )
    won = [each for each in both if isinstance(each, Draft)]
    lost = [each for each in both if not isinstance(each, Draft)]
    assert len(won) == len(lost) == 1
    assert isinstance(lost[0], RulesMoved | Stale | StateConflict)
    assert [p.version for p in await policies.history()] == [won[0].published_version, PLAIN.version]


async def test_rules_that_moved_meanwhile_are_not_overwritten(
    operator: UUID, drafts: Drafts, policies: Policies, proposed: Callable[..., Awaitable[Draft]]
) -> None:
    draft = await proposed()
    text = PLAIN.texts["risk.toml"].replace("\ncap = 5 ", "\ncap = 4 ")
    await policies.publish(Sources({**PLAIN.texts, "risk.toml": text}), "cli")
    with pytest.raises(RulesMoved):
        await drafts.approve(operator, SECOND, draft.id, draft.digest or "", expected=2)
    assert policies.risk.parameters.cap == 4
    moved = await drafts.rebase(operator, WRITER, draft.id, expected=2)
    assert (moved.state, moved.base_version) == (DraftState.OPEN, policies.current.version)
    again = await drafts.propose(operator, WRITER, draft.id, "new-pattern", expected=3)
    await drafts.approve(operator, SECOND, draft.id, again.digest or "", expected=4)
    assert policies.risk.parameters.cap == 4
    assert policies.risk.rule("large-quota") is not None


async def test_two_writers_at_once_and_one_reads_again(db: Database, operator: UUID, drafts: Drafts) -> None:
    both = await asyncio.gather(
        *(drafts.save_rule(operator, who, NEW, expected=None) for who in (WRITER, SECOND)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in both) == ["Draft", "Stale"]
    draft = await current(db, operator, drafts)
    assert draft is not None
    with pytest.raises(Stale):
        await drafts.save_rule(operator, WRITER, NEW, expected=None)
    left = await drafts.undo(operator, WRITER, draft.id, "large-quota", expected=1)
    assert left.state is DraftState.DROPPED
    assert await current(db, operator, drafts) is None
    with pytest.raises(StateConflict):
        await drafts.propose(operator, WRITER, draft.id, "new-pattern", expected=2)


async def test_what_the_gate_refuses_is_not_kept(db: Database, operator: UUID, drafts: Drafts) -> None:
    for changes, field in (
        ({"when": "no_such_signal > 1"}, "when"),
        ({"example": [{"given": {"x": [[[[[1]]]]]}, "expect": "fires"}]}, "example"),
        ({"id": "cap-on-identity"}, "stage"),
    ):
        with pytest.raises(RuleUnfit) as refused:
            await drafts.save_rule(operator, WRITER, {**NEW, **changes}, expected=None)
        assert refused.value.field == field, refused.value.why
    assert await current(db, operator, drafts) is None


async def test_a_trial_that_does_not_end_is_killed(
    operator: UUID, drafts: Drafts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafting, "TRIAL_S", 0.0)
    with pytest.raises(RuleUnfit, match="rule-unfit") as refused:
        await drafts.save_rule(operator, WRITER, NEW, expected=None)
    assert "took too long" in refused.value.why
    with pytest.raises(child.ChildFailed):
        await child.run("no_such_module", b"", seconds=20)


async def test_whose_rules_they_are(db: Database, operator: UUID, drafts: Drafts) -> None:
    other = (await Operators(db).add("other", "Other")).id
    with pytest.raises(RulesElsewhere):
        await drafts.save_rule(other, WRITER, NEW, expected=None)
    draft = await drafts.save_rule(operator, WRITER, NEW, expected=None)
    async with db.read(other) as reader:
        assert await drafts.unfinished(reader) is None
        with pytest.raises(NotFound):
            await drafts.load(reader, draft.id)


async def test_a_live_rule_does_not_change_under_its_version_by_a_file_either(policies: Policies) -> None:
    text = PLAIN.texts["risk.toml"]
    rule = 'staff = "The document\'s own signature does not verify"\n'
    assert rule in text
    changed = text.replace(rule, 'staff = "The signature is wrong"\n')
    with pytest.raises(PolicyRefused, match="say version = 2"):
        await policies.publish(Sources({**PLAIN.texts, "risk.toml": changed}), "cli")
    numbered = changed.replace('id = "signature-failed"\n', 'id = "signature-failed"\nversion = 2\n')
    await policies.publish(Sources({**PLAIN.texts, "risk.toml": numbered}), "cli")
    await policies.publish(PLAIN, "cli")
    assert policies.current.version == PLAIN.version, "going back is no change under a version"
