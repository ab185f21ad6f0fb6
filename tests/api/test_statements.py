"""At most ten SQL statements a request: counted at the driver, whoever sends them, jobs included."""

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from service.audit.workflow import Actor
from service.compose import Instead, Services
from service.documents.model import RegistryAnswer
from service.kit.clock import ManualClock
from service.kit.people import person as of_utopia
from tests.api.conftest import Api
from tests.fakes.pipeline import (
    PATH,
    TODAY,
    Applicant,
    TurnableProvisioner,
    TurnableRegistry,
    applicant,
    refused,
    somebody,
    work,
)
from tests.fakes.still_reader import StillReader, seen

MOST = 10
_FRAME = ("begin", "commit", "rollback", "set local", "discard")


@pytest.fixture
async def sent(api: Api, app: FastAPI, services: Services, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that the driver was given, without those that open and end a transaction.

    What a process asks for itself every two seconds, the policy, the trust store and the holder of a key, would be
    counted to whatever request is under way: the poll is stopped, and a holder who is known stays known.
    """
    await services.policies.stop()
    await services.authorities.stop()
    monkeypatch.setattr(app.state.gate, "_monotonic", lambda: 0.0)
    seen: list[str] = []
    execute, many = psycopg.AsyncCursor.execute, psycopg.AsyncCursor.executemany

    def text(query: Any) -> str:
        raw = query if isinstance(query, str | bytes) else query.as_string(None)
        return (raw.decode() if isinstance(raw, bytes) else raw).strip()

    async def counted(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        if not text(query).casefold().startswith(_FRAME):
            seen.append(text(query))
        return await execute(self, query, *args, **kwargs)

    async def counted_many(self: Any, query: Any, params: Sequence[Any], **kwargs: Any) -> Any:
        seen.append(text(query))  # one statement and one round trip, whatever number of rows it takes
        return await many(self, query, params, **kwargs)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counted)
    monkeypatch.setattr(psycopg.AsyncCursor, "executemany", counted_many)
    return seen


@pytest.fixture
def provisioner() -> TurnableProvisioner:
    return TurnableProvisioner()


@pytest.fixture
def registry() -> TurnableRegistry:
    return TurnableRegistry()


@pytest.fixture
def reader() -> StillReader:
    return StillReader()


@pytest.fixture
def instead(provisioner: TurnableProvisioner, registry: TurnableRegistry, reader: StillReader) -> Instead:
    return Instead(provisioner=provisioner, registry=registry, reader=reader)


def contact_of(one: Applicant) -> str:
    return f"+31612{one.msisdn[-6:]}"


class Counter:
    """Asks, and fails over a request that took more than it may. Every POST has a key, or none has."""

    def __init__(self, api: Api, services: Services, sent: list[str], keyed: bool) -> None:
        self.api, self.services, self.sent, self.keyed = api, services, sent, keyed
        self.serials = itertools.count()
        self.counts: dict[str, int] = {}
        self.headers: dict[str, dict[str, str]] = {}

    async def __call__(self, name: str, path: str, body: Any = None, method: str = "POST") -> Any:
        self.sent.clear()
        before = self.services.db.statements
        headers = {"Idempotency-Key": f"{next(self.serials)}"} if self.keyed and method == "POST" else {}
        self.headers[path] = headers
        answer = await self.api.ask(method, path, json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        self.counts[name] = len(self.sent)
        assert self.services.db.statements - before == len(self.sent), self.sent  # the bench prints the truth
        assert len(self.sent) <= MOST, (name, self.sent)
        return answer.json()

    async def ready(self, one: Applicant, to: str = "line", **changes: Any) -> None:
        """Everything that a registration may carry, up to the submit."""
        address = {"lines": ["Main St 1"], "postal_code": "10115", "locality": "Berlin", "country": "DE"}
        typed = {"email": "a@example.org", "address": address, "contact_msisdn": contact_of(one)}
        body = one.body(
            imei="490154203237518",
            dealer="D-1",
            agent="A-1",
            device={"fingerprint": "a phone", "ip": "203.0.113.7"},
            payment={"token": "a token"},
            subscriber={**one.person.subscriber(), **typed},
            **changes,
        )
        one.id = (await self("create", PATH, body))["id"]
        paper = {"kind": "mrz", "lines": list(one.person.lines)}
        await self("document", f"{one.path}/documents", paper)
        await self("document again", f"{one.path}/documents", paper)
        await self("patch", one.path, {"subscriber": {"email": "b@example.org"}}, method="PATCH")
        await self.proved(one, to)

    async def proved(self, one: Applicant, to: str = "line") -> None:
        await self(f"send to the {to}", f"{one.path}/otp", {"to": to})
        code = await self.api.code(one.msisdn if to == "line" else contact_of(one))
        await self(f"check of the {to}'s", f"{one.path}/otp/check", {"code": code})

    async def submit(self, one: Applicant) -> Any:
        return (await self("submit", f"{one.path}/submit", {}))["state"]


@pytest.fixture(params=[False, True], ids=["without a key", "with a key"])
async def count(api: Api, services: Services, sent: list[str], request: pytest.FixtureRequest) -> Counter:
    await services.dealers.register(api.operator, code="D-1", name="Shop", licence="L", actor=Actor.cli())
    await services.dealers.register_agent(api.operator, "D-1", "A-1", actor=Actor.cli())
    await api.get(PATH)  # the caller is known from here on
    return Counter(api, services, sent, request.param)


async def test_at_most_ten_statements_a_request(count: Counter, services: Services) -> None:
    """With everything that a registration may carry: dealer, agent, device, card, address."""
    one, other = applicant(count.api), applicant(count.api, 2)
    await count.ready(one, iccid="8949020000123456788")
    assert await count.submit(one) == "approved"
    assert (await count("get", one.path, method="GET"))["state"] == "approved"
    await work(services)
    line = f"/v1/lines/{one.msisdn}"
    assert (await count("line", line, method="GET"))["state"] == "active"
    for action in ("restrict", "suspend", "reinstate", "close"):
        await count(action, f"{line}/{action}", {"reason": "asked", "note": "by telephone"})
    await other.open()
    await count("cancel", f"{other.path}/cancel", {})
    assert count.counts["get"] <= 2
    if count.keyed:
        count.sent.clear()
        path = f"{one.path}/submit"
        answer = await count.api.post(path, headers=count.headers[path])
        assert answer.headers["idempotent-replayed"] == "true"
        assert len(count.sent) <= 3


async def test_a_picture_and_its_confirmation(count: Counter, reader: StillReader) -> None:
    one = applicant(count.api)
    one.id = (await count("create", PATH, one.body()))["id"]
    reader.says = seen(*one.person.lines, again=False)
    count.sent.clear()
    files = {"image": ("a.jpg", b"\xff\xd8\xff", "image/jpeg")}
    headers = {"Idempotency-Key": "a-picture"} if count.keyed else {}
    answer = await count.api.ask("POST", f"{one.path}/documents", files=files, headers=headers)
    assert answer.json()["outcome"] == "refer", answer.text
    assert len(count.sent) <= MOST, count.sent
    said = {"fields": {"document_number": one.person.document_number}}
    await count("confirm", f"{one.path}/documents/{answer.json()['id']}/confirm", said)


async def test_a_report(count: Counter, services: Services, clock: ManualClock) -> None:
    """By somebody whose number is proved, with a note under their own key; of a line that is ours, and of no line."""
    reporter, other = applicant(count.api), applicant(count.api, 2)
    for one in (reporter, other):
        await one.decided()
    await work(services)
    clock.advance(timedelta(minutes=1))
    sent = (await count.api.post("/v1/verifications", {"to": reporter.msisdn})).json()
    code = {"code": await count.api.code(reporter.msisdn)}
    await count.api.post(f"/v1/verifications/{sent['id']}/check", code)
    by = {"msisdn": reporter.msisdn, "verification": sent["id"]}
    body = {"reported": other.msisdn, "kind": "spam", "reporter": by, "note": "Twice a day"}
    made = await count("report", "/v1/reports", body)
    await count("report elsewhere", "/v1/reports", {**body, "reported": "+4915112349999"})
    assert (await count("get", f"/v1/reports/{made['id']}", method="GET"))["state"] == "filed"
    assert count.counts["get"] == 2


async def test_a_line_that_owes_its_code(
    count: Counter, services: Services, provisioner: TurnableProvisioner
) -> None:
    provisioner.can_receive = False
    for turn in (1, 2, 3):
        one = applicant(count.api, turn)
        await count.ready(one, "contact")
        assert await count.submit(one) == "approved"
    await work(services)
    await count("list", PATH, method="GET")
    assert count.counts["list"] == 2, "one for the page, one for the lines of all that are on it"
    await count("get", one.path, method="GET")
    await count.proved(one)


async def test_a_denial_and_its_appeal(count: Counter, registry: TurnableRegistry) -> None:
    registry.says = RegistryAnswer.NO
    one = applicant(count.api)
    await count.ready(one)
    assert await count.submit(one) == "denied"
    await count("appeal", f"{one.path}/appeal", {"text": "Please look again."})


async def test_a_renewed_document(count: Counter, services: Services) -> None:
    """The new line is also joined to the one that it continues."""
    old = somebody()
    papers = {"sex": old.sex, "personal_number": old.personal_number}
    for turn, number, days in ((1, "UA1111111", 30), (2, "UA2222222", 900)):
        person = of_utopia(
            old.family_name,
            old.given_names,
            old.birth_date,
            number=number,
            expiry=TODAY + timedelta(days),
            **papers,
        )
        one = applicant(count.api, turn, person=person)
        await count.ready(one)
        assert await count.submit(one) == "approved"
    async with services.db.read(count.api.operator) as reader:
        renewed = await reader.scalar(sa.text("SELECT count(*) FROM holding WHERE renewal_of IS NOT NULL"))
    assert renewed == 1


@pytest.mark.parametrize("changes", [{}, {"sim_lost": True}], ids=["the old card at hand", "a lost card"])
async def test_a_swap(count: Counter, services: Services, changes: dict[str, Any]) -> None:
    """What a lost card's holder is told is a job's to send, not the request's."""
    holder = applicant(count.api)
    typed = {**holder.person.subscriber(), "contact_msisdn": contact_of(holder)}
    await holder.decided(iccid="8949020000123456788", subscriber=typed)
    await work(services)
    services.clock.advance(timedelta(minutes=2))  # type: ignore[attr-defined]  the tests' clock is set by hand
    swap = Applicant(count.api, holder.person, holder.msisdn)
    await count.ready(swap, "contact", purpose="sim_swap", iccid="8949020000123456796", **changes)
    assert await count.submit(swap) == ("in_review" if changes else "approved")
    assert services.outbox is not None
    before = len(await services.outbox.read(holder.msisdn))
    count.sent.clear()
    await work(services)
    told = len(await services.outbox.read(holder.msisdn)) - before
    assert told == (1 if changes else 0)


async def test_a_list_is_one_statement_however_long(api: Api, sent: list[str]) -> None:
    for turn in range(1, 9):
        await applicant(api, turn).open()
    sent.clear()
    assert len((await api.get(PATH)).json()["items"]) == 8
    assert len(sent) == 1, sent


async def test_a_key_that_is_not_known_costs_little(api: Api, sent: list[str]) -> None:
    """Two at most, and none for what does not even look like a key."""
    sent.clear()
    refused(await api.get(PATH, headers={"Authorization": "Bearer nonsense"}), 401, "unauthenticated")
    assert sent == []
    key = f"Bearer sk_{'a' * 16}_{'b' * 43}"
    refused(await api.get(PATH, headers={"Authorization": key}), 401, "unauthenticated")
    assert len(sent) <= 2
    sent.clear()
    refused(await api.get(PATH, headers={"Authorization": key}), 401, "unauthenticated")
    assert sent == []  # remembered


async def test_the_count_counts(services: Services, api: Api, sent: list[str]) -> None:
    sent.clear()
    async with services.db.write(api.operator) as tx:
        await tx.scalar(sa.text("SELECT 1"))
        tx.stage(sa.text("SELECT 2"))
        await tx.lock(7)
    assert len(sent) == 3
