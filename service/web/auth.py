"""Keys of clients: ``Authorization: Bearer sk_<id>_<secret>`` (``security.md`` 6).

Looked up by id, compared as SHA-256 in constant time, scopes denied by default. What the directory said is
kept for two seconds, so a revoked key stops within five in every process. Cookies are never looked at.
"""

import asyncio
import hashlib
import hmac
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from fastapi import Request, Security
from fastapi.security import HTTPBearer

from service.kit.clock import Clock
from service.kit.errors import ScopeMissing, Unauthenticated


class Scope(StrEnum):
    REGISTRATIONS = "registrations"
    VERIFICATIONS = "verifications"
    LINES = "lines"
    LINES_ACT = "lines:act"
    REPORTS = "reports"
    WEBHOOKS = "webhooks"
    READ = "read"
    EVIDENCE = "evidence"


NOT_FOR_DEALERS = frozenset({Scope.LINES_ACT, Scope.EVIDENCE})
"""Scopes that a key bound to a dealer never carries (``api.md``, Keys)."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a client of one operator, perhaps bound to a dealer."""

    operator_id: UUID
    operator: str
    client_id: UUID
    client: str
    scopes: frozenset[Scope]
    dealer_id: UUID | None


@dataclass(frozen=True, slots=True)
class Credential:
    """What the directory knows of a key; ``sha256`` is of the whole key text."""

    principal: Principal
    sha256: bytes
    expires_at: datetime | None
    cidr: str | None


class ClientDirectory(Protocol):
    async def find(self, key_id: str) -> Credential | None:
        """The live credential with this id; revoked and unknown ones are None."""


class Gate:
    """Turns a Bearer key into a :class:`Principal`."""

    KEEP_S = 2.0
    MAX_KEPT = 10_000

    def __init__(self, directory: ClientDirectory, clock: Clock, monotonic: Callable[[], float]) -> None:
        self._directory = directory
        self._clock = clock
        self._monotonic = monotonic
        self._kept: dict[str, tuple[float, Credential | None]] = {}
        self._asking: dict[str, asyncio.Task[Credential | None]] = {}

    async def admit(self, key: str, peer: str | None) -> Principal:
        head, _, rest = key.partition("_")
        key_id, _, secret = rest.partition("_")
        if (
            head != "sk"
            or not key_id.isalnum()
            or not key_id.isascii()
            or len(key_id) > 40
            or not 20 < len(secret) < 100
        ):
            raise Unauthenticated()
        credential = await self._find(key_id)
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        if (
            not hmac.compare_digest(digest, credential.sha256 if credential else bytes(32))
            or credential is None
        ):
            raise Unauthenticated()
        if credential.expires_at is not None and credential.expires_at <= self._clock.now():
            raise Unauthenticated()
        if credential.cidr is not None and not _inside(peer, credential.cidr):
            raise Unauthenticated()
        return credential.principal

    async def _find(self, key_id: str) -> Credential | None:
        now = self._monotonic()
        kept = self._kept.get(key_id)
        if kept is not None and now - kept[0] < self.KEEP_S:
            return kept[1]
        # One look for all who ask meanwhile: a key that is used a thousand times a second is looked up once.
        asking = self._asking.get(key_id)
        if asking is None:
            asking = self._asking[key_id] = asyncio.create_task(self._look(key_id, now))
            asking.add_done_callback(lambda _: self._asking.pop(key_id, None))
        return await asyncio.shield(asking)

    async def _look(self, key_id: str, now: float) -> Credential | None:
        found = await self._directory.find(key_id)
        if len(self._kept) >= self.MAX_KEPT:
            self._kept.clear()
        self._kept[key_id] = (now, found)
        return found


def _inside(peer: str | None, cidr: str) -> bool:
    try:
        return peer is not None and ipaddress.ip_address(peer) in ipaddress.ip_network(cidr)
    except ValueError:
        return False


class _Admit(HTTPBearer):
    """Admits the caller where its key carries the scope; ``request.state.principal`` is set by nothing else."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(auto_error=False, scheme_name="key", description="A client's key: sk_…")
        self.scope = scope

    async def __call__(self, request: Request) -> Principal:  # type: ignore[override]  # the base gives the bare key
        bearer = await super().__call__(request)
        if bearer is None:
            raise Unauthenticated()
        gate: Gate = request.app.state.gate
        principal = await gate.admit(bearer.credentials, request.client.host if request.client else None)
        if self.scope not in principal.scopes:
            raise ScopeMissing(scope=self.scope.value)
        request.state.principal = principal
        return principal


def require(scope: Scope) -> Any:
    """A dependency that admits the caller and asks for one scope."""
    return Security(_Admit(scope))


async def caller_of(request: Request) -> Principal | None:
    """Who asks, by the rule of the route: also where the body was refused before the rule was. None where the
    caller may not ask this, or the route asks nobody who they are."""
    known: Principal | None = getattr(request.state, "principal", None)
    if known is not None:
        return known
    for each in request.scope["route"].dependant.dependencies:
        if isinstance(each.call, _Admit):
            try:
                return await each.call(request)
            except (Unauthenticated, ScopeMissing):
                return None
    return None
