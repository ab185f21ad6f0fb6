"""The history of codes, read in its order and decided again."""

import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from service.infra.postgres import Database
from service.kit.clock import micros
from service.otp import store
from service.otp.model import CodeEvent, CodePolicy
from service.otp.rules.replay import Replay, Spans, warm_up
from service.otp.rules.report import Report

PAGE = 1000
AFTER = timedelta(hours=1)
"""A code that was sent at the end of the range may come back so much later."""

BlocksOf = Callable[[UUID, datetime, datetime], Awaitable[Spans]]
Progress = Callable[[int, datetime], None]


async def replay(
    db: Database,
    operators: Sequence[UUID],
    blocks_of: BlocksOf,
    in_force: CodePolicy,
    following: CodePolicy,
    since: datetime,
    until: datetime,
    *,
    counted: UUID | None = None,
    progress: Progress = lambda _, __: None,
) -> Report:
    """Decide ``[since, until)`` again. All operators are heard, since they share budgets; ``counted``: the one whose
    sends count, None for all. ``progress`` is told after each page how many events were read, and up to when."""
    begin = (since - warm_up((in_force, following))).replace(hour=0, minute=0, second=0, microsecond=0)
    end = until + AFTER
    spans: dict[str, list[tuple[int, int]]] = {}
    for operator in operators:
        for name, held in (await blocks_of(operator, begin, end)).items():
            spans.setdefault(name, []).extend(held)
    replayed = Replay(in_force, following, since, until, spans)
    read = 0
    async for operator, event in _merged(db, operators, begin, end):
        replayed.feed(event, is_counted=counted in (None, operator))
        read += 1
        if read % PAGE == 0:
            progress(read, event.at)
    return replayed.report


async def _merged(
    db: Database, operators: Sequence[UUID], begin: datetime, end: datetime
) -> AsyncIterator[tuple[UUID, CodeEvent]]:
    """The events of all operators in one order, as Redis decided them."""
    streams = [(operator, _events(db, operator, begin, end)) for operator in operators]
    waiting: list[tuple[int, int, int, CodeEvent]] = []
    for place, (_, stream) in enumerate(streams):
        async for event in stream:
            heapq.heappush(waiting, (micros(event.at), event.id.int, place, event))
            break
    while waiting:
        _, _, place, event = heapq.heappop(waiting)
        operator, stream = streams[place]
        yield operator, event
        async for event in stream:
            heapq.heappush(waiting, (micros(event.at), event.id.int, place, event))
            break


async def _events(db: Database, operator: UUID, begin: datetime, end: datetime) -> AsyncIterator[CodeEvent]:
    after: tuple[datetime, UUID] | None = None
    while True:
        async with db.read(operator) as reader:
            page = await store.page(reader, begin, end, after, PAGE)
        for event in page:
            yield event
        if len(page) < PAGE:
            return
        after = (page[-1].at, page[-1].id)
