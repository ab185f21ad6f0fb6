"""Rings: what the links of a confirmed report's line propose, seen by one person and approved by another."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from service.admin import present, store
from service.admin import ring_words as said
from service.admin.gate import (
    Visitor,
    act,
    done,
    frame,
    has_factor,
    new_router,
    renewed,
    show,
    stepped_up,
    version_of,
    visit,
)
from service.admin.html import span
from service.admin.present import rings as shown
from service.admin.store import Names
from service.admin.views import Act, Fact, Pager, Tab
from service.admin.views.rings import RingPage, RingsPage
from service.audit import workflow as audit
from service.infra.postgres import Reader
from service.kit.errors import InvalidRequest, Refusal
from service.kit.ids import parse, wire
from service.response.model import RingAction, RingState
from service.response.rules import is_over
from service.staff.model import CodeRefused, Permission, SignInDelayed
from service.web.problems import status_of

router = new_router()
HOME = "/admin/rings"
PAGE = 50
OPEN = (RingState.FOUND, RingState.PROPOSED)
ENDED = (RingState.APPROVED, RingState.DONE, RingState.REFUSED, RingState.UNDONE)


@router.get(HOME)
async def listed(request: Request) -> Response:
    visitor = await visit(request)
    is_ended = request.query_params.get("tab") == "decided"
    cursor = request.query_params.get("before")
    before = parse("rng", cursor) if cursor else None
    response = visitor.console.response
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        names = await store.names(reader)
        states = ENDED if is_ended else OPEN
        found = await response.rings.listed(reader, states, limit=PAGE + 1, before=before)
        rows = tuple(shown.ring_row(ring, lines, names, reader.now) for ring, lines in found[:PAGE])
        waiting = () if is_ended else await response.judging.waiting(reader, PAGE)
        counts = [await response.rings.count(reader, each) for each in (OPEN, ENDED)]
        base = f"{HOME}?tab=decided" if is_ended else f"{HOME}?tab=waiting"
        page = RingsPage(
            tabs=(
                Tab("Waiting", HOME, counts[0], not is_ended),
                Tab("Decided", f"{HOME}?tab=decided", counts[1], is_ended),
            ),
            rows=rows,
            waiting=tuple(shown.waiting_row(each) for each in waiting),
            total=counts[1] if is_ended else counts[0],
            pager=Pager(
                f"{base}&before={rows[-1].id}" if len(found) > PAGE else None, base if before else None
            ),
        )
        return await show(visitor, reader, "rings.html", page)


@router.get(HOME + "/{ring_id}")
async def one(request: Request, ring_id: str) -> Response:
    visitor = await visit(request)
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        ring = await visitor.console.response.rings.load(reader, parse("rng", ring_id))
        return await show(visitor, reader, "ring.html", await _page(visitor, reader, ring))


async def _page(visitor: Visitor, reader: Reader, ring: RingAction, wrong: str | None = None) -> RingPage:
    names = await store.names(reader)
    numbers = await _numbers(visitor, reader, ring)
    ring_id = wire("rng", ring.id)
    acts, why_none = _acts(visitor, ring, is_over(ring, reader.now))
    return RingPage(
        id=ring_id,
        version=ring.version,
        digest=ring.digest,
        badge=shown.ring_badge(ring, reader.now),
        clock=f"Found {span(reader.now - ring.found_at)} ago",
        clock_at=ring.found_at,
        facts=_facts(ring, names),
        effects=shown.effects(ring.members),
        spared=shown.spared(ring.members),
        rows=tuple(shown.member_row(each, ring.root, numbers) for each in ring.members),
        timeline=present.moments(await audit.entries(reader, object=ring_id, limit=100), names),
        acts=acts,
        why_none=why_none,
        code=has_factor(visitor),
        wrong=wrong,
    )


async def _numbers(visitor: Visitor, reader: Reader, ring: RingAction) -> dict[UUID, str]:
    """Masked numbers by registration."""
    lines = visitor.console.lines
    found = {}
    for line in await lines.of_registrations(reader, [each.registration_id for each in ring.members]):
        numbers = await lines.numbers(reader, line)
        found[line.registration_id] = present.masked_number(numbers.msisdn if numbers else None)
    return found


def _facts(ring: RingAction, names: Names) -> tuple[Fact, ...]:
    reg = wire("reg", ring.root)
    report = wire("rep", ring.report_id)
    found = [
        Fact("Report", report, "id", f"/admin/reports/{report}"),
        Fact("Registration of the reported line", reg, "id", f"/admin/review/{reg}"),
        Fact("Looks like one hand", f"{ring.score} of 1000"),
    ]
    if ring.proposed_by:
        found.append(Fact("Proposed by", shown.staff_name(ring.proposed_by, names) or "", "name"))
    if ring.decided_by:
        word = "Refused by" if ring.state is RingState.REFUSED else "Approved by"
        found.append(Fact(word, shown.staff_name(ring.decided_by, names) or "", "name"))
    return tuple(found)


def _acts(visitor: Visitor, ring: RingAction, is_late: bool) -> tuple[tuple[Act, ...], str | None]:
    """The drawers that this person has here, or why there are none. The verbs check all of it again."""
    if not ring.state.is_open:
        return (), None
    if not visitor.may(Permission.DECIDE):
        return (), "Your role reads rings and does not decide about them."
    path = f"{HOME}/{wire('rng', ring.id)}"
    may_approve = visitor.may(Permission.ACT_ON_LINES)
    is_mine = ring.proposed_by == visitor.actor.id
    acts = []
    if ring.state is RingState.PROPOSED and not is_late and may_approve and not is_mine:
        effect = (
            f"What is listed above happens to {len(ring.members)} lines, within minutes. Each holder is told and may"
            " appeal."
        )
        acts.append(Act("a", "approve", "Approve", "no", effect, f"{path}/approve", (), "Approve the action"))
    propose = (
        "The ring is looked at again as it is now. Another person has a week to approve it; until then nothing"
        " happens."
    )
    again = "Propose anew" if ring.state is RingState.PROPOSED else "Propose"
    acts.append(Act("p", "propose", again, "main", propose, f"{path}/propose", (), again))
    refuse = "Nothing is done to these lines. The reported line keeps what the report led to."
    acts.append(
        Act(
            "d",
            "refuse",
            "Leave alone",
            "yes",
            refuse,
            f"{path}/refuse",
            said.REFUSE_REASONS,
            "Leave it alone",
        )
    )
    why = "You proposed it. Another person approves it." if is_mine else None
    return tuple(acts), why


@router.post(HOME + "/{ring_id}/propose")
async def propose(request: Request, ring_id: str) -> Response:
    visitor, form = await act(request, Permission.DECIDE)
    await visitor.console.response.rings.propose(
        visitor.who.staff.operator_id, parse("rng", ring_id), visitor.actor, expected=version_of(form)
    )
    return await done(visitor, f"{HOME}/{ring_id}", "ring-proposed")


@router.post(HOME + "/{ring_id}/approve")
async def approve(request: Request, ring_id: str) -> Response:
    """The second factor is proved for this ring as it was seen; a wrong code shows the page again."""
    visitor, form = await act(request, Permission.ACT_ON_LINES)
    wanted, seen = parse("rng", ring_id), form.get("digest", "")
    operator, rings = visitor.who.staff.operator_id, visitor.console.response.rings
    try:
        about = f"{ring_id}:{seen[:32]}"
        visitor = await stepped_up(visitor, "approve-ring", about, form.get("code", ""))
    except (CodeRefused, SignInDelayed) as refusal:
        return await _again(visitor, wanted, refusal.detail or f"{refusal.title}.", status_of(refusal))
    try:
        await rings.approve(operator, wanted, visitor.actor, seen=seen, expected=version_of(form))
        response = await done(visitor, f"{HOME}/{ring_id}", "ring-approved")
    except Refusal as refusal:
        said_why = f"{refusal.title}. {refusal.detail or ''}".strip()
        response = await _again(visitor, wanted, said_why, status_of(refusal))
    return renewed(visitor, response)


async def _again(visitor: Visitor, ring_id: UUID, wrong: str, status: int) -> Response:
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        ring = await visitor.console.response.rings.load(reader, ring_id)
        page = await _page(visitor, reader, ring, wrong)
        made = await frame(visitor, reader)
    return HTMLResponse(visitor.console.pages.render("ring.html", frame=made, page=page), status)


@router.post(HOME + "/{ring_id}/refuse")
async def refuse(request: Request, ring_id: str) -> Response:
    visitor, form = await act(request, Permission.DECIDE)
    reason = form.get("reason", "")
    if reason not in {choice.code for choice in said.REFUSE_REASONS}:
        raise InvalidRequest("/reason", "required", "Choose a reason first; it is part of the act.")
    await visitor.console.response.rings.refuse(
        visitor.who.staff.operator_id,
        parse("rng", ring_id),
        visitor.actor,
        reason=reason,
        expected=version_of(form),
    )
    return await done(visitor, f"{HOME}/{ring_id}", "ring-refused")
