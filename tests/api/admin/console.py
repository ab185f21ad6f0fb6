"""A person at the console: a browser's cookies, forms and headers over the ASGI application."""

import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode

import httpx2

ORIGIN = "http://127.0.0.1:8080"


@dataclass
class Browser:
    """Keeps cookies, fills forms as the page has them, sends Origin as a browser does."""

    http: httpx2.AsyncClient
    pages: list[httpx2.Response] = field(default_factory=list)
    secret: str = ""
    codes: list[str] = field(default_factory=list)

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        answer = await self.http.get(path, headers=headers)
        self.pages.append(answer)
        return answer

    async def post(self, path: str, form: dict[str, str], **headers: str) -> httpx2.Response:
        """A bare POST: nothing is filled in."""
        sent = {"Origin": ORIGIN, "Content-Type": "application/x-www-form-urlencoded", **headers}
        answer = await self.http.post(path, content=urlencode(form), headers=sent)
        self.pages.append(answer)
        return answer

    async def submit(self, page: str, action: str, form: dict[str, str], **headers: str) -> httpx2.Response:
        """Fill the form of ``page`` whose action is ``action``: its hidden fields first, then ``form``."""
        html = (await self.get(page)).text
        return await self.post(action, {**hidden(html, action), **form}, **headers)

    async def follow(self, answer: httpx2.Response) -> httpx2.Response:
        assert answer.status_code == 303, (answer.status_code, text_of(answer.text)[-600:])
        return await self.get(answer.headers["location"])


def hidden(html: str, action: str) -> dict[str, str]:
    """The hidden fields of the first form with this action."""
    for form in re.findall(r"<form\b[^>]*>.*?</form>", html, re.DOTALL):
        if f'action="{action}"' in form:
            fields = {}
            for tag in re.findall(r"<input[^>]*>", form):
                names = dict(re.findall(r'(\w+)="([^"]*)"', tag))
                if names.get("type") == "hidden":
                    fields[names["name"]] = unescape(names.get("value", ""))
            return fields
    raise AssertionError(f"the page has no form for {action}")


def text_of(html: str) -> str:
    """What a reader sees, roughly."""
    without = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", without))).strip()
