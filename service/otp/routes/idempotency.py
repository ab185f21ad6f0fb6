"""``Idempotency-Key`` for verifications: kept in Redis, by the script that does the work (``security.md`` 5)."""

import base64
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from service.infra.crypto import Vault
from service.kit.errors import JsonObject, Kind, Refusal
from service.otp.volatile import Idem, Kept
from service.otp.workflow.verifications import Verifications
from service.web import problems
from service.web.auth import Principal
from service.web.idempotency import marks_of

_KEPT = frozenset(set(Kind) - {Kind.UNAUTHENTICATED, Kind.CONFLICT, Kind.LIMITED, Kind.UNAVAILABLE})
_TABLE = "otp_answer"


@dataclass(frozen=True, slots=True)
class RedisSlot:
    """The place of one request's answer. Without a key it does nothing."""

    works: Verifications
    vault: Vault
    idem: Idem | None
    instance: str

    async def run(self, status: int, work: Callable[[], Awaitable[tuple[JsonObject, bool]]]) -> Response:
        """Do ``work`` (what to answer, and whether that was answered before); a refusal before any script is kept."""
        try:
            body, is_replay = await work()
        except Kept as kept:
            return self._kept(kept)
        except Refusal as refusal:
            if self.idem is None or refusal.is_replay or refusal.kind not in _KEPT:
                raise
            return await self._refused(refusal, self.idem)
        headers = {"Idempotent-Replayed": "true"} if is_replay else {}
        return Response(problems.dump(body), status, headers, "application/json")

    async def _refused(self, refusal: Refusal, idem: Idem) -> Response:
        body = problems.dump(problems.body_of(refusal, self.instance))
        status = problems.status_of(refusal)
        sealed = self.vault.seal_secret(_TABLE, _row(idem), body)
        try:
            await self.works.keep_refusal(idem, status, sealed)
        except Kept as kept:
            return self._kept(kept)
        return Response(body, status, media_type="application/problem+json")

    def _kept(self, kept: Kept) -> Response:
        assert self.idem is not None
        return Response(
            self.vault.open_secret(_TABLE, _row(self.idem), kept.body),
            kept.status,
            {"Idempotent-Replayed": "true"},
            "application/json" if kept.status < 400 else "application/problem+json",
        )


def _row(idem: Idem) -> UUID:
    """What binds a sealed answer to its key."""
    return UUID(bytes=base64.urlsafe_b64decode(idem.key.rpartition(":")[2] + "=="))


async def redis_slot(request: Request) -> RedisSlot:
    """A dependency; put it after ``require(…)``, which says who asks."""
    state = request.app.state
    caller: Principal = request.state.principal
    works: Verifications = state.services.verifications
    instance = problems.template(request)
    marks = await marks_of(request, caller, instance)
    if marks is None:
        return RedisSlot(works, state.vault, None, instance)
    names, fingerprint = marks
    # Under the lowest key id: processes one step of a rotation apart must find the same record.
    _, name = min(names)
    idem = Idem(
        key=f"{{otp}}:i:{_text(name)}",
        fingerprint=_text(fingerprint),
        holder=_text(secrets.token_bytes(16)),
        life=works.answers_live,
    )
    return RedisSlot(works, state.vault, idem, instance)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
