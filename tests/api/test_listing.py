"""The list: newest first, by page; its cursor is opaque, authenticated, bound to operator, filter and dealer."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from service.audit.workflow import Actor
from service.compose import Services
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.operators.workflow import Operators
from service.web.auth import Scope
from tests.api.conftest import Api, Caller
from tests.fakes.pipeline import PATH, applicant, number, refused, work


async def page(api: Api, **query: Any) -> Any:
    answer = await api.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def opened(api: Api, clock: ManualClock, turn: int) -> str:
    """One more, a moment later: within a millisecond the order is open."""
    clock.advance(timedelta(milliseconds=1))
    return str((await applicant(api, turn).open())["id"])


@pytest.fixture
async def seven(api: Api, clock: ManualClock) -> list[str]:
    """Seven registrations, newest first."""
    return [await opened(api, clock, turn) for turn in range(1, 8)][::-1]


async def test_pages(api: Api, seven: list[str]) -> None:
    found: list[str] = []
    cursor, pages = None, 0
    while True:
        got = await page(api, limit=3, **({"cursor": cursor} if cursor else {}))
        found += [item["id"] for item in got["items"]]
        pages += 1
        cursor = got["next_cursor"]
        if cursor is None:
            break
        assert len(got["items"]) == 3
    assert (found, pages) == (seven, 3)


async def test_a_page_that_is_just_full_has_no_next(api: Api, seven: list[str]) -> None:
    assert (await page(api, limit=7))["next_cursor"] is None
    assert (await page(api, limit=6))["next_cursor"] is not None
    assert [item["id"] for item in (await page(api))["items"]] == seven


async def test_what_comes_in_between_does_not_shift_the_pages(
    api: Api, clock: ManualClock, seven: list[str]
) -> None:
    first = await page(api, limit=3)
    await opened(api, clock, 8)
    second = await page(api, limit=3, cursor=first["next_cursor"])
    assert [item["id"] for item in second["items"]] == seven[3:6]


async def test_by_state_and_number(
    api: Api, services: Services, clock: ManualClock, seven: list[str]
) -> None:
    await api.post(f"{PATH}/{seven[0]}/cancel")
    done = applicant(api, 20)
    await done.decided()
    await work(services)
    assert [item["id"] for item in (await page(api, state="cancelled"))["items"]] == [seven[0]]
    assert [item["id"] for item in (await page(api, state="active"))["items"]] == [done.id]
    assert [item["id"] for item in (await page(api, state="collecting"))["items"]] == seven[1:]
    assert (await page(api, state="denied"))["items"] == []
    # the number 7 was cancelled and is registered again: both are found, the newer one first
    again = await opened(api, clock, 7)
    for text in (quote(number(7)), number(7)):  # a plus sign that nobody escaped arrives as a space
        answer = (await api.get(f"{PATH}?msisdn={text}")).json()
        assert [item["id"] for item in answer["items"]] == [again, seven[0]]
    assert (await page(api, msisdn=number(7), state="cancelled"))["items"][0]["id"] == seven[0]
    assert (await page(api, msisdn=number(999)))["items"] == []


async def test_items_are_the_registrations_themselves(api: Api, services: Services) -> None:
    one = applicant(api)
    await one.decided()
    await work(services)
    assert (await page(api))["items"] == [await one.get()]


async def test_a_cursor_of_another_list(api: Api, caller: Caller, db: Database, seven: list[str]) -> None:
    mine = (await page(api, limit=2))["next_cursor"]
    filtered = (await page(api, limit=2, state="collecting"))["next_cursor"]
    await Operators(db).add("other", "Other Telecom")
    other = await caller(slug="other")
    for turn in range(3):
        await applicant(other, 50 + turn).open()
    theirs = (await page(other, limit=2))["next_cursor"]
    wrong = [
        (api, {"cursor": theirs}),
        (other, {"cursor": mine}),
        (api, {"cursor": filtered}),
        (api, {"cursor": mine, "state": "collecting"}),
        (api, {"cursor": filtered, "state": "approved"}),
        (api, {"cursor": filtered, "state": "collecting", "msisdn": number(1)}),
    ]
    for who, query in wrong:
        errors = refused(await who.get(PATH, params=query), 422, "invalid-request")["errors"]
        assert errors[0]["pointer"] == "/cursor"
    assert len((await page(api, cursor=filtered, state="collecting"))["items"]) == 5
    # another client of the same operator may go on, and another limit is no other list
    assert len((await page(await caller(), cursor=mine, limit=100))["items"]) == 5


async def test_a_tampered_cursor(api: Api, seven: list[str]) -> None:
    cursor = (await page(api, limit=2))["next_cursor"]
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for at in range(len(cursor)):
        other = signs[(signs.index(cursor[at]) + 4) % 64]
        refused(
            await api.get(PATH, params={"cursor": cursor[:at] + other + cursor[at + 1 :]}),
            422,
            "invalid-request",
        )
    for text in (
        cursor[:-1],
        cursor + "A",
        cursor + "=",
        cursor.swapcase(),
        cursor[::-1],
        " " + cursor,
        "=" * 43,
    ):
        refused(await api.get(PATH, params={"cursor": text}), 422, "invalid-request")
    assert seven[1].removeprefix("reg_") not in cursor


async def test_a_dealers_list(api: Api, caller: Caller, services: Services, clock: ManualClock) -> None:
    cli = Actor.cli()
    shops = [
        await services.dealers.register(api.operator, code=f"D-{n}", name="Shop", licence=f"L{n}", actor=cli)
        for n in (1, 2)
    ]
    callers = [await caller(scopes=[Scope.REGISTRATIONS, Scope.READ], dealer=shop.id) for shop in shops]
    made: list[list[str]] = [[], []]
    for turn in range(8):
        made[turn % 2].insert(0, await opened(callers[turn % 2], clock, turn + 1))
    await applicant(api, 60).open()
    for own, mine in zip(callers, made, strict=True):
        assert [item["id"] for item in (await page(own))["items"]] == mine
        assert (await page(own, msisdn=number(60)))["items"] == []
    cursor = (await page(callers[0], limit=2))["next_cursor"]
    refused(await callers[1].get(PATH, params={"cursor": cursor}), 422, "invalid-request")
    refused(await api.get(PATH, params={"cursor": cursor}), 422, "invalid-request")
    assert len((await page(api))["items"]) == 9
