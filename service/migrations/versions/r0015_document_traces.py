"""Traces of documents: what the next document is held against, and the hashes of pictures. Kept for thirty days."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BIT

from service.migrations.security import grants, wall

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_TABLES = ("document_trace", "picture_hash")


def _own() -> list[sa.Column[object]]:
    return [
        sa.Column(
            "operator_id", sa.Uuid(), nullable=False, comment="pii:none the operator that the row belongs to"
        ),
        sa.Column("document_id", sa.Uuid(), nullable=False, comment="pii:none the document"),
        sa.Column(
            "registration_id", sa.Uuid(), nullable=False, comment="pii:none the registration it belongs to"
        ),
    ]


def _constraints(table: str) -> list[sa.Constraint]:
    def key(column: str, other: str) -> sa.ForeignKeyConstraint:
        return sa.ForeignKeyConstraint(
            ["operator_id", column],
            [f"{other}.operator_id", f"{other}.id"],
            name=op.f(f"fk_{table}_operator_id_{column}_{other}"),
        )

    return [
        sa.PrimaryKeyConstraint("operator_id", "document_id", name=op.f(f"pk_{table}")),
        key("document_id", "document_check"),
        key("registration_id", "registration"),
        key("subscriber_id", "subscriber"),
    ]


def upgrade() -> None:
    op.create_table(
        "document_trace",
        *_own(),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False, comment="pii:none whose it is"),
        sa.Column("failed", sa.Boolean(), nullable=False, comment="pii:none whether it failed"),
        sa.Column("document_idx", sa.LargeBinary(), comment="pii:index keyed hash of the document"),
        sa.Column("names_idx", sa.LargeBinary(), comment="pii:index keyed hash of the names on it"),
        sa.Column("device_idx", sa.LargeBinary(), comment="pii:index keyed hash of the applicant's device"),
        sa.Column("dealer_id", sa.Uuid(), comment="pii:none the shop where it was shown"),
        sa.Column("agent_id", sa.Uuid(), comment="pii:none who was shown it"),
        sa.Column("at", _INSTANT, nullable=False, comment="pii:none when it was shown"),
        *_constraints("document_trace"),
    )
    op.create_table(
        "picture_hash",
        *_own(),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False, comment="pii:none whose document it shows"),
        sa.Column(
            "hash",
            BIT(256),
            nullable=False,
            comment="pii:index perceptual hash of the blacked-out picture, under a mask of the operator's",
        ),
        sa.Column("at", _INSTANT, nullable=False, comment="pii:none when it came"),
        *_constraints("picture_hash"),
    )
    for table in _TABLES:
        for column in ("registration_id", "subscriber_id", "at"):
            op.create_index(op.f(f"ix_{table}_operator_id_{column}"), table, ["operator_id", column])
    for column in ("document_idx", "device_idx", "dealer_id", "agent_id"):
        op.create_index(
            op.f(f"ix_document_trace_operator_id_{column}_at"),
            "document_trace",
            ["operator_id", column, "at"],
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
    for table in _TABLES:
        for statement in wall(table):
            op.execute(statement)
    for statement in grants(_TABLES):
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
