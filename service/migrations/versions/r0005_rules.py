"""Rules as they are drafted and published, what rules in shadow said, and what is usual for a signal."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from service.migrations.security import grants, wall

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("signal_baseline", "rule_draft")
_OPERATOR = "pii:none the operator that the row belongs to"


def upgrade() -> None:
    # Old code goes on writing decisions without it.
    op.add_column(
        "decision",
        sa.Column(
            "shadow",
            JSONB(),
            server_default=sa.text("'[]'"),
            nullable=False,
            comment="pii:none what rules in shadow would have said; decides nothing",
        ),
    )
    _baselines()
    _drafts()
    for table in TABLES:
        for statement in wall(table):
            op.execute(statement)
    for statement in grants(TABLES):
        op.execute(statement)


def _baselines() -> None:
    op.create_table(
        "signal_baseline",
        sa.Column("operator_id", sa.Uuid(), nullable=False, comment=_OPERATOR),
        sa.Column("signal", sa.String(60), nullable=False, comment="pii:none name of the signal"),
        sa.Column(
            "p50", sa.Integer(), nullable=False, comment="pii:none half of the decisions had at most this"
        ),
        sa.Column(
            "p99", sa.Integer(), nullable=False, comment="pii:none 99 of 100 decisions had at most this"
        ),
        sa.Column("of", sa.Integer(), nullable=False, comment="pii:none how many decisions were counted"),
        sa.Column(
            "at", sa.DateTime(timezone=True), nullable=False, comment="pii:none when they were counted"
        ),
        sa.PrimaryKeyConstraint("operator_id", "signal", name=op.f("pk_signal_baseline")),
    )


def _drafts() -> None:
    instant = sa.DateTime(timezone=True)
    open_states = sa.text("state IN ('open','proposed')")
    op.create_table(
        "rule_draft",
        sa.Column("operator_id", sa.Uuid(), nullable=False, comment=_OPERATOR),
        sa.Column("id", sa.Uuid(), nullable=False, comment="pii:none id"),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="pii:none of the row; each change adds one"
        ),
        sa.Column(
            "state", sa.String(10), nullable=False, comment="pii:none open, proposed, published or dropped"
        ),
        sa.Column("base_version", sa.String(32), nullable=False, comment="pii:none policy that it changes"),
        sa.Column("rules", JSONB(), nullable=False, comment="pii:none changed rules by id"),
        sa.Column(
            "authors", JSONB(), nullable=False, comment="pii:none ids of staff who changed a rule in it"
        ),
        sa.Column(
            "digest",
            sa.String(64),
            comment="pii:none of changes and base, as proposed; an approval names it",
        ),
        sa.Column("reason", sa.String(40), comment="pii:none code of the proposer's reason"),
        sa.Column("made_at", instant, nullable=False, comment="pii:none when it was begun"),
        sa.Column("changed_at", instant, nullable=False, comment="pii:none when it was last changed"),
        sa.Column("proposed_by", sa.Uuid(), comment="pii:none id of staff"),
        sa.Column("proposed_at", instant, comment="pii:none when it was proposed"),
        sa.Column("approved_by", sa.Uuid(), comment="pii:none id of staff, another person"),
        sa.Column("published_version", sa.String(32), comment="pii:none policy that it became"),
        sa.CheckConstraint(
            "state IN ('open','proposed','published','dropped')", name=op.f("ck_rule_draft_state")
        ),
        sa.CheckConstraint(
            "(state IN ('proposed','published')) = (proposed_by IS NOT NULL)",
            name=op.f("ck_rule_draft_proposed"),
        ),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> proposed_by", name=op.f("ck_rule_draft_two_persons")
        ),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operator.id"], name=op.f("fk_rule_draft_operator_id_operator")
        ),
        sa.PrimaryKeyConstraint("operator_id", "id", name=op.f("pk_rule_draft")),
    )
    op.create_index(
        "uq_rule_draft_unfinished", "rule_draft", ["operator_id"], unique=True, postgresql_where=open_states
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_column("decision", "shadow")
