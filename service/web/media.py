"""What a body may come as."""

from typing import Any

from fastapi import Depends, Request

from service.kit.errors import UnsupportedMedia


async def _json_alone(request: Request) -> None:
    """Refuse a body that does not say that it is JSON; without a body nothing need be said."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = request.headers.get("content-length", "0")
    empty = length == "0" and "transfer-encoding" not in request.headers
    if media != "application/json" and not (empty and not media):
        raise UnsupportedMedia("Send application/json.")


JSON_ALONE: Any = Depends(_json_alone)
"""Among the ``dependencies`` of every route with a body."""
