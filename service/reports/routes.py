"""HTTP of reports: parse, ask the workflow, render."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import JSONResponse, Response

from service.kit.errors import JsonObject
from service.kit.ids import parse
from service.reports import schemas
from service.reports.model import Filer, State
from service.reports.workflow import Reports
from service.web import problems
from service.web.auth import Principal, Scope, require
from service.web.idempotency import Slot, slot_of
from service.web.media import JSON_ALONE

router = APIRouter(prefix="/v1/reports", tags=["reports"])
Caller = Annotated[Principal, require(Scope.REPORTS)]
# Said, not enforced here: an id of another form is answered as one that does not exist.
ReportId = Annotated[str, Path(json_schema_extra={"pattern": "^rep_[0-9a-f]{32}$"})]
Kept = Annotated[Slot, Depends(slot_of)]

_PROBLEMS = problems.documented(401, 403, 404, 409, 413, 415, 422, 429, 503)


async def _works(request: Request) -> Reports:
    works: Reports = request.app.state.services.reports
    return works


Works = Annotated[Reports, Depends(_works)]


def _filer(caller: Principal) -> Filer:
    return Filer(caller.operator_id, caller.client_id, caller.dealer_id)


@router.post(
    "",
    status_code=202,
    response_model=schemas.ReportOut,
    responses=_PROBLEMS,
    dependencies=[JSON_ALONE],
)
async def file(body: schemas.FileReport, caller: Caller, slot: Kept, works: Works) -> Response:
    """Report a number. Every report is kept; only those of reporters whose number is proved are counted."""

    def filed(vote_id: UUID) -> JsonObject:
        return schemas.rendered(vote_id, State.FILED)

    return await slot.run(202, lambda keep: works.file(_filer(caller), body.statement(), keep), filed)


@router.get("/{report_id}", response_model=schemas.ReportOut, responses=_PROBLEMS)
async def get(report_id: ReportId, caller: Caller, works: Works) -> Response:
    """Where it stands. Of a line that is not the operator's own, and to a key that is bound to a dealer: ``filed``, and
    after a fixed time ``closed``."""
    vote_id = parse("rep", report_id)
    return JSONResponse(schemas.rendered(vote_id, await works.get(_filer(caller), vote_id)))
