"""What is usual: counted from stored decisions, held frozen, written beside the values of a decision."""

from datetime import timedelta
from uuid import UUID

from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.operators.workflow import Operators
from service.policies import build, seed
from service.risk.model import Baseline, Signals, ordinary
from service.risk.rules import replay
from service.risk.workflow import Risk, Usual

POLICY = build(seed(demo=False), demo=False).risk


async def decide(db: Database, operator: UUID, risk: Risk, signals: Signals) -> UUID:
    registration = new_id()
    async with db.write(operator) as tx:
        risk.record(tx, risk.decide(signals, POLICY, tx.now, registration, operator))
    return registration


async def test_it_is_counted_from_decisions_and_told_beside_the_next_ones(
    db: Database, operator: UUID, clock: ManualClock
) -> None:
    async def operators() -> list[UUID]:
        return [operator]

    usual = Usual(db, operators)
    risk = Risk(usual=usual.of)
    for n in range(100):
        await decide(
            db, operator, risk, ordinary().having({"lines_on_device": 2 if n > 97 else int(n % 3 == 0)})
        )
    await usual.refresh()
    assert usual.of(operator) == {}, "nothing was counted yet"
    assert await usual.count(operator) > 5
    held = usual.of(operator)
    await usual.refresh()
    assert held == {}, "who holds the old object keeps it"
    assert usual.of(operator)["lines_on_device"] == Baseline(p50=0, p99=2, of=100)
    assert "proof" not in usual.of(operator)
    assert "document_expired" not in usual.of(operator), "a truth has no quantile"

    registration = await decide(db, operator, risk, ordinary().having({"lines_on_device": 9}))
    async with db.read(operator) as reader:
        (stored,) = await risk.history(reader, registration)
    facts = [fact for reason in stored.judgement.reasons for fact in reason.facts]
    assert Baseline(0, 2, 100) in [fact.baseline for fact in facts]
    assert replay(stored, POLICY) == stored.judgement
    # Counting again is idempotent, and what no decision of the window holds is gone.
    await usual.count(operator)
    clock.advance(timedelta(days=31))
    assert await usual.count(operator) == 0
    await usual.refresh()
    assert usual.of(operator) == {}


async def test_few_decisions_say_nothing_and_nobody_reads_anothers(db: Database, operator: UUID) -> None:
    risk = Risk()
    other_operator = (await Operators(db).add("other", "Other")).id

    async def operators() -> list[UUID]:
        return [operator, other_operator]

    usual = Usual(db, operators)
    for _ in range(40):
        await decide(db, operator, risk, ordinary())
    for _ in range(29):
        await decide(db, other_operator, risk, ordinary())
    assert await usual.count(operator) > 0
    assert await usual.count(other_operator) == 0
    await usual.refresh()
    assert usual.of(operator)
    assert usual.of(other_operator) == {}
