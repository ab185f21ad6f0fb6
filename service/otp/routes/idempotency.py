"""``Idempotency-Key`` for verifications: kept in Redis, by the script that does the work (``security.md`` 5)."""

import base64
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from service.infra.crypto import Vault
from service.kit.errors import JsonObject
from service.otp.volatile import Idem, Kept
from service.otp.workflow.verifications import Verifications
from service.web import problems
from service.web.auth import Principal
from service.web.idempotency import Keeps, marks_of

_TABLE = "otp_answer"


@dataclass(frozen=True, slots=True)
class RedisSlot:
    """The place of one request's answer. Without a key it does nothing."""

    works: Verifications
    vault: Vault
    idem: Idem | None

    async def run(self, status: int, work: Callable[[], Awaitable[tuple[JsonObject, bool]]]) -> Response:
        """Answer with what ``work`` gives: the body, and whether an earlier request was answered so."""
        try:
            body, is_replay = await work()
        except Kept as kept:
            return self._kept(kept)
        headers = {"Idempotent-Replayed": "true"} if is_replay else {}
        return Response(problems.dump(body), status, headers, "application/json")

    async def refused(self, answer: Response) -> Response:
        """Keep a refusal that came before any script; what a script found is kept by the script."""
        if self.idem is None:
            return answer
        sealed = self.vault.seal_secret(_TABLE, _row(self.idem), bytes(answer.body))
        try:
            await self.works.keep_refusal(self.idem, answer.status_code, sealed)
        except Kept as kept:
            return self._kept(kept)
        return answer

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


async def _slot(request: Request, caller: Principal) -> RedisSlot:
    state = request.app.state
    works: Verifications = state.services.verifications
    marks = await marks_of(request, caller)
    if marks is None:
        return RedisSlot(works, state.vault, None)
    names, fingerprint = marks
    # Under the lowest key id: processes one step of a rotation apart must find the same record.
    _, name = min(names)
    idem = Idem(
        key=f"{{otp}}:i:{_text(name)}",
        fingerprint=_text(fingerprint),
        holder=_text(secrets.token_bytes(16)),
        life=works.answers_live,
    )
    return RedisSlot(works, state.vault, idem)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


redis_slot = Keeps(_slot)
