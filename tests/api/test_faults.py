"""What breaks in the middle of a request: a connection that dies at each point of a transaction, a caller that
hangs up at each turn. The right code counts in the end, a wrong one never; nothing stays stuck."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa

from service.compose import Instead, Services
from service.infra.postgres import Database, Tx
from service.infra.redis import Script
from service.kit.clock import ManualClock
from service.kit.errors import Unavailable
from service.kit.people import invent
from service.otp.volatile.challenges import CHECK
from tests.api.conftest import Api
from tests.conftest import Backend
from tests.fakes.pipeline import TurnableProvisioner, applicant, work

NUMBER = "+4915112345678"
WHERE = ["begun", "written", "committing"]
"""Where the connection is when its server process is ended."""


async def opened(api: Api, number: str = NUMBER, serial: int = 1) -> str:
    """A registration with a passport and a code on its way; its path."""
    person = invent(Random(serial), api.services.clock.now().date())
    body = {"msisdn": number, "purpose": "new", "channel": "app"}
    answer = await api.post("/v1/registrations", body)
    assert answer.status_code == 201, answer.text
    path = f"/v1/registrations/{answer.json()['id']}"
    answer = await api.post(f"{path}/documents", {"kind": "mrz", "lines": list(person.lines)})
    assert answer.status_code == 201, answer.text
    answer = await api.post(f"{path}/otp", {"to": "line"})
    assert answer.status_code == 202, answer.text
    return path


def wrong(code: str) -> dict[str, str]:
    return {"code": f"{(int(code) + 1) % 1_000_000:06}"}


class Breaker:
    """Ends the server process of the next write transaction, at one point of it."""

    def __init__(self, services: Services, backend: Backend, patch: pytest.MonkeyPatch) -> None:
        self._db, self._backend, self._patch = services.db, backend, patch

    def breaks(self, where: str) -> None:
        real_write, real_finish = self._db.write, Tx._finish

        @asynccontextmanager
        async def write(operator: UUID | None) -> AsyncIterator[Tx]:
            self._patch.setattr(self._db, "write", real_write)
            async with real_write(operator) as tx:
                if where == "begun":
                    await self._end(tx)
                yield tx
                if where == "written":
                    await tx.settle()
                    await self._end(tx)
                if where == "committing":
                    self._patch.setattr(Tx, "_finish", finish)

        async def finish(tx: Tx) -> bool:
            self._patch.setattr(Tx, "_finish", real_finish)
            if not tx.outbox:  # the commit goes with the last statements
                await self._end(tx)
                return await real_finish(tx)
            with_commit = await real_finish(tx)
            await self._end(tx)
            return with_commit

        self._patch.setattr(self._db, "write", write)

    async def _end(self, tx: Tx) -> None:
        pid = tx.driver.info.backend_pid

        def terminate() -> None:
            with self._backend.admin() as admin:
                row = admin.execute("SELECT pg_terminate_backend(%s, 10000)", [pid]).fetchone()
                assert row == (True,)

        await asyncio.to_thread(terminate)


@pytest.fixture
def network() -> TurnableProvisioner:
    return TurnableProvisioner()


@pytest.fixture
def instead(network: TurnableProvisioner) -> Instead:
    return Instead(provisioner=network)


@pytest.fixture
def breaker(services: Services, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Breaker:
    return Breaker(services, backend, monkeypatch)


def unavailable(answer: httpx2.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json()["dependency"] == "postgresql"
    assert int(answer.headers["retry-after"]) > 0


async def proofs(db: Database, operator: UUID, path: str) -> int:
    """How often the audit says that a code of this registration came back right."""
    async with db.read(operator) as reader:
        return int(
            await reader.scalar(
                sa.text(
                    "SELECT count(*) FROM audit_entry WHERE action = 'otp.verified' AND object = :object"
                ),
                {"object": path.rpartition("/")[2]},
            )
        )


@pytest.mark.parametrize("where", WHERE)
async def test_a_right_code_whose_record_failed_counts_when_given_again(
    api: Api, db: Database, breaker: Breaker, where: str
) -> None:
    path = await opened(api)
    code = await api.code(NUMBER)
    breaker.breaks(where)
    unavailable(await api.post(f"{path}/otp/check", {"code": code}))
    # The code is burnt: another one is no longer compared with it, and is never adopted.
    for _ in range(2):
        answer = await api.post(f"{path}/otp/check", wrong(code))
        assert (answer.status_code, answer.json()["code"]) == (410, "otp-expired")
    assert await proofs(db, api.operator, path) == 0
    answer = await api.post(f"{path}/otp/check", {"code": code})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "verified"
    assert await proofs(db, api.operator, path) == 1
    answer = await api.post(f"{path}/submit")
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("adopter", ["get", "submit"])
async def test_an_unrecorded_proof_is_adopted(api: Api, db: Database, breaker: Breaker, adopter: str) -> None:
    path = await opened(api)
    code = await api.code(NUMBER)
    breaker.breaks("committing")
    unavailable(await api.post(f"{path}/otp/check", {"code": code}))
    if adopter == "get":
        shown = (await api.get(path)).json()
        assert shown["missing"] == []
        assert shown["evidence"]["otp"] == [{"to": "line", "status": "verified"}]
        assert [action["action"] for action in shown["next_actions"]] == ["submit"]
        assert (await api.get(path)).json() == shown
    answer = await api.post(f"{path}/submit")
    assert answer.status_code == 200, answer.text
    assert answer.json()["decision"] is not None
    assert await proofs(db, api.operator, path) == 1


async def test_where_the_commit_was_done_and_its_answer_lost_it_counts_once(
    api: Api, db: Database, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service cannot know: it says 503, and the same code again finds what was recorded."""
    path = await opened(api)
    code = await api.code(NUMBER)
    real = services.db.write

    @asynccontextmanager
    async def loses(operator: UUID | None) -> AsyncIterator[Tx]:
        monkeypatch.setattr(services.db, "write", real)
        async with real(operator) as tx:
            yield tx
        raise Unavailable("postgresql")

    monkeypatch.setattr(services.db, "write", loses)
    unavailable(await api.post(f"{path}/otp/check", {"code": code}))
    answer = await api.post(f"{path}/otp/check", {"code": code})
    assert answer.status_code == 200, answer.text
    assert (await api.post(f"{path}/submit")).status_code == 200
    assert await proofs(db, api.operator, path) == 1


async def test_a_new_code_does_not_cost_the_unrecorded_proof(
    api: Api, breaker: Breaker, clock: ManualClock
) -> None:
    """Who asks for another code after a 503 is verified all the same."""
    path = await opened(api)
    code = await api.code(NUMBER)
    breaker.breaks("begun")
    unavailable(await api.post(f"{path}/otp/check", {"code": code}))
    clock.advance(timedelta(minutes=1))
    assert (await api.post(f"{path}/otp", {"to": "line"})).status_code == 202
    assert (await api.get(path)).json()["missing"] == []


async def test_the_code_of_a_line_that_waits_for_it_is_adopted_too(
    api: Api, services: Services, breaker: Breaker, network: TurnableProvisioner
) -> None:
    """A SIM that could not receive: its line is up but restricted, and GET finds the code that set it free."""
    network.can_receive = False
    someone, contact = applicant(api, 7), "+31612000001"
    told = {**someone.person.subscriber(), "contact_msisdn": contact}
    await someone.open(channel="app", subscriber=told)
    await someone.show()
    await someone.send("contact")
    await someone.answer(contact)
    await someone.submit()
    await work(services)
    assert (await api.get(f"/v1/lines/{someone.msisdn}")).json()["state"] == "restricted"
    await someone.send("line")
    code = await api.code(someone.msisdn)
    breaker.breaks("committing")
    unavailable(await api.post(f"{someone.path}/otp/check", {"code": code}))
    assert (await api.get(f"/v1/lines/{someone.msisdn}")).json()["state"] == "restricted"
    assert (await api.get(someone.path)).json()["next_actions"] == []
    assert (await api.get(f"/v1/lines/{someone.msisdn}")).json()["state"] == "active"


async def test_create_and_submit_are_done_whole_or_not_at_all(api: Api, breaker: Breaker) -> None:
    for where in WHERE:
        breaker.breaks(where)
        answer = await api.post("/v1/registrations", {"msisdn": NUMBER, "purpose": "new"})
        unavailable(answer)
    assert (await api.get("/v1/registrations")).json()["items"] == []
    path = await opened(api)
    await api.post(f"{path}/otp/check", {"code": await api.code(NUMBER)})
    for where in WHERE:
        breaker.breaks(where)
        unavailable(await api.post(f"{path}/submit"))
        assert (await api.get(path)).json()["decision"] is None
    assert (await api.post(f"{path}/submit")).json()["decision"] is not None


# A caller that hangs up


TURNS = [*range(0, 60, 3), *range(60, 400, 20)]


async def settled(services: Services, backend: Backend) -> None:
    """No connection in use and none left inside a transaction."""
    async with asyncio.timeout(20):
        while services.codes._engine.tasks._running:
            await asyncio.sleep(0.01)
        while services.db.engine.pool.checkedout():  # type: ignore[attr-defined]  # a queue pool
            await asyncio.sleep(0.01)
    with backend.admin() as admin:
        stuck = admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'simward_app' AND (state LIKE 'idle in%'"
            " OR state = 'active')"
        ).fetchone()
    assert stuck == (0,)


async def hang_up(call: Any, turns: int) -> bool:
    """Cancel the request after so many turns of the event loop; whether it was still running."""
    task = asyncio.create_task(call)
    for _ in range(turns):
        if task.done():
            break
        await asyncio.sleep(0)
    is_early = not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return is_early


async def test_hanging_up_at_any_turn_leaves_nothing_stuck(
    api: Api, services: Services, backend: Backend
) -> None:
    """Every write that a client makes, cancelled at ever later turns, until it is quicker than the hang-up."""
    for serial, turns in enumerate(TURNS):
        number = f"+4915112{400_000 + serial}"
        body = {"msisdn": number, "purpose": "new"}
        headers = {"Idempotency-Key": f"hang-{serial}"} if serial % 2 else {}
        await hang_up(api.post("/v1/registrations", body, headers=headers), turns)
    await settled(services, backend)
    path = await opened(api)
    for turns in TURNS:
        await hang_up(api.get(path), turns)
        await hang_up(api.post(f"{path}/documents", {"kind": "attested", "description": "x"}), turns)
    await settled(services, backend)
    code = await api.code(NUMBER)
    for turns in TURNS:
        await hang_up(api.post(f"{path}/otp/check", {"code": code}), turns)
        await settled(services, backend)
        shown = (await api.get(path)).json()
        if "otp" not in shown["missing"]:
            break
    assert "otp" not in (await api.get(path)).json()["missing"]
    for turns in range(0, 400, 20):
        await hang_up(api.post(f"{path}/submit"), turns)
    await settled(services, backend)
    assert (await api.post(f"{path}/submit")).status_code in (200, 409)
    assert (await api.get(path)).json()["decision"] is not None


async def test_hanging_up_does_not_dodge_the_charge(
    api: Api, services: Services, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled while Redis compares: the guess is counted all the same, so five are all there are."""
    path = await opened(api)
    code = await api.code(NUMBER)
    real = services.redis.run
    asked = asyncio.Event()

    async def run(script: Script, *args: Any) -> Any:
        if script is CHECK:  # the journal runs one of its own beside it
            asked.set()
        return await real(script, *args)

    monkeypatch.setattr(services.redis, "run", run)
    for _ in range(5):
        asked.clear()
        request = asyncio.create_task(api.post(f"{path}/otp/check", wrong(code)))
        await asked.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        await settled(services, backend)
    answer = await api.post(f"{path}/otp/check", {"code": code})
    assert (answer.status_code, answer.json()["code"]) == (410, "otp-exhausted")


async def test_hanging_up_on_a_send_keeps_its_budget_spent(
    api: Api, services: Services, backend: Backend, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await opened(api)
    clock.advance(timedelta(minutes=1))
    assert services.outbox is not None
    real, sending = services.outbox.send, asyncio.Event()

    async def send(message: Any) -> Any:
        sending.set()
        return await real(message)

    monkeypatch.setattr(type(services.outbox), "send", lambda _, message: send(message))
    request = asyncio.create_task(api.post(f"{path}/otp", {"to": "line"}))
    await sending.wait()
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    await settled(services, backend)
    answer = await api.post(f"{path}/otp", {"to": "line"})
    assert (answer.status_code, answer.json()["code"]) == (429, "limit-exceeded")
