"""HTTP of registrations: parse, ask the workflow, render."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Request
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import Scope as Scope_

from service.documents import schemas as papers
from service.documents.model import ImageSubmission
from service.documents.schemas import Submission
from service.kit.clock import rfc3339
from service.kit.errors import InvalidRequest, JsonObject, Unavailable
from service.kit.ids import parse, wire
from service.kit.msisdn import Msisdn
from service.otp.model import Sent
from service.otp.workflow import Solution
from service.registration import render, schemas
from service.registration.model import CodeProof, Opening, State, Target, View
from service.registration.workflow import Registrations
from service.risk.model import ApplicantCode
from service.web import pagination, problems, upload
from service.web.auth import Principal, Scope, require
from service.web.idempotency import Slot, slot_of
from service.web.media import JSON_ALONE

router = APIRouter(prefix="/v1/registrations", tags=["registrations"])
Caller = Annotated[Principal, require(Scope.REGISTRATIONS)]
# Said, not enforced here: an id of another form is answered as one that does not exist.
RegistrationId = Annotated[str, Path(json_schema_extra={"pattern": "^reg_[0-9a-f]{32}$"})]
DocumentId = Annotated[str, Path(json_schema_extra={"pattern": "^doc_[0-9a-f]{32}$"})]
Kept = Annotated[Slot, Depends(slot_of)]

_PROBLEMS = problems.documented()


async def _works(request: Request) -> Registrations:
    works: Registrations = request.app.state.services.registrations
    return works


Works = Annotated[Registrations, Depends(_works)]


Show = Callable[[View], JsonObject]


async def _shown(request: Request) -> Show:
    """How a registration is shown to this caller: reasons in the language that was asked for, as far as the policy
    in force has it. Put it after the caller."""
    caller: Principal = request.state.principal
    asked = request.headers.get("accept-language", "").split(",")[0].split(";")[0].strip()[:20]
    registrations: Registrations = request.app.state.services.registrations

    def say(code: str) -> str | None:
        try:
            return registrations.parts.policy.current.risk.text(ApplicantCode(code), asked)
        except Unavailable:
            return None

    return lambda view: render.registration(view, caller, say)


Shown = Annotated[Show, Depends(_shown)]


@router.post(
    "",
    status_code=201,
    response_model=schemas.RegistrationOut,
    responses=_PROBLEMS,
    dependencies=[JSON_ALONE],
)
async def create(
    body: schemas.CreateRegistration, caller: Caller, slot: Kept, works: Works, show: Shown, request: Request
) -> Response:
    """Open a registration."""
    device = body.device
    ask = Opening(
        msisdn=body.msisdn,
        purpose=body.purpose,
        iccid=body.iccid,
        imei=body.imei,
        channel=body.channel,
        dealer=body.dealer,
        agent=body.agent,
        plan=body.service.plan,
        form=body.service.form,
        service_until=body.service_until or body.service.service_until,
        subscriber=body.subscriber.model_dump(mode="json", exclude_none=True) if body.subscriber else None,
        fingerprint=device.fingerprint if device else None,
        device_ip=device.ip if device else None,
        device_role=device.role if device else None,
        payment_token=body.payment.token if body.payment else None,
        holder_kind=body.holder.kind if body.holder else "person",
        peer_ip=request.client.host if request.client else None,
        sim_lost=body.sim_lost,
    )
    return await slot.run(201, lambda keep: works.create(caller, ask, keep), show)


@router.get("", response_model=schemas.RegistrationList, responses=_PROBLEMS)
async def listed(
    caller: Annotated[Principal, require(Scope.READ)],
    works: Works,
    show: Shown,
    request: Request,
    msisdn: Annotated[str | None, Query(max_length=20)] = None,
    state: State | None = None,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
) -> Response:
    """Newest first."""
    number = (
        Msisdn.parse("+" + msisdn[1:] if msisdn.startswith(" ") else msisdn, "/msisdn").value
        if msisdn
        else None
    )
    filters = {"msisdn": number, "state": state, "dealer": caller.dealer_id.hex if caller.dealer_id else None}
    tag = request.app.state.vault.volatile
    before = pagination.unseal(tag, caller.operator_id, filters, cursor) if cursor else None
    views = await works.listed(caller, msisdn=number, state=state, before=before, limit=limit + 1)
    page = views[:limit]
    more = len(views) > limit
    after = pagination.seal(tag, caller.operator_id, filters, page[-1].registration.id) if more else None
    return JSONResponse({"items": [show(view) for view in page], "next_cursor": after})


@router.get("/{registration_id}", response_model=schemas.RegistrationOut, responses=_PROBLEMS)
async def get(registration_id: RegistrationId, caller: Caller, works: Works, show: Shown) -> Response:
    """One registration."""
    view = await works.get(caller, parse("reg", registration_id))
    return JSONResponse(show(view))


@router.patch(
    "/{registration_id}",
    response_model=schemas.RegistrationOut,
    responses=_PROBLEMS,
    dependencies=[JSON_ALONE],
)
async def patch(
    registration_id: RegistrationId,
    body: schemas.PatchRegistration,
    caller: Caller,
    works: Works,
    show: Shown,
) -> Response:
    """Correct the typed data, three times at most; documents are judged again, codes are kept."""
    given = body.subscriber.model_dump(mode="json", exclude_unset=True)
    if given.get("family_name", "") is None:
        raise InvalidRequest("/subscriber/family_name", "missing", "is required")
    view = await works.patch(caller, parse("reg", registration_id), given)
    return JSONResponse(show(view))


class _Multipart(APIRoute):
    """Takes multipart bodies alone: the same path and method has a route for JSON."""

    def matches(self, scope: Scope_) -> tuple[Match, Scope_]:
        found, child = super().matches(scope)
        media = next((value for name, value in scope.get("headers", ()) if name == b"content-type"), b"")
        if found is Match.FULL and not upload.is_multipart(media.decode("latin-1")):
            return Match.NONE, {}
        return found, child


async def _picture(request: Request, caller: Caller) -> AsyncIterator[bytes]:
    """The picture, once it is known who asks and that there is room; put it before the slot, which reads the body."""
    with request.app.state.uploads.seat(caller.operator_id):
        yield await upload.picture_of(request)


async def add_picture(
    registration_id: RegistrationId,
    caller: Caller,
    picture: Annotated[bytes, Depends(_picture)],
    slot: Kept,
    works: Works,
    request: Request,
) -> Response:
    """Judge a document by a picture of it."""
    wanted = parse("reg", registration_id)

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    return await slot.run(
        201,
        lambda keep: works.add_document(caller, wanted, ImageSubmission(picture), keep, gone),
        lambda check: papers.shown(check, evidence=Scope.EVIDENCE in caller.scopes),
    )


router.add_api_route(
    "/{registration_id}/documents",
    add_picture,
    methods=["POST"],
    status_code=201,
    response_model=papers.DocumentOut,
    route_class_override=_Multipart,
    include_in_schema=False,  # add_document says what both take
)


@router.post(
    "/{registration_id}/documents",
    status_code=201,
    response_model=papers.DocumentOut,
    responses=_PROBLEMS,
    dependencies=[JSON_ALONE],
    openapi_extra={"requestBody": {"content": {"multipart/form-data": {"schema": papers.PICTURE}}}},
)
async def add_document(
    registration_id: RegistrationId,
    body: Annotated[Submission, Body(discriminator="kind")],
    caller: Caller,
    slot: Kept,
    works: Works,
) -> Response:
    """Judge a document: lines, a number, a chip's data or a description as JSON, or a picture as multipart."""
    wanted = parse("reg", registration_id)
    return await slot.run(
        201,
        lambda keep: works.add_document(caller, wanted, body.submission(), keep),
        lambda check: papers.shown(check, evidence=Scope.EVIDENCE in caller.scopes),
    )


@router.post(
    "/{registration_id}/documents/nonce",
    status_code=201,
    response_model=papers.NonceOut,
    responses=_PROBLEMS,
    dependencies=[JSON_ALONE],
)
async def document_nonce(
    registration_id: RegistrationId, body: schemas.Empty, caller: Caller, slot: Kept, works: Works
) -> Response:
    """A challenge for the chip of a document to sign: eight bytes in base64, five minutes, used once. A newer one takes
    its place."""
    wanted = parse("reg", registration_id)
    return await slot.run(201, lambda _: works.challenge(caller, wanted), lambda made: papers.nonce(*made))


@router.post(
    "/{registration_id}/documents/{document_id}/confirm",
    response_model=papers.DocumentOut,
    responses=_PROBLEMS,
    dependencies=[JSON_ALONE],
)
async def confirm_document(
    registration_id: RegistrationId,
    document_id: DocumentId,
    body: papers.Confirmation,
    caller: Caller,
    slot: Kept,
    works: Works,
) -> Response:
    """Say what a document shows whose picture was read uncertainly."""
    wanted, paper = parse("reg", registration_id), parse("doc", document_id)
    return await slot.run(
        200,
        lambda keep: works.confirm_document(caller, wanted, paper, body.correction(), keep),
        lambda check: papers.shown(check, evidence=Scope.EVIDENCE in caller.scopes),
    )


@router.post(
    "/{registration_id}/otp",
    status_code=202,
    response_model=schemas.CodeSent,
    responses=_PROBLEMS,
    dependencies=[JSON_ALONE],
)
async def send_code(
    registration_id: RegistrationId, body: schemas.SendCode, caller: Caller, slot: Kept, works: Works
) -> Response:
    """Send a one-time code; 202 means that a sender accepted the message."""
    wanted = parse("reg", registration_id)
    return await slot.run(
        202,
        lambda _: works.send_code(
            caller,
            wanted,
            Target(body.to),
            body.channel,
            body.language,
            Solution(body.challenge.token, body.challenge.solution) if body.challenge else None,
        ),
        _sent,
    )


@router.post(
    "/{registration_id}/otp/check",
    response_model=schemas.CodeVerified,
    responses=_PROBLEMS,
    dependencies=[JSON_ALONE],
)
async def check_code(
    registration_id: RegistrationId, body: schemas.CheckCode, caller: Caller, slot: Kept, works: Works
) -> Response:
    """Check a code; a right one counts once."""
    wanted = parse("reg", registration_id)
    challenge = parse("otp", body.challenge_id) if body.challenge_id else None
    return await slot.run(
        200, lambda keep: works.check_code(caller, wanted, body.code, challenge, keep), _proof
    )


@router.post(
    "/{registration_id}/submit",
    response_model=schemas.RegistrationOut,
    responses=_PROBLEMS,
    dependencies=[JSON_ALONE],
)
async def submit(
    registration_id: RegistrationId,
    body: schemas.Empty,
    caller: Caller,
    slot: Kept,
    works: Works,
    show: Shown,
) -> Response:
    """Decide."""
    wanted = parse("reg", registration_id)
    return await slot.run(200, lambda keep: works.submit(caller, wanted, keep), show)


@router.post(
    "/{registration_id}/appeal",
    response_model=schemas.RegistrationOut,
    responses=_PROBLEMS,
    dependencies=[JSON_ALONE],
)
async def appeal(
    registration_id: RegistrationId,
    body: schemas.Appeal,
    caller: Caller,
    slot: Kept,
    works: Works,
    show: Shown,
) -> Response:
    """Appeal a denial, once, within 30 days."""
    wanted = parse("reg", registration_id)
    return await slot.run(200, lambda keep: works.appeal(caller, wanted, body.text, keep), show)


@router.post("/{registration_id}/cancel", response_model=schemas.RegistrationOut, responses=_PROBLEMS)
async def cancel(
    registration_id: RegistrationId, caller: Caller, slot: Kept, works: Works, show: Shown
) -> Response:
    """Cancel an open registration."""
    wanted = parse("reg", registration_id)
    return await slot.run(200, lambda keep: works.cancel(caller, wanted, keep), show)


def _sent(sent: Sent) -> JsonObject:
    return {
        "challenge_id": wire("otp", sent.challenge_id),
        "to": str(sent.to),
        "to_masked": sent.to_masked,
        "channel": str(sent.channel),
        "expires_at": rfc3339(sent.expires_at),
        "resend_at": rfc3339(sent.resend_at),
        "attempts_left": sent.attempts_left,
    }


def _proof(proof: CodeProof) -> JsonObject:
    return {"status": "verified", "to": proof.to.value, "verified_at": rfc3339(proof.verified_at)}
