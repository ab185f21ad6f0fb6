"""A small real HTTP server for fakes of the outside world: it remembers what it was asked, and can misbehave.

Faults are queued and used up one a request. None of them depends on time: a held request waits until the
test releases it or the server closes.
"""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Fault(Enum):
    FAIL = "answers 503 and does nothing"
    DIE_BEFORE = "closes the connection and does nothing"
    DIE_AFTER = "does it, then closes the connection without an answer"
    DIE_MIDWAY = "does it, then breaks off in the middle of the answer"
    HOLD_BEFORE = "waits, and does nothing"
    HOLD_AFTER = "does it, then waits before it answers"
    GARBAGE = "answers 200 with something that is not JSON"
    HUGE = "answers 200 with a megabyte of JSON"
    EMPTY = "answers 200 with an empty object"


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key")


@dataclass
class FakeServer:
    """Use it as ``async with FakeX() as fake``; ``fake.url`` is its address on loopback."""

    requests: list[Request] = field(default_factory=list)
    faults: "deque[Fault]" = field(default_factory=deque)
    url: str = ""
    held: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a request is being held."""

    def answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        raise NotImplementedError

    def misbehave(self, fault: Fault, times: int = 1) -> None:
        self.faults.extend([fault] * times)

    def release(self) -> None:
        self._released.set()

    async def __aenter__(self) -> Any:
        self._released = asyncio.Event()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._busy: set[asyncio.Task[Any]] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._released.set()
        self._server.close()
        for task in list(self._busy):
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            while (request := await self._read(reader)) is not None:
                if not await self._reply(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._busy.discard(task)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Request | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.rstrip().split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        request = Request(first.split(" ")[1], headers, json.loads(body or b"{}"))
        self.requests.append(request)
        return request

    async def _reply(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        fault = self.faults.popleft() if self.faults else None
        if fault is Fault.DIE_BEFORE:
            return False
        if fault is Fault.HOLD_BEFORE:
            self.held.set()
            await self._released.wait()
            return False
        if fault is Fault.FAIL:
            status, payload = 503, b"{}"
        elif fault is Fault.GARBAGE:
            status, payload = 200, b"<html>all is well</html>"
        elif fault is Fault.HUGE:
            status, payload = 200, b'{"state": "' + b"x" * 1_000_000 + b'"}'
        elif fault is Fault.EMPTY:
            status, payload = 200, b"{}"
        else:
            status, data = self.answer(request)
            payload = json.dumps(data).encode()
        if fault is Fault.DIE_AFTER:
            return False
        if fault is Fault.HOLD_AFTER:
            self.held.set()
            await self._released.wait()
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
        )
        cut = len(payload) // 2 if fault is Fault.DIE_MIDWAY else len(payload)
        writer.write(head.encode() + payload[:cut])
        await writer.drain()
        return fault is not Fault.DIE_MIDWAY
