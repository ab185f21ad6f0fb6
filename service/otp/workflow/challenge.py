"""What makes a first message dear for machines: proof of work, which is built in, or a CAPTCHA of the operator's.

A challenge is asked for only while the gate ``OtpChallengePerClient`` is full, before the first message to a number.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from service.infra.telemetry import PUZZLES
from service.kit.clock import rfc3339
from service.kit.errors import JsonObject
from service.otp.ports import Captcha, Challenger
from service.otp.rules import work
from service.otp.volatile import Hashes

CAPTCHA_TOKEN = "captcha"  # noqa: S105  a word of the wire, not a secret
REST = timedelta(minutes=1)
"""So long proof of work stands in after the verifier did not answer."""


class WorkChallenger:
    """:class:`service.otp.ports.Challenger` by proof of work (:mod:`service.otp.rules.work`). Needs no backend, so it
    is never gone; ``bits`` is read from the policy each time."""

    def __init__(self, hashes: Hashes, bits: Callable[[], int]) -> None:
        self._hashes = hashes
        self._bits = bits

    def ask(self, about: bytes, now: datetime) -> JsonObject:
        """``{"kind": "proof-of-work", "token", "bits", "expires_at"}``."""
        asked = work.new_work(self._bits(), secrets.token_bytes(work.NONCE_BYTES), now)
        token = work.write(asked, about, lambda parts: self._hashes.volatile(work.PURPOSE, *parts))
        return {
            "kind": "proof-of-work",
            "token": token,
            "bits": asked.bits,
            "expires_at": rfc3339(asked.expires_at),
        }

    async def is_solved(self, about: bytes, token: str, solution: str, now: datetime) -> bool:
        right = work.is_solved(
            token,
            solution,
            about,
            lambda parts: [mac for _, mac in self._hashes.volatile_all(work.PURPOSE, *parts)],
            now,
        )
        PUZZLES.labels("work", "right" if right else "wrong").inc()
        return right


class CaptchaChallenger:
    """A CAPTCHA, whose verifier may be gone: then nothing is solved by it, and for a minute ``fallback`` is asked for
    in its place. It is never offered beside it: a challenge is worth what the easier of two is worth."""

    def __init__(self, captcha: Captcha, fallback: Challenger) -> None:
        self._captcha = captcha
        self._fallback = fallback
        self._gone_until: datetime | None = None

    def ask(self, about: bytes, now: datetime) -> JsonObject:
        """``{"kind": "captcha", "site_key", "token"}``; the puzzle's answer comes back as ``solution``."""
        if self._gone_until is not None and now < self._gone_until:
            return self._fallback.ask(about, now)
        return {"kind": "captcha", "site_key": self._captcha.site_key, "token": CAPTCHA_TOKEN}

    async def is_solved(self, about: bytes, token: str, solution: str, now: datetime) -> bool:
        """A token of the fallback is one that we gave out while the verifier was gone, here or in another process: it
        is good as long as it says."""
        if token != CAPTCHA_TOKEN:
            return await self._fallback.is_solved(about, token, solution, now)
        right = await self._captcha.is_right(solution)
        if right is None:
            self._gone_until = now + REST
        PUZZLES.labels("captcha", "gone" if right is None else "right" if right else "wrong").inc()
        return right is True
