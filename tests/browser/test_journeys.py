"""Journeys through the real application: by keyboard, without JavaScript, on a first day, and when things end."""

import re
from datetime import timedelta

import pyotp
from playwright.async_api import expect

from service.audit.workflow import Actor
from service.kit.ids import parse, wire
from service.limits.model import Limit
from service.registration import store
from service.staff.model import Role
from tests.browser.conftest import House, OpenTab


async def state_of(house: House, case: str) -> str:
    async def read() -> str:
        async with house.services.db.read(house.operator.id) as reader:
            return (await store.load(reader, parse("reg", case))).state.value

    return await house.served.run(read())


async def test_a_case_is_denied_by_keyboard_alone(house: House, open_tab: OpenTab) -> None:
    case = await house.case()
    await house.case()
    page = (await open_tab()).page
    await page.goto(await house.staff_link())
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type(case)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Case")).to_be_visible()
    await page.goto(f"{house.url}/admin/review")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    await expect(page.locator(f'a[href="/admin/review/{case}"]')).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Why")).to_be_visible()
    await page.keyboard.press("d")
    await expect(page.locator("#reason-d")).to_be_focused()
    await page.keyboard.type("Details")
    await page.keyboard.press("Tab")
    await page.keyboard.type("The names differ: a d j k")
    await expect(page.locator("#note-d")).to_have_value("The names differ: a d j k")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Denied. The applicant is told")).to_be_visible()
    assert await state_of(house, case) == "denied"
    await page.get_by_role("link", name="Next case").first.press("Enter")
    await expect(page.locator(".badge.review.large")).to_contain_text("In review")


async def test_opening_a_drawer_decides_nothing(house: House, open_tab: OpenTab) -> None:
    case = await house.case()
    page = (await open_tab()).page
    await page.goto(await house.staff_link())
    await page.goto(f"{house.url}/admin/review/{case}")
    await page.keyboard.press("a")
    await expect(page.get_by_text("The line +49 151 •••• 001 is set up within a minute.")).to_be_visible()
    await page.get_by_role("button", name="Approve the line").press("Enter")
    await expect(page.locator("#reason-a")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("#act-a")).not_to_have_attribute("open", "")
    await page.keyboard.press("Control+d")
    await expect(page.locator("#act-d")).not_to_have_attribute("open", "")
    assert await state_of(house, case) == "in_review"


async def test_keys_can_be_switched_off(house: House, open_tab: OpenTab) -> None:
    case = await house.case()
    page = (await open_tab()).page
    await page.goto(await house.staff_link())
    await page.keyboard.press("?")
    await expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.goto(f"{house.url}/admin/you")
    await page.get_by_label("Off").check()
    await page.get_by_role("button", name="Save").click()
    await page.goto(f"{house.url}/admin/review/{case}")
    await page.keyboard.press("a")
    await expect(page.locator("#act-a")).not_to_have_attribute("open", "")


async def test_everything_works_without_javascript(house: House, open_tab: OpenTab) -> None:
    case = await house.case()
    page = (await open_tab(scripts=False)).page
    await page.goto(await house.staff_link())
    await page.get_by_role("button", name="Dark theme").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.get_by_role("searchbox").fill("+49 151 12345001")
    await page.get_by_role("searchbox").press("Enter")
    await expect(page.get_by_role("heading", name="Found")).to_be_visible()
    assert re.fullmatch(r".*/admin/found/[0-9a-f]{32}", page.url)
    await page.locator(f'a[href="/admin/review/{case}"]').click()
    await page.get_by_label("Show the applicant's data, because").select_option("call-applicant")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_text("+31612000001")).to_be_visible()
    await page.locator("#act-a summary").click()
    await page.locator("#reason-a").select_option("applicant-reached")
    await page.get_by_role("button", name="Approve the line").click()
    await expect(page.get_by_text("Approved. The network is setting the line up.")).to_be_visible()
    assert await state_of(house, case) == "approved"
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in to the console")).to_be_visible()


async def test_a_reveal_is_swapped_in_and_gone_on_return(house: House, open_tab: OpenTab) -> None:
    case = await house.case()
    tab = await open_tab()
    page = tab.page
    await page.goto(await house.staff_link())
    await page.goto(f"{house.url}/admin/review/{case}")
    await page.get_by_label("Show the applicant's data, because").select_option("call-applicant")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_text("+31612000001")).to_be_visible()
    assert page.url.endswith(case), "only the panel was swapped"
    assert await tab.axe() == []
    await page.goto(f"{house.url}/admin")
    await page.go_back()
    await expect(page.get_by_role("heading", name="Why")).to_be_visible()
    await expect(page.get_by_text("+31612000001")).to_have_count(0)


async def test_a_first_day(house: House, open_tab: OpenTab) -> None:
    """A link, a password and an app; then out, and in again with a recovery code."""
    token = await house.served.run(
        house.services.staff.add(
            house.operator.id, login="anna", name="Anna", role=Role.ANALYST, actor=Actor.cli()
        )
    )
    tab = await open_tab(theme="dark")
    page = tab.page
    await page.goto(f"{house.url}/admin/link/{token}")
    assert await tab.axe() == []
    secret = (await page.locator(".secret").inner_text()).replace(" ", "")
    assert await page.locator(".qr svg").bounding_box() is not None
    await page.get_by_label("Password").fill("a calm sentence for tests")
    await page.get_by_label("The same again").fill("a calm sentence for tests")
    await page.get_by_label("Code that the app shows").fill(pyotp.TOTP(secret).at(house.services.clock.now()))
    await page.get_by_role("button", name="Set up and sign in").click()
    codes = await page.locator(".codes li").all_inner_texts()
    assert len(codes) == 10
    assert await tab.axe() == []
    await page.get_by_role("link", name="I have kept them").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    await expect(page.get_by_role("link", name="Audit")).to_have_count(0)
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_label("Sign-in name").fill("anna@demo")
    await page.get_by_label("Password").fill("a calm sentence for tests")
    await page.get_by_label("Code from your app").fill(codes[0])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    names = {cookie["name"] for cookie in await page.context.cookies()}
    assert "simward-loopback" in names
    assert all(
        cookie["httpOnly"] and cookie["sameSite"] == "Strict" for cookie in await page.context.cookies()
    )


async def test_new_cases_wait_for_r(house: House, open_tab: OpenTab) -> None:
    await house.case()
    tab = await open_tab()
    page = tab.page
    await page.clock.install()
    await page.goto(await house.staff_link())
    await page.goto(f"{house.url}/admin/review")
    await house.case()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.clock.fast_forward(21_000)
    await expect(page.locator("#news")).to_contain_text("1 new. Press r to load.")
    await expect(page.locator("#says")).to_contain_text("1 new")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.keyboard.press("r")
    await expect(page.locator("tbody tr")).to_have_count(2)


async def test_when_the_session_ends_the_page_goes_to_the_door(house: House, open_tab: OpenTab) -> None:
    await house.case()
    tab = await open_tab()
    page = tab.page
    await page.clock.install()
    await page.goto(await house.staff_link())
    await page.goto(f"{house.url}/admin/review")
    await page.context.clear_cookies()
    await page.clock.fast_forward(21_000)
    await expect(page.get_by_role("heading", name="Sign in to the console")).to_be_visible()
    tab.complaints = [said for said in tab.complaints if "401" not in said]


async def test_real_pages_are_accessible(house: House, open_tab: OpenTab) -> None:
    case = await house.case()
    tab = await open_tab()
    await tab.page.goto(await house.staff_link())
    found = {}
    for path in (
        "",
        "/review",
        f"/review/{case}",
        "/lines",
        "/dealers",
        "/dealers/new",
        "/codes",
        "/audit",
        "/you",
    ):
        await tab.page.goto(f"{house.url}/admin{path}")
        if faults := await tab.axe_in_both():
            found[path] = faults
        assert await tab.overflow() <= 0, path
    assert found == {}


async def block(house: House) -> str:
    """A block of the guard's; the path of its page."""
    services = house.services
    made = await house.served.run(
        services.blocks.set(
            house.operator.id,
            Limit.OTP_BLOCKED_COUNTRY,
            until=services.clock.now() + timedelta(hours=1),
            reason="unanswered-messages",
            actor=Actor.system("guard"),
            made_by="guard",
            place="LT",
        )
    )
    return f"/admin/codes/blocks/{wire('blk', made.id)}"


async def test_a_block_is_lifted_by_keyboard_alone(house: House, open_tab: OpenTab) -> None:
    await house.case()
    path = await block(house)
    tab = await open_tab()
    page = tab.page
    await page.goto(await house.staff_link())
    await page.goto(f"{house.url}/admin/codes")
    assert await tab.axe_in_both() == []
    await page.keyboard.press("j")
    await expect(page.locator(f'a[href="{path}"]')).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Country LT, +370")).to_be_visible()
    await page.keyboard.press("l")
    await expect(page.locator("#reason-l")).to_be_focused()
    assert await tab.axe_in_both() == []
    assert await tab.overflow() <= 0
    await page.keyboard.type("Looked")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Spoke to the network.")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Lifted. Codes go there again")).to_be_visible()
    await expect(page.get_by_role("heading", name="Nothing is blocked")).to_be_visible()


async def test_a_block_is_set_and_lifted_without_javascript(house: House, open_tab: OpenTab) -> None:
    page = (await open_tab(scripts=False)).page
    await page.goto(await house.staff_link())
    await page.goto(f"{house.url}/admin/codes")
    await page.locator("#set summary").click()
    await page.get_by_label("What", exact=True).select_option("country")
    await page.get_by_label("Which").fill("LT")
    await page.get_by_label("For how long").select_option("1h")
    await page.get_by_label("Reason").select_option("network-asked")
    await page.get_by_role("button", name="Block it").click()
    await expect(page.get_by_text("Set. No codes go there")).to_be_visible()
    await page.get_by_role("link", name="Lift the block of LT, +370").click()
    await expect(page.locator("#reason-l")).to_be_visible()
    await page.locator("#reason-l").select_option("mistake")
    await page.get_by_role("button", name="Lift the block").click()
    await expect(page.get_by_role("heading", name="Nothing is blocked")).to_be_visible()


async def test_the_reference_loads_under_the_same_policy(house: House, open_tab: OpenTab) -> None:
    page = (await open_tab()).page
    await page.goto(f"{house.url}/docs")
    await expect(page.get_by_text("/v1/registrations", exact=True).first).to_be_visible()
    await page.get_by_text("/v1/registrations", exact=True).first.click()
    await expect(page.get_by_text("Request body").first).to_be_visible()
