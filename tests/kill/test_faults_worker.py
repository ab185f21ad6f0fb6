"""``kill -9`` of the worker in mid-provisioning: brought up once, active in the end."""

import asyncio
from collections.abc import Callable
from random import Random

import pytest

from service.kit.people import invent
from tests.api.conftest import Api
from tests.fakes.processes import Program
from tests.fakes.provisioner import FakeProvisioner
from tests.fakes.wire import Fault
from tests.kill.conftest import Own

pytestmark = [pytest.mark.kill, pytest.mark.timeout(180)]


async def approved(api: Api, serial: int) -> str:
    """A registration that waits for its worker; its wire id."""
    person = invent(Random(serial), api.services.clock.now().date())
    number = f"+4915{120_000_000 + serial}"
    answer = await api.post("/v1/registrations", {"msisdn": number, "purpose": "new", "channel": "app"})
    name = str(answer.json()["id"])
    path = f"/v1/registrations/{name}"
    await api.post(f"{path}/documents", {"kind": "mrz", "lines": list(person.lines)})
    await api.post(f"{path}/otp", {"to": "line"})
    await api.post(f"{path}/otp/check", {"code": await api.code(number)})
    answer = await api.post(f"{path}/submit")
    assert answer.json()["state"] == "approved", answer.text
    return name


async def becomes(own: Own, api: Api, name: str, state: str, worker: Program) -> None:
    try:
        async with asyncio.timeout(60):
            while (await api.get(f"/v1/registrations/{name}")).json()["state"] != state:
                await asyncio.sleep(0.1)
    except TimeoutError:
        with own.admin() as conn:
            jobs = conn.execute(
                "SELECT id, task_name, status, attempts, worker_id, scheduled_at - now() FROM procrastinate_jobs"
            ).fetchall()
        shown = (await api.get(f"/v1/registrations/{name}")).json()
        pytest.fail(f"not {state}: {shown}\njobs {jobs}\nalive {worker.is_alive()}\n{worker.err[-3000:]}")


async def test_a_killed_workers_activations_are_done_once(own: Own, run: Callable[..., Program]) -> None:
    """One registration dies before the network did anything, the other after it but before it could answer."""
    async with FakeProvisioner() as network, own.running() as api:
        network.misbehave(Fault.HOLD_BEFORE)
        network.misbehave(Fault.HOLD_AFTER)
        worker = run("worker", SIMWARD_PROVISIONER_URL=network.url)
        names = [await approved(api, serial) for serial in (1, 2)]
        async with asyncio.timeout(40):
            while len(network.requests) < 2 or not network.provisioned.total():
                await asyncio.sleep(0.02)
        worker.kill()
        assert network.provisioned.total() == 1
        for name in names:
            assert (await api.get(f"/v1/registrations/{name}")).json()["activation"]["state"] == "pending"

        worker = run("worker", SIMWARD_PROVISIONER_URL=network.url)
        for name in names:
            await becomes(own, api, name, "active", worker)
        assert dict(network.provisioned) == dict.fromkeys(names, 1)
        assert network.asked.total() >= 3
        orders = [request for request in network.requests if request.path == "/v1/activations"]
        keys: dict[str, set[str | None]] = {}
        for order in orders:
            keys.setdefault(order.body["registration"], set()).add(order.key)
        assert keys == {name: {name} for name in names}


async def test_a_worker_that_is_asked_to_stop_leaves_nothing_half_done(
    own: Own, run: Callable[..., Program]
) -> None:
    """SIGTERM: what it holds is finished or given back, and the next worker need not wait for a heartbeat."""
    async with FakeProvisioner() as network, own.running() as api:
        network.misbehave(Fault.HOLD_AFTER)
        worker = run("worker", SIMWARD_PROVISIONER_URL=network.url)
        name = await approved(api, 3)
        async with asyncio.timeout(40):
            await network.held.wait()
        worker.process.terminate()
        network.release()
        assert await asyncio.to_thread(worker.wait) == 0
        worker = run("worker", SIMWARD_PROVISIONER_URL=network.url)
        await becomes(own, api, name, "active", worker)
        assert dict(network.provisioned) == {name: 1}


async def test_a_worker_whose_listener_is_cut_goes_on(own: Own, run: Callable[..., Program]) -> None:
    worker = run("worker")

    def cut() -> int:
        with own.admin() as conn:
            row = conn.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            ).fetchone()
            assert row is not None
            return int(row[0])

    async with own.running() as api:
        async with asyncio.timeout(40):
            while not await asyncio.to_thread(cut):
                await asyncio.sleep(0.1)
        name = await approved(api, 4)
        await becomes(own, api, name, "active", worker)
        async with asyncio.timeout(40):
            while not await asyncio.to_thread(cut):  # it listens again
                await asyncio.sleep(0.1)
        assert worker.is_alive(), worker.err[-2000:]
