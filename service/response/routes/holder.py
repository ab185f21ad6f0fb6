"""``GET|POST /h/{token}`` for a token that begins with ``a.``: the holder of a line appeals a step without a key
(``api.md``).

As with the other links of messages (``otp.routes.holder``) the sealed token is the whole authority, and GET changes
nothing. The page names no person, no number and no operator; what was written is never shown again, also where it was
refused. It is kept sealed, and read by staff alone.
"""

from collections.abc import Awaitable, Callable

import jinja2
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from service.kit.errors import NotFound, TooLarge, Unavailable
from service.kit.text import clean
from service.kit.values import Malformed
from service.otp.routes.holder import HEADERS
from service.otp.rules import language_of
from service.response import rules
from service.response.model import LONGEST_APPEAL, LineAction, State
from service.response.workflow.appealing import PREFIX, Appeals
from service.web.forms import field_of

router = APIRouter(include_in_schema=False)

MAX_FORM = 16 * 1024
"""The longest text with every character percent-encoded as four bytes, and its name."""

_PAGE = jinja2.Environment(
    loader=jinja2.PackageLoader("service.response", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
).get_template("appeal.html")


class Speaker:
    """Pages in the language of one request."""

    def __init__(self, request: Request) -> None:
        self._language, self._words = rules.page_words(
            language_of(request.headers.get("accept-language", ""))
        )

    def asks(self, action: LineAction, refused: int | None = None) -> Response:
        """The form; ``refused``: the status of a text that could not be taken."""
        waits = action.state is State.WAITING
        step = "announced_restrict" if waits else action.step.value
        told = [self._words[step], self._words["asked"]]
        alert = "" if refused is None else self._words["refused"].format(most=LONGEST_APPEAL)
        return self._page(refused or 200, "title", told, asks=True, alert=alert)

    def taken(self) -> Response:
        return self._page(200, "done", [self._words["done_note"]], mark="approve")

    def gone(self) -> Response:
        return self._page(404, "gone", [self._words["gone_note"]])

    def away(self, retry_after_s: int) -> Response:
        answer = self._page(503, "away", [self._words["away_note"]])
        answer.headers["Retry-After"] = str(retry_after_s)
        return answer

    def _page(
        self,
        status: int,
        title: str,
        lines: list[str],
        *,
        mark: str = "review",
        asks: bool = False,
        alert: str = "",
    ) -> Response:
        html = _PAGE.render(
            language=self._language,
            title=self._words[title],
            lines=lines,
            mark=mark,
            asks=asks,
            alert=alert,
            label=self._words["write"],
            button=self._words["button"],
            most=LONGEST_APPEAL,
        )
        return HTMLResponse(html, status, {**HEADERS, "Content-Language": self._language})


@router.api_route(f"/h/{PREFIX}{{token}}", methods=["GET", "HEAD"])
async def look(token: str, request: Request) -> Response:
    """Show which step the link is about; nothing changes."""

    async def work(appeals: Appeals, speaker: Speaker) -> Response:
        return speaker.asks(await appeals.look(token))

    return await _answered(request, work)


@router.post(f"/h/{PREFIX}{{token}}")
async def say(token: str, request: Request) -> Response:
    """File the appeal, once."""

    async def work(appeals: Appeals, speaker: Speaker) -> Response:
        action = await appeals.look(token)
        try:
            text = await _text(request)
        except TooLarge:
            return speaker.asks(action, refused=413)
        except Malformed:
            return speaker.asks(action, refused=422)
        await appeals.file(token, text)
        return speaker.taken()

    return await _answered(request, work)


async def _answered(request: Request, work: Callable[[Appeals, Speaker], Awaitable[Response]]) -> Response:
    """A page whatever happens: whoever opens a link of a message reads no problem document."""
    speaker = Speaker(request)
    try:
        return await work(request.app.state.services.response.appeals, speaker)
    except NotFound:
        return speaker.gone()
    except Unavailable as away:
        return speaker.away(away.retry_after_s or 1)


async def _text(request: Request) -> str:
    """What was written, with the line ends of a form made plain ones. TooLarge; Malformed for what no text is."""
    written = (await field_of(request, "text", MAX_FORM)).replace("\r\n", "\n")
    text = clean(written, "/text") if len(written) <= LONGEST_APPEAL else ""
    if not text:
        raise Malformed("/text", "text-length", f"A text of 1 to {LONGEST_APPEAL} characters is needed.")
    return text
