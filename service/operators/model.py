"""Operators, their clients, and what is refused about keys."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.kit.errors import Kind, Refusal


@dataclass(frozen=True, slots=True)
class Operator:
    id: UUID
    slug: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Client:
    id: UUID
    name: str
    dealer_id: UUID | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """Shown once. ``text`` is ``sk_<id>_<secret>``."""

    text: str
    client: str


class TooManyKeys(Refusal):
    code = "too-many-keys"
    kind = Kind.CONFLICT
    title = "A client has at most two live keys; revoke one first"


class ScopeNotForDealers(Refusal):
    code = "scope-not-for-dealers"
    kind = Kind.INVALID
    title = "A key bound to a dealer cannot carry lines:act or evidence"
