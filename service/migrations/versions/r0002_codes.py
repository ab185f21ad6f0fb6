"""Codes: the history of what was sent and checked, the money of a day, and blocks."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from service.kit.clock import SystemClock
from service.migrations.security import APP, READ, months, wall

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("money_day", "send_block", "otp_event")


def upgrade() -> None:
    _money()
    _blocks()
    _history()
    for table in TABLES:
        for statement in wall(table):
            op.execute(statement)
        # The history is added to and, when it is old, deleted; what it says is never changed.
        change = "" if table == "otp_event" else ", UPDATE"
        op.execute(f'GRANT SELECT, INSERT, DELETE{change} ON "{table}" TO {APP}')
        op.execute(f'GRANT SELECT ON "{table}" TO {READ}')


def _money() -> None:
    op.create_table(
        "money_day",
        sa.Column(
            "operator_id", sa.Uuid(), nullable=False, comment="pii:none the operator that the row belongs to"
        ),
        sa.Column("day", sa.Date(), nullable=False, comment="pii:none day of UTC"),
        sa.Column("currency", sa.String(3), nullable=False, comment="pii:none ISO 4217"),
        sa.Column(
            "cap", sa.BigInteger(), nullable=False, comment="pii:none micro-units that the day may cost"
        ),
        sa.Column("leased", sa.BigInteger(), nullable=False, comment="pii:none micro-units leased so far"),
        sa.Column(
            "leased_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="pii:none when the last slice was leased",
        ),
        sa.CheckConstraint("leased >= 0 AND leased <= cap", name=op.f("ck_money_day_within_cap")),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operator.id"], name=op.f("fk_money_day_operator_id_operator")
        ),
        sa.PrimaryKeyConstraint("operator_id", "day", name=op.f("pk_money_day")),
    )


def _blocks() -> None:
    op.create_table(
        "send_block",
        sa.Column(
            "operator_id", sa.Uuid(), nullable=False, comment="pii:none the operator that the row belongs to"
        ),
        sa.Column("id", sa.Uuid(), nullable=False, comment="pii:none id"),
        sa.Column(
            "limit", sa.String(40), nullable=False, comment="pii:none which limit it fills: OtpBlocked…"
        ),
        sa.Column(
            "place",
            sa.String(40),
            comment="pii:none country, number block or client id; none for a number",
        ),
        sa.Column("client_id", sa.Uuid(), comment="pii:none whose codes, where it is one client's"),
        sa.Column("sealed", sa.LargeBinary(), comment="pii:sealed the number, where it is one"),
        sa.Column("reason", sa.String(40), nullable=False, comment="pii:none code of the reason"),
        sa.Column("made_by", sa.String(40), nullable=False, comment="pii:none holder, guard, or id of staff"),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False, comment="pii:none when it was set"),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False, comment="pii:none when it ends"),
        sa.Column(
            "lifted_at", sa.DateTime(timezone=True), comment="pii:none when it was lifted before its end"
        ),
        sa.Column("lifted_by", sa.String(40), comment="pii:none id of staff"),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operator.id"], name=op.f("fk_send_block_operator_id_operator")
        ),
        sa.PrimaryKeyConstraint("operator_id", "id", name=op.f("pk_send_block")),
    )
    op.create_index(op.f("ix_send_block_operator_id_until"), "send_block", ["operator_id", "until"])


def _history() -> None:
    texts: list[tuple[str, sa.types.TypeEngine[Any], str]] = [
        ("limit", sa.String(40), "the limit that decided"),
        ("subject", sa.Uuid(), "registration or verification"),
        ("challenge", sa.Uuid(), "which code"),
        ("client_id", sa.Uuid(), "who asked"),
        ("dealer_id", sa.Uuid(), "for which dealer"),
        ("purpose", sa.String(16), "what the code is for"),
        ("country", sa.String(2), "country of the number"),
        ("block", sa.String(16), "the number without its last four digits"),
        ("channel", sa.String(8), "sms or voice"),
        ("language", sa.String(8), "of the message"),
        ("sender", sa.String(16), "who took it"),
        ("price", sa.BigInteger(), "micro-units"),
        ("policy", sa.String(40), "version of the limits"),
    ]
    op.create_table(
        "otp_event",
        sa.Column(
            "operator_id", sa.Uuid(), nullable=False, comment="pii:none the operator that the row belongs to"
        ),
        sa.Column(
            "at", sa.DateTime(timezone=True), nullable=False, comment="pii:none when, by the clock of Redis"
        ),
        sa.Column("id", sa.Uuid(), nullable=False, comment="pii:none id, by which it is written once"),
        sa.Column(
            "kind",
            sa.String(12),
            nullable=False,
            comment="pii:none send, check, accepted, unsent, withheld or receipt",
        ),
        sa.Column("outcome", sa.String(16), nullable=False, comment="pii:none what came of it"),
        *(sa.Column(name, kind, comment=f"pii:none {what}") for name, kind, what in texts),
        sa.Column(
            "facts",
            JSONB(),
            nullable=False,
            comment="pii:none keyed hashes that name budgets, and limits in shadow that had no room",
        ),
        sa.PrimaryKeyConstraint("operator_id", "at", "id", name=op.f("pk_otp_event")),
        postgresql_partition_by="RANGE (at)",
    )
    op.execute('CREATE TABLE "otp_event_default" PARTITION OF "otp_event" DEFAULT')
    for suffix, lower, upper in months(SystemClock().now() - timedelta(days=62), 6):
        op.execute(f"SELECT simward_make_partition('otp_event', '{suffix}', '{lower}', '{upper}')")
    for column in ("subject", "challenge"):
        op.create_index(op.f(f"ix_otp_event_operator_id_{column}"), "otp_event", ["operator_id", column])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
