"""Marks on papers, and things that many share: set and taken back at the console, by whom, and what follows."""

import re

from service.audit.workflow import entries
from service.compose import Services
from service.kit.ids import parse
from service.risk.model import HoldingKind
from service.risk.store import commons
from service.risk.store import links as store
from service.staff.model import Role
from tests.api.admin.conftest import MakeCase, SignIn
from tests.api.admin.console import text_of
from tests.api.conftest import Api
from tests.fakes.pipeline import work

TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
THINGS = {"device": {"fingerprint": "one phone"}, "payment": {"token": "one card"}}


def token(html: str) -> str:
    found = TOKEN.search(html)
    assert found is not None
    return found[1]


async def test_staff_mark_papers_for_the_holder_and_lift_it(
    sign_in: SignIn, make_case: MakeCase, api: Api, services: Services
) -> None:
    case, other = await make_case(waits=False), await make_case(waits=False)
    person = await sign_in(Role.ANALYST)
    path = f"/admin/review/{case}/marks"
    html = (await person.get(f"/admin/review/{case}")).text
    assert f'href="{path}"' in html
    assert "Nothing. A holder may say" in text_of((await person.get(path)).text)
    for name in ("frozen", "document_lost", "frozen"):
        form = {"csrf": token(html), "act": name, "reason": "holder-says-so", "note": "Rang from abroad."}
        assert (await person.post(path, form)).status_code == 303
    said = text_of((await person.get(path)).text)
    assert "Identity frozen against new lines" in said
    assert "Document lost or stolen" in said
    assert "Analyst" in said
    registration = parse("reg", case)
    async with services.db.read(api.operator) as reader:
        marks = await services.registrations.marks_on(reader, registration)
        made = await entries(reader, object=marks[0].id.hex)
    assert sorted(mark.kind for mark in marks) == ["document_lost", "frozen"], "said twice, set once"
    assert marks[0].until is not None, "a year"
    [entry] = made
    assert (entry.action, entry.reason, entry.facts["registration"]) == (
        "identity.marked",
        "holder-says-so",
        case,
    )
    assert "abroad" not in entry.body
    # Lifted from the case whose identity it is on, and from no other.
    form = {"csrf": token(html), "reason": "mistake"}
    lift = f"marks/{marks[0].id.hex}/lift"
    for bad in (f"/admin/review/{other}/{lift}", f"{path}/nonsense/lift", f"{path}/{registration.hex}/lift"):
        assert (await person.post(bad, form)).status_code == 404
    assert (await person.post(f"/admin/review/{case}/{lift}", form)).status_code == 303
    assert (await person.post(f"/admin/review/{case}/{lift}", form)).status_code == 404
    said = text_of((await person.get(path)).text)
    assert "Document lost or stolen" in said
    assert "frozen against new lines Since" not in said
    async with services.db.read(api.operator) as reader:
        [left] = await services.registrations.marks_on(reader, registration)
    assert left.id == marks[1].id


async def test_who_does_not_decide_marks_nothing_and_a_reason_is_needed(
    sign_in: SignIn, make_case: MakeCase, api: Api, services: Services
) -> None:
    case = await make_case()
    path, common = f"/admin/review/{case}/marks", f"/admin/review/{case}/links/common"
    auditor = await sign_in(Role.AUDITOR)
    html = (await auditor.get(path)).text
    assert "Your role reads marks" in text_of(html)
    form = {"csrf": token(html), "act": "frozen", "reason": "holder-says-so"}
    assert (await auditor.post(path, form)).status_code == 403
    assert (await auditor.post(f"{path}/{'0' * 32}/lift", {**form, "reason": "mistake"})).status_code == 403
    analyst = await sign_in(Role.ANALYST)
    csrf = {"csrf": token((await analyst.get(path)).text)}
    for more in (
        {"act": "frozen"},
        {"act": "frozen", "reason": "x"},
        {"act": "y", "reason": "police-report"},
    ):
        assert (await analyst.post(path, {**csrf, **more})).status_code == 422
    marking = {"act": "set-device", "reason": "shop"}
    assert (await analyst.post(common, {**csrf, **marking})).status_code == 403, "a supervisor's"
    boss = await sign_in(Role.SUPERVISOR)
    csrf = {"csrf": token((await boss.get(path)).text)}
    for more in (
        {"act": "set-device"},
        {"act": "set-person", "reason": "shop"},
        {"act": "x", "reason": "shop"},
    ):
        assert (await boss.post(common, {**csrf, **more})).status_code == 422
    assert (await boss.post(common, {**csrf, **marking})).status_code == 404, "it hangs on no device"
    assert (await boss.get("/admin/review/reg_019318c2f4a07b3c9d51e6a2b8c4d0f1/marks")).status_code == 404
    async with services.db.read(api.operator) as reader:
        assert await services.registrations.marks_on(reader, parse("reg", case)) == []


async def test_a_thing_that_many_share_links_nobody_until_it_is_taken_back(
    sign_in: SignIn, make_case: MakeCase, api: Api, services: Services
) -> None:
    ring = [await make_case(waits=False, **THINGS) for _ in range(3)]
    await work(services)
    registrations = {parse("reg", case) for case in ring}
    person = await sign_in()
    page = f"/admin/review/{ring[0]}/links"

    async def component() -> set[object]:
        async with services.db.read(api.operator) as reader:
            return set(await store.labels(reader))

    assert await component() == registrations
    form = {"act": "set-payment", "reason": "employer", "note": "The firm pays."}
    answer = await person.submit(page, f"{page}/common", form)
    said = text_of((await person.follow(answer)).text)
    assert "links nobody: a person said so" in said
    assert "An employer's" in said
    assert await component() == registrations, "telephone and contact make one hand without it"
    csrf = token((await person.get(page)).text)
    device = {"csrf": csrf, "act": "set-device", "reason": "shop"}
    assert (await person.post(f"{page}/common", device)).status_code == 303
    assert await component() == set(), "the contact alone does not"
    async with services.db.read(api.operator) as reader:
        [entry] = await entries(reader, object=ring[0], action="link.common", limit=1)
        keys = (await store.lines(reader, registrations))[parse("reg", ring[1])].keys
        marked = await commons.of(reader, list(keys.values()))
        shared = await services.risk.sharing(reader, list(registrations), services.clock.now())
    assert (entry.reason, entry.facts["kind"]) == ("shop", "device")
    assert set(marked) == {keys[HoldingKind.DEVICE], keys[HoldingKind.PAYMENT]}
    assert min(each["device"][0] for each in shared.values()) > 1_000_000, "no strike on it is fair"
    # Taken back from another line that hangs on it; and twice is once.
    page = f"/admin/review/{ring[1]}/links"
    form = {"act": "unset-payment", "reason": "not-shared"}
    assert (await person.submit(page, f"{page}/common", form)).status_code == 303
    assert await component() == registrations
    assert (await person.post(f"{page}/common", {"csrf": csrf, **form})).status_code == 303
    async with services.db.read(api.operator) as reader:
        assert len(await entries(reader, object=ring[1], action="link.uncommon")) == 1
    # With the last line the mark goes: it is an index of somebody's thing.
    async with services.db.write(api.operator) as tx:
        for each in registrations:
            await services.risk.forget(tx, each, services.policies.current.risk)
    async with services.db.read(api.operator) as reader:
        assert await commons.of(reader, list(keys.values())) == {}
