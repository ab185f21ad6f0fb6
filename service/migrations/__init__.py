"""Migrations: alembic revisions, run as ``simward_owner`` by ``simward migrate``. One head."""
