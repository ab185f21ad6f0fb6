"""Senders behind HTTP: each message is posted as JSON, signed by Standard Webhooks.

``{"type": "message.send", "timestamp": "…", "data": {"id", "to", "channel", "language", "text", "deliver_by"}}``

The gateway answers 2xx when it has taken the message; ``webhook-id`` is the same for the same message. 429
and 503 say that it cannot take any now and has sent nothing; other 4xx and redirects refuse this one; any
other answer leaves open whether it was sent.

:class:`VoiceSender` orders a call that reads the text aloud: ``call.place`` instead of ``message.send``.
"""

import json
import re
from collections.abc import Sequence

from service.adapters.outward import (
    AnswerLost,
    NotReached,
    Resolve,
    Target,
    TargetRefused,
    resolve,
    sign,
    signing_key,
)
from service.kit.clock import rfc3339
from service.kit.ids import wire
from service.otp.model import Accepted, Channel, Message
from service.otp.ports import SenderRejected, SenderUnavailable, SenderUncertain


class WebhookSender:
    """``secrets``: one, or two while one replaces the other. Raises ``TargetRefused`` for a URL or secret that
    can never do."""

    name = "webhook"
    channels = frozenset({Channel.SMS})
    kind = "message.send"

    def __init__(
        self, url: str, secrets: Sequence[str], *, allow_private: bool = False, resolver: Resolve = resolve
    ) -> None:
        if not 1 <= len(secrets) <= 2:
            raise TargetRefused("one-or-two-secrets")
        for secret in secrets:
            signing_key(secret)
        self._target = Target.parse(url, allow_private=allow_private)
        self._secrets = tuple(secrets)
        self._resolver = resolver

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    async def send(self, message: Message) -> Accepted:
        body = self._body(message)
        reference = wire("otp", message.id)
        headers = sign(self._secrets, reference, int(message.sent_at.timestamp()), body)
        try:
            status = await self._target.post(body, headers, resolver=self._resolver)
        except NotReached:
            raise SenderUnavailable(self.name, "not-reached") from None
        except TargetRefused as refused:
            raise SenderUnavailable(self.name, str(refused)) from None
        except AnswerLost:
            raise SenderUncertain(self.name, "answer-lost") from None
        if 200 <= status < 300:
            return Accepted(self.name, reference)
        if status in (429, 503):
            raise SenderUnavailable(self.name, f"status-{status}")
        if 300 <= status < 500:
            raise SenderRejected(self.name, f"status-{status}")
        raise SenderUncertain(self.name, f"status-{status}")

    def _body(self, message: Message) -> bytes:
        data = {
            "id": wire("otp", message.id),
            "to": message.number,
            "channel": message.channel.value,
            "language": message.language,
            "text": self.worded(message.text),
            "deliver_by": rfc3339(message.deliver_by),
        }
        whole = {"type": self.kind, "timestamp": rfc3339(message.sent_at), "data": data}
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()

    def worded(self, text: str) -> str:
        """The text as this channel takes it."""
        return text


class VoiceSender(WebhookSender):
    """A gateway that calls the number and reads the text: with an address and secrets of its own."""

    name = "voice"
    channels = frozenset({Channel.VOICE})
    kind = "call.place"

    def worded(self, text: str) -> str:
        """Digits stand apart: a voice that finds ``907356`` says a number of six figures, which nobody can type."""
        return re.sub(r"[0-9]+", lambda digits: " ".join(digits[0]), text)
