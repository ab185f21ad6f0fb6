"""The first schema: procrastinate's own, every domain's tables, and the walls around them."""

from datetime import timedelta

from alembic import op

from service.kit.clock import SystemClock
from service.migrations.run import sql
from service.migrations.security import months

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PARTITIONED = ("audit_entry", "decision")


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(sql("procrastinate.sql"))
    driver.execute(sql("r0001.sql"))
    # Two months back for what the seed and an import date there, three ahead; the worker goes on from here.
    start = SystemClock().now() - timedelta(days=62)
    for table in PARTITIONED:
        for suffix, lower, upper in months(start, 6):
            op.execute(f"SELECT simward_make_partition('{table}', '{suffix}', '{lower}', '{upper}')")


def downgrade() -> None:
    raise RuntimeError("the first schema holds the audit, its seals and the erasures: it is never dropped")
