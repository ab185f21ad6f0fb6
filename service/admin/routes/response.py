"""What people do about the steps on a line: what was referred to them, appeals, marks."""

from starlette.requests import Request
from starlette.responses import Response

from service.admin import ring_words as said
from service.admin.gate import Visitor, act, done, new_router, version_of
from service.admin.present import rings as shown
from service.admin.views.rings import Ledger, MarkRow
from service.infra.postgres import Reader
from service.kit.errors import InvalidRequest
from service.kit.ids import parse, wire
from service.lines.model import Line
from service.response.model import LineAction, Mark, Step
from service.staff.model import NotPermitted, Permission

router = new_router()
_VERDICTS = {
    "accept": "action-accepted",
    "refuse": "action-refused",
    "uphold": "appeal-upheld",
    "dismiss": "appeal-dismissed",
}


def may_decide(visitor: Visitor, action: LineAction) -> bool:
    """A label and a restriction as restricting by hand; what bars more, and appeals, as acting on lines."""
    mild = action.step in (Step.LABEL, Step.RESTRICT) and action.appealed_at is None
    return visitor.may(Permission.RESTRICT if mild else Permission.ACT_ON_LINES)


async def ledger_of(visitor: Visitor, reader: Reader, line: Line) -> Ledger:
    """The section of a line's page."""
    response = visitor.console.response
    rows = []
    for action in reversed(await response.actions.ledger(reader, line.id)):
        may = may_decide(visitor, action)
        text = None
        if action.appealed_at is not None and action.appeal_outcome is None and may:
            text = await response.judging.appeal_text(reader, line, action)
        rows.append(shown.ledger_row(action, visitor.actor.id, reader.now, text, may=may))
    marks = await response.judging.marks(reader, line.id)
    label = await response.actions.label(reader, line.id)
    rings = await response.rings.of_registration(reader, line.registration_id)
    return Ledger(
        rows=tuple(rows),
        rings=tuple(wire("rng", ring) for ring in rings),
        marks=tuple(MarkRow(each.value, said.MARK[each.value], each in marks) for each in Mark),
        may_mark=visitor.may(Permission.ACT_ON_LINES),
        path=f"/admin/lines/{wire('line', line.id)}/mark",
        label_until=label.until if label else None,
    )


@router.post("/admin/lines/{line_id}/actions/{action_id}")
async def decide(request: Request, line_id: str, action_id: str) -> Response:
    visitor, form = await act(request, Permission.DECIDE)
    verdict = form.get("verdict", "")
    if verdict not in _VERDICTS:
        raise InvalidRequest("/verdict", "unknown", "There is no such act.")
    wanted, operator = parse("act", action_id), visitor.who.staff.operator_id
    judging = visitor.console.response.judging
    async with visitor.console.db.read(operator) as reader:
        action = await judging.load(reader, wanted, parse("line", line_id))
    if not may_decide(visitor, action):
        raise NotPermitted()
    expected = version_of(form)
    if verdict in ("accept", "refuse"):
        await judging.decide(
            operator, wanted, accepted=verdict == "accept", staff=visitor.actor, expected=expected
        )
    else:
        await judging.judge(
            operator, wanted, upheld=verdict == "uphold", staff=visitor.actor, expected=expected
        )
    return await done(visitor, f"/admin/lines/{line_id}", _VERDICTS[verdict])


@router.post("/admin/lines/{line_id}/mark")
async def mark(request: Request, line_id: str) -> Response:
    visitor, form = await act(request, Permission.ACT_ON_LINES)
    name = form.get("mark", "")
    if name not in set(Mark):
        raise InvalidRequest("/mark", "unknown", "There is no such mark.")
    await visitor.console.response.judging.mark(
        visitor.who.staff.operator_id,
        parse("line", line_id),
        Mark(name),
        is_set=form.get("set") == "yes",
        staff=visitor.actor,
    )
    return await done(visitor, f"/admin/lines/{line_id}", "marked")
