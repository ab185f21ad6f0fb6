"""What a replay tells: counts, and the ids of a few decisions. Nothing personal."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from service.kit.clock import rfc3339
from service.kit.errors import JsonObject, JsonValue
from service.kit.ids import wire
from service.otp.model import CodeEvent

MOST = 20
"""Decisions that are shown one by one."""

SENT = "sent"


@dataclass(frozen=True, slots=True)
class Told:
    """One world's decision: a word of the history, the limit that decided, and limits of other stages without room."""

    outcome: str
    limit: str | None
    shadows: tuple[str, ...]
    pressures: tuple[str, ...]

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """``(limit, stage, outcome)`` of every limit that had no room; each once."""
        decided = [(self.limit, "enforced", self.outcome)] if self.limit is not None else []
        return decided + [
            (limit, stage, "full")
            for stage, found in (("shadow", self.shadows), ("pressure", self.pressures))
            for limit in dict.fromkeys(found)
        ]


@dataclass(slots=True)
class Changed:
    """A decision that the next policy turns. ``is_verified``: its code came back right, as it was then."""

    challenge: UUID
    at: datetime
    in_force: Told
    following: Told
    is_verified: bool = False

    @property
    def is_stopped(self) -> bool:
        return self.in_force.outcome == SENT and self.following.outcome != SENT


@dataclass(slots=True)
class Report:
    """``pairs`` count ``[under the policy in force, under the next]``."""

    in_force: str
    following: str
    decisions: int = 0
    compared: int = 0
    differing: int = 0
    turned: int = 0
    stopped: int = 0
    stopped_verified: int = 0
    let_through: int = 0
    differs: list[UUID] = field(default_factory=list)
    examples: list[Changed] = field(default_factory=list)
    recorded: Counter[str] = field(default_factory=Counter)
    limits: dict[tuple[str, str, str], list[int]] = field(default_factory=dict)
    countries: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    outcomes: dict[str, list[int]] = field(default_factory=dict)

    def count(self, event: CodeEvent, in_force: Told, following: Told) -> None:
        self.decisions += 1
        self.recorded[event.outcome] += 1
        for place, told in enumerate((in_force, following)):
            self.outcomes.setdefault(told.outcome, [0, 0])[place] += 1
            self.countries.setdefault((event.country or "none", told.outcome), [0, 0])[place] += 1
            for row in told.rows:
                self.limits.setdefault(row, [0, 0])[place] += 1
        if event.policy == self.in_force:
            self._compare(event, in_force)

    def _compare(self, event: CodeEvent, told: Told) -> None:
        """The policy in force decided this one: the replay must come to the same."""
        self.compared += 1
        facts = event.facts
        was = Told(
            event.outcome, event.limit, tuple(facts.get("shadows", ())), tuple(facts.get("pressures", ()))
        )
        if was != told:
            self.differing += 1
            if len(self.differs) < MOST and event.challenge is not None:
                self.differs.append(event.challenge)

    def changed(self, challenge: UUID, at: datetime, in_force: Told, following: Told) -> Changed:
        found = Changed(challenge, at, in_force, following)
        self.turned += 1
        self.stopped += found.is_stopped
        self.let_through += in_force.outcome != SENT and following.outcome == SENT
        if len(self.examples) < MOST:
            self.examples.append(found)
        return found

    def verified(self, changed: Changed) -> None:
        """The code of a decision that is turned came back right: to stop it would have been a mistake."""
        changed.is_verified = True
        self.stopped_verified += changed.is_stopped

    @property
    def json(self) -> JsonObject:
        """For machines; the table says the same."""
        outcomes = sorted(set(self.outcomes) | set(self.recorded))
        return {
            "policy": {"in_force": self.in_force, "next": self.following},
            "decisions": self.decisions,
            "outcomes": [
                {"outcome": outcome, "recorded": self.recorded[outcome], **_pair(self.outcomes.get(outcome))}
                for outcome in outcomes
            ],
            "limits": [
                {"limit": limit, "stage": stage, "outcome": outcome, **_pair(pair)}
                for (limit, stage, outcome), pair in sorted(self.limits.items())
            ],
            "countries": [
                {"country": country, "outcome": outcome, **_pair(pair)}
                for (country, outcome), pair in sorted(self.countries.items())
            ],
            "changed": {
                "count": self.turned,
                "let_through": self.let_through,
                "stopped": self.stopped,
                "stopped_but_verified": self.stopped_verified,
                "examples": [_shown(each) for each in self.examples],
            },
            "replay": {
                "compared": self.compared,
                "differing": self.differing,
                "of_other_versions": self.decisions - self.compared,
                "examples": [wire("otp", each) for each in self.differs],
            },
        }


def _pair(pair: list[int] | None) -> JsonObject:
    in_force, following = pair or (0, 0)
    return {"in_force": in_force, "next": following}


def _shown(changed: Changed) -> JsonValue:
    return {
        "challenge": wire("otp", changed.challenge),
        "at": rfc3339(changed.at),
        "in_force": changed.in_force.outcome,
        "in_force_limit": changed.in_force.limit,
        "next": changed.following.outcome,
        "next_limit": changed.following.limit,
        "verified": changed.is_verified,
    }
