"""The links of a case: what its line shares with others, as tables and as a drawing."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.admin import mark_words, store
from service.admin.gate import Visitor, act, done, new_router, show, visit
from service.admin.present.links import links_page
from service.admin.routes.marks import why_of
from service.infra.postgres import Reader
from service.kit.errors import InvalidRequest
from service.kit.ids import parse, wire
from service.registration import store as registrations
from service.registration.model import Registration
from service.registration.workflow.deciding import subject_of
from service.registration.workflow.linking import links_of
from service.registration.workflow.opening import number_of
from service.registration.workflow.parts import opened
from service.risk.model import Blind, HoldingKind
from service.risk.model.links import MARKABLE
from service.staff.model import Permission
from service.subscribers.model import Erased

router = new_router()


@router.get("/admin/review/{case_id}/links")
async def links(request: Request, case_id: str) -> Response:
    visitor = await visit(request)
    registration_id = parse("reg", case_id)
    hops = 1 if request.query_params.get("hops") == "1" else 2
    console = visitor.console
    parts = console.registrations.parts
    policy = parts.policy.current.risk
    async with console.db.read(visitor.who.staff.operator_id) as reader:
        registration = await registrations.load(reader, registration_id)
        found = console.risk.links
        near = await found.neighbourhood(
            reader,
            registration_id,
            hops=hops,
            policy=policy,
            now=reader.now,
            keys=await _keys(visitor, reader, registration),
        )
        ring = await found.ring(reader, registration_id, policy, reader.now)
        known = await store.with_keys(reader, [line.registration_id for line in near.lines])
        numbers: dict[UUID, str | None] = {each.id: number_of(parts, each, key) for each, key in known}
        names = await store.names(reader)
        marked = await console.risk.commons.of(reader, [key.idx for key in near.keys])
        may = visitor.may(Permission.ACT_ON_LINES)
        page = links_page(near, ring, hops, numbers, names, policy.links, marked, may_mark=may)
        return await show(visitor, reader, "links.html", page)


@router.post("/admin/review/{case_id}/links/common")
async def common(request: Request, case_id: str) -> Response:
    """Mark a thing of this line as shared by many, or take that back: ``set-device``, ``unset-device``."""
    visitor, form = await act(request, Permission.ACT_ON_LINES)
    verb, _, kind = form.get("act", "").partition("-")
    if verb not in ("set", "unset") or kind not in list(MARKABLE):
        raise InvalidRequest("/act", "unknown", "There is no such act.")
    is_set = verb == "set"
    why = why_of(form, mark_words.COMMON_REASONS if is_set else mark_words.UNCOMMON_REASONS)
    parts = visitor.console.registrations.parts
    operator = visitor.who.staff.operator_id
    async with visitor.console.db.write(operator) as tx:
        await visitor.console.risk.commons.mark(
            tx,
            parse("reg", case_id),
            HoldingKind(kind),
            is_set=is_set,
            why=replace(why, key=parts.vault.operator_key(operator)) if why.note else why,
            actor=visitor.actor,
            policy=parts.policy.current.risk,
        )
    return await done(visitor, f"/admin/review/{case_id}/links", "common" if is_set else "uncommon")


async def _keys(
    visitor: Visitor, reader: Reader, registration: Registration
) -> Mapping[HoldingKind, Blind] | None:
    """What the line would hang on, of a registration that is not erased; what it holds needs no computing, but a
    case that waits holds nothing yet."""
    parts = visitor.console.registrations.parts
    try:
        key, numbers = await opened(parts, reader, registration)
        values = await parts.subscribers.values(reader, registration.subscriber_id)
    except Erased:
        return None
    subject = subject_of(parts.vault, registration, key, numbers, None, reader.now)
    return replace(subject, links=links_of(parts.vault, registration, numbers, values)).keys()


@router.get("/admin/cases/{case_id}/links")
async def old_address(case_id: str) -> Response:
    """Links of the tour and of messages may say ``cases``."""
    return RedirectResponse(f"/admin/review/{wire('reg', parse('reg', case_id))}/links", 308)
