"""The door: staff links, signing in, signing out."""

import secrets
from ipaddress import ip_address

import segno
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from service.admin import security
from service.admin.gate import (
    PRE,
    SESSION,
    Form,
    SignInFirst,
    act,
    bare_frame,
    console_of,
    form_of,
    new_router,
    visit,
)
from service.admin.views import FormField, LinkPage, RecoveryPage, SignInPage
from service.kit.errors import Refusal
from service.staff.model import (
    CodeRefused,
    Invitation,
    PasswordUnfit,
    SignInDelayed,
    SignInRefused,
)
from service.web.problems import status_of

router = new_router()

SIGN_IN = (
    FormField(
        "login",
        "Sign-in name",
        hint="Like anna@demo: your name, @ and the operator.",
        autocomplete="username",
    ),
    FormField("password", "Password", kind="password", autocomplete="current-password", maxlength=256),
    FormField(
        "code",
        "Code from your app",
        hint="Or one of your recovery codes.",
        autocomplete="one-time-code",
        maxlength=20,
    ),
)
ENROL = (
    FormField(
        "password",
        "Password",
        kind="password",
        hint="At least 12 characters; a short sentence is good.",
        autocomplete="new-password",
        maxlength=256,
    ),
    FormField("again", "The same again", kind="password", autocomplete="new-password", maxlength=256),
    FormField(
        "code", "Code that the app shows", autocomplete="one-time-code", inputmode="numeric", maxlength=8
    ),
)


def _with_pre(request: Request, template: str, page_of: object, status: int = 200) -> Response:
    """A form before any session carries a value that its cookie carries too: no other site can set both."""
    place = console_of(request).place
    pre = request.cookies.get(place.cookie(PRE), "")
    if len(pre) != 43:
        pre = secrets.token_urlsafe(32)
    assert callable(page_of)
    html = console_of(request).pages.render(template, frame=bare_frame(request), page=page_of(pre))
    response = HTMLResponse(html, status)
    place.set_cookie(response, PRE, pre)
    return response


async def _pre_form(request: Request) -> Form:
    place = console_of(request).place
    security.check_origin(request, place)
    form = await form_of(request)
    security.check_token(form.get("pre", ""), request.cookies.get(place.cookie(PRE), ""))
    return form


def _peer(request: Request) -> str | None:
    """The peer's address, where it can be one person's. A private or loopback peer is a proxy or this machine: a
    wait by its address would keep everybody out, so there only the account's wait counts."""
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return None
    return address.compressed if address.is_global else None


@router.get("/admin/sign-in")
async def sign_in_form(request: Request) -> Response:
    try:
        await visit(request)
    except (SignInFirst, Refusal):
        return _with_pre(request, "door/sign_in.html", lambda pre: SignInPage(SIGN_IN, None, pre))
    return RedirectResponse("/admin", 303)


@router.post("/admin/sign-in")
async def sign_in(request: Request) -> Response:
    form = await _pre_form(request)
    console = console_of(request)
    try:
        session = await console.desk.sign_in(
            form.get("login", ""), form.get("password", ""), form.get("code", ""), _peer(request)
        )
    except (SignInRefused, SignInDelayed) as refusal:
        wrong = refusal.detail or f"{refusal.title}. Check all three and try again."
        return _with_pre(
            request, "door/sign_in.html", lambda pre: SignInPage(SIGN_IN, wrong, pre), status_of(refusal)
        )
    response = RedirectResponse("/admin", 303)
    console.place.set_cookie(response, SESSION, session.sid)
    console.place.drop_cookie(response, PRE)
    return response


@router.get("/admin/link/{token}")
async def link_form(request: Request, token: str) -> Response:
    """In the demo its link signs straight in; every other link shows the form that uses it."""
    console = console_of(request)
    invitation = await console.desk.invitation(token)
    if invitation is None:
        session = await console.desk.enter_demo(token)
        response = RedirectResponse("/admin", 303)
        console.place.set_cookie(response, SESSION, session.sid)
        return response
    return _link_page(request, token, invitation, None)


def _link_page(
    request: Request, token: str, invitation: Invitation, wrong: str | None, status: int = 200
) -> Response:
    qr = segno.make(invitation.totp_uri, error="m")
    drawn = qr.svg_inline(border=3, omitsize=True, svgclass=None, lineclass=None, title="Code for your app")
    secret = " ".join(invitation.totp_secret[i : i + 4] for i in range(0, 32, 4))
    return _with_pre(
        request,
        "door/link.html",
        lambda pre: LinkPage(
            invitation.name, invitation.login, f"/admin/link/{token}", str(drawn), secret, ENROL, wrong, pre
        ),
        status,
    )


@router.post("/admin/link/{token}")
async def enrol(request: Request, token: str) -> Response:
    form = await _pre_form(request)
    console = console_of(request)
    wrong: str | None = None
    if form.get("password") != form.get("again"):
        wrong = "The two passwords are not the same."
    else:
        try:
            session, codes = await console.desk.enrol(token, form.get("password", ""), form.get("code", ""))
        except PasswordUnfit as refusal:
            wrong = refusal.detail
        except CodeRefused:
            wrong = "The code does not fit. Look whether the app shows a newer one."
        else:
            page = RecoveryPage(codes, "/admin")
            html = console.pages.render("door/codes.html", frame=bare_frame(request), page=page)
            response = HTMLResponse(html)
            console.place.set_cookie(response, SESSION, session.sid)
            console.place.drop_cookie(response, PRE)
            return response
    invitation = await console.desk.invitation(token)
    assert invitation is not None, "a demo link was refused before"
    return _link_page(request, token, invitation, wrong, 422)


@router.post("/admin/sign-out")
async def sign_out(request: Request) -> Response:
    visitor, _ = await act(request)
    await visitor.console.desk.sign_out(visitor.who.session.sid)
    response = RedirectResponse("/admin/sign-in", 303)
    visitor.console.place.drop_cookie(response, SESSION)
    return response
