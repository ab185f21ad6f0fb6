"""What a verification costs: round trips to Redis and statements of PostgreSQL, counted where they leave."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from service.compose import Instead, Services
from tests.api.conftest import Api
from tests.api.verifications.conftest import Teller
from tests.api.verifications.faces import block_number
from tests.api.verifications.test_verification_walk import PATH, begun, other_than

KEY = {"Idempotency-Key": "one"}


@pytest.fixture
def instead(teller: Teller) -> Instead:
    return Instead(senders=[teller])


class Trips:
    """``redis`` and ``sql`` since :meth:`counted` began."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.redis = self.sql = 0

    @asynccontextmanager
    async def counted(self) -> AsyncIterator[None]:
        redis, db = self._services.redis, self._services.db
        before, statements = redis.round_trips, db.statements
        yield
        self.redis, self.sql = redis.round_trips - before, db.statements - statements

    @property
    def both(self) -> tuple[int, int]:
        return self.redis, self.sql


@pytest.fixture
async def trips(services: Services, api: Api, monkeypatch: pytest.MonkeyPatch) -> Trips:
    """On a process that is warm: its key and every script is known, its money leased, and nothing of its own goes by.
    A script that Redis does not know yet costs one trip more, once."""
    sent = await api.post(PATH, {"to": "+4915112340000"}, headers={"Idempotency-Key": "warm"})
    await api.post(f"{PATH}/{sent.json()['id']}/check", {"code": "000000"})
    await services.journal.stop()
    monkeypatch.setattr(services.journal, "note", lambda *_, **__: None)
    return Trips(services)


@pytest.mark.parametrize(("headers", "most"), [({}, 1), (KEY, 2)], ids=["plain", "with a key"])
async def test_a_send_with_everything_on(
    api: Api, trips: Trips, teller: Teller, headers: dict[str, str], most: int
) -> None:
    body = {
        "to": "+4915112345678",
        "client_ref": "order 7",
        "language": "de",
        "device": {"fingerprint": "a phone", "ip": "2001:db8::1"},
    }
    async with trips.counted():
        answer = await api.post(PATH, body, headers=headers)
    assert answer.status_code == 202
    assert trips.both == (most, 0)
    assert teller.to("+4915112345678") == 1
    if headers:
        async with trips.counted():
            again = await api.post(PATH, body, headers=headers)
        assert again.content == answer.content
        assert trips.both == (1, 0)


@pytest.mark.parametrize("headers", [{}, KEY], ids=["plain", "with a key"])
async def test_a_check_right_or_wrong(
    api: Api, trips: Trips, teller: Teller, headers: dict[str, str]
) -> None:
    sent = await begun(api)
    path = f"{PATH}/{sent['id']}/check"
    if not headers:
        async with trips.counted():
            assert (await api.post(path, {"code": other_than(teller.code)})).status_code == 422
        assert trips.both == (1, 0)
    async with trips.counted():
        assert (await api.post(path, {"code": teller.code}, headers=headers)).status_code == 200
    assert trips.redis <= (2 if headers else 1)
    assert trips.sql == 0


async def test_what_is_held_back_costs_what_a_message_costs(
    api: Api, trips: Trips, services: Services
) -> None:
    """Round trips are a timing too: a number that is blocked makes no more of them."""
    await block_number(services, api.operator, "+4915112345671")
    async with trips.counted():
        await begun(api, "+4915112345671")
    assert trips.both == (1, 0)
    async with trips.counted():
        answer = await api.post(PATH, {"to": "+4915112345672"})
    assert answer.status_code == 202
    assert trips.both == (1, 0)


async def test_looking_is_one(api: Api, trips: Trips) -> None:
    sent = await begun(api)
    async with trips.counted():
        assert (await api.get(f"{PATH}/{sent['id']}")).status_code == 200
    assert trips.both == (1, 0)
