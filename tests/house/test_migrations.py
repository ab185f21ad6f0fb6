"""One head; the migrated schema is the metadata's; down-migrations refuse to drop the audit."""

from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.lines.ports import NullProvisioner
from service.lines.workflow import Lines
from service.migrations import HEAD
from service.migrations.run import config, migrate
from service.operators.workflow import Operators
from service.otp.model import Notice, NoticeKind
from service.otp.rules import name_of
from service.subscribers.workflow import Subscribers
from service.tables import metadata
from service.web.auth import Scope
from tests.conftest import Backend
from tests.fakes.lines import House


def test_there_is_one_head() -> None:
    assert ScriptDirectory.from_config(config()).get_heads() == [HEAD]


def _included(_: object, name: str | None, kind: str, __: bool, ___: object) -> bool:
    return kind != "table" or name is None or name in metadata.tables


def test_the_migrated_schema_is_that_of_the_metadata(backend: Backend) -> None:
    engine = sa.create_engine(backend.servers.owner_url, poolclass=sa.NullPool)
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "include_object": _included})
        found = compare_metadata(context, metadata)
    engine.dispose()
    assert found == []


def test_every_column_is_commented_in_the_database(backend: Backend) -> None:
    with backend.admin() as conn:
        bare = conn.execute(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
            " AND a.attnum > 0 AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL"
            " AND c.relname NOT LIKE 'procrastinate%' AND c.relname <> 'alembic_version'"
        ).fetchall()
    assert bare == []


def test_row_level_security_is_forced_on_every_tenant_table(backend: Backend) -> None:
    with backend.admin() as conn:
        rows = conn.execute(
            "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c JOIN pg_attribute a"
            " ON a.attrelid = c.oid AND a.attname = 'operator_id' WHERE c.relkind IN ('r', 'p')"
            " AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace"
        ).fetchall()
    assert len(rows) > 15
    assert [name for name, forced in rows if not forced] == []


def test_the_application_may_not_change_the_schema_or_what_is_insert_only(backend: Backend) -> None:
    url = backend.servers.app_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in (
            "CREATE TABLE mine (x int)",
            "ALTER TABLE line ADD COLUMN x int",
            "UPDATE decision SET verdict = 'approved'",
            "DELETE FROM policy_version",
            "DROP TABLE audit_entry",
            "SELECT simward_make_partition('line', '2026_01', '2026-01-01', '2026-02-01')",
        ):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException)):
                conn.execute(statement)


async def test_a_statement_without_an_operator_sees_no_row(
    backend: Backend, db: Database, operator: UUID
) -> None:
    operators = Operators(db)
    await operators.create_key(await operators.by_slug("demo"), "pos-1", [Scope.READ])
    url = backend.servers.app_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url, autocommit=True) as conn:
        for table in ("client", "client_key", "audit_entry"):
            assert conn.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
            with conn.transaction():
                conn.execute(f"SET LOCAL simward.operator = '{UUID(int=7)}'")
                assert conn.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
            with conn.transaction():
                conn.execute(f"SET LOCAL simward.operator = '{operator}'")
                row = conn.execute(f"SELECT count(*) FROM {table}").fetchone()
                assert row is not None
                assert row[0] > 0


def test_the_first_schema_is_never_dropped(backend: Backend) -> None:
    with pytest.raises(RuntimeError, match="audit"):
        migrate(backend.servers.owner_url, "base")
    with backend.admin() as conn:
        assert conn.execute("SELECT to_regclass('audit_entry') IS NOT NULL").fetchone() == (True,)


def test_migrating_twice_changes_nothing(backend: Backend) -> None:
    migrate(backend.servers.owner_url)
    assert ScriptDirectory.from_config(config()).get_current_head() == HEAD


async def test_who_was_told_stays_told_when_notices_get_one_table(
    backend: Backend, db: Database, vault: Vault, operator: UUID
) -> None:
    """What was under way is not taken over: its job asks again. The owner of the tables is under their walls too."""
    subscribers = Subscribers(vault)
    line = await House(db, operator, Lines(db, vault, subscribers, NullProvisioner()), subscribers).open(
        "+4915112340001", None
    )
    url = backend.servers.owner_url
    try:
        migrate(url, "0011")
        with backend.admin() as conn:
            for sent, failed, way in (("now()", "NULL", "line"), ("NULL", "NULL", "contact")):
                conn.execute(
                    "INSERT INTO owner_notice (operator_id, id, line_id, about, way, at, sent_at, failed)"
                    f" VALUES (%s, gen_random_uuid(), %s, 'x', '{way}', now(), {sent}, {failed})",
                    (operator, line.id),
                )
        migrate(url)
        with backend.admin() as conn:
            rows = conn.execute(
                "SELECT about, way, subscriber_id, outcome, due_at, id FROM notice"
            ).fetchall()
            walls = conn.execute(
                "SELECT relname FROM pg_class WHERE relname IN ('line', 'notice') AND NOT relforcerowsecurity"
            ).fetchall()
    finally:
        migrate(url)
    asked_again = Notice(operator, NoticeKind.NEW_LINE, line.id, "line", line.subscriber_id, "", b"x")
    assert rows == [(line.id, "line", line.subscriber_id, "sent", None, name_of(asked_again))]
    assert walls == []


async def test_acts_by_hand_go_with_the_schema_that_holds_them(
    backend: Backend, db: Database, vault: Vault, operator: UUID
) -> None:
    subscribers = Subscribers(vault)
    line = await House(db, operator, Lines(db, vault, subscribers, NullProvisioner()), subscribers).open(
        "+4915112340001", None
    )
    url = backend.servers.owner_url
    try:
        with backend.admin() as conn:
            conn.execute(
                "INSERT INTO line_action (operator_id, id, line_id, registration_id, step, ground, source_kind,"
                " source_id, state, at, by, moved, reason, version) VALUES (%s, gen_random_uuid(), %s, %s, 'suspend',"
                " 'hand', 'act', gen_random_uuid(), 'in_force', now(), 'stf_1', true, 'scam', 1)",
                (operator, line.id, line.registration_id),
            )
            for kind in ("sold", "dealer"):
                conn.execute(
                    "INSERT INTO strike (operator_id, registration_id, kind, source_kind, source_id, at, is_erased)"
                    " VALUES (%s, %s, %s, 'report', gen_random_uuid(), now(), false)",
                    (operator, line.registration_id, kind),
                )
        migrate(url, "0013")
        with backend.admin() as conn:
            left = conn.execute("SELECT 'act' FROM line_action UNION ALL SELECT kind FROM strike").fetchall()
            walls = conn.execute(
                "SELECT relname FROM pg_class WHERE relname IN ('line_action', 'strike') AND NOT relforcerowsecurity"
            ).fetchall()
    finally:
        migrate(url)
    assert left == [("dealer",)]
    assert walls == []
