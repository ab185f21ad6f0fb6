"""Nouns of the entity graph: lines hang on documents, persons, devices, addresses, contacts, dealers, agents, payments
and number blocks. A line stands under the id of its registration, everything else under its blind index."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.risk.model.nouns import HoldingKind


@dataclass(frozen=True, slots=True)
class Held:
    """A line and what it hangs on. ``scam_at`` is None where the line was reinstated since."""

    registration_id: UUID
    line_id: UUID | None
    state: str
    opened_at: datetime
    scam_at: datetime | None
    struck_at: datetime | None
    keys: Mapping[HoldingKind, bytes]


@dataclass(frozen=True, slots=True)
class LinkedLine:
    """A line in a neighbourhood. ``hop`` 0 is the line asked about; ``strength`` (0 to 1,000) says how strongly it
    hangs on that one; ``via`` are the kinds of the links on the strongest way there."""

    registration_id: UUID
    line_id: UUID | None
    state: str
    opened_at: datetime
    hop: int
    strength: int
    via: tuple[HoldingKind, ...] = ()
    is_stopped: bool = False
    is_struck: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """What lines hang on. ``degree`` is how many lines do; ``weight`` (0 to 1,000) what the link is worth after rarity;
    ``is_common`` for what so many share (a shop's device, a hostel's address) that it links nobody."""

    kind: HoldingKind
    idx: bytes
    degree: int
    weight: int
    is_common: bool = False


MARKABLE = (HoldingKind.DEVICE, HoldingKind.ADDRESS, HoldingKind.CONTACT, HoldingKind.PAYMENT)
"""What a person may mark as shared by many. Papers are one person's; a shop has its own measure."""


@dataclass(frozen=True, slots=True)
class Common:
    """A thing that a person marked as shared by many: why (a code), when, and who (id of staff)."""

    kind: HoldingKind
    reason: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A line and a thing that it hangs on."""

    registration_id: UUID
    kind: HoldingKind
    idx: bytes


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What is within two hops of a line, at most 200 nodes; ``is_cut`` where there was more."""

    root: UUID
    lines: tuple[LinkedLine, ...]
    keys: tuple[Key, ...]
    edges: tuple[Edge, ...]
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Ring:
    """The lines that hang on a reported one closely enough to be proposed for action together, the strongest first.

    ``score`` (0 to 1,000) says how much the whole looks like one hand. ``digest`` is of the members: an approval that
    was given to another set of lines is worth nothing.
    """

    root: UUID
    members: tuple[LinkedLine, ...]
    score: int
    digest: str
