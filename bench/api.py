"""Requests a second, p50, p99, statements and CPU ms a request, as ratios to a reference route P in the same run.

P is a FastAPI route with a pydantic body that does one EVALSHA and one autocommitted INSERT through the same
engine. The server is a real uvicorn process over real PostgreSQL and Redis; the load comes from another process
over loopback. Machines are shared and noisy: read the ratios, each of which is taken against the P that ran just
before and just after it.

``python bench/api.py [--count 400] [--connections 8]``
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.kit.people import invent

EXPECTED = {"create": 0.25, "document": 0.25, "send": 0.25, "check": 0.25, "submit": 0.15}


# The load


@dataclass
class Answer:
    status: int
    body: Any
    seconds: float


class Connection:
    """One keep-alive HTTP/1.1 connection; as little work a request as can be, since it shares the machine."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self.head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        raw = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self.head}Content-Length: {len(raw)}\r\n\r\n"
        started = time.perf_counter()
        self.writer.write(head.encode() + raw)
        top = await self.reader.readuntil(b"\r\n\r\n")
        length = int(top.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        answered = await self.reader.readexactly(length)
        seconds = time.perf_counter() - started
        return Answer(int(top[9:12]), json.loads(answered) if answered else None, seconds)


@dataclass
class Measure:
    name: str
    rate: float
    p50: float
    p99: float
    cpu_ms: float
    statements: float


async def drive(
    name: str, pool: Sequence[Connection], jobs: Sequence[tuple[str, str, Any]], good: int
) -> tuple[Measure, list[Answer]]:
    """All ``jobs``, each connection taking the next as soon as it is free."""
    before = (await pool[0].ask("GET", "/bench/usage")).body
    answers: list[Answer | None] = [None] * len(jobs)
    todo = iter(range(len(jobs)))

    async def work(connection: Connection) -> None:
        for at in todo:
            answers[at] = await connection.ask(*jobs[at])

    started = time.perf_counter()
    await asyncio.gather(*(work(connection) for connection in pool))
    took = time.perf_counter() - started
    after = (await pool[0].ask("GET", "/bench/usage")).body
    done = [answer for answer in answers if answer is not None]
    wrong = [answer for answer in done if answer.status != good]
    if wrong:
        raise SystemExit(f"{name}: {len(wrong)} of {len(done)} answered {wrong[0].status}: {wrong[0].body}")
    times = sorted(answer.seconds * 1000 for answer in done)
    count = len(done)
    measure = Measure(
        name,
        count / took,
        times[count // 2],
        times[min(count - 1, count * 99 // 100)],
        (after["cpu_s"] - before["cpu_s"]) * 1000 / count,
        (after["statements"] - before["statements"]) / count,
    )
    return measure, done


class Load:
    """One walk of many registrations, step by step, with P before and after each step."""

    def __init__(self, pool: Sequence[Connection], count: int) -> None:
        dice, today = random.Random(7), datetime.now(UTC).date()
        self.pool = pool
        self.people = [invent(dice, today) for _ in range(count)]
        self.numbers = [f"+49151{60_000_000 + n * 31:08}" for n in range(count)]
        self.p = [("POST", "/bench/reference", {"msisdn": n, "purpose": "new"}) for n in self.numbers]
        self.rows: list[tuple[Measure, float]] = []
        self.references: list[Measure] = []

    async def measure(self, name: str, jobs: Sequence[tuple[str, str, Any]], good: int) -> list[Answer]:
        first, _ = await drive("P", self.pool, self.p, 200)
        found, answers = await drive(name, self.pool, jobs, good)
        second, _ = await drive("P", self.pool, self.p, 200)
        self.rows.append((found, found.rate / ((first.rate + second.rate) / 2)))
        self.references += (first, second)
        return answers

    async def walk(self) -> None:
        base = "/v1/registrations"
        await drive("warm", self.pool, self.p[: len(self.p) // 2], 200)
        opened = [
            ("POST", base, {"msisdn": number, "purpose": "new", "subscriber": person.subscriber()})
            for number, person in zip(self.numbers, self.people, strict=True)
        ]
        ids = [answer.body["id"] for answer in await self.measure("create", opened, 201)]
        papers = [
            ("POST", f"{base}/{found}/documents", {"kind": "mrz", "lines": list(person.lines)})
            for found, person in zip(ids, self.people, strict=True)
        ]
        await self.measure("document", papers, 201)
        await self.measure("send", [("POST", f"{base}/{found}/otp", {"to": "line"}) for found in ids], 202)
        codes = (await self.pool[0].ask("GET", "/bench/codes")).body
        given = [
            ("POST", f"{base}/{found}/otp/check", {"code": codes[number]})
            for found, number in zip(ids, self.numbers, strict=True)
        ]
        await self.measure("check", given, 200)
        await self.measure("submit", [("POST", f"{base}/{found}/submit", {}) for found in ids], 200)
        await self.measure("get", [("GET", f"{base}/{found}", None) for found in ids], 200)

    def report(self) -> None:
        refs = self.references
        mean = {
            name: sum(getattr(found, name) for found in refs) / len(refs)
            for name in ("rate", "p50", "p99", "cpu_ms")
        }
        print(
            f"{len(self.p)} requests each over {len(self.pool)} connections; P is the mean of {len(refs)} runs\n"
        )
        print(
            f"{'route':10} {'req/s':>8} {'of P':>6} {'wanted':>7} {'p50 ms':>8} {'p99 ms':>8}"
            f" {'CPU ms':>7} {'P/CPU':>6} {'SQL':>5}"
        )
        print(
            f"{'P':10} {mean['rate']:8.0f} {1:6.2f} {'':7} {mean['p50']:8.1f} {mean['p99']:8.1f}"
            f" {mean['cpu_ms']:7.2f} {1:6.2f} {1:5.1f}"
        )
        for found, ratio in self.rows:
            wanted = EXPECTED.get(found.name)
            told = f"≥ {wanted:.2f}" if wanted else ""
            print(
                f"{found.name:10} {found.rate:8.0f} {ratio:6.2f} {told:>7} {found.p50:8.1f} {found.p99:8.1f}"
                f" {found.cpu_ms:7.2f} {mean['cpu_ms'] / found.cpu_ms:6.2f} {found.statements:5.1f}"
            )


async def run(port: int, key: str, count: int, connections: int) -> None:
    pool = [Connection(port, key) for _ in range(connections)]
    for connection in pool:
        await connection.open()
    # The seed's limits hold back such a load from one client; every bucket stays, its count is raised.
    assert (await pool[0].ask("POST", "/bench/raise-limits")).status == 200
    load = Load(pool, count)
    await load.walk()
    load.report()
    for connection in pool:
        connection.writer.close()


def served(walk: Callable[[int, str], Coroutine[Any, Any, None]]) -> None:
    """Start the server of ``bench/api_server.py``, walk with its port and key, and stop it."""
    with tempfile.TemporaryDirectory(prefix="simward-bench-") as folder:
        Path(folder).chmod(0o755)
        command = [sys.executable, "-m", "bench.api_server", f"{folder}/data"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            told = json.loads(server.stdout.readline())
            asyncio.run(walk(told["port"], told["key"]))
        finally:
            server.send_signal(2)
            server.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--connections", type=int, default=8)
    given = parser.parse_args()
    served(lambda port, key: run(port, key, given.count, given.connections))


if __name__ == "__main__":
    main()
