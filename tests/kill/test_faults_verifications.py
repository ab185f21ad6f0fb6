"""Verifications while Redis is gone, frozen, full, empty or back, while PostgreSQL is gone, and under ``kill -9``."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from service.audit.workflow import Actor
from service.kit.clock import SystemClock
from service.kit.ids import new_id
from service.limits.model import Limit
from service.web.auth import Gate
from tests.api.conftest import Api
from tests.fakes.processes import Program, Served, code_in, free_port
from tests.fakes.sms_gateway import SmsGateway
from tests.kill.conftest import Own
from tests.kill.test_faults_backends import bounded, stop_postgres, stop_redis, unavailable

pytestmark = [pytest.mark.kill, pytest.mark.timeout(180)]
PATH = "/v1/verifications"


def number(turn: int) -> str:
    """Far from its neighbours, so that no budget of a block is met."""
    return f"+49151{10_000_000 + turn * 20_011}"


@pytest.fixture(autouse=True)
async def _whole_again(own: Own) -> AsyncIterator[None]:
    yield
    await asyncio.to_thread(own.bring_back)


@asynccontextmanager
async def sending(own: Own) -> AsyncIterator[tuple[Api, SmsGateway]]:
    """The application, whose messages go to a gateway that keeps a history."""
    async with SmsGateway() as gateway, own.running(**by_gateway(gateway)) as api:
        yield api, gateway


def by_gateway(gateway: SmsGateway) -> dict[str, Any]:
    return {
        "sender": "webhook",
        "sender_webhook_url": gateway.url.replace("gateway.test", "127.0.0.1"),
        "sender_webhook_secret": gateway.secret,
        "allow_private_targets": True,
    }


def sent(gateway: SmsGateway) -> Counter[str]:
    return Counter(each.data["to"] for each in gateway.history)


def last_code(gateway: SmsGateway) -> str:
    return code_in(gateway.history[-1].data["text"])


async def begun(api: Api, turn: int, **headers: str) -> str:
    """The path of a verification."""
    answer = await api.post(PATH, {"to": number(turn)}, headers=headers)
    assert answer.status_code == 202, answer.text
    return f"{PATH}/{answer.json()['id']}"


async def refuses_all(api: Api, path: str, turn: int) -> None:
    """Sends and checks fail closed, with and without a key."""
    for headers in ({}, {"Idempotency-Key": f"refused-{turn}"}):
        unavailable(await api.post(PATH, {"to": number(turn)}, headers=headers), "redis")
        unavailable(await api.post(f"{path}/check", {"code": "000000"}, headers=headers), "redis")
    unavailable(await api.post(f"{path}/resend"), "redis")


async def test_without_redis_nothing_is_sent_and_the_code_outlives_it(own: Own) -> None:
    async with sending(own) as (api, gateway):
        path = await begun(api, 1)
        code = last_code(gateway)
        await stop_redis(own)
        async with bounded():
            await refuses_all(api, path, 2)
            unavailable(await api.get(path), "redis")
        assert sent(gateway) == {number(1): 1}
        await asyncio.to_thread(own.bring_back)
        async with bounded():
            answer = await api.post(f"{path}/check", {"code": code})
            assert answer.status_code == 200, answer.text
            await begun(api, 2)
        assert sent(gateway) == {number(1): 1, number(2): 1}


async def test_a_frozen_redis_is_not_waited_for_and_nothing_is_sent_then_or_later(own: Own) -> None:
    async with sending(own) as (api, gateway):
        path = await begun(api, 11)
        redis = own.embedded.redis
        assert redis is not None
        assert redis.child is not None
        key = {"Idempotency-Key": "frozen"}
        redis.child.send_signal(signal.SIGSTOP)
        try:
            async with bounded():
                unavailable(await api.post(PATH, {"to": number(12)}, headers=key), "redis")
                unavailable(await api.post(f"{path}/check", {"code": "000000"}), "redis")
        finally:
            redis.child.send_signal(signal.SIGCONT)
        async with bounded():
            while (await api.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.05)
            assert sent(gateway) == {number(11): 1}
            # What lay in the socket may have been done meanwhile: then the key is taken for a minute, and nothing sent.
            again = await api.post(PATH, {"to": number(12)}, headers=key)
            assert again.status_code in (202, 409)
            assert sent(gateway)[number(12)] == (again.status_code == 202)
            await begun(api, 13)
            assert sent(gateway)[number(13)] == 1


async def test_a_full_redis_refuses_and_charges_nothing(own: Own) -> None:
    """``noeviction`` with no memory left: writes are refused, and none of a script's is done."""
    async with sending(own) as (api, gateway):
        path = await begun(api, 21)
        code = last_code(gateway)
        with own.redis_admin() as admin:
            assert admin.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            before = {key: admin.dump(key) for key in admin.keys("{otp}:*")}  # type: ignore[union-attr]
            admin.config_set("maxmemory", 1)
            try:
                async with bounded():
                    await refuses_all(api, path, 22)
                    assert (await api.get(path)).json()["attempts_left"] == 5
                assert {key: admin.dump(key) for key in before} == before
            finally:
                admin.config_set("maxmemory", 0)
        assert sent(gateway) == {number(21): 1}
        await begun(api, 22, **{"Idempotency-Key": "refused-22"})
        assert (await api.post(f"{path}/check", {"code": code})).status_code == 200
        assert sent(gateway) == {number(21): 1, number(22): 1}


async def test_full_between_the_issue_and_the_answer_sends_once(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender took it, and that cannot be noted: the caller has its 202, and a retry sends nothing."""
    async with sending(own) as (api, gateway):
        await begun(api, 31, **{"Idempotency-Key": "warm"})
        challenges = type(api.services.verifications._engine.challenges)
        real = challenges.accept
        with own.redis_admin() as admin:

            async def full(*given: Any, **named: Any) -> None:
                admin.config_set("maxmemory", 1)
                try:
                    await real(*given, **named)
                finally:
                    admin.config_set("maxmemory", 0)

            monkeypatch.setattr(challenges, "accept", full)
            key = {"Idempotency-Key": "full"}
            assert (await api.post(PATH, {"to": number(32)}, headers=key)).status_code == 202
        again = await api.post(PATH, {"to": number(32)}, headers=key)
        assert (again.status_code, again.json()["code"]) == (409, "idempotency-in-progress")
        assert sent(gateway)[number(32)] == 1


def leased(own: Own) -> int:
    with own.admin() as conn:
        row = conn.execute("SELECT leased FROM money_day ORDER BY day DESC LIMIT 1").fetchone()
    assert row is not None
    return int(row[0])


async def test_a_redis_that_forgot_everything_gets_blocks_and_money_before_anything_is_sent(own: Own) -> None:
    async with sending(own) as (api, gateway):
        path = await begun(api, 41)
        code, before = last_code(gateway), leased(own)
        await api.services.blocks.set(
            own.operator.id,
            Limit.OTP_BLOCKED_MSISDN_EVERYWHERE,
            until=api.services.clock.now() + timedelta(days=30),
            reason="not-me",
            actor=Actor.system("holder"),
            made_by="holder",
            number=number(42),
            block_id=new_id(),
        )
        with own.redis_admin() as admin:
            admin.flushall()
            admin.script_flush()
        assert (await api.post(PATH, {"to": number(42)})).status_code == 202
        assert sent(gateway) == {number(41): 1}
        await begun(api, 43)
        assert sent(gateway) == {number(41): 1, number(43): 1}
        policy = api.services.policies.current.limits.money
        assert policy is not None
        assert leased(own) == before + policy.slice
        assert (await api.post(f"{path}/check", {"code": code})).status_code in (404, 410)


async def test_no_flush_makes_the_day_dearer_than_its_cap(own: Own) -> None:
    """Two messages' money is left of the day. However often Redis forgets, two are sent."""
    async with sending(own) as (api, gateway):
        await begun(api, 51)
        gateway.history.clear()
        money, price = api.services.policies.current.limits.money, 75_000
        assert money is not None
        with own.admin() as conn, own.redis_admin() as admin:
            try:
                conn.execute("UPDATE money_day SET leased = cap - %s", [2 * price])
                answers = []
                for turn in range(52, 60):
                    admin.flushall()
                    answers.append(await api.post(PATH, {"to": number(turn)}))
                assert leased(own) == money.per_day
                # Each flush lost what was leased: fewer messages, never more.
                assert 1 <= sum(answer.status_code == 202 for answer in answers) <= 2
                for answer in answers[2:]:
                    unavailable(answer, "money")
                assert sent(gateway).total() <= 2
            finally:
                conn.execute("UPDATE money_day SET leased = 0")
                admin.flushall()
        await begun(api, 60)


async def test_without_postgresql_verifications_go_on_until_the_money_is_spent(own: Own) -> None:
    """The hot path asks it for nothing. A key must be known: that of a caller is looked up anew every two seconds."""
    async with sending(own) as (api, gateway):
        app = api.http._transport.app  # type: ignore[attr-defined]  # httpx2's own transport
        app.state.gate = Gate(api.services.operators, SystemClock(), lambda: 0.0)
        await begun(api, 71)
        await stop_postgres(own)
        async with bounded():
            for turn in (72, 73):
                path = await begun(api, turn, **{"Idempotency-Key": f"k{turn}"})
                answer = await api.post(f"{path}/check", {"code": last_code(gateway)})
                assert answer.status_code == 200, answer.text
                assert (await api.get(path)).json()["status"] == "verified"
            unavailable(await api.get(f"{PATH}/ver_{'0' * 32}"), "postgresql")
            with own.redis_admin() as admin:
                admin.set(api.services.purses._key(own.operator.id, api.services.clock.now()), 0)
            unavailable(await api.post(PATH, {"to": number(74)}), "postgresql")
            assert sent(gateway)[number(74)] == 0
        await asyncio.to_thread(own.bring_back)
        async with bounded():
            await begun(api, 74)
        assert sent(gateway)[number(74)] == 1


async def test_kill_9_during_sends_and_a_retry_sends_nothing_twice(own: Own) -> None:
    """Each message that the gateway saw is the only one of its key, acknowledged or not; what was acknowledged is
    answered again to the byte."""
    port, acknowledged = free_port(), dict[int, bytes]()
    async with SmsGateway() as gateway:
        variables = {
            f"SIMWARD_{name.upper()}": "1" if value is True else value
            for name, value in by_gateway(gateway).items()
        }

        async def start() -> Served:
            served = Served({**own.variables, **variables}, port)
            await asyncio.to_thread(served.wait_ready)
            return served

        async def ask(http: httpx2.AsyncClient, turn: int) -> httpx2.Response:
            key = {"Idempotency-Key": f"kill-{turn}"}
            return await http.post(PATH, json={"to": number(turn)}, headers=key)

        enough = asyncio.Event()

        async def client(http: httpx2.AsyncClient, turns: range) -> None:
            for turn in turns:
                try:
                    answer = await ask(http, turn)
                except httpx2.HTTPError:
                    return
                assert answer.status_code == 202, answer.text
                acknowledged[turn] = answer.content
                if len(acknowledged) >= 15:
                    enough.set()
                    gateway.behaviour = "hang"  # from here on messages are taken, and nobody hears of it

        served = await start()
        headers = {"Authorization": f"Bearer {own.key}"}
        try:
            async with httpx2.AsyncClient(base_url=served.url, headers=headers, timeout=30) as http:
                clients = [
                    asyncio.create_task(client(http, range(100 + 20 * n, 120 + 20 * n))) for n in range(4)
                ]
                async with asyncio.timeout(60):
                    await enough.wait()
                    while sent(gateway).total() < len(acknowledged) + 4:
                        await asyncio.sleep(0.01)
                served.kill()
                await asyncio.gather(*clients)
            gateway.behaviour = "answer"
            once = sent(gateway)
            lost = {each for each in once if each not in {number(turn) for turn in acknowledged}}
            assert 1 <= len(lost) <= 4  # an answer may be on its way while the process dies
            served.close()
            served = await start()
            async with httpx2.AsyncClient(base_url=served.url, headers=headers, timeout=30) as http:
                for turn, body in acknowledged.items():
                    again = await ask(http, turn)
                    assert again.content == body
                    assert again.headers["idempotent-replayed"] == "true"
                unheard = [turn for turn in range(100, 180) if number(turn) in lost]
                for turn in unheard:
                    busy = await ask(http, turn)
                    assert (busy.status_code, busy.json()["code"]) == (409, "idempotency-in-progress")
                leases_end(own)
                for turn in unheard:
                    assert (await ask(http, turn)).status_code == 202
            assert sent(gateway) == once
            assert set(once.values()) == {1}
        finally:
            served.close()


def leases_end(own: Own) -> None:
    """A minute passes for the keys of dead requests."""
    with own.redis_admin() as admin:
        for record in admin.keys("{otp}:i:*"):  # type: ignore[union-attr]  # not asyncio's
            admin.hset(record, "l", "1")


async def test_a_worker_killed_while_it_drains_writes_each_line_once(own: Own) -> None:
    def written() -> tuple[int, int]:
        with own.admin() as conn:
            row = conn.execute(
                "SELECT count(*), count(DISTINCT id) FROM otp_event WHERE kind = 'accepted' AND sender = 'drill'"
            ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    most = 6000
    async with own.running() as api:
        for _ in range(most):
            api.services.journal.note(
                "accepted", operator=own.operator.id, challenge=new_id(), sender="drill"
            )
        await api.services.journal.flush()
    for _ in range(2):
        worker = Program("worker", env=own.variables)
        try:
            async with asyncio.timeout(60):
                before = written()[0]
                while written()[0] == before < most:
                    await asyncio.sleep(0.005)
            os.kill(worker.pid, signal.SIGKILL)
        finally:
            worker.close()
    worker = Program("worker", env=own.variables)
    try:
        with own.redis_admin() as admin:
            async with asyncio.timeout(60):
                while admin.exists("{otp}:log"):
                    await asyncio.sleep(0.05)
    finally:
        worker.close()
    assert written() == (most, most)
