"""Alembic's environment: online, on the connection that ``service.migrations.run`` hands in."""

from alembic import context

from service.tables import metadata


def include(_: object, name: str | None, kind: str, __: bool, ___: object) -> bool:
    """Leave out procrastinate's own tables and the partitions, which are made by the month."""
    if kind != "table" or name is None:
        return True
    return not name.startswith("procrastinate_") and name in metadata.tables


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    include_object=include,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
