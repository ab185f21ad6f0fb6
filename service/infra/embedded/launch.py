"""Starting a child that cannot outlive us.

PR_SET_PDEATHSIG fires when the *thread* that forked ends, not the process. So every child is forked by one
daemon thread that never ends, whichever thread (a pool's, a test's) asked for it.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from service.infra.embedded.account import Account

Child = subprocess.Popen[bytes]
_LAUNCHER = Path(__file__).with_name("launcher.py")


class Keeper:
    """The thread that forks. ``close()`` ends it, so all its children must be gone by then."""

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[tuple[Callable[[], Child], Future[Child]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="simward-embedded", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while (asked := self._asked.get()) is not None:
            fork, answer = asked
            try:
                answer.set_result(fork())
            except BaseException as error:  # noqa: BLE001 - it belongs to the thread that asked
                answer.set_exception(error)

    def spawn(self, fork: Callable[[], Child]) -> Child:
        """Run ``fork`` on the keeper's thread and hand back its child."""
        answer: Future[Child] = Future()
        self._asked.put((fork, answer))
        return answer.result()

    def close(self) -> None:
        """End the thread."""
        self._asked.put(None)
        self._thread.join()


@dataclass(frozen=True, slots=True)
class Start:
    """One command. ``{folder}`` in argv is replaced by a path under which the account reaches ``folder``."""

    argv: Sequence[str]
    folder: Path
    account: Account
    death_signal: int
    env: Mapping[str, str]

    def run(self, keeper: Keeper, log: IO[bytes], stdin: int = subprocess.DEVNULL) -> Child:
        """Start it in a session of its own: Ctrl-C in the terminal is for the owner, who then stops it."""
        order = {
            "owner": os.getpid(),
            "signal": self.death_signal,
            "folder": str(self.folder),
            "uid": self.account.uid if self.account.dropped else None,
            "gid": self.account.gid,
            "argv": list(self.argv),
            "env": dict(self.env),
        }
        command = [sys.executable, "-I", "-S", "-B", str(_LAUNCHER), json.dumps(order)]
        return keeper.spawn(
            lambda: subprocess.Popen(
                command, stdin=stdin, stdout=log, stderr=log, env={}, start_new_session=True, cwd="/"
            )
        )


def environment(home: str) -> dict[str, str]:
    """All that a server sees of our environment: nothing of it."""
    return {"PATH": "/usr/bin:/bin", "HOME": home, "LC_ALL": "C", "TZ": "UTC"}
