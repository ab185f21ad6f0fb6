"""``GET /dev/outbox``: the demo's messages. Mounted in demo mode alone; does not exist otherwise.

It shows live codes, so it is asked for on loopback, under a loopback name, by no browser page of another
site, and with the demo's key: without these a page elsewhere could read codes by DNS rebinding.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from service.kit.errors import NotFound
from service.kit.msisdn import Msisdn
from service.web import problems
from service.web.auth import Principal, Scope, require

router = APIRouter(tags=["demo"])
Read = Callable[[str], Awaitable[Sequence[Any]]]
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


def refuse_strangers(request: Request) -> None:
    """Raise NotFound unless this is a plain request on loopback."""
    host = request.headers.get("host", "").rsplit(":", 1)[0].lower()
    peer = request.client.host if request.client else ""
    site = request.headers.get("sec-fetch-site", "none")
    if (
        host not in _LOOPBACK
        or peer not in ("127.0.0.1", "::1")
        or "origin" in request.headers
        or site
        not in (
            "none",
            "same-origin",
        )
    ):
        raise NotFound()


@router.get(
    "/dev/outbox",
    summary="Messages of the demo, newest first",
    responses=problems.documented(401, 403, 404, 422, 503),
)
async def outbox(
    request: Request,
    to: Annotated[str, Query(max_length=20)],
    _: Annotated[Principal, require(Scope.VERIFICATIONS)],
) -> Response:
    """What was sent to a number within the hour."""
    refuse_strangers(request)
    number = Msisdn.parse("+" + to[1:] if to.startswith(" ") else to, "/to").value
    read: Read = request.app.state.read_outbox
    return JSONResponse(list(await read(number)))
