"""The links of a case: what its line shares with others, as tables and as a drawing."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.admin import store
from service.admin.gate import Visitor, new_router, show, visit
from service.admin.present.links import links_page
from service.infra.postgres import Reader
from service.kit.ids import parse, wire
from service.registration import store as registrations
from service.registration.model import Registration
from service.registration.workflow.deciding import subject_of
from service.registration.workflow.linking import links_of
from service.registration.workflow.opening import number_of
from service.registration.workflow.parts import opened
from service.risk.model import Blind, HoldingKind
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
        page = links_page(near, ring, hops, numbers, names, policy.links)
        return await show(visitor, reader, "links.html", page)


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
