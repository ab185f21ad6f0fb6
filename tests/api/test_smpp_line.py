"""A code over SMPP, from the request to the server of others; and which process keeps the session."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.compose import Instead, Services, build
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.otp.model import Accepted
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


async def test_the_process_that_answers_requests_binds_alone(
    settings: Settings, smsc: Smsc, clock: ManualClock
) -> None:
    services = build(settings, clock)
    assert [isinstance(each, Lived) for each in services.senders] == [True]
    async with services.running():
        pass
    assert await smsc.tell("history") == []
    async with build(settings, clock).running(sends=True):
        await smsc.wait("bind_transceiver")
    assert len(await smsc.got("bind_transceiver")) == 1
