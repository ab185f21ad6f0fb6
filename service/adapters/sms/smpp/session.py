"""One connection that is bound at an SMPP 3.4 server, from the bind to its end. It is never mended: a new one is made.

What the other side asks is answered here: ``enquire_link``, ``deliver_sm``, ``unbind``; a ``generic_nack`` for
what no client is asked. That it is there at all is asked in turn, and a server that stays silent has gone.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import httpx2

from service.adapters.sms.smpp import pdu
from service.adapters.sms.smpp.address import Link
from service.adapters.sms.smpp.pdu import Pdu, PduInvalid, ShortMessage

Deliver: TypeAlias = Callable[[ShortMessage], int]
"""Takes what a ``deliver_sm`` brought and says the status to answer with; it does not wait."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds (the timers of 7.2). ``idle``: between two questions whether the server is there."""

    connect: float = 5.0
    answer: float = 5.0
    idle: float = 30.0
    leave: float = 1.0


class NotBound(Exception):
    """No session: not reached, or refused with ``status`` (5.1.3). The text is a code."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class NotWritten(Exception):
    """The session was over before anything was said."""


class AnswerLost(Exception):
    """It was said, and no answer came: the server may have acted."""


@cache
def _public_roots() -> ssl.SSLContext:
    """The usual authorities. Not the context of our HTTP, which that library tells to offer HTTP in its handshakes."""
    return httpx2.create_ssl_context(trust_env=False)


class Session:
    """Made by :meth:`open`. ``ended`` is set when it is over, for whichever reason."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deliver: Deliver, timings: Timings
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._deliver = deliver
        self._timings = timings
        self._sequence = 0
        self._pending: dict[int, tuple[int, asyncio.Future[Pdu | None]]] = {}
        self.ended = asyncio.Event()
        self._tasks = [asyncio.create_task(self._read())]

    @classmethod
    async def open(
        cls, link: Link, deliver: Deliver, timings: Timings, roots: ssl.SSLContext | None = None
    ) -> "Session":
        """Connect and ``bind_transceiver``. Raises :class:`NotBound`.

        ``roots``: whom to trust for the certificate of a ``smpps`` server; it must be that of the host's name.
        """
        context = (roots or _public_roots()) if link.tls else None
        try:
            async with asyncio.timeout(timings.connect):
                reader, writer = await asyncio.open_connection(link.host, link.port, ssl=context)
        except ssl.SSLError:
            raise NotBound("tls") from None
        except (OSError, TimeoutError, UnicodeError):  # the last for a name that none can be
            raise NotBound("not-reached") from None
        session = cls(reader, writer, deliver, timings)
        try:
            await session._bind(link)
        except BaseException:
            await session._over()
            raise
        session._tasks.append(asyncio.create_task(session._watch()))
        return session

    async def _bind(self, link: Link) -> None:
        try:
            answer = await self.request(pdu.BIND_TRANSCEIVER, pdu.bind(link.system_id, link.password))
        except (NotWritten, AnswerLost):
            raise NotBound("bind-not-answered") from None
        if answer.status != pdu.OK:
            raise NotBound(f"bind-status-{answer.status:04x}", answer.status)

    async def request(self, command: int, body: bytes = b"", within: float | None = None) -> Pdu:
        """Say it and wait for its answer, which may be a ``generic_nack``. Raises :class:`NotWritten` and
        :class:`AnswerLost`. An answer that comes later is dropped."""
        if self.ended.is_set() or self._writer.is_closing():
            raise NotWritten
        self._sequence = self._sequence % pdu.LAST_SEQUENCE + 1
        sequence = self._sequence
        future: asyncio.Future[Pdu | None] = asyncio.get_running_loop().create_future()
        self._pending[sequence] = command | pdu.RESPONSE, future
        try:
            self._write(Pdu(command, pdu.OK, sequence, body))
            async with asyncio.timeout(within or self._timings.answer):
                await self._writer.drain()
                answer = await future
        except (OSError, TimeoutError):
            raise AnswerLost from None
        finally:
            del self._pending[sequence]
        if answer is None:
            raise AnswerLost
        return answer

    async def close(self) -> None:
        """``unbind`` (4.2), then hang up, answered or not."""
        with suppress(NotWritten, AnswerLost):
            await self.request(pdu.UNBIND, within=self._timings.leave)
        await self._over()

    async def _over(self) -> None:
        self._end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _end(self) -> None:
        self.ended.set()
        for _, future in self._pending.values():
            if not future.done():
                future.set_result(None)
        self._writer.transport.abort()

    def _write(self, unit: Pdu) -> None:
        self._writer.write(pdu.encode(unit))

    async def _read(self) -> None:
        try:
            while True:
                head = pdu.header(await self._reader.readexactly(pdu.HEADER_BYTES))
                body = await self._reader.readexactly(head.body_bytes)
                unit = Pdu(head.command, head.status, head.sequence, body)
                if unit.is_response:
                    self._answered(unit)
                elif not await self._asked(unit):
                    return
        except PduInvalid:
            # Where the next unit begins is not known any more (4.3.1): said, and nothing after it is read.
            self._write(Pdu(pdu.GENERIC_NACK, pdu.INVCMDLEN, 0))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._end()

    def _answered(self, unit: Pdu) -> None:
        expected, future = self._pending.get(unit.sequence, (0, None))
        if future is not None and not future.done() and unit.command in (expected, pdu.GENERIC_NACK):
            future.set_result(unit)

    async def _asked(self, unit: Pdu) -> bool:
        """Answer a request; False where there is nothing more to wait for."""
        answer = Pdu(unit.command | pdu.RESPONSE, pdu.OK, unit.sequence)
        match unit.command:
            case pdu.DELIVER_SM:
                answer = Pdu(answer.command, self._delivered(unit.body), unit.sequence, b"\0")
            case pdu.ENQUIRE_LINK | pdu.UNBIND:
                pass
            case pdu.OUTBIND | pdu.ALERT_NOTIFICATION:
                return True  # these two have no answer (4.1.7, 4.12)
            case _:
                answer = Pdu(pdu.GENERIC_NACK, pdu.INVCMDID, unit.sequence)
        self._write(answer)
        await self._writer.drain()  # who asks without listening is not read from either
        return unit.command != pdu.UNBIND

    def _delivered(self, body: bytes) -> int:
        try:
            return self._deliver(pdu.read_short_message(body))
        except PduInvalid:
            return pdu.RX_P_APPN

    async def _watch(self) -> None:
        """Ask from time to time whether the server is there (4.11); end the session where it does not say so."""
        while True:
            await asyncio.sleep(self._timings.idle)
            try:
                await self.request(pdu.ENQUIRE_LINK)
            except (NotWritten, AnswerLost):
                self._end()
                return
