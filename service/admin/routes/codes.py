"""Codes: what became of messages, which limits press, what is blocked; lifting and setting a block."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from service.admin import code_words, present, store, words
from service.admin.gate import Form, Visitor, act, done, frame, new_router, show, visit
from service.admin.html import span as how_long
from service.admin.store import Names
from service.admin.views import (
    Act,
    BlockForm,
    BlockPage,
    Choice,
    CodesPage,
    Fact,
    FormField,
    MoneyToday,
    Tab,
)
from service.audit import workflow as audit
from service.infra.postgres import Reader
from service.kit.errors import InvalidRequest, NotFound, StateConflict, Unavailable
from service.kit.ids import new_id, parse, wire
from service.kit.msisdn import Msisdn
from service.kit.values import Malformed
from service.limits.model import Limit, SendBlock
from service.limits.workflow import live_blocks
from service.otp import store as otp
from service.otp.workflow.courier import told
from service.staff.model import Permission

router = new_router()
HOME = "/admin/codes"
SPANS = (("24h", "Last 24 hours", timedelta(hours=24)), ("7d", "Last 7 days", timedelta(days=7)))
USUAL_DAYS = 14
KINDS = (
    Choice("country", "A country"),
    Choice("block", "A number block"),
    Choice("client", "A client"),
)
_LIMITS = {
    "country": Limit.OTP_BLOCKED_COUNTRY,
    "block": Limit.OTP_BLOCKED_BLOCK,
    "client": Limit.OTP_BLOCKED_CLIENT,
}
ENDS = (Choice("1h", "1 hour"), Choice("1d", "1 day"), Choice("7d", "7 days"))
_LIVES = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7)}


@router.get(HOME)
async def codes(request: Request) -> Response:
    visitor = await visit(request)
    money = await _money(visitor)
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        return await show(visitor, reader, "codes.html", await _page(visitor, reader, *money))


async def _page(
    visitor: Visitor, reader: Reader, money: MoneyToday | None, currency: str, form: BlockForm | None = None
) -> CodesPage:
    key = visitor.request.query_params.get("span")
    key, spoken, length = next((each for each in SPANS if each[0] == key), SPANS[0])
    now = reader.now
    names = await store.names(reader)
    last_day = await otp.conversions(reader, now - SPANS[0][2])
    found = last_day if key == SPANS[0][0] else await otp.conversions(reader, now - length)
    by_day = await otp.days(reader, (now - timedelta(days=USUAL_DAYS)).replace(hour=0, minute=0, second=0))
    first_hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=47)
    number = visitor.console.blocks.number
    may_set = visitor.may(Permission.SET_BLOCKS)
    return CodesPage(
        span=spoken,
        tabs=tuple(
            Tab(said, HOME if name == "24h" else f"{HOME}?span={name}", None, name == key)
            for name, said, _ in SPANS
        ),
        numbers=present.figures(by_day, last_day["country"], now, USUAL_DAYS),
        money=money,
        hours=present.hours(await otp.hours(reader, first_hour), now),
        tables=tuple(present.conversions(by, rows, currency) for by, rows in found.items()),
        pressed=present.pressed(await otp.refused(reader, now - length)),
        blocks=tuple(present.block_row(each, number(each), names) for each in await live_blocks(reader)),
        notices=tuple(map(present.notice_row, await told(reader, SPANS[1][2]))),
        may_lift=visitor.may(Permission.LIFT_BLOCKS),
        form=(form or _form({}, {})) if may_set else None,
    )


async def _money(visitor: Visitor) -> tuple[MoneyToday | None, str]:
    """Today's money and its currency; by PostgreSQL alone where Redis does not answer. Asked for before the page's
    own transaction, so that no page holds two connections."""
    purses, operator = visitor.console.purses, visitor.who.staff.operator_id
    try:
        left, is_exact = await purses.left(operator), True
    except Unavailable:
        left, is_exact = await purses.known(operator), False
    return present.money_today(left, is_exact=is_exact), left.currency if left else ""


# One block


@router.get(HOME + "/blocks/{block_id}")
async def block(request: Request, block_id: str) -> Response:
    visitor = await visit(request)
    found = await visitor.console.blocks.find(visitor.who.staff.operator_id, parse("blk", block_id))
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        page = await _block_page(visitor, reader, found)
        return await show(visitor, reader, "block.html", page)


async def _block_page(visitor: Visitor, reader: Reader, found: SendBlock) -> BlockPage:
    names = await store.names(reader)
    row = present.block_row(found, visitor.console.blocks.number(found), names)
    holds, may = found.holds(reader.now), visitor.may(Permission.LIFT_BLOCKS)
    over = found.lifted_at or found.until
    return BlockPage(
        id=row.id,
        kind=row.kind,
        what=row.what,
        badge=present.block_badge(found, reader.now),
        clock=f"For another {how_long(found.until - reader.now)}"
        if holds
        else f"Over since {how_long(reader.now - over)}",
        clock_at=found.until if holds else over,
        facts=_facts(found, row.why, row.by, names),
        timeline=present.moments(await audit.entries(reader, object=row.id, limit=100), names),
        acts=(_lift(row.id, found.made_by),) if holds and may else (),
        why_none=None if may or not holds else "Your role reads blocks and does not lift them.",
    )


def _facts(found: SendBlock, why: str, by: str, names: Names) -> tuple[Fact, ...]:
    return (
        Fact("Why", why),
        Fact("Set by", by),
        Fact("What it does", code_words.limit(found.limit)),
        Fact("The caller", "gets the ordinary answer and is not told"),
        *([Fact("Lifted by", present.made_by(found.lifted_by, names))] if found.lifted_by else []),
    )


def _lift(block_id: str, made_by: str) -> Act:
    effect = f"Codes go there again at once. {code_words.LIFTING.get(made_by, '')}".strip()
    path = f"{HOME}/blocks/{block_id}/lift"
    return Act("l", "lift", "Lift", "yes", effect, path, words.LIFT_REASONS, "Lift the block")


@router.post(HOME + "/blocks/{block_id}/lift")
async def lift(request: Request, block_id: str) -> Response:
    visitor, form = await act(request, Permission.LIFT_BLOCKS)
    wanted, operator = parse("blk", block_id), visitor.who.staff.operator_id
    reason = _chosen(form, "reason", words.LIFT_REASONS, "Choose a reason first; it is part of the act.")
    blocks = visitor.console.blocks
    try:
        await blocks.lift(operator, wanted, reason=reason, actor=visitor.actor, note=_note(form))
    except NotFound:
        await _why_not(visitor, await blocks.find(operator, wanted))
    return await done(visitor, HOME, "block-lifted")


async def _why_not(visitor: Visitor, found: SendBlock) -> None:
    """Lifted by this very person, by a second click: as if it were the first. Else what became of it."""
    if found.lifted_by == visitor.actor.id:
        return
    if found.lifted_at is None:
        raise StateConflict("ended", (), f"The block ended by itself at {found.until:%H:%M}.")
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        by = present.made_by(found.lifted_by or "", await store.names(reader))
    raise StateConflict("lifted", (), f"The block was lifted at {found.lifted_at:%H:%M} by {by}.")


# Setting one


def _form(typed: Form, wrong: dict[str, str]) -> BlockForm:
    hint = "DE, or a whole number without its last four digits such as +491511234, or the client's name."
    where = FormField("where", "Which", typed.get("where", ""), hint, wrong.get("where"), maxlength=60)
    return BlockForm(
        id=typed.get("id") or wire("blk", new_id()),
        kinds=KINDS,
        ends=ENDS,
        reasons=words.BLOCK_REASONS,
        where=where,
        kind=typed.get("kind", ""),
        end=typed.get("end", ""),
        reason=typed.get("reason", ""),
        note=typed.get("note", ""),
    )


@router.post(HOME + "/blocks")
async def set_block(request: Request) -> Response:
    visitor, form = await act(request, Permission.SET_BLOCKS)
    operator, console = visitor.who.staff.operator_id, visitor.console
    kind = _chosen(form, "kind", KINDS, "Choose what is to be blocked.")
    life = _LIVES[_chosen(form, "end", ENDS, "Choose how long.")]
    reason = _chosen(form, "reason", words.BLOCK_REASONS, "Choose a reason first; it is part of the act.")
    async with console.db.read(operator) as reader:
        clients = (await store.names(reader)).clients
    try:
        place, client = _where(kind, form.get("where", "").strip(), clients)
    except ValueError as fault:
        money = await _money(visitor)
        async with console.db.read(operator) as reader:
            page = await _page(visitor, reader, *money, _form(form, {"where": str(fault)}))
            made = await frame(visitor, reader)
        return HTMLResponse(console.pages.render("codes.html", frame=made, page=page), 422)
    await console.blocks.set(
        operator,
        _LIMITS[kind],
        until=console.clock.now() + life,
        reason=reason,
        actor=visitor.actor,
        made_by=visitor.actor.id,
        place=place,
        client=client,
        block_id=parse("blk", form.get("id", "")),
        note=_note(form),
    )
    return await done(visitor, HOME, "block-set")


def _where(kind: str, typed: str, clients: dict[UUID, str]) -> tuple[str, UUID | None]:
    """The place of a block, and the client of one; what is wrong with it as a ``ValueError``, in words."""
    match kind:
        case "country":
            code = typed.upper()
            if not present.is_country(code):
                raise ValueError("Give the country's two letters, such as DE.")
            return code, None
        case "block":
            digits = "".join(typed.split())
            try:
                Msisdn.parse(f"{digits}0000")
            except Malformed:
                raise ValueError(
                    "Give a whole number of it without the last four digits: +491511234."
                ) from None
            return digits, None
    found = [client for client, name in clients.items() if name == typed]
    if not found:
        raise ValueError("No client of yours has this name.")
    return str(found[0]), found[0]


def _chosen(form: Form, name: str, choices: Sequence[Choice], said: str) -> str:
    given = form.get(name, "")
    if given not in {choice.code for choice in choices}:
        raise InvalidRequest(f"/{name}", "required", said)
    return given


def _note(form: Form) -> str | None:
    return form.get("note", "").strip()[:1000] or None
