"""Every message without a code in one table, sealed while it waits; it takes in what was known of owner notices."""

import sqlalchemy as sa
from alembic import op

from service.migrations.security import grants, wall

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)

# The id that the courier gives to the same notice (otp.rules.name_of), by which it finds that it was sent.
_NAME = """CAST(encode(substring(sha256(convert_to('notice/v1', 'UTF8') || decode('00', 'hex')
  || int2send(CAST(8 AS int2)) || convert_to('new-line', 'UTF8')
  || int2send(CAST(16 AS int2)) || uuid_send(o.line_id)
  || int2send(CAST(octet_length(o.way) AS int2)) || convert_to(o.way, 'UTF8')
  || int2send(CAST(octet_length(o.about) AS int2)) || o.about) FROM 1 FOR 16), 'hex') AS uuid)"""

# What is under way is asked for again by its job; whoever was told stays told.
_TAKEN_IN = f"""
INSERT INTO notice (operator_id, id, kind, about, way, subscriber_id, made_at, tries, outcome, sent_at)
SELECT o.operator_id, {_NAME}, 'new-line', o.line_id, o.way, l.subscriber_id, o.at, 1,
  CASE WHEN o.sent_at IS NOT NULL THEN 'sent' WHEN o.failed IN ('withheld', 'uncertain') THEN o.failed
    ELSE 'sender' END, o.sent_at
FROM owner_notice o JOIN line l ON l.operator_id = o.operator_id AND l.id = o.line_id
WHERE o.sent_at IS NOT NULL OR o.failed IS NOT NULL
"""


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column(
            "operator_id", sa.Uuid(), nullable=False, comment="pii:none the operator that the row belongs to"
        ),
        sa.Column("id", sa.Uuid(), nullable=False, comment="pii:none id, made of what it is about"),
        sa.Column("kind", sa.String(12), nullable=False, comment="pii:none card-asked, new-line or step"),
        sa.Column(
            "about", sa.Uuid(), nullable=False, comment="pii:none registration, line or action, by its kind"
        ),
        sa.Column("way", sa.String(12), nullable=False, comment="pii:none which of the messages about that"),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False, comment="pii:none whose key seals it"),
        sa.Column("sealed", sa.LargeBinary(), comment="pii:sealed number and text, while it waits"),
        sa.Column("made_at", _INSTANT, nullable=False, comment="pii:none when it was asked for"),
        sa.Column("tries", sa.Integer(), nullable=False, comment="pii:none how often it was handed over"),
        sa.Column("due_at", _INSTANT, comment="pii:none next try; none once it is over"),
        sa.Column("outcome", sa.String(16), comment="pii:none of the last try"),
        sa.Column("sent_at", _INSTANT, comment="pii:none when a sender took it"),
        sa.PrimaryKeyConstraint("operator_id", "id", name=op.f("pk_notice")),
        sa.ForeignKeyConstraint(
            ["operator_id", "subscriber_id"],
            ["subscriber.operator_id", "subscriber.id"],
            name=op.f("fk_notice_operator_id_subscriber_id_subscriber"),
        ),
    )
    op.create_index(
        "ix_notice_due",
        "notice",
        ["operator_id", "due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_notice_made", "notice", ["operator_id", "made_at"])
    # The owner is under the walls as well.
    for table in ("owner_notice", "line"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(_TAKEN_IN)
    op.execute("ALTER TABLE line FORCE ROW LEVEL SECURITY")
    op.drop_table("owner_notice")
    for statement in (*wall("notice"), *grants(["notice"])):
        op.execute(statement)


def downgrade() -> None:
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
    op.drop_table("notice")
