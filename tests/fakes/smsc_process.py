"""An SMSC that nobody here wrote: the server of the npm package ``smpp``, in a process of its own.

``tests/fakes/smsc/smsc.js`` says what it can be told. Nothing here decodes SMPP: what a test compares is what that
package's codec made of the bytes.
"""

import asyncio
import itertools
import json
import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from tools.assets import with_node

SCRIPT = Path(__file__).parent / "smsc" / "smsc.js"
SYSTEM_ID, PASSWORD = "simward", "s3cr3t-p"


@cache
def _node() -> tuple[str, dict[str, str]]:
    env = with_node()
    found = shutil.which("node", path=env["PATH"])
    assert found is not None
    return found, env


class Smsc:
    """Start with ``async with Smsc() as smsc``; it listens on ``smsc.port``, the same one when started again."""

    def __init__(self, *, pem: Path | None = None) -> None:
        self.port = 0
        self._pem = pem
        self._ids = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> "Smsc":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        node, env = _node()
        options = {
            "port": self.port,
            "system_id": SYSTEM_ID,
            "password": PASSWORD,
            "pem": str(self._pem) if self._pem else None,
        }
        self._process = await asyncio.create_subprocess_exec(
            node,
            str(SCRIPT),
            json.dumps(options),
            env=env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**22,
        )
        assert self._process.stdout is not None
        first = await self._process.stdout.readline()
        assert first, "the SMSC did not start: is it installed (make setup)?"
        self.port = json.loads(first)["port"]
        self._listener = asyncio.create_task(self._listen(self._process.stdout))

    async def stop(self) -> None:
        """Kill it: connections break, the port is free."""
        if self._process is None:
            return
        self._process.kill()
        await self._process.wait()
        await self._listener
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process = None

    async def _listen(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            said = json.loads(line)
            self._asked.pop(said["id"]).set_result(said["answer"])

    async def reset(self) -> None:
        """As if it were new: nobody is connected, nothing is remembered."""
        if self._process is None:
            await self.start()
        await self.tell("reset")

    async def tell(self, verb: str, **more: Any) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        id = next(self._ids)
        self._asked[id] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"id": id, "do": verb, **more}).encode() + b"\n")
        async with asyncio.timeout(30):
            return await self._asked[id]

    async def wait(self, command: str, count: int = 1) -> None:
        """Until so many units of this command have come in."""
        await self.tell("wait", command=command, count=count)

    async def got(self, command: str) -> list[dict[str, Any]]:
        return [unit for unit in await self.tell("history") if unit["command"] == command]

    async def answers(self, *next_ones: dict[str, Any]) -> None:
        """What the next submits are answered with; all after them are taken."""
        await self.tell("answer", **{"with": list(next_ones)})

    async def submits(self, statuses: Iterable[int]) -> None:
        await self.answers(*({"status": each} for each in statuses))
