"""Which system user the servers run as, and what that user can reach."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from service.infra.embedded.model import EmbeddedError


@dataclass(frozen=True, slots=True)
class Account:
    """A system user. ``dropped`` = we are root and the servers are not: PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int
    dropped: bool


def current_name() -> str:
    """The system's name of our own user, which peer authentication compares."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise EmbeddedError(
            f"The user id {os.geteuid()} has no name on this system, so PostgreSQL cannot recognise it. "
            "Run as a user listed in /etc/passwd, or set SIMWARD_DATABASE_URL and SIMWARD_REDIS_URL."
        ) from None


def server_account(cluster: Path) -> Account:
    """The user for both servers.

    Ourselves; as root the owner of the cluster that is there already, else ``postgres``, else ``nobody``.
    """
    owner = cluster.stat().st_uid if cluster.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise EmbeddedError(
                f"{cluster} belongs to the user {_name(owner)}, not to {current_name()}. "
                f"Run as that user (or root), or choose another data folder."
            )
        return Account(current_name(), os.geteuid(), os.getegid(), dropped=False)
    if owner == 0:
        raise EmbeddedError(
            f"{cluster} belongs to root, and PostgreSQL does not run as root. Choose another data folder."
        )
    for name in [_name(owner)] if owner is not None else ["postgres", "nobody"]:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, dropped=True)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and there is no system user to run it as "
        f"({'postgres or nobody' if owner is None else f'the owner of {cluster}, {owner}, has no name'}). "
        "Run as an ordinary user."
    )


def _name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid).pw_name if uid is not None else "?"
    except KeyError:
        return str(uid)


def may_read(path: Path, account: Account) -> bool:
    """True if the account can open the path by its mode bits: search on each parent, read on itself.

    Access lists are not looked at. Where they grant more we copy for nothing; where they grant less the
    server's own refusal is shown.
    """
    path = Path(os.path.realpath(path))
    try:
        if not all(_allows(parent, account, stat.S_IXOTH) for parent in path.parents):
            return False
        bits = stat.S_IROTH | stat.S_IXOTH if path.is_dir() else stat.S_IROTH
        return _allows(path, account, bits)
    except OSError:
        return False


def _allows(path: Path, account: Account, bits: int) -> bool:
    facts = path.stat()
    if facts.st_uid == account.uid:
        bits <<= 6
    elif facts.st_gid == account.gid:
        bits <<= 3
    return facts.st_mode & bits == bits
