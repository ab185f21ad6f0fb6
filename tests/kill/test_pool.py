"""The pool of children: everything that one can do wrong, and what becomes of the next question."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from service.infra import pool as pools
from service.infra.child import ChildFailed
from service.infra.pool import Pool, PoolFull, Terms

pytestmark = [pytest.mark.kill, pytest.mark.timeout(120)]
CHILD = Path(__file__).parents[1] / "fakes" / "children" / "odd_child.py"
GIVE_UP_S = 30


def command(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-B", str(CHILD), *words)


@asynccontextmanager
async def opened(*words: str, **terms: Any) -> AsyncIterator[Pool]:
    """``words``: how the child comes up."""
    wanted = {"children": 1, "queue": 4, "seconds": GIVE_UP_S, **terms}
    pool = Pool(command(*words), Terms(**wanted))
    try:
        yield pool
    finally:
        await pool.stop()
        assert not pool.pids


async def do(pool: Pool, what: str, body: bytes = b"") -> bytes:
    async with asyncio.timeout(GIVE_UP_S):
        return await pool.ask(json.dumps({"do": what}).encode(), body)


async def who(pool: Pool) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await do(pool, "who"))
    return found


def lives(pid: int) -> bool:
    """A zombie does not live, but it is left over: that counts as living here."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_over(pid: int) -> bool:
    """Also where whoever adopted it has yet to reap it."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(GIVE_UP_S):
        while not is_so():
            await asyncio.sleep(0.01)


async def test_one_child_answers_one_question_after_another() -> None:
    async with opened() as pool:
        assert not pool.pids, "nothing runs before the first question"
        big = os.urandom(3 * 1024 * 1024)
        first = await who(pool)
        assert await do(pool, "say", big[:60_000]) == big[:60_000]
        assert json.loads(await do(pool, "who", big))["bytes"] == len(big)
        assert (await who(pool))["pid"] == first["pid"] in pool.pids
        assert pool.asked == 0
    assert not lives(first["pid"])


async def test_it_has_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMWARD_REDIS_URL", "redis://secret")
    with CHILD.open() as inherited:
        os.set_inheritable(inherited.fileno(), True)
        async with opened() as pool:
            found = await who(pool)
            assert found["environment"].keys() <= {"LC_CTYPE"}, "what the interpreter itself sets"
            assert len(found["descriptors"]) <= 4, "three pipes, and the folder that is listed"
            assert found["cwd"] == "/"
            assert found["nice"] == os.nice(0) + pools.NICE
            assert await do(pool, "file") == b"OSError"


async def test_early_children_are_there_before_a_question() -> None:
    async with opened(children=2) as pool:
        await pool.start()
        before = pool.pids
        assert len(before) == 2
        assert (await who(pool))["pid"] in before


@pytest.mark.parametrize("what", ["crash", "flood", "longer", "leak"])
async def test_a_child_that_breaks_off_is_replaced(what: str) -> None:
    """``longer``: an answer over 64 KiB is not waited for; ``leak``: more memory than it may have."""
    async with opened() as pool:
        first = await who(pool)
        with pytest.raises(ChildFailed) as failed:
            await do(pool, what)
        assert not failed.value.late
        assert not lives(first["pid"])
        assert (await who(pool))["pid"] != first["pid"]


async def test_what_a_child_started_ends_with_it() -> None:
    async with opened() as pool:
        child = (await who(pool))["pid"]
        started = int(await do(pool, "fork"))
        assert os.getpgid(started) == child
    await until(lambda: is_over(started))


async def test_what_a_dead_child_started_ends_when_that_is_noticed() -> None:
    async with opened() as pool:
        child = (await who(pool))["pid"]
        started = int(await do(pool, "fork"))
        os.kill(child, signal.SIGKILL)
        await until(lambda: not lives(child))
        assert not is_over(started)
        assert (await who(pool))["pid"] != child
        await until(lambda: is_over(started))


async def test_who_holds_the_pipes_of_a_dead_child_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "END_S", 0.2)
    before = len(os.listdir("/proc/self/fd"))
    async with opened() as pool:
        child = (await who(pool))["pid"]
        started = int(await do(pool, "escape"))
        await until(lambda: os.getpgid(started) == started)
        try:
            async with asyncio.timeout(GIVE_UP_S):
                await pool.stop()
            assert not lives(child)
            assert not is_over(started)
            await until(lambda: len(os.listdir("/proc/self/fd")) <= before)
        finally:
            os.kill(started, signal.SIGKILL)


async def test_a_late_child_is_killed_and_replaced() -> None:
    async with opened(seconds=0.5) as pool:
        await pool.start()
        [first] = pool.pids
        with pytest.raises(ChildFailed) as failed:
            await do(pool, "hang")
        assert failed.value.late
        assert not lives(first)
        assert await do(pool, "say", b"x") == b"x"


async def test_an_answer_too_many_is_not_the_next_ones() -> None:
    async with opened() as pool:
        assert await do(pool, "twice") == b"mine"
        assert await do(pool, "say", b"my own") == b"my own"


async def test_a_child_whose_answer_is_refused_is_not_asked_again() -> None:
    def refuse(answer: bytes) -> None:
        raise ValueError(len(answer))

    async with opened() as pool:
        first = (await who(pool))["pid"]
        with pytest.raises(ValueError, match="3"):
            await pool.ask(b'{"do": "say"}', b"abc", check=refuse)
        assert not lives(first)
        assert (await who(pool))["pid"] != first


async def test_one_that_died_in_its_sleep_is_noticed() -> None:
    async with opened() as pool:
        first = (await who(pool))["pid"]
        os.kill(first, signal.SIGKILL)
        await until(lambda: not lives(first))
        assert (await who(pool))["pid"] != first


async def test_it_is_replaced_after_so_many_answers() -> None:
    async with opened(most=2) as pool:
        pids = [(await who(pool))["pid"] for _ in range(5)]
        assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]
        assert not lives(pids[0])


async def test_who_hangs_up_frees_the_child() -> None:
    async with opened() as pool:
        first = (await who(pool))["pid"]
        asking = asyncio.create_task(do(pool, "hang"))
        waiting = asyncio.create_task(do(pool, "say", b"waited"))
        await until(lambda: pool.asked == 2)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert not lives(first)
        assert await waiting == b"waited"


async def test_who_hangs_up_before_the_question_leaves_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between being taken and being asked: it is looked at whether the child is quiet."""
    looked = asyncio.Event()

    async def is_quiet(_: object) -> bool:
        looked.set()
        await asyncio.Event().wait()
        return True

    async with opened() as pool:
        first = (await who(pool))["pid"]
        with monkeypatch.context() as patched:
            patched.setattr(pools._Child, "is_quiet", is_quiet)
            asking = asyncio.create_task(do(pool, "say", b"x"))
            await looked.wait()
            assert pool.pids == {first}
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        assert not lives(first)
        assert not pool.pids
        assert await do(pool, "say", b"next") == b"next"


async def test_the_queue_is_bounded() -> None:
    async with opened(queue=1) as pool:
        await pool.start()
        held = [asyncio.create_task(do(pool, "hang")) for _ in range(2)]
        await until(lambda: pool.asked == 2)
        with pytest.raises(PoolFull):
            await do(pool, "say")
        for each in held:
            each.cancel()
        await asyncio.wait(held)
        assert await do(pool, "say", b"room again") == b"room again"


async def test_nobody_waits_for_ever() -> None:
    async with opened(wait_s=0.1) as pool:
        await pool.start()
        hanging = asyncio.create_task(do(pool, "hang"))
        await until(lambda: pool.asked == 1)
        with pytest.raises(PoolFull):
            await do(pool, "say")
        hanging.cancel()
        await asyncio.wait([hanging])


@pytest.mark.parametrize("how", ["dies", "mute", "free"])
async def test_a_child_that_does_not_come_up_is_asked_nothing(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``free``: it did not confine itself. For a while after it nobody tries again."""
    async with opened(how, start_s=0.3 if how == "mute" else GIVE_UP_S) as pool:
        await pool.start()
        assert not pool.pids
        monkeypatch.setattr(pools.asyncio, "create_subprocess_exec", None)
        for _ in range(2):
            with pytest.raises(ChildFailed):
                await do(pool, "say")


async def test_what_a_free_process_lacks() -> None:
    sleeper = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        assert pools.confinement(sleeper.pid) == ["FSIZE", "CORE", "NOFILE", "AS", "no_new_privs"]
    finally:
        sleeper.kill()
        await sleeper.wait()
    assert pools.confinement(sleeper.pid) == ["life"]


async def test_after_the_end_nothing_is_asked() -> None:
    async with opened() as pool:
        hanging = asyncio.create_task(do(pool, "hang"))
        await until(lambda: len(pool.pids) == 1)
        [pid] = pool.pids
        await pool.stop()
        with pytest.raises(ChildFailed):
            await hanging
        with pytest.raises(PoolFull):
            await do(pool, "say")
        assert not lives(pid)


PARENT = """
import asyncio, json, sys
from service.infra.pool import Pool, Terms

async def main():
    pool = Pool(sys.argv[1:], Terms(1, 1, 60.0))
    print(json.loads(await pool.ask(b'{"do": "who"}', b""))["pid"], flush=True)
    await pool.ask(b'{"do": "hang"}', b"")

asyncio.run(main())
"""


def test_no_child_outlives_a_killed_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *command()], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert lives(pid)
    finally:
        parent.kill()
        parent.communicate()

    asyncio.run(until(lambda: is_over(pid)))
