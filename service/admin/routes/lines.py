"""Lines: the register of numbers in service, one line, and what may be done to it."""

from starlette.requests import Request
from starlette.responses import Response

from service.admin import present, store, words
from service.admin.gate import Visitor, act, done, new_router, show, visit
from service.admin.html import span
from service.admin.routes.response import ledger_of
from service.admin.views import Act, LinePage, LinesPage, Pager, Tab
from service.audit import workflow as audit
from service.kit.errors import InvalidRequest, Stale
from service.kit.ids import parse, wire
from service.lines.model import Action, Line, State
from service.lines.rules import allowed
from service.staff.model import NotPermitted, Permission

router = new_router()
PAGE = 50
TABS: tuple[tuple[str, str, tuple[State, ...]], ...] = (
    ("All", "", ()),
    ("Active", "active", (State.ACTIVE,)),
    ("Restricted", "restricted", (State.RESTRICTED,)),
    ("Suspended", "suspended", (State.SUSPENDED,)),
    ("Closed", "closed", (State.QUARANTINED, State.CLOSED)),
)


@router.get("/admin/lines")
async def listed(request: Request) -> Response:
    visitor = await visit(request)
    tab = request.query_params.get("state", "")
    states = next((states for _, name, states in TABS if name == tab), ())
    cursor = request.query_params.get("before")
    before = parse("line", cursor) if cursor else None
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        counts = await store.lines_by_state(reader)
        found = await visitor.console.lines.listed(reader, limit=PAGE + 1, before=before, states=states)
        names = await store.names(reader)
        rows = []
        for line in found[:PAGE]:
            numbers = await visitor.console.lines.numbers(reader, line)
            rows.append(present.line_row(line, numbers.msisdn if numbers else None, names))
        base = f"/admin/lines?state={tab}"
        older = f"{base}&before={rows[-1].id}" if len(found) > PAGE else None
        page = LinesPage(
            tabs=tuple(
                Tab(
                    word,
                    f"/admin/lines?state={name}" if name else "/admin/lines",
                    sum(counts.get(state, 0) for state in among) if among else sum(counts.values()),
                    states == among,
                )
                for word, name, among in TABS
            ),
            rows=tuple(rows),
            total=sum(counts.values()),
            pager=Pager(older, base if before else None),
        )
        return await show(visitor, reader, "lines.html", page)


@router.get("/admin/lines/{line_id}")
async def one(request: Request, line_id: str) -> Response:
    visitor = await visit(request)
    wanted = parse("line", line_id)
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        line = await visitor.console.lines.load(reader, wanted)
        numbers = await visitor.console.lines.numbers(reader, line)
        names = await store.names(reader)
        entries = await audit.entries(reader, object=line_id, limit=100)
        acts = _acts(visitor, line)
        page = LinePage(
            id=line_id,
            version=line.version,
            msisdn=present.masked_number(numbers.msisdn if numbers else None),
            badge=words.LINE[line.state],
            clock=f"Held for {span(reader.now - line.holder_since)}",
            clock_at=line.holder_since,
            facts=present.line_facts(line, numbers.iccid if numbers else None, names),
            timeline=present.moments(entries, names),
            acts=acts,
            registration=wire("reg", line.registration_id),
            why_none=None if acts or not allowed(line) else "Your role reads lines and does not change them.",
            ledger=await ledger_of(visitor, reader, line),
        )
        return await show(visitor, reader, "line.html", page)


def _permission(action: Action) -> Permission:
    return Permission.RESTRICT if action is Action.RESTRICT else Permission.ACT_ON_LINES


def _acts(visitor: Visitor, line: Line) -> tuple[Act, ...]:
    made = []
    for action in allowed(line):
        if visitor.may(_permission(action)):
            key, verb, tone, effect, button = words.LINE_ACTS[action]
            path = f"/admin/lines/{wire('line', line.id)}/act"
            reasons = words.LINE_REASONS[action]
            made.append(Act(key, action.value, verb, words.act_tone(tone), effect, path, reasons, button))
    return tuple(made)


@router.post("/admin/lines/{line_id}/act")
async def change(request: Request, line_id: str) -> Response:
    visitor, form = await act(request)
    wanted = parse("line", line_id)
    name = form.get("act", "")
    if name not in set(Action):
        raise InvalidRequest("/act", "unknown", "There is no such act.")
    action = Action(name)
    if not visitor.may(_permission(action)):
        raise NotPermitted()
    reason = form.get("reason", "")
    if reason not in {choice.code for choice in words.LINE_REASONS[action]}:
        raise InvalidRequest("/reason", "required", "Choose a reason first; it is part of the act.")
    async with visitor.console.db.write(visitor.who.staff.operator_id) as tx:
        line = await visitor.console.lines.load(tx, wanted)
        if str(line.version) != form.get("version"):
            raise Stale()
        await visitor.console.lines.act_on(
            tx,
            wanted,
            action,
            reason=reason,
            actor=visitor.actor,
            note=form.get("note", "").strip()[:1000] or None,
            is_by_hand=True,
        )
    return await done(visitor, f"/admin/lines/{line_id}", action.value)
