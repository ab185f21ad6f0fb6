"""Sizes, silenced warnings, clocks and chance: what ruff and mypy are told, and what they cannot see."""

import ast
import io
import re
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import CODE, ROOT, parsed, python, text

LINES, LINES_OF_TESTS, LINES_OF_A_FUNCTION = 400, 1000, 60
"""A suite of one subject may be longer than a module: it is read by the test, not from end to end."""

LONG_FUNCTIONS: dict[str, str] = {}
"""``path::function`` -> why it cannot be shorter."""

SILENCER = re.compile(r"#\s*(type:\s*ignore|noqa|pragma)")
WITH_REASON = re.compile(
    r"#\s*(?:type:\s*ignore\[[\w, -]+\]|noqa:\s*[A-Z]+[0-9]+(?:\s*,\s*[A-Z]+[0-9]+)*|pragma:\s*[\w ]+?)(.*)"
)


def test_files_are_short() -> None:
    found = {}
    for name in python():
        most = LINES_OF_TESTS if name.parts[0] == "tests" else LINES
        count = len((text(name) or "").splitlines())
        if count > most:
            found[str(name)] = count
    assert not found, found


def test_functions_fit_a_screen() -> None:
    found = {}
    for name in python(*CODE):
        for node in ast.walk(parsed(name)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = (node.end_lineno or node.lineno) - node.lineno + 1
                if count > LINES_OF_A_FUNCTION:
                    found[f"{name}::{node.name}"] = count
    assert found.keys() == LONG_FUNCTIONS.keys(), found


def _comments(name: Path) -> Iterator[tuple[int, str]]:
    source = io.StringIO(text(name) or "")
    for token in tokenize.generate_tokens(source.readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def test_a_silenced_warning_says_why() -> None:
    """``# noqa: S608 - a constant of ours``; two silencers on one line may share a reason at the end. Tests hand over
    wrong types on purpose and dig in JSON: there the code of a ``type: ignore`` says enough."""
    found = []
    for name in python():
        for line, comment in _comments(name):
            if SILENCER.search(comment):
                rest, heads = comment, 0
                while match := WITH_REASON.match(rest):
                    rest, heads = match[1].lstrip(" -–:"), heads + 1
                if heads and name.parts[0] == "tests" and comment.startswith("# type: ignore["):
                    continue
                if not heads or len(rest.lstrip("# ").split()) < 2:
                    found.append(f"{name}:{line}")
    assert not found, found


def _config() -> dict[str, object]:
    found: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"][
        "lint"
    ]
    return found


def test_ruff_bans_clocks_chance_and_the_environment() -> None:
    config = _config()
    assert "TID" in config["select"]  # type: ignore[operator]  # a list of TOML
    banned = config["flake8-tidy-imports"]["banned-api"]  # type: ignore[index]  # a table of TOML
    assert {
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "time.time",
        "random",
        "uuid.uuid4",
        "os.environ",
    } <= set(banned)


def test_the_ban_is_lifted_in_few_places() -> None:
    """Inside the service: the clock itself, the settings, and the servers that get an environment of their own."""
    ignores = _config()["per-file-ignores"]
    lifted = {path for path, codes in ignores.items() if "TID251" in codes and path.startswith("service")}  # type: ignore[attr-defined]  # a table of TOML
    assert lifted <= {"service/kit/clock.py", "service/settings.py", "service/infra/embedded/**"}


def test_no_other_door_to_the_clock_or_to_chance() -> None:
    """What ruff's list does not name. ``time.monotonic`` and ``perf_counter`` measure; they tell no time of day."""
    doors = {
        "datetime.today",
        "date.today",
        "time.localtime",
        "time.gmtime",
        "time.time_ns",
        "os.getenv",
        "os.urandom",
        "uuid.uuid1",
        "func.now",
        "func.random",
    }
    allowed = {("service/kit/clock.py", "time.time_ns"), ("service/kit/ids.py", "time.time_ns")}
    found = [
        f"{name}:{node.lineno} {ast.unparse(node)}"
        for name in python("service/")
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Attribute)
        and ".".join(ast.unparse(node).split(".")[-2:]) in doors
        and (str(name), ast.unparse(node)) not in allowed
    ]
    assert not found, found


def test_sql_takes_no_clock_of_the_server() -> None:
    """Instants come from the injected clock, in statements too."""
    clock = re.compile(
        r"\b(now\(\)|current_timestamp|clock_timestamp|statement_timestamp|localtimestamp)", re.I
    )
    found = [
        f"{name}:{node.lineno}"
        for name in python("service/")
        # upkeep: the job runner writes its heartbeats by the server's clock, so they are compared with that
        if not str(name).startswith(("service/migrations/", "service/infra/embedded/", "service/upkeep.py"))
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("sa.text", "text")
        and clock.search(
            " ".join(str(part.value) for part in ast.walk(node) if isinstance(part, ast.Constant))
        )
    ]
    assert not found, found
