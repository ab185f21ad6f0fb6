"""What was answered under an ``Idempotency-Key``, read beside the scripts that keep it (``home.lua``, ``begin``)."""

import hmac
import json
from typing import Any, cast
from uuid import UUID

from service.infra.redis import Redis
from service.kit.clock import micros
from service.limits.model import Outcome, Verdict
from service.limits.volatile import instant
from service.otp.volatile.shapes import Idem, Issued


class Answers:
    """Looks, and changes nothing."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def sent(self, idem: Idem) -> Issued | None:
        """The send that an earlier request with this key and body was answered with; None where there was none, or it
        still runs."""
        call = self._redis.client.hmget(idem.key, ["f", "l", "r", "d"])
        fingerprint, lease, result, done = await self._redis.guard(cast(Any, call))
        if result is None or not hmac.compare_digest(fingerprint, idem.fingerprint.encode()):
            return None
        if done is None and int(lease) > micros(self._redis.clock.now()):
            return None
        subject, outcome, again_us, expires_us, left = json.loads(result)
        was = Verdict(Outcome(outcome), None, int(again_us), 0)
        return Issued(was, instant(int(expires_us)), int(left), UUID(hex=subject), is_replay=True)
