"""Backtests of a draft: ask for one, watch it, cancel it, read it."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from service.admin import store
from service.admin.gate import act, done, new_router, show, visit
from service.admin.present.backtests import run_page, run_row
from service.admin.views import Choice
from service.admin.views.backtests import RunsPage
from service.kit.errors import InvalidRequest, NotFound
from service.registration.workflow.backtests import DAYS
from service.staff.model import Permission

router = new_router()
SPANS = tuple(Choice(str(days), "The last day" if days == 1 else f"The last {days} days") for days in DAYS)
LOOK_AGAIN_S = 3


def _id(text: str) -> UUID:
    try:
        return UUID(hex=text)
    except ValueError:
        raise NotFound() from None


@router.get("/admin/rules/draft/{draft_id}/backtests")
async def listed(request: Request, draft_id: str) -> Response:
    visitor = await visit(request)
    console = visitor.console
    async with console.db.read(visitor.who.staff.operator_id) as reader:
        draft = await console.drafts.load(reader, _id(draft_id))
        names = await store.names(reader)
        runs = await console.backtests.listed(reader, draft.id)
        may = visitor.may(Permission.EDIT_RULES) and not draft.is_finished
        page = RunsPage(
            draft=f"/admin/rules/draft/{draft.id.hex}",
            rows=tuple(run_row(run, names) for run in runs),
            spans=SPANS,
            path=f"/admin/rules/draft/{draft.id.hex}/backtests" if may else None,
            why_not="The draft is over." if draft.is_finished else None,
        )
        return await show(visitor, reader, "backtests.html", page)


@router.post("/admin/rules/draft/{draft_id}/backtests")
async def ask(request: Request, draft_id: str) -> Response:
    visitor, form = await act(request, Permission.EDIT_RULES)
    console, staff = visitor.console, visitor.who.staff
    days = form.get("days", "")
    if days not in {choice.code for choice in SPANS}:
        raise InvalidRequest("/days", "unknown", "Choose one of the times that are offered.")
    async with console.db.read(staff.operator_id) as reader:
        draft = await console.drafts.load(reader, _id(draft_id))
    if draft.is_finished:
        raise NotFound()
    run = await console.backtests.ask(staff.operator_id, staff.id, draft, int(days))
    return await done(visitor, f"/admin/rules/backtests/{run.id.hex}", "backtest-asked")


@router.get("/admin/rules/backtests/{run_id}")
async def one(request: Request, run_id: str) -> Response:
    visitor = await visit(request)
    console = visitor.console
    async with console.db.read(visitor.who.staff.operator_id) as reader:
        run = await console.backtests.load(reader, _id(run_id))
        names = await store.names(reader)
        page = run_page(run, names, may_cancel=visitor.may(Permission.EDIT_RULES))
        answer = await show(visitor, reader, "backtest.html", page)
    if not run.state.is_over:
        # Looked at again without a script; it ends with the run.
        answer.headers["Refresh"] = str(LOOK_AGAIN_S)
    return answer


@router.post("/admin/rules/backtests/{run_id}/cancel")
async def cancel(request: Request, run_id: str) -> Response:
    visitor, _ = await act(request, Permission.EDIT_RULES)
    staff = visitor.who.staff
    await visitor.console.backtests.cancel(staff.operator_id, staff.id, _id(run_id))
    return await done(visitor, f"/admin/rules/backtests/{run_id}", "backtest-cancelled")
