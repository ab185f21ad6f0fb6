"""A sender over SMPP 3.4: keeps one transceiver session at a server, and makes it anew when it is lost.

The link to a server is the operator's own choice and often lies in a private network, so its address is not judged
as those of webhooks are. The password goes over it as it is: a link that no tunnel protects should be ``smpps``.
"""

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from service.adapters.sms.smpp import address, pdu, receipt
from service.adapters.sms.smpp.address import Link
from service.adapters.sms.smpp.pace import Pace, reconnect_after
from service.adapters.sms.smpp.pdu import Pdu, PduInvalid, ShortMessage
from service.adapters.sms.smpp.session import AnswerLost, NotBound, NotWritten, Session, Timings
from service.infra.telemetry import SMPP_BOUND
from service.kit.clock import Clock
from service.kit.gsm import cut
from service.otp.model import Accepted, Channel, Message, Receipt
from service.otp.ports import SenderRejected, SenderUnavailable, SenderUncertain, SendFailed

log = structlog.get_logger("smpp")

WINDOW = 10
"""Submits that wait for their answers at once; what servers commonly allow an account."""
ROOM_S = 2.0
"""How long a message waits for its turn; past that the next sender is the better choice."""
RECEIPTS_KEPT = 1000
LASTING_S = 60.0
"""A session that held this long was a good one: what ends it is no failure to bind."""

_NOT_NOW = frozenset(
    {pdu.SYSERR, pdu.MSGQFUL, pdu.THROTTLED, pdu.SUBMITFAIL, pdu.RX_T_APPN, pdu.INVBNDSTS, pdu.ALYBND}
    | {pdu.BINDFAIL, pdu.INVPASWD, pdu.INVSYSID}
)
"""Statuses of a ``submit_sm_resp`` by which the server, not the message, is at fault (5.1.3)."""
_TOO_MUCH = frozenset({pdu.MSGQFUL, pdu.THROTTLED})

_REFUSED = {
    pdu.ALYBND: "no-session-left",
    pdu.BINDFAIL: "bind-refused",
    pdu.INVPASWD: "credentials",
    pdu.INVSYSID: "credentials",
}
"""Why a server refuses to bind, where somebody has to change something (``docs/ports.md``): waiting mends a session
left over from a process that died, and nothing else."""

OnReceipt = Callable[[Receipt], Awaitable[None]]


async def _unread(_: Receipt) -> None:
    """Nobody asked for receipts."""


def failure(status: int) -> type[SendFailed]:
    """What a refused ``submit_sm`` means. A status that is not known refuses the message; ``ESME_RUNKNOWNERR`` says
    that the server does not know itself."""
    if status in _NOT_NOW:
        return SenderUnavailable
    return SenderUncertain if status == pdu.UNKNOWNERR else SenderRejected


def _again(tries: int) -> float:
    return reconnect_after(tries, secrets.randbelow(1000) / 1000)


class SmppSender:
    """``source``: a name of at most eleven letters, a short code, or a number with its plus; empty: the server's.

    ``rate``: submits a second, 0 for no bound; a part of a long message is one. ``on_receipt`` is awaited for every
    final receipt, after it was acknowledged. Raises ``LinkRefused`` for a source that can never do.
    """

    name = "smpp"
    channels = frozenset({Channel.SMS})

    def __init__(
        self,
        link: Link,
        clock: Clock,
        *,
        source: str = "",
        rate: int = 0,
        window: int = WINDOW,
        on_receipt: OnReceipt = _unread,
        roots: ssl.SSLContext | None = None,
        timings: Timings | None = None,
        again: Callable[[int], float] = _again,
    ) -> None:
        self._link = link
        self._clock = clock
        self._source = address.source(source)
        self._pace = Pace(rate)
        self._window = asyncio.Semaphore(window)
        self._on_receipt = on_receipt
        self._roots = roots
        self._timings = timings or Timings()
        self._again = again
        self._reference = secrets.randbelow(256)
        self._receipts: asyncio.Queue[Receipt] = asyncio.Queue(RECEIPTS_KEPT)
        self._session: Session | None = None
        self._bound = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return "SmppSender()"

    async def start(self) -> None:
        """Bind, and bind again whenever the session ends; returns at once."""
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._hand_on())]

    async def stop(self) -> None:
        """Unbind. Receipts that were acknowledged are handed on first."""
        if not self._tasks:
            return
        keeper, handing = self._tasks
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        self._lost()
        try:
            async with asyncio.timeout(self._timings.leave):
                await self._receipts.join()
        except TimeoutError:
            log.warning("smpp.receipts_lost", count=self._receipts.qsize())
        handing.cancel()
        await asyncio.gather(handing, return_exceptions=True)
        self._tasks = []

    async def bound(self) -> None:
        """Wait until there is a session."""
        await self._bound.wait()

    async def send(self, message: Message) -> Accepted:
        """Submit every part, each after the one before it was accepted: a message of which the first part is
        refused was certainly not sent."""
        try:
            bodies = self._bodies(message)
        except (PduInvalid, ValueError):
            raise SenderRejected(self.name, "message") from None
        session = self._session
        if session is None:
            raise SenderUnavailable(self.name, "not-bound")
        ids: list[str] = []
        for body in bodies:
            try:
                ids.append(await self._submit(session, body))
            except SendFailed as failed:
                if ids:
                    raise SenderUncertain(self.name, f"part-{failed.reason}") from None
                raise
        known = [each for each in ids if each]
        return Accepted(self.name, known[0], tuple(known[1:])) if known else Accepted(self.name)

    async def _submit(self, session: Session, body: bytes) -> str:
        """The server's id of what it took."""
        try:
            async with self._room():
                answer = await session.request(pdu.SUBMIT_SM, body)
        except NotWritten:
            raise SenderUnavailable(self.name, "not-bound") from None
        except AnswerLost:
            raise SenderUncertain(self.name, "answer-lost") from None
        if answer.status in _TOO_MUCH:
            self._pace.refused(_now())
        if answer.status != pdu.OK:
            raise failure(answer.status)(self.name, f"status-{answer.status:04x}")
        return self._taken(answer)

    def _taken(self, answer: Pdu) -> str:
        if answer.command == pdu.GENERIC_NACK:
            raise SenderUncertain(self.name, "answer-without-sense")
        self._pace.accepted()
        try:
            return pdu.message_id(answer.body)
        except PduInvalid:
            return ""  # it was taken; there will be a receipt that nobody can place

    @asynccontextmanager
    async def _room(self) -> AsyncIterator[None]:
        """A turn by the agreed rate, and a place among those that wait for an answer."""
        wait = self._pace.wait(_now())
        if self._pace.is_held(_now()):
            raise SenderUnavailable(self.name, "throttled")
        if wait > ROOM_S:
            raise SenderUnavailable(self.name, "no-room")
        self._pace.take(_now())
        if wait:
            await asyncio.sleep(wait)
        try:
            async with asyncio.timeout(ROOM_S):
                await self._window.acquire()
        except TimeoutError:
            raise SenderUnavailable(self.name, "no-room") from None
        try:
            if self._pace.is_held(_now()):
                raise SenderUnavailable(self.name, "throttled")
            yield
        finally:
            self._window.release()

    def _bodies(self, message: Message) -> list[bytes]:
        """A ``submit_sm`` for each part of the text."""
        text = cut(message.text)
        count = len(text.parts)
        self._reference = (self._reference + 1) % 256
        # TS 23.040, 9.2.3.24.1: concatenated short messages, 8-bit reference number.
        heads = [bytes((5, 0, 3, self._reference, count, part)) for part in range(1, count + 1)]
        return [
            pdu.short_message(
                ShortMessage(
                    source=self._source,
                    destination=address.destination(message.number),
                    data=head + part if count > 1 else part,
                    esm_class=pdu.UDH_INDICATOR if count > 1 else 0,
                    data_coding=text.coding,
                    registered_delivery=1,  # a receipt, whatever the end (5.2.17)
                    validity=_validity(message),
                )
            )
            for head, part in zip(heads, text.parts, strict=True)
        ]

    def _delivered(self, message: ShortMessage) -> int:
        """Keep what a receipt says; anything else that is delivered to us is acknowledged and forgotten."""
        said = receipt.read(message) if receipt.is_receipt(message) else None
        if said is not None:
            # "done date" has minutes and no zone (Appendix B): when the receipt came is the better instant.
            got = Receipt(self.name, said.reference, said.outcome, self._clock.now())
            try:
                self._receipts.put_nowait(got)
            except asyncio.QueueFull:
                return pdu.RX_T_APPN  # the server tries again
        return pdu.OK

    async def _hand_on(self) -> None:
        while True:
            got = await self._receipts.get()
            try:
                await self._on_receipt(got)
            except Exception as error:  # one receipt must not end those after it
                log.warning("smpp.receipt_lost", exc_info=error)
            finally:
                self._receipts.task_done()

    async def _keep(self) -> None:
        tries, said = 0, None
        while True:
            try:
                session = await Session.open(self._link, self._delivered, self._timings, self._roots)
            except NotBound as refused:
                tries += 1
                why = _REFUSED.get(refused.status or 0)
                if why is not None and why != said:
                    log.error("smpp.refused", why=why, reason=str(refused))
                else:
                    log.warning("smpp.not_bound", reason=str(refused), tries=tries)
                said = why
            except Exception as error:  # whatever it was, a sender that never binds again would be worse
                tries += 1
                log.error("smpp.failed", tries=tries, exc_info=error)
            else:
                began, said = _now(), None
                self._session = session
                self._bound.set()
                SMPP_BOUND.set(1)
                log.info("smpp.bound")
                await session.ended.wait()
                self._lost()
                await session.close()
                log.warning("smpp.lost")
                tries = 1 if _now() - began >= LASTING_S else tries + 1
            await asyncio.sleep(self._again(tries))

    def _lost(self) -> None:
        self._session = None
        self._bound.clear()
        SMPP_BOUND.set(0)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _validity(message: Message) -> str:
    """How long the server may try, as a time from now (7.1.1.2): an expired code that arrives helps nobody."""
    seconds = int((message.deliver_by - message.sent_at).total_seconds())
    if not 0 < seconds < 86_400:
        return ""
    return f"000000{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}000R"
