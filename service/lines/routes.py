"""HTTP of lines: parse, ask the workflow, render."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import JSONResponse, Response

from service.audit.workflow import Actor
from service.kit.msisdn import Msisdn
from service.lines import schemas
from service.lines.model import Action
from service.lines.workflow import Lines
from service.web import problems
from service.web.auth import Principal, Scope, require
from service.web.idempotency import Slot, slot_of
from service.web.media import JSON_ALONE

router = APIRouter(prefix="/v1/lines", tags=["lines"])
Number = Annotated[str, Path(max_length=20, description="E.164 with +")]
Kept = Annotated[Slot, Depends(slot_of)]

_PROBLEMS = problems.documented(401, 403, 404, 409, 413, 415, 422, 429, 503)


async def _works(request: Request) -> Lines:
    works: Lines = request.app.state.services.lines
    return works


Works = Annotated[Lines, Depends(_works)]


@router.get("/{msisdn}", response_model=schemas.LineOut, responses=_PROBLEMS)
async def get(msisdn: Number, caller: Annotated[Principal, require(Scope.LINES)], works: Works) -> Response:
    """The line that a number has now. A key bound to a dealer sees the lines that this dealer registered."""
    number = Msisdn.parse(msisdn).value
    line = await works.get(caller.operator_id, number, dealer=caller.dealer_id)
    return JSONResponse(schemas.rendered(line, number))


async def _act(
    action: Action, msisdn: str, body: schemas.ActOnLine, caller: Principal, slot: Slot, works: Lines
) -> Response:
    number = Msisdn.parse(msisdn).value
    return await slot.run(
        200,
        lambda keep: works.act(
            caller.operator_id,
            number,
            action,
            reason=body.reason,
            note=body.note,
            until=body.until,
            actor=Actor.client(caller.client_id),
            keep=keep,
        ),
        lambda line: schemas.rendered(line, number),
    )


Acting = Annotated[Principal, require(Scope.LINES_ACT)]


@router.post(
    "/{msisdn}/restrict", response_model=schemas.LineOut, responses=_PROBLEMS, dependencies=[JSON_ALONE]
)
async def restrict(
    msisdn: Number, body: schemas.ActOnLine, caller: Acting, slot: Kept, works: Works
) -> Response:
    """Bar outgoing traffic, but never emergency calls or the operator's care; incoming stays."""
    return await _act(Action.RESTRICT, msisdn, body, caller, slot, works)


@router.post(
    "/{msisdn}/suspend", response_model=schemas.LineOut, responses=_PROBLEMS, dependencies=[JSON_ALONE]
)
async def suspend(
    msisdn: Number, body: schemas.ActOnLine, caller: Acting, slot: Kept, works: Works
) -> Response:
    """Bar traffic both ways, but never emergency calls or the operator's care."""
    return await _act(Action.SUSPEND, msisdn, body, caller, slot, works)


@router.post(
    "/{msisdn}/reinstate", response_model=schemas.LineOut, responses=_PROBLEMS, dependencies=[JSON_ALONE]
)
async def reinstate(
    msisdn: Number, body: schemas.ActOnLine, caller: Acting, slot: Kept, works: Works
) -> Response:
    """Lift a restriction or suspension. A line that still owes its own code stays restricted."""
    return await _act(Action.REINSTATE, msisdn, body, caller, slot, works)


@router.post(
    "/{msisdn}/close", response_model=schemas.LineOut, responses=_PROBLEMS, dependencies=[JSON_ALONE]
)
async def close(
    msisdn: Number, body: schemas.ActOnLine, caller: Acting, slot: Kept, works: Works
) -> Response:
    """End the line for good; its number rests in quarantine before it has a new holder."""
    return await _act(Action.CLOSE, msisdn, body, caller, slot, works)
