"""What follows from reports, deepened: a label on the line, sellers' rates, acts by hand on the
ledger, things marked as shared by many."""

import sqlalchemy as sa
from alembic import op

from service.migrations.security import grants, wall

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_GROUNDS = "'reported','confirmed','ownership','ring'"
_SOURCES = "'report','ring'"
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "line",
        sa.Column(
            "labelled_until",
            _INSTANT,
            comment="pii:none until when whoever is called may be told of reports",
        ),
    )
    op.add_column(
        "holding",
        sa.Column(
            "stopped_at",
            _INSTANT,
            comment="pii:none newest step on a report or ring that holds; kinds dealer and agent alone",
        ),
    )
    op.add_column(
        "line_action",
        sa.Column("reason", sa.String(48), comment="pii:none code given for an act by hand"),
    )
    _checks(f"{_GROUNDS},'hand'", f"{_SOURCES},'act'")
    op.create_check_constraint(
        op.f("ck_line_action_reason"), "line_action", "(ground = 'hand') = (reason IS NOT NULL)"
    )
    op.create_table(
        "link_common",
        sa.Column(
            "operator_id", sa.Uuid(), nullable=False, comment="pii:none the operator that the row belongs to"
        ),
        sa.Column("idx", sa.LargeBinary(), nullable=False, comment="pii:index keyed hash of the thing"),
        sa.Column("kind", sa.String(16), nullable=False, comment="pii:none what the index is of"),
        sa.Column("reason", sa.String(48), nullable=False, comment="pii:none code: why many share it"),
        sa.Column("at", _INSTANT, nullable=False, comment="pii:none when it was marked"),
        sa.Column("by", sa.String(40), nullable=False, comment="pii:none id of staff"),
        sa.CheckConstraint(
            "kind IN ('device','address','contact','payment')", name=op.f("ck_link_common_kind")
        ),
        sa.PrimaryKeyConstraint("operator_id", "idx", name=op.f("pk_link_common")),
    )
    for statement in (*wall("link_common"), *grants(["link_common"])):
        op.execute(statement)


def _checks(grounds: str, sources: str) -> None:
    for name, column, values in (("ground", "ground", grounds), ("source", "source_kind", sources)):
        op.drop_constraint(op.f(f"ck_line_action_{name}"), "line_action")
        op.create_check_constraint(op.f(f"ck_line_action_{name}"), "line_action", f"{column} IN ({values})")


def downgrade() -> None:
    op.drop_table("link_common")
    op.drop_constraint(op.f("ck_line_action_reason"), "line_action")
    # What the older schema cannot hold goes. The owner sees a forced table's rows only while it is not.
    for table, which in (("line_action", "ground = 'hand'"), ("strike", "kind = 'sold'")):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"DELETE FROM {table} WHERE {which}")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    _checks(_GROUNDS, _SOURCES)
    op.drop_column("line_action", "reason")
    op.drop_column("holding", "stopped_at")
    op.drop_column("line", "labelled_until")
