"""Changes to the rules before they are in force, and what their publication refuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

from service.kit.errors import Kind, Refusal

RawRule: TypeAlias = Mapping[str, Any]
"""A rule as its author writes it: the keys of a ``[[rule]]`` of ``risk.toml``."""


class DraftState(StrEnum):
    OPEN = "open"
    PROPOSED = "proposed"
    PUBLISHED = "published"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Draft:
    """A set of changed rules over the policy ``base_version``. An operator has at most one that is not finished.

    ``digest`` is of base and changes as they were proposed; ``authors`` are all who changed a rule in it.
    """

    id: UUID
    version: int
    state: DraftState
    base_version: str
    rules: Mapping[str, RawRule]
    authors: tuple[UUID, ...]
    made_at: datetime
    changed_at: datetime
    digest: str | None = None
    reason: str | None = None
    proposed_by: UUID | None = None
    proposed_at: datetime | None = None
    approved_by: UUID | None = None
    published_version: str | None = None

    @property
    def is_finished(self) -> bool:
        return self.state in (DraftState.PUBLISHED, DraftState.DROPPED)


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """What a rule did within some days: how often it fired (``hits``) and could not be asked (``doubts``), and of
    the cases that came to a person or to a confirmed scam (``judged``) how many bore it out."""

    hits: int = 0
    doubts: int = 0
    last: datetime | None = None
    judged: int = 0
    borne_out: int = 0


class RuleUnfit(Refusal):
    """The rule, or the policy with it, is not accepted; ``errors`` names the field and says why."""

    code = "rule-unfit"
    kind = Kind.INVALID
    title = "The rule is not accepted"

    def __init__(self, field: str, why: str) -> None:
        super().__init__(None, errors=[{"pointer": f"/{field}", "code": "unfit", "detail": why}])
        self.field = field
        self.why = why


class RulesMoved(Refusal):
    """Another version came into force since the draft was begun."""

    code = "rules-moved"
    kind = Kind.CONFLICT
    title = "Other rules came into force meanwhile"


class SecondPersonNeeded(Refusal):
    """Nobody publishes what they wrote or proposed."""

    code = "second-person-needed"
    kind = Kind.FORBIDDEN
    title = "Somebody else has to approve this"


class RulesElsewhere(Refusal):
    """The installation's rules are another operator's to change (``SIMWARD_RULES_OPERATOR``)."""

    code = "rules-elsewhere"
    kind = Kind.FORBIDDEN
    title = "The rules of this installation are changed elsewhere"
