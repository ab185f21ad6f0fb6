"""A code over SMPP, from the request to the server of others; and which process keeps the session."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from service.compose import Instead, Services, build
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.otp.model import Accepted, Handed, Notice, NoticeKind
from service.otp.ports import Lived
from service.settings import Mode, Settings
from tests.api.conftest import Api
from tests.conftest import Backend
from tests.fakes.journal import Notes
from tests.fakes.smsc_process import PASSWORD, SYSTEM_ID, Smsc


@pytest.fixture
async def smsc() -> AsyncIterator[Smsc]:
    async with Smsc() as running:
        yield running


@pytest.fixture
def settings(backend: Backend, keys_dir: Path, smsc: Smsc) -> Settings:
    return Settings(
        mode=Mode.TEST,
        database_url=backend.servers.app_url,
        redis_url=backend.servers.redis_url,
        keys_dir=keys_dir,
        sender="smpp",
        smpp_url=f"smpp://{SYSTEM_ID}@127.0.0.1:{smsc.port}",
        smpp_password=PASSWORD,
        smpp_source="Simward",
        log_level="error",
        public_url="http://testserver",
    )


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def instead(notes: Notes) -> Instead:
    return Instead(journal=notes)


async def test_a_code_goes_out_and_comes_back(api: Api, services: Services, smsc: Smsc, notes: Notes) -> None:
    await smsc.wait("bind_transceiver")
    [sender] = services.senders
    async with asyncio.timeout(20):
        await sender.bound()  # type: ignore[attr-defined]
    opened = await api.post("/v1/registrations", {"msisdn": "+4915112345678", "purpose": "new"})
    path = f"/v1/registrations/{opened.json()['id']}"
    sent = await api.post(f"{path}/otp", {"to": "line", "language": "ar"})
    assert sent.status_code == 202, sent.text
    units = await smsc.got("submit_sm")
    assert {unit["destination_addr"] for unit in units} == {"4915112345678"}
    [code] = re.findall(r"\b[0-9]{6}\b", "".join(unit["text"] for unit in units))
    checked = await api.post(f"{path}/otp/check", {"code": code})
    assert checked.json()["status"] == "verified"


async def test_a_receipt_finds_its_challenge(services: Services, smsc: Smsc, notes: Notes, api: Api) -> None:
    [sender] = services.senders
    async with asyncio.timeout(20):
        await sender.bound()  # type: ignore[attr-defined]
    id = new_id()
    await services.receipts.remember(Accepted("smpp", "m-7"), api.operator, id)
    fields = {"esm_class": 4, "short_message": "id:m-7 sub:001 dlvrd:001 stat:DELIVRD err:000"}
    assert await smsc.tell("deliver", fields=fields) == 0
    await sender._receipts.join()  # type: ignore[attr-defined]
    assert [(each.operator, each.challenge, each.facts) for each in notes.entries] == [
        (api.operator, id, {"sender": "smpp", "outcome": "delivered"})
    ]


async def test_a_worker_without_a_session_keeps_its_notices_until_it_has_one(
    api: Api, services: Services, settings: Settings, smsc: Smsc, clock: ManualClock
) -> None:
    """The gateway allows one session, and the API has it."""
    [sender] = services.senders
    async with asyncio.timeout(20):
        await sender.bound()  # type: ignore[attr-defined]  of the one that keeps a connection
    await smsc.tell("room", most=1)
    holder = new_id()
    async with services.db.write(api.operator) as tx:
        services.subscribers.add(tx, holder, {})
    notice = Notice(api.operator, NoticeKind.NEW_LINE, new_id(), "line", holder, "+4915112345678")
    worker = build(settings.for_worker(), clock)
    async with worker.running(sends=True):
        await smsc.wait("bind_transceiver", 2)
        assert await worker.courier.hand(notice, lambda _: "Told") is Handed.SENDER
        await smsc.tell("room", most=2)
        async with asyncio.timeout(20):
            await worker.senders[0].bound()  # type: ignore[attr-defined]  the same
        clock.advance(timedelta(seconds=15))
        assert await worker.courier.again(api.operator) == 1
    assert [unit["text"] for unit in await smsc.got("submit_sm")] == ["Told"]


def test_a_worker_may_have_an_account_of_its_own(settings: Settings) -> None:
    assert settings.for_worker() is settings
    own = settings.model_copy(
        update={"smpp_worker_url": "smpp://other@127.0.0.1:2775", "smpp_worker_password": SecretStr("o")}
    )
    assert own.for_worker().smpp_url == "smpp://other@127.0.0.1:2775"
    assert own.for_worker().smpp_password.get_secret_value() == "o"
    with pytest.raises(ValidationError, match="address of its own"):
        Settings(mode=Mode.TEST, smpp_worker_password="o")


async def test_only_who_has_messages_binds(settings: Settings, smsc: Smsc, clock: ManualClock) -> None:
    services = build(settings, clock)
    assert [isinstance(each, Lived) for each in services.senders] == [True]
    async with services.running():
        pass
    assert await smsc.tell("history") == []
    async with build(settings, clock).running(sends=True):
        await smsc.wait("bind_transceiver")
    assert len(await smsc.got("bind_transceiver")) == 1
