"""What staff say that a document shows whose picture was read uncertainly: who may, what is kept, who sees it."""

import re
from dataclasses import replace

import pytest

from service.audit.workflow import entries
from service.compose import Instead
from service.infra.postgres import Database
from service.staff.model import Role
from tests.api.admin.conftest import MakeCase, SignIn
from tests.api.admin.console import Browser, hidden, text_of
from tests.api.conftest import Api
from tests.fakes.pipeline import Applicant, applicant
from tests.fakes.still_reader import StillReader, seen
from tests.no_face.canary import Canary


@pytest.fixture
def reader() -> StillReader:
    return StillReader()


@pytest.fixture
def instead(reader: StillReader) -> Instead:
    return Instead(reader=reader)


@pytest.fixture
async def case(api: Api, reader: StillReader) -> tuple[Applicant, str]:
    """(somebody in review, the form's address): two readings of their picture gave different numbers."""
    one = applicant(api)
    await one.open()
    first, second = one.person.lines
    reader.says = replace(seen(first, second), again=(first, "Z" + second[1:]))
    files = {"image": ("photo.jpg", Canary().jpeg(), "image/jpeg")}
    answer = await api.ask("POST", f"{one.path}/documents", files=files)
    assert (answer.status_code, answer.json()["outcome"]) == (201, "refer"), answer.text
    await one.send()
    await one.answer()
    assert (await one.submit())["state"] == "in_review"
    return one, f"/admin/review/{one.id}/documents/{answer.json()['id']}/confirm"


def number_of(one: Applicant) -> str:
    return one.person.lines[1][:9].rstrip("<")


async def say(person: Browser, one: Applicant, path: str, **form: str) -> int:
    filled = {"reason": "applicant-read-it", **form}
    return (await person.submit(f"/admin/review/{one.id}", path, filled)).status_code


async def test_staff_say_what_the_document_shows_and_both_are_kept_and_shown_on_a_reveal_alone(
    sign_in: SignIn, case: tuple[Applicant, str], db: Database, api: Api
) -> None:
    one, path = case
    person, page = await sign_in(Role.ANALYST), f"/admin/review/{one.id}"
    before = text_of((await person.get(page)).text)
    assert "Second reading of the picture: gave other characters." in before
    assert "two readings, from other pixels, gave the same characters" in before
    assert "No level is reached" in before
    assert "a person who looked at the passport" in before
    assert await say(person, one, path, document_number=number_of(one)) == 303
    after = (await person.get(page)).text
    assert "confirmed by whoever has the document" in text_of(after)
    assert path not in after, "it was settled"
    assert number_of(one) not in after
    shown = await person.submit(page, f"{page}/reveal", {"reason": "compare-document"})
    assert f"line 2 as read {one.person.lines[1]}" in text_of(shown.text)
    assert re.search(rf"Document number as corrected, [-0-9: ]+ {number_of(one)}", text_of(shown.text))
    async with db.read(api.operator) as reader:
        made = await entries(reader, object=one.id, action="document.confirmed")
    assert [(each.actor.kind, each.reason) for each in made] == [("staff", "applicant-read-it")]
    assert "document_number" in made[0].body
    assert number_of(one) not in made[0].body
    assert (await one.get())["state"] == "in_review", "it decides nothing"
    again = {**hidden(after, f"{page}/decide"), "reason": "document-seen", "sex": "F"}
    assert (await person.post(path, again)).status_code == 409, "nothing waits for it any more"


WRONG = (
    ({"document_number": "NX1", "reason": ""}, "Say first how you know"),
    ({"document_number": "NX1", "reason": "evidence-checked"}, "Say first how you know"),
    ({}, "Write at least one field"),
    ({"birth_date": "12.8.1974"}, "Birth date: It does not fit"),
    ({"document_number": "data:image/png"}, "Document number: It does not fit"),
    ({"lines": "P<NLD", "sex": "F"}, "Write at least one field, or the lines alone"),
)


async def test_what_does_not_fit_is_said_and_never_repeated(
    sign_in: SignIn, case: tuple[Applicant, str]
) -> None:
    one, path = case
    person = await sign_in()
    for form, said in WRONG:
        assert await say(person, one, path, **form) == 422, form
        answer = person.pages[-1].text
        assert said in text_of(answer), form
        assert "data:image" not in answer
        assert "12.8.1974" not in answer


async def test_who_may_say_it(sign_in: SignIn, case: tuple[Applicant, str], make_case: MakeCase) -> None:
    one, path = case
    supervisor = await sign_in(Role.SUPERVISOR)
    csrf = hidden((await supervisor.get(f"/admin/review/{one.id}")).text, path)
    form = {**csrf, "reason": "document-seen", "sex": "F"}
    assert (await supervisor.post(path, {**form, "csrf": "x" * 32})).status_code == 403
    assert (await supervisor.post(path, {**form, "version": "1"})).status_code == 409, "an old page"
    assert (await supervisor.post(path, {**form, "version": "9" * 4_301})).status_code == 409, "int() raises"
    other = await make_case()
    elsewhere = path.replace(one.id, other)
    assert (await supervisor.post(elsewhere, form)).status_code in (404, 409), "of another case"
    for role in (Role.AUDITOR, Role.ADMIN):
        person = await sign_in(role)
        html = (await person.get(f"/admin/review/{one.id}")).text
        assert path not in html
        token = hidden(html, "/admin/sign-out")["csrf"]
        assert (await person.post(path, {**form, "csrf": token})).status_code == 403


async def test_only_what_is_in_review_is_corrected_by_staff(
    sign_in: SignIn, case: tuple[Applicant, str], api: Api
) -> None:
    one, path = case
    person, page = await sign_in(), f"/admin/review/{one.id}"
    html = (await person.get(page)).text
    form = {**hidden(html, path), "reason": "document-seen", "document_number": number_of(one)}
    deny = {**hidden(html, f"{page}/decide"), "act": "denied", "reason": "details-disagree"}
    assert (await person.post(f"{page}/decide", deny)).status_code == 303
    assert path not in (await person.get(page)).text
    version = str(int(form["version"]) + 1)
    assert (await person.post(path, {**form, "version": version})).status_code == 409
