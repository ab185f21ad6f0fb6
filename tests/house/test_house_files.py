"""Lua headers, the frozen schema of the job runner, locked requirements."""

import re
from importlib import resources
from itertools import takewhile
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files, text

LUA = [name for name in files() if name.suffix == ".lua"]
LOCKS = [name for name in files() if re.fullmatch(r"requirements[\w-]*\.txt", name.name)]
INPUTS = [name for name in files() if re.fullmatch(r"requirements[\w-]*\.in", name.name)]


@pytest.mark.parametrize("name", LUA, ids=str)
def test_a_script_begins_with_its_contract(name: Path) -> None:
    """Prose before the first statement: what it is for, KEYS, ARGV, what it returns, why this time to live.

    A piece that is put in front of others holds functions alone and returns nothing: its header is prose only.
    """
    body = (text(name) or "").splitlines()
    head = "\n".join(takewhile(lambda line: line.startswith("--"), body))
    assert len(head.split()) >= 20, "a header of a few sentences is needed"
    if any(re.match(r"return\b", line) for line in body):
        assert re.search(r"[Rr]eturns", head)
        assert "KEYS" in head
        assert "ARGV" in head


def test_scripts_use_commands_of_redis_6_2_alone() -> None:
    """No functions, no EXPIRE with NX/XX/GT/LT, no times to live of hash fields."""
    newer = re.compile(
        r"'(H?P?EXPIRETIME|HP?EXPIRE|HTTL|FCALL|LMPOP|ZMPOP|SINTERCARD|HGETDEL|HSETEX)'"
        r"|EXPIRE'[^\n]*'(NX|XX|GT|LT)'",
        re.I,
    )
    found = [str(name) for name in LUA if newer.search((text(name) or "").replace('"', "'"))]
    assert not found, found


def test_scripts_name_no_key_of_their_own() -> None:
    """Every key comes by KEYS: a script that builds one could not run where keys are sharded."""
    built = re.compile(r"redis\.p?call\(\s*['\"]\w+['\"]\s*,\s*['\"]")
    harmless = re.compile(r"redis\.p?call\(\s*['\"](TIME|SCRIPT|CONFIG)['\"]")
    found = [
        f"{name}:{number}"
        for name in LUA
        for number, line in enumerate((text(name) or "").splitlines(), 1)
        if built.search(line) and not harmless.search(line)
    ]
    assert not found, found


def test_the_frozen_schema_is_the_installed_one() -> None:
    """An upgrade of procrastinate that changes its schema needs a migration of ours."""
    installed = resources.files("procrastinate").joinpath("sql", "schema.sql").read_text("utf-8")
    frozen = (ROOT / "service/migrations/sql/procrastinate.sql").read_text("utf-8")
    assert frozen == installed


def test_there_are_locks() -> None:
    assert {Path("requirements.txt"), Path("requirements-dev.txt")} <= set(LOCKS)


@pytest.mark.parametrize("name", LOCKS, ids=str)
def test_every_locked_package_has_a_version_and_hashes(name: Path) -> None:
    lines = (text(name) or "").replace("\\\n", " ").splitlines()
    packages = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert packages
    for line in packages:
        assert re.match(r"[A-Za-z0-9][\w.\[\],-]*==[\w.!+]+( ;[^-]*)?\s", line), line[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line[:80]


@pytest.mark.parametrize("name", [*LOCKS, *INPUTS], ids=str)
def test_requirements_say_nothing_of_where_from(name: Path) -> None:
    body = text(name) or ""
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host|\bfile:|@ git\+", body)


@pytest.mark.parametrize("name", ["package-lock.json", "tests/fakes/smsc/package-lock.json"])
def test_a_lock_of_npm_says_nothing_of_where_from(name: str) -> None:
    body = (ROOT / name).read_text("utf-8")
    assert '"resolved"' not in body
    assert body.count('"integrity": "sha512-') == body.count('"node_modules/')
