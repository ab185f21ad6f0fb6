"""Notices to holders."""

import sqlalchemy as sa
from alembic import op

from service.migrations.security import grants, wall
from service.notices.ddl import FUNCTIONS, STATEMENTS

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "owner_notice",
        sa.Column(
            "operator_id", sa.Uuid(), nullable=False, comment="pii:none the operator that the row belongs to"
        ),
        sa.Column("id", sa.Uuid(), nullable=False, comment="pii:none id"),
        sa.Column("line_id", sa.Uuid(), nullable=False, comment="pii:none the line that was told"),
        sa.Column(
            "about",
            sa.LargeBinary(),
            nullable=False,
            comment="pii:index keyed hash of the new line's registration",
        ),
        sa.Column(
            "way", sa.String(8), nullable=False, comment="pii:none to the line or to the contact on file"
        ),
        sa.Column("at", _INSTANT, nullable=False, comment="pii:none when it was due"),
        sa.Column("sent_at", _INSTANT, comment="pii:none when a sender took it"),
        sa.Column("failed", sa.String(32), comment="pii:none why none did; a code"),
        sa.CheckConstraint("way IN ('line','contact')", name=op.f("ck_owner_notice_way")),
        sa.PrimaryKeyConstraint("operator_id", "id", name=op.f("pk_owner_notice")),
        sa.UniqueConstraint(
            "operator_id",
            "line_id",
            "about",
            "way",
            name=op.f("uq_owner_notice_operator_id_line_id_about_way"),
        ),
    )
    op.create_index("ix_owner_notice_at", "owner_notice", ["operator_id", "at"])
    for statement in (*wall("owner_notice"), *grants(["owner_notice"])):
        op.execute(statement)
    op.create_table(
        "notice_taken",
        sa.Column("idx", sa.LargeBinary(), nullable=False, comment="pii:index identity over all operators"),
        sa.Column("about", sa.LargeBinary(), nullable=False, comment="pii:index keyed hash of the new line"),
        sa.Column("at", _INSTANT, nullable=False, comment="pii:none when"),
        sa.PrimaryKeyConstraint("idx", "about", name=op.f("pk_notice_taken")),
    )
    op.create_table(
        "notice_spent",
        sa.Column("token", sa.LargeBinary(), nullable=False, comment="pii:index hash of the sealed token"),
        sa.Column("until", _INSTANT, nullable=False, comment="pii:none when the link is over by itself"),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_notice_spent")),
    )
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
    for table in ("notice_spent", "notice_taken", "owner_notice"):
        op.drop_table(table)
