"""The graph and the counts of a decision at a million lines, against ten thousand.

Lines are filled in by SQL, on the same pattern in both databases: families, shops, hostels, blocks and rings of
twenty. Then, turn about: what a decision reads (with the identity of a line that is there) in the small and in the
large database, and neighbourhoods (2 hops, 200 nodes) of lines drawn evenly, and of ring members, in the large one.

A decision reads two statements: what it gathers with no lock (windows, spacing, sharing, sellers, denials, marks), and
what it counts under the locks. Each is told alone, and both together; the wanted ratio is that of both.

``python -m bench.links [--lines 1000000] [--turns 2000]``
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
import tomllib
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import resources
from pathlib import Path
from uuid import UUID

import psycopg
import sqlalchemy as sa
import uvloop

from service.infra.embedded import Embedded
from service.infra.postgres import Database
from service.kit.clock import SystemClock
from service.migrations.run import migrate
from service.risk.model import Blind, HoldingKind, RiskSubject
from service.risk.rules import RiskPolicy, load_policy
from service.risk.store import links as store
from service.risk.workflow import Risk

SMALL = 10_000
WANTED_MS, WANTED_RATIO = 30.0, 1.5
OPERATOR = UUID("01900000-0000-7000-8000-ffffffffffff")
RING = 20
NEW = UUID("01900000-0000-7000-8000-eeeeeeeeeeee")
K = HoldingKind

# Which thing line ``i`` of ``n`` hangs on, as SQL; null for none. Every hundredth line is of a ring.
_IN_RING = "(i % 2000 < 20)"
_THINGS = {
    K.DOCUMENT: "i * 2 / 3",
    K.PERSON: "i * 2 / 3",
    K.PERSONAL_NUMBER: "CASE WHEN i % 5 < 3 THEN i * 2 / 3 END",
    K.DEVICE: f"CASE WHEN {_IN_RING} THEN i / 2000 + 10000000 WHEN i % 50 = 49 THEN i / 20000 + 20000000"
    " WHEN i % 5 < 4 THEN i * 4 / 5 END",
    K.DEALER: "CASE WHEN i % 10 < 7 THEN i % (n / 200) END",
    K.AGENT: "CASE WHEN i % 10 < 6 THEN i % (n / 70) END",
    K.ADDRESS: "CASE WHEN i % 100 = 7 THEN i / 5000 + 10000000 WHEN i % 10 < 7 THEN i * 2 / 5 END",
    K.CONTACT: f"CASE WHEN {_IN_RING} THEN i / 2000 + 10000000 WHEN i % 2 = 0 THEN i * 3 / 5 END",
    K.PAYMENT: f"CASE WHEN {_IN_RING} THEN i / 2000 + 10000000 WHEN i % 5 < 2 THEN i * 3 / 4 END",
    K.BLOCK: "i / 700",
}
_FILL = """INSERT INTO holding (operator_id, id, registration_id, kind, idx, evidence, state, opened_at)
SELECT '{operator}', uuidv7(), ('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, '{kind}',
  '\\x00000001'::bytea || substring(sha256(('{kind}' || thing)::bytea) FROM 1 FOR 16),
  'full', 'live', now() - (n - i) * interval '1 minute'
FROM (SELECT i, n, {thing} AS thing FROM generate_series(0, {n} - 1) AS i, (SELECT {n} AS n) AS of_all) AS lines
WHERE thing IS NOT NULL"""

# Beside the lines: every fiftieth was denied once on its papers and its device, every five-hundredth holder has
# reported a document lost, and the sellers' peers were counted.
_BESIDE = (
    """INSERT INTO denied_key (operator_id, registration_id, kind, idx, at)
SELECT operator_id, uuidv7(), kind, idx, opened_at FROM holding
WHERE kind IN ('document', 'device') AND abs(hashtext(registration_id::text)) % 50 = 0""",
    """INSERT INTO identity_mark (operator_id, id, of, kind, idx, registration_id, set_at, set_by)
SELECT operator_id, uuidv7(), kind, 'document_lost', idx, registration_id, opened_at, 'holder' FROM holding
WHERE kind = 'document' AND abs(hashtext(registration_id::text)) % 500 = 1""",
    """INSERT INTO peer_rate (operator_id, kind, lines, stopped, at)
SELECT operator_id, kind, count(*), count(*) / 200, now() FROM holding WHERE kind IN ('dealer', 'agent')
GROUP BY operator_id, kind""",
)


def line(i: int) -> UUID:
    return UUID(f"01900000-0000-7000-8000-{i:012x}")


def fill(url: str, count: int) -> None:
    """Replace the holdings; indexes are built afterwards, as a restore would."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SET maintenance_work_mem = '1GB'")
        conn.execute("TRUNCATE holding, denied_key, identity_mark, peer_rate")
        rows = conn.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'holding' AND indexname LIKE 'ix%'"
        ).fetchall()
        unique = "uq_holding_operator_id_registration_id_kind"
        for name, _ in rows:
            conn.execute(f'DROP INDEX "{name}"'.encode())
        conn.execute(f"ALTER TABLE holding DROP CONSTRAINT {unique}".encode())
        for kind, thing in _THINGS.items():
            conn.execute(_FILL.format(operator=OPERATOR, kind=kind.value, thing=thing, n=count).encode())
        columns = "(operator_id, registration_id, kind)"
        conn.execute(f"ALTER TABLE holding ADD CONSTRAINT {unique} UNIQUE {columns}".encode())
        for _, definition in rows:
            conn.execute(definition.encode())
        for statement in _BESIDE:
            conn.execute(statement.encode())
        conn.execute("VACUUM (ANALYZE) holding, denied_key, identity_mark, peer_rate")


def plain(url: str, database: str = "simward") -> str:
    """The superuser's address: it fills under row-level security, and copies databases."""
    return (
        url.replace("postgresql+psycopg://", "postgresql://")
        .replace("simward_owner@", "postgres@")
        .replace("/simward?", f"/{database}?")
    )


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    start = time.perf_counter()
    await work()
    return (time.perf_counter() - start) * 1_000


def at(percent: int, times: list[float]) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def told(name: str, times: list[float]) -> None:
    print(f"{name:<46} p50 {at(50, times):7.2f} ms   p99 {at(99, times):7.2f} ms", flush=True)


class Bench:
    """One policy, two databases."""

    def __init__(self, policy: RiskPolicy, small: Database, large: Database) -> None:
        self.policy, self.small, self.large, self.risk = policy, small, large, Risk()

    async def subject(self, db: Database, i: int) -> RiskSubject:
        """Somebody who asks for one more line with all that line ``i`` has."""
        async with db.read(OPERATOR) as reader:
            held = (await store.lines(reader, [line(i)]))[line(i)]
        keys = {kind: Blind.single(idx) for kind, idx in held.keys.items()}
        return RiskSubject(
            document=keys.get(K.DOCUMENT),
            personal_number=keys.get(K.PERSONAL_NUMBER),
            person=keys.get(K.PERSON),
            device=keys.get(K.DEVICE),
            links={kind: blind for kind, blind in keys.items() if kind not in _COUNTED},
        )

    async def count(self, db: Database, subject: RiskSubject) -> None:
        async with db.read(OPERATOR) as reader:
            await self.risk.count(reader, subject, self.policy, reader.now)

    async def gather(self, db: Database, subject: RiskSubject) -> None:
        async with db.read(OPERATOR) as reader:
            await self.risk.gather(reader, NEW, subject, self.policy, reader.now)

    async def near(self, i: int) -> int:
        async with self.large.read(OPERATOR) as reader:
            found = await self.risk.links.neighbourhood(reader, line(i), policy=self.policy, now=reader.now)
        return len(found.lines) + len(found.keys)

    async def cpu(self) -> tuple[float, float]:
        """Seconds of CPU that this process and the backend of the large database have had: what a measurement in
        company says more truly than a clock."""
        async with self.large.read(None) as reader:
            pid = await reader.scalar(sa.text("SELECT pg_backend_pid()"))
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(") ")[2].split()
        return time.process_time(), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


_COUNTED = {K.DOCUMENT, K.PERSONAL_NUMBER, K.PERSON, K.DEVICE}


def spread(count: int, turns: int) -> list[int]:
    """Lines all over the range, in no order that a cache likes."""
    return [(turn * 7_919 * 104_729 + 13) % count for turn in range(turns)]


async def measure(bench: Bench, lines: int, turns: int) -> bool:
    bases = ((bench.small, spread(SMALL, turns)), (bench.large, spread(lines, turns)))
    times: dict[tuple[str, int], list[float]] = {}
    for turn in range(turns):
        for of, (db, drawn) in enumerate(bases):
            subject = await bench.subject(db, drawn[turn])
            gathered = await timed(partial(bench.gather, db, subject))
            counted = await timed(partial(bench.count, db, subject))
            for name, took in (("gathers", gathered), ("counts", counted), ("reads", gathered + counted)):
                times.setdefault((name, of), []).append(took)
    ratio = 0.0
    for name in ("gathers", "counts", "reads"):
        few, many = times[name, 0], times[name, 1]
        told(f"what a decision {name}, {SMALL} lines", few)
        told(f"what a decision {name}, {lines} lines", many)
        ratio = at(99, many) / at(99, few)
        print(f"ratio of the p99: {ratio:.2f}", flush=True)
    print(f"wanted of what it reads in all: {WANTED_RATIO}", flush=True)
    passed = ratio <= WANTED_RATIO
    rings = [i // 2000 * 2000 + i % RING for i in spread(lines - 2000, turns // 4)]
    for name, roots in (("lines drawn evenly", spread(lines, turns)), ("members of rings", rings)):
        before = await bench.cpu()
        near = [await timed(partial(bench.near, i)) for i in roots]
        told(f"neighbourhood, {name}", near)
        ours, theirs = (1_000 * (b - a) / len(roots) for a, b in zip(before, await bench.cpu(), strict=True))
        print(f"  CPU of each: {ours:.2f} ms here, {theirs:.2f} ms in PostgreSQL", flush=True)
        sizes = [await bench.near(i) for i in roots[:50]]
        print(f"  nodes: median {statistics.median(sizes):.0f}, most {max(sizes)}", flush=True)
        passed &= at(99, near) <= WANTED_MS
    print(f"neighbourhood p99 wanted: {WANTED_MS:.0f} ms", flush=True)
    return passed


async def main(lines: int, turns: int) -> bool:
    policy = load_policy(
        tomllib.loads(resources.files("service").joinpath("policy/risk.toml").read_text("utf-8"))
    )
    with (
        tempfile.TemporaryDirectory(prefix="simward-bench-") as folder,
        Embedded(Path(folder), fsync=False) as servers,
    ):
        migrate(servers.owner_url)
        with psycopg.connect(plain(servers.owner_url, "postgres"), autocommit=True) as conn:
            conn.execute("CREATE DATABASE small TEMPLATE simward")
        start = time.perf_counter()
        fill(plain(servers.owner_url, "small"), SMALL)
        fill(plain(servers.owner_url), lines)
        print(f"filled {lines} lines in {time.perf_counter() - start:.0f} s", flush=True)
        clock = SystemClock()
        small = Database(servers.app_url.replace("/simward?", "/small?"), clock, pool_size=1)
        large = Database(servers.app_url, clock, pool_size=1)
        try:
            return await measure(Bench(policy, small, large), lines, turns)
        finally:
            await small.close()
            await large.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=2_000)
    asked = parser.parse_args()
    sys.exit(0 if uvloop.run(main(asked.lines, asked.turns)) else 1)
