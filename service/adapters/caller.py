"""Calls to an operator's own systems over HTTP: a deadline, retries that cannot do harm, a circuit breaker.

A body carries numbers, so it is never logged, and no exception here repeats it or the other end's text.
Addresses hold no numbers either: every call is a POST of JSON to a fixed path.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx2

from service.kit.clock import Clock
from service.kit.errors import JsonValue

MAX_ANSWER = 64 * 1024
"""Bytes of an answer that are read; a longer one is unreadable."""

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same call may succeed later."""


class CallFailed(Exception):
    """No usable answer. ``code``: unreachable, timeout, circuit-open, unreadable-answer, answered-<status>.

    Whether the other end did what it was asked is not known, except for circuit-open: that was not sent.
    """

    def __init__(self, code: str, retry_after_s: int = 5) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Answer:
    """A status below 500 and the JSON object that came with it."""

    status: int
    data: Mapping[str, Any]


class Breaker:
    """After ``threshold`` failures in a row nothing is sent for ``rest``; then one call tries for all."""

    def __init__(self, clock: Clock, threshold: int = 5, rest: timedelta = timedelta(seconds=10)) -> None:
        self._clock = clock
        self._threshold = threshold
        self._rest = rest
        self._failures = 0
        self._closed_until: datetime | None = None

    def admit(self) -> None:
        """Raises CallFailed while resting."""
        if self._failures < self._threshold:
            return
        now = self._clock.now()
        if self._closed_until is not None and now < self._closed_until:
            left = -(-(self._closed_until - now) // timedelta(seconds=1))
            raise CallFailed("circuit-open", retry_after_s=max(1, left))
        self._closed_until = now + self._rest

    def worked(self) -> None:
        self._failures = 0
        self._closed_until = None

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= self._threshold:
            self._closed_until = self._clock.now() + self._rest


class Caller:
    """One system of the operator. ``deadline_s`` covers all attempts of one call together."""

    def __init__(
        self,
        base_url: str,
        clock: Clock,
        *,
        token: str | None = None,
        deadline_s: float = 5.0,
        attempts: int = 3,
        pause_s: float = 0.1,
        breaker: Breaker | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._base = base_url.rstrip("/")
        self._deadline_s = deadline_s
        self._attempts = attempts
        self._pause_s = pause_s
        self._breaker = breaker or Breaker(clock)
        # Redirects are not followed and no proxy is taken from the environment: numbers go to one place only.
        self._client = httpx2.AsyncClient(
            headers=headers,
            timeout=deadline_s,
            follow_redirects=False,
            trust_env=False,
            transport=transport,
            limits=httpx2.Limits(max_connections=20, max_keepalive_connections=5),
        )

    async def post(
        self,
        path: str,
        body: Mapping[str, JsonValue],
        *,
        idempotency_key: str | None = None,
        reads: bool = False,
    ) -> Answer:
        """Send ``body``; repeat a failed attempt only where that is harmless: a call that ``reads``, or one
        with a key by which the other end knows a repetition. Raises CallFailed."""
        attempts = self._attempts if reads or idempotency_key is not None else 1
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        failure = CallFailed("unreachable")
        try:
            async with asyncio.timeout(self._deadline_s):
                for attempt in range(attempts):
                    if attempt:
                        await asyncio.sleep(self._pause_s * 2 ** (attempt - 1))
                    self._breaker.admit()
                    try:
                        answer = await self._once(path, body, headers)
                    except CallFailed as error:
                        self._breaker.failed()
                        failure = error
                        continue
                    self._breaker.worked()
                    return answer
        except TimeoutError:
            self._breaker.failed()
            raise CallFailed("timeout") from None
        raise failure

    async def _once(self, path: str, body: Mapping[str, JsonValue], headers: Mapping[str, str]) -> Answer:
        try:
            async with self._client.stream("POST", self._base + path, json=body, headers=headers) as response:
                if response.status_code in _AGAIN:
                    raise CallFailed(f"answered-{response.status_code}")
                raw = b""
                async for chunk in response.aiter_raw():
                    raw += chunk
                    if len(raw) > MAX_ANSWER:
                        raise CallFailed("unreadable-answer")
                status = response.status_code
        except httpx2.TimeoutException:
            raise CallFailed("timeout") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError):
            raise CallFailed("unreachable") from None
        try:
            data = json.loads(raw)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            # A refusal may come from a proxy that does not speak JSON; a success without JSON is no success.
            if status < 400:
                raise CallFailed("unreadable-answer")
            data = {}
        return Answer(status, data)

    async def close(self) -> None:
        await self._client.aclose()
