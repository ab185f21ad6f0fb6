"""What codes need of the outside world: something that sends messages.

A sender answers within the caller's deadline: *accepted*, or one of three failures that differ in what is
known. Only :class:`SenderUnavailable` says for certain that nothing was sent: the next sender may be tried,
and where none is left the budget is given back. After the other two nothing is tried again, because a
message may be on its way, or would be refused again.
"""

from datetime import datetime
from typing import Protocol, runtime_checkable
from uuid import UUID

from service.kit.errors import JsonObject
from service.kit.msisdn import Msisdn
from service.otp.model import Accepted, Channel, Message


class SendFailed(Exception):
    """The message was not accepted. The text is a code of ours: never number, message or the other side's words."""

    def __init__(self, sender: str, reason: str) -> None:
        super().__init__(f"{sender}: {reason}")
        self.sender = sender
        self.reason = reason


class SenderUnavailable(SendFailed):
    """Nothing was sent: not reached, overloaded, or it said that it cannot take messages now."""


class SenderRejected(SendFailed):
    """The sender understood and refuses this message; asking again changes nothing."""


class SenderUncertain(SendFailed):
    """The answer was lost or made no sense: the message may have been sent."""


class Sender(Protocol):
    """``name`` is a short code for metrics, logs and routes, from a closed set; ``channels``: what it can carry."""

    @property
    def name(self) -> str: ...

    @property
    def channels(self) -> frozenset[Channel]:
        """How it can deliver."""
        ...

    async def send(self, message: Message) -> Accepted:
        """Hand the message over once; :class:`SendFailed` where it was not accepted. Never retried inside."""
        ...


class NullSender:
    """Takes every message and sends none: for measurements and for tests that do not read codes."""

    name = "null"
    channels = frozenset({Channel.SMS, Channel.VOICE})

    async def send(self, message: Message) -> Accepted:
        return Accepted(self.name)


@runtime_checkable
class Lived(Protocol):
    """A sender that keeps a connection. One that was not started answers :class:`SenderUnavailable`."""

    async def start(self) -> None:
        """Begin to connect, and go on trying; returns at once. A gateway that is away stops no process."""
        ...

    async def stop(self) -> None:
        """Take leave of the other end. Never raises for what that end does."""
        ...


class Lookup(Protocol):
    """What the network knows of a number (HLR): asked after the budgets were charged, before anything is sent.

    Gone or slow: True, since a message that may fail is better than none; adapters say so themselves.
    """

    async def may_receive(self, number: Msisdn) -> bool: ...


class NullLookup:
    """Knows nothing against any number."""

    async def may_receive(self, number: Msisdn) -> bool:
        return True


class Challenger(Protocol):
    """Makes a first message dear for machines. ``about`` is what a challenge is bound to: bytes of ours."""

    def ask(self, about: bytes, now: datetime) -> JsonObject:
        """What the caller has to solve, as the fact ``challenge``; ``kind`` says which sort it is."""
        ...

    async def is_solved(self, about: bytes, token: str, solution: str, now: datetime) -> bool: ...


class Captcha(Protocol):
    """Somebody else's puzzle for people. ``site_key`` is public: the page that shows the puzzle needs it."""

    @property
    def site_key(self) -> str: ...

    async def is_right(self, answer: str) -> bool | None:
        """Whether the puzzle's answer, which is good once, is right; None where nobody can tell now. Raises nothing."""
        ...


class NullCaptcha:
    """No verifier: nobody can tell, so that proof of work is asked for."""

    site_key = ""

    async def is_right(self, answer: str) -> bool | None:
        return None


class Purses(Protocol):
    """Money: asked for the next slice where one ran out."""

    async def top_up(self, operator: UUID) -> None:
        """Lease, if the day has any left. Raises ``Unavailable`` where nobody can tell."""
        ...


class NullPurses:
    async def top_up(self, operator: UUID) -> None:
        """There is no money to be had."""


class Journal(Protocol):
    """What became of codes, told off the hot path: buffered, written within a second, never failing the caller."""

    def note(self, what: str, *, operator: UUID | None, challenge: UUID, **facts: str | int) -> None:
        """``what`` and ``facts`` are words of ours, ids and counts; nothing personal."""
        ...


class NullJournal:
    def note(self, what: str, *, operator: UUID | None, challenge: UUID, **facts: str | int) -> None:
        """Forgets it."""
