"""When something is gone or goes wrong: a page that says so, sealed like every other, and nothing of the inside."""

import pytest

from service.admin import store
from service.admin.console import Console
from service.admin.security import CSP
from service.infra.postgres import Database, Reader
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.risk.model import HoldingsLimit
from tests.api.admin.conftest import MakeCase, SignIn, Visit
from tests.api.admin.console import Browser, text_of
from tests.api.admin.test_admin_acts import decide


def said_on(person: Browser) -> str:
    return text_of(person.pages[-1].text)


async def test_redis_gone(sign_in: SignIn, visit: Visit, clock: ManualClock, app: object) -> None:
    person = await sign_in()
    console: Console = app.state.console  # type: ignore[attr-defined]
    console.desk._sessions._redis = Redis("redis://127.0.0.1:1", clock, timeout_s=0.2)
    answer = await person.get("/admin")
    assert answer.status_code == 503
    assert "We cannot reach redis" in said_on(person)
    assert answer.headers["content-security-policy"] == CSP
    assert int(answer.headers["retry-after"]) > 0
    assert (await visit().get("/admin/sign-in")).status_code == 200, "a stranger is shown the door"


async def test_postgresql_gone(sign_in: SignIn, clock: ManualClock, app: object) -> None:
    person = await sign_in()
    console: Console = app.state.console  # type: ignore[attr-defined]
    kept = console.desk._db
    console.desk._db = Database("postgresql+psycopg://nobody@127.0.0.1:1/none", clock, wait_s=0.2)
    answer = await person.get("/admin/review")
    assert answer.status_code == 503
    assert "We cannot reach postgresql" in said_on(person)
    console.desk._db = kept
    assert (await person.get("/admin/review")).status_code == 200, "and it is back by itself"


async def test_a_fault_of_ours_is_a_page_with_a_trace(
    sign_in: SignIn, make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await make_case()
    person = await sign_in()

    async def broken(reader: Reader, signals: object) -> dict[str, int]:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(store, "usual", broken)
    answer = await person.get(f"/admin/review/{case}")
    assert answer.status_code == 500
    assert answer.headers["x-trace-id"] in answer.text
    assert "Something went wrong on our side" in said_on(person)
    assert "secret of the inside" not in answer.text
    assert answer.headers["content-security-policy"] == CSP


async def test_the_cap_holds_for_people_too(
    sign_in: SignIn, make_case: MakeCase, app: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await make_case()
    person = await sign_in()

    async def at_cap(**given: object) -> None:
        raise HoldingsLimit()

    console: Console = app.state.console  # type: ignore[attr-defined]
    monkeypatch.setattr(console.registrations, "decide_by_person", at_cap)
    assert await decide(person, case) == 409
    assert "holds as many lines as it may" in said_on(person)


@pytest.mark.parametrize(
    "path",
    [
        "/admin/nowhere",
        "/admin/review/reg_zz",
        "/admin/review/line_019318c2f4a07b3c9d51e6a2b8c4d0f1",
        "/admin/review/reg_019318c2f4a07b3c9d51e6a2b8c4d0f1",
        "/admin/lines/line_019318c2f4a07b3c9d51e6a2b8c4d0f1",
        "/admin/lines?before=nonsense",
        "/admin/dealers/D-9999",
        "/admin/dealers/%00",
        "/admin/dealers/" + "D" * 500,
        "/admin/found/" + "0" * 32,
        "/admin/found/x",
        "/admin/audit?before=x",
        "/admin/review/news?after=x",
        "/admin/link/" + "A" * 86,
        "/admin/link/%F0%9F%92%A5",
    ],
)
async def test_what_is_not_there_is_a_page(sign_in: SignIn, path: str) -> None:
    person = await sign_in()
    answer = await person.get(path)
    assert answer.status_code in (404, 410), text_of(answer.text)
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "path",
    [
        "/admin/review?from=99999999999",
        "/admin/review?from=-1",
        "/admin/review?tab=%00",
        "/admin/audit?action=%27%3B+drop&object=%25",
        "/admin/lines?state=%F0%9F%92%A5",
        "/admin/dealers?after=%FF",
        "/admin?x=%00",
    ],
)
async def test_hostile_queries_show_the_ordinary_page(sign_in: SignIn, path: str) -> None:
    person = await sign_in()
    assert (await person.get(path)).status_code == 200


async def test_hostile_forms_are_refused(sign_in: SignIn) -> None:
    person = await sign_in()
    html = (await person.get("/admin")).text
    csrf = html.partition('name="csrf" value="')[2].partition('"')[0]
    for form, wanted in (
        ({"csrf": csrf, "q": "a\x00b"}, 422),
        ({"csrf": csrf, "q": "x" * 20_000}, 413),
        ({"csrf": csrf, **{f"f{n}": "" for n in range(60)}}, 422),
        ({"csrf": csrf, "q": "\ud83d"}, 303),
    ):
        try:
            answer = await person.post("/admin/search", form)
        except UnicodeEncodeError:
            continue  # a lone surrogate cannot even be sent
        assert answer.status_code == wanted, form
    cookies = {"simward-loopback": "x" * 5000, "simward-look": "\u00ff.<b>.x"}
    person.http.cookies.clear()
    for name, value in cookies.items():
        answer = await person.http.get("/admin", headers={"Cookie": f"{name}={value}".encode("latin-1")})
        assert answer.status_code == 303
