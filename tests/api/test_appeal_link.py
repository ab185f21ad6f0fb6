"""The holder's link in the notice of a step: it appeals once, without a key, and for nobody else's line."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from service.audit.workflow import Actor
from service.compose import Instead, Services
from service.events import EventName
from service.infra.crypto import Capability
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.response.model import LineAction, State
from service.response.workflow import AppealLinks
from tests.api.conftest import Api
from tests.fakes.pipeline import TurnableRegistry, somebody
from tests.fakes.response import Town, TurnableFinder

CONTACT = "+4915112345999"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ANN = Actor.staff(new_id())
LINK = re.compile(r"/h/a\.[\w-]+")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def instead() -> Instead:
    return Instead(registry=TurnableRegistry(), finder=TurnableFinder())


@pytest.fixture
def town(api: Api, services: Services) -> Town:
    return Town(api, services)


async def links(town: Town, number: str) -> list[str]:
    """The appeal links in a number's messages, newest first."""
    assert town.services.outbox is not None
    texts = [each["text"] for each in await town.services.outbox.read(number)]
    return [found[0] for text in texts if (found := LINK.search(text))]


async def write(town: Town, link: str, text: str, **headers: str) -> Any:
    body = f"text={quote(text, safe='')}"
    return await town.api.http.post(link, content=body, headers={"Authorization": "", **FORM, **headers})


async def appealed(town: Town, one: Any) -> list[LineAction]:
    return [each for each in await town.ledger(one) if each.appealed_at is not None]


async def written(town: Town, one: Any, action: LineAction) -> str | None:
    line = await town.line(one)
    async with town.services.db.read(town.api.operator) as reader:
        return await town.services.response.judging.appeal_text(reader, line, action)


async def test_it_appeals_once_and_looking_changes_nothing(town: Town, api: Api) -> None:
    one = await town.live(1)
    await town.confirmed(one)
    [link] = await links(town, one.msisdn)
    before = await town.ledger(one)
    for _ in range(2):
        page = await api.http.get(link, headers={"Authorization": "", "Accept-Language": "de"})
        assert page.status_code == 200
        assert "angehalten" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for secret in (one.msisdn[-3:], "Demo", "JANSEN", "report-confirmed"):
        assert secret not in page.text
    assert await town.ledger(one) == before
    said = "<script>alert(1)</script>\r\nI called nobody."
    answer = await write(town, link, said)
    assert answer.status_code == 200, answer.text
    assert "alert(1)" not in answer.text
    [action] = await appealed(town, one)
    assert await written(town, one, action) == said.replace("\r\n", "\n")
    # The second use, and the other way to the same appeal, are refused.
    assert (await write(town, link, "Again.")).status_code == 404
    assert (await api.http.get(link)).status_code == 404
    assert (await api.post(f"/v1/lines/{one.msisdn}/appeal", {"text": "Again."})).status_code == 409
    judged = await town.services.response.judging.judge(
        api.operator, action.id, upheld=True, staff=ANN, expected=action.version
    )
    assert (judged.state, (await town.state(one))[0]) == (State.UNDONE, "active")


REFUSED = {
    "see data:image/png;base64,AAAA": 422,
    "A" * 65: 422,
    "x\u202ey": 422,
    "hello " * 200: 422,
    "  ": 422,
    "word " * 4000: 413,
}


async def test_what_is_no_plain_text_is_not_taken_and_not_shown(town: Town) -> None:
    one = await town.live(1)
    await town.confirmed(one)
    [link] = await links(town, one.msisdn)
    for text, status in REFUSED.items():
        answer = await write(town, link, text)
        assert answer.status_code == status
        assert 'role="alert"' in answer.text
        assert not text.strip() or text.strip() not in answer.text
    twice = await town.api.http.post(link, content="text=a&text=b", headers=FORM)
    assert twice.status_code == 422
    assert await appealed(town, one) == []
    assert (await write(town, link, "I called nobody.")).status_code == 200, "the link is still good"


async def test_an_announced_bar_can_be_appealed_before_it_begins(town: Town, clock: ManualClock) -> None:
    one = await town.live(1)
    await town.corroborated(one)
    [link] = await links(town, one.msisdn)
    page = await town.api.http.get(link)
    assert "will be barred" in page.text
    assert (await write(town, link, "I called nobody.")).status_code == 200
    [action] = await appealed(town, one)
    assert (action.step, action.state) == ("restrict", State.WAITING)
    await town.services.response.judging.judge(
        town.api.operator, action.id, upheld=True, staff=ANN, expected=action.version
    )
    clock.advance(2 * DAY)
    await town.due()
    assert (await town.state(one))[0] == "active"


async def test_a_link_of_another_time_operator_or_key_opens_nothing(
    town: Town, api: Api, services: Services, clock: ManualClock
) -> None:
    one = await town.live(1)
    report = await town.confirmed(one)
    [link] = await links(town, one.msisdn)
    other = await services.operators.add("other", "Other Telecom")
    [action] = await town.ledger(one)
    made = AppealLinks(services.vault, services.settings.public_url)
    as_other = LINK.search(made.of(replace(action, operator_id=other.id), clock.now()))
    as_nobody = LINK.search(made.of(replace(action, operator_id=new_id()), clock.now()))
    assert as_other is not None
    assert as_nobody is not None
    early = LINK.search(made.of(action, action.at - HOUR))
    assert early is not None
    assert (await api.http.get(early[0])).status_code == 200, "the sender's clock was behind"
    forged = Capability(services.vault, "holder-link/v1", b"appeal/v1", 24).seal(bytes(24))
    for bad in (
        as_other[0],
        as_nobody[0],
        f"/h/a.{forged}",
        link[:-1],
        f"{link}A",
        "/h/a.x",
        f"/h/a.{'A' * 200}",
    ):
        assert (await api.http.get(bad)).status_code == 404, bad
        assert (await write(town, bad, "I called nobody.")).status_code == 404, bad
    # The link belongs to this taking of the step: undone and taken anew, there is another.
    clock.advance(HOUR)
    await town.tell(EventName.REPORT_DISMISSED, one, report)
    assert (await api.http.get(link)).status_code == 404
    clock.advance(HOUR)
    await town.confirmed(one, report)
    assert (await api.http.get(link)).status_code == 404
    fresh = (await links(town, one.msisdn))[0]
    assert fresh != link
    assert (await api.http.get(fresh)).status_code == 200
    clock.advance(30 * DAY)
    assert (await write(town, fresh, "I called nobody.")).status_code == 404, "it is over"
    assert await appealed(town, one) == []


async def test_who_cannot_receive_any_more_is_told_at_the_contact_on_file(town: Town) -> None:
    person = {**somebody(1).subscriber(), "contact_msisdn": CONTACT}
    one = await town.live(1, subscriber=person)
    await town.confirmed(one)
    assert len(await links(town, one.msisdn)) == 1, "a hold leaves incoming messages"
    await town.confirmed(one)
    assert (await town.state(one))[0] == "suspended"
    assert len(await links(town, one.msisdn)) == 1
    assert len(await links(town, CONTACT)) == 1
