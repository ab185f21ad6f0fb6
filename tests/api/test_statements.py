"""At most ten SQL statements a request: counted at the driver, whoever sends them, jobs included."""

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from service.audit.workflow import Actor
from service.compose import Services
from tests.api.conftest import Api
from tests.fakes.pipeline import PATH, applicant, refused

MOST = 10
_FRAME = ("begin", "commit", "rollback", "set local", "discard")


@pytest.fixture
def sent(api: Api, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that the driver was given, without those that open and end a transaction."""
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


@pytest.mark.parametrize("keyed", [False, True])
async def test_at_most_ten_statements_a_request(
    api: Api, services: Services, sent: list[str], keyed: bool
) -> None:
    """With everything that a registration may carry: dealer, agent, device, card, address. An Idempotency-Key
    costs two more: the reservation before, the answer after."""
    await services.dealers.register(api.operator, code="D-1", name="Shop", licence="L", actor=Actor.cli())
    await services.dealers.register_agent(api.operator, "D-1", "A-1", actor=Actor.cli())
    await api.get(PATH)  # the caller is known from here on
    one, other = applicant(api), applicant(api, 2)
    address = {"lines": ["Main St 1"], "postal_code": "10115", "locality": "Berlin", "country": "DE"}
    counts: dict[str, int] = {}

    async def count(name: str, path: str, body: Any = None, method: str = "POST") -> Any:
        sent.clear()
        before = services.db.statements
        has_key = keyed and method == "POST"
        headers = {"Idempotency-Key": name} if has_key else {}
        answer = await api.ask(method, path, json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        counts[name] = len(sent)
        assert services.db.statements - before == len(sent), sent  # what the bench prints is the truth
        assert len(sent) <= MOST + 2 * has_key, (name, sent)
        return answer.json()

    body = one.body(
        iccid="8949020000123456788",
        imei="490154203237518",
        dealer="D-1",
        agent="A-1",
        device={"fingerprint": "a phone", "ip": "203.0.113.7"},
        payment={"token": "a token"},
        subscriber={**one.person.subscriber(), "email": "a@example.org", "address": address},
    )
    one.id = (await count("create", PATH, body))["id"]
    await count("document", f"{one.path}/documents", {"kind": "mrz", "lines": list(one.person.lines)})
    await count("send", f"{one.path}/otp", {"to": "line"})
    await count("check", f"{one.path}/otp/check", {"code": await api.code(one.msisdn)})
    decided = await count("submit", f"{one.path}/submit", {})
    assert decided["state"] == "approved"
    await count("get", one.path, method="GET")
    await count("list", PATH, method="GET")
    await other.open()
    await count("patch", other.path, {"subscriber": {"email": "b@example.org"}}, method="PATCH")
    await count("cancel", f"{other.path}/cancel", {})
    assert counts["get"] <= 2
    if keyed:
        sent.clear()
        answer = await api.post(f"{one.path}/submit", headers={"Idempotency-Key": "submit"})
        assert answer.headers["idempotent-replayed"] == "true"
        assert len(sent) <= 3


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
