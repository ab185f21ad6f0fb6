"""What staff say that a document shows whose picture a machine could not read for certain."""

from collections.abc import Mapping

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from service.admin import document_words as words
from service.admin.gate import act, done, new_router, version_of
from service.documents.model import Correction
from service.documents.schemas import Confirmation
from service.kit.errors import InvalidRequest
from service.kit.ids import parse
from service.staff.model import Permission

router = new_router()


@router.post("/admin/review/{case_id}/documents/{document_id}/confirm")
async def confirm(request: Request, case_id: str, document_id: str) -> Response:
    """Kept beside what was read, and judged anew; it decides nothing."""
    visitor, form = await act(request, Permission.DECIDE)
    registration_id, document = parse("reg", case_id), parse("doc", document_id)
    reason = form.get("reason", "")
    if reason not in {choice.code for choice in words.CONFIRM_REASONS}:
        raise InvalidRequest("/reason", "required", "Say first how you know what the document shows.")
    await visitor.console.registrations.confirm_by_person(
        operator=visitor.who.staff.operator_id,
        registration_id=registration_id,
        document_id=document,
        staff=visitor.actor,
        said=_said(form),
        reason_code=reason,
        expected_version=version_of(form),
    )
    return await done(visitor, f"/admin/review/{case_id}", "document-confirmed")


def _said(form: Mapping[str, str]) -> Correction:
    """The form's fields under the rules of the wire; an error never repeats what was typed."""
    given: dict[str, object] = {}
    for field in words.CONFIRM_FIELDS:
        if text := form.get(field.name, "").strip():
            given[field.name] = text.split() if field.name == "lines" else text
            if field.name in ("nationality", "issuing_state", "sex"):
                given[field.name] = text.upper()
    if not given:
        raise InvalidRequest("/fields", "fields", words.SAY_SOMETHING)
    try:
        return Confirmation.model_validate({"fields": given}).correction()
    except ValidationError as error:
        where = [str(part) for part in error.errors(include_input=False)[0]["loc"][1:2]]
        told = f"{words.NAMES[where[0]]}: {words.DOES_NOT_FIT}" if where else words.SAY_SOMETHING
        raise InvalidRequest("/fields", "malformed", told) from None
