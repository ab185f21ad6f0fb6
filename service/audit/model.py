"""Nouns of the audit: actor, entry, seal, head, and what a verification finds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

Fact = str | int | bool | None

INSTALLATION = UUID(int=0)
"""The operator id of the installation's own chain: what concerns every operator, or none."""


class ActorKind(StrEnum):
    CLIENT = "client"
    STAFF = "staff"
    SYSTEM = "system"
    CLI = "cli"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. ``id`` is an id or a code of ours, never a name or an address of a person."""

    kind: ActorKind
    id: str

    @classmethod
    def client(cls, client_id: UUID) -> "Actor":
        return cls(ActorKind.CLIENT, client_id.hex)

    @classmethod
    def staff(cls, staff_id: UUID) -> "Actor":
        return cls(ActorKind.STAFF, staff_id.hex)

    @classmethod
    def system(cls, part: str = "worker") -> "Actor":
        """``part`` is the job or component that acted of itself: ``retention``, ``sealer``."""
        return cls(ActorKind.SYSTEM, part)

    @classmethod
    def cli(cls) -> "Actor":
        return cls(ActorKind.CLI, "cli")


@dataclass(frozen=True, slots=True)
class Entry:
    """One act. ``body`` is the RFC 8785 text that is hashed; the other fields are read from it."""

    id: UUID
    operator: UUID
    at: datetime
    actor: Actor
    action: str
    object: str
    reason: str | None
    facts: Mapping[str, Fact]
    note_commit: str | None
    trace: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Seal:
    """Entry number ``n`` of its operator's chain, counted from 1. ``link`` is 32 bytes."""

    n: int
    entry_id: UUID
    entry_at: datetime
    link: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """A chain's head at ``n``, signed. Tink's signature names its key in its first five bytes."""

    installation: UUID
    operator: UUID
    n: int
    link: bytes
    at: datetime
    signature: bytes


class FaultKind(StrEnum):
    """What a verification can find wrong. The texts are in ``docs/keys-and-audit.md``."""

    INSTALLATION_MISSING = "installation-missing"
    NUMBER = "number"
    ENTRY_MISSING = "entry-missing"
    BODY = "body"
    COLUMN = "column"
    LINK = "link"
    SIGNATURE = "signature"
    HEAD = "head"
    TAIL = "tail"
    UNSEALED = "unsealed"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first bad place of a chain. ``n`` and ``entry_id`` are None where the place has none."""

    kind: FaultKind
    n: int | None
    entry_id: UUID | None
    detail: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What is known of one chain.

    ``sealed``, ``signed``, ``anchored``: the highest number that is sealed, covered by a valid signature in
    the database, and covered by a head that was held outside. ``waiting``: entries not sealed yet.
    """

    operator: UUID
    sealed: int
    signed: int
    anchored: int
    waiting: int
    faults: tuple[Fault, ...]

    @property
    def is_whole(self) -> bool:
        return not self.faults


@dataclass(frozen=True, slots=True)
class Verification:
    chains: tuple[ChainReport, ...]

    @property
    def is_whole(self) -> bool:
        return all(chain.is_whole for chain in self.chains)
