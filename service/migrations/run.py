"""Bring a database to the newest schema, as ``simward_owner``."""

from functools import cache
from importlib import resources
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

_LOCK = 0x51A0_3A6D
"""Advisory lock under which one process migrates and the others wait."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


@cache
def head() -> str:
    """The newest revision."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None
    return newest


def sql(name: str) -> str:
    """A frozen SQL file beside the revisions."""
    return resources.files("service.migrations").joinpath("sql", name).read_text("utf-8")


def migrate(owner_url: str, revision: str = "head") -> None:
    """Upgrade to ``revision`` (or downgrade, where it is an older one). A second process waits for the first."""
    engine = sa.create_engine(owner_url, hide_parameters=True, poolclass=sa.NullPool)
    try:
        with engine.connect() as conn:
            conn.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
            conn.commit()
            config = _config()
            config.attributes["connection"] = conn
            known = _current(conn)
            if known is not None and revision != "head" and _is_older(revision, known):
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)
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
    if revision == "base":
        return True
    script = ScriptDirectory.from_config(_config())
    return revision != known and revision in {
        found.revision for found in script.iterate_revisions(known, "base")
    }
