"""The operator's CAPTCHA verifier over HTTP; the schema is in ``docs/ports.md``.

``POST /v1/captcha/verify`` ``{"token"}`` → 200 ``{"solved": true | false}``. An answer to a puzzle is good once, so
the call is not repeated: a lost answer would come back as a no that nobody meant. The person's address is not passed
on, since it would tell the verifier's owner who is registering.
"""

from service.adapters.caller import Caller, CallFailed

DEADLINE_S = 3.0
"""One attempt; the caller of the API waits for it."""


class HttpCaptcha:
    """:class:`service.otp.ports.Captcha` over a :class:`Caller`."""

    def __init__(self, caller: Caller, site_key: str) -> None:
        self._caller = caller
        self.site_key = site_key

    async def is_right(self, answer: str) -> bool | None:
        """None where the verifier is gone, or answers anything but a plain yes or no."""
        try:
            found = await self._caller.post("/v1/captcha/verify", {"token": answer})
        except CallFailed:
            return None
        solved = found.data.get("solved")
        return solved if found.status == 200 and isinstance(solved, bool) else None

    async def close(self) -> None:
        await self._caller.close()
