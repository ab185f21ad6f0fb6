"""The audit on a real PostgreSQL: sealed, signed, carried out, and every way of tampering found and named."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa

from service.audit import store
from service.audit.heads import HeadsFile, read_heads
from service.audit.model import INSTALLATION, FaultKind, Head, Verification
from service.audit.sealer import Sealer
from service.audit.verify import describe, verify
from service.audit.workflow import Actor, entries, record
from service.infra.crypto import Signer, Verifier
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.kit.ids import new_id, wire


class Chains:
    """A sealer, a verifier and a heads file over the test's database."""

    def __init__(self, db: Database, sealer: Database, keys: Path, file: Path, operator: UUID) -> None:
        self.db = db
        self.operator = operator
        self.file = file
        self.signer = Signer.load(keys, production=False)
        self.verifier = Verifier.load(keys)
        self.sealer_db = sealer
        self.operators = [operator]
        self.sealer = self.new_sealer()

    def new_sealer(self) -> Sealer:
        async def operators() -> list[UUID]:
            return self.operators

        return Sealer(self.sealer_db, self.signer, operators, [HeadsFile(self.file)])

    async def write(self, count: int = 1, operator: UUID | None = None) -> list[UUID]:
        ids = []
        for number in range(count):
            async with self.db.write(operator or self.operator) as tx:
                facts = {"number": number}
                ids.append(record(tx, actor=Actor.cli(), action="test.done", object="thing", facts=facts))
        return ids

    async def verify(self, given: list[Head] | None = None) -> Verification:
        return await verify(self.db, self.operators, self.verifier, given=given or [])

    async def faults(
        self, given: list[Head] | None = None
    ) -> list[tuple[FaultKind, int | None, UUID | None]]:
        found = await self.verify(given)
        return [(f.kind, f.n, f.entry_id) for chain in found.chains for f in chain.faults]

    def outside(self) -> list[Head]:
        return read_heads(self.file)


@pytest.fixture
async def chains(db: Database, sealer_db: Database, keys_dir: Path, tmp_path: Path, operator: UUID) -> Chains:
    """Operator's chain of 6: its own addition is entry 1, five more follow."""
    made = Chains(db, sealer_db, keys_dir, tmp_path / "heads", operator)
    made.ids = await made.write(5)  # type: ignore[attr-defined]
    await made.sealer.seal_all()
    return made


@pytest.fixture
def tamper(backend: object) -> Callable[..., None]:
    """Statements as the cluster's superuser with triggers off: the attacker who owns the database."""

    def run(*statements: str) -> None:
        with backend.admin() as conn:  # type: ignore[attr-defined]
            conn.execute("SET session_replication_role = replica")
            for statement in statements:
                conn.execute(statement)

    return run


async def test_a_whole_chain_is_whole_and_says_what_is_anchored(chains: Chains) -> None:
    found = await chains.verify(chains.outside())
    assert found.is_whole
    mine = next(chain for chain in found.chains if chain.operator == chains.operator)
    assert (mine.sealed, mine.signed, mine.anchored, mine.waiting) == (6, 6, 6, 0)
    assert "anchored outside to 6" in "\n".join(describe(found))
    without = await chains.verify()
    assert without.is_whole
    assert "No head from outside" in describe(without)[-1]


async def test_an_entry_lives_and_dies_with_its_transaction(chains: Chains) -> None:
    async def interrupted() -> None:
        async with chains.db.write(chains.operator) as tx:
            record(tx, actor=Actor.cli(), action="test.undone", object="thing")
            await tx.settle()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await interrupted()
    async with chains.db.read(chains.operator) as reader:
        assert await entries(reader, action="test.undone") == []
    assert await chains.sealer.seal_all() <= 1  # the hourly anchor alone


async def test_a_transaction_that_ends_late_is_sealed_after_all(chains: Chains) -> None:
    async with chains.db.write(chains.operator) as slow:
        late = record(slow, actor=Actor.cli(), action="test.late", object="thing")
        await slow.settle()
        await chains.write(3)
        await chains.sealer.seal_all()
        await chains.write(1)
        await chains.sealer.seal_all()
    await chains.sealer.seal_all()
    async with chains.db.read(chains.operator) as reader:
        sealed = {row.entry_id for row in await store.sealed_after(reader, 0, 100)}
        assert late in sealed
        assert await store.waiting(reader) == []
    assert (await chains.verify(chains.outside())).is_whole


async def test_two_sealers_at_once_number_each_entry_once(chains: Chains) -> None:
    others = [chains.new_sealer() for _ in range(3)]

    async def writes() -> None:
        for _ in range(10):
            await chains.write(2)

    async def seals(sealer: Sealer) -> None:
        for _ in range(15):
            await sealer.seal(chains.operator)

    await asyncio.gather(writes(), writes(), *(seals(sealer) for sealer in others))
    await chains.sealer.seal_all()
    found = await chains.verify()
    assert found.is_whole
    assert next(c for c in found.chains if c.operator == chains.operator).sealed == 46


async def test_batches_that_are_full_leave_nothing_behind(
    chains: Chains, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.audit.sealer.BATCH", 3)
    async with chains.db.write(chains.operator) as tx:
        for _ in range(8):
            record(tx, actor=Actor.cli(), action="test.many", object="thing")
    await chains.write(2)
    assert await chains.sealer.seal(chains.operator) == 10
    assert (await chains.verify()).is_whole


async def test_a_restored_database_whose_transactions_begin_again_is_sealed(
    chains: Chains, tamper: Callable[..., None]
) -> None:
    """A logical restore keeps the old numbers of transactions, far above the new cluster's."""
    await chains.write(2)
    tamper(
        "UPDATE audit_entry SET xid = xid + 1000000000000",
        "UPDATE audit_seal SET horizon = horizon + 1000000000000",
    )
    await chains.write(2)
    sealer = chains.new_sealer()
    assert await sealer.seal(chains.operator) == 4
    await chains.write(1)
    assert await sealer.seal(chains.operator) == 1
    assert (await chains.verify()).is_whole


async def test_heads_are_signed_each_minute_and_carried_out(chains: Chains, clock: ManualClock) -> None:
    assert [h.n for h in chains.outside() if h.operator == chains.operator] == [6]
    await chains.write(1)
    await chains.sealer.seal_all()
    assert [h.n for h in chains.outside() if h.operator == chains.operator] == [6]
    clock.advance(timedelta(seconds=61))
    await chains.sealer.seal_all()
    await chains.sealer.seal_all()
    assert [h.n for h in chains.outside() if h.operator == chains.operator] == [6, 7]
    # Nothing new: nothing is signed, however much time passes.
    clock.advance(timedelta(hours=3))
    await chains.sealer.seal(chains.operator)
    assert [h.n for h in chains.outside() if h.operator == chains.operator] == [6, 7]


async def test_heads_go_hourly_into_the_installations_chain(chains: Chains, clock: ManualClock) -> None:
    async def anchored() -> list[object]:
        async with chains.db.read(INSTALLATION) as reader:
            found = await entries(reader, action="audit.head", object=wire("op", chains.operator))
        return [entry.facts["n"] for entry in found]

    assert await anchored() == [6]
    for _ in range(3):
        await chains.write(1)
        clock.advance(timedelta(minutes=25))
        # A new process must know what the one before it anchored.
        await chains.new_sealer().seal_all()
    assert await anchored() == [9, 6]


async def test_an_outlet_that_is_down_stops_nothing_and_catches_up(
    chains: Chains, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(self: HeadsFile, heads: object) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(HeadsFile, "publish", down)
        for _ in range(2):
            clock.advance(timedelta(minutes=2))
            await chains.write(1)
            assert await chains.sealer.seal(chains.operator) == 1
    await chains.sealer.seal(chains.operator)
    assert [h.n for h in chains.outside() if h.operator == chains.operator] == [6, 7, 8]


async def test_a_clock_that_steps_back(chains: Chains, clock: ManualClock) -> None:
    clock.advance(-timedelta(hours=2))
    await chains.write(2)
    await chains.sealer.seal_all()
    found = await chains.verify(chains.outside())
    assert found.is_whole
    mine = next(chain for chain in found.chains if chain.operator == chains.operator)
    assert (mine.sealed, mine.signed, mine.anchored) == (8, 8, 8)


async def test_an_edited_body(chains: Chains, tamper: Callable[..., None]) -> None:
    bad = chains.ids[2]  # type: ignore[attr-defined]
    tamper(f"UPDATE audit_entry SET body = replace(body, '\"number\":2', '\"number\":9') WHERE id = '{bad}'")
    assert await chains.faults() == [(FaultKind.COLUMN, 4, bad)]
    # Also where the attacker computes the entry's hash again.
    tamper(
        "UPDATE audit_entry SET entry = sha256(convert_to(E'simward/audit/entry/v1\\n' || body, 'UTF8'))"
        f" WHERE id = '{bad}'"
    )
    assert await chains.faults() == [(FaultKind.LINK, 4, bad)]
    tamper(f"UPDATE audit_entry SET body = 'nothing' WHERE id = '{bad}'")
    assert await chains.faults() == [(FaultKind.BODY, 4, bad)]
    async with chains.db.read(chains.operator) as reader:
        assert "audit.unreadable" in {entry.action for entry in await entries(reader)}


@pytest.mark.parametrize("column", ["action", "actor_id", "actor_kind", "object", "reason"])
async def test_an_edited_column(chains: Chains, tamper: Callable[..., None], column: str) -> None:
    bad = chains.ids[1]  # type: ignore[attr-defined]
    tamper(f"UPDATE audit_entry SET {column} = 'staff' WHERE id = '{bad}'")
    assert await chains.faults() == [(FaultKind.COLUMN, 3, bad)]


async def test_an_edited_instant(chains: Chains, tamper: Callable[..., None]) -> None:
    bad = chains.ids[1]  # type: ignore[attr-defined]
    tamper(f"UPDATE audit_entry SET at = at + interval '1 second' WHERE id = '{bad}'")
    assert await chains.faults() == [(FaultKind.ENTRY_MISSING, 3, bad)]
    tamper(f"UPDATE audit_seal SET entry_at = entry_at + interval '1 second' WHERE entry_id = '{bad}'")
    assert await chains.faults() == [(FaultKind.BODY, 3, bad)]


async def test_swapped_entries(chains: Chains, tamper: Callable[..., None]) -> None:
    one, other = chains.ids[1:3]  # type: ignore[attr-defined]
    tamper(
        "CREATE TEMP TABLE swap AS SELECT id, body, entry FROM audit_entry",
        f"UPDATE audit_entry e SET body = s.body, entry = s.entry FROM swap s WHERE (e.id, s.id) IN"
        f" (('{one}', '{other}'), ('{other}', '{one}'))",
    )
    assert await chains.faults() == [(FaultKind.BODY, 3, one)]


async def test_swapped_numbers(chains: Chains, tamper: Callable[..., None]) -> None:
    one, other = chains.ids[1:3]  # type: ignore[attr-defined]
    tamper(
        "ALTER TABLE audit_seal DISABLE TRIGGER ALL",
        "UPDATE audit_seal SET n = n + 100 WHERE n IN (3, 4)",
        "UPDATE audit_seal SET n = 107 - n WHERE n IN (103, 104)",
        "ALTER TABLE audit_seal ENABLE TRIGGER ALL",
    )
    assert await chains.faults() == [(FaultKind.LINK, 3, other)]
    assert one != other


async def test_a_removed_entry(chains: Chains, tamper: Callable[..., None]) -> None:
    bad = chains.ids[0]  # type: ignore[attr-defined]
    tamper(f"DELETE FROM audit_entry WHERE id = '{bad}'")
    assert await chains.faults() == [(FaultKind.ENTRY_MISSING, 2, bad)]
    tamper(f"DELETE FROM audit_seal WHERE entry_id = '{bad}'")
    assert [fault[:2] for fault in await chains.faults()] == [(FaultKind.NUMBER, 2)]


async def test_a_dropped_tail(chains: Chains, tamper: Callable[..., None]) -> None:
    outside = chains.outside()
    last = chains.ids[-1]  # type: ignore[attr-defined]
    tamper("DELETE FROM audit_seal WHERE n > 4", f"DELETE FROM audit_entry WHERE id = '{last}'")
    assert [fault[:2] for fault in await chains.faults()] == [(FaultKind.TAIL, 5)]
    # With its head gone from the table too, the installation's chain knows; with that gone, the file does.
    tamper("DELETE FROM audit_head WHERE n > 4")
    assert [fault[:2] for fault in await chains.faults()] == [(FaultKind.TAIL, 5)]
    zero = f"operator_id = '{INSTALLATION}'"
    tamper(*(f"DELETE FROM {table} WHERE {zero}" for table in ("audit_entry", "audit_seal", "audit_head")))
    assert (FaultKind.TAIL, 5, None) in await chains.faults(outside)
    # Without a head from outside it cannot be known, and the report says that nothing is anchored.
    assert not await chains.faults()
    assert "No head from outside" in describe(await chains.verify())[-1]


async def test_a_dropped_chain(chains: Chains, tamper: Callable[..., None]) -> None:
    outside = chains.outside()
    mine = f"operator_id = '{chains.operator}'"
    tamper(*(f"DELETE FROM {table} WHERE {mine}" for table in ("audit_entry", "audit_seal", "audit_head")))
    chains.operators = []
    assert (FaultKind.TAIL, 1, None) in await chains.faults()
    assert (FaultKind.TAIL, 1, None) in await chains.faults(outside)
    tamper(*(f"DELETE FROM {table}" for table in ("audit_entry", "audit_seal", "audit_head", "installation")))
    assert {fault[0] for fault in await chains.faults(outside)} == {FaultKind.INSTALLATION_MISSING}


async def test_a_chain_computed_again_without_the_key(chains: Chains, tamper: Callable[..., None]) -> None:
    """The attacker edits an entry and computes every hash after it; only the signature is out of reach."""
    from service.audit import rules

    bad = chains.ids[1]  # type: ignore[attr-defined]
    tamper(
        f"UPDATE audit_entry SET body = replace(body, '\"number\":1', '\"number\":7') WHERE id = '{bad}'",
        "UPDATE audit_entry SET entry = sha256(convert_to(E'simward/audit/entry/v1\\n' || body, 'UTF8'))",
    )
    async with chains.db.read(chains.operator) as reader:
        installation = await store.installation(reader)
        assert installation is not None
        link = rules.link_zero(installation, chains.operator)
        fresh = []
        for sealed in await store.sealed_after(reader, 0, 100):
            assert sealed.body is not None
            link = rules.link(chains.operator, sealed.n, link, rules.entry_hash(sealed.body))
            fresh.append((sealed.n, link))
    mine = f"operator_id = '{chains.operator}'"
    tamper(*(f"UPDATE audit_seal SET link = '\\x{link.hex()}' WHERE {mine} AND n = {n}" for n, link in fresh))
    assert [fault[:2] for fault in await chains.faults()] == [(FaultKind.HEAD, 6)]
    # The head's link forged as well: its signature no longer verifies, and the anchor still knows the old link.
    tamper(f"UPDATE audit_head SET link = '\\x{fresh[-1][1].hex()}' WHERE {mine}")
    assert {fault[0] for fault in await chains.faults()} == {FaultKind.SIGNATURE, FaultKind.HEAD}


async def test_a_forged_head_from_outside_is_told(chains: Chains) -> None:
    real = next(head for head in chains.outside() if head.operator == chains.operator)
    forged = Head(real.installation, real.operator, 99, real.link, real.at, real.signature)
    assert await chains.faults([forged]) == [(FaultKind.SIGNATURE, 99, None)]


async def test_entries_that_no_sealer_saw(chains: Chains, clock: ManualClock) -> None:
    (waiting,) = await chains.write(1)
    assert (await chains.verify()).is_whole
    clock.advance(timedelta(seconds=61))
    assert await chains.faults() == [(FaultKind.UNSEALED, None, waiting)]


async def test_before_the_first_seal_nothing_is_wrong(db: Database, operator: UUID, keys_dir: Path) -> None:
    assert (await verify(db, [operator], Verifier.load(keys_dir))).is_whole


BYPASSES = [
    "UPDATE audit_entry SET body = '{}'",
    "DELETE FROM audit_entry",
    "TRUNCATE audit_entry",
    "UPDATE audit_entry_default SET body = '{}'",
    "DELETE FROM audit_entry_default",
    "TRUNCATE audit_entry_default",
    "SELECT * FROM audit_entry_default",
    "SET session_replication_role = replica",
    "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
    "ALTER TABLE audit_entry DISABLE TRIGGER insert_only",
    "ALTER TABLE audit_entry DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE audit_entry DETACH PARTITION audit_entry_default",
    "DROP TABLE audit_entry",
    "DROP TRIGGER insert_only ON audit_entry",
    "DROP FUNCTION simward_insert_only() CASCADE",
    "CREATE OR REPLACE FUNCTION simward_insert_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "INSERT INTO audit_entry (operator_id, id, at, actor_kind, actor_id, action, object, body, entry, xid)"
    " SELECT operator_id, gen_random_uuid(), at, actor_kind, actor_id, action, object, body, entry, 1 FROM audit_entry",
    "UPDATE audit_seal SET n = n + 1",
    "DELETE FROM audit_seal",
    "TRUNCATE audit_seal",
    "INSERT INTO audit_seal (operator_id, n, entry_id, entry_at, link, horizon, sealed_at)"
    " SELECT operator_id, n + 1000, gen_random_uuid(), entry_at, link, horizon, sealed_at FROM audit_seal",
    "UPDATE audit_head SET n = n + 1",
    "DELETE FROM audit_head",
    "INSERT INTO audit_head SELECT operator_id, n + 1000, link, at, signature FROM audit_head",
    "UPDATE installation SET id = gen_random_uuid()",
    "DELETE FROM installation",
    "INSERT INTO installation SELECT one, id, created_at FROM installation",
    "DELETE FROM audit_note",
    "UPDATE audit_note SET id = gen_random_uuid()",
    "UPDATE erasure SET reason = 'x'",
    "DELETE FROM erasure",
    "SET ROLE simward_owner",
    "SET ROLE simward_sealer",
]


@pytest.mark.parametrize("statement", BYPASSES)
async def test_every_bypass_fails_as_the_application(chains: Chains, backend: object, statement: str) -> None:
    url = backend.servers.app_url.replace("postgresql+psycopg://", "postgresql://")  # type: ignore[attr-defined]
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SELECT set_config('simward.operator', %s, false)", [str(chains.operator)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(statement)  # type: ignore[call-overload]
    assert (await chains.verify(chains.outside())).is_whole


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET body = '{}'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "TRUNCATE audit_entry_default",
        "DELETE FROM audit_seal",
        "UPDATE audit_head SET n = n + 1",
        "TRUNCATE installation",
        "DELETE FROM erasure",
    ],
)
async def test_triggers_refuse_the_owner_too(
    chains: Chains, backend: object, statement: str, operator: UUID
) -> None:
    url = backend.servers.owner_url.replace("postgresql+psycopg://", "postgresql://")  # type: ignore[attr-defined]
    async with chains.db.write(operator) as tx:
        await tx.run(
            sa.text("INSERT INTO erasure (operator_id, id, at, reason) VALUES (:op, :id, :at, 'x')"),
            {"op": operator, "id": new_id(), "at": tx.now},
        )
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SELECT set_config('simward.operator', %s, false)", [str(operator)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="insert-only"):
            conn.execute(statement)  # type: ignore[call-overload]


async def test_the_sealer_may_not_change_or_write_business_rows(chains: Chains, backend: object) -> None:
    url = backend.servers.sealer_url.replace("postgresql+psycopg://", "postgresql://")  # type: ignore[attr-defined]
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SELECT set_config('simward.operator', %s, false)", [str(chains.operator)])
        for statement in (
            "UPDATE audit_seal SET n = n + 1",
            "DELETE FROM audit_entry",
            "SELECT * FROM subscriber",
            "SELECT * FROM subject_key",
            "UPDATE audit_note SET sealed = ''",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement)  # type: ignore[call-overload]


async def test_another_operators_entries_are_not_seen(chains: Chains) -> None:
    async with chains.db.read(new_id()) as reader:
        assert await entries(reader) == []
    async with chains.db.read(None) as reader:
        assert await reader.scalar(sa.text("SELECT count(*) FROM audit_entry")) == 0


async def test_the_sealer_runs_until_it_is_told_to_stop(chains: Chains) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(chains.sealer.run(stop))
    await chains.write(1)
    async with asyncio.timeout(30):
        while True:
            async with chains.db.read(chains.operator) as reader:
                if not await store.waiting(reader):
                    break
            await asyncio.sleep(0.05)
        stop.set()
        await task
