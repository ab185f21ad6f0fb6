"""Chips: a keyed hash of each, and the certificates that their signers are trusted by."""

import sqlalchemy as sa
from alembic import op

from service.migrations.security import grants

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "document_check",
        sa.Column("chip_idx", sa.LargeBinary(), comment="pii:index keyed hash of the chip's security object"),
    )
    op.create_index(
        op.f("ix_document_check_operator_id_chip_idx"),
        "document_check",
        ["operator_id", "chip_idx"],
        postgresql_where=sa.text("chip_idx IS NOT NULL"),
    )
    op.create_table(
        "csca_import",
        sa.Column("id", sa.Uuid(), nullable=False, comment="pii:none id"),
        sa.Column("kind", sa.String(12), nullable=False, comment="pii:none list, certificate or revocations"),
        sa.Column("source", sa.String(100), nullable=False, comment="pii:none whose it is"),
        sa.Column("dated_at", _INSTANT, nullable=False, comment="pii:none when it was signed"),
        sa.Column("digest", sa.String(64), nullable=False, comment="pii:none hash of the content"),
        sa.Column("count", sa.Integer(), nullable=False, comment="pii:none certificates, or serial numbers"),
        sa.Column(
            "content", sa.LargeBinary(), nullable=False, comment="pii:none the file: certificates of states"
        ),
        sa.Column("staged_by", sa.Uuid(), nullable=False, comment="pii:none the staff member who brought it"),
        sa.Column("staged_at", _INSTANT, nullable=False, comment="pii:none when"),
        sa.CheckConstraint("kind IN ('master_list', 'certificate', 'crl')", name=op.f("ck_csca_import_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csca_import")),
    )
    op.create_table(
        "csca_activation",
        sa.Column(
            "number", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="pii:none order"
        ),
        sa.Column("import_id", sa.Uuid(), nullable=False, comment="pii:none what"),
        sa.Column("effect", sa.String(8), nullable=False, comment="pii:none trust or withdraw"),
        sa.Column("done_by", sa.Uuid(), nullable=False, comment="pii:none the staff member who did it"),
        sa.Column("done_at", _INSTANT, nullable=False, comment="pii:none when"),
        sa.CheckConstraint("effect IN ('trust', 'withdraw')", name=op.f("ck_csca_activation_effect")),
        sa.ForeignKeyConstraint(
            ["import_id"], ["csca_import.id"], name=op.f("fk_csca_activation_import_id_csca_import")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_csca_activation")),
    )
    op.create_index(op.f("ix_csca_activation_import_id"), "csca_activation", ["import_id"])
    tables = ["csca_import", "csca_activation"]
    for statement in grants(tables, insert_only=tables):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("csca_activation")
    op.drop_table("csca_import")
    op.drop_index(op.f("ix_document_check_operator_id_chip_idx"), "document_check")
    op.drop_column("document_check", "chip_idx")
