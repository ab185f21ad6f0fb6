"""Backtests from the console: asked for, run by the worker's job, cancelled, one at a time, of one operator."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from service.compose import Services
from service.kit.clock import ManualClock
from service.kit.errors import NotFound
from service.kit.ids import new_id
from service.registration.workflow.backtests import BacktestRuns
from service.risk.model import Decision, Draft, ordinary
from service.risk.model.backtests import RunState
from service.risk.rules import decide
from service.risk.store import decisions
from service.staff.model import Role
from tests.api.admin.conftest import SignIn
from tests.api.admin.console import text_of
from tests.api.admin.test_admin_rules import write
from tests.fakes.pipeline import work


async def judged(services: Services, operator: UUID, *held: bool) -> None:
    """Stored decisions, with or without a dealer."""
    policy = services.policies.current.risk
    async with services.db.write(operator) as tx:
        for absent in held:
            seen = ordinary().having({"dealer_absent": absent})
            decisions.add(tx, Decision(new_id(), new_id(), tx.now, decide(seen, policy, tx.now), seen))


async def test_a_draft_is_judged_on_what_was_decided(
    sign_in: SignIn, services: Services, operator: UUID, clock: ManualClock
) -> None:
    await judged(services, operator, True, True, False)
    person = await sign_in(Role.SUPERVISOR)
    draft = await write(person, stage="live")
    runs = f"{draft}/backtests"
    clock.advance(timedelta(seconds=1))
    answer = await person.submit(runs, runs, {"days": "7"})
    assert answer.status_code == 303
    path = answer.headers["location"]
    page = await person.get(path)
    assert page.headers["refresh"] == "3"
    assert "Waits for the worker" in text_of(page.text)
    await work(services)
    page = await person.get(path)
    text = text_of(page.text)
    assert "refresh" not in page.headers
    assert "3 of 3 decisions" in text
    assert "Come out otherwise: 2" in text
    assert text.count("large-quota") == 2
    assert "style=" not in page.text
    assert "2 of 3 come out otherwise" in text_of((await person.get(runs)).text)


async def test_one_at_a_time_and_it_can_be_cancelled(
    sign_in: SignIn, services: Services, operator: UUID
) -> None:
    person = await sign_in(Role.SUPERVISOR)
    draft = await write(person)
    runs = f"{draft}/backtests"
    path = (await person.submit(runs, runs, {"days": "1"})).headers["location"]
    assert (await person.submit(runs, runs, {"days": "1"})).status_code == 409
    assert (await person.submit(path, f"{path}/cancel", {})).status_code == 303
    await work(services)
    assert "Cancelled" in text_of((await person.get(path)).text)
    assert (await person.submit(runs, runs, {"days": "1"})).status_code == 303
    assert (await person.submit(runs, runs, {"days": "8"})).status_code == 422


async def test_another_operators_run_is_not_found_and_two_at_once_are_one(
    services: Services, operator: UUID
) -> None:
    draft = await _draft(services, operator)
    asked = await asyncio.gather(
        *(services.backtests.ask(operator, new_id(), draft, 7) for _ in range(4)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in asked) == ["BacktestRun", *["BacktestRuns"] * 3]
    [run] = [each for each in asked if not isinstance(each, BaseException)]
    other = await services.operators.add("other", "Other Telecom")
    async with services.db.read(other.id) as reader:
        with pytest.raises(NotFound):
            await services.backtests.load(reader, run.id)
    with pytest.raises(BacktestRuns):
        await services.backtests.ask(operator, new_id(), draft, 7)
    # A worker that died in the middle: the job is done again.
    await services.backtests.run(operator, run.id)
    await services.backtests.run(operator, run.id)
    async with services.db.read(operator) as reader:
        done = await services.backtests.load(reader, run.id)
    assert (done.state, done.done) == (RunState.DONE, 0)


async def _draft(services: Services, operator: UUID) -> Draft:
    fires = {"given": {"dealer_absent": True}, "expect": "fires"}
    rule = {
        "id": "no-dealer",
        "when": "dealer_absent",
        "verdict": "review",
        "staff": "No dealer stands behind it",
        "code": "needs-a-person",
        "owner": "dealers",
        "example": [fires, {"expect": "quiet"}],
    }
    return await services.drafts.save_rule(operator, new_id(), rule, expected=None)
