"""The first schema (INTERIM: from the metadata, to be frozen)."""

from datetime import UTC, datetime

from alembic import op

from service.audit import ddl
from service.migrations import security
from service.migrations.run import sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    from service.tables import metadata

    conn = op.get_bind()
    conn.connection.driver_connection.execute(sql("procrastinate.sql"))
    metadata.create_all(conn)
    op.execute(security.PARTITION_FUNCTION)
    tables = list(metadata.sorted_tables)
    for table in tables:
        if "operator_id" in table.c:
            extra = "key_id = NULLIF(current_setting('simward.key', true), '')" if table.name == "client_key" else None
            for statement in security.wall(table.name, extra):
                op.execute(statement)
        if table.dialect_options["postgresql"]["partition_by"]:
            for suffix, lower, upper in security.months(datetime.now(UTC), 4):
                op.execute(f"SELECT simward_make_partition('{table.name}', '{suffix}', '{lower}', '{upper}')")
            op.execute(f'CREATE TABLE "{table.name}_default" PARTITION OF "{table.name}" DEFAULT')
    for statement in security.grants(table.name for table in tables):
        op.execute(statement)
    for statement in security.JOB_GRANTS:
        op.execute(statement)
    for statement in ddl.STATEMENTS:
        conn.exec_driver_sql(statement.replace("%", "%%"))


def downgrade() -> None:
    raise RuntimeError("the first schema holds the audit; it is never dropped by a migration")
