"""Audit: every act, and how far the chain over them is sealed and signed."""

import re

from starlette.requests import Request
from starlette.responses import Response

from service.admin import present, store
from service.admin.gate import new_router, show, visit
from service.admin.store import Names
from service.admin.views import AuditPage, AuditRow, FormField, Pager
from service.audit import workflow as audit
from service.audit.model import Entry
from service.kit.ids import parse, wire
from service.staff.model import Permission

router = new_router()
PAGE = 50
_ACTION = re.compile(r"[a-z_]+(\.[a-z_]+)?")
_OBJECT = re.compile(r"[a-z]{2,6}_[0-9a-z]{1,40}")
_PAGES = {
    "reg": "/admin/review/",
    "line": "/admin/lines/",
    "blk": "/admin/codes/blocks/",
    "rep": "/admin/reports/",
}


@router.get("/admin/audit")
async def entries(request: Request) -> Response:
    visitor = await visit(request, Permission.READ_AUDIT)
    action = request.query_params.get("action", "").strip()
    about = request.query_params.get("object", "").strip()
    cursor = request.query_params.get("before")
    before = parse("ent", cursor) if cursor else None
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        found = await audit.entries(
            reader,
            object=about if _OBJECT.fullmatch(about) else None,
            action=action if _ACTION.fullmatch(action) else None,
            before=before,
            limit=PAGE + 1,
        )
        numbers = await store.seal_numbers(reader, [entry.id for entry in found])
        names = await store.names(reader)
        state = await store.chain(reader)
        rows = tuple(_row(entry, numbers.get(entry.id), names) for entry in found[:PAGE])
        base = f"/admin/audit?action={action if _ACTION.fullmatch(action) else ''}"
        base += f"&object={about if _OBJECT.fullmatch(about) else ''}"
        older = f"{base}&before={wire('ent', found[PAGE - 1].id)}" if len(found) > PAGE else None
        page = AuditPage(
            rows=rows,
            chain=present.chain(state, reader.now),
            form=(
                FormField("action", "Did", action, required=False, maxlength=64),
                FormField("object", "To (whole id)", about, required=False, maxlength=60),
            ),
            total=state.sealed + state.waits,
            pager=Pager(older, base if before else None),
        )
        return await show(visitor, reader, "audit.html", page)


def _row(entry: Entry, number: int | None, names: Names) -> AuditRow:
    prefix = entry.object.partition("_")[0]
    page = _PAGES.get(prefix)
    return AuditRow(
        number=number,
        at=entry.at,
        actor=present.who(entry.actor, names),
        action=entry.action,
        object=entry.object,
        object_href=f"{page}{entry.object}" if page else None,
        reason=entry.reason,
        facts=present.facts_text(entry),
    )
