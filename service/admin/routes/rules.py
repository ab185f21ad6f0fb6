"""Rules: what they are and did, the form of one, and the draft that a second person publishes."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from service.admin import rule_words, store, words
from service.admin.gate import (
    Form,
    Visitor,
    act,
    done,
    frame,
    has_factor,
    new_router,
    renewed,
    show,
    stepped_up,
    visit,
)
from service.admin.present import rules as present
from service.admin.store import Names
from service.admin.views import Act, DraftPage, Moment, RuleForm, RulesPage
from service.audit import workflow as audit
from service.infra.postgres import Reader
from service.kit.errors import InvalidRequest, NotFound, Refusal, Stale, StateConflict
from service.kit.ids import wire
from service.risk.model import Draft, DraftState, RawRule, RuleError, RuleUnfit
from service.risk.rules import examples_of
from service.staff.model import CodeRefused, Permission, SignInDelayed
from service.web.problems import status_of

router = new_router()
_TAKEN = ("new", "draft")
"""Words of our own addresses."""


@router.get("/admin/rules")
async def listed(request: Request) -> Response:
    visitor = await visit(request)
    drafts = visitor.console.drafts
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        draft = await drafts.unfinished(reader)
        here = await drafts.may_change(visitor.who.staff.operator_id)
        is_open = draft is None or draft.state is DraftState.OPEN
        page = RulesPage(
            rows=present.rule_rows(drafts.book.risk, await drafts.figures(reader), draft),
            policy=drafts.book.risk.version,
            may_edit=visitor.may(Permission.EDIT_RULES) and here and is_open,
            draft=present.draft_note(draft),
            why_not=None if here else rule_words.NOT_HERE,
        )
        return await show(visitor, reader, "rules.html", page)


# A draft. These stand before the routes of one rule: no rule is called ``draft`` here.


def _id(text: str) -> UUID:
    try:
        return UUID(hex=text)
    except ValueError:
        raise NotFound() from None


@router.get("/admin/rules/draft/{draft_id}")
async def draft_page(request: Request, draft_id: str) -> Response:
    visitor = await visit(request)
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        return await show(visitor, reader, "rule_draft.html", await _page(visitor, reader, _id(draft_id)))


async def _page(visitor: Visitor, reader: Reader, draft_id: UUID, wrong: str | None = None) -> DraftPage:
    drafts = visitor.console.drafts
    draft = await drafts.load(reader, draft_id)
    names = await store.names(reader)
    base = await drafts.written(reader, draft.base_version)
    here = await drafts.may_change(visitor.who.staff.operator_id)
    may_edit = here and visitor.may(Permission.EDIT_RULES) and draft.state is DraftState.OPEN
    acts, why_none = _acts(visitor, draft, here=here)
    entries = await audit.entries(reader, object=wire("rdr", draft.id), limit=50)
    badge = rule_words.DRAFT[draft.state]
    return DraftPage(
        id=draft.id.hex,
        version=draft.version,
        badge=badge,
        clock=badge.word,
        clock_at=draft.changed_at,
        facts=present.draft_facts(draft, names),
        rules=present.draft_rules(draft, base, may_edit=may_edit),
        acts=acts,
        timeline=tuple(_moment(entry, names) for entry in reversed(entries)),
        digest=draft.digest,
        why_none=why_none,
        code=has_factor(visitor),
        wrong=wrong,
    )


def _moment(entry: Any, names: Names) -> Moment:
    text = rule_words.ENTRIES.get(entry.action, entry.action)
    if rule := entry.facts.get("rule"):
        text = f"{text}: {rule}"
    return Moment(entry.at, text, "plain", names.staff.get(_staff(entry.actor.id)))


def _staff(text: str) -> UUID:
    return UUID(hex=text) if len(text) == 32 else UUID(int=0)


def _acts(visitor: Visitor, draft: Draft, *, here: bool) -> tuple[tuple[Act, ...], str | None]:
    """What this person may do with the draft; the verbs check it again."""
    if draft.is_finished:
        return (), None
    if not here:
        return (), rule_words.NOT_HERE
    me, names = visitor.who.staff.id, []
    may_edit, why_none = visitor.may(Permission.EDIT_RULES), None
    moved = draft.base_version != visitor.console.drafts.book.risk.version
    if moved:
        names, why_none = ["rebase"] if may_edit else [], rule_words.MOVED
    elif draft.state is DraftState.OPEN:
        names = ["propose"] if may_edit else []
    else:
        own = me == draft.proposed_by or me in draft.authors
        if visitor.may(Permission.PUBLISH_RULES) and not own:
            names.append("approve")
        if may_edit:
            names.append("withdraw")
        why_none = rule_words.OWN if own else None
    if draft.state is DraftState.OPEN and may_edit:
        names.append("drop")
    return tuple(_act(name, draft) for name in names), why_none


def _act(name: str, draft: Draft) -> Act:
    key, verb, tone, effect, button = rule_words.ACTS[name]
    reasons = rule_words.REASONS if name == "propose" else ()
    path = f"/admin/rules/draft/{draft.id.hex}/{name}"
    return Act(key, name, verb, words.act_tone(tone), effect, path, reasons, button)


_NEEDS = {"approve": Permission.PUBLISH_RULES}


@router.post("/admin/rules/draft/{draft_id}/undo")
async def undo(request: Request, draft_id: str) -> Response:
    visitor, form = await act(request, Permission.EDIT_RULES)
    staff = visitor.who.staff
    drafts, rule = visitor.console.drafts, form.get("rule", "")
    after = await drafts.undo(staff.operator_id, staff.id, _id(draft_id), rule, expected=_version(form))
    path = "/admin/rules" if after.is_finished else f"/admin/rules/draft/{draft_id}"
    return await done(visitor, path, "rule-undone")


@router.post("/admin/rules/draft/{draft_id}/{name}")
async def decide(request: Request, draft_id: str, name: str) -> Response:
    if name not in rule_words.ACTS:
        raise NotFound()
    visitor, form = await act(request, _NEEDS.get(name, Permission.EDIT_RULES))
    drafts, staff, draft, expected = visitor.console.drafts, visitor.who.staff, _id(draft_id), _version(form)
    operator, me = staff.operator_id, staff.id
    path = f"/admin/rules/draft/{draft.hex}"
    match name:
        case "propose":
            reason = form.get("reason", "")
            if reason not in {choice.code for choice in rule_words.REASONS}:
                raise InvalidRequest("/reason", "required", "Choose a reason first; it is part of the act.")
            await drafts.propose(operator, me, draft, reason, expected=expected)
        case "approve":
            return await _publish(visitor, form, draft, expected)
        case "withdraw":
            await drafts.withdraw(operator, me, draft, expected=expected)
        case "rebase":
            await drafts.rebase(operator, me, draft, expected=expected)
        case _:
            await drafts.drop(operator, me, draft, expected=expected)
            path = "/admin/rules"
    return await done(visitor, path, f"rules-{name}")


async def _publish(visitor: Visitor, form: Form, draft: UUID, expected: int) -> Response:
    """The second factor is proved for this draft as it was seen; a wrong code, or a refusal, shows the page again."""
    staff, seen = visitor.who.staff, form.get("digest", "")
    try:
        about = f"{draft.hex}:{seen[:64]}"
        visitor = await stepped_up(visitor, "publish-rules", about, form.get("code", ""))
    except (CodeRefused, SignInDelayed) as refusal:
        return await _again(visitor, draft, refusal.detail or f"{refusal.title}.", status_of(refusal))
    try:
        await visitor.console.drafts.approve(staff.operator_id, staff.id, draft, seen, expected=expected)
        response = await done(visitor, f"/admin/rules/draft/{draft.hex}", "rules-approve")
    except Refusal as refusal:
        why = f"{refusal.title}. {refusal.detail or ''}".strip()
        response = await _again(visitor, draft, why, status_of(refusal))
    return renewed(visitor, response)


async def _again(visitor: Visitor, draft: UUID, wrong: str, status: int) -> Response:
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        page = await _page(visitor, reader, draft, wrong)
        return await show(visitor, reader, "rule_draft.html", page, status=status)


def _version(form: Form) -> int:
    text = form.get("version", "")
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise Stale()
    return int(text)


# One rule


@router.get("/admin/rules/new")
async def new(request: Request) -> Response:
    visitor = await visit(request, Permission.EDIT_RULES)
    typed = {"stage": "shadow", "effect": "review", "code": "needs-a-person"}
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        draft = _editable(await visitor.console.drafts.unfinished(reader))
        page = _form(visitor, None, typed, {}, _expected(draft))
        return await show(visitor, reader, "rule_edit.html", page)


@router.post("/admin/rules/new")
async def create(request: Request) -> Response:
    visitor, form = await act(request, Permission.EDIT_RULES)
    return await _saved(visitor, form, None)


@router.get("/admin/rules/{name}")
async def one(request: Request, name: str) -> Response:
    visitor = await visit(request)
    drafts = visitor.console.drafts
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        rule = drafts.book.risk.rule(name)
        if rule is None:
            raise NotFound()
        here = await drafts.may_change(visitor.who.staff.operator_id)
        page = present.rule_page(
            rule,
            (await drafts.written(reader)).get(name, {}),
            drafts.book.risk,
            await drafts.figures(reader),
            await drafts.unfinished(reader),
            may_edit=here and visitor.may(Permission.EDIT_RULES),
        )
        return await show(visitor, reader, "rule.html", page)


@router.get("/admin/rules/{name}/edit")
async def edit(request: Request, name: str) -> Response:
    visitor = await visit(request, Permission.EDIT_RULES)
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        draft, raw = await _raw(visitor, reader, name)
        _editable(draft)
        page = _form(visitor, name, present.form_of_rule(raw), {}, _expected(draft))
        return await show(visitor, reader, "rule_edit.html", page)


@router.post("/admin/rules/{name}/edit")
async def save(request: Request, name: str) -> Response:
    visitor, form = await act(request, Permission.EDIT_RULES)
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        await _raw(visitor, reader, name)
    return await _saved(visitor, {**form, "id": name}, name)


async def _raw(visitor: Visitor, reader: Reader, name: str) -> tuple[Draft | None, RawRule]:
    """The rule as the draft has it, else as it is in force."""
    drafts = visitor.console.drafts
    draft = await drafts.unfinished(reader)
    raw = draft.rules.get(name) if draft else None
    raw = raw or (await drafts.written(reader)).get(name)
    if raw is None:
        raise NotFound()
    return draft, raw


def _editable(draft: Draft | None) -> Draft | None:
    if draft is not None and draft.state is not DraftState.OPEN:
        raise StateConflict(
            draft.state, [DraftState.OPEN], "A draft waits for a second person. Give it back first."
        )
    return draft


def _expected(draft: Draft | None) -> str:
    return str(draft.version) if draft else "none"


def _form(
    visitor: Visitor, name: str | None, typed: Mapping[str, str], wrong: Mapping[str, str], expected: str
) -> RuleForm:
    signals, parameters = present.words_of_language(visitor.console.drafts.book.risk)
    known = {"id", "stage", "when", "effect", "ground", "weight", "staff", "code", "owner", "example"}
    return RuleForm(
        id=name,
        path=f"/admin/rules/{name}/edit" if name else "/admin/rules/new",
        expected=expected,
        fields=present.rule_fields(typed, wrong, is_new=name is None),
        signals=signals,
        parameters=parameters,
        cancel=f"/admin/rules/{name}"
        if name and visitor.console.drafts.book.risk.rule(name)
        else "/admin/rules",
        wrong=next((why for field, why in wrong.items() if field not in known), None),
    )


async def _saved(visitor: Visitor, form: Form, name: str | None) -> Response:
    """Into the draft; or the form as it was typed, with what is wrong beside the field."""
    staff, expected = visitor.who.staff, form.get("expected", "")
    try:
        read = None if expected == "none" else _version({"version": expected})
        rule = _rule(form)
        if name is None and (rule["id"] in _TAKEN or visitor.console.drafts.book.risk.rule(rule["id"])):
            raise RuleUnfit("id", "There is a rule, or a page, with this name.")
        draft = await visitor.console.drafts.save_rule(staff.operator_id, staff.id, rule, expected=read)
    except RuleUnfit as refusal:
        page = _form(visitor, name, form, {refusal.field: words.sentence(refusal.why)}, expected)
        async with visitor.console.db.read(staff.operator_id) as reader:
            made = await frame(visitor, reader)
        return HTMLResponse(visitor.console.pages.render("rule_edit.html", frame=made, page=page), 422)
    return await done(visitor, f"/admin/rules/draft/{draft.id.hex}", "rule-drafted")


def _rule(form: Form) -> dict[str, Any]:
    """The rule that the form says, as ``risk.toml`` would."""
    rule: dict[str, Any] = {
        name: " ".join(form.get(name, "").split())
        for name in ("id", "stage", "when", "staff", "code", "owner")
    }
    effect = form.get("effect", "")
    if effect == "weight":
        text = form.get("weight", "").strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 5):
            raise RuleUnfit("weight", "A whole number from 1 to 10000.")
        rule["weight"] = int(text)
    else:
        rule["verdict"] = effect
    if form.get("ground"):
        rule["ground"] = form["ground"]
    try:
        rule["example"] = examples_of(form.get("example", "")[:6_000])
    except RuleError as error:
        raise RuleUnfit("example", str(error)) from None
    return rule
