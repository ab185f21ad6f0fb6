"""Acts by hand stand on the line's ledger, with reason, end and appeal, and leave the ladder as it is."""

from datetime import timedelta
from typing import Any

import pytest

from service.audit.workflow import Actor
from service.compose import Instead, Services
from service.events import EventName
from service.kit.clock import ManualClock, rfc3339
from service.kit.errors import StateConflict
from service.kit.ids import new_id
from service.lines.model import Action
from service.response.model import LineAction, SecondPersonNeeded, Step
from tests.api.conftest import Api
from tests.fakes.pipeline import Applicant, TurnableRegistry, work
from tests.fakes.response import Town, TurnableFinder, TurnableNotices

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ANN = Actor.staff(new_id())


@pytest.fixture
def instead() -> Instead:
    return Instead(registry=TurnableRegistry(), finder=TurnableFinder(), notices=TurnableNotices())


@pytest.fixture
def town(api: Api, services: Services) -> Town:
    return Town(api, services)


async def act(town: Town, one: Applicant, verb: str, reason: str, **more: Any) -> None:
    answer = await town.api.post(f"/v1/lines/{one.msisdn}/{verb}", {"reason": reason, **more})
    assert answer.status_code == 200, answer.text
    await work(town.services)


async def shown(town: Town, one: Applicant) -> list[tuple[str, str, str]]:
    items = (await town.api.get(f"/v1/lines/{one.msisdn}/actions")).json()["items"]
    return [(each["step"], each["state"], each["reason"]) for each in items]


async def appealed(town: Town, one: Applicant, step: Step) -> LineAction:
    """The newest entry of a step, appealed and upheld."""
    found = [each for each in await town.ledger(one) if each.step is step][-1]
    body = {"text": "I did nothing.", "action": f"act_{found.id.hex}"}
    answer = await town.api.post(f"/v1/lines/{one.msisdn}/appeal", body)
    assert answer.status_code == 200, answer.text
    action = await town.services.response.judging.judge(
        town.api.operator, found.id, upheld=True, staff=ANN, expected=found.version + 1
    )
    await work(town.services)
    return action


async def test_a_clients_act_is_shown_with_its_end_and_may_be_appealed(
    town: Town, api: Api, clock: ManualClock
) -> None:
    one = await town.live(1)
    until = rfc3339(clock.now() + 3 * DAY)
    await act(town, one, "restrict", "late-payment", until=until)
    [item] = (await api.get(f"/v1/lines/{one.msisdn}/actions")).json()["items"]
    assert (item["step"], item["reason"], item["until"], item["may_appeal"]) == (
        "restrict",
        "late-payment",
        until,
        True,
    )
    [entry] = await town.ledger(one)
    assert entry.by == entry.decided_by, "the client"
    # A second act on top, then the appeal of it: the line stands as it stood.
    clock.advance(HOUR)
    await act(town, one, "suspend", "scam-confirmed")
    assert ("document", "line") in await town.strikes(one)
    clock.advance(HOUR)
    await appealed(town, one, Step.SUSPEND)
    line = await town.line(one)
    assert (line.state, line.reasons, rfc3339(line.held_until or clock.now())) == (
        "restricted",
        ("late-payment",),
        until,
    )
    assert await town.strikes(one) == set(), "what the act struck is undone with it"
    clock.advance(4 * DAY)
    await town.services.lines.expire(api.operator)
    await work(town.services)
    assert (await town.state(one))[0] == "active"
    item = (await api.get(f"/v1/lines/{one.msisdn}/actions")).json()["items"][-1]
    assert (item["step"], item["may_appeal"]) == ("restrict", False)


async def test_reinstating_and_loosening_lift_the_entry(town: Town, clock: ManualClock) -> None:
    one = await town.live(1)
    for verb, reason in (("suspend", "scam"), ("restrict", "under-review"), ("reinstate", "looked-into")):
        clock.advance(HOUR)
        await act(town, one, verb, reason)
        now = await shown(town, one)
        if verb == "restrict":
            assert now == [("restrict", "in_force", "under-review"), ("suspend", "lifted", "scam")]
    assert {state for _, state, _ in now} == {"lifted"}
    with pytest.raises(StateConflict):
        await town.services.response.judging.appeal(town.api.operator, one.msisdn, "Late.", ANN)


async def test_an_appeal_of_a_loosened_bar_does_not_bring_the_suspension_back(
    town: Town, clock: ManualClock
) -> None:
    one = await town.live(1)
    await act(town, one, "suspend", "scam")
    clock.advance(HOUR)
    await act(town, one, "restrict", "under-review")
    await appealed(town, one, Step.RESTRICT)
    assert (await town.state(one))[0] == "active"


async def test_closed_by_hand_in_error_the_entry_says_so_and_the_strike_goes(
    town: Town, clock: ManualClock
) -> None:
    one = await town.live(1)
    await act(town, one, "close", "scam-confirmed")
    assert await town.strikes(one) != set()
    clock.advance(HOUR)
    action = await appealed(town, one, Step.CLOSE)
    assert (action.undone_reason, (await town.state(one))[0]) == ("appeal-upheld", "quarantined")
    assert await town.strikes(one) == set()


async def test_an_upheld_appeal_clears_of_scam_only_where_no_other_act_says_so(
    town: Town, clock: ManualClock
) -> None:
    one = await town.live(1)
    for verb, reason in (
        ("restrict", "late-payment"),
        ("suspend", "scam-confirmed"),
        ("close", "scam-confirmed"),
    ):
        await act(town, one, verb, reason)
        clock.advance(HOUR)
    assert ("document", "line") in await town.strikes(one)
    await appealed(town, one, Step.RESTRICT)
    assert ("document", "line") in await town.strikes(one), "it was not for scam"
    await appealed(town, one, Step.SUSPEND)
    assert ("document", "line") in await town.strikes(one), "the closing stands"
    await appealed(town, one, Step.CLOSE)
    assert await town.strikes(one) == set()


async def test_the_ladder_looks_past_acts_by_hand(town: Town, clock: ManualClock) -> None:
    """They are no breaches, and the holder's own wish outlasts what reports did."""
    one = await town.live(1)
    for _ in range(3):
        await act(town, one, "restrict", "holder-asked")
        clock.advance(HOUR)
        await act(town, one, "reinstate", "holder-asked")
        clock.advance(HOUR)
    report = await town.confirmed(one)
    assert await town.state(one) == ("restricted", ("reverify-due",)), "a first breach"
    clock.advance(HOUR)
    await act(town, one, "suspend", "sim-stolen")
    clock.advance(HOUR)
    await town.tell(EventName.REPORT_DISMISSED, one, report)
    assert await town.state(one) == ("suspended", ("sim-stolen",))
    await appealed(town, one, Step.SUSPEND)
    assert (await town.state(one))[0] == "active", "the hold beneath it was undone before"


async def test_who_acted_in_the_console_does_not_judge(town: Town, api: Api, services: Services) -> None:
    one = await town.live(1)
    line = await town.line(one)
    async with services.db.write(api.operator) as tx:
        await services.lines.act_on(tx, line.id, Action.SUSPEND, reason="scam", actor=ANN, is_by_hand=True)
    assert (await api.post(f"/v1/lines/{one.msisdn}/appeal", {"text": "No."})).status_code == 200
    [action] = await town.ledger(one)
    with pytest.raises(SecondPersonNeeded):
        await services.response.judging.judge(
            api.operator, action.id, upheld=True, staff=ANN, expected=action.version
        )
