"""``kill -9`` of the API under load: what was acknowledged is there, once, and the audit is whole."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx2
import pytest

from service.audit.model import Verification
from service.audit.verify import verify
from service.infra.crypto import Verifier
from service.infra.postgres import Database
from service.kit.clock import SystemClock
from service.kit.people import invent
from tests.fakes.processes import Program, Served, code_in
from tests.kill.conftest import Own

pytestmark = [pytest.mark.kill, pytest.mark.timeout(180)]

CLIENTS = 6
KILL_AFTER = 80
"""Acknowledged writes; some twenty registrations, each at another step."""


@dataclass
class Log:
    """What the service said yes to, in the order in which it said so."""

    entries: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    created: dict[str, tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=dict)
    """Idempotency-Key -> body and answer."""
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, what: str, registration: str, answer: httpx2.Response) -> dict[str, Any]:
        assert answer.status_code < 300, (what, answer.text)
        body: dict[str, Any] = answer.json()
        self.entries.append((what, registration, body))
        if len(self.entries) >= KILL_AFTER:
            self.enough.set()
        return body


async def walk(http: httpx2.AsyncClient, log: Log, serial: int) -> None:
    """One registration, from create to submit."""
    person = invent(Random(serial), SystemClock().now().date())
    number = f"+4915{110_000_000 + serial}"
    body = {"msisdn": number, "purpose": "new", "subscriber": person.subscriber()}
    key = f"walk-{serial}"
    answer = await http.post("/v1/registrations", json=body, headers={"Idempotency-Key": key})
    created = answer.json()
    log.note("created", created.get("id", ""), answer)
    log.created[key] = body, created
    name = created["id"]
    path = f"/v1/registrations/{name}"
    mrz = {"kind": "mrz", "lines": list(person.lines)}
    log.note("document", name, await http.post(f"{path}/documents", json=mrz))
    log.note("sent", name, await http.post(f"{path}/otp", json={"to": "line"}))
    messages = (await http.get("/dev/outbox", params={"to": number})).json()
    code = {"code": code_in(messages[0]["text"])}
    log.note("verified", name, await http.post(f"{path}/otp/check", json=code))
    log.note("decided", name, await http.post(f"{path}/submit", json={}))


async def keep_walking(client: int, url: str, key: str, log: Log) -> None:
    """Until the service is gone."""
    serial = client * 10_000
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
        while True:
            serial += 1
            try:
                await walk(http, log, serial)
            except (httpx2.TransportError, httpx2.HTTPError):
                return


def as_said(now: dict[str, Any], what: str, said: dict[str, Any]) -> bool:
    """Whether the registration, as it is now, still holds what was acknowledged."""
    match what:
        case "created":
            return bool(now["created_at"] == said["created_at"] and now["msisdn"] == said["msisdn"])
        case "document":
            return said["id"] in {document["id"] for document in now["evidence"]["documents"]}
        case "verified":
            return "otp" not in now["missing"]
        case "decided":
            return bool(now["decision"]["id"] == said["decision"]["id"])
    return True


async def whole(own: Own) -> Verification:
    """The audit, once the worker's sealer has numbered everything."""
    db = Database(own.servers.app_url, SystemClock(), pool_size=2)
    try:
        async with asyncio.timeout(40):
            while True:
                found = await verify(db, [own.operator.id], Verifier.load(own.keys))
                if not any(chain.waiting for chain in found.chains):
                    return found
                await asyncio.sleep(0.2)
    finally:
        await db.close()


def counts(own: Own, statement: str) -> Counter[Any]:
    with own.admin() as conn:
        return Counter({row[0]: row[1] for row in conn.execute(statement).fetchall()})  # type: ignore[call-overload]


async def test_nothing_acknowledged_is_lost_and_nothing_is_double(
    own: Own, serve: Callable[[], Served], run: Callable[..., Program]
) -> None:
    worker, served, log = run("worker"), serve(), Log()
    clients = [
        asyncio.create_task(keep_walking(number, served.url, own.key, log)) for number in range(CLIENTS)
    ]
    async with asyncio.timeout(100):
        await log.enough.wait()
    served.kill()
    await asyncio.gather(*clients)
    served = serve()

    headers = {"Authorization": f"Bearer {own.key}"}
    async with httpx2.AsyncClient(base_url=served.url, headers=headers, timeout=30) as http:
        now = {}
        for what, name, said in log.entries:
            if name not in now:
                now[name] = (await http.get(f"/v1/registrations/{name}")).json()
            assert as_said(now[name], what, said), (what, said, now[name])
        # The answer was kept in the transaction of the registration: asked again, it is given again.
        for key, (body, answer) in log.created.items():
            again = await http.post("/v1/registrations", json=body, headers={"Idempotency-Key": key})
            assert again.status_code == 201
            assert again.headers["idempotent-replayed"] == "true"
            assert again.json() == answer
        # The worker brings up whatever was approved, acknowledged or not.
        async with asyncio.timeout(40):
            while (await http.get("/v1/registrations", params={"state": "approved"})).json()["items"]:
                await asyncio.sleep(0.2)
        for what, name, said in log.entries:
            if what == "decided" and said["decision"]["verdict"] == "approved":
                assert (await http.get(f"/v1/registrations/{name}")).json()["state"] == "active"

    assert (await whole(own)).is_whole
    assert worker.is_alive()
    once = {
        "open registrations of a number": "SELECT msisdn_idx, count(*) FROM registration GROUP BY 1",
        "decisions": "SELECT registration_id, count(*) FROM decision GROUP BY 1",
        "lines": "SELECT registration_id, count(*) FROM line GROUP BY 1",
        "entries": "SELECT object || action, count(*) FROM audit_entry WHERE object LIKE 'reg_%'"
        " AND action IN ('registration.created', 'otp.verified', 'registration.decided',"
        " 'registration.activated') GROUP BY 1",
    }
    for what, statement in once.items():
        found = counts(own, statement)
        assert found, what
        assert max(found.values()) == 1, what
    registrations = counts(own, "SELECT state, count(*) FROM registration GROUP BY 1")
    assert registrations.total() >= len(log.created)
    created = counts(own, "SELECT action, count(*) FROM audit_entry GROUP BY 1")["registration.created"]
    assert created == registrations.total()


async def test_a_caller_that_closes_the_connection_is_served_to_the_end(
    own: Own, serve: Callable[[], Served]
) -> None:
    """Over TCP: what was asked is done, charged and recorded, and no connection stays in a transaction."""
    served = serve()
    headers = {"Authorization": f"Bearer {own.key}"}

    async def ask_and_leave(path: str, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        _, writer = await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {own.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            + data
        )
        await writer.drain()
        writer.transport.abort()

    async with httpx2.AsyncClient(base_url=served.url, headers=headers, timeout=30) as http:
        number = "+4915190000001"
        person = invent(Random(90_001), SystemClock().now().date())
        body = {"msisdn": number, "purpose": "new", "subscriber": person.subscriber()}
        path = f"/v1/registrations/{(await http.post('/v1/registrations', json=body)).json()['id']}"
        await ask_and_leave(f"{path}/otp", {"to": "line"})
        messages: list[dict[str, str]] = []
        async with asyncio.timeout(30):
            while not messages:
                messages = (await http.get("/dev/outbox", params={"to": number})).json()
        # Sent once, and paid for: the next must wait.
        assert len(messages) == 1
        assert (await http.post(f"{path}/otp", json={"to": "line"})).status_code == 429
        await ask_and_leave(f"{path}/otp/check", {"code": code_in(messages[0]["text"])})
        async with asyncio.timeout(30):
            while "otp" in (await http.get(path)).json()["missing"]:
                await asyncio.sleep(0.02)
        for _ in range(30):
            await ask_and_leave(f"{path}/documents", {"kind": "attested", "description": "a letter"})
        stuck = (
            "SELECT 1, count(*) FROM pg_stat_activity WHERE usename = 'simward_app' AND state LIKE 'idle in%'"
        )
        async with asyncio.timeout(30):
            while counts(own, stuck)[1] or (await http.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.05)
