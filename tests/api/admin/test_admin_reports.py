"""Reports at the console: lists, the page of one, and decisions that are checked where they are made."""

from uuid import UUID

import pytest

from service.compose import Services
from service.kit.clock import ManualClock
from service.kit.ids import wire
from service.operators.workflow import Operators
from service.reports.model import State
from service.staff.model import Role
from tests.api.admin.conftest import SignIn
from tests.api.admin.console import hidden, text_of
from tests.api.conftest import Api, Caller
from tests.fakes.pipeline import number
from tests.fakes.reports import SCAMMER, Town

PAGE = "/admin/reports"


@pytest.fixture
async def town(services: Services, clock: ManualClock, api: Api) -> Town:
    return Town(services, clock, [api])


async def test_a_report_is_read_and_decided(town: Town, sign_in: SignIn, services: Services) -> None:
    [line, *_] = await town.old_lines(SCAMMER, number(1))
    vote = await town.report(number(1), note="<b>He said</b> he was my bank")
    await town.report(None, reported=number(9999))
    await town.work()
    elsewhere, report = await town.reports()
    anna = await sign_in(Role.ANALYST)
    listed = text_of((await anna.get(f"{PAGE}?state=filed")).text)
    assert "+49 151 •••• 000 " in listed
    assert SCAMMER not in listed
    assert "Scam call" in listed
    assert "No reports here" in text_of((await anna.get(PAGE)).text)
    assert "Not ours" in text_of((await anna.get(f"{PAGE}?state=elsewhere")).text)
    path = f"{PAGE}/{wire('rep', report.id)}"
    # The id that the client was given leads here too.
    assert (await anna.get(f"{PAGE}/{vote}")).headers["location"] == path
    html = (await anna.get(path)).text
    page = text_of(html)
    assert "1 of 1 vote counts. 5 within 10 days corroborate." in page
    assert "<b>He said</b> he was my bank" in page
    assert "<b>He said" not in html
    assert number(1) not in html
    assert wire("line", line.id) in html
    other = text_of((await anna.get(f"{PAGE}/{wire('rep', elsewhere.id)}")).text)
    assert "Nobody here decides on a line that is not ours." in other

    form = {"act": "confirm", "reason": "evidence-seen", "note": "Heard the recording"}
    decided = text_of((await anna.follow(await anna.submit(path, f"{path}/act", form))).text)
    assert "Confirmed. What follows from it has begun." in decided
    assert "There is evidence beside the reports" in decided
    assert "Heard the recording" not in decided
    assert (await town.reports())[1].state is State.CONFIRMED
    reopened = await anna.submit(path, f"{path}/act", {"act": "appeal", "reason": "holder-asked"})
    assert "Another person decides" in text_of((await anna.follow(reopened)).text)
    again = await anna.submit(path, f"{path}/act", {"act": "dismiss", "reason": "appeal-upheld"})
    assert again.status_code == 409
    assert "another person" in text_of(again.text)
    boris = await sign_in(Role.SUPERVISOR)
    await boris.follow(await boris.submit(path, f"{path}/act", {"act": "dismiss", "reason": "appeal-upheld"}))
    assert (await town.reports())[1].state is State.DISMISSED


async def test_what_the_form_must_say(town: Town, sign_in: SignIn) -> None:
    await town.old_lines(SCAMMER)
    await town.report(None)
    [report] = await town.reports()
    anna = await sign_in(Role.ANALYST)
    path = f"{PAGE}/{wire('rep', report.id)}"
    sent = hidden((await anna.get(path)).text, f"{path}/act") | {"act": "confirm", "reason": "reports-agree"}
    for wrong, status in (
        ({"act": "close"}, 422),
        ({"reason": ""}, 422),
        ({"reason": "false-reports"}, 422),
        ({"version": ""}, 422),
        ({"version": "2"}, 409),
        ({"act": "appeal", "reason": "holder-asked"}, 409),
        ({"csrf": "x"}, 403),
    ):
        assert (await anna.post(f"{path}/act", {**sent, **wrong})).status_code == status, wrong
    assert (await town.reports())[0] == report


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMIN])
async def test_who_reads_and_does_not_decide(town: Town, sign_in: SignIn, role: Role) -> None:
    await town.old_lines(SCAMMER)
    await town.report(None, note="In my own words")
    [report] = await town.reports()
    person = await sign_in(role)
    path = f"{PAGE}/{wire('rep', report.id)}"
    html = (await person.get(path)).text
    assert "Your role reads reports and does not decide on them." in text_of(html)
    assert "In my own words" not in html
    sent = {"csrf": hidden(html, "/admin/sign-out")["csrf"], "act": "confirm", "reason": "reports-agree"}
    assert (await person.post(f"{path}/act", {**sent, "version": "1"})).status_code == 403
    assert (await town.reports())[0].state is State.FILED


async def test_another_operators_report_is_not_there(
    town: Town, sign_in: SignIn, services: Services, caller: Caller
) -> None:
    other = (await Operators(services.db).add("other", "Other Telecom")).id
    theirs = Town(services, town.clock, [await caller(slug="other")])
    await theirs.settle(SCAMMER, operator=other)
    await theirs.report(None)
    [report] = await theirs.reports()
    anna = await sign_in(Role.SUPERVISOR)
    path = f"{PAGE}/{wire('rep', report.id)}"
    assert (await anna.get(path)).status_code == 404
    token = hidden((await anna.get(PAGE)).text, "/admin/sign-out")["csrf"]
    sent = {"csrf": token, "act": "confirm", "reason": "reports-agree", "version": "1"}
    assert (await anna.post(f"{path}/act", sent)).status_code == 404
    assert (await theirs.reports(UUID(int=other.int)))[0].state is State.FILED
