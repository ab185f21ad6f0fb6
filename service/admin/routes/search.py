"""Search: a POST that keeps what was found and redirects to an opaque id, so that no URL holds a number."""

import re
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.admin import present, store
from service.admin.gate import Visitor, act, new_router, show, visit
from service.admin.views import FoundPage
from service.audit.workflow import record
from service.infra.postgres import Reader
from service.kit.canon import IndexKind, canon
from service.kit.errors import NotFound
from service.kit.msisdn import Msisdn
from service.kit.values import Malformed
from service.lines.model import Line
from service.registration.workflow.opening import shown_number
from service.staff.model import Permission

router = new_router()
_ID = re.compile(r"(reg|line|rep)_[0-9a-f]{32}")
_CARD = re.compile(r"89[0-9]{16,18}")
_DOCUMENT = re.compile(r"([A-Za-z]{1,3})[ /-]+([A-Za-z0-9<-]{3,20})")
_CLASSES = ("P", "I", "A", "C", "V", "N")
"""Type classes of documents that a search tries: whoever searches has the number, not the layout."""


@router.post("/admin/search")
async def search(request: Request) -> Response:
    visitor, form = await act(request)
    text = form.get("q", "").strip()[:80]
    if direct := _ID.fullmatch(text):
        page = {"reg": "review", "line": "lines", "rep": "reports"}[direct[1]]
        return RedirectResponse(f"/admin/{page}/{text}", 303)
    async with visitor.console.db.write(visitor.who.staff.operator_id) as tx:
        what, regs, lines = await _find(visitor, tx, text)
        name = await visitor.console.results.keep(visitor.who.staff.id, what, regs, lines)
        record(
            tx,
            actor=visitor.actor,
            action="staff.searched",
            object=f"found_{name}",
            facts={"by": what, "found": len(regs) + len(lines)},
        )
    return RedirectResponse(f"/admin/found/{name}", 303)


async def _find(visitor: Visitor, reader: Reader, text: str) -> tuple[str, list[UUID], list[UUID]]:
    """What it was taken for, and the registrations and lines with it: whole values alone can be found."""
    vault, operator = visitor.console.vault, reader.tenant
    digits = re.sub(r"[\s()./-]", "", text)
    digits = f"+{digits[2:]}" if digits.startswith("00") else digits
    if _CARD.fullmatch(digits):
        cards = vault.index_all(operator, IndexKind.ICCID, canon(IndexKind.ICCID, digits))
        return ("SIM", *await store.found_by(reader, iccid=cards))
    try:
        number = Msisdn.parse(digits).value
    except Malformed:
        pass
    else:
        numbers = vault.index_all(operator, IndexKind.MSISDN, canon(IndexKind.MSISDN, number))
        people = await _people(visitor, reader, IndexKind.CONTACT, number)
        return ("number", *await store.found_by(reader, msisdn=numbers, subscribers=people))
    if document := _DOCUMENT.fullmatch(text):
        people = []
        for kind in _CLASSES:
            people += await _people(visitor, reader, IndexKind.DOCUMENT, document[1], kind, document[2])
        return ("document", *await store.found_by(reader, subscribers=people))
    if "@" in text:
        people = await _people(visitor, reader, IndexKind.EMAIL, text)
        return ("e-mail address", *await store.found_by(reader, subscribers=people))
    return "text", [], []


async def _people(visitor: Visitor, reader: Reader, kind: IndexKind, *values: str) -> list[UUID]:
    try:
        return await visitor.console.subscribers.find(reader, kind, canon(kind, *values))
    except ValueError:
        return []


@router.get("/admin/found/{name}")
async def found(request: Request, name: str) -> Response:
    visitor = await visit(request, Permission.READ)
    kept = await visitor.console.results.get(visitor.who.staff.id, name)
    if kept is None:
        raise NotFound("Results are kept for ten minutes. Search again.")
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        names = await store.names(reader)
        parts = visitor.console.registrations.parts
        regs = await store.registrations(reader, kept.registrations)
        lines: list[Line] = [await visitor.console.lines.load(reader, line) for line in kept.lines]
        numbers = [await visitor.console.lines.numbers(reader, line) for line in lines]
        page = FoundPage(
            what=kept.what,
            cases=tuple(
                [
                    present.queue_row(reg, await shown_number(parts, reader, reg), reg.created_at, names)
                    for reg in regs
                ]
            ),
            lines=tuple(
                present.line_row(line, number.msisdn if number else None, names)
                for line, number in zip(lines, numbers, strict=True)
            ),
        )
        return await show(visitor, reader, "found.html", page)
