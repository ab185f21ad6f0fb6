"""What every scene has: the demo's address and key, an HTTP client, a way into its database, and a voice."""

import json
import secrets
import sys
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import httpx2
import psycopg

from service.infra.embedded import Embedded, Servers
from service.kit.clock import SystemClock
from service.kit.luhn import digit
from service.kit.people import InventedPerson, invent

Json = dict[str, Any]


class NotAsTold(Exception):
    """A scene did not go as it is told; the text says what came instead."""


@dataclass
class Voice:
    """Prints a scene. Colours only on a terminal; ``pause_s`` gives a person time to read."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    colours: bool = False
    pause_s: float = 0.0

    def _say(self, text: str, style: str = "") -> None:
        print(f"\x1b[{style}m{text}\x1b[0m" if self.colours and style else text, file=self.out, flush=True)

    def title(self, text: str) -> None:
        self._say(f"\n{text}", "1")

    def step(self, text: str) -> None:
        """What is done from outside, usually an HTTP call in one line."""
        self._say(f"   → {text}", "2")
        time.sleep(self.pause_s)

    def came(self, text: str) -> None:
        self._say(f"   ← {text}")
        time.sleep(self.pause_s)

    def why(self, text: str) -> None:
        self._say(f"   {text}", "36")

    def link(self, url: str) -> None:
        self._say(f"   {url}", "4" if self.colours else "")

    def verdict(self, text: str, *, is_good: bool) -> None:
        self._say(f" {'●' if is_good else '✕'} {text}", "32" if is_good else "31")

    def plain(self, text: str) -> None:
        self._say(text)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    took_s: float

    @property
    def code(self) -> str:
        """The problem's code; empty for what is not refused."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""


@dataclass
class Theatre:
    """The running demo, as a client with its key sees it, and as the owner of its database does."""

    url: str
    key: str
    data: Path
    http: httpx2.AsyncClient
    voice: Voice
    servers: Servers
    admin_url: str
    anna: Json = field(default_factory=dict)
    """What the first scene leaves for the later ones."""

    # Over HTTP

    async def ask(self, method: str, path: str, body: Json | None = None, *, say: bool = True) -> Answer:
        """One call; whatever its status is."""
        if say:
            shown = "" if body is None else " " + json.dumps(_short(body), ensure_ascii=False)
            self.voice.step(f"{method} {path}{shown}")
        began = time.perf_counter()
        answer = await self.http.request(method, path, json=body)
        return Answer(answer.status_code, _body(answer), time.perf_counter() - began)

    async def done(self, method: str, path: str, body: Json | None = None, *, say: bool = True) -> Json:
        """One call that must not be refused; its body."""
        answer = await self.ask(method, path, body, say=say)
        if answer.status >= 300:
            raise NotAsTold(f"{method} {path} was refused: {answer.status} {answer.code or answer.body}")
        found: Json = answer.body
        return found

    async def code(self, number: str) -> str:
        """The code in the newest message to a number, as its holder reads it."""
        answer = await self.http.get("/dev/outbox", params={"to": number})
        if answer.status_code != 200 or not answer.json():
            raise NotAsTold(f"no message to {number} is in the outbox")
        words = str(answer.json()[0]["text"]).replace(".", " ").replace(":", " ").split()
        return next(word for word in words if len(word) == 6 and word.isdigit())

    async def evidence(
        self, who: InventedPerson, number: str, extra: Mapping[str, Any] | None = None, *, say: bool = False
    ) -> str:
        """Create, document, code, check; the registration's path, ready to submit."""
        opening = {"msisdn": number, "iccid": sim(), "purpose": "new", "channel": "web", **(extra or {})}
        subscriber = who.subscriber()
        del subscriber["nationality"]
        made = await self.done("POST", "/v1/registrations", {**opening, "subscriber": subscriber}, say=say)
        path = f"/v1/registrations/{made['id']}"
        zone = {"kind": "mrz", "lines": list(who.lines)}
        document = await self.done("POST", f"{path}/documents", zone, say=say)
        if document["outcome"] != "pass":
            raise NotAsTold(f"the document was judged {document['outcome']}")
        await self.done("POST", f"{path}/otp", {"to": "line"}, say=say)
        await self.done("POST", f"{path}/otp/check", {"code": await self.code(number)}, say=say)
        return path

    def page(self, path: str) -> None:
        """Where the dashboard shows it."""
        self.voice.link(self.url + path)

    # In the database

    @contextmanager
    def admin(self) -> Any:
        """A connection as PostgreSQL's superuser, whom no row-level rule stops."""
        with psycopg.connect(self.admin_url, autocommit=True, connect_timeout=5) as connection:
            yield connection


def open_database(data: Path) -> tuple[Servers, str]:
    """The running demo's servers and the superuser's address; the demo goes on owning them."""
    embedded = Embedded(data, attach=True)
    servers = embedded.start()
    if not servers.attached:
        embedded.stop()
        raise NotAsTold("the demo has just stopped")
    return servers, plain(embedded.admin_url("simward"))


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def _body(answer: httpx2.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text[:200]


def _short(value: Any) -> Any:
    """A body for one line of a terminal: long texts are cut, of a long list the length is told."""
    if isinstance(value, dict):
        return {name: _short(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_short(inner) for inner in value]
    if isinstance(value, str) and len(value) > 30:
        return value[:28] + "…"
    return value


# Props


def number() -> str:
    """A number in the form of a German mobile number; the demo sends nothing anywhere."""
    return f"+491517{secrets.randbelow(10**7):07}"


def sim() -> str:
    body = f"894902{secrets.randbelow(10**12):012}"
    return body + digit(body)


def somebody() -> InventedPerson:
    return invent(secrets.SystemRandom(), SystemClock().now().date())
