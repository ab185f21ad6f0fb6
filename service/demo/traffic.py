"""Two days of sign-in codes of an honest shop on the web, and one evening's pumped messages, for the page of codes."""

from datetime import datetime, timedelta

from service.demo.hands import Hands
from service.kit.errors import Refusal
from service.otp.workflow.budgets import Asker

SPAN, EVERY = timedelta(hours=48), timedelta(minutes=23)
PUMPED = "+3706123"
"""Where the pumped messages go: a block of ten thousand numbers, its last four digits to be added."""

PUMPED_MESSAGES = 75
"""More than may stand unanswered in one block (``policy/limits.toml``), so that the guard steps in."""


class Traffic:
    """Messages between the steps of the season, under the same clock."""

    def __init__(self, hands: Hands, asker: Asker, end: datetime) -> None:
        self._hands, self._asker = hands, asker
        self._next = end - SPAN
        self._turn = 0

    async def until(self, instant: datetime) -> None:
        """One message each while the clock goes on; of seven, one is not answered."""
        while self._next < instant:
            if self._next > self._hands.clock.now():
                self._hands.clock.set(self._next)
            self._turn += 1
            await self._message(
                f"+4915155{90 + self._turn % 4}{self._turn * 37 % 10_000:04d}", self._turn % 7 != 0
            )
            self._next += EVERY

    async def pump(self) -> None:
        """Codes that nobody asked for, to numbers of one block; none is answered."""
        for turn in range(PUMPED_MESSAGES):
            await self._message(f"{PUMPED}{turn * 131 % 10_000:04d}", False)

    async def _message(self, number: str, is_answered: bool) -> None:
        codes = self._hands.services.verifications
        try:
            subject, _, _ = await codes.send(self._asker, to=number, channel="sms", language="en")
            if is_answered:
                await codes.check(self._asker, subject, self._hands.sender.code(number))
        except Refusal:
            return
