"""Notices: a message without a code, over the senders that carry codes. Nothing of it is charged to a budget of
codes, so whoever sends one says how often it may be sent."""

from datetime import timedelta

from service.kit.clock import Clock
from service.kit.errors import Unavailable
from service.kit.ids import new_id
from service.kit.msisdn import Msisdn
from service.otp import rules
from service.otp.model import Channel, Message
from service.otp.workflow.dispatch import Dispatch, NotSent, Withheld

WORTH = timedelta(hours=24)
"""A notice that comes later than this says nothing any more."""


class Courier:
    """Hands a notice to the first sender that takes it."""

    def __init__(self, dispatch: Dispatch, clock: Clock) -> None:
        self._dispatch = dispatch
        self._clock = clock

    async def card_asked_for(self, operator_name: str, number: str) -> bool:
        """Tell whoever reads messages to ``number`` that somebody asks for another card for a line. Whether a sender
        took it: False where the network says that nobody has the number. Raises Unavailable."""
        to = Msisdn.parse(number)
        language = rules.spoken_in(to.region)
        text = rules.card_notice(language, operator_name)
        now = self._clock.now()
        message = Message(new_id(), to.value, Channel.SMS, language, text, now, now + WORTH)
        senders = [sender for sender in self._dispatch.senders if Channel.SMS in sender.channels]
        try:
            await self._dispatch.deliver(message, to, senders)
        except NotSent:
            raise Unavailable("sender") from None
        except Withheld:
            return False
        return True
