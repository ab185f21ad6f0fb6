"""What more the signals read: denials by key, marks that holders set on identities, and what is usual among sellers."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from service.migrations.security import APP, READ, wall

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("denied_key", "identity_mark", "peer_rate")


def upgrade() -> None:
    _denials()
    _marks()
    _peers()
    for table in TABLES:
        for statement in wall(table):
            op.execute(statement)
        op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO {APP}')
        op.execute(f'GRANT SELECT ON "{table}" TO {READ}')


def _operator() -> "sa.Column[Any]":
    comment = "pii:none the operator that the row belongs to"
    return sa.Column("operator_id", sa.Uuid(), nullable=False, comment=comment)


def _denials() -> None:
    op.create_table(
        "denied_key",
        _operator(),
        sa.Column("registration_id", sa.Uuid(), nullable=False, comment="pii:none which registration"),
        sa.Column("kind", sa.String(16), nullable=False, comment="pii:none what the index is of"),
        sa.Column("idx", sa.LargeBinary(), nullable=False, comment="pii:index keyed hash"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="pii:none when it was denied"),
        sa.PrimaryKeyConstraint("operator_id", "registration_id", "kind", name=op.f("pk_denied_key")),
    )
    op.create_index("ix_denied_key_idx", "denied_key", ["operator_id", "idx", "at"])


def _marks() -> None:
    op.create_table(
        "identity_mark",
        _operator(),
        sa.Column("id", sa.Uuid(), nullable=False, comment="pii:none id of the mark"),
        sa.Column("of", sa.String(16), nullable=False, comment="pii:none what the index is of"),
        sa.Column("kind", sa.String(16), nullable=False, comment="pii:none frozen or document_lost"),
        sa.Column("idx", sa.LargeBinary(), nullable=False, comment="pii:index keyed hash"),
        sa.Column(
            "registration_id", sa.Uuid(), nullable=False, comment="pii:none whose papers they are known from"
        ),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False, comment="pii:none when it was set"),
        sa.Column("set_by", sa.String(40), nullable=False, comment="pii:none holder, or id of staff"),
        sa.Column(
            "until",
            sa.DateTime(timezone=True),
            comment="pii:none when it ends by itself; null: when it is lifted",
        ),
        sa.Column(
            "lifted_at", sa.DateTime(timezone=True), comment="pii:none when it was lifted before its end"
        ),
        sa.Column("lifted_by", sa.String(40), comment="pii:none holder, or id of staff"),
        sa.CheckConstraint("kind IN ('frozen','document_lost')", name=op.f("ck_identity_mark_kind")),
        sa.CheckConstraint("of IN ('document','personal_number','person')", name=op.f("ck_identity_mark_of")),
        sa.CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name=op.f("ck_identity_mark_lifted")),
        sa.PrimaryKeyConstraint("operator_id", "id", "of", name=op.f("pk_identity_mark")),
    )
    op.create_index("ix_identity_mark_idx", "identity_mark", ["operator_id", "idx"])
    op.create_index("ix_identity_mark_registration", "identity_mark", ["operator_id", "registration_id"])


def _peers() -> None:
    op.create_table(
        "peer_rate",
        _operator(),
        sa.Column("kind", sa.String(16), nullable=False, comment="pii:none whose rate"),
        sa.Column("lines", sa.BigInteger(), nullable=False, comment="pii:none lines within the span"),
        sa.Column("stopped", sa.BigInteger(), nullable=False, comment="pii:none of them stopped for scam"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="pii:none when it was counted"),
        sa.CheckConstraint("kind IN ('dealer','agent')", name=op.f("ck_peer_rate_kind")),
        sa.CheckConstraint("stopped BETWEEN 0 AND lines", name=op.f("ck_peer_rate_stopped")),
        sa.PrimaryKeyConstraint("operator_id", "kind", name=op.f("pk_peer_rate")),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
