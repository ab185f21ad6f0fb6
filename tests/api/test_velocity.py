"""What the worker counts, what a submit sees of it, and what is done while Redis is gone."""

from collections.abc import Mapping
from typing import Any

import pytest
import redis as sync_redis

from service.compose import Instead, Services
from service.infra.redis import Redis, Script
from service.kit.errors import Unavailable
from service.risk.model import Decision, Value
from service.risk.rules import replay
from service.risk.volatile import COUNT, NOTE
from service.upkeep import Upkeep
from tests.api.conftest import Api
from tests.conftest import Backend
from tests.fakes.pipeline import TurnableRegistry, applicant, somebody, work

PHONE = {"fingerprint": "a phone", "ip": "203.0.113.7", "role": "applicant"}
NAMES = ("network_tries_1d", "network_lines_1d", "device_tries_1d")


@pytest.fixture
def instead() -> Instead:
    return Instead(registry=TurnableRegistry())


async def decision(services: Services, api: Api, turn: int, **changes: Any) -> Decision:
    one = applicant(api, turn, person=somebody(turn))
    await one.decided(**changes)
    async with services.db.read(api.operator) as reader:
        [found] = await services.risk.history(reader, one.uuid)
    return found


def of(seen: Mapping[str, Value]) -> list[Value | None]:
    return [seen.get(name) for name in NAMES]


async def test_it_is_counted_lost_and_counted_again(api: Api, services: Services, backend: Backend) -> None:
    first = await decision(services, api, 1, device=PHONE)
    assert of(first.signals.values) == [0, 0, 0]
    shop = {**PHONE, "role": "dealer"}
    await decision(services, api, 2, device=shop)
    await work(services)
    again = await decision(services, api, 3, device={**PHONE, "ip": "203.0.113.99"})
    assert of(again.signals.values) == [1, 1, 1], "the shop's device and address are not the applicant's"
    await work(services)

    with sync_redis.Redis.from_url(backend.servers.redis_admin_url) as admin:
        admin.flushall()
    lost = await decision(services, api, 4, device=PHONE)
    assert lost.signals.values["velocity_known"] is False
    assert of(lost.signals.values) == [None] * 3
    assert "velocity-missing" in [reason.rule for reason in lost.judgement.reasons]
    assert lost.verdict == "approved", "the rules that read counters go on without them"
    assert replay(lost, services.policies.current.risk) == lost.judgement

    await work(services)
    await Upkeep(services).velocity()
    assert of((await decision(services, api, 5, device=PHONE)).signals.values) == [3, 3, 3]


async def test_without_redis_at_submit(api: Api, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counters alone are gone; the registration is decided."""
    one = await applicant(api).ready(device=PHONE)
    real = Redis.run

    async def run(self: Redis, script: Script, *rest: Any) -> Any:
        if script is COUNT:
            raise Unavailable("redis")
        return await real(self, script, *rest)

    monkeypatch.setattr(Redis, "run", run)
    shown = await one.submit()
    assert shown["state"] == "approved"
    assert "counters of the last day" in str(shown["decision"]["reasons"])


async def test_what_could_not_be_told_is_counted_by_the_chore(
    api: Api, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await decision(services, api, 1, device=PHONE)
    velocity = services.risk.velocity
    assert velocity is not None
    real = Redis.run

    async def gone(self: Redis, script: Script, *rest: Any) -> Any:
        if script is NOTE:
            raise Unavailable("redis")
        return await real(self, script, *rest)

    with monkeypatch.context() as broken:
        broken.setattr(Redis, "run", gone)
        # Each event's other subscribers are told all the same.
        await services.registrations.note_velocity(api.operator, await _only(services, api))
        assert velocity.missed == {api.operator}
        with pytest.raises(Unavailable):
            await Upkeep(services).velocity()
        assert velocity.missed == {api.operator}, "it is tried again"
    await Upkeep(services).velocity()
    assert not velocity.missed
    assert of((await decision(services, api, 2, device=PHONE)).signals.values) == [1, 1, 1]


async def _only(services: Services, api: Api) -> Any:
    from service.registration import store

    async with services.db.read(api.operator) as reader:
        [found] = await store.listed(reader, limit=2, before=None)
    return found.id
