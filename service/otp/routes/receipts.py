"""``POST /callbacks/receipts/{sender}``: what a gateway says became of a message (``security.md`` 11).

Signed by Standard Webhooks with the secret that we sign with for this gateway. A message of ours that somebody
sends back here is signed as well, and is refused by its type.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from service.kit.errors import NotFound, TooLarge, Unauthenticated
from service.kit.signed import is_signed
from service.otp.schemas import ReceiptIn, receipt_schema
from service.web import problems
from service.web.media import JSON_ALONE

router = APIRouter(tags=["callbacks"])

MAX_BYTES = 4096


def _header(name: str, most: int, text: str) -> dict[str, Any]:
    schema = {"type": "string", "maxLength": most}
    return {"name": name, "in": "header", "required": True, "description": text, "schema": schema}


_DOCUMENTED: dict[str, Any] = {
    "parameters": [
        _header("webhook-id", 256, "used once"),
        _header("webhook-timestamp", 12, "seconds since 1970, within five minutes of now"),
        _header("webhook-signature", 1024, "v1,… for each secret"),
    ],
    "requestBody": {"required": True, "content": {"application/json": {"schema": receipt_schema()}}},
}


@router.post(
    "/callbacks/receipts/{sender}",
    status_code=202,
    response_class=Response,
    responses=problems.documented(401, 404, 413, 415, 422, 503),
    openapi_extra=_DOCUMENTED,
    dependencies=[JSON_ALONE],
)
async def receive(sender: Annotated[str, Path(max_length=32)], request: Request) -> Response:
    """Take a delivery receipt. A receipt for a message that is not known, and one that came before, are taken too."""
    services = request.app.state.services
    secrets = services.receipt_secrets.get(sender)
    if secrets is None:
        raise NotFound()
    body = await _body(request)
    once = request.headers.get("webhook-id")
    is_genuine = is_signed(
        secrets,
        message_id=once,
        timestamp=request.headers.get("webhook-timestamp"),
        signatures=request.headers.get("webhook-signature"),
        body=body,
        now_s=services.clock.now().timestamp(),
    )
    if not is_genuine:
        raise Unauthenticated()
    try:
        receipt = ReceiptIn.model_validate_json(body).receipt(sender)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
    await services.receipts.received(receipt, once)
    return Response(status_code=202)


async def _body(request: Request) -> bytes:
    """The raw body, whose signature is judged; never more of it than a receipt can be."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BYTES:
                raise TooLarge(limit=MAX_BYTES)
    except ClientDisconnect:
        raise Unauthenticated() from None  # nobody is there to read it
    return bytes(body)
