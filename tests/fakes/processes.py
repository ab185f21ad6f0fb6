"""Real ``simward`` processes, for the tests to kill."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx2

ROOT = Path(__file__).parents[2]
PATIENCE_S = 40.0
"""How long a test waits for what must come; no test is decided by it."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(holds: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> None:
    """Return when ``holds``; fail with ``what`` if it never does."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Program:
    """``python -m service …``. Its output goes to files, so that it never waits for a reader."""

    def __init__(
        self,
        *arguments: str,
        env: Mapping[str, str],
        python: Sequence[str] = (sys.executable,),
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="simward-program-")
        self._out, self._err = (Path(self._folder.name) / name for name in ("out", "err"))
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*python, "-m", "service", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd="/",
                env=self.environment(env),
            )

    @staticmethod
    def environment(variables: Mapping[str, str]) -> dict[str, str]:
        """What a program gets: these, our source, the packages of this Python, and nothing else."""
        packages = [path for path in sys.path if path.endswith("site-packages")]
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": ":".join([str(ROOT), *packages]),
            **variables,
        }

    @property
    def out(self) -> str:
        return self._out.read_text("utf-8", "replace")

    @property
    def err(self) -> str:
        return self._err.read_text("utf-8", "replace")

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def first_line(self) -> dict[str, str]:
        """The JSON on the first line of stdout, once it is there."""
        until(lambda: "\n" in self.out or not self.is_alive(), "the first line of stdout", 60)
        assert "\n" in self.out, self.err[-3000:]
        found: dict[str, str] = json.loads(self.out.split("\n", 1)[0])
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, within_s: float = PATIENCE_S) -> int:
        return self.process.wait(within_s)

    def close(self) -> None:
        """End it, however it stands."""
        if self.is_alive():
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        self._folder.cleanup()


class Served(Program):
    """``simward serve`` on a port of its own, answering."""

    def __init__(self, env: Mapping[str, str], port: int) -> None:
        super().__init__("serve", "--port", str(port), env=env)
        self.url = f"http://127.0.0.1:{port}"

    def wait_ready(self) -> None:
        def ready() -> bool:
            assert self.is_alive(), self.err[-3000:]
            try:
                return httpx2.get(f"{self.url}/readyz", timeout=5).status_code == 200
            except httpx2.HTTPError:
                return False

        until(ready, "ready")


def code_in(text: str) -> str:
    """The code in a message."""
    found = re.search(r"(?<!\d)\d{6}(?!\d)", text)
    assert found is not None
    return found.group()
