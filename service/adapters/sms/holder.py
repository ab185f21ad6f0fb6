"""A holder is told of a step on their line by a message to that line (:mod:`service.otp.workflow.courier`); while
nothing reaches it, by a message to the contact on file, where there is one."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from service.infra.postgres import Database, Reader
from service.kit.clock import rfc3339
from service.kit.errors import NotFound
from service.lines.model import Line, State
from service.lines.workflow import Lines
from service.otp.model import Handed, NoticeKind
from service.otp.model import Notice as Message
from service.otp.workflow import Courier
from service.response.model import Notice, NotSent, Sent, Step
from service.response.model import NoticeKind as Kind

_CODES = {Handed.SENDER: "no-sender", Handed.UNCERTAIN: "no-sender", Handed.WITHHELD: "number-not-reached"}

_REACHED = (State.ACTIVE, State.RESTRICTED)
"""Lines that messages reach."""


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(resources.files("service.adapters.sms").joinpath("holder.toml").read_text("utf-8"))


def text(notice: Notice, language: str) -> str:
    """What the message says; languages without texts have the English ones."""
    words = _words().get(language, _words()["en"])
    if notice.kind is Kind.UNDONE:
        return words["undone"]
    waits = notice.kind is Kind.ANNOUNCED and notice.begins_at is not None
    said = words["restrict_announced" if waits and notice.step is Step.RESTRICT else notice.step.value]
    until = words["until"].format(day=f"{notice.until:%Y-%m-%d}") if notice.until else ""
    begins = f"{notice.begins_at:%Y-%m-%d %H:%M}" if notice.begins_at else ""
    appeal = words["appeal"].format(link=notice.appeal_link) if notice.appeal_link else ""
    return said.format_map({"until": until, "from": begins}) + appeal


class SmsHolderNotice:
    """The port's implementation over the courier of messages without a code."""

    def __init__(self, db: Database, lines: Lines, courier: Courier) -> None:
        self._db, self._lines, self._courier = db, lines, courier

    async def send(self, notice: Notice) -> Sent | NotSent:
        """A holder who was erased cannot be told. An announcement is not kept for later: whoever waits for it asks
        again, or goes to a person, and then it would say what is no longer so. A step that was taken back and taken
        anew is another message."""
        async with self._db.read(notice.operator_id) as reader:
            try:
                line = await self._lines.load(reader, notice.line_id)
            except NotFound:
                return NotSent(retryable=False, code="line-gone")
            numbers = await self._lines.numbers(reader, line)
            if numbers is None:
                return NotSent(retryable=False, code=Handed.ERASED.value)
            number = await self._number(reader, line, numbers.msisdn)
        if number is None:
            return NotSent(retryable=False, code="line-gone")
        handed = await self._courier.hand(
            Message(
                notice.operator_id,
                NoticeKind.STEP,
                notice.action_id,
                notice.kind.value,
                line.subscriber_id,
                number,
                mark=_mark(notice),
                is_kept=notice.kind is not Kind.ANNOUNCED,
            ),
            lambda language: text(notice, language),
        )
        if handed is Handed.SENT:
            return Sent()
        return NotSent(retryable=handed.waits, code=_CODES.get(handed, handed.value))

    async def _number(self, reader: Reader, line: Line, own: str) -> str | None:
        """None where nobody is reached: the number of a closed line may be somebody else's by now."""
        if line.state in _REACHED:
            return own
        contact = (await self._lines.subscribers.read(reader, line.subscriber_id)).get("contact_msisdn")
        if isinstance(contact, str):
            return contact
        return own if line.state.is_open else None


def _mark(notice: Notice) -> bytes:
    """Tells apart the takings of one step."""
    return b"" if notice.asked_at is None else rfc3339(notice.asked_at).encode()
