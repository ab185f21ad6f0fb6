"""Dealers: the register of shops, their quotas, pausing and suspending."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from service.admin import present, store, words
from service.admin.gate import Form, Visitor, act, done, frame, new_router, show, visit
from service.admin.store import Activity
from service.admin.views import Act, DealerPage, DealerRow, DealersPage, FormField, Pager
from service.dealers.model import (
    CODE_PATTERN,
    Assessment,
    Dealer,
    DealerCodeTaken,
    LicenceInUse,
    Quotas,
    State,
)
from service.dealers.rules import day_of
from service.infra.postgres import Reader
from service.kit.errors import InvalidRequest, NotFound, Refusal, Stale
from service.staff.model import NotPermitted, Permission

router = new_router()
PAGE = 50
_CODE = re.compile(CODE_PATTERN)


def _known(code: str) -> str:
    """A code of the right form; anything else is no dealer's."""
    if not _CODE.fullmatch(code):
        raise NotFound()
    return code


@router.get("/admin/dealers")
async def listed(request: Request) -> Response:
    visitor = await visit(request)
    after = request.query_params.get("after", "")
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        every = await visitor.console.dealers.listed(reader)
        done_now = await store.activity(reader)
        rest = [dealer for dealer in every if dealer.code > after]
        made = await visitor.console.dealers.assessments(reader)
        rows = tuple(_row(visitor, dealer, done_now, made, reader.now) for dealer in rest[:PAGE])
        page = DealersPage(
            rows=rows,
            total=len(every),
            may_edit=visitor.may(Permission.EDIT_DEALERS),
            pager=Pager(
                f"/admin/dealers?after={rows[-1].ref}" if len(rest) > PAGE else None,
                "/admin/dealers" if after else None,
            ),
        )
        return await show(visitor, reader, "dealers.html", page)


def _row(
    visitor: Visitor,
    dealer: Dealer,
    done_now: Mapping[UUID, Activity],
    made: Mapping[UUID, tuple[Assessment, datetime]],
    now: datetime,
) -> DealerRow:
    found = made.get(dealer.id)
    return present.dealer_row(
        dealer,
        done_now.get(dealer.id, Activity()),
        visitor.console.dealers.licence(dealer),
        found[0] if found else None,
        day_of(now).date(),
    )


_NEW = (
    ("code", "Dealer id", "Capital letters, digits and hyphens, as tills send it: D-0042.", 32),
    ("name", "Name", "What stands over the door.", 120),
    ("licence", "Licence number", "Kept sealed; a second shop with it is refused.", 64),
)
_QUOTAS = (
    ("daily", "Registrations a day", "In a day of UTC."),
    ("hourly", "Registrations an hour", "In an hour of UTC; zero stops the shop."),
)


def _quota_fields(typed: Mapping[str, str], wrong: Mapping[str, str]) -> tuple[FormField, ...]:
    return tuple(
        FormField(name, label, typed.get(name, ""), hint, wrong.get(name), inputmode="numeric", maxlength=6)
        for name, label, hint in _QUOTAS
    )


def _new_fields(typed: Mapping[str, str], wrong: Mapping[str, str]) -> tuple[FormField, ...]:
    made = tuple(
        FormField(name, label, typed.get(name, ""), hint, wrong.get(name), maxlength=most)
        for name, label, hint, most in _NEW
    )
    return made + _quota_fields(typed, wrong)


@router.get("/admin/dealers/new")
async def new(request: Request) -> Response:
    visitor = await visit(request, Permission.EDIT_DEALERS)
    standard = Quotas()
    typed = {"daily": str(standard.daily), "hourly": str(standard.hourly)}
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        return await show(visitor, reader, "dealer.html", _new_page(typed, {}))


def _new_page(typed: Mapping[str, str], wrong: Mapping[str, str]) -> DealerPage:
    return DealerPage(None, "/admin/dealers/new", _new_fields(typed, wrong), (), (), True)


@router.post("/admin/dealers/new")
async def create(request: Request) -> Response:
    visitor, form = await act(request, Permission.EDIT_DEALERS)
    wrong = _quota_faults(form)
    if not wrong:
        try:
            dealer = await visitor.console.dealers.register(
                visitor.who.staff.operator_id,
                code=form.get("code", "").strip(),
                name=form.get("name", ""),
                licence=form.get("licence", ""),
                actor=visitor.actor,
                quotas=_quotas(form),
            )
            return await done(visitor, f"/admin/dealers/{dealer.code}", "dealer-added")
        except (InvalidRequest, DealerCodeTaken, LicenceInUse) as refusal:
            wrong = _fault_of(refusal)
    return await _again(visitor, _new_page(form, wrong))


async def _again(visitor: Visitor, page: DealerPage) -> Response:
    """The form as it was typed, with what is wrong beside the field."""
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        made = await frame(visitor, reader)
    return HTMLResponse(visitor.console.pages.render("dealer.html", frame=made, page=page), 422)


def _quota_faults(form: Form) -> dict[str, str]:
    wrong = {}
    for name, _, _ in _QUOTAS:
        text = form.get(name, "").strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 6):
            wrong[name] = "A whole number, zero or more."
    return wrong


def _quotas(form: Form) -> Quotas:
    return Quotas(hourly=int(form["hourly"]), daily=int(form["daily"]))


def _fault_of(refusal: Refusal) -> dict[str, str]:
    """Which field a refusal is about, and what it says."""
    if isinstance(refusal, DealerCodeTaken):
        return {"code": "Another dealer has this id."}
    if isinstance(refusal, LicenceInUse):
        return {"licence": "A dealer with this licence is registered already."}
    errors = refusal.facts.get("errors")
    first: Any = errors[0] if isinstance(errors, list) and errors else {}
    name = str(first.get("pointer", "/name")).strip("/").split("/")[-1]
    known = {"quotas": "daily", "agent": "name"}
    return {known.get(name, name): str(first.get("detail", refusal.title))}


@router.get("/admin/dealers/{code}")
async def one(request: Request, code: str) -> Response:
    visitor = await visit(request)
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        dealer = await visitor.console.dealers.find(reader, _known(code))
        return await show(visitor, reader, "dealer.html", await _page(visitor, reader, dealer, {}, {}))


async def _page(
    visitor: Visitor, reader: Reader, dealer: Dealer, typed: Mapping[str, str], wrong: Mapping[str, str]
) -> DealerPage:
    done_now = await store.activity(reader)
    made = await visitor.console.dealers.assessments(reader)
    agents = await visitor.console.dealers.agents(reader, dealer.id)
    kept = {"daily": str(dealer.quotas.daily), "hourly": str(dealer.quotas.hourly)}
    return DealerPage(
        row=_row(visitor, dealer, done_now, made, reader.now),
        path=f"/admin/dealers/{dealer.code}",
        form=_quota_fields({**kept, **typed}, wrong),
        agents=tuple(f"{agent.code}{'' if agent.is_active else ', no longer'}" for agent in agents),
        acts=_acts(visitor, dealer),
        may_edit=visitor.may(Permission.EDIT_DEALERS),
        version=dealer.version,
    )


def _acts(visitor: Visitor, dealer: Dealer) -> tuple[Act, ...]:
    by_state = {
        State.ACTIVE: ("pause", "suspend"),
        State.PAUSED: ("resume", "suspend"),
        State.SUSPENDED: ("resume",),
    }
    if not visitor.may(Permission.SUSPEND_DEALERS):
        return ()
    made = []
    for name in by_state[dealer.state]:
        key, verb, tone, effect, button = words.DEALER_ACTS[name]
        path = f"/admin/dealers/{dealer.code}/act"
        reasons = words.DEALER_REASONS[name]
        made.append(Act(key, name, verb, words.act_tone(tone), effect, path, reasons, button))
    return tuple(made)


@router.post("/admin/dealers/{code}")
async def save(request: Request, code: str) -> Response:
    visitor, form = await act(request, Permission.EDIT_DEALERS)
    operator = visitor.who.staff.operator_id
    async with visitor.console.db.read(operator) as reader:
        dealer = await visitor.console.dealers.find(reader, _known(code))
    if str(dealer.version) != form.get("version"):
        raise Stale()
    wrong = _quota_faults(form)
    if not wrong:
        try:
            await visitor.console.dealers.set_quotas(operator, dealer.id, _quotas(form), actor=visitor.actor)
            return await done(visitor, f"/admin/dealers/{code}", "quotas")
        except InvalidRequest as refusal:
            wrong = _fault_of(refusal)
    async with visitor.console.db.read(operator) as reader:
        page = await _page(visitor, reader, dealer, form, wrong)
    return await _again(visitor, page)


@router.post("/admin/dealers/{code}/act")
async def change(request: Request, code: str) -> Response:
    visitor, form = await act(request, Permission.SUSPEND_DEALERS)
    name, reason = form.get("act", ""), form.get("reason", "")
    if name not in words.DEALER_ACTS:
        raise InvalidRequest("/act", "unknown", "There is no such act.")
    if reason not in {choice.code for choice in words.DEALER_REASONS[name]}:
        raise InvalidRequest("/reason", "required", "Choose a reason first; it is part of the act.")
    if not visitor.may(Permission.SUSPEND_DEALERS):
        raise NotPermitted()
    operator, dealers = visitor.who.staff.operator_id, visitor.console.dealers
    note = form.get("note", "").strip()[:1000] or None
    if name == "suspend":
        await dealers.suspend(operator, _known(code), reason, actor=visitor.actor, note=note)
    else:
        said = f"{reason}: {note}" if note else reason
        verb = dealers.pause if name == "pause" else dealers.resume
        await verb(operator, _known(code), actor=visitor.actor, note=said)
    return await done(visitor, f"/admin/dealers/{code}", "dealer-suspend" if name == "suspend" else name)


@router.get("/admin/dealer/{code}")
async def old_address(code: str) -> Response:
    return RedirectResponse(f"/admin/dealers/{code}", 308)
