"""Pictures of passports through the API to their lines, and what the other routes feel of it.

Median and p95 of a picture, one after another over loopback, with an API that is idle and with one that is busy; and
p99 of the other routes while pictures are read, as a ratio to their own without any (wanted: at most 1.5). Rounds with
and without pictures alternate, because machines are shared and noisy. The pictures are drawn, of invented people.

``python -m bench.pictures [--rounds 6] [--count 150] [--connections 4] [--streams 1]``
"""

import argparse
import asyncio
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from bench.api import Answer, Connection, served
from service.kit.mrz import Layout
from service.kit.people import invent
from tests.pictures import draw, spoil

WANTED = 1.5
DRAWN = 12


def pictures() -> list[bytes]:
    """As telephones send them, some bent, some noisy."""
    found = []
    for seed in range(DRAWN):
        dice = random.Random(seed)
        ways: Sequence[Callable[..., Any]] = (spoil.flat, spoil.tilted, spoil.noisy)
        page = draw.page(draw.somebody(seed, Layout.TD3).lines, Layout.TD3, seed=seed)
        found.append(spoil.jpeg(ways[seed % len(ways)](page, dice)))
    return found


class Uploader(Connection):
    async def upload(self, path: str, picture: bytes) -> Answer:
        body = (
            b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
            b"Content-Type: image/jpeg\r\n\r\n" + picture + b"\r\n--x--\r\n"
        )
        head = self.head.replace("application/json", "multipart/form-data; boundary=x")
        self.writer.write(
            f"POST {path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        started = time.perf_counter()
        top = await self.reader.readuntil(b"\r\n\r\n")
        await self.reader.readexactly(int(top.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        return Answer(int(top[9:12]), None, time.perf_counter() - started)


class Bench:
    def __init__(self, port: int, key: str, drawn: Sequence[bytes]) -> None:
        self.port, self.key, self.drawn = port, key, drawn
        self.turn = 0
        self.outcomes: dict[int, int] = {}

    async def connected(self) -> Uploader:
        """A connection for one walk: the server closes those that are idle for long."""
        found = Uploader(self.port, self.key)
        await found.open()
        return found

    async def opened(self, connection: Connection) -> tuple[str, float]:
        self.turn += 1
        body = {"msisdn": f"+49151{10_000_000 + self.turn * 17:08}", "purpose": "new"}
        answer = await connection.ask("POST", "/v1/registrations", body)
        assert answer.status == 201, answer.body
        return f"/v1/registrations/{answer.body['id']}", answer.seconds

    async def stream(self, times: list[float], goes_on: Callable[[], bool]) -> None:
        connection = await self.connected()
        turn = 0
        while goes_on():
            path, _ = await self.opened(connection)
            answer = await connection.upload(f"{path}/documents", self.drawn[turn % len(self.drawn)])
            self.outcomes[answer.status] = self.outcomes.get(answer.status, 0) + 1
            times.append(answer.seconds * 1000)
            turn += 1
        connection.writer.close()

    async def others(self, connections: int, count: int, times: dict[str, list[float]]) -> None:
        """Create, a document by its lines, get: ``count`` of each."""
        dice, today = random.Random(self.turn), datetime.now(UTC).date()
        left = iter(range(count))

        async def work() -> None:
            connection = await self.connected()
            for _ in left:
                path, seconds = await self.opened(connection)
                times["create"].append(seconds * 1000)
                lines = {"kind": "mrz", "lines": list(invent(dice, today).lines)}
                for name, ask in (
                    ("document", connection.ask("POST", f"{path}/documents", lines)),
                    ("get", connection.ask("GET", path)),
                ):
                    answer = await ask
                    assert answer.status in (200, 201), answer.body
                    times[name].append(answer.seconds * 1000)
            connection.writer.close()

        await asyncio.gather(*(work() for _ in range(connections)))


def at(times: Sequence[float], share: float) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def run(port: int, key: str, given: argparse.Namespace) -> None:
    bench = Bench(port, key, pictures())
    first = await bench.connected()
    assert (await first.ask("POST", "/bench/raise-limits")).status == 200
    first.writer.close()
    alone: list[float] = []
    beside: list[float] = []
    await bench.stream([], _times(1))  # the child comes up with the first
    routes = ("create", "document", "get")
    await bench.others(given.connections, given.count // 2, {name: [] for name in routes})
    await bench.stream(alone, _times(2 * DRAWN))
    quiet: dict[str, list[float]] = {name: [] for name in routes}
    busy: dict[str, list[float]] = {name: [] for name in routes}
    is_over = asyncio.Event()
    for _ in range(given.rounds):
        await bench.others(given.connections, given.count, quiet)
        is_over.clear()
        reading = [
            asyncio.ensure_future(bench.stream(beside, lambda: not is_over.is_set()))
            for _ in range(given.streams)
        ]
        await bench.others(given.connections, given.count, busy)
        is_over.set()
        await asyncio.gather(*reading)
    size = sum(map(len, bench.drawn)) // len(bench.drawn) // 1024
    print(f"{DRAWN} pictures of about {size} KiB; statuses {bench.outcomes}\n")
    print(f"{'pictures':28} {'count':>6} {'median ms':>10} {'p95 ms':>8}")
    for name, times in (("API idle", alone), ("API busy", beside)):
        print(f"{name:28} {len(times):6} {at(times, 0.5):10.0f} {at(times, 0.95):8.0f}")
    print(f"\n{'route':10} {'p50':>7} {'with':>7} {'p99':>7} {'with':>7} {'ratio':>6} {'wanted':>7}")
    for name in routes:
        one, two = quiet[name], busy[name]
        print(
            f"{name:10} {at(one, 0.5):7.1f} {at(two, 0.5):7.1f} {at(one, 0.99):7.1f} {at(two, 0.99):7.1f}"
            f" {at(two, 0.99) / at(one, 0.99):6.2f} {'≤ ' + str(WANTED):>7}"
        )


def _times(count: int) -> Callable[[], bool]:
    left = iter(range(count))
    return lambda: next(left, None) is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--streams", type=int, default=1)
    given = parser.parse_args()
    served(lambda port, key: run(port, key, given))


if __name__ == "__main__":
    main()
