"""Backtests that staff asked for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from service.migrations.security import grants, wall

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "backtest_run",
        sa.Column(
            "operator_id", sa.Uuid(), nullable=False, comment="pii:none the operator that the row belongs to"
        ),
        sa.Column("id", sa.Uuid(), nullable=False, comment="pii:none id"),
        sa.Column("draft_id", sa.Uuid(), nullable=False, comment="pii:none the draft that it is about"),
        sa.Column("digest", sa.String(64), nullable=False, comment="pii:none hash of the policy"),
        sa.Column("since", _INSTANT, nullable=False, comment="pii:none begin of the time"),
        sa.Column("until", _INSTANT, nullable=False, comment="pii:none end of the time"),
        sa.Column("state", sa.String(10), nullable=False, comment="pii:none how far it is"),
        sa.Column("asked_by", sa.Uuid(), nullable=False, comment="pii:none who asked for it"),
        sa.Column("asked_at", _INSTANT, nullable=False, comment="pii:none when"),
        sa.Column("risk", JSONB(), nullable=False, comment="pii:none the policy: rules, no person"),
        sa.Column("done", sa.Integer(), nullable=False, comment="pii:none decisions judged"),
        sa.Column("total", sa.Integer(), nullable=False, comment="pii:none decisions in that time"),
        sa.Column("result", JSONB(), comment="pii:none the report: counts and ids"),
        sa.Column("ended_at", _INSTANT, comment="pii:none when it was over"),
        sa.CheckConstraint(
            "state IN ('waiting','running','done','cancelled','failed')", name=op.f("ck_backtest_run_state")
        ),
        sa.PrimaryKeyConstraint("operator_id", "id", name=op.f("pk_backtest_run")),
    )
    op.create_index(
        "uq_backtest_run_open",
        "backtest_run",
        ["operator_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    for statement in (*wall("backtest_run"), *grants(["backtest_run"])):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("backtest_run")
