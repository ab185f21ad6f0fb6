"""Passwords, TOTP and recovery codes: made, sealed, compared. Nothing here reads or writes a row."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import secrets
from datetime import datetime
from functools import lru_cache
from typing import cast
from uuid import UUID

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from service.infra.crypto import Vault
from service.kit.errors import JsonObject
from service.staff.model import RECOVERY_CODES, Second, Staff

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no letter that reads like a digit
_RECOVERY = re.compile(r"(\d)-?([a-z0-9]{4})-?([a-z0-9]{4})-?([a-z0-9]{4})")
_AT_ONCE = 2
_HASHER = PasswordHasher()


@lru_cache(maxsize=8)
def _nobodys(hasher: PasswordHasher) -> str:
    """The hash of a text that nobody keeps: once in a process, since it costs what a sign-in does."""
    return hasher.hash(secrets.token_urlsafe(16))


class Factors:
    """Argon2 runs beside the event loop, two at a time: a flood of sign-ins costs time, not the memory."""

    def __init__(self, vault: Vault, hasher: PasswordHasher | None = None) -> None:
        self._vault = vault
        self._hasher = hasher or _HASHER
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._nobody = _nobodys(self._hasher)

    # Argon2

    async def hash(self, text: str) -> str:
        async with self._gate:
            return await asyncio.to_thread(self._hasher.hash, text)

    async def matches(self, text: str, kept: str | None) -> bool:
        """Also hashes when there is nothing to compare with, so that both take as long."""
        async with self._gate:
            return await asyncio.to_thread(self._matches, text, kept)

    def _matches(self, text: str, kept: str | None) -> bool:
        try:
            return self._hasher.verify(kept or self._nobody, text) and kept is not None
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, kept: str) -> bool:
        return self._hasher.check_needs_rehash(kept)

    # What a person's row seals

    def seal(self, staff_id: UUID, name: str, totp_secret: str | None) -> bytes:
        raw = json.dumps({"name": name, "totp": totp_secret}, ensure_ascii=False).encode()
        return self._vault.seal_secret("staff", staff_id, raw)

    def _opened(self, staff: Staff) -> JsonObject:
        return cast(JsonObject, json.loads(self._vault.open_secret("staff", staff.id, staff.sealed)))

    def name(self, staff: Staff) -> str:
        return str(self._opened(staff)["name"])

    # TOTP

    def secret_of_link(self, link_secret: bytes) -> str:
        """The second factor that a link offers, 160 bits: the same each time the page is shown, kept nowhere."""
        parts = [self._vault.volatile("staff-enrol/v1", link_secret, half) for half in ("0", "1")]
        return base64.b32encode(b"".join(parts)[:20]).decode()

    @staticmethod
    def uri(secret: str, login: str, operator: str) -> str:
        return pyotp.TOTP(secret).provisioning_uri(name=f"{login}@{operator}", issuer_name="Simward")

    @staticmethod
    def step_of(secret: str, code: str, now: datetime) -> int | None:
        """The step that ``code`` belongs to: the present one or a neighbour (RFC 6238, 5.2); else None."""
        totp = pyotp.TOTP(secret)
        present = totp.timecode(now)
        digits = code.replace(" ", "")
        found = None
        for step in (present - 1, present, present + 1):
            if hmac.compare_digest(totp.generate_otp(step), digits.encode("ascii", "replace").decode()):
                found = step
        return found

    def second(self, staff: Staff, code: str, now: datetime) -> Second | None:
        """What ``code`` is for this person if it is a TOTP code not older than the last one accepted."""
        secret = self._opened(staff)["totp"]
        step = self.step_of(str(secret), code, now) if secret else None
        if step is None or (staff.totp_step is not None and step <= staff.totp_step):
            return None
        return Second(step=step)

    # Recovery codes: a digit that names the row, then 60 bits

    @staticmethod
    def new_recovery() -> tuple[str, ...]:
        def word() -> str:
            return "".join(secrets.choice(_ALPHABET) for _ in range(4))

        return tuple(f"{slot}-{word()}-{word()}-{word()}" for slot in range(RECOVERY_CODES))

    @staticmethod
    def recovery_slot(code: str) -> int | None:
        found = _RECOVERY.fullmatch(code.strip().casefold())
        return int(found[1]) if found else None

    @staticmethod
    def recovery_text(code: str) -> str:
        """The form that is hashed: without hyphens, lower case."""
        return code.strip().casefold().replace("-", "")


def link_digest(secret: bytes) -> bytes:
    """A link's secret is 256 random bits: a plain hash of it tells nothing."""
    return hashlib.sha256(secret).digest()
