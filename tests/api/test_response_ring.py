"""A confirmed report, the real links, two people: the ring cannot come back, and the busy shop is not struck."""

from datetime import timedelta

import pytest

from service.audit.workflow import Actor
from service.compose import Instead, Services
from service.events import EventName
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.response.model import RingState
from tests.api.conftest import Api
from tests.fakes.pipeline import TurnableRegistry, applicant, somebody, work
from tests.fakes.response import Town

ANN, BEN = Actor.staff(new_id()), Actor.staff(new_id())
PHONE = {"fingerprint": "the ring's phone", "role": "applicant"}
TABLET = {"fingerprint": "the shop's tablet", "role": "dealer"}


@pytest.fixture
def instead() -> Instead:
    return Instead(registry=TurnableRegistry())


async def test_the_ring_cannot_come_back_and_the_shop_goes_on(
    api: Api, services: Services, clock: ManualClock
) -> None:
    town = Town(api, services)
    await services.dealers.register(api.operator, code="D-1", name="Shop", licence="L", actor=Actor.cli())
    honest = [await town.live(turn, dealer="D-1", device=TABLET) for turn in range(1, 5)]
    shared = {"device": PHONE, "payment": {"token": "the ring's card"}}
    ring = [
        await town.live(turn, dealer=dealer, **shared)
        for turn, dealer in ((21, "D-1"), (22, "D-1"), (23, None))
    ]
    report = await town.confirmed(ring[0])
    found = await town.ring(report)
    assert {each.registration_id for each in found.members} == {each.uuid for each in ring}
    rings = services.response.rings
    proposed = await rings.propose(api.operator, found.id, ANN, expected=found.version)
    await rings.approve(api.operator, found.id, BEN, seen=proposed.digest, expected=proposed.version)
    await work(services)
    assert (await town.ring(report)).state is RingState.DONE
    for each in ring:
        assert (await town.state(each))[0] in ("suspended", "restricted")
        assert {"document", "device"} <= {kind for kind, _ in await town.strikes(each)}
    assert [(await town.state(each))[0] for each in honest] == ["active"] * len(honest)
    for n, each in enumerate(ring):
        assert (await applicant(api, 31 + n, person=each.person).decided())["state"] == "denied"
    newcomer = await applicant(api, 41).decided(device=PHONE)
    assert newcomer["state"] == "in_review"
    customer = await applicant(api, 42, person=somebody(42)).decided(dealer="D-1", device=TABLET)
    assert customer["state"] == "approved", customer
    clock.advance(timedelta(hours=1))
    await town.tell(EventName.REPORT_DISMISSED, ring[0], report)
    assert [(await town.state(each))[0] for each in ring] == ["active"] * 3
    assert (await applicant(api, 51, person=ring[1].person).decided())["state"] == "approved"
