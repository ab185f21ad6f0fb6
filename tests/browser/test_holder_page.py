"""The page behind the link in a message, on a telephone: accessible in both themes, and done without JavaScript."""

import os
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from playwright.async_api import Page, Route, expect
from starlette.requests import Request

from service.response.model import Ground, LineAction, Source, SourceKind, State, Step
from service.response.routes.holder import Speaker
from tests.browser.conftest import House, OpenTab

NUMBER = "+4915112345678"


@pytest.fixture
def settings_of_house() -> dict[str, Any]:
    return {"holder_links": True}


async def link_to(house: House) -> str:
    """A code is sent; the link that its message carries, at this server."""
    async with httpx2.AsyncClient(
        base_url=house.url, headers={"Authorization": f"Bearer {house.key}"}, timeout=30
    ) as http:
        answer = await http.post("/v1/verifications", json={"to": NUMBER})
    assert answer.status_code == 202, answer.text
    assert house.services.outbox is not None
    [message] = await house.served.run(house.services.outbox.read(NUMBER))
    found = re.search(r"/h/[\w-]+", message["text"])
    assert found is not None
    return house.url + found[0]


async def keep(page: Page, name: str) -> None:
    """A picture for whoever wants to look: where SIMWARD_TEST_PICTURES names a folder."""
    if folder := os.environ.get("SIMWARD_TEST_PICTURES"):
        await page.screenshot(path=Path(folder) / f"holder-{name}.png", full_page=True)


async def blocks(house: House) -> list[str]:
    found = await house.served.run(house.services.blocks.live(house.operator.id))
    return [block.limit.value for block in found]


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_it_is_accessible_and_fits_a_small_telephone(
    house: House, open_tab: OpenTab, theme: str
) -> None:
    link = await link_to(house)
    tab = await open_tab(theme=theme, width=320, height=640)
    for language in ("en", "ar", "de", "th"):
        await tab.page.set_extra_http_headers({"Accept-Language": language})
        await tab.page.goto(link)
        assert await tab.axe() == [], language
        assert await tab.overflow() <= 0, language
        await keep(tab.page, f"{theme}-{language}-asks")
        await tab.page.get_by_role("button").first.click()
        await expect(tab.page.get_by_role("button")).to_have_count(0)
        assert await tab.axe() == [], language
        await keep(tab.page, f"{theme}-{language}-done")
    ground = await tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(18, 20, 23)" if theme == "dark" else "rgb(252, 252, 250)")
    assert await blocks(house) == ["OtpBlockedMsisdn"]


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_link_that_is_none_says_so(house: House, open_tab: OpenTab, theme: str) -> None:
    tab = await open_tab(theme=theme, width=320)
    answer = await tab.page.goto(f"{house.url}/h/none")
    assert answer is not None
    assert answer.status == 404
    await expect(tab.page.get_by_role("heading")).to_contain_text("This link does not work")
    assert await tab.axe() == []
    assert await tab.overflow() <= 0
    await keep(tab.page, f"{theme}-gone")
    # The browser itself complains of the status, which is meant.
    tab.complaints[:] = [each for each in tab.complaints if "404" not in each]


async def test_without_javascript_and_by_keyboard(house: House, open_tab: OpenTab) -> None:
    link = await link_to(house)
    page = (await open_tab(scripts=False)).page
    await page.goto(link)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Stop codes from this sender")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Stop codes from everyone")).to_be_focused()
    assert await blocks(house) == []
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading")).to_contain_text("Stopped")
    await expect(page.get_by_text("Nobody sends codes to")).to_be_visible()
    assert await blocks(house) == ["OtpBlockedMsisdnEverywhere"]


async def test_it_reads_from_the_right_in_arabic(house: House, open_tab: OpenTab) -> None:
    page = (await open_tab()).page
    await page.set_extra_http_headers({"Accept-Language": "ar"})
    await page.goto(await link_to(house))
    assert await page.evaluate("getComputedStyle(document.querySelector('h1')).direction") == "rtl"
    number = page.locator("bdi[dir=ltr]")
    await expect(number).to_have_text("+49 151 •••• 678")


def appeal_page(language: str, refused: int | None = None) -> Any:
    """The page of an appeal as the route answers it."""
    scope = {"type": "http", "headers": [(b"accept-language", language.encode())]}
    now = datetime(2026, 11, 1, tzinfo=UTC)
    source = Source(SourceKind.REPORT, UUID(int=4))
    ids = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=5)
    action = LineAction(*ids, Step.HOLD, Ground.CONFIRMED, source, State.IN_FORCE, now, taken_at=now)
    return Speaker(Request(scope)).asks(action, refused)


def serving(answer: Any) -> Callable[[Route], Awaitable[None]]:
    async def serve(route: Route) -> None:
        await route.fulfill(status=200, body=answer.body, headers=dict(answer.headers))

    return serve


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_an_appeal_is_written_on_a_small_telephone(house: House, open_tab: OpenTab, theme: str) -> None:
    tab = await open_tab(theme=theme, width=320, height=640)
    for language, refused in (("en", None), ("de", 422)):
        await tab.page.route("**/h/a.sample", serving(appeal_page(language, refused)))
        await tab.page.goto(f"{house.url}/h/a.sample")
        assert await tab.axe() == [], language
        assert await tab.overflow() <= 0, language
        await tab.page.keyboard.press("Tab")
        await expect(tab.page.get_by_role("textbox")).to_be_focused()
        await expect(tab.page.get_by_role("alert")).to_have_count(1 if refused else 0)
        await keep(tab.page, f"{theme}-{language}-appeal")
        await tab.page.unroute("**/h/a.sample")
