"""``Idempotency-Key``: the first answer again, once, for this caller, this route and this body."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from service.compose import Instead, Services
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.kit.errors import Unavailable
from service.operators.workflow import Operators
from service.otp.model import Accepted, Channel, Message
from service.web.auth import Scope
from service.web.tables import KeptAnswerRow
from tests.api.conftest import Api, Caller
from tests.fakes.pipeline import PATH, applicant, refused, work

KEY = {"Idempotency-Key": "one"}
TWO = {"Idempotency-Key": "two"}


class Counting:
    """A sender that remembers, and that can be told to wait."""

    name = "counting"
    channels = frozenset(Channel)

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def send(self, message: Message) -> Accepted:
        self.began.set()
        await self.go.wait()
        self.messages.append(message)
        return Accepted(self.name)

    @property
    def code(self) -> str:
        words = self.messages[-1].text.replace(".", " ").replace(":", " ").split()
        return next(word for word in words if len(word) == 6 and word.isdigit())


@pytest.fixture
def sender() -> Counting:
    return Counting()


@pytest.fixture
def instead(sender: Counting) -> Instead:
    return Instead(senders=[sender])


def again(first: httpx2.Response, second: httpx2.Response) -> None:
    """The second is the first, from memory."""
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.headers["content-type"] == second.headers["content-type"]


async def twice(api: Api, path: str, body: Any, key: str) -> httpx2.Response:
    headers = {"Idempotency-Key": key}
    first = await api.post(path, body, headers=headers)
    again(first, await api.post(path, body, headers=headers))
    return first


async def test_the_whole_way_twice(api: Api, services: Services, sender: Counting) -> None:
    """Every POST of the walk is sent twice with the same key: it happens once."""
    one = applicant(api)
    one.id = (await twice(api, PATH, one.body(), "create")).json()["id"]
    paper = {"kind": "mrz", "lines": list(one.person.lines)}
    assert (await twice(api, f"{one.path}/documents", paper, "paper")).status_code == 201
    assert (await twice(api, f"{one.path}/otp", {"to": "line"}, "send")).status_code == 202
    assert len(sender.messages) == 1  # a replay never sends a second message
    assert (await twice(api, f"{one.path}/otp/check", {"code": sender.code}, "check")).status_code == 200
    assert (await twice(api, f"{one.path}/submit", {}, "submit")).status_code == 200
    shown = await one.get()
    assert len(shown["evidence"]["documents"]) == 1
    async with services.db.read(api.operator) as reader:
        assert len(await services.risk.history(reader, one.uuid)) == 1
    await work(services)
    assert (
        await twice(api, f"/v1/lines/{one.msisdn}/close", {"reason": "ended"}, "close")
    ).status_code == 200


async def test_without_a_key_nothing_is_kept(api: Api, db: Database) -> None:
    one = applicant(api)
    await one.open()
    async with db.read(api.operator) as reader:
        assert await reader.scalar(sa.select(sa.func.count()).select_from(KeptAnswerRow)) == 0


async def test_another_body(api: Api) -> None:
    first = await api.post(PATH, applicant(api, 1).body(), headers=KEY)
    assert first.status_code == 201
    refused(await api.post(PATH, applicant(api, 2).body(), headers=KEY), 422, "idempotency-key-reused")
    again(first, await api.post(PATH, applicant(api, 1).body(), headers=KEY))


async def test_the_same_json_in_other_bytes_is_another_body(api: Api) -> None:
    body = applicant(api).body()
    assert (await api.post(PATH, body, headers=KEY)).status_code == 201
    turned = dict(reversed(body.items()))
    refused(await api.post(PATH, turned, headers=KEY), 422, "idempotency-key-reused")


async def test_in_progress(api: Api, sender: Counting) -> None:
    one = applicant(api)
    await one.open()
    sender.go.clear()
    first = asyncio.create_task(api.post(f"{one.path}/otp", {"to": "line"}, headers=KEY))
    await sender.began.wait()
    answer = await api.post(f"{one.path}/otp", {"to": "line"}, headers=KEY)
    refused(answer, 409, "idempotency-in-progress")
    assert int(answer.headers["retry-after"]) >= 1
    sender.go.set()
    done = await first
    assert done.status_code == 202
    again(done, await api.post(f"{one.path}/otp", {"to": "line"}, headers=KEY))
    assert len(sender.messages) == 1


async def test_twenty_at_once_open_one(api: Api) -> None:
    body = applicant(api).body()
    answers = await asyncio.gather(*(api.post(PATH, body, headers=KEY) for _ in range(20)))
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert all(
        answer.json()["code"] == "idempotency-in-progress" for answer in answers if answer.status_code == 409
    )
    assert len((await api.get(PATH)).json()["items"]) == 1


async def test_keys_of_two_clients_and_two_operators(api: Api, caller: Caller, db: Database) -> None:
    await Operators(db).add("other", "Other Telecom")
    callers = [api, await caller(), await caller(slug="other")]
    made = []
    for turn, each in enumerate(callers):
        answer = await each.post(PATH, applicant(each, turn + 1).body(), headers=KEY)
        assert answer.status_code == 201, answer.text
        assert "idempotent-replayed" not in answer.headers
        made.append(answer.json()["id"])
    assert len(set(made)) == 3


async def test_keys_of_two_routes_and_two_registrations(api: Api, sender: Counting) -> None:
    for turn in (1, 2):
        one = applicant(api, turn)
        await one.open()
        answer = await api.post(f"{one.path}/otp", {"to": "line"}, headers=KEY)
        assert "idempotent-replayed" not in answer.headers
        answer = await api.post(f"{one.path}/submit", headers=KEY)
        refused(answer, 409, "evidence-missing")
    assert len(sender.messages) == 2


async def test_refusals_that_are_kept(api: Api) -> None:
    """422 and 404: they stay what they were, though the world has moved on."""
    one = applicant(api)
    await one.open()
    paper = {"kind": "mrz", "lines": ["no", "zone"]}
    again(
        await kept(api, f"{one.path}/documents", paper, 422),
        await kept(api, f"{one.path}/documents", paper, 422),
    )
    never = f"{PATH}/reg_{'0' * 32}/submit"
    again(await kept(api, never, {}, 404), await kept(api, never, {}, 404))
    for purpose in ("sim_swap",):
        body = applicant(api, 2).body(purpose=purpose)
        again(await kept(api, PATH, body, 422), await kept(api, PATH, body, 422))


async def kept(api: Api, path: str, body: Any, status: int) -> httpx2.Response:
    answer = await api.post(path, body, headers=KEY)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    return answer


MALFORMED: dict[str, Any] = {
    "a field that is missing": {},
    "a field that is not known": {"msisdn": "+4915112345678", "purpose": "new", "face": 1},
    "a number that is none": {"msisdn": "12", "purpose": "new"},
    "a list": [],
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_body_is_kept(api: Api, name: str) -> None:
    first = await kept(api, PATH, MALFORMED[name], 422)
    assert refused(first, 422, "invalid-request")["errors"]
    again(first, await kept(api, PATH, MALFORMED[name], 422))
    refused(await api.post(PATH, applicant(api).body(), headers=KEY), 422, "idempotency-key-reused")
    other = await api.post(PATH, applicant(api).body(), headers={"Idempotency-Key": "two"})
    assert other.status_code == 201


async def test_what_is_not_json_is_kept(api: Api) -> None:
    """It is refused before the caller is asked for a key: that is looked at all the same."""
    headers = {**KEY, "Content-Type": "application/json"}
    first = await api.ask("POST", PATH, content=b"{nonsense", headers=headers)
    assert refused(first, 422, "invalid-request")["errors"][0]["code"] == "json-invalid"
    again(first, await api.ask("POST", PATH, content=b"{nonsense", headers=headers))
    refused(await api.post(PATH, applicant(api).body(), headers=KEY), 422, "idempotency-key-reused")


async def test_what_is_refused_before_any_work_is_kept(api: Api) -> None:
    nowhere = f"{PATH}/reg_nonsense/submit"
    first = await kept(api, nowhere, {}, 404)
    again(first, await kept(api, nowhere, {}, 404))
    text = {**KEY, "Content-Type": "text/plain"}
    first = await api.ask("POST", PATH, content=b"hello", headers=text)
    refused(first, 415, "unsupported-media")
    again(first, await api.ask("POST", PATH, content=b"hello", headers=text))
    refused(await api.post(PATH, {}, headers=KEY), 422, "idempotency-key-reused")


async def test_a_malformed_body_after_a_good_one_is_another_body(api: Api) -> None:
    first = await api.post(PATH, applicant(api).body(), headers=KEY)
    refused(await api.post(PATH, {}, headers=KEY), 422, "idempotency-key-reused")
    again(first, await api.post(PATH, applicant(api).body(), headers=KEY))


async def test_who_may_not_ask_reserves_nothing_and_is_told_nothing(
    api: Api, caller: Caller, db: Database
) -> None:
    """Neither without a key of ours, nor with one of the same client's that lacks the scope; and a kept answer
    is not replayed to either, whatever the body is called."""
    body = applicant(api).body()
    first = await api.post(PATH, body, headers=KEY)
    assert first.status_code == 201
    operators = Operators(db)
    client = await operators.by_slug("demo")
    weak = await operators.create_key(client, "client-1", [Scope.READ])
    for key, status in ((weak.text, 403), ("nonsense", 401)):
        headers = {"Authorization": f"Bearer {key}", **KEY}
        answer = await api.post(PATH, body, headers=headers)
        assert answer.status_code == status
        answer = await api.ask(
            "POST", PATH, content=first.request.content, headers={**headers, "Content-Type": "text/plain"}
        )
        refused(answer, 415, "unsupported-media")
        assert "idempotent-replayed" not in answer.headers
        await api.ask(
            "POST", PATH, content=b"{", headers={**headers, **TWO, "Content-Type": "application/json"}
        )
    async with db.read(api.operator) as reader:
        assert await reader.scalar(sa.select(sa.func.count()).select_from(KeptAnswerRow)) == 1


async def test_a_malformed_body_while_postgresql_is_gone_is_not_judged(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the key was used with another body is not known then."""

    async def gone(*_: Any) -> None:
        raise Unavailable("postgresql")

    with monkeypatch.context() as patch:
        patch.setattr("service.web.idempotency.Slot._reserve", gone)
        refused(await api.post(PATH, {}, headers=KEY), 503, "unavailable")
    refused(await api.post(PATH, {}, headers=KEY), 422, "invalid-request")


async def test_a_wrong_code_replayed_costs_no_try(api: Api, sender: Counting) -> None:
    one = applicant(api)
    await one.open()
    await api.post(f"{one.path}/otp", {"to": "line"})
    wrong = {"code": "000000" if sender.code != "000000" else "111111"}
    first = await api.post(f"{one.path}/otp/check", wrong, headers=KEY)
    assert refused(first, 422, "otp-rejected")["attempts_left"] == 4
    again(first, await api.post(f"{one.path}/otp/check", wrong, headers=KEY))
    other = await api.post(f"{one.path}/otp/check", wrong, headers={"Idempotency-Key": "two"})
    assert refused(other, 422, "otp-rejected")["attempts_left"] == 3


async def test_a_conflict_is_not_kept(api: Api) -> None:
    one, two = applicant(api, 1), applicant(api, 2)
    await one.open()
    taken = {**two.body(), "msisdn": one.msisdn}
    refused(await api.post(PATH, taken, headers=KEY), 409, "number-in-use")
    await api.post(f"{one.path}/cancel")
    assert (await api.post(PATH, taken, headers=KEY)).status_code == 201


async def test_a_limit_is_not_kept(api: Api, clock: ManualClock) -> None:
    one = applicant(api)
    await one.open()
    await api.post(f"{one.path}/otp", {"to": "line"})
    refused(await api.post(f"{one.path}/otp", {"to": "line"}, headers=KEY), 429, "limit-exceeded")
    clock.advance(timedelta(seconds=30))
    assert (await api.post(f"{one.path}/otp", {"to": "line"}, headers=KEY)).status_code == 202


async def test_an_outage_is_not_kept(api: Api, sender: Counting, services: Services) -> None:
    one = applicant(api)
    await one.open()
    kept_senders, services.codes._senders = services.codes._senders, ()
    refused(await api.post(f"{one.path}/otp", {"to": "line"}, headers=KEY), 503, "unavailable")
    services.codes._senders = kept_senders
    assert (await api.post(f"{one.path}/otp", {"to": "line"}, headers=KEY)).status_code == 202


async def test_after_a_day_the_key_is_free(api: Api, clock: ManualClock) -> None:
    first = await api.post(PATH, applicant(api, 1).body(), headers=KEY)
    clock.advance(timedelta(hours=23, minutes=59))
    again(first, await api.post(PATH, applicant(api, 1).body(), headers=KEY))
    clock.advance(timedelta(minutes=1))
    answer = await api.post(PATH, applicant(api, 2).body(), headers=KEY)
    assert answer.status_code == 201
    assert answer.json()["id"] != first.json()["id"]


async def test_a_dead_holder_gives_way_after_its_lease(
    api: Api, clock: ManualClock, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died between the reservation and the answer: no commit, no release."""
    from service.web.idempotency import Slot

    async def died(*_: Any) -> None:
        raise KeyboardInterrupt

    async def silent(_: Slot) -> None:
        return None

    with monkeypatch.context() as patch:
        patch.setattr("service.registration.workflow.opening.create", died)
        patch.setattr(Slot, "_release", silent)
        with pytest.raises(KeyboardInterrupt):
            await api.post(PATH, applicant(api).body(), headers=KEY)
    refused(await api.post(PATH, applicant(api).body(), headers=KEY), 409, "idempotency-in-progress")
    clock.advance(timedelta(seconds=60))
    assert (await api.post(PATH, applicant(api).body(), headers=KEY)).status_code == 201


async def test_what_is_no_key(api: Api) -> None:
    for value in ("", " ", "a b", "x" * 256, "caf\u00e9", "a\tb"):
        answer = await api.post(PATH, applicant(api).body(), headers=[(b"Idempotency-Key", value.encode())])
        errors = refused(answer, 422, "invalid-request")["errors"]
        assert errors[0]["pointer"] == "/idempotency-key"
    assert (
        await api.post(PATH, applicant(api).body(), headers={"Idempotency-Key": "~" * 255})
    ).status_code == 201


async def test_what_is_kept_shows_nothing(api: Api, db: Database) -> None:
    """Neither the key nor the body nor the answer can be read, or guessed by a plain hash, in the row."""
    await api.post(PATH, applicant(api).body(), headers={"Idempotency-Key": "plain-key"})
    async with db.read(api.operator) as reader:
        row = await reader.one(sa.select(KeptAnswerRow.__table__))
    assert row is not None
    assert len(row.key) == len(row.fingerprint) == 16
    assert b"reg_" not in row.answer
    assert applicant(api).msisdn.encode() not in row.answer


async def test_the_answer_is_kept_with_the_work_or_not_at_all(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit fails after the answer was made: no registration, and the key is free."""
    from service.infra.postgres import Tx

    async def breaks(self: Tx) -> None:
        raise RuntimeError("before the commit")

    finish = Tx._finish
    calls = 0

    async def second_breaks(self: Tx) -> None:
        nonlocal calls
        calls += 1
        await (breaks(self) if calls == 2 else finish(self))

    monkeypatch.setattr(Tx, "_finish", second_breaks)
    assert (await api.post(PATH, applicant(api).body(), headers=KEY)).status_code == 500
    assert (await api.get(PATH)).json()["items"] == []
    assert (await api.post(PATH, applicant(api).body(), headers=KEY)).status_code == 201
