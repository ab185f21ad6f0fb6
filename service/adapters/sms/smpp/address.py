"""Where the server is, as whom we bind, and from whom messages come. Pure."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from service.adapters.sms.smpp.pdu import Address

PORT, TLS_PORT = 2775, 3550
"""As IANA lists SMPP, and as is usual under TLS."""

_INTERNATIONAL, _NETWORK_SPECIFIC, _ALPHANUMERIC = 1, 3, 5
"""Types of number (5.2.5)."""
_UNKNOWN, _E164 = 0, 1
"""Numbering plans (5.2.6)."""


class LinkRefused(ValueError):
    """A setting that can never do; the text is a code and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Link:
    """One account at one server."""

    host: str
    port: int
    tls: bool
    system_id: str
    password: str = field(repr=False)

    @classmethod
    def parse(cls, url: str, password: str) -> "Link":
        """``smpp://system-id@host:port`` or ``smpps://…`` (TLS). Raises :class:`LinkRefused`.

        A password has no place in an address, which is shown and logged: it is a setting of its own.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise LinkRefused("not-a-url") from None
        if parts.scheme not in ("smpp", "smpps"):
            raise LinkRefused("smpp-or-smpps")
        if parts.password is not None or parts.query or parts.fragment or parts.path not in ("", "/"):
            raise LinkRefused("more-than-host")
        if not parts.hostname:
            raise LinkRefused("no-host")
        if not parts.username or not re.fullmatch(r"[!-~]{1,15}", parts.username):
            raise LinkRefused("system-id")  # 5.2.1
        if not re.fullmatch(r"[ -~]{0,8}", password):
            raise LinkRefused("password")  # 5.2.2
        tls = parts.scheme == "smpps"
        return cls(parts.hostname, port or (TLS_PORT if tls else PORT), tls, parts.username, password)


def source(text: str) -> Address:
    """From whom a message comes: a name, a short code, a number with its plus, or nothing (the server's own choice).

    Raises :class:`LinkRefused`. Eleven letters are what an alphanumeric address holds (3GPP TS 23.040, 9.1.2.5).
    """
    if not text:
        return Address()
    if re.fullmatch(r"\+[1-9][0-9]{6,14}", text):
        return Address(_INTERNATIONAL, _E164, text[1:])
    if re.fullmatch(r"[0-9]{3,8}", text):
        return Address(_NETWORK_SPECIFIC, _UNKNOWN, text)
    if re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9 .&_-]{1,11}", text):
        return Address(_ALPHANUMERIC, _UNKNOWN, text)
    raise LinkRefused("source")


def destination(number: str) -> Address:
    """An E.164 number with its plus."""
    return Address(_INTERNATIONAL, _E164, number.removeprefix("+"))
