"""Job arguments are ids, codes and counts: what a worker is told is never about a person."""

import ast
import re
from pathlib import Path

from tests.house.tree import ROOT, documented, parsed, python

ALLOWED = {"str", "int", "None"}


def tasks() -> dict[str, ast.AsyncFunctionDef]:
    """``namespace:name`` of every ``@….task(…)``. The namespace is the domain's; ``worker.py`` gives others by hand."""
    found = {}
    for name in python("service/"):
        for node in ast.walk(parsed(name)):
            if not isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith(".task"):
                    given = {word.arg: word.value for word in mark.keywords}
                    assert isinstance(given.get("name"), ast.Constant), (
                        f"{name}:{node.lineno} has no name of its own"
                    )
                    assert isinstance(node, ast.AsyncFunctionDef), (
                        f"{name}:{node.lineno} would block the worker"
                    )
                    found[f"{_namespace(name)}:{given['name'].value}"] = node  # type: ignore[attr-defined]  # a constant
    return found


def _namespace(name: Path) -> str:
    return {"infra": "event", "worker.py": "upkeep"}.get(name.parts[1], name.parts[1])


def page() -> tuple[dict[str, list[str]], set[str]]:
    """(arguments by task, the closed set of arguments)."""
    rows = documented("jobs")
    by_task = {name: re.findall(r"`([^`]+)`", cells[1]) for name, cells in rows if ":" in name}
    return by_task, {name for name, _ in rows if ":" not in name}


def test_tasks_and_their_page_agree() -> None:
    said, _ = page()
    assert {name: _arguments(node) for name, node in tasks().items()} == said


def _arguments(node: ast.AsyncFunctionDef) -> list[str]:
    return [arg.arg for arg in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]


def test_arguments_come_from_the_closed_set() -> None:
    _, known = page()
    for name, node in tasks().items():
        assert set(_arguments(node)) <= known, name
        assert node.args.vararg is None, name
        assert node.args.kwarg is None, name


def test_arguments_are_text_and_whole_numbers() -> None:
    for name, node in tasks().items():
        for arg in [*node.args.args, *node.args.kwonlyargs]:
            assert arg.annotation is not None, (name, arg.arg)
            kinds = set(re.split(r"\s*\|\s*", ast.unparse(arg.annotation)))
            assert kinds <= ALLOWED, (name, arg.arg)


def test_what_is_deferred_is_a_task_with_its_arguments() -> None:
    """Each ``defer(tx, "domain:task", …)`` names a task of the page and gives it exactly its arguments."""
    said, _ = page()
    own = {"at", "lock", "queue"}
    seen = 0
    for name in python("service/"):
        for node in ast.walk(parsed(name)):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func).rsplit(".", 1)[-1] == "defer"):
                continue
            if len(node.args) < 2:
                continue
            assert isinstance(node.args[1], ast.Constant), f"{name}:{node.lineno}: the task is not a literal"
            words = {word.arg for word in node.keywords} - own
            assert words == set(said[str(node.args[1].value)]), f"{name}:{node.lineno}"
            seen += 1
    assert seen >= 3


def test_nobody_defers_beside_the_transaction() -> None:
    """``task.defer_async`` would open a connection of its own: the job would outlive a rollback."""
    found = [
        f"{name}:{node.lineno}"
        for name in python("service/")
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Attribute)
        and node.attr in ("defer_async", "batch_defer_async", "configure_task")
    ]
    assert not found, found


def test_events_carry_ids_and_codes() -> None:
    """Roles in ``refs`` are those of the page; a value is an id in hex, an enum's value or a code."""
    roles = {role for _, cells in documented("events") for role in re.findall(r"`([^`]+)`", cells[1])}
    for name in python("service/"):
        for node in ast.walk(parsed(name)):
            if (
                isinstance(node, ast.Assign)
                and ast.unparse(node.targets[0]) == "refs"
                and isinstance(node.value, ast.Dict)
            ):
                for key in node.value.keys:
                    assert isinstance(key, ast.Constant), f"{name}:{node.lineno}"
                    assert key.value in roles, f"{name}:{node.lineno}: {key.value}"


def test_chores_and_their_page_agree() -> None:
    """``chores()`` of the worker: (every, name, what)."""
    source = parsed(Path("service/worker.py"))
    [chores] = [node for node in source.body if isinstance(node, ast.FunctionDef) and node.name == "chores"]
    short = {"seconds": "s", "minutes": "min", "hours": "h", "days": "d"}
    found = {}
    for node in ast.walk(chores):
        if isinstance(node, ast.Tuple) and len(node.elts) == 3 and isinstance(node.elts[0], ast.Call):
            every, name, _ = node.elts
            [word] = every.keywords  # type: ignore[attr-defined]  # a call
            found[ast.literal_eval(name)] = f"{ast.literal_eval(word.value)} {short[str(word.arg)]}"
    section = (ROOT / "docs/jobs.md").read_text("utf-8").partition("## Chores")[2]
    said = dict(re.findall(r"^\| (\w+) \| ([\d.]+ \w+) \|", section, re.M))
    assert found == said
