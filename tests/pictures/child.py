"""The reader as the pool starts it, one question at a time."""

import contextlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Child:
    """``python -m service.vision`` with an empty environment; ends with the block."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-m", "service.vision"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
        )
        self.ready = self._answer()

    def ask(self, picture: bytes) -> dict[str, Any]:
        """Raises ``EOFError`` where the child ended without an answer."""
        assert self.process.stdin is not None
        frame = struct.pack(">I", 2) + b"{}" + struct.pack(">I", len(picture)) + picture
        try:
            self.process.stdin.write(frame)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise EOFError from None
        return self._answer()

    def spent(self) -> float:
        """Processor seconds so far: what another process takes of the machine does not count."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        return code

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        head = self.process.stdout.read(4)
        if len(head) != 4:
            raise EOFError
        found: dict[str, Any] = json.loads(self.process.stdout.read(struct.unpack(">I", head)[0]))
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
