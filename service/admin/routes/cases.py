"""Review: the queue, a case, the decision of a person, and data shown in clear."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from service.admin import present, rule_words, store, words
from service.admin.gate import Visitor, act, done, frame, new_router, show, version_of, visit
from service.admin.store import Names
from service.admin.views import Act, CasePage, Fact, Moment, Pager, Reveal, ReviewPage, Tab
from service.audit import workflow as audit
from service.audit.model import Entry
from service.infra.crypto import SealBroken, SubjectKey
from service.infra.postgres import Reader
from service.kit.errors import InvalidRequest, JsonObject, NotFound
from service.kit.ids import parse, wire
from service.otp import store as otp
from service.otp.model import CodeEvent
from service.registration import store as registrations
from service.registration.model import Registration, State
from service.registration.workflow.opening import shown_number
from service.registration.workflow.parts import Numbers
from service.risk.model import Decision, HoldingsLimit
from service.staff.model import Permission
from service.subscribers.model import Erased

router = new_router()
PAGE = 50


@router.get("/admin/review")
async def queue(request: Request) -> Response:
    visitor = await visit(request)
    tab = request.query_params.get("tab", "waiting")
    start = _start(request)
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        waits = await store.waiting(reader)
        if tab == "decided":
            found = await store.decided_by_people(reader, limit=PAGE + 1, offset=start)
            total = await store.decided_count(reader)
        else:
            appeals = True if tab == "appeals" else None
            found = await store.queue(reader, appeals=appeals, limit=PAGE + 1, offset=start)
            total = waits.appeals if appeals else waits.cases
        names = await store.names(reader)
        parts = visitor.console.registrations.parts
        rows = tuple(
            [
                present.queue_row(reg, await shown_number(parts, reader, reg), since, names)
                for reg, since in found[:PAGE]
            ]
        )
        newest = max((reg.id for reg, _ in found), default=UUID(int=0))
        page = ReviewPage(
            tabs=(
                Tab("Waiting", "/admin/review", waits.cases, tab not in ("appeals", "decided")),
                Tab("Appeals", "/admin/review?tab=appeals", waits.appeals, tab == "appeals"),
                Tab("Decided by people", "/admin/review?tab=decided", None, tab == "decided"),
            ),
            rows=rows,
            total=total,
            newest=wire("reg", newest),
            pager=_pager(tab, start, len(found) > PAGE),
        )
        return await show(visitor, reader, "review.html", page)


def _start(request: Request) -> int:
    text = request.query_params.get("from", "0")
    return min(int(text), 10_000) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _pager(tab: str, start: int, is_more: bool) -> Pager:
    base = f"/admin/review?tab={tab}" if tab in ("appeals", "decided") else "/admin/review?tab=waiting"
    return Pager(f"{base}&from={start + PAGE}" if is_more else None, base if start else None)


@router.get("/admin/review/news")
async def news(request: Request) -> Response:
    """How many cases came since the page was made: a fragment, asked for every 20 seconds."""
    visitor = await visit(request)
    after = parse("reg", request.query_params.get("after", ""))
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        count = await store.came_after(reader, after)
    return HTMLResponse(visitor.console.pages.render("review_news.html", count=count))


@router.get("/admin/review/{case_id}")
async def case(request: Request, case_id: str) -> Response:
    visitor = await visit(request)
    registration_id = parse("reg", case_id)
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        registration = await registrations.load(reader, registration_id)
        return await show(visitor, reader, "case.html", await _page(visitor, reader, registration))


async def _page(visitor: Visitor, reader: Reader, registration: Registration) -> CasePage:
    console = visitor.console
    parts = console.registrations.parts
    case_id = wire("reg", registration.id)
    names = await store.names(reader)
    history = await console.risk.history(reader, registration.id)
    first = next((d for d in reversed(history) if d.by == "rules"), history[-1] if history else None)
    entries = await audit.entries(reader, object=case_id, limit=100)
    key, numbers, pii = await _opened(visitor, reader, registration)
    usual = await store.usual(reader, present.counted_signals(first))
    since = _since(registration)
    page = CasePage(
        id=case_id,
        version=registration.version,
        badge=present.badge_of(registration),
        clock=present.clock_of(registration, since, reader.now),
        clock_at=since,
        facts=_facts(registration, numbers, names),
        holder=present.holder(pii),
        reasons=tuple(present.reason_of(r, usual) for r in first.judgement.reasons) if first else (),
        evidence=present.evidence(
            registration,
            await parts.documents.listed(reader, registration.id),
            may_confirm=visitor.may(Permission.DECIDE) and pii is not None,
        ),
        timeline=_timeline(entries, await otp.of_subject(reader, registration.id), names),
        acts=(),
        why_none=None,
        reveal=None,
        related=present.related(first),
        policy=first.judgement.policy_version if first else None,
        ways=await _ways(visitor, reader, first),
        shadow=tuple(present.reason_of(r, usual) for r in first.judgement.shadow) if first else (),
        appeal=await _appeal(reader, entries, key) if visitor.may(Permission.DECIDE) else None,
        next_href=await _next(reader, registration.id),
    )
    acts, why_none = _acts(visitor, registration, page, first)
    reveal = None
    if visitor.may(Permission.REVEAL) and pii is not None:
        left = await console.desk.reveals_left(reader, visitor.who)
        reveal = Reveal(f"/admin/review/{case_id}/reveal", words.REVEAL_REASONS, left)
    return replace(page, acts=acts, why_none=why_none, reveal=reveal)


async def _ways(visitor: Visitor, reader: Reader, decision: Decision | None) -> tuple[str, ...]:
    """What alone would have let it pass."""
    if decision is None:
        return ()
    ways = await visitor.console.drafts.ways_out(reader, decision)
    return tuple(rule_words.way(way.signal, way.op, way.value) for way in ways)


def _timeline(entries: list[Entry], events: Sequence[CodeEvent], names: Names) -> tuple[Moment, ...]:
    """The audit's entries, and between them what became of each code."""
    both = (*present.moments(entries, names), *present.code_moments(events))
    return tuple(sorted(both, key=lambda moment: moment.at))


async def _opened(
    visitor: Visitor, reader: Reader, registration: Registration
) -> tuple[SubjectKey | None, Numbers | None, JsonObject | None]:
    """Key, numbers and typed data; None each where the subject was erased."""
    subscribers = visitor.console.subscribers
    try:
        key = await subscribers.key(reader, registration.subscriber_id)
        return key, Numbers.of(key, registration), await subscribers.read(reader, registration.subscriber_id)
    except Erased:
        return None, None, None


def _since(registration: Registration) -> datetime:
    if registration.state is State.IN_REVIEW and registration.appealed_at:
        return registration.appealed_at
    if registration.outcome:
        return registration.outcome.decided_at
    return registration.ended_at or registration.created_at


def _facts(registration: Registration, numbers: Numbers | None, names: Names) -> tuple[Fact, ...]:
    dealer = names.dealers.get(registration.dealer_id) if registration.dealer_id else None
    agent = names.agents.get(registration.agent_id) if registration.agent_id else None
    purpose = words.PURPOSE.get(registration.purpose, registration.purpose)
    plan = words.PLAN.get(registration.plan, registration.plan)
    found = [
        Fact("Number", present.masked_number(numbers.msisdn if numbers else None), "masked"),
        Fact("SIM", present.masked_card(numbers.iccid if numbers else None), "masked"),
        Fact("Asked for", f"{purpose}, {plan}{', eSIM' if registration.form == 'esim' else ''}"),
        Fact("Channel", words.CHANNEL.get(registration.channel, registration.channel)),
        Fact("Dealer", dealer or "none named", "text", f"/admin/dealers/{dealer}" if dealer else None),
    ]
    if agent:
        found.append(Fact("Agent", agent))
    found.append(Fact("Sent by", names.clients.get(registration.client_id, "unknown"), "name"))
    return tuple(found)


async def _appeal(reader: Reader, entries: list[Entry], key: SubjectKey | None) -> str | None:
    """What the applicant wrote, opened with the subject's key."""
    made = next((e for e in entries if e.action == "registration.appealed"), None)
    if made is None or key is None:
        return None
    try:
        return await audit.open_note(reader, made.id, key)
    except SealBroken:
        return None


async def _next(reader: Reader, this: UUID) -> str | None:
    """The case that waits longest, other than this one."""
    for registration, _ in await store.queue(reader, limit=2):
        if registration.id != this:
            return f"/admin/review/{wire('reg', registration.id)}"
    return None


def _acts(
    visitor: Visitor, registration: Registration, page: CasePage, decision: Decision | None
) -> tuple[tuple[Act, ...], str | None]:
    """The drawers that this person has here, or why there are none. The verb checks all of it again."""
    if (
        registration.activation
        and registration.activation.state == "failed"
        and visitor.may(Permission.DECIDE)
    ):
        return (_ask_again(page.id),), None
    if registration.state is not State.IN_REVIEW:
        return (), None
    if not visitor.may(Permission.DECIDE):
        return (), f"Your role, {visitor.who.staff.role}, reads cases and does not decide them."
    decided_by = registration.outcome.decided_by if registration.outcome else None
    if registration.appealed_at and decided_by == visitor.actor.id:
        return (), "You made the first decision. An appeal is decided by another person."
    path = f"/admin/review/{page.id}/decide"
    number = page.facts[0].value
    weak = decision is not None and decision.judgement.evidence == "limited"
    watched = " It is watched for a while, since its papers prove nothing." if weak else ""
    told = "Another person decides if they appeal, once within 30 days."
    if registration.appealed_at:
        told = "This ends the appeal; it stands."
    return (
        Act(
            "a",
            "approved",
            "Approve",
            "yes",
            f"The line {number} is set up within a minute.{watched} The cap on one identity holds for you too.",
            path,
            words.APPROVE_REASONS,
            "Approve the line",
        ),
        Act(
            "d",
            "denied",
            "Deny",
            "no",
            f"No line is opened, and number and SIM are free again. The applicant is told why. {told}",
            path,
            words.DENY_REASONS,
            "Deny the line",
        ),
    ), None


def _ask_again(case_id: str) -> Act:
    return Act(
        "n",
        "again",
        "Ask the network again",
        "main",
        "The line was approved and the network did not set it up. It is asked again, from the start of its tries.",
        f"/admin/review/{case_id}/again",
        (),
        "Ask again",
    )


@router.post("/admin/review/{case_id}/decide")
async def decide(request: Request, case_id: str) -> Response:
    visitor, form = await act(request, Permission.DECIDE)
    registration_id = parse("reg", case_id)
    verdict = form.get("act", "")
    reasons = {"approved": words.APPROVE_REASONS, "denied": words.DENY_REASONS}.get(verdict)
    reason = form.get("reason", "")
    if reasons is None or reason not in {choice.code for choice in reasons}:
        raise InvalidRequest("/reason", "required", "Choose a reason first; it is part of the decision.")
    note = form.get("note", "").strip()[:1000] or None
    try:
        await visitor.console.registrations.decide_by_person(
            operator=visitor.who.staff.operator_id,
            registration_id=registration_id,
            staff=visitor.actor,
            verdict=verdict,
            reason_code=reason,
            note=note,
            expected_version=version_of(form),
        )
    except HoldingsLimit as refusal:
        refusal.detail = (
            "This identity holds as many lines as it may. Nobody can approve another one; deny it."
        )
        raise
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        following = await _next(reader, registration_id)
    tail = f" {following} Next case" if following else ""
    return await done(visitor, f"/admin/review/{case_id}", f"{verdict}{tail}")


@router.post("/admin/review/{case_id}/reveal")
async def reveal(request: Request, case_id: str) -> Response:
    """Show the applicant's data in this one answer: charged, audited and read in one transaction."""
    visitor, form = await act(request, Permission.REVEAL)
    registration_id = parse("reg", case_id)
    reason = form.get("reason", "")
    if reason not in {choice.code for choice in words.REVEAL_REASONS}:
        raise InvalidRequest("/reason", "required", "Say why the data is needed.")
    async with visitor.console.db.write(visitor.who.staff.operator_id) as tx:
        registration = await registrations.load(tx, registration_id)
        await visitor.console.desk.reveal(tx, visitor.who, case_id, reason)
        key, numbers, pii = await _opened(visitor, tx, registration)
        if pii is None or numbers is None or key is None:
            raise NotFound("The data was erased.")
        documents = visitor.console.registrations.parts.documents
        shown = (
            Fact("Number", numbers.msisdn),
            *([Fact("SIM", numbers.iccid)] if numbers.iccid else []),
            *present.holder(pii, clear=True),
            *present.readings(await documents.readings(tx, key, registration_id)),
        )
        page = await _page(visitor, tx, registration)
        assert page.reveal is not None, "who may reveal has the panel"
        page = replace(page, reveal=replace(page.reveal, shown=shown))
        made = await frame(visitor, tx)
    name = "reveal.html" if visitor.is_fragment else "case.html"
    return HTMLResponse(visitor.console.pages.render(name, frame=made, page=page))


@router.post("/admin/review/{case_id}/again")
async def again(request: Request, case_id: str) -> Response:
    """Ask the network once more to set up a line that it did not."""
    visitor, _ = await act(request, Permission.DECIDE)
    registration_id = parse("reg", case_id)
    operator = visitor.who.staff.operator_id
    await visitor.console.registrations.activate_again(operator, registration_id, visitor.actor)
    return await done(visitor, f"/admin/review/{case_id}", "again")


@router.get("/admin/cases/{case_id}")
async def old_address(case_id: str) -> Response:
    """Links of the tour and of messages may say ``cases``."""
    return RedirectResponse(f"/admin/review/{wire('reg', parse('reg', case_id))}", 308)
