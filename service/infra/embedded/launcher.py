"""Runs between fork and exec of a server, in a fresh interpreter of its own (``python -I -S launcher.py``).

Python code in a forked child of a threaded process is unsafe; a fresh process is not. It imports the standard
library only, because the owner may be root while the virtual environment belongs to someone else.

The order matters: the folder is opened while we may still reach it, then the privileges go, then the death
signal is asked for (changing credentials clears it), then the owner is looked for: if it died before the
request, no signal would ever come.
"""

import ctypes
import json
import os
import sys
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
REFUSED = 97
"""Exit status when the launcher itself fails; its stderr says why."""


def main(order: dict[str, Any]) -> None:
    """Become the server. ``order``: owner, signal, folder, uid (None: stay), gid, argv, env."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    folder = str(order["folder"])
    os.umask(0o077)
    os.chdir(folder)
    if order["uid"] is not None:
        # The data folder may lie under a folder closed to this user (root's home is 0700). The descriptor is
        # the right to it: PostgreSQL is handed the path /proc/self/fd/N, which needs none of the parents.
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        os.set_inheritable(handle, True)
        folder = f"/proc/self/fd/{handle}"
        os.setgroups([])
        os.setgid(order["gid"])
        os.setuid(order["uid"])
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if prctl(PR_SET_PDEATHSIG, order["signal"], 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_PDEATHSIG refused")
    if os.getppid() != order["owner"]:
        sys.exit(REFUSED)
    argv = [str(word).replace("{folder}", folder) for word in order["argv"]]
    os.execve(argv[0], argv, order["env"])  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except OSError as error:
        sys.stderr.write(f"cannot start: {error}\n")
        sys.exit(REFUSED)
