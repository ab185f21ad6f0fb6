"""Files of the data folder: logs, settings that the servers' user reads, the private socket folder."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from service.infra.embedded.account import Account, may_read
from service.infra.embedded.model import EmbeddedError

SUN_PATH = 108
"""Bytes of a Unix socket's path on Linux, the closing NUL included."""
_LONGEST_NAME = "/s/.s.PGSQL.5432"
_LOG_BYTES = 10 * 1024 * 1024


@contextmanager
def open_log(path: Path) -> Iterator[IO[bytes]]:
    """Open for appending (0600); one older file is kept when it has grown over 10 MiB."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > _LOG_BYTES:
            path.replace(path.with_suffix(".old.log"))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "ab", buffering=0) as log:
        yield log


def log_tail(path: Path, lines: int = 12) -> str:
    """The last lines, for the text of an error."""
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return f"(no log at {path})"
    return "\n".join([f"The end of {path}:", *text.splitlines()[-lines:]])


def write_for(account: Account, path: Path, text: str) -> None:
    """Replace a file in a folder that the account owns, without following what it may have put there."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        if account.dropped:
            os.fchown(file.fileno(), account.uid, account.gid)
        file.write(text)
    fresh.replace(path)


def own_folder(path: Path, account: Account) -> Path:
    """Make a folder of the account's (0700) if it is missing. Only what we make is ever chowned."""
    if not path.exists():
        path.mkdir(mode=0o700)
        if account.dropped:
            os.chown(path, account.uid, account.gid)
    return path


def private_folder(account: Account, programs: bool) -> Path:
    """A fresh short folder for sockets (``s``, 0700, the account's) and, as root, programs (``bin``).

    The first of the temporary folders under which a socket's path fits and which the account can enter;
    with ``programs`` also one from which programs may be run. Never XDG_RUNTIME_DIR: it goes at log-out.
    """
    refused: list[str] = []
    for base in dict.fromkeys([tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"]):  # noqa: S108 - mkdtemp makes it ours
        if len(os.fsencode(base)) + len("/simward-12345678" + _LONGEST_NAME) >= SUN_PATH:
            refused.append(f"{base}: path too long for a socket")
        elif account.dropped and not may_read(Path(base), account):
            refused.append(f"{base}: closed to {account.name}")
        elif programs and os.statvfs(base).f_flag & os.ST_NOEXEC:
            refused.append(f"{base}: mounted noexec")
        else:
            try:
                folder = Path(tempfile.mkdtemp(prefix="simward-", dir=base))
            except OSError as error:
                refused.append(f"{base}: {error.strerror}")
                continue
            own_folder(folder / "s", account)
            if account.dropped:
                # mkdtemp gives 0700 to root; the account must pass through to its own subfolder.
                folder.chmod(0o711)
            return folder
    raise EmbeddedError(
        f"No folder for the servers' sockets ({'; '.join(refused)}). Set TMPDIR to a short, open path."
    )


def remove_private(folder: Path) -> None:
    """Remove what ``private_folder`` made, also for an owner that was killed. Anything else is left alone."""
    with contextlib.suppress(OSError):
        facts = folder.lstat()
        ours = folder.name.startswith("simward-") and facts.st_uid == os.geteuid()
        if ours and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)
