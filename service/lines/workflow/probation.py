"""The daily judgement of how lines are used: asked in batches, with no transaction open, written line by line."""

from datetime import UTC
from uuid import UUID

import structlog

from service.audit.workflow import Actor
from service.infra.postgres import Reader
from service.kit.errors import Unavailable
from service.lines import store
from service.lines.model import Line, Use, UseAsked
from service.lines.ports import Calendar, Usage
from service.lines.rules import probation
from service.lines.workflow.register import Lines

log = structlog.get_logger(__name__)

_ACTOR = Actor.system("probation")
BATCH = 20
"""Lines that are asked about at once: with 31 days each the answer stays below what an adapter reads."""


class Probation:
    """Judges the lines of an operator by what the usage port says."""

    def __init__(self, lines: Lines, usage: Usage | None = None) -> None:
        self._lines = lines
        self._usage = usage or Calendar()

    async def judge(self, operator: UUID) -> int:
        """Judge every whole day that was not judged yet; how many lines were looked at.

        Where the usage port is gone, what was answered so far stays judged and the rest waits for the next run:
        no day is counted, and no probation ended, on a guess.
        """
        after, looked_at = None, 0
        while True:
            async with self._lines.db.read(operator) as reader:
                today = reader.now.astimezone(UTC).date()
                found = await store.to_judge(
                    reader, today, after, BATCH, on_probation=self._usage.is_calendar
                )
                asked = [await self._question(reader, line) for line in found]
            if not found:
                return looked_at
            after = found[-1].id
            wanted = [each for each in asked if each is not None]
            try:
                told = await self._usage.of(wanted) if wanted else {}
            except Unavailable:
                log.warning("probation.usage_gone", operator=operator.hex, looked_at=looked_at)
                return looked_at
            for line, question in zip(found, asked, strict=True):
                use = told.get(line.id)
                if question is not None and use is not None:
                    await self._judged(line, use, question)
                    looked_at += 1

    async def _question(self, reader: Reader, line: Line) -> UseAsked | None:
        """A line whose holder was erased has no number to ask about: it stays as it is."""
        numbers = await self._lines.numbers(reader, line)
        return None if numbers is None else probation.question(line, numbers.msisdn, reader.now)

    async def _judged(self, line: Line, use: Use, asked: UseAsked) -> None:
        sees_use = not self._usage.is_calendar
        async with self._lines.db.write(line.operator_id) as tx:
            before = await store.load(tx, line.id, lock=True)
            if before.version != line.version or not before.state.is_open:
                return  # somebody changed it meanwhile; the next run asks again
            after, changes = probation.judged(
                before, use, asked, self._lines.policy.probation, tx.now, sees_use=sees_use
            )
            if changes:
                await self._lines.saved(tx, before, after, changes, _ACTOR, f"line.{_word(changes[-1].what)}")
            else:
                store.mark_judged(tx, after)


def _word(what: str) -> str:
    return what.replace("-", "_")
