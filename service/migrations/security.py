"""Row-level security, grants and monthly partitions, as statements for the migrations.

``security.md`` 3: no service connects as owner; row-level security is forced, as a second wall, by the
setting ``simward.operator``; a statement without it sees no row.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

APP, SEALER, READ = "simward_app", "simward_sealer", "simward_read"
TENANT = "operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)"

NAMED_KEY = "key_id = NULLIF(current_setting('simward.key', true), '')"
"""Lets a key be found by its id before any operator is known: that row alone (``operators.store.find_key``)."""


def wall(table: str, extra: str | None = None) -> Iterator[str]:
    """Force row-level security on a tenant's table; ``extra`` admits more rows (for reading only)."""
    yield f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY'
    yield f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY'
    yield f'CREATE POLICY tenant ON "{table}" USING ({TENANT}) WITH CHECK ({TENANT})'
    if extra:
        yield f'CREATE POLICY directory ON "{table}" FOR SELECT USING ({extra})'


def grants(tables: Iterable[str], insert_only: Iterable[str] = ()) -> Iterator[str]:
    """Least privilege: the application changes rows, the reader reads, nobody but the owner changes tables."""
    closed = set(insert_only)
    for table in tables:
        rights = "SELECT, INSERT" if table in closed else "SELECT, INSERT, UPDATE, DELETE"
        yield f'GRANT {rights} ON "{table}" TO {APP}'
        yield f'GRANT SELECT ON "{table}" TO {READ}'


def months(start: datetime, count: int) -> Iterator[tuple[str, str, str]]:
    """(suffix, from, to) of ``count`` months from the one that holds ``start``."""
    year, month = start.year, start.month
    for _ in range(count):
        after = (year + 1, 1) if month == 12 else (year, month + 1)
        yield f"{year}_{month:02}", f"{year}-{month:02}-01", f"{after[0]}-{after[1]:02}-01"
        year, month = after


PARTITION_FUNCTION = """
CREATE FUNCTION simward_make_partition(parent text, suffix text, lower_at timestamptz, upper_at timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- Only tables that are partitioned already, only names of the one form: this runs with the owner's rights.
  IF suffix !~ '^[0-9]{4}_[0-9]{2}$' OR NOT EXISTS (
    SELECT 1 FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid
    WHERE c.relname = parent AND c.relnamespace = 'public'::regnamespace) THEN
    RAISE EXCEPTION 'no such partitioned table';
  END IF;
  IF to_regclass(format('public.%I', parent || '_' || suffix)) IS NULL THEN
    EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
                   parent || '_' || suffix, parent, lower_at, upper_at);
  END IF;
END $$
"""

JOB_GRANTS = (
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON procrastinate_jobs, procrastinate_events,"
    f" procrastinate_periodic_defers, procrastinate_workers TO {APP}",
    f"GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq,"
    f" procrastinate_periodic_defers_id_seq, procrastinate_workers_id_seq TO {APP}",
    "REVOKE EXECUTE ON FUNCTION simward_make_partition FROM PUBLIC",
    f"GRANT EXECUTE ON FUNCTION simward_make_partition TO {APP}",
    f"GRANT SELECT ON alembic_version TO {APP}, {SEALER}, {READ}",
)
