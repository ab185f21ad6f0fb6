"""Signed heads of the audit out of the host by webhook: ``audit.head``, signed by Standard Webhooks.

``{"type": "audit.head", "timestamp": "…", "data": {"v", "installation", "op", "n", "link", "at", "signature"}}``

``data`` is a line of a heads file, so that a receiver who keeps the lines has a file for ``simward audit
verify --heads``. 2xx says that it is kept. A head covers every one before it: after an outage, and when the
process starts, the newest alone is sent. ``webhook-id`` is the same for the same head.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

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
from service.audit.model import Head
from service.audit.ports import NOTHING_NOW
from service.audit.rules import write_head
from service.kit.clock import Clock, rfc3339

REST = timedelta(minutes=1)
"""How long nothing is sent after a failure: the sealer waits for each call, and has chains to seal."""


class HeadNotTaken(Exception):
    """The receiver did not say that it keeps the head; the text is a code."""


class HeadsWebhook:
    """``service.audit.ports.HeadsOutlet``. ``secrets``: one, or two while one replaces the other. Raises
    ``TargetRefused`` for a URL or a secret that can never do."""

    def __init__(
        self,
        url: str,
        secrets: Sequence[str],
        clock: Clock,
        *,
        allow_private: bool = False,
        resolver: Resolve = resolve,
    ) -> None:
        if not 1 <= len(secrets) <= 2:
            raise TargetRefused("one-or-two-secrets")
        for secret in secrets:
            signing_key(secret)
        self._target = Target.parse(url, allow_private=allow_private)
        self._secrets = tuple(secrets)
        self._clock = clock
        self._resolver = resolver
        self._last: dict[UUID, int] = {}
        self._rests_until: datetime | None = None

    def __repr__(self) -> str:
        return "HeadsWebhook()"

    def last(self, operator: UUID) -> int | None:
        if self._rests_until is not None and self._clock.now() < self._rests_until:
            return NOTHING_NOW
        return self._last.get(operator)

    async def publish(self, heads: Sequence[Head]) -> None:
        """Send the newest. Raises :class:`HeadNotTaken` once, then rests."""
        head = max(heads, key=lambda each: each.n)
        if head.n <= self._last.get(head.operator, 0):
            return
        try:
            await self._send(head)
        except HeadNotTaken:
            self._rests_until = self._clock.now() + REST
            raise
        self._rests_until = None
        self._last[head.operator] = head.n

    async def _send(self, head: Head) -> None:
        now = self._clock.now()
        whole = {"type": "audit.head", "timestamp": rfc3339(now), "data": json.loads(write_head(head))}
        body = json.dumps(whole, separators=(",", ":")).encode()
        headers = sign(self._secrets, f"head_{head.operator.hex}_{head.n}", int(now.timestamp()), body)
        try:
            status = await self._target.post(body, headers, resolver=self._resolver)
        except NotReached:
            raise HeadNotTaken("not-reached") from None
        except AnswerLost:
            raise HeadNotTaken("answer-lost") from None
        except TargetRefused as refused:
            raise HeadNotTaken(str(refused)) from None
        if not 200 <= status < 300:
            raise HeadNotTaken(f"status-{status}")
