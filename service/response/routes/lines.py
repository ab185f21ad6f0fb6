"""HTTP of what was done to a line for reports: read it, and appeal it for the holder."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import JSONResponse, Response

from service.audit.workflow import Actor
from service.kit.ids import parse
from service.kit.msisdn import Msisdn
from service.response import schemas
from service.response.workflow import Response as Works
from service.web import problems
from service.web.auth import Principal, Scope, require
from service.web.idempotency import Slot, slot_of
from service.web.media import JSON_ALONE

router = APIRouter(prefix="/v1/lines", tags=["lines"])
Number = Annotated[str, Path(max_length=20, description="E.164 with +")]

_PROBLEMS = problems.documented(401, 403, 404, 409, 413, 415, 422, 429, 503)


async def _works(request: Request) -> Works:
    works: Works = request.app.state.services.response
    return works


Parts = Annotated[Works, Depends(_works)]


@router.get("/{msisdn}/actions", response_model=schemas.ActionsOut, responses=_PROBLEMS)
async def actions(
    msisdn: Number, caller: Annotated[Principal, require(Scope.LINES)], works: Parts, request: Request
) -> Response:
    """What was done to the line that a number has now because of reports, newest first. A key bound to a dealer sees
    the lines that this dealer registered."""
    number = Msisdn.parse(msisdn).value
    _, found = await works.judging.listed(caller.operator_id, number, caller.dealer_id)
    now = request.app.state.services.clock.now()
    return JSONResponse({"items": [schemas.rendered(each, works.policy, now) for each in found]})


@router.post(
    "/{msisdn}/appeal", response_model=schemas.ActionOut, responses=_PROBLEMS, dependencies=[JSON_ALONE]
)
async def appeal(
    msisdn: Number,
    body: schemas.AppealAction,
    caller: Annotated[Principal, require(Scope.LINES_ACT)],
    slot: Annotated[Slot, Depends(slot_of)],
    works: Parts,
    request: Request,
) -> Response:
    """Appeal a step for the holder: once, within 30 days. Another person than the one who acted judges it."""
    number = Msisdn.parse(msisdn).value
    action = parse("act", body.action) if body.action is not None else None
    now = request.app.state.services.clock.now()
    return await slot.run(
        200,
        lambda keep: works.judging.appeal(
            caller.operator_id,
            number,
            body.text,
            Actor.client(caller.client_id),
            action_id=action,
            keep=keep,
        ),
        lambda found: schemas.rendered(found, works.policy, now),
    )
