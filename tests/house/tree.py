"""The tree as the house tests read it: files that are (or would be) committed, their syntax trees, the docs' tables."""

import ast
import importlib
import pkgutil
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import service

ROOT = Path(__file__).resolve().parents[2]
CODE = ("service/", "tools/", "bench/", "examples/")


@cache
def files() -> tuple[Path, ...]:
    """Every file that git tracks or would track, relative to the root; in an unpacked archive, what lies there."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0 and listed.stdout:
        names = [Path(line) for line in listed.stdout.splitlines()]
    else:
        folders = [*CODE, "tests/", "docs/"]
        names = [path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*")]
        names += [path.relative_to(ROOT) for path in ROOT.iterdir()]
    return tuple(
        sorted(name for name in set(names) if (ROOT / name).is_file() and "__pycache__" not in name.parts)
    )


def text(name: Path) -> str | None:
    """The file as text, or None where it is none."""
    try:
        return (ROOT / name).read_text("utf-8")
    except UnicodeDecodeError:
        return None


def python(*under: str) -> Iterator[Path]:
    """Python files whose path begins with one of ``under``."""
    return (name for name in files() if name.suffix == ".py" and str(name).startswith(under or ("",)))


@cache
def parsed(name: Path) -> ast.Module:
    return ast.parse((ROOT / name).read_text("utf-8"), str(name))


@cache
def import_everything() -> tuple[str, ...]:
    """Import every module of the service (``__main__`` and alembic's environment run when imported: not those)."""
    names = []
    for found in pkgutil.walk_packages(service.__path__, "service."):
        leaf = found.name.rsplit(".", 1)[-1]
        if leaf in ("__main__", "env") or leaf == "launcher":
            continue
        importlib.import_module(found.name)
        names.append(found.name)
    return tuple(names)


@cache
def documented(page: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Rows of the tables of ``docs/<page>.md`` whose first cell is a code in backticks: (name, other cells)."""
    rows = []
    for line in (ROOT / "docs" / f"{page}.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        name = re.fullmatch(r"`([^`]+)`", cells[0])
        if line.startswith("| `") and name:
            rows.append((name[1], tuple(cells[1:])))
    return tuple(rows)


def names_on(page: str) -> list[str]:
    return [name for name, _ in documented(page)]
