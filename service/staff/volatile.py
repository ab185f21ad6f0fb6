"""What may be lost: sessions, step-ups, wrong tries by address. Losing it signs everybody out, no more.

Keys are ``staff:session:<digest>``, ``staff:stepup:<digest>`` and ``staff:tries:<digest>``; the digests are keyed
(``security.md`` 1.6), so Redis holds no cookie that would work and no address. Times to live only clean up: what
is over is judged by ``rules`` on instants of the injected clock.
"""

import secrets
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from service.infra.crypto import Vault
from service.infra.redis import Redis
from service.kit.clock import micros
from service.staff import rules
from service.staff.model import ABSOLUTE, IDLE, STEP_UP_TTL, Session

_KEEP_TRIES_S = 3600


def _instant(value: str) -> datetime:
    return datetime.fromtimestamp(int(value) / 1_000_000, UTC)


class Sessions:
    """Opens, resumes and ends sessions. A session's id is 256 random bits, known to its cookie alone."""

    def __init__(self, redis: Redis, vault: Vault) -> None:
        self._redis = redis
        self._vault = vault

    def _name(self, sid: str) -> str:
        return f"staff:session:{self._vault.volatile('staff-session/v1', sid).hex()}"

    async def open(
        self, operator_id: UUID, operator: str, operator_name: str, staff_id: UUID, epoch: int, now: datetime
    ) -> Session:
        session = Session(
            sid=secrets.token_urlsafe(32),
            operator_id=operator_id,
            operator=operator,
            operator_name=operator_name,
            staff_id=staff_id,
            epoch=epoch,
            csrf=secrets.token_urlsafe(24),
            created_at=now,
            seen_at=now,
        )
        await self._write(session)
        return session

    async def _write(self, session: Session) -> None:
        fields = {
            "op": session.operator_id.hex,
            "slug": session.operator,
            "opname": session.operator_name,
            "staff": session.staff_id.hex,
            "epoch": str(session.epoch),
            "csrf": session.csrf,
            "created": str(micros(session.created_at)),
            "seen": str(micros(session.seen_at)),
        }
        name = self._name(session.sid)
        async with self._redis.client.pipeline(transaction=True) as pipe:
            pipe.hset(name, mapping=cast(Any, fields))
            pipe.expire(name, int(IDLE.total_seconds()))
            await self._redis.guard(pipe.execute())

    async def resume(self, sid: str, now: datetime) -> Session | None:
        """The session if it is not over, and it is now seen; what it flashes is given once."""
        if not 40 <= len(sid) <= 64:
            return None
        name = self._name(sid)
        raw = await self._redis.guard(cast(Awaitable[dict[bytes, bytes]], self._redis.client.hgetall(name)))
        held = {key.decode(): value.decode() for key, value in raw.items()}
        if "csrf" not in held or "op" not in held:
            return None
        session = Session(
            sid=sid,
            operator_id=UUID(hex=held["op"]),
            operator=held["slug"],
            operator_name=held["opname"],
            staff_id=UUID(hex=held["staff"]),
            epoch=int(held["epoch"]),
            csrf=held["csrf"],
            created_at=_instant(held["created"]),
            seen_at=_instant(held["seen"]),
            flash=held.get("flash"),
        )
        if rules.is_over(session.created_at, session.seen_at, now):
            await self.end(sid)
            return None
        left = min(IDLE, session.created_at + ABSOLUTE - now)
        async with self._redis.client.pipeline(transaction=True) as pipe:
            pipe.hset(name, "seen", str(micros(now)))
            pipe.expire(name, max(1, int(left.total_seconds())))
            await self._redis.guard(pipe.execute())
        return replace(session, seen_at=now)

    async def end(self, sid: str) -> None:
        await self._redis.guard(self._redis.client.delete(self._name(sid)))

    async def renew(self, session: Session) -> Session:
        """The same session under a new id and a new token; the old id stops working. Its age is kept."""
        fresh = replace(session, sid=secrets.token_urlsafe(32), csrf=secrets.token_urlsafe(24), flash=None)
        await self._write(fresh)
        await self.end(session.sid)
        return fresh

    async def flash(self, sid: str, text: str) -> None:
        """Say ``text`` on the next page; a code and ids, put into words by the page."""
        name = self._name(sid)
        async with self._redis.client.pipeline(transaction=True) as pipe:
            pipe.hset(name, "flash", text)
            pipe.expire(name, int(IDLE.total_seconds()))  # also where the session ended meanwhile
            await self._redis.guard(pipe.execute())

    async def flashed(self, sid: str) -> None:
        await self._redis.guard(self._redis.client.hdel(self._name(sid), "flash"))

    # Step-up: bound to session, person, action and object; once, for five minutes

    def _step_up(self, session: Session, action: str, obj: str) -> str:
        digest = self._vault.volatile("staff-stepup/v1", session.sid, session.staff_id, action, obj)
        return f"staff:stepup:{digest.hex()}"

    async def allow(self, session: Session, action: str, obj: str, now: datetime) -> None:
        ends = str(micros(now + STEP_UP_TTL))
        name = self._step_up(session, action, obj)
        await self._redis.guard(self._redis.client.set(name, ends, ex=int(STEP_UP_TTL.total_seconds())))

    async def spend(self, session: Session, action: str, obj: str, now: datetime) -> bool:
        """Take the step-up; False if there is none, or its time is over."""
        name = self._step_up(session, action, obj)
        ends = await self._redis.guard(self._redis.client.getdel(name))
        return ends is not None and int(ends) > micros(now)

    # Wrong tries by address

    def _tries(self, address: str) -> str:
        return f"staff:tries:{self._vault.volatile('staff-tries/v1', address).hex()}"

    async def wait_for(self, address: str, now: datetime) -> timedelta:
        name = self._tries(address)
        raw = await self._redis.guard(
            cast(Awaitable[list[bytes | None]], self._redis.client.hmget(name, ["n", "at"]))
        )
        if raw[0] is None or raw[1] is None:
            return timedelta(0)
        return rules.wait(int(raw[0]), _instant(raw[1].decode()), now, rules.ADDRESS_WAIT_MAX)

    async def note_failure(self, address: str, now: datetime) -> None:
        name = self._tries(address)
        async with self._redis.client.pipeline(transaction=True) as pipe:
            pipe.hincrby(name, "n", 1)
            pipe.hset(name, "at", str(micros(now)))
            pipe.expire(name, _KEEP_TRIES_S)
            await self._redis.guard(pipe.execute())

    async def forget_failures(self, address: str) -> None:
        await self._redis.guard(self._redis.client.delete(self._tries(address)))
