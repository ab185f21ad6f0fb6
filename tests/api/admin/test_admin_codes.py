"""Codes at the console: what became of messages, limits under pressure, blocks that are lifted and set."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from service.admin.console import Console
from service.audit.workflow import Actor, entries
from service.compose import Services
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.ids import new_id, wire
from service.limits.model import Limit, SendBlock
from service.operators.workflow import Operators
from service.otp.model import Handed, Notice, NoticeKind
from service.otp.workflow.history import History
from service.staff.model import Role
from tests.api.admin.conftest import MakeCase, SignIn, Visit
from tests.api.admin.console import Browser, hidden, text_of
from tests.api.conftest import Api

PAGE = "/admin/codes"
PLACE = "+491511234"
NUMBER = "+4915112345678"
REASON = {"reason": "messages-honest"}
Block = Callable[..., Awaitable[SendBlock]]


async def drain(services: Services) -> None:
    await services.journal.flush()
    await History(services.db, services.redis).drain()


async def said(person: Browser, path: str = PAGE) -> str:
    answer = await person.get(path)
    assert answer.status_code == 200, text_of(answer.text)[-600:]
    return text_of(answer.text)


async def message(api: Api, number: str, *, is_answered: bool = False) -> None:
    sent = await api.post("/v1/verifications", {"to": number})
    assert sent.status_code == 202, sent.text
    if is_answered:
        path = f"/v1/verifications/{sent.json()['id']}/check"
        assert (await api.post(path, {"code": await api.code(number)})).status_code == 200


def token(html: str) -> str:
    return hidden(html, "/admin/sign-out")["csrf"]


@pytest.fixture
def block(services: Services, operator: UUID, clock: ManualClock) -> Block:
    async def make(limit: Limit = Limit.OTP_BLOCKED_BLOCK, **more: object) -> SendBlock:
        given = {
            "until": clock.now() + timedelta(hours=1),
            "reason": "unanswered-messages",
            "actor": Actor.system("guard"),
            "made_by": "guard",
            "place": PLACE if limit is Limit.OTP_BLOCKED_BLOCK else None,
            **more,
        }
        return await services.blocks.set(operator, limit, **given)  # type: ignore[arg-type]

    return make


def path_of(made: SendBlock) -> str:
    return f"{PAGE}/blocks/{wire('blk', made.id)}"


async def lift(person: Browser, path: str, form: dict[str, str] | None = None, **headers: str) -> int:
    html = (await person.get("/admin")).text
    fields = {"csrf": token(html), **REASON, **(form or {})}
    return (await person.post(f"{path}/lift", fields, **headers)).status_code


# What is shown


async def test_the_page_shows_what_became_of_messages(
    sign_in: SignIn, api: Api, services: Services, block: Block, clock: ManualClock
) -> None:
    person = await sign_in()
    for tail, is_answered in ((1, True), (2, True), (3, False)):
        await message(api, f"+49151123450{tail:02d}", is_answered=is_answered)
    await message(api, "+436641234567")
    await block()
    await message(api, NUMBER)
    await drain(services)
    page = await said(person)
    assert "Messages today 4 not enough days yet" in page
    assert "Verified, 24 h 50 % 2 of 4 messages" in page
    assert "Held back, 24 h 1 the callers were not told" in page
    assert "Money left today EUR 1 999.70 0.30 of 2 000.00 spent" in page
    assert "DE, +49 67 % 3 2 1 0.22" in page or "DE, +49 67 % 3 2 1 0.23" in page
    assert "AT, +43 0 % 1 0 0 0.08" in page or "AT, +43 0 % 1 0 0 0.07" in page
    assert "+49 1511234 •••• 67 % 3 2 1" in page
    assert "outbox 50 % 4 2 0" in page
    assert "No codes go to this number block. ◆ the caller was not told OtpBlockedBlock 1" in page
    assert "+49 1511234 •••• number block Too many messages unanswered the guard" in page
    assert "1 block holds" in page
    assert NUMBER[3:] not in (await person.get(PAGE)).text
    hour = f"{clock.now():%H}:00 4 2"
    assert hour in page, "the table twin of the chart"
    clock.advance(timedelta(days=2))
    person = await sign_in(login="second")
    assert "No messages in this time" in await said(person)
    assert "DE, +49 67 % 3 2 1" in await said(person, f"{PAGE}?span=7d")


async def test_an_empty_house_says_what_would_be_there(sign_in: SignIn) -> None:
    page = await said(await sign_in())
    for words in ("Nothing is blocked", "No limit was reached", "No messages in these hours", "none sent"):
        assert words in page
    assert "Every notice was sent" in page


async def test_notices_that_wait_are_counted(
    sign_in: SignIn, services: Services, operator: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what they are about and what stands in their way; no number."""
    holder = new_id()
    async with services.db.write(operator) as tx:
        services.subscribers.add(tx, holder, {})
    policy = services.policies.current
    dear = replace(policy.codes, prices={"DE": 10**12})  # more than a day has
    monkeypatch.setattr(services.policies, "_current", replace(policy, codes=dear))
    for kind, is_kept in ((NoticeKind.NEW_LINE, True), (NoticeKind.STEP, False)):
        notice = Notice(operator, kind, new_id(), "line", holder, NUMBER, is_kept=is_kept)
        assert await services.courier.hand(notice, lambda _: "Told") is Handed.MONEY
    page = await said(await sign_in())
    assert "A line was registered with the holder's papers The day's money is spent. 1" in page
    assert page.index("it is tried again") > page.index("A line was registered")
    assert "given up" in page
    assert NUMBER[-4:] not in page.split("Notices to holders")[1].split("By country")[0]


async def test_blocks_are_named_and_numbers_masked(
    sign_in: SignIn, api: Api, services: Services, block: Block
) -> None:
    person = await sign_in()
    [client, *_] = await services.operators.clients(api.operator)
    await block(Limit.OTP_BLOCKED_COUNTRY, place="LT")
    await block(Limit.OTP_BLOCKED_CLIENT, place=str(client.id), client=client.id)
    await block(Limit.OTP_BLOCKED_MSISDN_EVERYWHERE, number=NUMBER, made_by="holder", reason="not-me")
    await block(Limit.OTP_BLOCKED_MSISDN, number=NUMBER, client=client.id)
    await block(Limit.OTP_BLOCKED_EVERYWHERE, place="everything")
    html = (await person.get(PAGE)).text
    page = text_of(html)
    assert "LT, +370 country" in page
    assert f"{client.name} client" in page
    assert "+49 151 •••• 678 number The holder did not ask for these codes the holder of the number" in page
    assert f"+49 151 •••• 678, {client.name} number, for one client" in page
    assert "every code everything" in page
    wished = next(each for each in await services.blocks.live(api.operator) if each.made_by == "holder")
    assert "lift it if they ask for that too" in await said(person, path_of(wished))
    assert "12345" not in html


async def test_the_codes_of_a_case_stand_in_its_timeline(
    sign_in: SignIn, make_case: MakeCase, services: Services
) -> None:
    case = await make_case()
    await drain(services)
    page = await said(await sign_in(), f"/admin/review/{case}")
    assert "A code was sent by SMS by outbox" in page
    assert "A code to the line came back" in page
    assert "The right code was given" not in page, "the audit says it already"


# Who may what


@pytest.mark.parametrize(
    ("role", "may_lift", "may_set"),
    [
        (Role.ANALYST, False, False),
        (Role.AUDITOR, False, False),
        (Role.ADMIN, True, False),
        (Role.SUPERVISOR, True, True),
    ],
)
async def test_lifting_and_setting_by_role(
    sign_in: SignIn,
    block: Block,
    services: Services,
    operator: UUID,
    role: Role,
    may_lift: bool,
    may_set: bool,
) -> None:
    made = await block()
    person = await sign_in(role)
    html = (await person.get(PAGE)).text
    assert "number block" in text_of(html), "everybody reads"
    assert ("#reason-l" in html) is may_lift
    assert (f'action="{PAGE}/blocks"' in html) is may_set
    one = (await person.get(path_of(made))).text
    assert (f"{path_of(made)}/lift" in one) is may_lift
    assert ("does not lift them" in one) is not may_lift
    new = {"csrf": token(html), "id": wire("blk", new_id()), "kind": "country", "where": "LT", "end": "1h"}
    status = (await person.post(f"{PAGE}/blocks", {**new, "reason": "network-asked"})).status_code
    assert status == (303 if may_set else 403)
    assert await lift(person, path_of(made)) == (303 if may_lift else 403)
    assert len(await services.blocks.live(operator)) == (not may_lift) + may_set


async def test_another_operators_block_is_not_there(
    sign_in: SignIn, block: Block, services: Services, db: Database, visit: Visit, operator: UUID
) -> None:
    made = await block()
    await sign_in()
    other = await Operators(db).add("other", "Other Telecom")
    link = await services.staff.demo_link(other.id, login="spy", name="Spy", role=Role.SUPERVISOR)
    spy = visit()
    await spy.get(f"/admin/link/{link}")
    assert "Nothing is blocked" in await said(spy)
    assert (await spy.get(path_of(made))).status_code == 404
    assert await lift(spy, path_of(made)) == 404
    assert [each.id for each in await services.blocks.live(operator)] == [made.id]
    for path in (f"{PAGE}/blocks/blk_nonsense", f"{PAGE}/blocks/{wire('blk', new_id())}"):
        assert (await spy.get(path)).status_code == 404
        assert await lift(spy, path) == 404


# Lifting


async def test_a_lift_needs_reason_token_and_origin(
    sign_in: SignIn, block: Block, services: Services, operator: UUID
) -> None:
    made = await block()
    person = await sign_in()
    path = path_of(made)
    assert await lift(person, path, {"reason": ""}) == 422
    assert "Choose a reason first" in text_of(person.pages[-1].text)
    assert await lift(person, path, {"reason": "because"}) == 422
    assert await lift(person, path, {"csrf": ""}) == 403
    assert await lift(person, path, Origin="https://attacker.example") == 403
    assert [each.id for each in await services.blocks.live(operator)] == [made.id]


async def test_a_lift_is_audited_and_codes_go_there_again(
    sign_in: SignIn, block: Block, api: Api, db: Database, clock: ManualClock
) -> None:
    made = await block()
    await message(api, NUMBER)
    assert api.services.outbox is not None
    assert await api.services.outbox.read(NUMBER) == []
    person = await sign_in()
    page = await person.follow(
        await person.submit(path_of(made), f"{path_of(made)}/lift", {**REASON, "note": "Spoke to the shop."})
    )
    assert "Lifted. Codes go there again" in text_of(page.text)
    assert "Nothing is blocked" in text_of(page.text)
    async with db.read(api.operator) as reader:
        [entry] = await entries(reader, object=wire("blk", made.id), action="block.lifted")
    assert (entry.actor.kind, entry.reason, entry.facts["limit"]) == (
        "staff",
        "messages-honest",
        "OtpBlockedBlock",
    )
    assert entry.note_commit is not None
    assert "Spoke" not in entry.body
    clock.advance(timedelta(seconds=30))
    await message(api, NUMBER)
    assert len(await api.services.outbox.read(NUMBER)) == 1
    one = await said(person, path_of(made))
    assert "Lifted by supervisor" in one
    assert "Looked into; the messages were honest" in one


async def test_a_second_click_is_as_the_first_and_an_old_page_is_told(
    sign_in: SignIn, block: Block, db: Database, operator: UUID, clock: ManualClock
) -> None:
    made = await block()
    person, other = await sign_in(), await sign_in(login="other")
    statuses = await asyncio.gather(lift(person, path_of(made)), lift(person, path_of(made)))
    assert statuses == [303, 303]
    async with db.read(operator) as reader:
        assert len(await entries(reader, object=wire("blk", made.id), action="block.lifted")) == 1
    assert await lift(other, path_of(made)) == 409
    assert f"The block was lifted at {clock.now():%H:%M} by supervisor." in text_of(other.pages[-1].text)
    short = await block(until=clock.now() + timedelta(minutes=1))
    clock.advance(timedelta(minutes=2))
    assert await lift(person, path_of(short)) == 409
    assert "ended by itself" in text_of(person.pages[-1].text)


# Setting


async def test_a_block_is_set_once_and_holds(
    sign_in: SignIn, api: Api, services: Services, db: Database, clock: ManualClock
) -> None:
    person = await sign_in()
    form = {"kind": "block", "where": "+49 151 1234", "end": "1d", "reason": "pumped-traffic", "note": "n"}
    fields = {**hidden((await person.get(PAGE)).text, f"{PAGE}/blocks"), **form}
    answers = await asyncio.gather(*(person.post(f"{PAGE}/blocks", fields) for _ in range(2)))
    assert [answer.status_code for answer in answers] == [303, 303]
    [made] = await services.blocks.live(api.operator)
    assert (made.place, made.until - clock.now()) == (PLACE, timedelta(days=1))
    page = await said(person)
    assert "Set. No codes go there" in page
    assert "Messages that nobody answers, to earn from them supervisor" in page
    await message(api, NUMBER)
    assert api.services.outbox is not None
    assert await api.services.outbox.read(NUMBER) == []
    async with db.read(api.operator) as reader:
        assert len(await entries(reader, object=wire("blk", made.id), action="block.set")) == 1


@pytest.mark.parametrize(
    ("kind", "where", "wrong"),
    [
        ("country", "Germany", "two letters"),
        ("country", "XX", "two letters"),
        ("block", "+49", "last four digits"),
        ("block", NUMBER, "last four digits"),
        ("client", "nobody's", "No client of yours"),
    ],
)
async def test_what_cannot_be_blocked_is_said_beside_the_field(
    sign_in: SignIn, services: Services, operator: UUID, kind: str, where: str, wrong: str
) -> None:
    person = await sign_in()
    form = {"kind": kind, "where": where, "end": "1h", "reason": "network-asked", "note": "as it was typed"}
    answer = await person.submit(PAGE, f"{PAGE}/blocks", form)
    assert answer.status_code == 422
    assert wrong in text_of(answer.text)
    assert "as it was typed" in answer.text
    assert await services.blocks.live(operator) == []
    for missing in ("kind", "end", "reason"):
        assert (await person.submit(PAGE, f"{PAGE}/blocks", {**form, missing: ""})).status_code == 422


# Redis gone


async def test_without_redis_the_page_shows_what_postgresql_knows(
    sign_in: SignIn, block: Block, api: Api, services: Services, clock: ManualClock, app: object
) -> None:
    """Sessions are in Redis too: here it goes while the page is made."""
    await message(api, NUMBER, is_answered=True)
    await drain(services)
    made = await block()
    person = await sign_in()
    console: Console = app.state.console  # type: ignore[attr-defined]
    gone, purse, copies = (
        Redis("redis://127.0.0.1:1", clock, timeout_s=0.2),
        console.purses._purse,
        console.blocks._copies,
    )
    kept, purse._redis, copies._redis = purse._redis, gone, gone
    page = await said(person)
    assert "Redis does not answer, so no codes are sent." in page
    assert "Money left today EUR 1 980.00" in page, "the slice counts as spent"
    assert "1 of 1 messages" in page
    assert "number block" in page
    assert await lift(person, path_of(made)) == 503
    purse._redis, copies._redis = kept, kept
    assert "1 block holds" in await said(person), "nothing was lifted in one place alone"
    assert "Redis does not answer" not in await said(person)
    assert await lift(person, path_of(made)) == 303


# Metrics


async def test_the_metrics_say_the_same(
    api: Api, block: Block, services: Services, clock: ManualClock
) -> None:
    await block()
    await message(api, NUMBER)
    await message(api, "+436641234567")
    lines = (await api.get("/metrics")).text.splitlines()
    assert 'simward_blocks{limit="OtpBlockedBlock"} 1.0' in lines
    assert 'simward_blocks{limit="OtpBlockedCountry"} 0.0' in lines
    assert any(line.startswith('simward_codes_total{outcome="suppressed"}') for line in lines)
    assert any(
        line.startswith('simward_limits_total{limit="OtpBlockedBlock",stage="enforced"}') for line in lines
    )
    [left] = [float(line.split()[1]) for line in lines if line.startswith("simward_money_left_ratio")]
    assert 0.9999 < left < 1
    services.purses._purse._redis = Redis("redis://127.0.0.1:1", clock, timeout_s=0.2)
    assert "simward_money_left_ratio NaN" in (await api.get("/metrics")).text
