"""You: how the console looks to you, your session, your password and recovery codes."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from service.admin.gate import (
    LOOK,
    SESSION,
    Visitor,
    act,
    bare_frame,
    console_of,
    frame,
    look_of,
    new_router,
    show,
    visit,
)
from service.admin.views import FormField, RecoveryPage, Rows, Theme, YouPage
from service.kit.errors import Refusal
from service.kit.ids import wire
from service.staff.model import (
    ABSOLUTE,
    CodeRefused,
    PasswordUnfit,
    Session,
    SignInDelayed,
    SignInRefused,
)
from service.web.problems import status_of

router = new_router()

_CODE = FormField(
    "code", "Code from your app", hint="Proves that it is you.", autocomplete="one-time-code", maxlength=20
)
_PASSWORD = (
    FormField("old", "Present password", kind="password", autocomplete="current-password", maxlength=256),
    FormField(
        "new",
        "New password",
        kind="password",
        hint="At least 12 characters; a short sentence is good.",
        autocomplete="new-password",
        maxlength=256,
    ),
    replace(_CODE, name="password_code"),
)


@router.get("/admin/you")
async def you(request: Request) -> Response:
    visitor = await visit(request)
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        return await show(visitor, reader, "you.html", await _page(visitor, {}))


async def _page(visitor: Visitor, wrong: dict[str, str]) -> YouPage:
    session = visitor.who.session
    return YouPage(
        login=f"{visitor.who.staff.login}@{session.operator}",
        since=session.created_at,
        ends=session.created_at + ABSOLUTE,
        codes_left=await visitor.console.desk.recovery_left(visitor.who),
        password_form=tuple(replace(f, wrong=wrong.get(f.name)) for f in _PASSWORD),
        codes_form=(replace(_CODE, wrong=wrong.get("code")),),
        is_demo=visitor.who.staff.password_hash is None,
    )


@router.post("/admin/look")
async def look(request: Request) -> Response:
    visitor, form = await act(request)
    place = visitor.console.place
    held = look_of(request, place)
    theme, rows = form.get("theme", held.theme), form.get("rows", held.rows)
    keys = form.get("keys", "on" if held.keys else "off")
    back = form.get("back", "")
    # Only a path of the console: anything else could send the person elsewhere.
    safe = back.startswith("/admin") and "//" not in back and "\\" not in back
    response = RedirectResponse(back if safe else "/admin", 303)
    value = ".".join(
        (
            theme if theme in set(Theme) else held.theme,
            rows if rows in set(Rows) else held.rows,
            "off" if keys == "off" else "on",
        )
    )
    place.set_cookie(response, LOOK, value, max_age=31_536_000)
    return response


async def _proved(visitor: Visitor, action: str, code: str) -> Session:
    """Step up for one act on oneself, and spend it: the code is asked for in the same form."""
    me = wire("stf", visitor.who.staff.id)
    session = await visitor.console.desk.step_up(visitor.who, action, me, code)
    await visitor.console.desk.spend_step_up(session, action, me)
    return session


async def _wrong(visitor: Visitor, refusal: Refusal, field: str) -> Response:
    wrong = {field: refusal.detail or f"{refusal.title}."}
    page = await _page(visitor, wrong)
    async with visitor.console.db.read(visitor.who.staff.operator_id) as reader:
        made = await frame(visitor, reader)
    html = visitor.console.pages.render("you.html", frame=made, page=page)
    return HTMLResponse(html, status_of(refusal))


@router.post("/admin/you/password")
async def password(request: Request) -> Response:
    """Every session of the person ends, this one too."""
    visitor, form = await act(request)
    console = visitor.console
    try:
        session = await _proved(visitor, "change-password", form.get("password_code", ""))
    except (CodeRefused, SignInDelayed) as refusal:
        return await _wrong(visitor, refusal, "password_code")
    visitor = replace(visitor, who=replace(visitor.who, session=session))
    try:
        await console.desk.change_password(visitor.who, form.get("old", ""), form.get("new", ""))
    except (PasswordUnfit, SignInRefused) as refusal:
        field = "new" if isinstance(refusal, PasswordUnfit) else "old"
        if field == "old":
            refusal.detail = "This is not your present password."
        response = await _wrong(visitor, refusal, field)
        console.place.set_cookie(response, SESSION, session.sid)
        return response
    response = RedirectResponse("/admin/sign-in", 303)
    console.place.drop_cookie(response, SESSION)
    return response


@router.post("/admin/you/codes")
async def codes(request: Request) -> Response:
    visitor, form = await act(request)
    try:
        session = await _proved(visitor, "new-recovery-codes", form.get("code", ""))
    except (CodeRefused, SignInDelayed) as refusal:
        return await _wrong(visitor, refusal, "code")
    made = await visitor.console.desk.new_recovery_codes(visitor.who)
    page = RecoveryPage(made, "/admin/you")
    html = console_of(request).pages.render("door/codes.html", frame=bare_frame(request), page=page)
    response = HTMLResponse(html)
    visitor.console.place.set_cookie(response, SESSION, session.sid)
    return response
