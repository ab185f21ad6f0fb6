"""Rings at the console: seen by everybody, proposed by one, approved by another with the second factor."""

from datetime import timedelta
from uuid import UUID

import pyotp
import pytest

from service.compose import Instead, Services
from service.kit.clock import ManualClock
from service.kit.ids import new_id, wire
from service.response.model import RingAction, RingState
from service.staff.model import Role
from tests.api.admin.conftest import SignIn
from tests.api.admin.console import Browser, text_of
from tests.api.conftest import Api
from tests.fakes.pipeline import Applicant, TurnableRegistry, work
from tests.fakes.response import Town, TurnableFinder


@pytest.fixture
def finder() -> TurnableFinder:
    return TurnableFinder()


@pytest.fixture
def instead(finder: TurnableFinder) -> Instead:
    return Instead(registry=TurnableRegistry(), finder=finder)


@pytest.fixture
def town(api: Api, services: Services) -> Town:
    return Town(api, services)


async def a_ring(town: Town, finder: TurnableFinder) -> tuple[list[Applicant], UUID, RingAction]:
    people = [await town.live(turn) for turn in (1, 2, 3)]
    finder.members = {each.uuid: 900 for each in people[1:]}
    report = await town.confirmed(people[0])
    return people, report, await town.ring(report)


async def approve(person: Browser, page: str, code: str) -> int:
    return (await person.submit(page, f"{page}/approve", {"code": code})).status_code


async def test_one_proposes_and_another_approves_with_the_second_factor(
    sign_in: SignIn, town: Town, finder: TurnableFinder, services: Services, clock: ManualClock
) -> None:
    people, report, ring = await a_ring(town, finder)
    page = f"/admin/rings/{wire('rng', ring.id)}"
    ann, ben = await sign_in(Role.SUPERVISOR, "ann"), await sign_in(Role.SUPERVISOR, "ben")
    listed = text_of((await ann.get("/admin/rings")).text)
    assert "Found" in listed
    shown = text_of((await ann.get(page)).text)
    for words in ("Lines suspended", "No shop is struck", "Struck by document", "reported", "device"):
        assert words in shown, words
    assert "Approve the action" not in shown, "nobody has proposed it"
    assert (await ann.submit(page, f"{page}/propose", {})).status_code == 303
    assert "You proposed it. Another person approves it." in text_of((await ann.get(page)).text)
    assert (await ben.post(f"{page}/approve", {"code": "000000"})).status_code == 403, "no token"
    assert await approve(ben, page, "000000") == 422
    assert "does not fit" in text_of(ben.pages[-1].text)
    clock.advance(timedelta(seconds=60))
    finder.members |= {(await town.live(9)).uuid: 900}
    assert await approve(ben, page, pyotp.TOTP(ben.secret).at(clock.now())) == 409
    assert "has changed since it was proposed" in text_of(ben.pages[-1].text)
    assert (await ann.submit(page, f"{page}/propose", {})).status_code == 303
    clock.advance(timedelta(seconds=60))
    assert await approve(ben, page, pyotp.TOTP(ben.secret).at(clock.now())) == 303, "still signed in"
    await work(services)
    assert (await town.ring(report)).state is RingState.DONE
    assert (await town.state(people[1]))[0] == "suspended"
    assert "Done" in text_of((await ben.get("/admin/rings?tab=decided")).text)


@pytest.mark.parametrize("role", [Role.ANALYST, Role.AUDITOR, Role.ADMIN])
async def test_who_may_what(sign_in: SignIn, town: Town, finder: TurnableFinder, role: Role) -> None:
    _, _, ring = await a_ring(town, finder)
    page = f"/admin/rings/{wire('rng', ring.id)}"
    person = await sign_in(role)
    assert (await person.get(page)).status_code == 200
    assert (await person.get(f"/admin/rings/{wire('rng', new_id())}")).status_code == 404
    html = (await person.get(page)).text
    token = {"csrf": html.split('name="csrf" value="')[1].split('"')[0], "version": str(ring.version)}
    wanted = 303 if role is Role.ANALYST else 403
    assert (await person.post(f"{page}/propose", token)).status_code == wanted
    assert (await person.post(f"{page}/approve", token)).status_code == 403


async def test_a_lines_page_shows_its_ledger_and_a_person_decides(
    sign_in: SignIn, town: Town, api: Api, finder: TurnableFinder
) -> None:
    one = await town.live(1)
    line = wire("line", (await town.line(one)).id)
    page = f"/admin/lines/{line}"
    ann, ben = await sign_in(Role.SUPERVISOR, "ann"), await sign_in(Role.SUPERVISOR, "ben")
    assert (await ann.submit(page, f"{page}/mark", {"mark": "business", "set": "yes"})).status_code == 303
    await town.confirmed(one)
    assert "a business's line" in text_of((await ann.get(page)).text)
    assert "A business" in text_of((await ann.get("/admin/rings")).text)
    [action] = await town.ledger(one)
    path = f"{page}/actions/{wire('act', action.id)}"
    assert (await ann.submit(page, path, {"verdict": "banana"})).status_code == 422
    assert (await ann.submit(page, path, {"verdict": "accept"})).status_code == 303
    assert (await town.state(one))[0] == "restricted"
    answer = await api.post(f"/v1/lines/{one.msisdn}/appeal", {"text": "We sell flowers."})
    assert answer.status_code == 200
    assert "An appeal is judged by another person" in text_of((await ann.get(page)).text)
    assert "We sell flowers." in text_of((await ben.get(page)).text)
    assert (await ben.submit(page, path, {"verdict": "uphold"})).status_code == 303
    assert (await town.state(one))[0] == "active"
    assert "Taken back" in text_of((await ben.get(page)).text)
