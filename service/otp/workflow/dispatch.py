"""A message on its way: through the first sender that takes it, within the deadline, with one face for all."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import structlog

from service.infra.telemetry import CODES, SENDS
from service.kit.errors import Unavailable
from service.kit.msisdn import Msisdn
from service.otp.model import Accepted, Message
from service.otp.ports import Lookup, NullLookup, Sender, SenderUnavailable, SendFailed

_T = TypeVar("_T")
Way = tuple[str, ...]
log = structlog.get_logger()


class NotSent(Exception):
    """No sender took the message; ``is_certain`` that none is on its way. The text is a word of ours."""

    def __init__(self, cause: str, *, is_certain: bool) -> None:
        super().__init__(cause)
        self.cause = cause
        self.is_certain = is_certain


class Withheld(Exception):
    """The network says that this number must not be sent to; the caller is not told."""


class Pace:
    """How messages fare, for those that are held back: an answer that came sooner, or that came at all while nothing
    can be sent, would tell them apart. Outages are kept for each way of sending: the senders' names."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._took: deque[float] = deque(maxlen=64)
        self._outages: dict[Way, tuple[NotSent, float]] = {}
        self._sleep = sleep

    def note(self, seconds: float, way: Way = ()) -> None:
        self._took.append(seconds)
        self._outages.pop(way, None)

    def note_outage(self, failed: NotSent, seconds: float, way: Way) -> None:
        """Nothing could be sent this way, whatever the number: what one number alone is refused for is no outage."""
        self._outages[way] = (failed, seconds)

    async def keep(self, way: Way = ()) -> None:
        """Wait as long as one of the last messages took, whichever; :class:`NotSent` where the last one this way found
        no sender."""
        if (outage := self._outages.get(way)) is not None:
            failed, seconds = outage
            await self._sleep(seconds)
            raise NotSent(failed.cause, is_certain=failed.is_certain)
        if self._took:
            await self._sleep(secrets.choice(self._took))


class Tasks:
    """Work that runs to its end even if the caller hangs up."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    async def to_the_end(self, call: Coroutine[Any, Any, _T]) -> _T:
        """Who closes the connection early has been charged all the same."""
        task = asyncio.create_task(call)
        self._running.add(task)
        task.add_done_callback(self._over)
        return await asyncio.shield(task)

    def later(self, call: Coroutine[Any, Any, None]) -> None:
        """Beside the answer, which does not wait for it."""
        task = asyncio.create_task(call)
        self._running.add(task)
        task.add_done_callback(self._over)

    async def kindly(self, call: Coroutine[Any, Any, None]) -> None:
        """To the end as well, and without a word where Redis is gone: what it repairs heals by time."""
        try:
            await self.to_the_end(call)
        except Unavailable:
            log.warning("otp.redis_gone")

    def _over(self, task: "asyncio.Task[Any]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # read, so that a refusal nobody waits for any more is not reported as lost


class Dispatch:
    """Senders in their order, and what the network knows of a number before anything is sent to it."""

    def __init__(
        self,
        senders: Sequence[Sender],
        *,
        deadline_s: float,
        lookup: Lookup | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.senders = tuple(senders)
        self.pace = pace or Pace()
        self._deadline_s = deadline_s
        self._lookup = lookup or NullLookup()

    async def hold_back(self, senders: Sequence[Sender]) -> None:
        """As long as a message would take by these; :class:`NotSent` while none takes any."""
        await self.pace.keep(_way(senders))

    async def deliver(self, message: Message, number: Msisdn, senders: Sequence[Sender]) -> Accepted:
        """The first of ``senders`` that takes it. Raises :class:`NotSent` or :class:`Withheld`."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._deadline_s):
                if not await self._lookup.may_receive(number):
                    raise Withheld
                accepted = await self._first(message, senders)
        except SendFailed as failed:
            log.warning("otp.sender_failed", sender=failed.sender, reason=failed.reason)
            SENDS.labels(failed.sender, "refused").inc()
            raise NotSent("refused", is_certain=False) from failed
        except TimeoutError as late:
            # The message may be on its way: a charge given back here would make slow senders free to abuse.
            log.warning("otp.sender_slow", senders=len(senders))
            failed_late = NotSent("late", is_certain=False)
            self.pace.note_outage(failed_late, time.perf_counter() - started, _way(senders))
            raise failed_late from late
        except Withheld:
            CODES.labels("withheld").inc()
            await self.hold_back(senders)
            raise
        except NotSent as nobody:
            self.pace.note_outage(nobody, time.perf_counter() - started, _way(senders))
            raise
        self.pace.note(time.perf_counter() - started, _way(senders))
        return accepted

    async def _first(self, message: Message, senders: Sequence[Sender]) -> Accepted:
        for sender in senders:
            try:
                accepted = await sender.send(message)
            except SenderUnavailable as failed:
                log.warning("otp.sender_unavailable", sender=sender.name, reason=failed.reason)
                SENDS.labels(sender.name, "unavailable").inc()
            else:
                SENDS.labels(sender.name, "accepted").inc()
                return accepted
        raise NotSent("unavailable", is_certain=True)


def _way(senders: Sequence[Sender]) -> Way:
    return tuple(sender.name for sender in senders)
