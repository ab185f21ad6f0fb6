"""``GET|POST /h/{token}``: the page behind every link in a message, for whoever holds the number (``api.md``).

A notice's link is tried first; any other is a code's (``otp.routes.holder``), whose page says what is wrong with it. As
there, the sealed token is the whole authority, and GET changes nothing.
"""

from collections.abc import Sequence
from urllib.parse import parse_qs

import jinja2
from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, Response

from service.kit.errors import NotFound, TooLarge, Unavailable
from service.notices import rules
from service.notices.model import Said
from service.notices.workflow import Notices
from service.otp.routes.holder import HEADERS, MAX_FORM, stop
from service.otp.routes.holder import look as look_at_code
from service.otp.rules import language_of

router = APIRouter(include_in_schema=False)

_PAGE = jinja2.Environment(
    loader=jinja2.PackageLoader("service.notices", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
).get_template("notice.html")
CHOICES = ("lost", "freeze")


def _page(request: Request, status: int, title: str, lines: Sequence[str], *, asks: bool = False) -> Response:
    language = language_of(request.headers.get("accept-language", ""))
    words = rules.pages(language)
    if words is rules.pages("en"):
        language = "en"
    html = _PAGE.render(
        language=language,
        title=words[title],
        lines=[words[line] for line in lines],
        choices=[(choice, words[choice]) for choice in CHOICES] if asks else (),
        button=words["not_mine"] if asks else "",
        mark="approve" if title == "done" else "review",
    )
    return HTMLResponse(html, status, {**HEADERS, "Content-Language": language})


@router.api_route("/h/{token}", methods=["GET", "HEAD"])
async def look(token: str, request: Request) -> Response:
    """Show what the link is about; nothing changes."""
    notices: Notices = request.app.state.services.notices
    if not notices.is_ours(token):
        return await look_at_code(token, request)
    try:
        await notices.look(token)
    except NotFound:
        return _page(request, 404, "gone", ["gone_note"])
    except Unavailable as away:
        return _away(request, away)
    return _page(request, 200, "title", ["told", "asked"], asks=True)


@router.post("/h/{token}")
async def say(token: str, request: Request) -> Response:
    """Take the holder's word, once."""
    notices: Notices = request.app.state.services.notices
    if not notices.is_ours(token):
        return await stop(token, request)
    ticked = await _ticked(request)
    said = Said(lost="lost" in ticked, freeze="freeze" in ticked)
    try:
        await notices.not_mine(token, said)
    except NotFound:
        return _page(request, 404, "gone", ["gone_note"])
    except Unavailable as away:
        return _away(request, away)
    told = ["done_note", *(f"done_{choice}" for choice in CHOICES if getattr(said, choice))]
    return _page(request, 200, "done", told)


def _away(request: Request, away: Unavailable) -> Response:
    answer = _page(request, 503, "away", ["away_note"])
    answer.headers["Retry-After"] = str(away.retry_after_s or 1)
    return answer


async def _ticked(request: Request) -> frozenset[str]:
    """The boxes that were ticked; none where the form cannot be read: the button alone says "not mine"."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_FORM:
                raise TooLarge(limit=MAX_FORM)
        fields = parse_qs(body.decode("ascii"), max_num_fields=8)
    except (ClientDisconnect, ValueError):
        return frozenset()
    return frozenset(fields) & frozenset(CHOICES)
