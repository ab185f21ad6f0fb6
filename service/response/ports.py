"""The outside world of the response: telling a holder what is done to their line.

Failure policy: what is not sent is tried again by a job. A restriction on reports alone waits for its notice, and goes
to a person where the notice cannot be sent.
"""

from typing import Protocol

from service.response.model import Notice, NotSent, Sent


class HolderNotice(Protocol):
    async def send(self, notice: Notice) -> Sent | NotSent:
        """Tell the holder, once for (action, kind) however often it is asked. Raises nothing of its own."""


class NullHolderNotice:
    """For demo and tests, and for operators who tell their customers themselves on the line's events: always sent.
    ``sent`` remembers the last thousand."""

    def __init__(self) -> None:
        self.sent: list[Notice] = []

    async def send(self, notice: Notice) -> Sent | NotSent:
        self.sent = [*self.sent[-999:], notice]
        return Sent()
