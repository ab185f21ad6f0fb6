"""One loop for whatever a process loads and looks for again."""

import asyncio

import pytest
from structlog.testing import capture_logs

from service.infra.follow import Follower
from service.kit.errors import Unavailable


class Source:
    """Says one after another what it is told to; then that it was asked often enough."""

    def __init__(self, *says: Exception | None) -> None:
        self.says, self.asked, self.enough = list(says), 0, asyncio.Event()

    async def refresh(self) -> int:
        self.asked += 1
        if self.says:
            said = self.says.pop(0)
            if said is not None:
                raise said
        else:
            self.enough.set()
        return self.asked


async def test_it_outlives_what_one_look_stumbles_over_and_stops() -> None:
    source = Source(Unavailable("postgresql"), Unavailable("postgresql"), RuntimeError("a bug"), None)
    follower = Follower("things", source.refresh, 0)
    with capture_logs() as logs:
        await follower.start()
        assert source.asked == 1, "loaded before anybody asks"
        async with asyncio.timeout(5):
            await source.enough.wait()
    assert [(each["event"], each["what"]) for each in logs] == [("follow.failed", "things")]
    await follower.stop()
    await follower.stop()
    asked = source.asked
    await asyncio.sleep(0)
    assert source.asked == asked


async def test_what_is_broken_at_the_start_is_said_at_once() -> None:
    follower = Follower("things", Source(RuntimeError("a bug")).refresh, 0)
    with pytest.raises(RuntimeError):
        await follower.start()
    await follower.stop()
