"""The law of the proof of work, pure: a token that we can recognise again without keeping it, and what solves it.

``token = base64url(version, bits, expiry, nonce, MAC)``: 1, 1, 4, 8 and 16 bytes, big-endian, 40 characters without
padding. The MAC is a keyed hash over what the challenge is *about* (operator, client and number) and over the fields
before it, so that a token is good for one number of one client and nobody can make one or lower its bits.

A solution is any text with which ``SHA-256(token || ":" || solution)`` begins with ``bits`` zero bits: hashcash
(Back, 2002) with a challenge of ours in the place of a date, so that nothing can be solved ahead. A token may be used
more than once while it lives. It need not be kept for that: it is good for one number alone, and what may be sent to
that number is bounded by the number's own budgets, whoever has solved how much.
"""

import base64
import hashlib
import hmac
import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from service.kit.canon import Part

PURPOSE = "otp-work/v1"
"""Label of the keyed hash; its parts are ``about``, bits, expiry (seconds since 1970) and nonce."""

LIFE = timedelta(minutes=5)
NONCE_BYTES = 8
MAX_SOLUTION = 32
VERSION = 1

_HEAD = struct.Struct(">BBI8s")
_TOKEN = re.compile("[A-Za-z0-9_-]{40}", re.ASCII)

Mac = Callable[[tuple[Part, ...]], bytes]
Macs = Callable[[tuple[Part, ...]], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Work:
    """What a token says. ``expiry``: whole seconds since 1970; ``bits``: leading zero bits that are asked for."""

    bits: int
    expiry: int
    nonce: bytes
    mac: bytes = b""

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.expiry, UTC)

    def parts(self, about: bytes) -> tuple[Part, ...]:
        """What the MAC is over, with :data:`PURPOSE`."""
        return about, self.bits.to_bytes(1, "big"), self.expiry.to_bytes(4, "big"), self.nonce


def new_work(bits: int, nonce: bytes, now: datetime) -> Work:
    """``nonce``: :data:`NONCE_BYTES` random bytes."""
    return Work(bits, int((now + LIFE).timestamp()), nonce)


def write(work: Work, about: bytes, mac: Mac) -> str:
    """The token, 40 characters of base64url."""
    head = _HEAD.pack(VERSION, work.bits, work.expiry, work.nonce)
    return base64.urlsafe_b64encode(head + mac(work.parts(about))).decode()


def read(token: str) -> Work | None:
    """What a token says, not yet believed; None for what has not the form of one."""
    if not _TOKEN.fullmatch(token):
        return None
    raw = base64.urlsafe_b64decode(token)
    version, bits, expiry, nonce = _HEAD.unpack(raw[: _HEAD.size])
    return Work(bits, expiry, nonce, raw[_HEAD.size :]) if version == VERSION else None


def is_solved(token: str, solution: str, about: bytes, macs: Macs, now: datetime) -> bool:
    """Whether the token is ours, is about this, still lives and is solved. ``macs`` gives the keyed hash under every
    enabled key; all are compared, each in constant time, so that the time tells neither a MAC nor a key."""
    work = read(token)
    if work is None or not now < work.expires_at or not _is_plain(solution):
        return False
    found = False
    for mac in macs(work.parts(about)):
        found = hmac.compare_digest(mac, work.mac) or found
    return found and zero_bits(_digest(token, solution)) >= work.bits


def zero_bits(digest: bytes) -> int:
    """How many bits before the first one that is set."""
    return len(digest) * 8 - int.from_bytes(digest, "big").bit_length()


def _digest(token: str, solution: str) -> bytes:
    return hashlib.sha256(f"{token}:{solution}".encode()).digest()


def _is_plain(solution: str) -> bool:
    """1 to 32 visible ASCII characters."""
    return 1 <= len(solution) <= MAX_SOLUTION and all("!" <= char <= "~" for char in solution)
