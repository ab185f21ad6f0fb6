"""What every answer of the console carries, and what every unsafe request must bring (``security.md`` 10)."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from service.kit.errors import Kind, NotFound, Refusal

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CSP,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
HSTS = "max-age=31536000; includeSubDomains"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class ForeignRequest(Refusal):
    """The form did not come from a page of this session."""

    code = "foreign-request"
    kind = Kind.FORBIDDEN
    title = "This form did not come from the console"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the console stands: how the outside reaches it decides cookie, Origin and Host."""

    public_url: str
    is_demo: bool

    @property
    def is_loopback(self) -> bool:
        """Plain http on this machine: the demo, or a public URL that says so."""
        is_local = urlsplit(self.public_url).hostname in LOOPBACK
        return self.is_demo or (is_local and not self.public_url.startswith("https://"))

    def admits_host(self, host: str) -> bool:
        """The demo answers to loopback names alone, on whatever port; else the host is that of the public URL.

        A name of somebody else that points at us (DNS rebinding) is no such name.
        """
        if self.is_loopback:
            return urlsplit(f"//{host}").hostname in LOOPBACK
        return host == urlsplit(self.public_url).netloc

    def origin(self, host: str) -> str:
        """What a browser sends as Origin from a page of ours."""
        if self.is_loopback:
            return f"http://{host}"
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    def cookie(self, name: str) -> str:
        """``__Host-`` binds a cookie to this very host; over plain http on loopback a browser refuses it."""
        return f"{name}-loopback" if self.is_loopback else f"__Host-{name}"

    def set_cookie(self, response: Response, name: str, value: str, *, max_age: int | None = None) -> None:
        response.set_cookie(
            self.cookie(name),
            value,
            max_age=max_age,
            path="/",
            secure=not self.is_loopback,
            httponly=True,
            samesite="strict",
        )

    def drop_cookie(self, response: Response, name: str) -> None:
        self.set_cookie(response, name, "", max_age=0)


def seal(response: Response, place: Place) -> Response:
    """Put the headers on; an answer without a rule of its own is not stored. (``nosniff`` is on every answer of the
    house: ``web.middleware``.)"""
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    if not place.is_loopback:
        response.headers["Strict-Transport-Security"] = HSTS
    return response


def check_host(request: Request, place: Place) -> None:
    if not place.admits_host(request.headers.get("host", "")):
        raise NotFound()


def check_origin(request: Request, place: Place) -> None:
    """Origin must be ours. Under ``Referrer-Policy: no-referrer`` browsers send ``Origin: null`` with a form of the
    same site (Fetch, "append a request Origin header"); then ``Sec-Fetch-Site``, which no page can set, must say
    that it came from here."""
    origin = request.headers.get("origin")
    if origin == place.origin(request.headers.get("host", "")):
        return
    if origin in (None, "null") and request.headers.get("sec-fetch-site") == "same-origin":
        return
    raise ForeignRequest()


def check_token(given: str, kept: str) -> None:
    if not kept or not hmac.compare_digest(given.encode(), kept.encode()):
        raise ForeignRequest()
