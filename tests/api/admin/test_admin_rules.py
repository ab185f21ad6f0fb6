"""Rules at the console: what is shown, who writes, who publishes, and what a form refuses."""

import re
from datetime import timedelta
from html import unescape
from random import Random

import pyotp

from service.compose import Services
from service.kit.clock import ManualClock
from service.kit.people import invent
from service.policies import Sources, seed
from service.risk.rules import examples_of, written
from service.staff.model import Role
from tests.api.admin.conftest import MakeCase, SignIn
from tests.api.admin.console import Browser, text_of

FORM = {
    "id": "large-quota",
    "stage": "shadow",
    "when": "dealer_absent",
    "effect": "review",
    "ground": "",
    "weight": "",
    "staff": "No dealer stands behind it",
    "code": "needs-a-person",
    "owner": "dealers",
    "example": '{ given = { dealer_absent = true }, expect = "fires" },\n{ expect = "quiet" },',
}
NEW = "/admin/rules/new"


async def write(person: Browser, **changes: str) -> str:
    """Keep a new rule in the draft; the draft's page."""
    answer = await person.submit(NEW, NEW, FORM | changes)
    assert answer.status_code == 303, text_of(answer.text)[-800:]
    return str(answer.headers["location"])


async def test_the_list_tells_what_rules_did(sign_in: SignIn, make_case: MakeCase) -> None:
    case = await make_case()
    person = await sign_in(Role.ANALYST)
    page = (await person.get("/admin/rules")).text
    row = re.search(r'href="/admin/rules/document-doubtful".*?</tr>', page, re.DOTALL)
    assert row
    assert re.search(r'data-th="Fired in 30 days">1<', row[0])
    assert "none judged" in row[0]
    answer = await person.submit(
        f"/admin/review/{case}", f"/admin/review/{case}/decide",
        {"act": "denied", "reason": "details-disagree", "note": ""},
    )  # fmt: skip
    assert answer.status_code == 303
    page = (await person.get("/admin/rules")).text
    row = re.search(r'href="/admin/rules/document-doubtful".*?</tr>', page, re.DOTALL)
    assert row
    assert "1 of 1" in text_of(row[0])
    one = text_of((await person.get("/admin/rules/document-doubtful")).text)
    assert "1 of 1 judged" in one
    assert "document_outcome" in one


async def test_a_case_says_what_alone_would_have_let_it_pass(
    sign_in: SignIn, make_case: MakeCase, services: Services
) -> None:
    rule = written(
        {
            "id": "no-dealer", "when": "dealer_absent", "verdict": "review", "staff": "No dealer stands behind it",
            "code": "needs-a-person", "owner": "dealers", "example": examples_of(FORM["example"]),
        }
    )  # fmt: skip
    sources = seed(demo=True)
    await services.policies.publish(
        Sources({**sources.texts, "risk.toml": sources.texts["risk.toml"] + "\n" + rule}), "test"
    )
    honest = invent(Random(1), services.clock.now().date())
    case = await make_case(
        subscriber={
            "family_name": honest.family_name,
            "given_names": honest.given_names,
            "birth_date": honest.birth_date.isoformat(),
        }
    )
    person = await sign_in(Role.ANALYST)
    shown = text_of((await person.get(f"/admin/review/{case}")).text)
    assert "Would pass if dealer_absent were no." in shown
    # It stands under the rules that the case was judged by, also when others are in force.
    await services.policies.publish(sources, "test")
    assert "Would pass if dealer_absent were no." in text_of((await person.get(f"/admin/review/{case}")).text)


async def test_one_writes_and_another_publishes_and_it_listens(
    sign_in: SignIn, make_case: MakeCase, services: Services, clock: ManualClock
) -> None:
    writer = await sign_in(Role.ANALYST)
    second = await sign_in(Role.SUPERVISOR)
    draft = await write(writer)
    page = text_of((await writer.get(draft)).text)
    assert "large-quota new" in page
    assert "Being written" in page
    assert (await writer.submit(draft, f"{draft}/propose", {"reason": "new-pattern"})).status_code == 303
    html = (await writer.get(draft)).text
    assert f'action="{draft}/approve"' not in html
    # The page does not decide who may: the verb does.
    forged = await second.get(draft)
    fields = dict(re.findall(r'name="(version|digest)" value="([^"]*)"', forged.text))
    mine = re.search(r'name="csrf" value="([^"]+)"', html)
    assert mine
    refused = await writer.post(f"{draft}/approve", {"csrf": mine[1], **fields})
    assert refused.status_code == 403
    before = services.policies.current.version
    # A code is for one draft as it was seen, once; one that does not fit, or none, publishes nothing.
    for code in ("", "000000"):
        answer = await second.submit(draft, f"{draft}/approve", {"code": code})
        assert answer.status_code == 422
        assert "does not fit" in text_of(answer.text)
    assert services.policies.current.version == before
    clock.advance(timedelta(seconds=60))
    used = pyotp.TOTP(second.secret).at(clock.now())
    other = await second.submit(draft, f"{draft}/approve", {"code": used, "digest": "0" * 64})
    assert other.status_code == 409, "what is shown is what is published"
    assert (await second.submit(draft, f"{draft}/approve", {"code": used})).status_code == 422
    clock.advance(timedelta(seconds=60))
    code = pyotp.TOTP(second.secret).at(clock.now())
    answer = await second.submit(draft, f"{draft}/approve", {"code": code})
    assert answer.status_code == 303, text_of(answer.text)[-500:]
    assert services.policies.current.version != before
    assert "Published" in text_of((await second.get(draft)).text), "still signed in, under another id"
    clock.advance(timedelta(seconds=60))
    late = {"csrf": _csrf((await second.get("/admin/you")).text), **fields}
    again = await second.post(f"{draft}/approve", {**late, "code": pyotp.TOTP(second.secret).at(clock.now())})
    assert again.status_code == 409
    # In shadow it is asked, and changes nothing.
    case = await make_case(waits=False)
    shown = text_of((await second.get(f"/admin/review/{case}")).text)
    assert "1 rule in shadow would have spoken" in shown
    assert "No dealer stands behind it" in shown
    rules = (await second.get("/admin/rules")).text
    row = re.search(r'href="/admin/rules/large-quota".*?</tr>', rules, re.DOTALL)
    assert row
    assert re.search(r'data-th="Fired in 30 days">1<', row[0])


def _csrf(html: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    assert found
    return found[1]


async def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(sign_in: SignIn) -> None:
    person = await sign_in(Role.ANALYST)
    for name, value, why in (
        ("when", "dealer_absent and no_such", "There is no signal or parameter no_such."),
        ("example", '{ expect = "quiet" },', "an example that fires"),
        ("example", "] when = 1", "each line is a table"),
        ("id", "cap-on-identity", "There is a rule, or a page, with this name."),
        ("staff", "{nothing}", "staff names nothing"),
    ):
        answer = await person.submit(NEW, NEW, FORM | {name: value})
        assert answer.status_code == 422
        page = answer.text
        wrong = re.search(rf'id="d-{name}">([^<]*)<', page)
        assert wrong, text_of(page)[-800:]
        assert why.lower() in text_of(wrong[1]).lower()
        assert f'aria-describedby="d-{name}"' in page
        assert "No dealer stands behind it" in page or name == "staff", "what was typed is kept"
    assert (await person.get("/admin/rules")).text.count("A draft that changes") == 0


async def test_edit_undo_and_drop(sign_in: SignIn) -> None:
    person = await sign_in(Role.ANALYST)
    edit = "/admin/rules/busy-device/edit"
    html = (await person.get(edit)).text
    assert 'value="busy-device"' in html
    typed = _typed(html)
    stale = await person.submit(edit, edit, {**typed, "owner": "somebody"})
    draft = stale.headers["location"]
    page = text_of((await person.get(draft)).text)
    assert "Owner" in page
    assert "somebody" in page
    assert "version 1" in page, "an owner is no body"
    # The form that was open before the draft began is an old one.
    old = await person.post(edit, {"csrf": _csrf(html), "expected": "none", **typed})
    assert old.status_code == 409
    assert "In the draft" in (await person.get("/admin/rules/busy-device")).text
    answer = await person.submit(draft, f"{draft}/undo", {"rule": "busy-device"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/rules")
    draft = await write(person)
    assert (await person.submit(draft, f"{draft}/drop", {})).status_code == 303
    assert (await person.get(f"{draft}x")).status_code == 404
    assert "Dropped" in text_of((await person.get(draft)).text)


def _typed(html: str) -> dict[str, str]:
    """What the form of a rule holds, as a browser would send it back."""
    areas = re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>(.*?)</textarea>', html, re.DOTALL)
    found = {name: unescape(value) for name, value in areas}
    for tag in re.findall(r"<input[^>]*>", html):
        names = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if names.get("name") in ("id", "weight", "owner"):
            found[names["name"]] = unescape(names.get("value", ""))
    for name, body in re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', html, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', body)
        found[name] = chosen[1] if chosen else ""
    return found


async def test_who_may(sign_in: SignIn) -> None:
    writer = await sign_in(Role.ANALYST)
    draft = await write(writer)
    for role in (Role.AUDITOR, Role.ADMIN):
        person = await sign_in(role)
        page = (await person.get("/admin/rules")).text
        assert "Write a rule" not in page
        assert (await person.get(draft)).status_code == 200
        for path in (NEW, "/admin/rules/busy-device/edit"):
            assert (await person.get(path)).status_code == 403
        for act in ("propose", "approve", "drop", "withdraw", "rebase", "undo"):
            answer = await person.post(f"{draft}/{act}", {"csrf": _csrf(page), "version": "1", "digest": ""})
            assert answer.status_code == 403, act
    assert (await writer.get("/admin/rules/no-such-rule")).status_code == 404
