"""Velocity: how much came from where within the last day. It may be lost, and is then unknown until it was counted
again from PostgreSQL; it is never taken for nothing.

Keys are ``{risk}:velocity:<hash>``: one set for each place, its members the registrations by a keyed hash, scored by
the instant at which they were opened. So telling the same twice, in any order, changes nothing, and a rebuild over
a living counter is harmless. ``{risk}:whole:<hash>`` says that an operator's counters hold all of the last day.
The tag keeps them on one shard, because one script reads them all.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from service.infra.redis import Redis, Script
from service.kit.canon import Part
from service.kit.clock import micros
from service.risk.model import Value

NOTE = Script.load("service.risk", "lua/velocity_note.lua")
COUNT = Script.load("service.risk", "lua/velocity_count.lua")

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOST = 5_000
"""Members of a set, the newest: a network of a mobile operator is behind one address."""
_LIFE_MS = 26 * 3_600_000


class Names(Protocol):
    """The part of the vault that names things in Redis (``security.md`` 1.6)."""

    def volatile(self, purpose: str, *parts: Part) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Places:
    """Where a registration came from: its network (/24 or /48), and the blind index of the applicant's device. A
    shop's own device and address are neither."""

    network: str | None = None
    device: bytes | None = None


class Velocity:
    """Redis gone or slow: :class:`service.kit.errors.Unavailable`, for the caller to take as unknown."""

    def __init__(self, redis: Redis, names: Names) -> None:
        self._redis = redis
        self._names = names
        self.missed: set[UUID] = set()
        """Operators of whom something could not be counted: theirs are counted again once Redis is back."""

    def _key(self, operator: UUID, what: str, *value: Part) -> str:
        digest = self._names.volatile("velocity/v1", operator, what, *value)
        return f"{{risk}}:velocity:{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"

    def _whole(self, operator: UUID) -> str:
        return f"{{risk}}:whole:{self._names.volatile('velocity-whole/v1', operator).hex()}"

    def _sets(self, operator: UUID, places: Places, *, is_line: bool) -> dict[str, str]:
        """The sets by name: ``network``, ``device``, and of an approved line ``network_lines``."""
        found = {}
        if places.network is not None:
            found["network"] = self._key(operator, "network", places.network)
            if is_line:
                found["network_lines"] = self._key(operator, "network-lines", places.network)
        if places.device is not None:
            found["device"] = self._key(operator, "device", places.device)
        return found

    def _name(self, registration_id: UUID) -> bytes:
        return self._names.volatile("velocity-registration/v1", registration_id)

    async def note(
        self, operator: UUID, registration_id: UUID, places: Places, at: datetime, *, is_line: bool
    ) -> None:
        """Count a registration, opened at ``at``; ``is_line`` once it was approved."""
        sets = self._sets(operator, places, is_line=is_line)
        if sets:
            args: list[str | bytes | int] = [
                micros(at),
                self._name(registration_id),
                DAY // timedelta(microseconds=1),
                MOST,
                _LIFE_MS,
            ]
            await self._redis.run(NOTE, list(sets.values()), args)

    async def count(
        self, operator: UUID, registration_id: UUID, places: Places
    ) -> Mapping[str, Value | None]:
        """The signals: of other registrations than this one. Of a place that is not named nothing came."""
        sets = self._sets(operator, places, is_line=True)
        spans: Sequence[int] = [span // timedelta(microseconds=1) for span in (HOUR, DAY)]
        told = await self._redis.run(
            COUNT,
            [self._whole(operator), *sets.values()],
            [self._redis.now_us, self._name(registration_id), *spans],
        )
        if not told:
            return {"velocity_known": False}
        pairs = dict(zip(sets, zip(told[1::2], told[2::2], strict=True), strict=True))
        none = (0, 0)
        network, device = pairs.get("network", none), pairs.get("device", none)
        return {
            "velocity_known": True,
            "network_tries_1h": network[0],
            "network_tries_1d": network[1],
            "network_lines_1d": pairs.get("network_lines", none)[1],
            "device_tries_1h": device[0],
            "device_tries_1d": device[1],
        }

    async def is_whole(self, operator: UUID) -> bool:
        return bool(await self._redis.guard(self._redis.client.exists(self._whole(operator))))

    async def now_whole(self, operator: UUID) -> None:
        """Everything of the last day is counted."""
        await self._redis.guard(self._redis.client.set(self._whole(operator), "1"))
