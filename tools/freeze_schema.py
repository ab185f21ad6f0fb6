"""Print the SQL of the first revision: tables, row-level security, grants, the audit's walls.

``python tools/freeze_schema.py > service/migrations/sql/r0001.sql``. A revision is frozen once it has landed;
later changes are further revisions (``alembic`` operations), and a test compares the outcome with the metadata.
"""

from collections.abc import Iterator
from itertools import groupby

import sqlalchemy as sa

from service.audit import ddl
from service.migrations import security
from service.risk import ddl as shared
from service.tables import metadata

INSERT_ONLY = ("decision", "policy_version", "policy_publication")
"""Tables beside the audit's whose rows the application may add and never change."""


def statements() -> Iterator[str]:
    made: list[str] = []

    def take(statement: sa.schema.ExecutableDDLElement, *_: object, **__: object) -> None:
        text = str(statement.compile(dialect=engine.dialect)).strip()
        made.append("\n".join(line.rstrip().replace("\t", "    ") for line in text.splitlines()))

    engine = sa.create_mock_engine("postgresql+psycopg://", take)
    metadata.create_all(engine, checkfirst=False)
    yield from in_order(made)
    yield security.PARTITION_FUNCTION.strip()
    tables = list(metadata.sorted_tables)
    for table in tables:
        if table.dialect_options["postgresql"]["partition_by"]:
            yield f'CREATE TABLE "{table.name}_default" PARTITION OF "{table.name}" DEFAULT'
    for table in tables:
        if "operator_id" in table.c:
            is_directory = table.name == "client_key"
            yield from security.wall(table.name, security.NAMED_KEY if is_directory else None)
    yield from security.grants(
        (table.name for table in tables if table.name not in shared.TABLES), INSERT_ONLY
    )
    yield from security.JOB_GRANTS
    yield from (statement.strip() for statement in (*ddl.STATEMENTS, *shared.STATEMENTS))


def in_order(made: list[str]) -> Iterator[str]:
    """A table's indexes are a set in the metadata: by name they come out the same every time."""
    for is_index, group in groupby(
        made, lambda text: text.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX"))
    ):
        found = list(group)
        yield from sorted(found, key=lambda text: text.split(" INDEX ")[1]) if is_index else found


def main() -> None:
    print("-- The first schema, as it was when revision 0001 was frozen. Made by tools/freeze_schema.py.\n")
    print("\n\n".join(statement + ";" for statement in statements()))


if __name__ == "__main__":
    main()
