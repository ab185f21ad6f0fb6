"""Overview: today against usual, what waits, what needs attention."""

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from service.admin import present, store, words
from service.admin.gate import Visitor, new_router, show, visit
from service.admin.html import span
from service.admin.views import Attention, Day, Number, OverviewPage, QueueRow, RuleCount
from service.infra.postgres import Reader
from service.kit.ids import wire
from service.lines.model import Line
from service.registration.workflow.opening import shown_number
from service.staff.model import Permission

router = new_router()


@router.get("/admin")
async def overview(request: Request) -> Response:
    visitor = await visit(request)
    console = visitor.console
    async with console.db.read(visitor.who.staff.operator_id) as reader:
        waits = await store.waiting(reader)
        counted = await store.days(reader, reader.now - timedelta(days=29))
        days = present.days_of(counted, reader.now)
        names = await store.names(reader)
        parts = console.registrations.parts
        rows = [
            present.queue_row(reg, await shown_number(parts, reader, reg), since, names)
            for reg, since in await store.queue(reader, limit=5)
        ]
        rules = await store.rules_that_referred(reader, reader.now - timedelta(days=30))
        page = OverviewPage(
            numbers=(*_today(days), *await _standing(reader, waits, rows)),
            days=days,
            usual=present.usual_range([d.total for d in days[:-1]]),
            waiting=tuple(rows),
            waiting_total=waits.cases,
            rules=tuple(
                RuleCount(words.RULE.get(rule, rule), n, "deny" if effect == "denied" else "review")
                for rule, effect, n in rules
            ),
            attention=await _attention(visitor, reader),
        )
        return await show(visitor, reader, "overview.html", page)


def _today(days: tuple[Day, ...]) -> tuple[Number, ...]:
    today, past = days[-1], days[:-1]
    return (
        Number("Registrations", str(today.total), present.usual_text([d.total for d in past])),
        Number(
            "Approved", str(today.approved), present.usual_text([d.approved for d in past]), "/admin/lines"
        ),
        Number(
            "Denied",
            str(today.denied),
            present.usual_text([d.denied for d in past]),
            "/admin/review?tab=decided",
        ),
    )


async def _standing(reader: Reader, waits: store.Waiting, rows: list[QueueRow]) -> tuple[Number, ...]:
    lines = await store.lines_by_state(reader)
    longest = f"longest {span(reader.now - rows[0].since)}" if rows else "nobody is waiting"
    stopped = lines.get("suspended", 0)
    return (
        Number("In review now", str(waits.cases), longest, "/admin/review"),
        Number(
            "Lines in service",
            f"{lines.get('active', 0) + lines.get('restricted', 0)}",
            f"{stopped} suspended",
            "/admin/lines",
        ),
    )


async def _attention(visitor: Visitor, reader: Reader) -> tuple[Attention, ...]:
    found = [
        Attention(
            f"The network did not set up a line: {detail.replace('-', ' ')}",
            at,
            f"/admin/review/{wire('reg', reg_id)}",
        )
        for reg_id, at, detail in await store.failed_activations(reader)
    ]
    stuck: list[Line] = await visitor.console.lines.listed(reader, waits_for_staff=True)
    for line in stuck:
        text = f"The network did not take a change of a line: {(line.apply_failed or '').replace('-', ' ')}"
        found.append(Attention(text, None, f"/admin/lines/{wire('line', line.id)}"))
    done = await store.activity(reader)
    for dealer in await visitor.console.dealers.listed(reader):
        today = done.get(dealer.id, store.Activity()).today
        if today and today >= dealer.quotas.daily:
            text = f"Dealer {dealer.code} has used its quota for today: {today} of {dealer.quotas.daily}"
            found.append(Attention(text, None, f"/admin/dealers/{dealer.code}"))
    if visitor.may(Permission.READ_AUDIT):
        chain = present.chain(await store.chain(reader), reader.now)
        if chain.tone == "review":
            found.append(Attention(f"The audit chain: {chain.detail}", None, "/admin/audit"))
    return tuple(found)
