"""A journal that can be read."""

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True)
class Noted:
    what: str
    operator: UUID | None
    challenge: UUID
    facts: dict[str, str | int]


@dataclass
class Notes:
    """Keeps what it is told."""

    entries: list[Noted] = field(default_factory=list)

    def note(self, what: str, *, operator: UUID | None, challenge: UUID, **facts: str | int) -> None:
        self.entries.append(Noted(what, operator, challenge, facts))

    @property
    def outcomes(self) -> list[str | int]:
        return [each.facts["outcome"] for each in self.entries]
