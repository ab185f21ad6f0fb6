"""Judging again what was decided: that it comes out the same, and what another policy would have made of it.

Pure: the decisions, what became of them and the policies are handed in. A backtest sees the signals as they were at the
time of the decision, never today's; one that the decision did not record is unknown to the next policy too.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from service.kit.shares import Share
from service.risk.model import Decider, Decision, Judgement, Verdict
from service.risk.rules.decide import by_person, decide
from service.risk.rules.policy import RiskPolicy

CHANGED_KEPT = 200
"""Changed verdicts that a report names; the rest is counted."""


def judged_again(decision: Decision, before: Decision | None, policy: RiskPolicy) -> Judgement:
    """What ``policy`` makes of the signals of ``decision``. A person's word is kept: it is no rule's."""
    if decision.by is Decider.PERSON:
        ground = before.judgement if before else decision.judgement
        return by_person(ground, decision.signals, decision.verdict, policy, decision.at)
    return decide(decision.signals, policy, decision.at)


def agrees(was: Judgement, now: Judgement) -> bool:
    """Whether two judgements are one. What was usual at the time (``Fact.baseline``) is no part of the judgement."""
    return _bare(was) == _bare(now)


def _bare(judgement: Judgement) -> Judgement:
    return replace(
        judgement,
        reasons=tuple(
            replace(reason, facts=tuple(replace(fact, baseline=None) for fact in reason.facts))
            for reason in judgement.reasons
        ),
    )


class Truth(StrEnum):
    """What became of a registration, as far as it is known."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``analyst``: what a person made of it (approved: good, denied: bad). ``reports``: bad where a report about its
    line was confirmed, good where the line is old enough and none was."""

    analyst: Truth
    reports: Truth


@dataclass(frozen=True, slots=True)
class Case:
    """A decision by the rules, what became of it, and the segments that it belongs to by their kind."""

    decision: Decision
    outcome: Outcome
    segments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matrix:
    """How flags (review or denied) stood to the truth."""

    flagged_bad: int = 0
    flagged_good: int = 0
    passed_bad: int = 0
    passed_good: int = 0

    @property
    def precision(self) -> Share:
        """Of what was flagged and is known, what was bad."""
        return Share(self.flagged_bad, self.flagged_bad + self.flagged_good)

    @property
    def recall(self) -> Share:
        """Of what was bad, what was flagged."""
        return Share(self.flagged_bad, self.flagged_bad + self.passed_bad)

    @property
    def json(self) -> dict[str, object]:
        return {
            "flagged_bad": self.flagged_bad,
            "flagged_good": self.flagged_good,
            "passed_bad": self.passed_bad,
            "passed_good": self.passed_good,
            "precision": self.precision.json,
            "recall": self.recall.json,
        }


@dataclass(frozen=True, slots=True)
class Changed:
    """A decision that comes out otherwise; ``rules`` are those that lead the next verdict."""

    registration_id: UUID
    at: datetime
    was: Verdict
    now: Verdict
    rules: tuple[str, ...]
    outcome: Outcome


SIDES = ("recorded", "next")


class Backtest:
    """Takes cases one at a time, in any order, and says at the end what the next policy would have changed."""

    def __init__(self, policy: RiskPolicy) -> None:
        self._policy = policy
        self.cases = 0
        self.verdicts: dict[str, Counter[Verdict]] = {side: Counter() for side in SIDES}
        self.changes: Counter[tuple[Verdict, Verdict]] = Counter()
        self.changed: list[Changed] = []
        self.unrecorded: Counter[str] = Counter()
        self._truth: dict[tuple[str, str], Counter[tuple[bool, Truth]]] = {}
        self._days: dict[date, Counter[str]] = {}
        self._waiting: Counter[tuple[date, int]] = Counter()
        self._honest: dict[tuple[str, str], Counter[str]] = {}

    def add(self, case: Case) -> None:
        """Judge one case again and count it."""
        decision = case.decision
        after = decide(decision.signals, self._policy, decision.at)
        self.cases += 1
        sides = {"recorded": decision.verdict, "next": after.verdict}
        for side, verdict in sides.items():
            self.verdicts[side][verdict] += 1
            flagged = verdict is not Verdict.APPROVED
            for source in ("analyst", "reports"):
                truth = getattr(case.outcome, source)
                self._truth.setdefault((side, source), Counter())[flagged, truth] += 1
        self._queue(case, after)
        self._honesty(case, after)
        for reason in after.reasons:
            if reason.unknown is not None:
                self.unrecorded[reason.unknown] += 1
        if after.verdict is not decision.verdict:
            self._change(case, after)

    def _change(self, case: Case, after: Judgement) -> None:
        was = case.decision.verdict
        self.changes[was, after.verdict] += 1
        if len(self.changed) < CHANGED_KEPT:
            leading = tuple(r.rule for r in after.reasons if r.effect is after.verdict)
            rules = leading or tuple(r.rule for r in after.reasons if r.contribution)
            self.changed.append(
                Changed(
                    case.decision.registration_id, case.decision.at, was, after.verdict, rules, case.outcome
                )
            )

    def _queue(self, case: Case, after: Judgement) -> None:
        day = case.decision.at.date()
        counts = self._days.setdefault(day, Counter())
        counts["recorded"] += case.decision.verdict is Verdict.REVIEW
        counts["next"] += after.verdict is Verdict.REVIEW
        asked = any(reason.effect is Verdict.REVIEW for reason in after.reasons)
        if (after.verdict is Verdict.REVIEW and not asked) or (
            after.verdict is Verdict.APPROVED and after.score
        ):
            self._waiting[day, after.score] += 1
        if after.verdict is Verdict.REVIEW and asked:
            counts["asked"] += 1

    def _honesty(self, case: Case, after: Judgement) -> None:
        """What it costs those who did nothing: known good, or not known bad where nothing is known."""
        if Truth.BAD in (case.outcome.analyst, case.outcome.reports):
            return
        for kind, segment in (("all", "all"), *case.segments.items()):
            counts = self._honest.setdefault((kind, segment), Counter())
            counts["of"] += 1
            counts["recorded"] += case.decision.verdict is not Verdict.APPROVED
            counts["next"] += after.verdict is not Verdict.APPROVED

    def matrix(self, side: str, source: str) -> Matrix:
        counts = self._truth.get((side, source), Counter())
        return Matrix(
            counts[True, Truth.BAD],
            counts[True, Truth.GOOD],
            counts[False, Truth.BAD],
            counts[False, Truth.GOOD],
        )

    def days(self) -> Iterator[tuple[date, int, int]]:
        """(day, registrations that waited for a person, that would have)."""
        for day in sorted(self._days):
            yield day, self._days[day]["recorded"], self._days[day]["next"]

    def load(self, side: str) -> tuple[int, int]:
        """(mean, largest) number a day that waits for a person, in tenths and whole."""
        counts = [day[side] for day in self._days.values()]
        return (round(10 * sum(counts) / len(counts)), max(counts)) if counts else (0, 0)

    def score_for(self, largest: int) -> int | None:
        """The lowest ``review_score`` under which no day has more than ``largest`` waiting; None where the rules that
        ask for a person alone pass it. A higher score lets more through: that is for a person to weigh."""
        if any(day["asked"] > largest for day in self._days.values()):
            return None
        needed = 1
        for day, counts in self._days.items():
            room = largest - counts["asked"]
            scores = sorted(
                (score for (on, score), n in self._waiting.items() if on == day for _ in range(n)),
                reverse=True,
            )
            if len(scores) > room:
                needed = max(needed, scores[room] + 1)
        return needed

    def honest(self, side: str) -> Iterator[tuple[str, str, Share]]:
        """(kind of segment, segment, share of honest people who were held up), the whole first."""
        for (kind, segment), counts in sorted(
            self._honest.items(), key=lambda item: (item[0][0] != "all", item[0])
        ):
            yield kind, segment, Share(counts[side], counts["of"])

    def json(self, queue: int | None = None) -> dict[str, object]:
        """The report, for machines and for the pages that are made of it."""
        honest: dict[tuple[str, str], dict[str, object]] = {
            (kind, segment): {"kind": kind, "segment": segment, "of": share.of, "recorded": share.permille}
            for kind, segment, share in self.honest("recorded")
        }
        for kind, segment, share in self.honest("next"):
            honest[kind, segment] |= {"next": share.permille, "interval": share.interval}
        return {
            "decisions": self.cases,
            "verdicts": {
                side: {verdict.value: self.verdicts[side][verdict] for verdict in Verdict} for side in SIDES
            },
            "changed": {
                "count": self.changes.total(),
                "kinds": [
                    {"was": was.value, "now": now.value, "count": count}
                    for (was, now), count in self.changes.most_common()
                ],
                "examples": [
                    {
                        "registration": each.registration_id.hex,
                        "at": each.at.isoformat(),
                        "was": each.was.value,
                        "now": each.now.value,
                        "rules": list(each.rules),
                        "analyst": each.outcome.analyst.value,
                        "reports": each.outcome.reports.value,
                    }
                    for each in self.changed
                ],
            },
            "truth": {
                source: {side: self.matrix(side, source).json for side in SIDES}
                for source in ("analyst", "reports")
            },
            "queue": {
                "days": [
                    {"day": day.isoformat(), "recorded": before, "next": after}
                    for day, before, after in self.days()
                ],
                "mean_tenths": {side: self.load(side)[0] for side in SIDES},
                "largest": {side: self.load(side)[1] for side in SIDES},
                "asked": queue,
                "score": None if queue is None else self.score_for(queue),
            },
            "honest": list(honest.values()),
            "unrecorded": dict(self.unrecorded.most_common()),
        }
