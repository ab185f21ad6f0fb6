"""The daily run that erases persons whose time is over."""

from collections.abc import Iterable
from uuid import UUID

from service.audit.workflow import Actor, record
from service.infra.postgres import Database
from service.subscribers import rules
from service.subscribers.model import Due, RetentionPolicy, RetentionRun
from service.subscribers.ports import Holdings
from service.subscribers.workflow import Subscribers

PAGE = 200
_ACTOR = Actor.system("retention")


async def run_retention(
    db: Database,
    subscribers: Subscribers,
    holdings: Holdings,
    operators: Iterable[UUID],
    policy: RetentionPolicy,
) -> list[RetentionRun]:
    """Erase what is due, one transaction a person, and write each operator's run into its audit.

    May be interrupted and run again, and run twice at once: each person is judged again under its locks.
    """
    runs = []
    for operator in operators:
        run = await _run_one(db, subscribers, holdings, operator, policy)
        async with db.write(operator) as tx:
            facts = {"looked_at": run.looked_at, "erased": run.erased, "on_hold": run.on_hold}
            record(tx, actor=_ACTOR, action="retention.run", object="retention", facts=facts)
        runs.append(run)
    return runs


async def _run_one(
    db: Database, subscribers: Subscribers, holdings: Holdings, operator: UUID, policy: RetentionPolicy
) -> RetentionRun:
    looked_at = erased = on_hold = 0
    after: UUID | None = None
    while True:
        async with db.read(operator) as reader:
            page = await holdings.ended(reader, after, PAGE)
        for subscriber_id in page:
            looked_at += 1
            async with db.write(operator) as tx:
                due = rules.judge(await holdings.of(tx, subscriber_id), policy, tx.now)
                on_hold += due is Due.ON_HOLD
                if due is Due.DUE:
                    await holdings.forget(tx, subscriber_id)
                    erased += await subscribers.erase(tx, subscriber_id, actor=_ACTOR, reason="retention")
        if len(page) < PAGE:
            return RetentionRun(operator, looked_at, erased, on_hold)
        after = page[-1]
