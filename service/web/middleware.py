"""The edge: a cap on bodies, headers on every answer, one log line and one measurement a request.

Pure ASGI, innermost information only: what is logged and measured is the route's template.
"""

import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog

from service.infra.telemetry import REQUESTS, SECONDS
from service.kit.errors import JsonObject, TooLarge
from service.web import problems

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_UPLOAD = 10 * 1024 * 1024
"""Bytes of a picture (``api.md``)."""
MAX_JSON = 256 * 1024
"""Bytes of any other body: an SOD of 64 KiB in base64 with its DG15 fits, a picture does not."""
_CAP = "body_cap"

log = structlog.get_logger("http")


def raise_cap(scope: Scope, cap: int) -> None:
    """Let the body of this request be so long. For a route that takes more, once it knows who asks."""
    scope["state"][_CAP] = cap


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")


class Edge:
    """Wraps the whole application; catches what nothing else caught."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        trace = secrets.token_hex(16)
        scope.setdefault("state", {})["trace"] = trace
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message.setdefault("headers", [])
                headers.append((b"x-content-type-options", b"nosniff"))
                headers.append((b"x-trace-id", trace.encode()))
                if not any(key == b"cache-control" for key, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
            await send(message)

        try:
            await self.app(scope, self._capped(scope, receive), sending)
        except TooLarge as refusal:
            if status:
                raise
            await problems.answer(refusal, problems.template_of(scope))(scope, receive, sending)
        except Exception as error:
            log.error("http.failed", route=problems.template_of(scope), trace=trace, exc_info=error)
            if not status:
                body: JsonObject = {
                    "type": "https://simward.invalid/problems/internal",
                    "title": "Something went wrong on our side",
                    "status": 500,
                    "code": "internal",
                    "trace": trace,
                }
                await problems.problem(body)(scope, receive, sending)
        finally:
            route = problems.template_of(scope)
            took = time.perf_counter() - started
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            REQUESTS.labels(route, method, str(status)).inc()
            SECONDS.labels(route).observe(took)
            log.info("http", route=route, method=method, status=status, ms=round(took * 1000, 1), trace=trace)

    @staticmethod
    def _capped(scope: Scope, receive: Receive) -> Receive:
        """Refuse a body past its cap, by its announced length at once, or while it comes in."""
        announced = _header(scope, b"content-length")
        seen = 0

        async def receiving() -> Message:
            nonlocal seen
            cap = scope["state"].get(_CAP, MAX_JSON)
            if announced.isdigit() and int(announced) > cap:
                raise TooLarge(limit=cap)
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > cap:
                    raise TooLarge(limit=cap)
            return message

        return receiving


_METHODS = frozenset({"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"})
