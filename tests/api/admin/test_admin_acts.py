"""What people do at the console: decide, reveal, search, act on lines and dealers; and who may not."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from service.admin.routes import routers
from service.audit.workflow import Actor, entries
from service.compose import Services
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.kit.ids import new_id, parse, wire
from service.operators.workflow import Operators
from service.staff.model import REVEALS_PER_HOUR, Role
from tests.api.admin.conftest import MakeCase, SignIn
from tests.api.admin.console import Browser, hidden, text_of
from tests.api.conftest import Api


async def decide(
    person: Browser, case: str, verdict: str = "approved", reason: str = "evidence-checked", **more: str
) -> int:
    page = f"/admin/review/{case}"
    form = {"act": verdict, "reason": reason, **more}
    html = (await person.get(page)).text
    fields = (
        hidden(html, f"{page}/decide") if f"{page}/decide" in html else {"csrf": token(html), "version": "1"}
    )
    return (await person.post(f"{page}/decide", {**fields, **form})).status_code


def token(html: str) -> str:
    return hidden(html, "/admin/sign-out")["csrf"]


# Deciding


@pytest.mark.parametrize(
    ("verdict", "reason", "state"),
    [("approved", "evidence-checked", "approved"), ("denied", "details-disagree", "denied")],
)
async def test_a_person_decides_what_waits(
    sign_in: SignIn, make_case: MakeCase, api: Api, db: Database, verdict: str, reason: str, state: str
) -> None:
    case = await make_case()
    person = await sign_in(Role.ANALYST)
    assert await decide(person, case, verdict, reason, note="Spoke to the shop.") == 303
    page = text_of((await person.get(f"/admin/review/{case}")).text)
    assert ("Approved. The network" if verdict == "approved" else "Denied. The applicant") in page
    again = text_of((await person.get(f"/admin/review/{case}")).text)
    assert "is setting the line up" not in again, "said once"
    assert (await api.get(f"/v1/registrations/{case}")).json()["state"] == state
    assert case[:8] in text_of((await person.get("/admin/review?tab=decided")).text)
    async with db.read(api.operator) as reader:
        made = await entries(reader, object=case, action="registration.decided_by_person")
    assert [(e.actor.kind, e.reason) for e in made] == [("staff", reason)]
    assert "Spoke" not in made[0].body


async def test_a_decision_needs_a_reason_of_the_list(sign_in: SignIn, make_case: MakeCase, api: Api) -> None:
    case = await make_case()
    person = await sign_in()
    assert await decide(person, case, "approved", "") == 422
    assert await decide(person, case, "approved", "because-i-say-so") == 422
    assert await decide(person, case, "approved", "details-disagree") == 422, "a reason to deny"
    assert await decide(person, case, "banana") == 422
    assert (await api.get(f"/v1/registrations/{case}")).json()["state"] == "in_review"


async def test_of_two_who_decide_at_once_one_is_told(sign_in: SignIn, make_case: MakeCase, api: Api) -> None:
    case = await make_case()
    people = [await sign_in(login=f"person-{n}") for n in range(3)]
    verdicts = ["approved", "denied", "approved"]
    reasons = ["evidence-checked", "details-disagree", "evidence-checked"]
    statuses = await asyncio.gather(
        *(decide(p, case, v, r) for p, v, r in zip(people, verdicts, reasons, strict=True))
    )
    assert sorted(statuses) == [303, 409, 409]


async def test_an_old_page_is_told_that_somebody_was_faster(sign_in: SignIn, make_case: MakeCase) -> None:
    case = await make_case()
    person = await sign_in()
    assert await decide(person, case, version="9" * 4_301) == 409, "more digits than int() takes"
    assert await decide(person, case, version="1") == 409
    said = text_of(person.pages[-1].text)
    assert "Somebody was faster" in said
    assert "was not saved" in said


async def test_an_appeal_is_decided_by_somebody_else(
    sign_in: SignIn, make_case: MakeCase, api: Api, clock: ManualClock
) -> None:
    case = await make_case()
    first, second = await sign_in(login="first"), await sign_in(login="second")
    assert await decide(first, case, "denied", "details-disagree") == 303
    answer = await api.post(f"/v1/registrations/{case}/appeal", {"text": "My name was \u202eshortened."})
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 422:  # hostile characters are refused at the edge; plain words are not
        answer = await api.post(f"/v1/registrations/{case}/appeal", {"text": "My name was shortened."})
        assert answer.status_code == 200, answer.text
    page = text_of((await first.get(f"/admin/review/{case}")).text)
    assert "An appeal is decided by another person" in page
    assert "shortened." in page
    assert await decide(first, case, "approved", "appeal-upheld", version="3") == 409
    assert "appeal" in text_of((await second.get("/admin/review?tab=appeals")).text)
    assert await decide(second, case, "approved", "appeal-upheld") == 303


# Who may what


FORBIDDEN = {
    Role.ANALYST: ("/admin/audit", "/admin/dealers/new"),
    Role.AUDITOR: ("/admin/dealers/new",),
    Role.ADMIN: (),
    Role.SUPERVISOR: (),
}


@pytest.mark.parametrize("role", list(Role))
async def test_pages_by_role(sign_in: SignIn, make_case: MakeCase, role: Role) -> None:
    case = await make_case()
    person = await sign_in(role)
    for path in ("/admin", "/admin/review", f"/admin/review/{case}", "/admin/lines", "/admin/dealers"):
        assert (await person.get(path)).status_code == 200, path
    for path in ("/admin/audit", "/admin/dealers/new"):
        wanted = 403 if path in FORBIDDEN[role] else 200
        assert (await person.get(path)).status_code == wanted, path
    html = (await person.get(f"/admin/review/{case}")).text
    may_decide = role in (Role.ANALYST, Role.SUPERVISOR)
    assert ("Approve the line" in html) is may_decide
    assert (await decide(person, case)) == (303 if may_decide else 403)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMIN])
async def test_who_does_not_decide_does_not_reveal(sign_in: SignIn, make_case: MakeCase, role: Role) -> None:
    case = await make_case()
    person = await sign_in(role)
    html = (await person.get(f"/admin/review/{case}")).text
    assert "Show the applicant" not in html
    form = {"csrf": token(html), "reason": "compare-document"}
    assert (await person.post(f"/admin/review/{case}/reveal", form)).status_code == 403


async def test_every_act_needs_token_and_origin(sign_in: SignIn, make_case: MakeCase, api: Api) -> None:
    case = await make_case()
    person = await sign_in()
    path = f"/admin/review/{case}"
    fields = hidden((await person.get(path)).text, f"{path}/decide")
    form = {**fields, "act": "approved", "reason": "evidence-checked"}
    assert (await person.post(f"{path}/decide", {**form, "csrf": ""})).status_code == 403
    assert (await person.post(f"{path}/decide", {**form, "csrf": "x" * 32})).status_code == 403
    elsewhere = {"Origin": "https://attacker.example"}
    assert (await person.post(f"{path}/decide", form, **elsewhere)).status_code == 403
    json = {"Content-Type": "application/json"}
    assert (await person.post(f"{path}/decide", form, **json)).status_code == 422
    assert (await api.get(f"/v1/registrations/{case}")).json()["state"] == "in_review"


async def test_every_unsafe_route_checks_token_and_origin(sign_in: SignIn) -> None:
    """Over the route table, so that a new route cannot be forgotten."""
    person = await sign_in()
    csrf = token((await person.get("/admin")).text)
    tried = 0
    for router in routers[:-1]:
        for route in router.routes:
            path = getattr(route, "path", "")
            if "POST" not in getattr(route, "methods", ()) or path.startswith(
                ("/admin/sign-in", "/admin/link")
            ):
                continue
            filled = path.replace("{case_id}", wire("reg", new_id())).replace(
                "{line_id}", wire("line", new_id())
            )
            filled = filled.replace("{document_id}", wire("doc", new_id()))
            filled = filled.replace("{code}", "D-1").replace("{name}", "propose")
            assert (await person.post(filled, {})).status_code == 403, path
            foreign = await person.post(filled, {"csrf": csrf}, Origin="https://attacker.example")
            assert foreign.status_code == 403, path
            tried += 1
    assert tried >= 10


async def test_another_operators_things_are_not_there(
    sign_in: SignIn, make_case: MakeCase, db: Database, services: Services, visit: object
) -> None:
    case = await make_case()
    live = await make_case(waits=False)
    person = await sign_in()
    line = (await person.get("/admin/lines")).text.partition("/admin/lines/line_")[2][:32]
    other = await Operators(db).add("other", "Other Telecom")
    link = await services.staff.demo_link(other.id, login="spy", name="Spy", role=Role.SUPERVISOR)
    spy = visit()  # type: ignore[operator]
    await spy.get(f"/admin/link/{link}")
    csrf = token((await spy.get("/admin")).text)
    form = {"csrf": csrf, "version": "1", "act": "approved", "reason": "evidence-checked"}
    for path in (f"/admin/review/{case}", f"/admin/review/{live}", f"/admin/lines/line_{line}"):
        assert (await spy.get(path)).status_code == 404, path
    for path in ("decide", "reveal", "again"):
        reason = {"reason": "compare-document"} if path == "reveal" else {}
        answer = await spy.post(f"/admin/review/{case}/{path}", {**form, **reason})
        assert answer.status_code == 404, path
    suspend = {"act": "suspend", "reason": "scam"}
    assert (await spy.post(f"/admin/lines/line_{line}/act", {**form, **suspend})).status_code == 404
    for query in ("+4915112345001", case):
        page = await spy.follow(await spy.submit("/admin", "/admin/search", {"q": query}))
        assert page.status_code == 404 or "Nothing was found" in text_of(page.text)
    assert "Nobody is waiting" in (await spy.get("/admin")).text


# Reveals


async def test_a_reveal_shows_the_data_once_and_is_written_down(
    sign_in: SignIn, make_case: MakeCase, db: Database, operator: UUID
) -> None:
    case = await make_case()
    person = await sign_in()
    path = f"/admin/review/{case}"
    shown = await person.submit(path, f"{path}/reveal", {"reason": "call-applicant"})
    assert shown.status_code == 200
    assert "+31612000001" in shown.text
    assert "anna@example.org" in shown.text
    assert "+31612000001" not in (await person.get(path)).text
    assert "29 of 30 left" in text_of((await person.get(path)).text)
    async with db.read(operator) as reader:
        made = await entries(reader, object=case, action="pii.revealed")
    assert [e.reason for e in made] == ["call-applicant"]
    assert (await person.submit(path, f"{path}/reveal", {"reason": ""})).status_code == 422
    part = await person.submit(path, f"{path}/reveal", {"reason": "call-applicant"}, **{"HX-Request": "true"})
    assert "<html" not in part.text
    assert "+31612000001" in part.text


async def test_thirty_reveals_an_hour_also_in_parallel(
    sign_in: SignIn, make_case: MakeCase, services: Services, clock: ManualClock
) -> None:
    case = await make_case()
    person = await sign_in()
    who = await services.desk.resume(person.http.cookies["simward-loopback"])
    assert who is not None

    async def once() -> bool:
        async with services.db.write(who.staff.operator_id) as tx:
            await services.desk.reveal(tx, who, case, "check-report")
        return True

    done = await asyncio.gather(*(once() for _ in range(REVEALS_PER_HOUR + 10)), return_exceptions=True)
    assert done.count(True) == REVEALS_PER_HOUR
    path = f"/admin/review/{case}"
    html = (await person.get(path)).text
    assert "Your 30 for this hour are used" in text_of(html)
    form = {"csrf": token(html), "reason": "check-report"}
    assert (await person.post(f"{path}/reveal", form)).status_code == 429
    clock.advance(timedelta(minutes=20))
    await person.get(path)
    clock.advance(timedelta(minutes=29))
    await person.get(path)
    clock.advance(timedelta(minutes=12))
    assert (await person.submit(path, f"{path}/reveal", {"reason": "check-report"})).status_code == 200


# Search


async def test_a_search_redirects_to_an_opaque_result(sign_in: SignIn, make_case: MakeCase) -> None:
    case = await make_case()
    person, other = await sign_in(), await sign_in(login="other")
    for query in (
        "+4915112345001",
        "0049 151 12345001",
        "+49 (151) 12345-001",
        "+31612000001",
        "anna@example.org",
    ):
        answer = await person.submit("/admin", "/admin/search", {"q": query})
        where = answer.headers["location"]
        assert where.startswith("/admin/found/")
        assert "345001" not in where
        page = await person.follow(answer)
        assert case in page.text, query
        assert "12345001" not in page.text
        assert (await other.get(where)).status_code == 404, "another person's result"
    answer = await person.submit("/admin", "/admin/search", {"q": case})
    assert answer.headers["location"] == f"/admin/review/{case}"
    for query in ("+4915199999999", "12", "NLD X1", "<script>", "💥"):
        page = await person.follow(await person.submit("/admin", "/admin/search", {"q": query}))
        assert "Nothing was found" in text_of(page.text), query


# Lines


async def test_lines_are_restricted_suspended_reinstated_closed(
    sign_in: SignIn, make_case: MakeCase, api: Api
) -> None:
    await make_case(waits=False)
    person = await sign_in()
    line = "line_" + (await person.get("/admin/lines")).text.partition("/admin/lines/line_")[2][:32]
    page = f"/admin/lines/{line}"
    for action, reason, state in (
        ("restrict", "unusual-calls", "restricted"),
        ("suspend", "scam", "suspended"),
        ("reinstate", "looked-into", "active"),
        ("close", "holder-asked", "quarantined"),
    ):
        form = {"act": action, "reason": reason, "note": "n"}
        assert (await person.submit(page, f"{page}/act", form)).status_code == 303, action
        answer = await api.get("/v1/lines/+4915112345001")
        assert answer.json()["state"] == state
    html = (await person.get(page)).text
    assert "Suspended" in html
    assert f"{page}/act" not in html, "nothing can be done to a closed line"


async def test_an_analyst_restricts_and_does_no_more(sign_in: SignIn, make_case: MakeCase) -> None:
    await make_case(waits=False)
    person = await sign_in(Role.ANALYST)
    line = "line_" + (await person.get("/admin/lines")).text.partition("/admin/lines/line_")[2][:32]
    page = f"/admin/lines/{line}"
    fields = hidden((await person.get(page)).text, f"{page}/act")
    suspend = {**fields, "act": "suspend", "reason": "scam"}
    assert (await person.post(f"{page}/act", suspend)).status_code == 403
    restrict = {**fields, "act": "restrict", "reason": "unusual-calls"}
    assert (await person.post(f"{page}/act", {**restrict, "reason": "scam"})).status_code == 422
    assert (await person.post(f"{page}/act", restrict)).status_code == 303
    assert (await person.post(f"{page}/act", restrict)).status_code == 409, "an old page"


# Dealers


async def test_a_dealer_is_added_changed_paused_and_suspended(
    sign_in: SignIn, services: Services, db: Database, operator: UUID
) -> None:
    person = await sign_in()
    new = {
        "code": "D-0042",
        "name": "Kiosk\u200b am Markt",
        "licence": "DE 2219",
        "daily": "40",
        "hourly": "10",
    }
    path = "/admin/dealers/new"
    wrong = await person.submit(path, path, {**new, "code": "small letters"})
    assert wrong.status_code == 422
    assert "capital letters" in wrong.text
    assert "Kiosk" in wrong.text, "what was typed is still there"
    assert "A whole number" in (await person.submit(path, path, {**new, "daily": "many"})).text
    assert (await person.submit(path, path, new)).headers["location"] == "/admin/dealers/D-0042"
    assert "Another dealer has this id" in (await person.submit(path, path, {**new, "licence": "X"})).text
    assert "registered already" in (await person.submit(path, path, {**new, "code": "D-0043"})).text
    page = "/admin/dealers/D-0042"
    html = (await person.get(page)).text
    assert "U+200B" in html
    assert "2219" not in html
    quotas = {"daily": "60", "hourly": "12"}
    assert (await person.submit(page, page, quotas)).status_code == 303
    assert (await person.submit(page, page, {**quotas, "version": "1"})).status_code == 409
    for act, reason, said in (
        ("pause", "being-looked-into", "Paused"),
        ("resume", "looked-into", "Active"),
        ("suspend", "scam", "Suspended"),
    ):
        form = {"act": act, "reason": reason}
        assert (await person.submit(page, f"{page}/act", form)).status_code == 303, act
        assert said in text_of((await person.get(page)).text)
    async with db.read(operator) as reader:
        dealer = await services.dealers.find(reader, "D-0042")
    assert (dealer.quotas.daily, dealer.quotas.hourly, dealer.state) == (60, 12, "suspended")


# The look


async def test_the_look_is_kept_without_javascript(sign_in: SignIn) -> None:
    person = await sign_in()
    assert 'data-theme="system"' in (await person.get("/admin")).text
    answer = await person.submit(
        "/admin/you", "/admin/look", {"theme": "dark", "rows": "comfortable", "keys": "off"}
    )
    assert answer.headers["location"] == "/admin/you"
    html = (await person.follow(answer)).text
    assert 'data-theme="dark" data-rows="comfortable" data-keys="off"' in html
    for back in ("https://attacker.example", "//attacker.example", "/admin//attacker.example", "/elsewhere"):
        answer = await person.submit("/admin/you", "/admin/look", {"theme": "light", "back": back})
        assert answer.headers["location"] == "/admin", back
    answer = await person.submit("/admin/you", "/admin/look", {"theme": "<script>"})
    assert "<script>" not in (await person.follow(answer)).text


async def test_news_counts_what_came_after(sign_in: SignIn, make_case: MakeCase) -> None:
    first = await make_case()
    person = await sign_in()
    html = (await person.get("/admin/review")).text
    assert f"/admin/review/news?after={first}" in html
    assert (await person.get(f"/admin/review/news?after={first}")).text.strip() == ""
    await make_case()
    assert "1 new. Press r" in (await person.get(f"/admin/review/news?after={first}")).text
    assert parse("reg", first)


async def test_a_case_of_an_erased_subject_is_shown_without_one(
    sign_in: SignIn, make_case: MakeCase, services: Services, db: Database, operator: UUID
) -> None:
    case = await make_case()
    from service.registration import store

    async with db.write(operator) as tx:
        registration = await store.load(tx, parse("reg", case))
        await services.subscribers.erase(tx, registration.subscriber_id, actor=Actor.cli())
    person = await sign_in()
    page = await person.get(f"/admin/review/{case}")
    assert page.status_code == 200
    assert "erased" in text_of(page.text)
    path = f"/admin/review/{case}/reveal"
    form = {"csrf": token(page.text), "reason": "call-applicant"}
    assert (await person.post(path, form)).status_code == 404
