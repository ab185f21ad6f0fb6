"""Reports: what is said of lines, what it is worth, and a person's decision."""

from collections.abc import Sequence
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.admin import present, report_words, store
from service.admin.gate import Visitor, act, done, new_router, show, visit
from service.admin.html import span
from service.admin.present import reports as shown
from service.admin.views import Pager, ReportPage, ReportsPage, Tab
from service.audit import workflow as audit
from service.infra.postgres import Reader
from service.kit.errors import InvalidRequest, NotFound
from service.kit.ids import parse, wire
from service.lines.model import Line
from service.reports.model import Place, Report, State
from service.staff.model import Permission

router = new_router()
HOME = "/admin/reports"
PAGE, VOTES = 25, 100
WAITS = (State.CORROBORATED, State.APPEALED)
TABS: tuple[tuple[str, str, Place | None, tuple[State, ...]], ...] = (
    ("To decide", "", Place.OURS, WAITS),
    ("Filed", "filed", Place.OURS, (State.FILED,)),
    ("Confirmed", "confirmed", Place.OURS, (State.CONFIRMED,)),
    ("Dismissed", "dismissed", Place.OURS, (State.DISMISSED,)),
    ("Not ours", "elsewhere", Place.ELSEWHERE, (State.FILED,)),
)
_DECIDES = {"confirm": State.CONFIRMED, "dismiss": State.DISMISSED}


@router.get(HOME)
async def listed(request: Request) -> Response:
    visitor = await visit(request)
    asked = request.query_params.get("state", "")
    here = next((tab for tab in TABS if tab[1] == asked), TABS[0])
    cursor = request.query_params.get("before")
    before = parse("rep", cursor) if cursor else None
    works = visitor.console.reports
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        counts = await works.counts(reader)
        found = await works.listed(reader, limit=PAGE + 1, before=before, states=here[3], place=here[2])
        page = found[:PAGE]
        kinds = await works.kinds(reader, [report.id for report in page])
        lines = await _lines(visitor, reader, page)
        rows = [
            shown.report_row(
                report,
                await _number(visitor, reader, report, lines.get(report.id)),
                lines.get(report.id),
                kinds.get(report.id, ()),
            )
            for report in page
        ]
        base = f"{HOME}?state={here[1]}" if here[1] else HOME
        joint = "&" if here[1] else "?"
        return await show(
            visitor,
            reader,
            "reports.html",
            ReportsPage(
                tabs=tuple(
                    Tab(
                        word,
                        f"{HOME}?state={name}" if name else HOME,
                        sum(many for (at, state), many in counts.items() if at is place and state in states),
                        name == here[1],
                    )
                    for word, name, place, states in TABS
                ),
                rows=tuple(rows),
                total=sum(counts.values()),
                required=works.policy.required,
                pager=Pager(
                    f"{base}{joint}before={rows[-1].id}" if len(found) > PAGE else None,
                    base if before else None,
                ),
            ),
        )


async def _lines(visitor: Visitor, reader: Reader, reports: Sequence[Report]) -> dict[UUID, Line]:
    """By report, the line that it is about."""
    wanted = [each.registration_id for each in reports if each.registration_id is not None]
    if not wanted:
        return {}
    lines = {line.id: line for line in await visitor.console.lines.of_registrations(reader, wanted)}
    return {each.id: lines[each.line_id] for each in reports if each.line_id in lines}


async def _number(visitor: Visitor, reader: Reader, report: Report, line: Line | None) -> str | None:
    if line is None:
        return visitor.console.reports.number(report)
    numbers = await visitor.console.lines.numbers(reader, line)
    return numbers.msisdn if numbers else None


@router.get(HOME + "/{report_id}")
async def one(request: Request, report_id: str) -> Response:
    visitor = await visit(request)
    wanted, works = parse("rep", report_id), visitor.console.reports
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        try:
            report = await works.load(reader, wanted)
        except NotFound:
            # What a client was given is the id of its vote: it leads to the report that the vote is part of.
            report = await works.of_vote(reader, wanted)
            return RedirectResponse(f"{HOME}/{wire('rep', report.id)}", 303)
        return await show(visitor, reader, "report.html", await _page(visitor, reader, report))


async def _page(visitor: Visitor, reader: Reader, report: Report) -> ReportPage:
    works, may = visitor.console.reports, visitor.may(Permission.DECIDE)
    names = await store.names(reader)
    line = (await _lines(visitor, reader, [report])).get(report.id)
    kinds = (await works.kinds(reader, [report.id])).get(report.id, ())
    votes = await works.votes(reader, report, VOTES)
    rows = [
        # A reporter's own words are for whoever has to judge them.
        shown.vote_row(vote, await works.note(reader, vote) if may else None, names)
        for vote in votes
    ]
    verbs = works.allowed(report, reader.now)
    since = report.decided_at if report.state.is_decided and report.decided_at else report.opened_at
    object_id = wire("rep", report.id)
    return ReportPage(
        id=object_id,
        version=report.version,
        msisdn=present.masked_number(await _number(visitor, reader, report, line)),
        badge=shown.report_badge(report),
        clock=f"{'Decided' if report.state.is_decided else 'First reported'} {span(reader.now - since)} ago",
        clock_at=since,
        facts=shown.report_facts(report, line, kinds),
        tally=shown.tally(report, works.policy),
        votes=tuple(rows),
        more=max(0, report.votes - len(rows)),
        timeline=present.moments(await audit.entries(reader, object=object_id, limit=100), names),
        acts=tuple(shown.report_act(report, verb) for verb in reversed(verbs)) if may else (),
        why_none=_why_none(report, verbs, may),
    )


def _why_none(report: Report, verbs: Sequence[str], may: bool) -> str | None:
    if verbs:
        return None if may else "Your role reads reports and does not decide on them."
    if report.place is Place.ELSEWHERE:
        return "Nobody here decides on a line that is not ours."
    return "It was decided, and the decision stands."


@router.post(HOME + "/{report_id}/act")
async def change(request: Request, report_id: str) -> Response:
    visitor, form = await act(request, Permission.DECIDE)
    wanted, verb, works = parse("rep", report_id), form.get("act", ""), visitor.console.reports
    if verb not in report_words.ACTS:
        raise InvalidRequest("/act", "unknown", "There is no such act.")
    reason = form.get("reason", "")
    if reason not in {choice.code for choice in report_words.ACTS[verb][5]}:
        raise InvalidRequest("/reason", "required", "Choose a reason first; it is part of the act.")
    version = form.get("version", "")
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        raise InvalidRequest("/version", "required", "Open the page again and send its form.")
    note, by = form.get("note", "").strip()[:1000] or None, visitor.actor
    async with visitor.console.db.write(visitor.who.staff.operator_id) as tx:
        if verb == "appeal":
            await works.appeal(tx, wanted, reason=reason, actor=by, expected=int(version), note=note)
        else:
            await works.decide(
                tx, wanted, _DECIDES[verb], reason=reason, actor=by, expected=int(version), note=note
            )
    return await done(visitor, f"{HOME}/{report_id}", f"report-{verb}")
