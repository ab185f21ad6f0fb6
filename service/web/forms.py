"""Forms on a holder's page: small, urlencoded, read from the stream so that no more is held than may come."""

from typing import Final
from urllib.parse import parse_qs

from fastapi import Request
from starlette.requests import ClientDisconnect

from service.kit.errors import TooLarge

MOST_FIELDS: Final = 8


async def field_of(request: Request, name: str, most: int) -> str:
    """The one field ``name``; empty where there is none, more than one, or no form. Raises ``TooLarge`` past ``most``
    bytes."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise TooLarge(limit=most)
        given = parse_qs(body.decode("ascii"), max_num_fields=MOST_FIELDS, errors="strict").get(name, [])
    except (ClientDisconnect, ValueError):
        return ""
    return given[0] if len(given) == 1 else ""
