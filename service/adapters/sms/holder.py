"""A holder is told of a step on their line by a message to that line, through the senders of codes; of one that bars
messages to it too, by a message to the contact on file, where there is one.

One that is held back by the network, or whose answer was lost, is not sent again: a second one would frighten more than
it says. One that no sender took for certain is for the job to try again.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from service.infra.postgres import Database
from service.kit.errors import NotFound
from service.kit.ids import new_id
from service.kit.msisdn import Msisdn
from service.lines.workflow import Lines
from service.otp import rules
from service.otp.model import Channel, Message
from service.otp.workflow.courier import WORTH
from service.otp.workflow.dispatch import Dispatch, Withheld
from service.otp.workflow.dispatch import NotSent as Unsent
from service.response.model import Notice, NoticeKind, NotSent, Sent, Step

_MUTE = (Step.SUSPEND, Step.CLOSE)
"""Steps after which nothing reaches the line any more."""


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(resources.files("service.adapters.sms").joinpath("holder.toml").read_text("utf-8"))


def text(notice: Notice, language: str) -> str:
    """What the message says; languages without texts have the English ones."""
    words = _words().get(language, _words()["en"])
    if notice.kind is NoticeKind.UNDONE:
        return words["undone"]
    waits = notice.kind is NoticeKind.ANNOUNCED and notice.begins_at is not None
    said = words["restrict_announced" if waits and notice.step is Step.RESTRICT else notice.step.value]
    until = words["until"].format(day=f"{notice.until:%Y-%m-%d}") if notice.until else ""
    begins = f"{notice.begins_at:%Y-%m-%d %H:%M}" if notice.begins_at else ""
    appeal = words["appeal"].format(link=notice.appeal_link) if notice.appeal_link else ""
    return said.format_map({"until": until, "from": begins}) + appeal


class SmsHolderNotice:
    """The port's implementation over the senders of codes."""

    def __init__(self, db: Database, lines: Lines, dispatch: Dispatch) -> None:
        self._db, self._lines, self._dispatch = db, lines, dispatch

    async def send(self, notice: Notice) -> Sent | NotSent:
        """A holder who was erased cannot be told."""
        async with self._db.read(notice.operator_id) as reader:
            try:
                line = await self._lines.load(reader, notice.line_id)
            except NotFound:
                return NotSent(retryable=False, code="line-gone")
            numbers = await self._lines.numbers(reader, line)
            if numbers is None:
                return NotSent(retryable=False, code="holder-erased")
            number = numbers.msisdn
            if notice.step in _MUTE and notice.kind is NoticeKind.TAKEN:
                contact = (await self._lines.subscribers.read(reader, line.subscriber_id)).get(
                    "contact_msisdn"
                )
                number = contact if isinstance(contact, str) else number
        to, now = Msisdn.parse(number), self._db.clock.now()
        language = rules.spoken_in(to.region)
        message = Message(new_id(), to.value, Channel.SMS, language, text(notice, language), now, now + WORTH)
        senders = [sender for sender in self._dispatch.senders if Channel.SMS in sender.channels]
        try:
            await self._dispatch.deliver(message, to, senders)
        except Withheld:
            return NotSent(retryable=False, code="number-not-reached")
        except Unsent as failed:
            return NotSent(retryable=failed.is_certain, code="no-sender")
        return Sent()
