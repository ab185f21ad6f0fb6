"""A gateway that takes messages over HTTP: keeps a history, checks signatures, answers as it is told."""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes
    was_signed: bool

    @property
    def data(self) -> Any:
        return json.loads(self.body)["data"]


class SmsGateway:
    """Start with ``async with SmsGateway() as gateway``; ``gateway.url`` is where to post.

    ``status`` is what it answers; ``behaviour``: ``answer``, ``hang`` (never answers), ``drop`` (closes after
    reading), ``garbage`` (answers something that is not HTTP).
    """

    def __init__(
        self,
        secret: str = "whsec_" + base64.b64encode(b"k" * 32).decode(),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.secret = secret
        self._tls = tls
        self.status = 202
        self.behaviour = "answer"
        self.extra_headers: dict[str, str] = {}
        self.history: list[Received] = []
        self.was_asked = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "SmsGateway":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = int(self._server.sockets[0].getsockname()[1])
        self.url = f"http{'s' if self._tls else ''}://gateway.test:{self.port}/messages"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.history.append(
                Received(head[0].split(" ")[1], headers, body, self._is_signed(headers, body))
            )
            self.was_asked.set()
            if self.behaviour == "hang":
                await asyncio.Event().wait()
            elif self.behaviour == "garbage":
                writer.write(b"\x00\x01 hello\r\n\r\n")
            elif self.behaviour == "answer":
                extra = "".join(f"{name}: {value}\r\n" for name, value in self.extra_headers.items())
                writer.write(
                    f"HTTP/1.1 {self.status} X\r\nContent-Length: 2\r\n{extra}Connection: close\r\n\r\n{{}}".encode()
                )
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def _is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """As the Standard Webhooks specification tells a receiver to check, written down here once more."""
        content = f"{headers.get('webhook-id')}.{headers.get('webhook-timestamp')}.".encode() + body
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        wanted = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        given = [part.removeprefix("v1,") for part in headers.get("webhook-signature", "").split(" ")]
        return any(hmac.compare_digest(wanted, each) for each in given)
