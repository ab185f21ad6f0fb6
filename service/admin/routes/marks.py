"""Marks on the papers of a case: set and lifted for the holder, who said so to staff."""

from datetime import timedelta
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from service.admin import mark_words, store
from service.admin.gate import Form, Visitor, act, done, new_router, show, visit
from service.admin.present.marks import marks_page
from service.admin.views import Choice
from service.infra.postgres import Reader
from service.kit.errors import InvalidRequest, NotFound
from service.kit.ids import parse
from service.registration.workflow.opening import number_of
from service.risk.model import Mark, MarkKind
from service.risk.workflow import Why
from service.staff.model import Permission
from service.subscribers.model import Erased

router = new_router()
FROZEN = timedelta(days=365)
_NOT_YOURS = "Your role reads marks and does not set them."
_ERASED = "The holder was erased: nothing is known of these papers any more."


@router.get("/admin/review/{case_id}/marks")
async def marks(request: Request, case_id: str) -> Response:
    visitor = await visit(request)
    registration_id = parse("reg", case_id)
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        number, found, why_none = await _known(visitor, reader, registration_id)
        if why_none is None and not visitor.may(Permission.DECIDE):
            why_none = _NOT_YOURS
        page = marks_page(case_id, number, found, await store.names(reader), why_none)
        return await show(visitor, reader, "marks.html", page)


async def _known(
    visitor: Visitor, reader: Reader, registration_id: UUID
) -> tuple[str | None, list[Mark], str | None]:
    """The number, the marks that hold, and why nothing can be marked. NotFound."""
    works = visitor.console.registrations
    known = await store.with_keys(reader, [registration_id])
    if not known:
        raise NotFound()
    try:
        found = list(await works.marks_on(reader, registration_id))
    except Erased:
        return None, [], _ERASED
    return number_of(works.parts, *known[0]), found, None


@router.post("/admin/review/{case_id}/marks")
async def mark(request: Request, case_id: str) -> Response:
    visitor, form = await act(request, Permission.DECIDE)
    name, why = form.get("act", ""), why_of(form, mark_words.SET_REASONS)
    if name not in set(MarkKind):
        raise InvalidRequest("/act", "unknown", "There is no such mark.")
    kind = MarkKind(name)
    async with visitor.console.db.write(visitor.who.staff.operator_id) as tx:
        until = tx.now + FROZEN if kind is MarkKind.FROZEN else None
        try:
            await visitor.console.registrations.mark(
                tx, parse("reg", case_id), kind, visitor.actor, until, why
            )
        except Erased:
            raise NotFound() from None
    return await done(visitor, f"/admin/review/{case_id}/marks", "paper-marked")


@router.post("/admin/review/{case_id}/marks/{mark_id}/lift")
async def lift(request: Request, case_id: str, mark_id: str) -> Response:
    visitor, form = await act(request, Permission.DECIDE)
    why = why_of(form, mark_words.LIFT_REASONS)
    try:
        wanted = UUID(hex=mark_id)
    except ValueError:
        raise NotFound() from None
    async with visitor.console.db.write(visitor.who.staff.operator_id) as tx:
        try:
            await visitor.console.registrations.lift_mark_on(
                tx, parse("reg", case_id), wanted, visitor.actor, why
            )
        except Erased:
            raise NotFound() from None
    return await done(visitor, f"/admin/review/{case_id}/marks", "paper-lifted")


def why_of(form: Form, choices: tuple[Choice, ...]) -> Why:
    """The reason, which is one of ``choices``, and the note, which may be empty."""
    reason = form.get("reason", "")
    if reason not in {choice.code for choice in choices}:
        raise InvalidRequest("/reason", "required", "Choose a reason first; it is part of the act.")
    return Why(reason, form.get("note", "").strip()[:1000] or None)
