"""The append-only file of signed heads, one JSON line each, and reading one back for a verification."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from service.audit.model import Head
from service.audit.rules import read_head, write_head


class HeadsFile:
    """Appends heads and flushes them to disk. Put it on a volume that the host cannot rewrite, or copy it off.

    A line that a crash cut short is ended before the next one is written; readers skip a last line without
    an end and refuse any other line that is no head.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: dict[UUID, int] = {}
        for head in read_heads(path) if path.exists() else []:
            self._last[head.operator] = max(head.n, self._last.get(head.operator, 0))

    def last(self, operator: UUID) -> int:
        return self._last.get(operator, 0)

    async def publish(self, heads: Sequence[Head]) -> None:
        await asyncio.to_thread(self._append, [write_head(head) for head in heads])
        for head in heads:
            self._last[head.operator] = max(head.n, self._last.get(head.operator, 0))

    def _append(self, lines: list[str]) -> None:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(fd).st_size
            torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
            text = ("\n" if torn else "") + "".join(f"{line}\n" for line in lines)
            data = memoryview(text.encode())
            while data:
                data = data[os.write(fd, data) :]
            os.fsync(fd)
        finally:
            os.close(fd)


def read_heads(path: Path) -> list[Head]:
    """The heads of a file, in its order. ``ValueError`` names the line that is no head.

    A line that a crash cut short is recognised by having no closing brace, and skipped: its head was written
    again after it.
    """
    heads = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or not line.endswith("}"):
            continue
        try:
            heads.append(read_head(line))
        except ValueError:
            raise ValueError(f"line {number} of {path.name} is not a head") from None
    return heads
