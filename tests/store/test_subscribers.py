"""Subscribers on a real PostgreSQL: found, moved, erased, rotated, retained."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from service.audit.workflow import Actor, entries, open_note, record
from service.infra.crypto import (
    KeysetName,
    KeysetRefused,
    SealBroken,
    Step,
    SubjectKey,
    Vault,
    create_keysets,
    rotate,
)
from service.infra.postgres import Database, Reader, Tx
from service.kit.canon import IndexKind
from service.kit.clock import ManualClock
from service.kit.errors import NotFound
from service.kit.ids import new_id, wire
from service.subscribers import store
from service.subscribers.model import Erased, Holding, HoldingClass, RetentionPolicy, Term
from service.subscribers.retention import run_retention
from service.subscribers.rotation import SecretColumn, reindex, rewrap
from service.subscribers.workflow import Subscribers

PII = {"family_name": "CANARYSSON", "given_names": "ANNA", "birth_date": "1974-08-12"}
EMAIL = (IndexKind.EMAIL, "canary@example.org")
CONTACT = (IndexKind.CONTACT, "+31612000001")


@pytest.fixture
def subscribers(vault: Vault) -> Subscribers:
    return Subscribers(vault)


async def added(db: Database, operator: UUID, subscribers: Subscribers) -> tuple[UUID, SubjectKey]:
    subject = new_id()
    async with db.write(operator) as tx:
        key = subscribers.add(tx, subject, PII, [EMAIL, CONTACT, EMAIL])
    return subject, key


async def found(
    db: Database, operator: UUID, subscribers: Subscribers, value: tuple[IndexKind, str]
) -> list[UUID]:
    async with db.read(operator) as reader:
        return await subscribers.find(reader, *value)


async def test_what_was_added_is_found_and_read(
    db: Database, operator: UUID, subscribers: Subscribers
) -> None:
    subject, key = await added(db, operator, subscribers)
    async with db.read(operator) as reader:
        assert await subscribers.find(reader, *EMAIL) == [subject]
        assert await subscribers.find(reader, IndexKind.EMAIL, "other@example.org") == []
        assert await subscribers.find(reader, IndexKind.MSISDN, CONTACT[1]) == []
        assert await subscribers.read(reader, subject) == PII
        again = await subscribers.key(reader, subject)
    row = new_id()
    assert again.open("line", row, key.seal("line", row, {"a": 1})) == {"a": 1}


async def test_a_row_that_is_moved_does_not_decrypt(
    db: Database, operator: UUID, subscribers: Subscribers
) -> None:
    one, _ = await added(db, operator, subscribers)
    other, _ = await added(db, operator, subscribers)
    async with db.write(operator) as tx:
        for table, column in (("subscriber", "sealed"), ("subject_key", "wrapped")):
            await tx.run(
                sa.text(
                    f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} WHERE id = :other)"
                    " WHERE id = :one"
                ),
                {"one": one, "other": other},
            )
            with pytest.raises(SealBroken):
                await subscribers.read(tx, one)


async def test_replace_and_extend(db: Database, operator: UUID, subscribers: Subscribers) -> None:
    subject, _ = await added(db, operator, subscribers)
    document = (IndexKind.DOCUMENT, "NLD|P|SPECI2014")
    async with db.write(operator) as tx:
        await subscribers.extend(tx, subject, [document, EMAIL])
    assert await found(db, operator, subscribers, document) == [subject]
    assert await found(db, operator, subscribers, EMAIL) == [subject]
    async with db.write(operator) as tx:
        await subscribers.replace(tx, subject, {"family_name": "OTHER"}, [CONTACT])
    assert await found(db, operator, subscribers, document) == []
    assert await found(db, operator, subscribers, CONTACT) == [subject]
    async with db.read(operator) as reader:
        assert await subscribers.read(reader, subject) == {"family_name": "OTHER"}


async def test_another_operator_sees_nothing(db: Database, operator: UUID, subscribers: Subscribers) -> None:
    subject, _ = await added(db, operator, subscribers)
    other = new_id()
    assert await found(db, other, subscribers, EMAIL) == []
    async with db.read(other) as reader:
        with pytest.raises(Erased):
            await subscribers.read(reader, subject)
    async with db.write(other) as tx:
        with pytest.raises(NotFound):
            await subscribers.erase(tx, subject)


async def test_erase_leaves_nothing_that_can_be_decrypted(
    db: Database, operator: UUID, subscribers: Subscribers
) -> None:
    subject, key = await added(db, operator, subscribers)
    async with db.write(operator) as tx:
        noted = record(tx, actor=Actor.cli(), action="test.noted", object="x", note="she called", key=key)
    async with db.read(operator) as reader:
        assert await open_note(reader, noted, key) == "she called"
    async with db.write(operator) as tx:
        assert await subscribers.erase(tx, subject, reason="request")
    async with db.write(operator) as tx:
        assert not await subscribers.erase(tx, subject)
    assert await found(db, operator, subscribers, EMAIL) == []
    async with db.read(operator) as reader:
        with pytest.raises(Erased):
            await subscribers.key(reader, subject)
        with pytest.raises(Erased):
            await subscribers.read(reader, subject)
        for table in ("subject_key", "subject_index"):
            assert await reader.scalar(sa.text(f"SELECT count(*) FROM {table}")) == 0
        assert await reader.scalar(sa.text("SELECT count(*) FROM subscriber WHERE sealed IS NOT NULL")) == 0
        assert [(e.subscriber_id, e.reason) for e in await store.erasures(reader)] == [(subject, "request")]
        audited = await entries(reader, action="subscriber.erased")
        assert [(e.object, e.reason) for e in audited] == [(wire("sub", subject), "request")]


async def test_erasing_rolls_back_whole(db: Database, operator: UUID, subscribers: Subscribers) -> None:
    subject, _ = await added(db, operator, subscribers)

    async def interrupted() -> None:
        async with db.write(operator) as tx:
            await subscribers.erase(tx, subject)
            await tx.settle()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await interrupted()
    async with db.read(operator) as reader:
        assert await subscribers.read(reader, subject) == PII
        assert await store.erasures(reader) == []
        assert await entries(reader, action="subscriber.erased") == []


async def test_a_restore_erases_again(db: Database, operator: UUID, subscribers: Subscribers) -> None:
    subject, _ = await added(db, operator, subscribers)
    async with db.write(operator) as tx:
        assert await subscribers.replay_erasures(tx, [subject, new_id()]) == 1
        assert await subscribers.replay_erasures(tx, [subject]) == 0


async def test_nothing_of_the_person_is_in_any_row(
    db: Database, operator: UUID, subscribers: Subscribers
) -> None:
    await added(db, operator, subscribers)
    async with db.read(operator) as reader:
        for table in ("subscriber", "subject_key", "subject_index", "audit_entry"):
            text = str(await reader.all(sa.text(f"SELECT t::text FROM {table} AS t")))
            for canary in ("CANARYSSON", "canary@", "1974-08-12", "31612000001"):
                assert canary not in text
                assert canary.encode().hex() not in text


async def test_secrets_of_other_domains_are_sealed_again(
    db: Database, operator: UUID, tmp_path: Path
) -> None:
    folder = tmp_path / "keys"
    create_keysets(folder)
    old = Vault.load(folder, production=False)
    dealer = new_id()
    async with db.write(operator) as tx:
        await tx.run(
            sa.text(
                "INSERT INTO dealer (operator_id, id, code, name, licence, licence_idx, state, hourly_quota,"
                " daily_quota, created_at, version)"
                " VALUES (:op, :id, 'D-1', 'Shop', :sealed, :idx, 'active', 1, 1, :at, 1)"
            ),
            {
                "op": operator,
                "id": dealer,
                "sealed": old.seal_secret("dealer", dealer, b"HRB 1"),
                "idx": old.index(operator, IndexKind.LICENCE, "HRB1"),
                "at": tx.now,
            },
        )
    for step in (Step.ADD, Step.PROMOTE):
        rotate(folder, KeysetName.KEK, step, production=False)
    vault = Vault.load(folder, production=False)
    licence = SecretColumn("dealer", "licence", "dealer")
    assert (await rewrap(db, vault, operator)).in_use == set()
    moved = await rewrap(db, vault, operator, [licence])
    assert (moved.rows, moved.in_use) == (1, {vault.kek_id})
    async with db.read(operator) as reader:
        sealed = bytes(await reader.scalar(sa.text("SELECT licence FROM dealer")))
    with pytest.raises(SealBroken):
        old.open_secret("dealer", dealer, sealed)
    assert vault.open_secret("dealer", dealer, sealed) == b"HRB 1"


async def test_rotation_moves_rows_while_old_and_new_keys_are_live(
    db: Database, operator: UUID, tmp_path: Path
) -> None:
    folder = tmp_path / "keys"
    create_keysets(folder)
    before = Subscribers(Vault.load(folder, production=False))
    old = before._vault
    subject, _ = await added(db, operator, before)
    async with db.write(operator) as tx:
        noted = record(
            tx,
            actor=Actor.cli(),
            action="test.noted",
            object="x",
            note="late",
            key=old.operator_key(operator),
        )
    for step in (Step.ADD, Step.PROMOTE):
        for name in (KeysetName.KEK, KeysetName.INDEX):
            rotate(folder, name, step, production=False)
    vault = Vault.load(folder, production=False)
    after = Subscribers(vault)
    # Old rows are found and read under the new vault, and new rows beside them.
    later, _ = await added(db, operator, after)
    assert await found(db, operator, after, EMAIL) == [subject, later]
    async with db.read(operator) as reader:
        assert await after.read(reader, subject) == PII

    moved = await rewrap(db, vault, operator)
    assert (moved.rows, moved.in_use) == (2, {vault.kek_id})
    indexed = await reindex(db, vault, after, operator)
    assert indexed.in_use == {vault.index_ids[0]}
    assert (await rewrap(db, vault, operator)).rows == 0

    for name, in_use in ((KeysetName.KEK, moved.in_use), (KeysetName.INDEX, indexed.in_use)):
        rotate(folder, name, Step.RETIRE, production=False, in_use=in_use)
    alone = Vault.load(folder, production=False)
    last = Subscribers(alone)
    assert await found(db, operator, last, EMAIL) == [subject, later]
    async with db.read(operator) as reader:
        assert await last.read(reader, subject) == PII
        assert await open_note(reader, noted, alone.operator_key(operator)) == "late"
    with pytest.raises(SealBroken):
        async with db.read(operator) as reader:
            await before.read(reader, subject)


class Documents:
    """A domain that keeps an index of a value which stands in its own sealed rows."""

    def __init__(self, document: str) -> None:
        self.document = document

    async def indexed(
        self, reader: Reader, subscriber_id: UUID, key: SubjectKey
    ) -> list[tuple[IndexKind, str]]:
        return [(IndexKind.DOCUMENT, self.document)]


async def test_an_index_in_another_domain_is_moved_and_one_without_plaintext_keeps_its_key(
    db: Database, operator: UUID, tmp_path: Path
) -> None:
    folder = tmp_path / "keys"
    create_keysets(folder)
    old = Vault.load(folder, production=False)
    subscribers = Subscribers(old)
    await added(db, operator, subscribers)
    passport = "NLD|P|SPECI2014"
    async with db.write(operator) as tx:
        for kind, canon in ((IndexKind.DOCUMENT, passport), (IndexKind.DEVICE, "fingerprint")):
            await tx.run(
                sa.text(
                    "INSERT INTO holding (operator_id, id, registration_id, kind, idx, evidence, state, opened_at)"
                    " VALUES (:op, :id, :id, :kind, :idx, 'full', 'live', :at)"
                ),
                {
                    "op": operator,
                    "id": new_id(),
                    "kind": kind.value,
                    "idx": old.index(operator, kind, canon),
                    "at": tx.now,
                },
            )
    for step in (Step.ADD, Step.PROMOTE):
        rotate(folder, KeysetName.INDEX, step, production=False)
    vault = Vault.load(folder, production=False)
    result = await reindex(db, vault, Subscribers(vault), operator, [Documents(passport)])
    assert result.rows == 2  # the subscriber's own rows, and the holding of its document
    assert result.in_use == set(vault.index_ids)
    async with db.read(operator) as reader:
        rows = await reader.all(sa.text("SELECT kind, idx FROM holding"))
    assert {row.kind: bytes(row.idx) for row in rows} == {
        "document": vault.index(operator, IndexKind.DOCUMENT, passport),
        "device": old.index(operator, IndexKind.DEVICE, "fingerprint"),
    }
    with pytest.raises(KeysetRefused, match="rows still have"):
        rotate(folder, KeysetName.INDEX, Step.RETIRE, production=False, in_use=result.in_use)


def test_every_index_column_of_every_domain_is_known() -> None:
    import service.tables

    assert service.tables.metadata.tables
    names = {f"{column.table.name}.{column.name}" for column in store.index_columns()}
    assert {"registration.msisdn_idx", "line.msisdn_idx"} <= names


class Held:
    """Holdings by subscriber, as the composition root would read them from registrations and lines."""

    def __init__(self, by_subscriber: dict[UUID, list[Holding]]) -> None:
        self.by_subscriber = by_subscriber
        self.forgotten: set[UUID] = set()

    async def forget(self, tx: Tx, subscriber_id: UUID) -> None:
        self.forgotten.add(subscriber_id)

    async def ended(self, reader: Reader, after: UUID | None, limit: int) -> Sequence[UUID]:
        wanted = sorted(s for s in self.by_subscriber if after is None or s > after)
        return [s for s in wanted if s in set(await store.subscribers_after(reader, None, 1000))][:limit]

    async def of(self, tx: Tx, subscriber_id: UUID) -> Sequence[Holding]:
        return self.by_subscriber[subscriber_id]


POLICY = RetentionPolicy({"cancelled": Term(days=7), "denied": Term(days=90)}, Term(days=365))


async def test_retention_erases_what_is_due_and_says_so(
    db: Database, clock: ManualClock, operator: UUID, subscribers: Subscribers
) -> None:
    ended = clock.now()
    held = Held(
        {
            (await added(db, operator, subscribers))[0]: [
                Holding(HoldingClass.REGISTRATION, state, ended, on_hold=hold)
            ]
            for state, hold in (("cancelled", False), ("denied", False), ("cancelled", True))
        }
    )
    cancelled, denied, kept = held.by_subscriber
    clock.advance(timedelta(days=8))
    (run,) = await run_retention(db, subscribers, held, [operator], POLICY)
    assert (run.looked_at, run.erased, run.on_hold) == (3, 1, 1)
    clock.advance(timedelta(days=90))
    (run,) = await run_retention(db, subscribers, held, [operator], POLICY)
    assert (run.looked_at, run.erased, run.on_hold) == (2, 1, 1)
    assert held.forgotten == {cancelled, denied}
    async with db.read(operator) as reader:
        assert {e.subscriber_id for e in await store.erasures(reader)} == {cancelled, denied}
        assert await subscribers.read(reader, kept) == PII
        runs = await entries(reader, action="retention.run")
        assert [e.facts["erased"] for e in runs] == [1, 1]
        erased = await entries(reader, action="subscriber.erased")
        assert {e.reason for e in erased} == {"retention"}


async def test_retention_goes_on_after_a_page(
    db: Database,
    clock: ManualClock,
    operator: UUID,
    subscribers: Subscribers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.subscribers.retention.PAGE", 2)
    held = Held(
        {
            (await added(db, operator, subscribers))[0]: [
                Holding(HoldingClass.REGISTRATION, "cancelled", clock.now())
            ]
            for _ in range(5)
        }
    )
    clock.advance(timedelta(days=8))
    (run,) = await run_retention(db, subscribers, held, [operator], POLICY)
    assert (run.looked_at, run.erased) == (5, 5)
