"""HTTP of verifications: one-time codes on their own. Their answers under an Idempotency-Key are kept in Redis."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import JSONResponse, Response

from service.kit.clock import rfc3339
from service.kit.errors import JsonObject
from service.kit.ids import parse, wire
from service.otp import schemas
from service.otp.routes.idempotency import RedisSlot, redis_slot
from service.otp.workflow import Asker, Solution
from service.otp.workflow.verifications import Verifications
from service.web import problems
from service.web.auth import Principal, Scope, require
from service.web.media import JSON_ALONE

router = APIRouter(prefix="/v1/verifications", tags=["verifications"])
Caller = Annotated[Principal, require(Scope.VERIFICATIONS)]
# Said, not enforced here: an id of another form is answered as one that does not exist.
VerificationId = Annotated[str, Path(json_schema_extra={"pattern": "^ver_[0-9a-f]{32}$"})]
Slot = Annotated[RedisSlot, Depends(redis_slot)]
_PROBLEMS = problems.documented()


def _works(request: Request) -> Verifications:
    """No dependency of FastAPI's: each costs what a round trip to Redis does."""
    works: Verifications = request.app.state.services.verifications
    return works


def _asker(caller: Principal, device: schemas.VerificationDevice | None = None) -> Asker:
    return Asker(
        operator=caller.operator_id,
        operator_name=caller.operator,
        client=caller.client_id,
        dealer=caller.dealer_id,
        is_bound=caller.dealer_id is not None,
        ip=device.ip if device else None,
        device=device.fingerprint if device else None,
    )


@router.post(
    "",
    status_code=202,
    response_model=schemas.VerificationSent,
    responses=_PROBLEMS,
    dependencies=[JSON_ALONE],
)
async def create(body: schemas.CreateVerification, caller: Caller, slot: Slot, request: Request) -> Response:
    """Send a code to a number; 202 means that a sender accepted the message."""

    async def work() -> tuple[JsonObject, bool]:
        found, sent, is_replay = await _works(request).send(
            _asker(caller, body.device),
            to=body.to,
            channel=body.channel,
            language=body.language,
            client_ref=body.client_ref,
            dealer=body.dealer,
            solved=Solution(body.challenge.token, body.challenge.solution) if body.challenge else None,
            idem=slot.idem,
        )
        return schemas.sent((wire("ver", found), sent)), is_replay

    return await slot.run(202, work)


@router.post(
    "/{verification_id}/resend",
    status_code=202,
    response_model=schemas.VerificationSent,
    responses=_PROBLEMS,
    dependencies=[JSON_ALONE],
)
async def resend(
    verification_id: VerificationId, body: schemas.Resend, caller: Caller, slot: Slot, request: Request
) -> Response:
    """A new code in the place of the old one; the number's budget of wrong codes is not refilled."""
    wanted = parse("ver", verification_id)

    async def work() -> tuple[JsonObject, bool]:
        sent, is_replay = await _works(request).resend(
            _asker(caller), wanted, channel=body.channel, language=body.language, idem=slot.idem
        )
        return schemas.sent((verification_id, sent)), is_replay

    return await slot.run(202, work)


@router.post(
    "/{verification_id}/check",
    response_model=schemas.VerificationVerified,
    responses=_PROBLEMS,
    dependencies=[JSON_ALONE],
)
async def check(
    verification_id: VerificationId,
    body: schemas.CheckVerification,
    caller: Caller,
    slot: Slot,
    request: Request,
) -> Response:
    """Compare a code; the right one counts once."""
    wanted = parse("ver", verification_id)

    async def work() -> tuple[JsonObject, bool]:
        proof, is_replay = await _works(request).check(_asker(caller), wanted, body.code, idem=slot.idem)
        body_: JsonObject = {
            "id": verification_id,
            "status": "verified",
            "verified_at": rfc3339(proof.verified_at),
        }
        return body_, is_replay

    return await slot.run(200, work)


@router.get("/{verification_id}", response_model=schemas.VerificationOut, responses=_PROBLEMS)
async def get(verification_id: VerificationId, caller: Caller, request: Request) -> Response:
    """What became of it."""
    return JSONResponse(
        schemas.shown(await _works(request).get(_asker(caller), parse("ver", verification_id)))
    )
