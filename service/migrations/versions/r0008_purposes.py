"""SIM swap, port-in, re-verification, probation."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _line() -> list[sa.Column[Any]]:
    return [
        sa.Column("probation_since", sa.DateTime(timezone=True), comment="pii:none when its probation began"),
        sa.Column(
            "probation_days",
            sa.SmallInteger(),
            comment="pii:none days of ordinary use that end its probation",
        ),
        sa.Column(
            "ordinary_days",
            sa.SmallInteger(),
            nullable=False,
            server_default=sa.text("0"),
            comment="pii:none days of ordinary use so far",
        ),
        sa.Column("judged_to", sa.Date(), comment="pii:none last day whose use was looked at"),
        sa.Column("used_on", sa.Date(), comment="pii:none last day on which it was used"),
        sa.Column(
            "handset_changed_at",
            sa.DateTime(timezone=True),
            comment="pii:none when it was last seen in another handset",
        ),
    ]


def _registration() -> list[sa.Column[Any]]:
    return [
        sa.Column("line_id", sa.Uuid(), comment="pii:none the line in service that it is about"),
        sa.Column(
            "told_at", sa.DateTime(timezone=True), comment="pii:none when the holder was told of a lost card"
        ),
    ]


_INDEXES = (
    ("ix_line_probation", "line", "id", "probation_until"),
    ("ix_registration_line", "registration", "line_id", "line_id"),
)


def upgrade() -> None:
    """Columns may be null or have a default: code of the revision before goes on writing its rows."""
    for column in _line():
        op.add_column("line", column)
    for column in _registration():
        op.add_column("registration", column)
    op.create_foreign_key(
        op.f("fk_registration_operator_id_line"),
        "registration",
        "line",
        ["operator_id", "line_id"],
        ["operator_id", "id"],
    )
    op.create_index(
        "ix_line_probation",
        "line",
        ["operator_id", "id"],
        postgresql_where=sa.text("probation_until IS NOT NULL"),
    )
    op.create_index(
        "ix_registration_line",
        "registration",
        ["operator_id", "line_id"],
        postgresql_where=sa.text("line_id IS NOT NULL"),
    )


def downgrade() -> None:
    for name, table, _, _ in reversed(_INDEXES):
        op.drop_index(name, table)
    op.drop_constraint(op.f("fk_registration_operator_id_line"), "registration", type_="foreignkey")
    for column in _registration():
        op.drop_column("registration", column.name)
    for column in _line():
        op.drop_column("line", column.name)
