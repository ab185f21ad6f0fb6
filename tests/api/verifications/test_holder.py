"""The holder's own word: a link in a message, a page that needs nothing but it, and codes that stop without a trace."""

import base64
import json
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from service.audit.workflow import Actor
from service.compose import Services
from service.infra import telemetry
from service.kit.clock import ManualClock
from service.kit.errors import Unavailable
from service.kit.ids import parse
from service.otp import rules, store
from service.otp.workflow.budgets import Asker
from service.settings import Settings
from service.web.auth import Scope
from tests.api.conftest import Api, Caller
from tests.api.verifications.test_verification_walk import NUMBER, begun, drained, forget
from tests.conftest import Backend
from tests.fakes.pipeline import applicant

UNTIL = "2026-12-23"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"holder_links": True, "web_otp_domain": "sim.example"})


@pytest.fixture
def page(app: FastAPI) -> httpx2.AsyncClient:
    """Somebody's browser, without any key."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://testserver")


async def link_of(api: Api, number: str = NUMBER) -> str:
    """The link of the newest message, as a path."""
    assert api.services.outbox is not None
    text = (await api.services.outbox.read(number))[0]["text"]
    found = re.search(r"http://testserver(/h/\S+)", text)
    assert found is not None, text
    return found[1]


async def press(page: httpx2.AsyncClient, link: str, reach: str, **headers: str) -> httpx2.Response:
    return await page.post(link, content=f"reach={reach}", headers={**FORM, **headers})


async def messages(api: Api, number: str = NUMBER) -> int:
    assert api.services.outbox is not None
    return len(await api.services.outbox.read(number))


async def test_a_message_carries_a_short_link_and_ends_with_the_code_for_browsers(api: Api) -> None:
    await begun(api)
    assert api.services.outbox is not None
    [message] = await api.services.outbox.read(NUMBER)
    lines = message["text"].split("\n")
    assert re.fullmatch(r"Not you\? http://testserver/h/[\w-]{47}", lines[1])
    assert lines[2] == f"@sim.example #{await api.code(NUMBER)}"


async def test_looking_changes_nothing(api: Api, services: Services, page: httpx2.AsyncClient) -> None:
    await begun(api)
    link = await link_of(api)
    seen = await page.get(link)
    assert seen.status_code == 200
    assert "+49 151 •••• 678" in seen.text
    assert "Demo Telecom" in seen.text
    assert re.findall(r'name="reach" value="(\w+)"', seen.text) == ["client", "everyone"]
    assert NUMBER[1:] not in seen.text
    head = await page.head(link)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == seen.headers["content-length"]
    assert await services.blocks.live(api.operator) == []


async def test_what_the_answer_carries(api: Api, page: httpx2.AsyncClient) -> None:
    await begun(api)
    link = await link_of(api)
    for answer in (
        await page.get(link),
        await press(page, link, "client"),
        await press(page, link, "nobody"),
        await page.get("/h/none"),
    ):
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        assert answer.headers.get_list("cache-control") == ["no-store"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["vary"] == "Accept-Language"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "set-cookie" not in answer.headers
        assert "<script" not in answer.text
        assert "style=" not in answer.text
        for sheet in re.findall(r'href="([^"]+\.css)"', answer.text):
            style = await page.get(sheet, headers={"host": "127.0.0.1"})
            assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
        assert answer.text.count(".css") == 2


async def test_stopping_one_sender_leaves_the_others(
    api: Api, caller: Caller, clock: ManualClock, page: httpx2.AsyncClient, services: Services
) -> None:
    sent = await begun(api)
    other = await caller()
    answer = await press(page, await link_of(api), "client")
    assert answer.status_code == 200
    assert UNTIL in answer.text
    assert "This sender sends no codes" in answer.text
    clock.advance(timedelta(minutes=1))
    held = await begun(api)
    assert held.keys() == sent.keys()
    assert (held["status"], held["attempts_left"]) == ("pending", 5)
    assert await messages(api) == 1
    await begun(other)
    assert await messages(api) == 2
    await begun(api, "+4915112345679")
    assert await messages(api, "+4915112345679") == 1
    # Staff see it, and why nothing was sent.
    [block] = await services.blocks.live(api.operator)
    assert (block.reason, block.made_by, block.place) == ("not-me", "holder", None)
    assert services.blocks.number(block) == NUMBER
    await drained(services)
    async with services.db.read(api.operator) as reader:
        [event] = await store.of_subject(reader, parse("ver", held["id"]))
    assert (event.outcome, event.limit) == ("suppressed", "OtpBlockedMsisdn")
    # Thirty days later the wish is over.
    clock.advance(timedelta(days=30))
    await begun(api)
    assert await messages(api) == 3


async def test_stopping_everyone_stops_every_client_of_this_operator(
    api: Api, caller: Caller, clock: ManualClock, page: httpx2.AsyncClient, services: Services
) -> None:
    await services.operators.add("other", "Other")
    stranger = await caller(slug="other")
    other = await caller()
    await begun(api)
    answer = await press(page, await link_of(api), "everyone")
    assert "Nobody sends codes" in answer.text
    clock.advance(timedelta(minutes=1))
    await begun(api)
    await begun(other)
    assert await messages(api) == 1
    await begun(stranger)
    assert await messages(api) == 2


async def test_a_registration_in_a_shop_goes_on_and_one_in_an_app_is_held_back(
    api: Api, clock: ManualClock, page: httpx2.AsyncClient
) -> None:
    await begun(api)
    await press(page, await link_of(api), "everyone")
    clock.advance(timedelta(minutes=1))
    one = applicant(api)
    one.msisdn = NUMBER
    await one.open(channel="app")
    await one.show()
    await one.send()
    assert await messages(api) == 1
    await api.post(f"{one.path}/cancel")
    clock.advance(timedelta(minutes=5))
    shop = applicant(api, 2)
    shop.msisdn = NUMBER
    await shop.open(channel="shop")
    await shop.show()
    await shop.send()
    assert await messages(api) == 2
    await shop.answer()
    assert (await shop.submit())["decision"]["verdict"] == "approved"


async def test_the_same_button_twice_is_one_block_that_does_not_grow(
    api: Api, clock: ManualClock, page: httpx2.AsyncClient, services: Services, backend: Backend
) -> None:
    await begun(api)
    link = await link_of(api)
    first = await press(page, link, "client")
    clock.advance(timedelta(days=3))
    again = await press(page, link, "client")
    assert first.content == again.content
    [block] = await services.blocks.live(api.operator)
    assert f"{block.until:%Y-%m-%d}" == UNTIL
    assert len(await audited(backend)) == 1
    # In Redis as well it ends when PostgreSQL says.
    clock.advance(timedelta(days=27))
    await begun(api)
    assert await messages(api) == 2
    assert await services.blocks.live(api.operator) == []


async def test_what_staff_lifted_the_holder_may_set_again(
    api: Api, clock: ManualClock, page: httpx2.AsyncClient, services: Services
) -> None:
    await begun(api)
    link = await link_of(api)
    await press(page, link, "client")
    [block] = await services.blocks.live(api.operator)
    await services.blocks.lift(api.operator, block.id, reason="asked", actor=Actor.cli())
    clock.advance(timedelta(minutes=1))
    await begun(api)
    assert await messages(api) == 2
    answer = await press(page, link, "client")
    assert (answer.status_code, UNTIL in answer.text) == (200, True)
    [anew] = await services.blocks.live(api.operator)
    assert anew.id != block.id
    clock.advance(timedelta(minutes=2))
    await begun(api)
    assert await messages(api) == 2


async def test_the_wish_outlives_redis(
    api: Api, clock: ManualClock, page: httpx2.AsyncClient, backend: Backend
) -> None:
    await begun(api)
    await press(page, await link_of(api), "client")
    forget(backend)
    clock.advance(timedelta(minutes=1))
    await begun(api)
    assert await messages(api) == 0  # the outbox was in Redis too, and nothing new is in it


async def test_one_face_for_every_token_that_is_not_ours(
    api: Api, clock: ManualClock, page: httpx2.AsyncClient, services: Services
) -> None:
    await begun(api)
    link = await link_of(api)
    token = link.removeprefix("/h/")
    links = services.holder._links
    operator = await services.operators.by_slug("demo")
    to = (await services.holder.look(token)).number
    nobody = links.of(
        Asker(operator.id, operator.name, operator.id), rules.destination(to), clock.now()
    ).rpartition("/")[2]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    altered = {token[:at] + letters[letters.index(token[at]) ^ 1] + token[at + 1 :] for at in range(47)}
    assert len(altered) == 47
    answers = [
        await call
        for bad in (*altered, token[:-1], token + "A", token + "=", nobody, "x", "é" * 9, "a" * 500, "%00")
        for call in (page.get(f"/h/{bad}"), press(page, f"/h/{bad}", "client"))
    ]
    clock.advance(timedelta(days=31))
    answers += [await page.get(link), await press(page, link, "client")]  # expired
    assert {answer.status_code for answer in answers} == {404}
    [body] = {answer.content for answer in answers}
    assert "This link does not work" in body.decode()
    assert {tuple(sorted(set(answer.headers) - {"x-trace-id"})) for answer in answers} == {
        tuple(sorted(set(answers[0].headers) - {"x-trace-id"}))
    }
    assert await services.blocks.live(api.operator) == []


async def test_another_operators_client_is_not_taken_for_ours(
    api: Api, caller: Caller, services: Services, clock: ManualClock, page: httpx2.AsyncClient
) -> None:
    """Two operators send to one number: each link stops its own."""
    await services.operators.add("other", "Other Mobile")
    stranger = await caller(slug="other")
    await begun(api)
    ours = await link_of(api)
    clock.advance(timedelta(seconds=1))
    await begun(stranger)
    theirs = await link_of(stranger)
    assert ours != theirs
    assert "Other Mobile" in (await page.get(theirs)).text
    await press(page, theirs, "everyone")
    assert await services.blocks.live(api.operator) == []
    assert len(await services.blocks.live(stranger.operator)) == 1


@pytest.mark.parametrize(
    "body", ["", "reach=", "reach=nobody", "reach=client&reach=everyone", "x=1", "&" * 400, "reach=\xe9"]
)
async def test_a_form_without_a_choice_asks_again(
    api: Api, page: httpx2.AsyncClient, services: Services, body: str
) -> None:
    await begun(api)
    answer = await page.post(await link_of(api), content=body.encode("latin-1"), headers=FORM)
    assert answer.status_code == 422
    assert "Please press one of the two buttons." in answer.text
    assert await services.blocks.live(api.operator) == []


async def test_a_form_that_is_too_long_is_not_read(api: Api, page: httpx2.AsyncClient) -> None:
    await begun(api)
    answer = await page.post(await link_of(api), content="x" * 2000, headers=FORM)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("asked", "language", "direction", "word"),
    [
        ("ar-EG, en;q=0.5", "ar", "rtl", "أوقف"),
        ("de", "de", "ltr", "stoppen"),
        ("fr", "fr", "ltr", "Bloquer"),
        ("es", "es", "ltr", "Detener"),
        ("tlh", "en", "ltr", "Stop"),
    ],
)
async def test_it_speaks_the_language_that_is_asked_for(
    api: Api, page: httpx2.AsyncClient, asked: str, language: str, direction: str, word: str
) -> None:
    await begun(api)
    link = await link_of(api)
    answer = await page.get(link, headers={"accept-language": asked})
    assert answer.headers["content-language"] == language
    assert f'<html lang="{language}" dir="{direction}">' in answer.text
    assert word in answer.text
    stopped = await press(page, link, "client", **{"accept-language": asked})
    assert f'lang="{language}"' in stopped.text


async def test_the_operators_name_is_text(
    caller: Caller, services: Services, page: httpx2.AsyncClient
) -> None:
    await services.operators.add("odd", "A<b>&\u202e{number}")
    odd = await caller(slug="odd")
    await begun(odd)
    seen = (await page.get(await link_of(odd))).text
    assert '<bdi dir="auto">A&lt;b&gt;&amp;{number}</bdi>' in seen
    assert "\u202e" not in seen


async def test_cookies_and_keys_are_not_looked_at_and_an_origin_is_not_asked_for(
    api: Api, page: httpx2.AsyncClient
) -> None:
    """The token is the whole authority: nothing else makes a difference."""
    await begun(api)
    link = await link_of(api)
    strange = {"origin": "https://evil.example", "sec-fetch-site": "cross-site", "cookie": "simward=1"}
    assert (await press(page, link, "client", **strange)).status_code == 200
    assert (await page.get("/h/none", headers={"authorization": "Bearer none"})).status_code == 404


async def test_gone_servers_are_said_on_a_page(
    api: Api, page: httpx2.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun(api)
    link = await link_of(api)

    async def gone(*_: Any, **__: Any) -> Any:
        raise Unavailable("postgresql", 7)

    monkeypatch.setattr(type(services.blocks), "set", gone)
    answer = await press(page, link, "client")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert "This does not work at the moment" in answer.text
    assert answer.headers["content-type"].startswith("text/html")


async def test_logs_and_the_document_say_nothing_of_it(
    api: Api, page: httpx2.AsyncClient, app: FastAPI, capfd: pytest.CaptureFixture[str]
) -> None:
    await begun(api)
    link = await link_of(api)
    telemetry.configure("debug")
    try:
        await page.get(link)
        await press(page, link, "client")
        await page.get(f"{link}x")
    finally:
        telemetry.configure("error")
    said = "".join(capfd.readouterr())
    assert said.count('"/h/{token}"') == 3
    assert link not in said
    assert NUMBER[1:] not in said
    metrics = (await page.get("/metrics")).text
    assert '"/h/{token}"' in metrics
    assert link not in metrics
    document = json.dumps(app.openapi())
    assert "/h/" not in document


async def test_a_key_of_any_scope_is_no_use_for_it(caller: Caller) -> None:
    """Keyed callers cannot press the button for somebody: only the message has the link."""
    one = await caller(scopes=[Scope.VERIFICATIONS])
    sent = await begun(one)
    assert "/h/" not in json.dumps(sent)
    raw = base64.urlsafe_b64encode(b"x" * 35).rstrip(b"=").decode()
    assert (await one.post(f"/h/{raw}")).status_code == 404


async def audited(backend: Backend) -> list[Any]:
    with backend.admin() as conn:
        return conn.execute("SELECT body FROM audit_entry WHERE action = 'block.set'").fetchall()
