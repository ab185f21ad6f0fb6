"""The gate before every page: who asks, whether the form is ours, and which page an error becomes.

A route calls :func:`visit` (to show) or :func:`act` (to do) first; both name the permission that it needs. The
controls are here and in the domains' verbs, never in a template.
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from service.admin import security, store, words
from service.admin.console import Console
from service.admin.errors import error_page
from service.admin.views import Flash, Frame, Look, Person, RailItem, Rows, Theme
from service.audit.workflow import Actor
from service.infra.postgres import Reader
from service.kit.errors import InvalidRequest, NotFound, Refusal, TooLarge, Unauthenticated
from service.staff import rules
from service.staff.model import NotPermitted, Permission, SignedIn
from service.web.problems import status_of, template

SESSION, LOOK, PRE = "simward", "simward-look", "simward-pre"
MAX_FORM = 16 * 1024
log = structlog.get_logger("console")

RAIL = (
    ("Overview", "/admin", Permission.READ),
    ("Review", "/admin/review", Permission.READ),
    ("Lines", "/admin/lines", Permission.READ),
    ("Reports", "/admin/reports", Permission.READ),
    ("Dealers", "/admin/dealers", Permission.READ),
    ("Rules", "/admin/rules", Permission.READ),
    ("Codes", "/admin/codes", Permission.READ),
    ("Audit", "/admin/audit", Permission.READ_AUDIT),
)
"""The words of the rail, in order."""

Form = dict[str, str]


class SignInFirst(Exception):
    """Nobody is signed in: the browser is sent to the sign-in page."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in person at a page."""

    request: Request
    console: Console
    who: SignedIn

    @property
    def actor(self) -> Actor:
        return Actor.staff(self.who.staff.id)

    def may(self, permission: Permission) -> bool:
        return rules.may(self.who.staff.role, permission)

    @property
    def is_fragment(self) -> bool:
        return self.request.headers.get("hx-request") == "true"


def console_of(request: Request) -> Console:
    console: Console = request.app.state.console
    return console


def look_of(request: Request, place: security.Place) -> Look:
    """What the person chose; anything unknown in the cookie is the default."""
    parts = request.cookies.get(place.cookie(LOOK), "").split(".")
    theme, rows, keys = (*parts, "", "", "")[:3]
    return Look(
        Theme(theme) if theme in set(Theme) else Theme.SYSTEM,
        Rows(rows) if rows in set(Rows) else Rows.COMPACT,
        keys != "off",
    )


async def visit(request: Request, permission: Permission = Permission.READ) -> Visitor:
    """The person behind the cookie, if their role has ``permission``."""
    console = console_of(request)
    sid = request.cookies.get(console.place.cookie(SESSION))
    who = await console.desk.resume(sid) if sid else None
    if who is None:
        raise SignInFirst()
    if not rules.may(who.staff.role, permission):
        raise NotPermitted()
    return Visitor(request, console, who)


async def act(request: Request, permission: Permission = Permission.READ) -> tuple[Visitor, Form]:
    """The same for a form: its Origin and the session's token are checked before anything is done."""
    security.check_origin(request, console_of(request).place)
    visitor = await visit(request, permission)
    form = await form_of(request)
    given = form.get("csrf") or request.headers.get("x-simward-token", "")
    security.check_token(given, visitor.who.session.csrf)
    return visitor, form


async def form_of(request: Request) -> Form:
    """The fields of a URL-encoded form, each once, without control characters. Nothing else is accepted."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/x-www-form-urlencoded":
        raise InvalidRequest("", "form", "Send the form as the page does.")
    raw = await request.body()
    if len(raw) > MAX_FORM:
        raise TooLarge(limit=MAX_FORM)
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=40)
    except ValueError:
        raise InvalidRequest("", "form", "The form cannot be read.") from None
    form: Form = {}
    for name, value in pairs:
        if any((ord(char) < 32 and char not in "\r\n\t") or ord(char) == 127 for char in value):
            raise InvalidRequest("", "characters", "The form holds control characters.")
        form[name] = value
    return form


async def frame(visitor: Visitor, reader: Reader, *, flash: Flash | None = None) -> Frame:
    """Everything around a page, with the counts of the rail; a flash is shown once."""
    who, console = visitor.who, visitor.console
    waits = await store.waiting(reader)
    if flash is None and who.session.flash:
        flash = _flash(who.session.flash)
        await console.desk.flashed(who.session)
    rail = tuple(
        RailItem(word, path, waits.cases if path == "/admin/review" else None)
        for word, path, permission in RAIL
        if visitor.may(permission)
    )
    return Frame(
        now=reader.now,
        look=look_of(visitor.request, console.place),
        path=visitor.request.url.path,
        is_demo=console.is_demo,
        person=Person(who.name, who.staff.role.value, who.session.operator_name),
        rail=rail,
        csrf=who.session.csrf,
        flash=flash,
        bell=waits.attention,
    )


def _flash(kept: str) -> Flash | None:
    """``code`` or ``code next-path next-words``: a code of ours, put into words here."""
    code, _, rest = kept.partition(" ")
    said = words.FLASHES.get(code)
    if said is None:
        return None
    path, _, text = rest.partition(" ")
    return Flash(said.text, said.tone, path or None, text or None)


async def show(visitor: Visitor, reader: Reader, name: str, page: object, *, status: int = 200) -> Response:
    """A page in its frame."""
    made = await frame(visitor, reader)
    return HTMLResponse(visitor.console.pages.render(name, frame=made, page=page), status)


def bare_frame(request: Request, now: Any = None) -> Frame:
    """The frame of a page before sign-in."""
    console = console_of(request)
    return Frame(
        now=now or console.clock.now(),
        look=look_of(request, console.place),
        path=request.url.path,
        is_demo=console.is_demo,
    )


def version_of(form: Form) -> int:
    """The version that the page showed; 0, which nothing has, for what is none. ``int`` raises over 4,300 digits."""
    text = form.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


async def done(visitor: Visitor, path: str, flash: str) -> Response:
    """After an act: say what was done on the page that follows."""
    await visitor.console.desk.flash(visitor.who.session, flash)
    return RedirectResponse(path, 303)


Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def has_factor(visitor: Visitor) -> bool:
    """The demo's person has no second factor; no other mode lets such a one in."""
    return not (visitor.console.is_demo and visitor.who.staff.password_hash is None)


async def stepped_up(visitor: Visitor, action: str, about: str, code: str) -> Visitor:
    """The visitor, having proved the second factor for one act on one thing as it was seen. Raises CodeRefused and
    SignInDelayed. The session has another id from then on, whatever becomes of the act: see :func:`renewed`."""
    if not has_factor(visitor):
        return visitor
    desk = visitor.console.desk
    session = await desk.step_up(visitor.who, action, about, code)
    await desk.spend_step_up(session, action, about)
    return replace(visitor, who=replace(visitor.who, session=session))


def renewed(visitor: Visitor, response: Response) -> Response:
    """An answer to somebody who has stepped up."""
    visitor.console.place.set_cookie(response, SESSION, visitor.who.session.sid)
    return response


class ConsoleRoute(APIRoute):
    """Every answer is sealed, every refusal is a page, and a stranger is sent to the door."""

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            place = console_of(request).place
            try:
                security.check_host(request, place)
                response = await inner(request)
            except SignInFirst:
                response = _to_the_door(request)
            except (Refusal, HTTPException, RequestValidationError) as error:
                response = await _refused(request, _as_refusal(error))
            except Exception as error:
                trace = request.scope.get("state", {}).get("trace")
                log.error("console.failed", route=template(request), trace=trace, exc_info=error)
                response = await _failed(request, trace)
            return security.seal(response, place)

        return handle


def _as_refusal(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    return NotFound()


def _to_the_door(request: Request) -> Response:
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": "/admin/sign-in"})
    return RedirectResponse("/admin/sign-in", 303)


async def _refused(request: Request, refusal: Refusal) -> Response:
    status = status_of(refusal)
    page = error_page(refusal, status, request)
    headers = {} if refusal.retry_after_s is None else {"Retry-After": str(refusal.retry_after_s)}
    return HTMLResponse(await _error_html(request, page), status, headers)


async def _failed(request: Request, trace: str | None) -> Response:
    page = error_page(None, 500, request, trace=trace)
    return HTMLResponse(await _error_html(request, page), 500)


async def _error_html(request: Request, page: object) -> str:
    """In the person's own frame where there is one and its parts answer; else bare."""
    console = console_of(request)
    made: Frame
    try:
        visitor = await visit(request)
        async with console.db.read(visitor.who.staff.operator_id) as reader:
            made = await frame(visitor, reader)
    except (SignInFirst, Unauthenticated, Refusal):
        made = bare_frame(request)
    return console.pages.render("error.html", frame=made, page=page)


Page = Callable[[Request], Awaitable[Response]]


def new_router() -> APIRouter:
    return APIRouter(route_class=ConsoleRoute, include_in_schema=False)
