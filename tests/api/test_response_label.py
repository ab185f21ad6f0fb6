"""The first rung reaches the network and whoever asks about the line, and goes when it ends or is undone."""

from datetime import timedelta

import pytest

from service.compose import Instead, Services
from service.events import EventName
from service.kit.clock import ManualClock
from service.lines.model import Action
from tests.api.conftest import Api
from tests.fakes.pipeline import TurnableProvisioner, TurnableRegistry, work
from tests.fakes.response import Town, TurnableFinder, TurnableNotices

DAY = timedelta(days=1)


@pytest.fixture
def provisioner() -> TurnableProvisioner:
    return TurnableProvisioner()


@pytest.fixture
def instead(provisioner: TurnableProvisioner) -> Instead:
    return Instead(
        registry=TurnableRegistry(),
        finder=TurnableFinder(),
        notices=TurnableNotices(),
        provisioner=provisioner,
    )


@pytest.fixture
def town(api: Api, services: Services) -> Town:
    return Town(api, services)


async def test_a_label_is_told_to_the_network_and_ends(
    town: Town, api: Api, provisioner: TurnableProvisioner, clock: ManualClock
) -> None:
    one = await town.live(1)
    path = f"/v1/lines/{one.msisdn}"
    first = await town.corroborated(one)
    assert provisioner.applied[-1].conditions.label == "reported"
    assert provisioner.applied[-1].conditions.outgoing, "a label bars nothing"
    shown = (await api.get(path)).json()
    assert (shown["state"], shown["reasons"]) == ("active", ["labelled"])
    ends = shown["labelled_until"]
    clock.advance(2 * DAY)
    second = await town.corroborated(one)
    later = (await api.get(path)).json()["labelled_until"]
    assert later > ends
    # Undone, the line carries the label that is left; the same source told again changes nothing.
    told = len(provisioner.applied)
    await town.corroborated(one, second)
    assert len(provisioner.applied) == told
    await town.tell(EventName.REPORT_DISMISSED, one, second)
    assert (await api.get(path)).json()["labelled_until"] == ends
    clock.advance(13 * DAY)
    await town.services.lines.expire(api.operator)
    await work(town.services)
    shown = (await api.get(path)).json()
    assert (shown["reasons"], shown["labelled_until"]) == ([], None)
    assert provisioner.applied[-1].conditions.label is None
    # Dismissed afterwards, there is nothing to take off; and one that is taken back in time goes at once.
    told = len(provisioner.applied)
    await town.tell(EventName.REPORT_DISMISSED, one, first)
    assert len(provisioner.applied) == told
    third = await town.corroborated(one)
    await town.tell(EventName.REPORT_DISMISSED, one, third)
    assert [each.conditions.label for each in provisioner.applied[-2:]] == ["reported", None]


async def test_a_closed_line_carries_no_label_and_nobody_asserts_one(
    town: Town, api: Api, provisioner: TurnableProvisioner
) -> None:
    one = await town.live(1)
    await town.corroborated(one)
    path = f"/v1/lines/{one.msisdn}"
    answer = await api.post(f"{path}/{Action.RESTRICT}", {"reason": "labelled"})
    assert answer.status_code == 422
    await api.post(f"{path}/close", {"reason": "moved-away"})
    await work(town.services)
    assert provisioner.applied[-1].conditions.label is None
    assert (await api.get(path)).json()["reasons"] == ["moved-away"]
