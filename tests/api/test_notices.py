"""Somebody's settled lines, at any operator, are told of a new one in their name; and their word holds it."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.adapters.sms.holder import SmsHolderNotice
from service.audit.workflow import Actor
from service.compose import Instead, Services
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.lines.model import Action
from service.operators.workflow import Operators
from service.otp.model import Accepted, Message
from service.otp.ports import SenderUnavailable
from service.response.model import Notice as StepNotice
from service.response.model import NoticeKind as StepKind
from service.response.model import NotSent, Sent, Step
from tests.api.conftest import Api, Caller
from tests.conftest import Backend
from tests.fakes.pipeline import Applicant, TurnableRegistry, applicant, somebody, work

MONTH = timedelta(days=31)
PHONE = {"fingerprint": "a phone", "role": "applicant"}
LINK = re.compile(r"/h/[A-Za-z0-9_-]+")


@pytest.fixture
def instead() -> Instead:
    return Instead(registry=TurnableRegistry())


@pytest.fixture
async def other(db: Database, caller: Caller) -> Api:
    await Operators(db).add("other", "Other Telecom")
    return await caller(slug="other")


async def live(api: Api, turn: int, person: Any, **changes: Any) -> Applicant:
    who = applicant(api, turn, person=person)
    assert (await who.decided(**changes))["state"] == "approved"
    await work(api.services)
    return who


async def told(api: Api, number: str) -> list[str]:
    """The links of notices that a number got, newest first."""
    assert api.services.outbox is not None
    texts = [each["text"] for each in await api.services.outbox.read(number)]
    return [
        LINK.findall(text)[0] for text in texts if ("/h/" in text and "papers" in text) or "Papieren" in text
    ]


async def state(api: Api, who: Applicant) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(f"/v1/lines/{who.msisdn}")).json()
    return found


async def test_settled_lines_at_every_operator_are_told_and_may_hold_the_new_one(
    api: Api, other: Api, clock: ManualClock, backend: Backend
) -> None:
    here, there = await live(api, 1, somebody(1)), await live(other, 2, somebody(1))
    stranger = await live(api, 3, somebody(2))
    clock.advance(MONTH)
    new = await live(api, 4, somebody(1))
    [link], [elsewhere] = await told(api, here.msisdn), await told(api, there.msisdn)
    assert link != elsewhere
    assert await told(api, new.msisdn) == []
    assert await told(api, stranger.msisdn) == []
    assert api.services.outbox is not None
    text = next(t["text"] for t in await api.services.outbox.read(there.msisdn) if "/h/" in t["text"])
    for secret in (new.msisdn, here.msisdn, "Demo", "Other", somebody(1).subscriber()["family_name"]):
        assert str(secret) not in text

    # Looking changes nothing, however often; the word holds, once.
    for _ in range(2):
        page = await api.http.get(elsewhere, headers={"Authorization": ""})
        assert page.status_code == 200
        assert (new.msisdn[-3:] in page.text, "Demo" in page.text) == (False, False)
    assert (await state(api, new))["state"] == "active"
    assert (await api.http.post(elsewhere)).status_code == 200
    assert (await api.http.post(elsewhere)).status_code == 404
    assert (await api.http.get(elsewhere)).status_code == 404
    await work(api.services)
    held = await state(api, new)
    assert (held["state"], held["reasons"]) == ("restricted", ["not-mine"])
    assert (await state(api, here))["state"] == "active"
    # The other link is another message's: it may be used too, and holds nothing twice.
    assert (await api.http.post(link)).status_code == 200
    await work(api.services)
    assert (await state(api, new))["state"] == "restricted"
    # Nothing at this operator says that there is a line elsewhere.
    with backend.admin() as conn:
        rows = conn.execute(
            "SELECT operator_id, count(*) FROM notice WHERE kind = 'new-line' GROUP BY 1"
        ).fetchall()
    assert sorted(rows) == sorted([(api.operator, 2), (other.operator, 2)]), "line and contact"


async def test_young_lines_and_those_of_the_same_device_or_dealer_are_not_told(
    api: Api, services: Services, clock: ManualClock
) -> None:
    await services.dealers.register(api.operator, code="D-1", name="Shop", licence="L", actor=Actor.cli())
    same_device = await live(api, 1, somebody(1), device=PHONE)
    same_dealer = await live(api, 2, somebody(1), dealer="D-1")
    clock.advance(MONTH)
    young = await live(api, 3, somebody(1))
    for each in (same_device, same_dealer):
        assert len(await told(api, each.msisdn)) == 1, "the young one came by another way"
    clock.advance(timedelta(days=2))
    await live(api, 4, somebody(1), dealer="D-1", device=PHONE)
    for each in (same_device, same_dealer):
        assert len(await told(api, each.msisdn)) == 1
    assert await told(api, young.msisdn) == []


async def test_one_a_day_and_three_a_month_and_a_job_that_is_done_again_sends_nothing_twice(
    api: Api, services: Services, clock: ManualClock
) -> None:
    here = await live(api, 1, somebody(1))
    clock.advance(MONTH)
    first = await live(api, 2, somebody(1))
    await services.notices.announce(api.operator, first.uuid)
    await live(api, 3, somebody(1))
    assert len(await told(api, here.msisdn)) == 1
    for turn in (4, 5):
        clock.advance(timedelta(days=1, seconds=1))
        await live(api, turn, somebody(1))
    assert len(await told(api, here.msisdn)) == 3
    # The cap of five is reached; one that is closed makes room, and the month's budget is spent.
    await services.lines.act(api.operator, first.msisdn, Action.CLOSE, reason="moved-away", actor=Actor.cli())
    await services.notices.announce(api.operator, first.uuid)
    assert len(await told(api, here.msisdn)) == 3


async def test_a_lost_document_and_a_frozen_identity_send_the_next_one_to_a_person(
    api: Api, clock: ManualClock
) -> None:
    here = await live(api, 1, somebody(1))
    clock.advance(MONTH)
    await live(api, 2, somebody(1))
    [link] = await told(api, here.msisdn)
    answer = await api.http.post(
        link, content="lost=yes&freeze=yes", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 200
    await work(api.services)
    again = applicant(api, 3, person=somebody(1))
    assert (await again.decided())["state"] == "in_review"
    rules = {reason["rule"] for reason in (await again.get())["decision"]["reasons"]}
    assert {"identity-frozen", "document-reported-lost"} & rules


async def test_the_word_comes_before_the_line_is_up(api: Api, services: Services, clock: ManualClock) -> None:
    new = applicant(api, 1, person=somebody(1))
    assert (await new.decided())["state"] == "approved"
    assert await services.notices.hold(api.operator, new.uuid) is False
    await work(services)
    assert (await state(api, new))["reasons"] == ["not-mine"], "the word waited for the line"
    assert await services.notices.hold(api.operator, new.uuid) is False


async def test_a_restriction_that_ends_by_itself_does_not_end_the_hold(
    api: Api, services: Services, clock: ManualClock
) -> None:
    new = await live(api, 1, somebody(1))
    until = clock.now() + timedelta(hours=4)
    await services.lines.act(
        api.operator, new.msisdn, Action.RESTRICT, reason="late-payment", actor=Actor.cli(), until=until
    )
    assert await services.notices.hold(api.operator, new.uuid) is True
    clock.advance(timedelta(hours=5))
    await services.lines.expire(api.operator)
    assert (await state(api, new))["state"] == "suspended"


async def away(message: Message) -> Accepted:
    raise SenderUnavailable("outbox", "away")


async def test_a_gateway_that_is_away_is_asked_again(
    api: Api, services: Services, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await live(api, 1, somebody(1))
    clock.advance(MONTH)
    assert services.outbox is not None
    new = applicant(api, 2, person=somebody(1))
    assert (await new.decided())["state"] == "approved"
    with monkeypatch.context() as patched:
        patched.setattr(services.outbox, "send", away)
        await services.notices.announce(api.operator, new.uuid)
    assert await told(api, here.msisdn) == []
    assert await services.courier.again(api.operator) == 0, "not before its time"
    clock.advance(timedelta(seconds=15))
    assert await services.courier.again(api.operator) == 2, "the line, and the contact on file"
    assert await services.courier.again(api.operator) == 0
    await services.notices.announce(api.operator, new.uuid)
    assert len(await told(api, here.msisdn)) == 1


@pytest.mark.parametrize("token", ["x", "A" * 78, "A" * 200])
async def test_a_link_that_is_not_ours_has_the_same_page_as_ever(api: Api, token: str) -> None:
    assert (await api.http.get(f"/h/{token}")).status_code == 404
    assert (await api.http.post(f"/h/{token}")).status_code == 404


async def test_a_step_on_a_line_is_told_by_the_same_hand(
    api: Api, services: Services, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An announcement that cannot be sent is not kept: the job behind it asks again, or a person decides."""
    here = await live(api, 1, somebody(1))
    async with services.db.read(api.operator) as reader:
        line = await services.lines.on_number(reader, here.msisdn)
    port = SmsHolderNotice(services.db, services.lines, services.courier)
    taken = StepNotice(
        operator_id=api.operator,
        action_id=new_id(),
        line_id=line.id,
        kind=StepKind.TAKEN,
        step=Step.RESTRICT,
        reason="reported",
        begins_at=None,
        until=None,
        may_appeal=True,
    )
    announced = replace(taken, kind=StepKind.ANNOUNCED)
    assert services.outbox is not None
    before = len(await services.outbox.read(here.msisdn))
    with monkeypatch.context() as patched:
        patched.setattr(services.outbox, "send", away)
        for notice in (taken, announced):
            assert await port.send(notice) == NotSent(retryable=True, code="no-sender")
    assert await port.send(announced) == await port.send(announced) == Sent()
    assert await port.send(taken) == NotSent(retryable=True, code="busy"), "it is kept, and due in a moment"
    clock.advance(timedelta(seconds=15))
    assert await services.courier.again(api.operator) == 1
    assert await port.send(taken) == Sent()
    assert len(await services.outbox.read(here.msisdn)) == before + 2
    gone = await port.send(replace(taken, action_id=new_id(), line_id=new_id()))
    assert gone == NotSent(retryable=False, code="line-gone")


@pytest.mark.parametrize("has_contact", [True, False])
async def test_of_a_line_that_nothing_reaches_the_contact_is_told_if_there_is_one(
    api: Api, services: Services, has_contact: bool
) -> None:
    here = await live(api, 1, somebody(1))
    async with services.db.write(api.operator) as tx:
        line = await services.lines.on_number(tx, here.msisdn)
        if not has_contact:
            person = await services.subscribers.read(tx, line.subscriber_id)
            bare = {name: value for name, value in person.items() if name != "contact_msisdn"}
            await services.subscribers.replace(tx, line.subscriber_id, bare)
    port = SmsHolderNotice(services.db, services.lines, services.courier)
    assert services.outbox is not None

    async def came(step: Step, kind: StepKind) -> tuple[Sent | NotSent, int, int]:
        """The answer, and how many messages came to the line and to the contact."""
        assert services.outbox is not None
        before = [len(await services.outbox.read(each)) for each in (here.msisdn, here.contact)]
        said = await port.send(
            StepNotice(api.operator, new_id(), line.id, kind, step, "reported", None, None, may_appeal=False)
        )
        after = [len(await services.outbox.read(each)) for each in (here.msisdn, here.contact)]
        return said, after[0] - before[0], after[1] - before[1]

    contact, own = (Sent(), 0, 1), (Sent(), 1, 0)
    assert await came(Step.RESTRICT, StepKind.TAKEN) == own
    await services.lines.act(api.operator, here.msisdn, Action.SUSPEND, reason="not-mine", actor=Actor.cli())
    assert await came(Step.SUSPEND, StepKind.TAKEN) == (contact if has_contact else own)
    assert await came(Step.LABEL, StepKind.UNDONE) == (contact if has_contact else own)
    await services.lines.act(api.operator, here.msisdn, Action.CLOSE, reason="moved-away", actor=Actor.cli())
    gone = (NotSent(retryable=False, code="line-gone"), 0, 0)
    for kind in (StepKind.TAKEN, StepKind.UNDONE):
        assert await came(Step.CLOSE, kind) == (contact if has_contact else gone)
