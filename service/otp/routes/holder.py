"""``GET|POST /h/{token}``: the page behind the link in a message, for whoever holds the number (``api.md``).

The sealed token is the whole authority: 128 bits of it are a tag that only we can make. No cookie and no key is read,
so a page elsewhere that posts here borrows nobody's rights: it must know the token, and who knows it may press the
button anyway. So neither Origin nor a form token is asked for. GET changes nothing: messengers and scanners open links.

No limit stands here. What is not sealed by us is answered before any server is asked, and always with the same page;
what is, costs its holder a read of two small tables, and to stop twice writes nothing more. A limit by address would be
one for everybody behind an operator's own gateway, and would keep a victim from the button.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import jinja2
from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from service.kit.errors import NotFound, Unavailable
from service.otp import rules
from service.otp.workflow.holder import Holder, Stop
from service.web.forms import field_of

router = APIRouter(include_in_schema=False)

MAX_FORM = 1024
LONGEST_TOKEN = 128
REACHES = ("client", "everyone")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none';"
    " base-uri 'none'",
    "Referrer-Policy": "no-referrer",  # the address is the capability
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
    "Vary": "Accept-Language",
}
_PAGE = jinja2.Environment(
    loader=jinja2.PackageLoader("service.otp", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
).get_template("holder.html")


class Speaker:
    """Pages in the language of one request."""

    def __init__(self, request: Request) -> None:
        self._language = rules.language_of(request.headers.get("accept-language", ""))
        self._words = rules.pages()[self._language]

    def asks(self, stop: Stop, *, again: bool = False) -> Response:
        """What the link is about, and two choices; ``again`` after a form that made none."""
        said = ["choose", "told", "asked"] if again else ["told", "asked"]
        return self._page(
            422 if again else 200,
            "title",
            [self._say(each, stop) for each in said],
            mark="review" if again else "",
            choices=[(each, self._words[each], self._say(f"{each}_note", stop)) for each in REACHES],
            foot=self._say("kept", stop),
        )

    def has_stopped(self, stop: Stop, reach: str, until: datetime) -> Response:
        said = self._say(f"done_{reach}", stop, until=until)
        return self._page(200, "done", [said], mark="approve", foot=self._say("kept", stop))

    def gone(self) -> Response:
        return self._page(404, "gone", [self._words["gone_note"]], mark="review")

    def away(self, retry_after_s: int) -> Response:
        answer = self._page(503, "away", [self._words["away_note"]], mark="review")
        answer.headers["Retry-After"] = str(retry_after_s)
        return answer

    def _say(self, what: str, stop: Stop, until: datetime | None = None) -> Markup:
        operator = "".join(letter for letter in stop.operator.name if letter.isprintable())
        names = {"operator": _isolated(operator), "number": _isolated(stop.number.masked, ltr=True)}
        if until is not None:
            names["until"] = _isolated(f"{until:%Y-%m-%d}", ltr=True)
        return Markup.escape(self._words[what]).format(**names)

    def _page(
        self,
        status: int,
        title: str,
        lines: Sequence[str],
        *,
        mark: str = "",
        choices: Sequence[tuple[str, str, str]] = (),
        foot: str = "",
    ) -> Response:
        html = _PAGE.render(
            language=self._language,
            direction="rtl" if self._language in rules.RIGHT_TO_LEFT else "ltr",
            title=self._words[title],
            lines=lines,
            mark=mark,
            choices=choices,
            foot=foot,
        )
        return HTMLResponse(html, status, {**HEADERS, "Content-Language": self._language})


def _isolated(text: str, *, ltr: bool = False) -> Markup:
    """Foreign text inside a sentence: escaped, and without a say in its direction."""
    return Markup('<bdi dir="{}">{}</bdi>').format("ltr" if ltr else "auto", text)


@router.api_route("/h/{token}", methods=["GET", "HEAD"])
async def look(token: str, request: Request) -> Response:
    """Show what the link is about; nothing changes."""

    async def work(holder: Holder, speaker: Speaker) -> Response:
        return speaker.asks(await holder.look(token))

    return await _answered(token, request, work)


@router.post("/h/{token}")
async def stop(token: str, request: Request) -> Response:
    """Stop codes, and show what holds from now on. The same button twice changes nothing more."""

    async def work(holder: Holder, speaker: Speaker) -> Response:
        found = await holder.look(token)
        reach = await field_of(request, "reach", MAX_FORM)
        if reach not in REACHES:
            return speaker.asks(found, again=True)
        return speaker.has_stopped(found, reach, await holder.stop(token, reach))

    return await _answered(token, request, work)


async def _answered(
    token: str, request: Request, work: Callable[[Holder, Speaker], Awaitable[Response]]
) -> Response:
    """A page whatever happens: whoever opens a link of a message reads no problem document."""
    speaker = Speaker(request)
    try:
        if len(token) > LONGEST_TOKEN:
            raise NotFound()
        return await work(request.app.state.services.holder, speaker)
    except NotFound:
        return speaker.gone()
    except Unavailable as away:
        return speaker.away(away.retry_after_s or 1)
