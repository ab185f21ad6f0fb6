"""The stream is drained into PostgreSQL once, whoever dies meanwhile; the journal that feeds it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.kit.clock import micros
from service.kit.errors import Unavailable
from service.kit.ids import new_id
from service.otp.volatile import Stream
from service.otp.workflow.history import MOST_NOTES, History
from tests.conftest import START
from tests.fakes.archive import Archive, lines
from tests.fakes.desk import (
    REGISTRATION,
    gone,
)


async def test_a_stream_that_is_drained_is_gone(archive: Archive) -> None:
    await archive.desk.send()
    assert await archive.waiting() == 1
    await archive.drained()
    assert not await archive.redis.client.exists(Stream.KEY)
    assert await archive.history.drain() == 0


async def test_more_than_a_batch_is_drained_in_one_go(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.otp.workflow.history.BATCH", 7)
    for _ in range(20):
        await archive.desk.send(registration_id=new_id())
    assert await archive.history.drain() == 20
    assert len(await archive.drained()) == 40


async def test_workers_that_drain_at_once_write_each_line_once(archive: Archive) -> None:
    for _ in range(25):
        await archive.desk.send(registration_id=new_id())
    await archive.journal.flush()
    await asyncio.gather(*(History(archive.db, archive.redis).drain() for _ in range(6)))
    assert lines(await archive.drained()) == {("send", "sent", None): 25, ("accepted", "accepted", None): 25}


async def test_a_worker_that_dies_between_writing_and_forgetting_writes_nothing_twice(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.desk.send()
    with monkeypatch.context() as patch:

        async def dies(*_: Any) -> None:
            raise KeyboardInterrupt

        patch.setattr(Stream, "drop", dies)
        with pytest.raises(KeyboardInterrupt):
            await archive.history.drain()
    assert await archive.waiting() == 1
    assert lines(await archive.drained()) == {("send", "sent", None): 1, ("accepted", "accepted", None): 1}


async def test_without_postgresql_the_history_waits(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.desk.send()
    with monkeypatch.context() as patch:

        def dies(*_: Any) -> None:
            raise Unavailable("postgresql")

        patch.setattr("service.otp.store.add", dies)
        await gone(archive.history.drain(), "postgresql")
    assert await archive.waiting() == 1
    assert len(await archive.drained()) == 2


GOOD = {"e": new_id().hex, "k": "accepted", "o": new_id().hex, "h": new_id().hex, "t": str(micros(START))}
BAD: list[Callable[[], dict[str, str]]] = [
    lambda: {"s": "not json"},
    lambda: {"s": "[]"},
    lambda: {"s": "3"},
    lambda: {"s": json.dumps({**GOOD, "e": 5})},
    lambda: {"s": json.dumps({**GOOD, "o": "nobody"})},
    lambda: {"s": json.dumps({**GOOD, "t": "9" * 30})},
    lambda: {"s": json.dumps({**GOOD, "t": "soon"})},
    lambda: {"s": json.dumps({key: value for key, value in GOOD.items() if key != "h"})},
    lambda: {"s": json.dumps({**GOOD, "k": "send"})},
    lambda: {"s": json.dumps({**GOOD, "k": "send"}), "r": "[1]"},
    lambda: {"s": json.dumps({**GOOD, "k": "check"}), "r": "{}"},
]


@pytest.mark.parametrize("bad", BAD)
async def test_an_entry_that_makes_no_sense_is_dropped_and_holds_nothing_up(
    archive: Archive, bad: Callable[[], dict[str, str]]
) -> None:
    await archive.redis.client.xadd(Stream.KEY, bad())  # type: ignore[arg-type]
    await archive.desk.send()
    with capture_logs() as logs:
        found = await archive.drained()
    assert lines(found) == {("send", "sent", None): 1, ("accepted", "accepted", None): 1}
    [said] = logs
    assert (said["event"], said["log_level"]) == ("otp.history_entry", "error")
    assert "makes no sense" in said["why"]
    assert await archive.waiting() == 0


async def test_words_that_are_too_long_for_a_column_hold_nothing_up(archive: Archive) -> None:
    entry = {**GOOD, "o": archive.operator.hex, "k": "k" * 40, "sender": "s" * 40, "cause": "c" * 40}
    await archive.redis.client.xadd(Stream.KEY, {"s": json.dumps(entry)})
    [found] = await archive.drained()
    assert (found.kind, found.sender, found.outcome) == ("k" * 12, "s" * 16, "c" * 16)


# The journal


async def test_a_journal_that_cannot_write_keeps_its_notes(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.desk.send()
    with monkeypatch.context() as patch:

        async def dies(*_: Any) -> None:
            raise Unavailable("redis")

        patch.setattr(Stream, "add", dies)
        await gone(archive.journal.flush())
    assert lines(await archive.drained())["accepted", "accepted", None] == 1


async def test_a_note_whose_answer_was_lost_is_written_once(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.desk.send()
    add = Stream.add
    with monkeypatch.context() as patch:

        async def deaf(*args: Any) -> None:
            await add(*args)
            raise Unavailable("redis")

        patch.setattr(Stream, "add", deaf)
        await gone(archive.journal.flush())
    assert lines(await archive.drained())["accepted", "accepted", None] == 1


async def test_notes_that_pile_up_are_dropped_and_counted(archive: Archive) -> None:
    for _ in range(MOST_NOTES + 5):
        archive.journal.note("accepted", operator=archive.operator, challenge=REGISTRATION)
    assert (len(archive.journal._notes), archive.journal._dropped) == (MOST_NOTES, 5)
