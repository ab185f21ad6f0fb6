"""Redis and PostgreSQL taken away and brought back: what is refused, what goes on, what heals by itself."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import JobManager

from service import worker
from service.infra import postgres as infra_postgres
from service.infra.postgres import Database
from service.kit.clock import SystemClock
from service.kit.errors import Unavailable
from service.kit.people import invent
from service.web.auth import Gate
from tests.api.admin.console import Browser
from tests.api.conftest import Api
from tests.fakes.processes import code_in
from tests.fakes.sms_gateway import SmsGateway
from tests.kill.conftest import Own

pytestmark = [pytest.mark.kill, pytest.mark.timeout(120)]
GIVE_UP_S = 30
"""A hang fails the test; nothing is decided by how long an answer takes."""


@pytest.fixture(autouse=True)
async def _whole_again(own: Own) -> AsyncIterator[None]:
    yield
    await asyncio.to_thread(own.bring_back)


def number(serial: int) -> str:
    return f"+4915{130_000_000 + serial}"


async def opened(api: Api, serial: int) -> str:
    """A registration with a passport; its path."""
    person = invent(Random(serial), api.services.clock.now().date())
    body = {"msisdn": number(serial), "purpose": "new", "channel": "app"}
    answer = await api.post("/v1/registrations", body)
    assert answer.status_code == 201, answer.text
    path = f"/v1/registrations/{answer.json()['id']}"
    answer = await api.post(f"{path}/documents", {"kind": "mrz", "lines": list(person.lines)})
    assert answer.status_code == 201, answer.text
    return path


def unavailable(answer: httpx2.Response, dependency: str) -> None:
    assert answer.status_code == 503, answer.text
    problem = answer.json()
    assert problem["code"] == "unavailable"
    assert problem["dependency"] == dependency
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"


@asynccontextmanager
async def bounded() -> AsyncIterator[None]:
    async with asyncio.timeout(GIVE_UP_S):
        yield


# Redis


async def stop_redis(own: Own) -> None:
    assert own.embedded.redis is not None
    await asyncio.to_thread(own.embedded.redis.stop)


async def test_without_redis_codes_are_refused_and_the_rest_goes_on(own: Own) -> None:
    async with own.running() as api:
        path = await opened(api, 1)
        await api.post(f"{path}/otp", {"to": "line"})
        code = await api.code(number(1))
        await stop_redis(own)
        async with bounded():
            unavailable(await api.post(f"{path}/otp/check", {"code": code}), "redis")
            unavailable(await api.post(f"{path}/otp", {"to": "line"}), "redis")
            unavailable(await api.get("/dev/outbox", params={"to": number(1)}), "redis")
            other = await opened(api, 2)  # create and document
            unavailable(await api.post(f"{other}/otp", {"to": "line"}), "redis")
            shown = await api.get(path)
            assert shown.status_code == 200
            assert shown.json()["missing"] == ["otp"]
            assert (await api.get("/v1/registrations")).status_code == 200
            answer = await api.ask("PATCH", other, json={"subscriber": {"email": "a@example.org"}})
            assert answer.status_code == 200, answer.text
            assert (await api.post(f"{other}/cancel")).status_code == 200
            ready = await api.get("/readyz")
            assert ready.status_code == 503
            assert ready.json()["checks"] == {"postgresql": "ok", "redis": "unreachable"}
            assert (await api.get("/healthz")).status_code == 200

        await asyncio.to_thread(own.bring_back)
        # The code was written to the append-only file, and every connection of the pool is dead: neither is a
        # reason to refuse.
        async with bounded():
            assert (await api.get("/readyz")).status_code == 200
            answer = await api.post(f"{path}/otp/check", {"code": code})
            assert answer.status_code == 200, answer.text
            assert (await api.post(f"{path}/submit")).status_code == 200


async def test_a_lost_redis_costs_a_new_code_and_nothing_else(own: Own) -> None:
    async with own.running() as api:
        path = await opened(api, 3)
        await api.post(f"{path}/otp", {"to": "line"})
        code = await api.code(number(3))
        with own.redis_admin() as admin:
            admin.flushall()
            admin.script_flush()
        answer = await api.post(f"{path}/otp/check", {"code": code})
        assert (answer.status_code, answer.json()["code"]) == (410, "otp-expired")
        assert (await api.post(f"{path}/otp", {"to": "line"})).status_code == 202
        answer = await api.post(f"{path}/otp/check", {"code": await api.code(number(3))})
        assert answer.status_code == 200, answer.text


async def test_a_slow_redis_is_not_waited_for_and_nothing_is_sent_twice(own: Own) -> None:
    """The gateway keeps a history: what was refused was not sent, then or later."""
    async with (
        SmsGateway() as gateway,
        own.running(
            sender="webhook",
            sender_webhook_url=gateway.url.replace("gateway.test", "127.0.0.1"),
            sender_webhook_secret=gateway.secret,
            allow_private_targets=True,
        ) as api,
    ):
        path, other = await opened(api, 4), await opened(api, 14)
        redis = own.embedded.redis
        assert redis is not None
        assert redis.child is not None
        redis.child.send_signal(signal.SIGSTOP)
        try:
            async with bounded():
                unavailable(await api.post(f"{path}/otp", {"to": "line"}), "redis")
                unavailable(await api.post(f"{path}/otp/check", {"code": "123456"}), "redis")
                assert (await api.get(path)).status_code == 200
                assert (await api.get("/readyz")).status_code == 503
        finally:
            redis.child.send_signal(signal.SIGCONT)
        async with bounded():
            while (await api.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.05)
            assert gateway.history == []
            # What lay in the socket may have been done meanwhile: then the budget is spent, and nothing sent.
            again = await api.post(f"{path}/otp", {"to": "line"})
            assert again.status_code in (202, 429)
            assert len(gateway.history) == (again.status_code == 202)
            gateway.history.clear()
            assert (await api.post(f"{other}/otp", {"to": "line"})).status_code == 202
            assert len(gateway.history) == 1
            code = code_in(gateway.history[0].data["text"])
            answer = await api.post(f"{other}/otp/check", {"code": code})
            assert answer.status_code == 200, answer.text


# PostgreSQL


async def stop_postgres(own: Own) -> None:
    assert own.embedded.postgres is not None
    await asyncio.to_thread(own.embedded.postgres.stop)


REG = "reg_" + "0" * 32
DOC = "doc_" + "0" * 32
REP = "rep_" + "0" * 32
BODIES: dict[str, Any] = {
    "/v1/registrations": {"msisdn": number(99), "purpose": "new"},
    "/v1/registrations/{registration_id}": {"subscriber": {"email": "a@example.org"}},
    "/v1/registrations/{registration_id}/documents": {"kind": "attested", "description": "a letter"},
    "/v1/registrations/{registration_id}/documents/{document_id}/confirm": {"fields": {"sex": "X"}},
    "/v1/registrations/{registration_id}/otp": {"to": "line"},
    "/v1/registrations/{registration_id}/otp/check": {"code": "123456"},
    "/v1/registrations/{registration_id}/appeal": {"text": "I am myself."},
    "/v1/lines/{msisdn}/restrict": {"reason": "abuse"},
    "/v1/lines/{msisdn}/suspend": {"reason": "abuse"},
    "/v1/lines/{msisdn}/reinstate": {"reason": "abuse"},
    "/v1/lines/{msisdn}/close": {"reason": "abuse"},
    "/v1/lines/{msisdn}/appeal": {"text": "I called nobody."},
    "/v1/reports": {"reported": number(97), "kind": "scam_call"},
}
"""A body that each route takes; others take ``{}``."""


def every_route(api: Api) -> list[tuple[str, str, Any]]:
    """(method, path, body) of every route under ``/v1``, from the OpenAPI document; but for verifications, which go on
    without PostgreSQL (``test_faults_verifications.py``)."""
    app = api.http._transport.app  # type: ignore[attr-defined]  # httpx2's own transport
    return [
        (
            method.upper(),
            path.replace("{registration_id}", REG)
            .replace("{document_id}", DOC)
            .replace("{msisdn}", number(98))
            .replace("{report_id}", REP),
            BODIES.get(path, {}),
        )
        for path, methods in app.openapi()["paths"].items()
        if path.startswith("/v1/") and not path.startswith("/v1/verifications")
        for method in methods
    ]


async def test_without_postgresql_every_route_is_503_and_it_heals_by_itself(own: Own) -> None:
    async with own.running() as api:
        app = api.http._transport.app  # type: ignore[attr-defined]
        path = await opened(api, 5)
        # The key stays known: a gate whose two seconds never pass lets the caller in without PostgreSQL.
        app.state.gate = Gate(api.services.operators, SystemClock(), lambda: 0.0)
        assert (await api.get(path)).status_code == 200
        routes = every_route(api)
        assert len(routes) >= 15
        await stop_postgres(own)
        async with bounded():
            for method, target, body in routes:
                extra = {"json": body} if method in ("POST", "PATCH") else {}
                unavailable(await api.ask(method, target, **extra), "postgresql")
                if method == "POST":
                    headers = {"Idempotency-Key": "while-it-is-gone"}
                    unavailable(await api.ask(method, target, headers=headers, **extra), "postgresql")
            app.state.gate = Gate(api.services.operators, SystemClock(), lambda: 0.0)
            for method, target, _ in routes:  # a key that is not known yet cannot be judged: not a 401
                unavailable(await api.ask(method, target), "postgresql")
            ready = await api.get("/readyz")
            assert ready.status_code == 503
            assert ready.json()["checks"] == {"postgresql": "unreachable", "redis": "ok"}
            assert (await api.get("/healthz")).status_code == 200

        await asyncio.to_thread(own.bring_back)
        async with bounded():
            assert (await api.get("/readyz")).status_code == 200
            answers = await asyncio.gather(*(api.get(path) for _ in range(20)))
            assert {answer.status_code for answer in answers} == {200}
            await opened(api, 6)


PAGES = ("/admin", "/admin/review", "/admin/lines", "/admin/dealers", "/admin/audit")


async def test_the_dashboard_says_what_is_gone_and_comes_back(own: Own) -> None:
    async with own.running() as api:
        app = api.http._transport.app  # type: ignore[attr-defined]
        transport = httpx2.ASGITransport(app, client=("127.0.0.1", 50001))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            browser = Browser(http)
            assert (await browser.get(await api.services.staff_link(own.operator.id))).status_code == 303
            for page in PAGES:
                assert (await browser.get(page)).status_code == 200, page
            for stop in (stop_redis, stop_postgres):
                await stop(own)
                async with bounded():
                    for page in PAGES:
                        answer = await browser.get(page)
                        assert answer.status_code == 503, page
                        assert "We cannot reach" in answer.text
                        assert answer.headers["content-type"].startswith("text/html")
                await asyncio.to_thread(own.bring_back)
                async with bounded():
                    for page in PAGES:
                        assert (await browser.get(page)).status_code == 200, page


async def test_the_worker_heals_by_itself(own: Own) -> None:
    async with own.running() as api:
        working = asyncio.create_task(worker.run(own.settings(), signals=False))
        try:
            path = await opened(api, 7)
            await api.post(f"{path}/otp", {"to": "line"})
            await api.post(f"{path}/otp/check", {"code": await api.code(number(7))})
            await stop_postgres(own)
            await asyncio.sleep(2)  # every part of the worker has met its absence
            await asyncio.to_thread(own.bring_back)
            answer = await api.post(f"{path}/submit")
            assert answer.json()["state"] == "approved", answer.text
            async with asyncio.timeout(60):
                while (await api.get(path)).json()["state"] != "active":
                    await asyncio.sleep(0.1)
                    assert not working.done()
            async with asyncio.timeout(60):
                while await asyncio.to_thread(unsealed, own):
                    await asyncio.sleep(0.1)
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working


async def test_a_worker_whose_heartbeat_fails_begins_again(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    """procrastinate then ends the worker as if it had been asked to stop; ours registers anew and goes on."""
    real, register = JobManager.update_heartbeat, JobManager.register_worker
    workers: list[int] = []
    again = asyncio.Event()

    async def fails_at_first(manager: JobManager, worker_id: int) -> None:
        if worker_id == workers[0]:
            raise ConnectorException
        await real(manager, worker_id)

    async def registers(manager: JobManager) -> int:
        workers.append(await register(manager))
        if len(workers) > 1:
            again.set()
        return workers[-1]

    monkeypatch.setattr(JobManager, "update_heartbeat", fails_at_first)
    monkeypatch.setattr(JobManager, "register_worker", registers)
    async with own.running() as api:
        working = asyncio.create_task(worker.run(own.settings(), signals=False))
        try:
            async with asyncio.timeout(60):
                await again.wait()
            path = await opened(api, 9)
            await api.post(f"{path}/otp", {"to": "line"})
            await api.post(f"{path}/otp/check", {"code": await api.code(number(9))})
            await api.post(f"{path}/submit")
            async with asyncio.timeout(60):
                while (await api.get(path)).json()["state"] != "active":
                    await asyncio.sleep(0.1)
            assert not working.done()
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working


def unsealed(own: Own) -> int:
    """How many audit entries wait for the sealer."""
    with own.admin() as conn:
        row = conn.execute(
            "SELECT count(*) FROM audit_entry e WHERE NOT EXISTS"
            " (SELECT 1 FROM audit_seal s WHERE s.operator_id = e.operator_id AND s.entry_id = e.id)"
        ).fetchone()
    assert row is not None
    return int(row[0])


async def test_postgresql_stops_between_the_burn_and_the_record(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server really stops; the right code counts afterwards, a wrong one never."""
    async with own.running() as api:
        path = await opened(api, 8)
        await api.post(f"{path}/otp", {"to": "line"})
        code = await api.code(number(8))
        db = api.services.db
        real = db.write

        @asynccontextmanager
        async def stops(operator: Any) -> AsyncIterator[Any]:
            monkeypatch.setattr(db, "write", real)
            await stop_postgres(own)
            async with real(operator) as tx:
                yield tx

        monkeypatch.setattr(db, "write", stops)
        async with bounded():
            unavailable(await api.post(f"{path}/otp/check", {"code": code}), "postgresql")
        await asyncio.to_thread(own.bring_back)
        wrong = f"{(int(code) + 1) % 1_000_000:06}"
        answer = await api.post(f"{path}/otp/check", {"code": wrong})
        assert (answer.status_code, answer.json()["code"]) == (410, "otp-expired")
        answer = await api.post(f"{path}/otp/check", {"code": code})
        assert answer.status_code == 200, answer.text
        assert (await api.get(path)).json()["missing"] == []


async def test_a_postgresql_that_freezes_is_not_waited_for(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGSTOP: the connection stands, the server's own timeouts do not run, no answer ever comes."""
    monkeypatch.setattr(infra_postgres, "GRACE_S", 0.5)
    db = Database(own.servers.app_url, SystemClock(), pool_size=2, statement_timeout_ms=500)
    try:
        with own.admin() as conn:

            async def frozen(reader: infra_postgres.Reader) -> None:
                pid = await reader.scalar(sa.text("SELECT pg_backend_pid()"))
                frozen_pids.append(pid)
                os.kill(pid, signal.SIGSTOP)
                await reader.scalar(sa.text("SELECT 1"))

            frozen_pids: list[int] = []
            async with bounded():
                for opening in (db.read, db.write):
                    with pytest.raises(Unavailable) as gone:
                        async with opening(own.operator.id) as reader:
                            await frozen(reader)
                    assert gone.value.facts["dependency"] == "postgresql"
                # At rest in the pool, frozen there: the next BEGIN gets no answer.
                async with db.read(None) as reader:
                    pid = await reader.scalar(sa.text("SELECT pg_backend_pid()"))
                frozen_pids.append(pid)
                os.kill(pid, signal.SIGSTOP)
                with pytest.raises(Unavailable):
                    async with db.read(None):
                        pytest.fail("began")
                async with db.read(None) as reader:
                    assert await reader.scalar(sa.text("SELECT 1")) == 1
            for pid in frozen_pids:
                os.kill(pid, signal.SIGCONT)
            async with bounded():
                left = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)"
                while conn.execute(left, [frozen_pids]).fetchone() != (0,):
                    await asyncio.sleep(0.02)
    finally:
        await db.close()
