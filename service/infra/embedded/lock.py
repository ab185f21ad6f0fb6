"""Who owns a data folder: an flock, what its holder wrote beside it, and what a dead holder left."""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from service.infra.embedded.account import current_name
from service.infra.embedded.files import remove_private
from service.infra.embedded.model import AlreadyRunning, EmbeddedError, Servers

ATTACH_S = 120.0
"""How long one waits for an owner that is still starting, seconds."""
_ORPHANS_S = 10.0
_SERVER_NAMES = frozenset({"postgres", "redis-server", "valkey-server"})


class Lock:
    """The flock on ``<data>/lock``. The kernel frees it with its holder; the text inside is only a note."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.path = data / "lock"
        self.runtime = data / "runtime.json"
        self._handle: int | None = None

    def take(self) -> bool:
        """True if it is ours now; then the note of a killed owner is acted upon."""
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except PermissionError:
            raise EmbeddedError(
                f"{self.data} cannot be used by {current_name()}: {self.path} may not be written. "
                "Choose another data folder (DATA=… or --data)."
            ) from None
        except OSError as error:
            raise EmbeddedError(f"{self.data} cannot be used: {error.strerror}.") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        self.runtime.unlink(missing_ok=True)
        self._clear_leftovers()
        self.note({})
        return True

    def note(self, facts: Mapping[str, object]) -> None:
        """Write who we are into the lock file."""
        assert self._handle is not None
        text = json.dumps({"pid": os.getpid(), **facts}).encode()
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, text, 0)

    def release(self) -> None:
        """Let go; the file stays, since removing it would race with the next one who opens it."""
        if self._handle is not None:
            self.runtime.unlink(missing_ok=True)
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None

    def _clear_leftovers(self) -> None:
        """Wait for the servers of a killed owner to be gone, then remove their socket folder."""
        deadline = time.monotonic() + _ORPHANS_S
        while left := servers_in(self.data):
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Servers still run in {self.data} without an owner "
                    f"(pid {', '.join(map(str, left))}). End them, then start again."
                )
            time.sleep(0.05)
        private = read_json(self.path).get("private")
        if isinstance(private, str):
            remove_private(Path(private))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty where it is missing, half-written or something else."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except PermissionError:
        raise EmbeddedError(f"{path} belongs to another user; {current_name()} may not read it.") from None
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_runtime(path: Path, servers: Servers, facts: Mapping[str, str]) -> None:
    """Urls (with the Redis passwords), pids and what the owner announced; 0600, replaced whole."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        body = {"owner": os.getpid(), "servers": asdict(servers), "facts": dict(facts)}
        json.dump(body, file, indent=1)
    fresh.replace(path)


def attach(lock: Lock) -> tuple[Servers, dict[str, str]] | None:
    """The running owner's servers; None if the owner went away meanwhile. Waits for one that is starting."""
    deadline = time.monotonic() + ATTACH_S
    while time.monotonic() < deadline:
        body = read_json(lock.runtime)
        if body:
            held = dict(body["servers"])
            servers = Servers(**{**held, "pids": tuple(held["pids"]), "attached": True})
            # A killed owner's file outlives it for a moment; a socket that answers does not lie.
            if _listens(servers):
                return servers, dict(body["facts"])
        time.sleep(0.05)
        if lock.take():
            return None
    raise EmbeddedError(f"The owner of {lock.data} is not ready after {ATTACH_S:.0f} s.")


def _listens(servers: Servers) -> bool:
    folder = parse_qs(urlsplit(servers.app_url).query)["host"][0]
    with socket.socket(socket.AF_UNIX) as link, contextlib.suppress(OSError):
        link.connect(f"{folder}/.s.PGSQL.5432")
        return True
    return False


def already_running(lock: Lock) -> AlreadyRunning:
    """The text for a second owner: who holds the folder, since where, and what to do."""
    try:
        pid = read_json(lock.path).get("pid")
        facts = read_json(lock.runtime).get("facts", {})
    except EmbeddedError:
        pid, facts = None, {}
    where = "".join(f", {name} {value}" for name, value in facts.items())
    who = f"process {pid}" if pid else "another process"
    return AlreadyRunning(
        f"Simward already runs on {lock.data} ({who}{where}). Stop it first, or choose another data folder."
    )


def servers_in(data: Path) -> list[int]:
    """Pids of PostgreSQL and Redis processes whose working folder is one of this data folder's."""
    homes = set()
    for name in ("postgres", "postgres.new", "redis"):
        with contextlib.suppress(OSError):
            facts = (data / name).stat()
            homes.add((facts.st_dev, facts.st_ino))
    found = []
    for entry in Path("/proc").iterdir() if homes else ():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if (entry / "comm").read_text("utf-8", errors="replace").strip() in _SERVER_NAMES:
                facts = (entry / "cwd").stat()
                if (facts.st_dev, facts.st_ino) in homes:
                    found.append(int(entry.name))
    return sorted(found)
