"""Links, signing in and out, sessions, step-up: what works, what is refused, and what ends what."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pyotp
import pytest

from service.admin.security import LOOPBACK, Place
from service.audit.workflow import Actor, entries
from service.compose import Services
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.staff import store
from service.staff.model import LinkGone, Role
from service.staff.workflow import StaffRegister
from tests.api.admin.conftest import LINK, PASSWORD, SignIn, Visit, secret_of
from tests.api.admin.console import ORIGIN, Browser, text_of


async def offer(browser: Browser, login: str, password: str, code: str) -> int:
    """Try to sign in; the status of the answer."""
    form = {"login": login, "password": password, "code": code}
    return (await browser.submit("/admin/sign-in", "/admin/sign-in", form)).status_code


def app_code(person: Browser, clock: ManualClock) -> str:
    return pyotp.TOTP(person.secret).at(clock.now())


async def signed_out(person: Browser) -> Browser:
    assert (await person.submit("/admin", "/admin/sign-out", {})).status_code == 303
    return person


# Links


async def test_a_link_sets_up_access_once(
    visit: Visit, register: StaffRegister, operator: UUID, clock: ManualClock
) -> None:
    link = LINK + await register.add(
        operator, login="anna", name="Anna", role=Role.ANALYST, actor=Actor.cli()
    )
    browser = visit()
    page = await browser.get(link)
    assert "Welcome, Anna" in text_of(page.text)
    assert "<svg" in page.text
    assert "script" not in page.text.partition('class="qr"')[2].partition("</svg>")[0]
    code = pyotp.TOTP(secret_of(page.text)).at(clock.now())
    assert secret_of((await browser.get(link)).text) == secret_of(page.text), "looking changes nothing"
    answer = await browser.submit(link, link, {"password": PASSWORD, "again": PASSWORD, "code": code})
    assert answer.status_code == 200
    assert "ten recovery codes" in text_of(answer.text)
    assert (await browser.get("/admin")).status_code == 200
    assert (await visit().get(link)).status_code == 410


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"password": "short", "again": "short"}, "at least 12 characters"),
        ({"password": PASSWORD, "again": PASSWORD + "."}, "not the same"),
        ({"password": "aaaaaaaaaaaaaaaa", "again": "aaaaaaaaaaaaaaaa"}, "a few different characters"),
        ({"code": "000000"}, "The code does not fit"),
        ({"code": "ten"}, "The code does not fit"),
    ],
)
async def test_a_link_stays_whole_when_the_form_is_wrong(
    visit: Visit, register: StaffRegister, operator: UUID, clock: ManualClock, form: dict[str, str], said: str
) -> None:
    link = LINK + await register.add(
        operator, login="anna", name="Anna", role=Role.ANALYST, actor=Actor.cli()
    )
    browser = visit()
    code = pyotp.TOTP(secret_of((await browser.get(link)).text)).at(clock.now())
    whole = {"password": PASSWORD, "again": PASSWORD, "code": code}
    answer = await browser.submit(link, link, {**whole, **form})
    assert (answer.status_code, said in text_of(answer.text)) == (422, True), text_of(answer.text)
    assert (await browser.submit(link, link, whole)).status_code == 200


async def test_a_link_ends_after_a_quarter_of_an_hour_and_with_the_next(
    visit: Visit, register: StaffRegister, operator: UUID, clock: ManualClock
) -> None:
    first = LINK + await register.add(
        operator, login="anna", name="Anna", role=Role.ANALYST, actor=Actor.cli()
    )
    second = LINK + await register.link(operator, "anna", actor=Actor.cli())
    assert (await visit().get(first)).status_code == 410
    assert (await visit().get(second)).status_code == 200
    clock.advance(timedelta(minutes=15))
    assert (await visit().get(second)).status_code == 410


async def test_of_two_who_use_a_link_at_once_one_gets_in(
    visit: Visit, register: StaffRegister, operator: UUID, clock: ManualClock
) -> None:
    link = LINK + await register.add(
        operator, login="anna", name="Anna", role=Role.ANALYST, actor=Actor.cli()
    )
    browsers = [visit() for _ in range(4)]
    code = pyotp.TOTP(secret_of((await browsers[0].get(link)).text)).at(clock.now())
    form = {"password": PASSWORD, "again": PASSWORD, "code": code}
    answers = await asyncio.gather(*(browser.submit(link, link, form) for browser in browsers))
    assert sorted(a.status_code for a in answers) == [200, 410, 410, 410]


async def test_the_demos_link_signs_straight_in_and_only_there(
    visit: Visit, services: Services, operator: UUID
) -> None:
    link = await services.staff_link(operator)
    browser = visit()
    page = await browser.follow(await browser.get(link))
    assert "Demo on this machine" in text_of(page.text)
    assert "Demo Supervisor" in text_of(page.text).title()
    again = visit()
    assert (await again.follow(await again.get(link))).status_code == 200, "it works until it ends"
    services.desk._is_demo = False
    with pytest.raises(LinkGone):
        await services.desk.enter_demo(link.rpartition("/")[2])
    assert (await visit().get(link)).status_code == 410


# Signing in


async def test_name_password_and_code_sign_in(sign_in: SignIn, clock: ManualClock) -> None:
    person = await signed_out(await sign_in())
    assert (await person.get("/admin")).headers["location"] == "/admin/sign-in"
    assert await offer(person, "supervisor@demo", PASSWORD, app_code(person, clock)) == 303
    assert (await person.get("/admin")).status_code == 200
    assert (await person.get("/admin/sign-in")).headers["location"] == "/admin"


async def test_a_code_works_once_also_under_a_race(sign_in: SignIn, visit: Visit, clock: ManualClock) -> None:
    person = await sign_in()
    code = app_code(person, clock)
    browsers = [visit() for _ in range(4)]
    statuses = await asyncio.gather(*(offer(b, "supervisor@demo", PASSWORD, code) for b in browsers))
    assert sorted(statuses) == [303, 401, 401, 401]
    earlier = pyotp.TOTP(person.secret).at(clock.now() - timedelta(seconds=30))
    clock.advance(timedelta(minutes=1))
    assert await offer(visit(), "supervisor@demo", PASSWORD, earlier) == 401, "an older step is spent too"


async def test_a_recovery_code_works_once(sign_in: SignIn, visit: Visit) -> None:
    person = await sign_in()
    assert len(person.codes) == 10
    assert await offer(visit(), "supervisor@demo", PASSWORD, person.codes[3].upper()) == 303
    assert await offer(visit(), "supervisor@demo", PASSWORD, person.codes[3]) == 401
    assert await offer(visit(), "supervisor@demo", PASSWORD, person.codes[4].replace("-", "")) == 303


async def test_which_of_the_three_was_wrong_is_not_said(
    sign_in: SignIn, visit: Visit, clock: ManualClock
) -> None:
    person = await sign_in()
    texts = set()
    for login, password, wrong_code in (
        ("supervisor@demo", "not the password", False),
        ("supervisor@demo", PASSWORD, True),
        ("nobody@demo", PASSWORD, False),
        ("supervisor@elsewhere", PASSWORD, False),
        ("no at all", PASSWORD, False),
    ):
        code = "000000" if wrong_code else app_code(person, clock)
        browser = visit()
        form = {"login": login, "password": password, "code": code}
        answer = await browser.submit("/admin/sign-in", "/admin/sign-in", form)
        assert answer.status_code == 401
        texts.add(text_of(answer.text))
        clock.advance(timedelta(minutes=20))
    assert len(texts) == 1
    assert await offer(visit(), "supervisor@demo", PASSWORD, app_code(person, clock)) == 303


async def test_wrong_tries_cost_a_wait_and_never_the_account(
    sign_in: SignIn, visit: Visit, clock: ManualClock
) -> None:
    person = await sign_in()
    attacker = visit()
    statuses = [await offer(attacker, "supervisor@demo", "wrong", "000000") for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    owner = visit()
    assert await offer(owner, "supervisor@demo", PASSWORD, app_code(person, clock)) == 429
    clock.advance(timedelta(seconds=31))
    assert await offer(owner, "supervisor@demo", PASSWORD, app_code(person, clock)) == 303


async def test_an_address_waits_longer_than_an_account(visit: Visit, clock: ManualClock) -> None:
    attacker, neighbour = visit(), visit()
    for number in range(7):
        status = await offer(attacker, f"nobody-{number}@demo", "wrong password", "000000")
        while status == 429:
            clock.advance(timedelta(seconds=10))
            status = await offer(attacker, f"nobody-{number}@demo", "wrong password", "000000")
        assert status == 401
    assert await offer(attacker, "nobody-8@demo", "wrong password", "000000") == 429
    assert await offer(neighbour, "nobody-8@demo", "wrong password", "000000") == 401


async def test_a_proxys_address_keeps_nobody_out(visit: Visit) -> None:
    for number in range(8):
        proxied = visit(private=True)
        assert await offer(proxied, f"nobody-{number}@demo", "wrong password", "1-aaaa-bbbb-cccc") == 401


async def test_a_form_from_elsewhere_is_refused(sign_in: SignIn, visit: Visit, clock: ManualClock) -> None:
    person = await sign_in()
    form = {"login": "supervisor@demo", "password": PASSWORD, "code": app_code(person, clock)}
    stranger = visit()
    sign = "/admin/sign-in"
    assert (await stranger.submit(sign, sign, form, Origin="https://attacker.example")).status_code == 403
    assert (await stranger.submit(sign, sign, form, Origin="null")).status_code == 403
    cross = {"Origin": "null", "Sec-Fetch-Site": "cross-site"}
    assert (await stranger.submit(sign, sign, form, **cross)).status_code == 403
    assert (await visit().post(sign, {**form, "pre": "x" * 43})).status_code == 403, "no cookie"
    own = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert (await stranger.submit(sign, sign, form, **own)).status_code == 303


# Sessions


async def test_a_session_ends_when_idle_and_when_old(sign_in: SignIn, clock: ManualClock) -> None:
    person = await sign_in()
    for _ in range(20):
        clock.advance(timedelta(minutes=23))
        assert (await person.get("/admin/you")).status_code == 200
    clock.advance(timedelta(minutes=20))
    assert (await person.get("/admin/you")).status_code == 303, "eight hours are over"
    other = await sign_in(login="another")
    clock.advance(timedelta(minutes=30))
    assert (await other.get("/admin/you")).status_code == 303


async def test_role_change_and_disable_end_every_session(
    sign_in: SignIn, register: StaffRegister, operator: UUID, visit: Visit, clock: ManualClock
) -> None:
    person = await sign_in(Role.ANALYST, "anna")
    await register.set_role(operator, "anna", Role.AUDITOR, actor=Actor.cli())
    assert (await person.get("/admin")).status_code == 303
    assert await offer(person, "anna@demo", PASSWORD, app_code(person, clock)) == 303
    assert "Auditor" in text_of((await person.get("/admin")).text)
    await register.disable(operator, "anna", actor=Actor.cli())
    assert (await person.get("/admin")).status_code == 303
    clock.advance(timedelta(minutes=1))
    assert await offer(visit(), "anna@demo", PASSWORD, app_code(person, clock)) == 401


async def test_a_new_password_ends_every_session(sign_in: SignIn, visit: Visit, clock: ManualClock) -> None:
    person = await sign_in()
    elsewhere = visit()
    assert await offer(elsewhere, "supervisor@demo", PASSWORD, app_code(person, clock)) == 303
    clock.advance(timedelta(minutes=1))
    form = {"old": PASSWORD, "new": "another calm sentence", "password_code": app_code(person, clock)}
    path = "/admin/you/password"
    refused = await person.submit("/admin/you", path, {**form, "password_code": "000000"})
    assert refused.status_code == 422
    assert "does not fit" in text_of(refused.text)
    unfit = await person.submit("/admin/you", path, {**form, "new": "short"})
    assert "at least 12" in text_of(unfit.text)
    clock.advance(timedelta(minutes=1))
    form["password_code"] = app_code(person, clock)
    assert (await person.submit("/admin/you", path, form)).headers["location"] == "/admin/sign-in"
    assert (await person.get("/admin")).status_code == 303
    assert (await elsewhere.get("/admin")).status_code == 303
    clock.advance(timedelta(minutes=1))
    assert await offer(visit(), "supervisor@demo", PASSWORD, app_code(person, clock)) == 401
    assert await offer(visit(), "supervisor@demo", "another calm sentence", app_code(person, clock)) == 303


async def test_step_up_gives_a_new_session_and_new_codes(
    sign_in: SignIn, visit: Visit, clock: ManualClock
) -> None:
    person = await sign_in()
    before = dict(person.http.cookies)
    form = {"code": app_code(person, clock)}
    answer = await person.submit("/admin/you", "/admin/you/codes", form)
    assert answer.status_code == 200
    assert dict(person.http.cookies) != before
    copied = visit()
    copied.http.cookies.update(before)
    assert (await copied.get("/admin")).status_code == 303, "the old id stopped working"
    assert (await person.get("/admin")).status_code == 200
    assert await offer(visit(), "supervisor@demo", PASSWORD, person.codes[0]) == 401
    again = await person.submit("/admin/you", "/admin/you/codes", form)
    assert again.status_code == 422, "the code was spent"


async def test_a_step_up_is_for_one_act_on_one_object_once(
    sign_in: SignIn, services: Services, clock: ManualClock
) -> None:
    person = await sign_in()
    sid = person.http.cookies["simward-loopback"]
    who = await services.desk.resume(sid)
    assert who is not None
    session = await services.desk.step_up(who, "export", "reg_1", app_code(person, clock))
    spend = services.desk._sessions.spend
    now = clock.now()
    assert not await spend(session, "export", "reg_2", now)
    assert not await spend(session, "close", "reg_1", now)
    assert not await spend(who.session, "export", "reg_1", now), "bound to the new session"
    assert await spend(session, "export", "reg_1", now)
    assert not await spend(session, "export", "reg_1", now), "once"
    await services.desk._sessions.allow(session, "export", "reg_1", now)
    assert not await spend(session, "export", "reg_1", now + timedelta(minutes=5)), "for five minutes"


async def test_redis_holds_neither_cookie_nor_address(
    sign_in: SignIn, services: Services, visit: Visit
) -> None:
    person = await sign_in()
    await offer(visit(), "supervisor@demo", "wrong", "000000")
    sid = person.http.cookies["simward-loopback"].encode()
    async for key in services.redis.client.scan_iter("*"):
        assert sid not in key
        assert b"8.8.4." not in key


async def test_cookies_are_bound_to_the_host_where_there_is_tls(sign_in: SignIn) -> None:
    person = await sign_in()
    link = next(p for p in person.pages if "set-cookie" in p.headers)
    kept = link.headers["set-cookie"].lower()
    assert "httponly" in kept
    assert "samesite=strict" in kept
    assert "path=/" in kept
    public = Place("https://console.example.org", is_demo=False)
    assert public.cookie("simward") == "__Host-simward"
    assert public.admits_host("console.example.org")
    assert not public.admits_host("127.0.0.1:8080")
    assert public.origin("whatever") == "https://console.example.org"
    assert Place(ORIGIN, is_demo=True).admits_host("[::1]:8080")
    assert "attacker.example" not in LOOPBACK


# What is written down


async def test_the_audit_names_every_step_and_no_secret(
    sign_in: SignIn, services: Services, db: Database, operator: UUID, visit: Visit
) -> None:
    person = await sign_in()
    await offer(visit(), "supervisor@demo", "wrong", "000000")
    await offer(visit(), "supervisor@demo", PASSWORD, person.codes[0])
    async with db.read(operator) as reader:
        made = await entries(reader, limit=100)
        staff = await store.by_login(reader, "supervisor")
    acts = {entry.action for entry in made}
    assert {
        "staff.added",
        "staff.link_made",
        "staff.enrolled",
        "staff.sign_in_refused",
        "staff.signed_in",
    } <= acts
    assert staff is not None
    assert person.secret.encode() not in staff.sealed
    assert b"Supervisor" not in staff.sealed
    for entry in made:
        for secret in (person.secret, PASSWORD, person.codes[0]):
            assert secret not in entry.body
