"""Every page over real data, and what every answer carries."""

from service.admin.security import CSP
from tests.api.admin.conftest import MakeCase, SignIn, Visit
from tests.api.admin.console import text_of
from tests.api.conftest import Api


async def test_every_page_shows_what_there_is(sign_in: SignIn, make_case: MakeCase, api: Api) -> None:
    case = await make_case()
    await make_case(waits=False)
    person = await sign_in()
    for path, said in (
        ("/admin", "Waiting longest"),
        ("/admin/review", "Waiting"),
        ("/admin/review?tab=appeals", "No appeals"),
        ("/admin/review?tab=decided", "Nothing decided yet"),
        (f"/admin/review/{case}", "The document check says refer"),
        ("/admin/lines", "Active"),
        ("/admin/lines?state=closed", "No lines here"),
        ("/admin/dealers", "No dealers yet"),
        ("/admin/dealers/new", "Licence number"),
        ("/admin/codes", "Nothing is blocked"),
        ("/admin/audit", "registration.created"),
        ("/admin/you", "This session"),
    ):
        answer = await person.get(path)
        assert answer.status_code == 200, (path, text_of(answer.text)[-800:])
        assert said in text_of(answer.text), (path, text_of(answer.text)[:1500])


async def test_an_empty_house_says_what_would_be_there(sign_in: SignIn) -> None:
    person = await sign_in()
    assert "Nobody is waiting" in (await person.get("/admin")).text
    assert "Nobody is waiting" in (await person.get("/admin/review")).text
    assert "A line appears when" in (await person.get("/admin/lines")).text


async def test_every_answer_is_sealed(sign_in: SignIn, visit: Visit) -> None:
    stranger = visit()
    person = await sign_in()
    answers = [
        await stranger.get("/admin"),
        await stranger.get("/admin/sign-in"),
        await stranger.get("/admin/link/nonsense"),
        await stranger.get("/admin/no-such-page"),
        await stranger.get("/docs"),
        await stranger.post("/admin/sign-in", {}),
        await person.get("/admin"),
        await person.get("/admin/review/reg_nonsense"),
        await person.get("/admin/static/css/tokens.css"),
    ]
    for answer in answers:
        assert answer.headers["content-security-policy"] == CSP, answer.url
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == "no-referrer"
    for answer in answers[:-1]:
        assert answer.headers["cache-control"] == "no-store", answer.url
    assert "unsafe" not in CSP


async def test_pages_hold_no_inline_style_script_or_handler(sign_in: SignIn, make_case: MakeCase) -> None:
    case = await make_case()
    person = await sign_in()
    for path in ("/admin", "/admin/review", f"/admin/review/{case}", "/admin/codes", "/admin/audit", "/docs"):
        html = (await person.get(path)).text
        assert " style=" not in html
        assert "<style" not in html
        assert " onclick=" not in html
        assert "<script>" not in html
        assert "://" not in html.replace("http://www.w3.org/2000/svg", "").replace(" (https://", "")


async def test_a_number_never_stands_in_clear(sign_in: SignIn, make_case: MakeCase) -> None:
    case = await make_case()
    await make_case(waits=False)
    person = await sign_in()
    for path in ("/admin", "/admin/review", f"/admin/review/{case}", "/admin/lines", "/admin/audit"):
        html = (await person.get(path)).text
        for secret in ("1511234", "anna@example.org", "31612000001"):
            assert secret not in html, (path, secret)
    assert "+49 151 •••• 001" in (await person.get(f"/admin/review/{case}")).text


async def test_the_host_must_be_ours(visit: Visit) -> None:
    browser = visit()
    assert (await browser.get("/admin/sign-in", Host="attacker.example")).status_code == 404
    assert (await browser.get("/admin/sign-in", Host="localhost:8080")).status_code == 200


async def test_static_files_are_ours_alone(visit: Visit) -> None:
    browser = visit()
    page = await browser.get("/admin/static/css/frame.css?v=1")
    assert page.headers["content-type"].startswith("text/css")
    assert "immutable" in page.headers["cache-control"]
    for path in (
        "../html.py",
        "%2e%2e/html.py",
        "..%2f..%2fsettings.py",
        "css",
        "vendor/.stamp",
        "nothing.css",
    ):
        assert (await browser.get(f"/admin/static/{path}")).status_code == 404, path


async def test_keys_and_cookies_do_not_mix(api: Api, visit: Visit, sign_in: SignIn) -> None:
    stranger = visit()
    answer = await stranger.get("/admin", Authorization=f"Bearer {api.key}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/sign-in")
    person = await sign_in()
    assert (await person.get("/v1/registrations")).status_code == 401


async def test_the_reference_says_nothing_of_the_console(api: Api) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    assert not [path for path in paths if path.startswith(("/admin", "/docs"))]
