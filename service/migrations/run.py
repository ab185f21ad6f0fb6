"""Bring a database to the newest schema, as ``simward_owner``."""

from importlib import resources

import sqlalchemy as sa

from service.kit.clock import SystemClock
from service.migrations import security


def migrate(owner_url: str) -> None:
    """INTERIM: builds from the metadata until revision 0001 is frozen."""
    from service.tables import metadata

    engine = sa.create_engine(owner_url, hide_parameters=True)
    with engine.begin() as conn:
        if sa.inspect(conn).has_table("operator"):
            return
        sql = resources.files("service.migrations").joinpath("sql/procrastinate.sql").read_text("utf-8")
        conn.connection.driver_connection.execute(sql)
        metadata.create_all(conn)
        conn.exec_driver_sql(security.PARTITION_FUNCTION)
        for table in metadata.sorted_tables:
            if "operator_id" in table.c:
                extra = (
                    "key_id = NULLIF(current_setting('simward.key', true), '')"
                    if table.name == "client_key"
                    else None
                )
                for statement in security.wall(table.name, extra):
                    conn.exec_driver_sql(statement.replace("%", "%%"))
            if table.dialect_options["postgresql"]["partition_by"]:
                for suffix, lower, upper in security.months(SystemClock().now(), 4):
                    conn.exec_driver_sql(
                        f"SELECT simward_make_partition('{table.name}', '{suffix}', '{lower}', '{upper}')"
                    )
                conn.exec_driver_sql(
                    f'CREATE TABLE "{table.name}_default" PARTITION OF "{table.name}" DEFAULT'
                )
        for statement in security.grants(t.name for t in metadata.sorted_tables):
            conn.exec_driver_sql(statement)
        for statement in (
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {security.APP}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {security.APP}",
        ):
            conn.exec_driver_sql(statement)
        try:
            from service.audit import ddl
        except ImportError:
            return
        for statement in ddl.STATEMENTS:
            conn.exec_driver_sql(statement.replace("%", "%%"))
