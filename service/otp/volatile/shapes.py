"""What goes into the scripts of codes and what comes out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from service.kit.canon import Part
from service.limits.model import TAG, Charge, Verdict
from service.limits.volatile import wire
from service.otp.model import Channel, To

LEASE = timedelta(seconds=60)
"""How long a request with an Idempotency-Key may take before its key is free again."""

ONE_US = timedelta(microseconds=1)


class Hashes(Protocol):
    """The part of the vault that is used here."""

    def volatile(self, purpose: str, *parts: Part) -> bytes: ...

    def volatile_all(self, purpose: str, *parts: Part) -> tuple[tuple[int, bytes], ...]: ...


@dataclass(frozen=True, slots=True)
class Idem:
    """An ``Idempotency-Key`` as Redis knows it: ``key`` of the record, ``fingerprint`` of the body, ``holder`` of this
    request; ``life`` is never longer than the challenge's."""

    key: str
    fingerprint: str
    holder: str
    life: timedelta

    @property
    def wire(self) -> tuple[str, str, str, str]:
        return self.fingerprint, self.holder, str(LEASE // ONE_US), str(self.life // ONE_US // 1000)


class Kept(Exception):
    """The answer of an earlier request with this Idempotency-Key: ``status`` and the sealed body."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__("kept")
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class NewChallenge:
    """What is issued. ``dims``: the keyed hashes that checks will need, by dimension. ``sealed``: the number, for a
    resend; ``dealer`` restricts who sees it; ``until``: the end of a subject that records right answers elsewhere."""

    operator: UUID
    subject: UUID
    id: UUID
    to: To
    purpose: str
    channel: Channel
    ttl: timedelta
    attempts: int
    tombstone: timedelta
    until: datetime | None
    dims: Mapping[str, str] = field(default_factory=dict)
    sealed: bytes = b""
    dealer: UUID | None = None
    bound: str = ""

    @property
    def meant(self) -> str:
        """What the digest binds the code to beside its target."""
        return meant(self.purpose, self.bound)


def meant(purpose: str, bound: str) -> str:
    """One word of both for the digest; no purpose has a stroke in it."""
    return f"{purpose}/{bound}" if bound else purpose


@dataclass(frozen=True, slots=True)
class Issued:
    """``verdict`` is ALLOWED or SUPPRESSED. ``is_replay``: an earlier request with this key did it, for ``subject``."""

    verdict: Verdict
    expires_at: datetime
    attempts_left: int
    subject: UUID
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """A bucket of a check and when it is charged: ``always``, ``wrong``, ``first`` (the first wrong answer to a
    challenge); ``right`` is told of success and never judged."""

    charge: Charge
    when: str


class Tariff:
    """The budgets of a check, spelt for Lua once."""

    __slots__ = ("budgets", "names", "tags", "wire")

    def __init__(self, budgets: Sequence[Budget]) -> None:
        self.budgets = tuple(budgets)
        self.wire = wire([each.charge for each in budgets])
        self.names = json.dumps([[each.charge.key, each.when] for each in budgets])
        self.tags = json.dumps([TAG[each.charge.limit] for each in budgets])
