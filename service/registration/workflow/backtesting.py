"""Judging stored decisions again: under the policy that made them, and under one that is not in force.

Nothing is written. Pages are read each in a short transaction of its own, so that a long run holds nothing up.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from service.documents import store as documents
from service.infra.postgres import Database
from service.risk.model import Decider, Decision, Verdict
from service.risk.rules import RiskPolicy
from service.risk.rules.backtest import Backtest, Case, Outcome, Truth, agrees, judged_again
from service.risk.store import decisions
from service.risk.store.decisions import Made

PAGE = 500
GOOD_AFTER = timedelta(days=30)
"""A line that was never stopped for a confirmed report so long after its approval counts as good."""

DIFFERING_KEPT = 100

PolicyOf = Callable[[str], Awaitable[RiskPolicy | None]]
Progress = Callable[[int, int], None]
"""Told (how many are judged, how many there are) after each page."""


class Cancelled(Exception):
    """Somebody asked for the end before the end; what was counted so far is dropped."""


@dataclass(slots=True)
class Replayed:
    """What a replay found. ``versions`` counts decisions by the policy they were made under; ``lost`` are those whose
    policy is not kept any more or cannot be built."""

    decisions: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    differing: int = 0
    examples: list[UUID] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not self.differing and not self.lost


async def replay(
    db: Database,
    operators: Sequence[UUID],
    policy_of: PolicyOf,
    since: datetime,
    until: datetime,
    progress: Progress = lambda _, __: None,
) -> Replayed:
    """Judge every decision of ``[since, until)`` again under the policy that it records."""
    found, total = Replayed(), await _count(db, operators, since, until)
    for operator in operators:
        async for page in _pages(db, operator, since, until):
            before = await _looked_at(db, operator, page)
            for made in page:
                await _replayed(found, made.decision, before, policy_of)
            progress(found.decisions, total)
    return found


async def _replayed(
    found: Replayed, decision: Decision, before: dict[UUID, Decision], policy_of: PolicyOf
) -> None:
    version = decision.judgement.policy_version
    found.decisions += 1
    policy = await policy_of(version)
    if policy is None:
        found.lost[version] = found.lost.get(version, 0) + 1
        return
    found.versions[version] = found.versions.get(version, 0) + 1
    looked_at = None if decision.previous_id is None else before.get(decision.previous_id)
    if not agrees(decision.judgement, judged_again(decision, looked_at, policy)):
        found.differing += 1
        if len(found.examples) < DIFFERING_KEPT:
            found.examples.append(decision.id)


async def _looked_at(db: Database, operator: UUID, page: Sequence[Made]) -> dict[UUID, Decision]:
    """The decisions that people of this page looked at."""
    ids = [made.decision.previous_id for made in page if made.decision.previous_id is not None]
    async with db.read(operator) as reader:
        return await decisions.by_ids(reader, ids)


async def backtest(
    db: Database,
    operators: Sequence[UUID],
    policy: RiskPolicy,
    since: datetime,
    until: datetime,
    *,
    progress: Progress = lambda _, __: None,
    cancelled: Callable[[], Awaitable[bool]] | None = None,
) -> Backtest:
    """What ``policy`` makes of the signals of ``[since, until)``, beside what became of them. Raises
    :class:`Cancelled` once ``cancelled`` says so, at the end of a page."""
    judged, read = Backtest(policy), 0
    total, now = await _count(db, operators, since, until), db.clock.now()
    for operator in operators:
        async for page in _pages(db, operator, since, until):
            if cancelled is not None and await cancelled():
                raise Cancelled
            made = [each for each in page if each.decision.by is Decider.RULES]
            async with db.read(operator) as reader:
                kinds = await documents.kinds(reader, [each.decision.registration_id for each in made])
            for each in made:
                judged.add(_case(each, kinds.get(each.decision.registration_id), now))
            read += len(page)
            progress(read, total)
    return judged


def _case(made: Made, kind: tuple[str, str | None] | None, now: datetime) -> Case:
    """The region is the state that issued the document: a number's country says less of who bears the cost."""
    document, state = kind or ("none", None)
    channel = made.decision.signals.values.get("channel", "unknown")
    segments = {"document": document, "region": state or "unknown", "channel": str(channel)}
    analyst = {None: Truth.UNKNOWN, Verdict.APPROVED: Truth.GOOD, Verdict.DENIED: Truth.BAD}
    reports = Truth.UNKNOWN
    if made.struck:
        reports = Truth.BAD
    elif made.opened_at is not None and now - made.opened_at >= GOOD_AFTER:
        reports = Truth.GOOD
    return Case(made.decision, Outcome(analyst.get(made.analyst, Truth.UNKNOWN), reports), segments)


async def _count(db: Database, operators: Sequence[UUID], since: datetime, until: datetime) -> int:
    total = 0
    for operator in operators:
        async with db.read(operator) as reader:
            total += await decisions.count(reader, since, until)
    return total


async def _pages(
    db: Database, operator: UUID, since: datetime, until: datetime
) -> AsyncIterator[Sequence[Made]]:
    after: tuple[datetime, UUID] | None = None
    while True:
        async with db.read(operator) as reader:
            page = await decisions.page(reader, since, until, after, PAGE)
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = (page[-1].decision.at, page[-1].decision.id)
