"""Who may import whom: the contracts of ``.importlinter`` hold, and they see what they forbid."""

import ast

import grimp
import pytest
from importlinter.application import use_cases
from importlinter.configuration import configure

from tests.house.tree import ROOT, parsed, python


def test_the_contracts_hold(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    passed = use_cases.lint_imports(
        config_filename=str(ROOT / ".importlinter"), cache_dir=None, is_debug_mode=True, no_logo=True
    )
    assert passed, capsys.readouterr().out


def test_the_contracts_see_what_they_forbid() -> None:
    """A forbidden package that nobody imports at all would be a misspelt one."""
    graph = grimp.build_graph("service", include_external_packages=True, cache_dir=None)
    seen = {
        "asyncio",
        "fastapi",
        "httpx2",
        "procrastinate",
        "psycopg",
        "pydantic",
        "redis",
        "sqlalchemy",
        "tink",
    }
    assert seen <= graph.modules


def test_http_goes_out_through_adapters_alone() -> None:
    """``urllib.parse`` and ``http.HTTPStatus`` are harmless, so the contract cannot name their packages."""
    doors = {"urllib.request", "http.client", "ftplib", "smtplib", "telnetlib", "xmlrpc"}
    found = [
        f"{name}:{node.lineno}"
        for name in python("service/")
        if not str(name).startswith("service/adapters/")
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Import | ast.ImportFrom) and doors & _names(node)
    ]
    assert not found, found


def test_no_import_is_hidden_from_the_linter() -> None:
    """``import_module`` and ``__import__`` would pass by the contracts. service.tables finds tables by it, and
    national ids are read by the country's module of stdnum."""
    allowed = {"service/tables.py", "service/kit/national_id/__init__.py"}
    found = [
        f"{name}:{node.lineno}"
        for name in python("service/")
        if str(name) not in allowed
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__"))
    ]
    assert not found, found


def _names(node: ast.Import | ast.ImportFrom) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    return {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
