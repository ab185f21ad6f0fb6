"""``Idempotency-Key`` on POST (``api.md``, Keys; ``security.md`` 5).

The key is reserved under a lease, and the answer is written **in the business transaction**: either both are
kept or neither. A second request with the key gets the kept answer, or 409 while the first still runs.
What is refused before there is any work, above all a body of the wrong form, is kept by :func:`kept_refusal`.
"""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, Protocol, TypeVar
from uuid import UUID

import sqlalchemy as sa
from fastapi import Request
from fastapi.routing import APIRoute
from sqlalchemy.dialects.postgresql import insert
from starlette.responses import Response

from service.infra.postgres import Database, Tx
from service.kit.errors import InvalidRequest, JsonValue, Kind, Refusal
from service.web import problems
from service.web.auth import Principal, caller_of
from service.web.tables import KeptAnswerRow

LEASE = timedelta(seconds=60)
KEEP = timedelta(hours=24)
_KEPT = (403, 404, 410, 415, 422)
_FORM = re.compile(r"[\x21-\x7e]{1,255}")
_T = TypeVar("_T")
_P = TypeVar("_P", bound="Place")
Keep = Callable[[Tx, _T], Awaitable[None]]
"""Called by a workflow at the end of its transaction with what it is about to answer."""


class KeyReused(Refusal):
    code = "idempotency-key-reused"
    kind = Kind.INVALID
    title = "This Idempotency-Key was used with another body"


class InProgress(Refusal):
    code = "idempotency-in-progress"
    kind = Kind.CONFLICT
    title = "The first request with this Idempotency-Key still runs"


class Sealing(Protocol):
    """What of the vault is needed here."""

    def volatile(self, purpose: str, *parts: bytes | str) -> bytes: ...
    def volatile_all(self, purpose: str, *parts: bytes | str) -> tuple[tuple[int, bytes], ...]: ...
    def seal_secret(self, table: str, row: UUID, data: bytes) -> bytes: ...
    def open_secret(self, table: str, row: UUID, blob: bytes) -> bytes: ...


async def keep_nothing(_: Tx, __: object) -> None:
    """For callers that are not a request: the seed, the command line, jobs."""


@dataclass(slots=True)
class Slot:
    """The place of one request's answer. Without a key it does nothing."""

    db: Database
    vault: Sealing
    caller: Principal
    keys: tuple[bytes, ...]
    fingerprint: bytes
    holder: bytes
    instance: str
    has_begun: bool = field(default=False, init=False)
    """Whether the key is in the hands of :meth:`run`, which keeps what becomes of it."""

    async def run(
        self,
        status: int,
        work: Callable[[Keep[_T]], Awaitable[_T]],
        render: Callable[[_T], Mapping[str, JsonValue]],
    ) -> Response:
        """Do ``work`` once for this key and answer with ``render`` of its result, or replay the kept answer."""
        body: bytes | None = None
        self.has_begun = True
        if self.keys:
            replay = await self._reserve()
            if replay is not None:
                return replay

        async def keep(tx: Tx, result: _T) -> None:
            nonlocal body
            body = problems.dump(render(result))
            self._stage(tx, status, body)

        try:
            result = await work(keep)
        except Refusal as refusal:
            if self.keys:
                await asyncio.shield(self._keep_refusal(refusal))
            raise
        except BaseException:
            if self.keys:
                await asyncio.shield(self._release())
            raise
        if body is None:
            body = problems.dump(render(result))
            if self.keys:
                async with self.db.write(self.caller.operator_id) as tx:
                    self._stage(tx, status, body)
        return Response(body, status_code=status, media_type="application/json")

    async def refused(self, answer: Response) -> Response:
        """Keep a refusal that came before any work, or replay what is kept; raises as :meth:`run` does."""
        if self.has_begun or not self.keys:
            return answer
        replay = await self._reserve()
        if replay is not None:
            return replay
        async with self.db.write(self.caller.operator_id) as tx:
            self._stage(tx, answer.status_code, bytes(answer.body))
        return answer

    async def _reserve(self) -> Response | None:
        """Take the key, or answer for the request that has it."""
        table = KeptAnswerRow
        async with self.db.write(self.caller.operator_id) as tx:
            taken = await tx.scalar(
                insert(table)
                .values(
                    operator_id=tx.tenant,
                    key=self.keys[0],
                    fingerprint=self.fingerprint,
                    holder=self.holder,
                    lease_until=tx.now + LEASE,
                    created_at=tx.now,
                )
                .on_conflict_do_nothing()
                .returning(table.holder)
            )
            if taken is not None and len(self.keys) == 1:
                return None
            mine = (table.operator_id == tx.tenant) & table.key.in_(self.keys)
            row = await tx.one(
                sa.select(table.__table__)
                .where(mine, table.holder != self.holder)
                .order_by(table.created_at)
                .limit(1)
            )
            if row is None:
                return None
            if row.created_at + KEEP > tx.now and row.fingerprint != self.fingerprint:
                raise KeyReused()
            if row.status is not None and row.created_at + KEEP > tx.now:
                return self._replay(row)
            if row.status is None and row.lease_until > tx.now:
                raise InProgress(retry_after_s=2)
            # Expired, or its holder died: the row changes hands, if nobody else was faster.
            won = await tx.run(
                sa.update(table)
                .where(
                    mine,
                    table.key == row.key,
                    table.holder == row.holder,
                    table.lease_until == row.lease_until,
                )
                .values(
                    holder=self.holder,
                    fingerprint=self.fingerprint,
                    lease_until=tx.now + LEASE,
                    created_at=tx.now,
                    status=None,
                    answer=None,
                )
            )
            if not won:
                raise InProgress(retry_after_s=2)
            return None

    def _replay(self, row: "sa.Row[tuple[object, ...]]") -> Response:
        body = self.vault.open_secret("kept_answer", UUID(bytes=row.key), row.answer)
        media = "application/json" if row.status < 400 else "application/problem+json"
        return Response(
            body, status_code=row.status, media_type=media, headers={"Idempotent-Replayed": "true"}
        )

    def _stage(self, tx: Tx, status: int, body: bytes) -> None:
        if not self.keys:
            return
        table = KeptAnswerRow
        sealed = self.vault.seal_secret("kept_answer", UUID(bytes=self.keys[0]), body)
        tx.stage(
            sa.update(table)
            .where(table.operator_id == tx.tenant, table.key.in_(self.keys), table.holder == self.holder)
            .values(status=status, answer=sealed, key=self.keys[0])
        )

    async def _keep_refusal(self, refusal: Refusal) -> None:
        if refusal.kind in (Kind.UNAUTHENTICATED, Kind.CONFLICT, Kind.LIMITED, Kind.UNAVAILABLE):
            await self._release()
            return
        body = problems.body_of(refusal, self.instance)
        async with self.db.write(self.caller.operator_id) as tx:
            self._stage(tx, problems.status_of(refusal), problems.dump(body))

    async def _release(self) -> None:
        table = KeptAnswerRow
        async with self.db.write(self.caller.operator_id) as tx:
            await tx.run(
                sa.delete(table).where(
                    table.operator_id == tx.tenant, table.key.in_(self.keys), table.holder == self.holder
                )
            )


class Place(Protocol):
    """Where one request's answer is kept."""

    async def refused(self, answer: Response) -> Response:
        """Keep a refusal that came before any work, or replay what is kept; may raise what is to be answered."""
        ...


class Keeps(Generic[_P]):
    """A dependency that gives the place of a request's answer; put it after ``require(…)``, which says who asks."""

    def __init__(self, make: Callable[[Request, Principal], Awaitable[_P]]) -> None:
        self.make = make

    async def __call__(self, request: Request) -> _P:
        place = await self.make(request, request.state.principal)
        request.state.place = place
        return place


async def kept_refusal(request: Request, answer: Response) -> Response:
    """Keep a refusal of a route that keeps answers, as ``api.md`` wants of every 4xx but a few; raises what is
    to be answered instead. A body that is too large was not read, and so has no fingerprint.

    Nothing is kept for, or replayed to, a caller without the route's scope.
    """
    if request.headers.get("idempotency-key") is None or answer.status_code not in _KEPT:
        return answer
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return answer
    keeps = next((each.call for each in route.dependant.dependencies if isinstance(each.call, Keeps)), None)
    if keeps is None:
        return answer
    caller = await caller_of(request)
    if caller is None or _FORM.fullmatch(request.headers["idempotency-key"]) is None:
        return answer
    place: Place | None = getattr(request.state, "place", None)
    return await (place or await keeps.make(request, caller)).refused(answer)


Marks = tuple[tuple[tuple[int, bytes], ...], bytes]


async def marks_of(request: Request, caller: Principal) -> Marks | None:
    """The request's ``Idempotency-Key`` as keyed hashes, ``(key id, hash)`` under every enabled key and the primary
    first, and the fingerprint of its body; None where it has no key."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    if not _FORM.fullmatch(given):
        raise InvalidRequest(
            "/idempotency-key", "idempotency-key", "must be 1 to 255 visible ASCII characters"
        )
    where = (
        caller.operator_id.bytes,
        caller.client_id.bytes,
        request.method,
        problems.template(request),
        "/".join(str(value) for value in request.path_params.values()),
        given,
    )
    vault: Sealing = request.app.state.vault
    return vault.volatile_all("idem/v1", *where), vault.volatile("idem-body/v1", await request.body())


async def _slot(request: Request, caller: Principal) -> Slot:
    state, instance = request.app.state, problems.template(request)
    marks = await marks_of(request, caller)
    if marks is None:
        return Slot(state.db, state.vault, caller, (), b"", b"", instance)
    names, print_ = marks
    keys = tuple(name for _, name in names)
    return Slot(state.db, state.vault, caller, keys, print_, secrets.token_bytes(16), instance)


slot_of = Keeps(_slot)


async def purge(tx: Tx) -> int:
    """Delete the operator's kept answers whose day is over; how many."""
    table = KeptAnswerRow
    return await tx.run(
        sa.delete(table).where(table.operator_id == tx.tenant, table.created_at < tx.now - KEEP - LEASE)
    )
