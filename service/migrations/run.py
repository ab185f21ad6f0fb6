"""Bring a database to the newest schema, as ``simward_owner``.

Alembic is loaded only where there is something to migrate: every start asks, and its import takes longer than
the question.
"""

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa

from service.migrations import HEAD

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = 0x51A0_3A6D
"""Advisory lock under which one process migrates and the others wait."""


def config() -> "Config":
    """Alembic's configuration, without a file of its own."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return made


def sql(name: str) -> str:
    """A frozen SQL file beside the revisions."""
    return resources.files("service.migrations").joinpath("sql", name).read_text("utf-8")


def is_newest(owner_url: str) -> bool:
    """Whether the database is at :data:`HEAD` already."""
    plain = owner_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as conn:
        table = conn.execute("SELECT to_regclass('public.alembic_version')").fetchone()
        if table is None or table[0] is None:
            return False
        return conn.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


def migrate(owner_url: str, revision: str = "head") -> None:
    """Upgrade to ``revision``, or downgrade where it is an older one. A second process waits for the first."""
    if revision == "head" and is_newest(owner_url):
        return
    from alembic import command

    engine = sa.create_engine(owner_url, hide_parameters=True, poolclass=sa.NullPool)
    try:
        with engine.connect() as conn:
            conn.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
            conn.commit()
            here = config()
            here.attributes["connection"] = conn
            known = _current(conn)
            if known is not None and revision != "head" and _is_older(revision, known):
                command.downgrade(here, revision)
            else:
                command.upgrade(here, revision)
            conn.commit()
            conn.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK})")
            conn.commit()
    finally:
        engine.dispose()


def _current(conn: sa.Connection) -> str | None:
    if not sa.inspect(conn).has_table("alembic_version"):
        return None
    found = conn.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _is_older(revision: str, known: str) -> bool:
    from alembic.script import ScriptDirectory

    if revision == "base":
        return True
    script = ScriptDirectory.from_config(config())
    earlier = {found.revision for found in script.iterate_revisions(known, "base")}
    return revision != known and revision in earlier
