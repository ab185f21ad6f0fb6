"""Migrations: alembic revisions, run as ``simward_owner`` by ``simward migrate``. One head."""

HEAD = "0015"
"""The newest revision; a test compares it with the revisions. Known without loading alembic, which takes longer
to import than a start should."""
