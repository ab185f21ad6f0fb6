"""Production as an operator sets it up: commands, wrapped keysets, a gateway, ``serve`` and ``worker``; over HTTP."""

import asyncio
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest

from service.infra.embedded import Embedded
from service.kit.clock import SystemClock
from service.kit.mrz import Layout, MrzDate, MrzFields, compose
from service.kit.people import invent
from tests.fakes.processes import Program, Served, code_in, free_port
from tests.fakes.provisioner import FakeProvisioner
from tests.fakes.registry import FakeRegistry, Fate
from tests.fakes.sms_gateway import SmsGateway

pytestmark = [pytest.mark.kill, pytest.mark.timeout(180)]


@dataclass
class Installation:
    variables: dict[str, str]
    gateway: SmsGateway
    registry: FakeRegistry
    provisioner: FakeProvisioner
    folder: Path
    owner_url: str
    http: httpx2.AsyncClient | None = None

    def command(self, *arguments: str, expect: int = 0, **other: str) -> tuple[str, str]:
        """What ``simward …`` said on its two outputs, once it ended as expected."""
        program = Program(*arguments, env={**self.variables, **other})
        try:
            assert program.wait(60) == expect, program.err[-3000:]
            return program.out, program.err
        finally:
            program.close()

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        assert self.http is not None
        return await self.http.request(method, path, json=body, headers=headers)


@pytest.fixture(scope="module")
async def production(modern_redis: Path) -> AsyncIterator[Installation]:
    """Set up by commands alone, from empty servers and an empty folder."""
    folder = Path(tempfile.mkdtemp(prefix="simward-production-"))
    folder.chmod(0o755)
    master = folder / "master.key"
    master.write_bytes(secrets.token_bytes(32))
    master.chmod(0o600)
    embedded = Embedded(folder / "data")
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", f"{modern_redis.parent}{os.pathsep}{os.environ['PATH']}")
            stack.callback(embedded.stop)
            servers = embedded.start()
        gateway = await stack.enter_async_context(SmsGateway())
        registry = await stack.enter_async_context(FakeRegistry())
        provisioner = await stack.enter_async_context(FakeProvisioner())
        variables = {
            "SIMWARD_MODE": "production",
            "SIMWARD_DATABASE_URL": servers.app_url,
            "SIMWARD_SEALER_DATABASE_URL": servers.sealer_url,
            "SIMWARD_REDIS_URL": servers.redis_url,
            "SIMWARD_KEYS_DIR": str(folder / "keys"),
            "SIMWARD_MASTER_KEY_FILE": str(master),
            "SIMWARD_SENDER": "webhook",
            "SIMWARD_SENDER_WEBHOOK_URL": f"http://127.0.0.1:{gateway.port}/messages",
            "SIMWARD_SENDER_WEBHOOK_SECRET": gateway.secret,
            "SIMWARD_ALLOW_PRIVATE_TARGETS": "true",
            "SIMWARD_REGISTRY_URL": registry.url,
            "SIMWARD_PROVISIONER_URL": provisioner.url,
            "SIMWARD_LOG_LEVEL": "warning",
        }
        here = Installation(variables, gateway, registry, provisioner, folder, servers.owner_url)
        here.command("migrate", SIMWARD_OWNER_DATABASE_URL=servers.owner_url)
        here.command("create-keys")
        here.command("operators", "add", "acme", "Acme Telecom")
        here.command("dealers", "add", "--operator", "acme", "D-1", "Corner shop", "L-77")
        here.command("dealers", "agent-add", "--operator", "acme", "D-1", "A-1")
        made, _ = here.command(
            "keys", "create", "--operator", "acme", "--client", "pos", "--scopes", "registrations,lines"
        )
        served, worker = Served(variables, free_port()), Program("worker", env=variables)
        stack.callback(served.close)
        stack.callback(worker.close)
        served.wait_ready()
        here.http = await stack.enter_async_context(
            httpx2.AsyncClient(
                base_url=served.url,
                headers={"Authorization": f"Bearer {json.loads(made)['key']}"},
                timeout=30,
            )
        )
        yield here
        assert worker.is_alive(), worker.err[-3000:]


def papers(seed: int) -> tuple[dict[str, Any], tuple[str, ...]]:
    """An invented person as typed, and the zone of a passport of a state that there is."""
    today = SystemClock().now().date()
    somebody = invent(Random(seed), today)
    zone = MrzFields(
        document_code="P",
        issuing_state="NLD",
        family_name=somebody.family_name,
        given_names=somebody.given_names,
        document_number=f"NX{seed:07d}",
        nationality="NLD",
        birth_date=MrzDate.of(somebody.birth_date),
        sex=somebody.sex,
        expiry_date=date(today.year + 3, 6, 15),
    )
    return {**somebody.subscriber(), "nationality": "NLD"}, compose(Layout.TD3, zone)


def contact_of(seed: int) -> str:
    return f"+49160{2_000_000 + seed}"


async def submitted(here: Installation, seed: int) -> tuple[str, dict[str, Any]]:
    """A walk from create to submit; the path and the answer to the last step."""
    number = f"+49151{20_000_000 + seed}"
    subscriber, lines = papers(seed)
    contact = contact_of(seed)
    person = {**subscriber, "contact_msisdn": contact}
    body = {"msisdn": number, "purpose": "new", "dealer": "D-1", "agent": "A-1", "subscriber": person}
    made = await here.ask("POST", "/v1/registrations", body, **{"Idempotency-Key": f"walk-{seed}"})
    assert made.status_code == 201, made.text
    path = f"/v1/registrations/{made.json()['id']}"
    judged = await here.ask("POST", f"{path}/documents", {"kind": "mrz", "lines": list(lines)})
    assert (judged.status_code, judged.json()["outcome"]) == (201, "pass"), judged.text
    for to, reached in (("line", number), ("contact", contact)):
        sent = await here.ask("POST", f"{path}/otp", {"to": to})
        assert sent.status_code == 202, sent.text
        message = here.gateway.history[-1]
        assert message.was_signed
        assert message.data["to"] == reached
        checked = await here.ask("POST", f"{path}/otp/check", {"code": code_in(message.data["text"])})
        assert (checked.status_code, checked.json().get("to")) == (200, to), checked.text
    decided = await here.ask("POST", f"{path}/submit", {})
    assert decided.status_code == 200, decided.text
    return path, decided.json()


async def test_papers_that_a_registry_confirms_go_live(production: Installation) -> None:
    asked = len(production.registry.requests)
    zone = papers(1)[1]
    primary = zone[0][5:].partition("<<")[0]
    production.registry.tell("NLD", "NX0000001", primary, fate=Fate.ISSUED)
    production.registry.numbers.add(contact_of(1))
    path, decided = await submitted(production, 1)
    assert len(production.registry.requests) == asked + 1
    assert (decided["state"], decided["decision"]["verdict"]) == ("approved", "approved")
    async with asyncio.timeout(60):
        while (shown := (await production.ask("GET", path)).json())["state"] != "active":
            await asyncio.sleep(0.1)
    line = await production.ask("GET", f"/v1/lines/{shown['msisdn']}")
    assert line.json()["state"] == "active"
    assert [request.path for request in production.provisioner.requests][-1] == "/v1/activations"


async def test_papers_that_nobody_confirms_wait_for_a_person(production: Installation) -> None:
    production.registry.closed = True
    path, decided = await submitted(production, 2)
    assert (decided["state"], decided["decision"]["verdict"]) == ("in_review", "review")
    assert [reason["code"] for reason in decided["decision"]["reasons"]] == ["needs-a-person"]
    assert (await production.ask("GET", path)).json()["state"] == "in_review"


async def test_a_specimen_is_refused(production: Installation) -> None:
    somebody = invent(Random(3), SystemClock().now().date())
    body = {"msisdn": "+4915120000003", "purpose": "new", "subscriber": somebody.subscriber()}
    path = f"/v1/registrations/{(await production.ask('POST', '/v1/registrations', body)).json()['id']}"
    judged = await production.ask("POST", f"{path}/documents", {"kind": "mrz", "lines": list(somebody.lines)})
    assert (judged.status_code, judged.json()["outcome"]) == (201, "fail")


async def test_nothing_of_the_demo_is_served(production: Installation) -> None:
    assert (await production.ask("GET", "/dev/outbox?to=%2B4915120000001")).status_code == 404


async def test_the_keysets_are_of_no_use_without_the_master_key(production: Installation) -> None:
    for file in (production.folder / "keys").glob("*.json"):
        assert "public" in file.name or "encryptedKeyset" in file.read_text("utf-8"), file.name
    wrong = production.folder / "wrong.key"
    wrong.write_bytes(secrets.token_bytes(32))
    wrong.chmod(0o600)
    others = {name: value for name, value in production.variables.items() if "MASTER" not in name}
    cases: dict[str, dict[str, str]] = {
        "name its master key": {},
        "by another master key": {"SIMWARD_MASTER_KEY_FILE": str(wrong)},
    }
    with ExitStack() as stack:
        started = {}
        for reason, given in cases.items():
            served = Program("serve", "--port", str(free_port()), env={**others, **given})
            stack.callback(served.close)
            started[reason] = served
        for reason, served in started.items():
            assert served.wait(60) != 0
            said = next(json.loads(line) for line in served.err.splitlines() if "keysets.refused" in line)
            assert reason in said["reason"]


async def test_the_audit_of_a_production_is_whole(production: Installation) -> None:
    """Once the worker's sealer has come round; ``verify`` itself ends with 1 where something is wrong."""
    chains: list[tuple[str, str]] = []
    async with asyncio.timeout(90):
        while not chains or any(waiting != "0" for _, waiting in chains):
            said, _ = production.command("audit", "verify")
            chains = re.findall(r"^ok .*: (\d+) sealed.* (\d+) waiting$", said, re.MULTILINE)
    assert len(chains) == 2, "the operator's and the installation's"
    assert all(int(sealed) > 0 for sealed, _ in chains)
