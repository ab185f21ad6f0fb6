"""What follows from reports: actions on lines, rings, strikes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from service.migrations.security import grants, wall

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("line_action", "line_mark", "ring_action", "ring_member", "strike")
_STEPS = "('label','restrict','hold','suspend','close')"


def upgrade() -> None:
    _ledger()
    _ledger_indexes()
    _marks()
    _rings()
    _members()
    _strikes()
    for table in TABLES:
        for statement in wall(table):
            op.execute(statement)
    for statement in grants(TABLES):
        op.execute(statement)


def _operator() -> sa.Column[object]:
    return sa.Column(
        "operator_id", sa.Uuid(), nullable=False, comment="pii:none the operator that the row belongs to"
    )


def _uuid(name: str, what: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=nullable, comment=f"pii:none {what}")


def _text(name: str, length: int, what: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(length), nullable=nullable, comment=f"pii:none {what}")


def _at(name: str, what: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=f"pii:none {what}")


def _version() -> sa.Column[object]:
    return sa.Column("version", sa.Integer(), nullable=False, comment="pii:none counts the changes")


def _line(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["operator_id", "line_id"],
        ["line.operator_id", "line.id"],
        name=op.f(f"fk_{table}_operator_id_line_id_line"),
    )


def _ledger() -> None:
    op.create_table(
        "line_action",
        _operator(),
        _uuid("id", "id"),
        _uuid("line_id", "the line"),
        _uuid("registration_id", "the registration that opened it"),
        _text("step", 8, "rung of the ladder"),
        _text("ground", 10, "on whose word"),
        _text("source_kind", 6, "report or ring"),
        _uuid("source_id", "what it goes back to"),
        _text("state", 8, "how far it is"),
        _at("at", "when it was asked for", nullable=False),
        _text("by", 40, "who asked: system, or id of staff"),
        _text("guard", 16, "why a person comes first", nullable=True),
        sa.Column("bar_s", sa.Integer(), comment="pii:none how long it lasts, seconds"),
        _at("notice_at", "when the holder was told"),
        _at("due_at", "when it is to begin"),
        _at("taken_at", "when it began"),
        _at("until", "when it ends, or a person looks"),
        sa.Column("moved", sa.Boolean(), nullable=False, comment="pii:none whether it changed the line"),
        _text("was_state", 12, "how the line stood before", nullable=True),
        _text("was_reason", 48, "and why", nullable=True),
        _at("was_until", "and until when"),
        _at("appealed_at", "when the holder appealed"),
        _text("appeal_outcome", 10, "what became of the appeal", nullable=True),
        _text("decided_by", 40, "id of staff who allowed it", nullable=True),
        _at("decided_at", "when"),
        _at("undone_at", "when it was taken back"),
        _text("undone_reason", 48, "code of why", nullable=True),
        _version(),
        _line("line_action"),
        sa.PrimaryKeyConstraint("operator_id", "id", name=op.f("pk_line_action")),
        sa.UniqueConstraint(
            "operator_id",
            "line_id",
            "source_id",
            "step",
            name=op.f("uq_line_action_operator_id_line_id_source_id_step"),
        ),
        sa.CheckConstraint(f"step IN {_STEPS}", name=op.f("ck_line_action_step")),
        sa.CheckConstraint(
            "ground IN ('reported','confirmed','ownership','ring')", name=op.f("ck_line_action_ground")
        ),
        sa.CheckConstraint("source_kind IN ('report','ring')", name=op.f("ck_line_action_source")),
        sa.CheckConstraint(
            "state IN ('waiting','referred','in_force','lifted','undone','refused','void')",
            name=op.f("ck_line_action_state"),
        ),
        sa.CheckConstraint("appeal_outcome IN ('upheld','dismissed')", name=op.f("ck_line_action_appeal")),
        sa.CheckConstraint(
            "step <> 'close' OR state <> 'in_force' OR decided_by IS NOT NULL",
            name=op.f("ck_line_action_closed_by_person"),
        ),
    )


def _ledger_indexes() -> None:
    op.create_index("ix_line_action_source", "line_action", ["operator_id", "source_id"])
    op.create_index(
        "ix_line_action_due",
        "line_action",
        ["operator_id", "due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_line_action_person",
        "line_action",
        ["operator_id", "at"],
        postgresql_where=sa.text(
            "state = 'referred' OR (appealed_at IS NOT NULL AND appeal_outcome IS NULL)"
        ),
    )


def _marks() -> None:
    op.create_table(
        "line_mark",
        _operator(),
        _uuid("line_id", "the line"),
        _text("mark", 16, "what it is"),
        _at("at", "when it was marked", nullable=False),
        _text("by", 40, "id of staff"),
        _line("line_mark"),
        sa.PrimaryKeyConstraint("operator_id", "line_id", "mark", name=op.f("pk_line_mark")),
        sa.CheckConstraint("mark IN ('business','public-service')", name=op.f("ck_line_mark_mark")),
    )


def _rings() -> None:
    op.create_table(
        "ring_action",
        _operator(),
        _uuid("id", "id"),
        _uuid("report_id", "the report that was confirmed"),
        _uuid("root", "registration of the reported line"),
        _text("digest", 32, "of the members and their steps"),
        sa.Column(
            "score",
            sa.Integer(),
            nullable=False,
            comment="pii:none how much it looks like one hand, 0 to 1,000",
        ),
        _text("state", 8, "how far it is"),
        _at("found_at", "when it was found", nullable=False),
        _at("expires_at", "until when it may be approved", nullable=False),
        _text("proposed_by", 40, "id of staff", nullable=True),
        _at("proposed_at", "when it was proposed"),
        _text("decided_by", 40, "id of staff who approved or refused", nullable=True),
        _at("decided_at", "when"),
        _at("ended_at", "when it was carried out or dropped"),
        _version(),
        sa.PrimaryKeyConstraint("operator_id", "id", name=op.f("pk_ring_action")),
        sa.UniqueConstraint("operator_id", "report_id", name=op.f("uq_ring_action_operator_id_report_id")),
        sa.CheckConstraint(
            "state IN ('found','proposed','approved','done','refused','undone')",
            name=op.f("ck_ring_action_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved','done') OR (proposed_by IS NOT NULL AND decided_by <> proposed_by)",
            name=op.f("ck_ring_action_two_persons"),
        ),
    )
    op.create_index("ix_ring_action_state", "ring_action", ["operator_id", "state", "found_at"])


def _members() -> None:
    op.create_table(
        "ring_member",
        _operator(),
        _uuid("ring_id", "the ring"),
        _uuid("registration_id", "whose line it is"),
        _uuid("line_id", "the line, where there is one", nullable=True),
        sa.Column(
            "hop",
            sa.SmallInteger(),
            nullable=False,
            comment="pii:none how many links from the reported line",
        ),
        sa.Column("strength", sa.SmallInteger(), nullable=False, comment="pii:none how strongly, 0 to 1,000"),
        sa.Column("via", ARRAY(sa.String(16)), nullable=False, comment="pii:none kinds of the links"),
        _text("step", 8, "what is done to the line", nullable=True),
        _text("guard", 16, "why a person comes first", nullable=True),
        sa.Column(
            "strikes",
            ARRAY(sa.String(16)),
            nullable=False,
            comment="pii:none kinds of holdings that are struck",
        ),
        _text("state", 8, "how far it is"),
        sa.ForeignKeyConstraint(
            ["operator_id", "ring_id"],
            ["ring_action.operator_id", "ring_action.id"],
            name=op.f("fk_ring_member_operator_id_ring_id_ring_action"),
        ),
        sa.PrimaryKeyConstraint("operator_id", "ring_id", "registration_id", name=op.f("pk_ring_member")),
        sa.CheckConstraint(f"step IN {_STEPS} AND step <> 'close'", name=op.f("ck_ring_member_step")),
        sa.CheckConstraint(
            "state IN ('planned','taken','referred','skipped','undone')", name=op.f("ck_ring_member_state")
        ),
    )
    op.create_index("ix_ring_member_registration", "ring_member", ["operator_id", "registration_id"])


def _strikes() -> None:
    op.create_table(
        "strike",
        _operator(),
        _uuid("registration_id", "whose line it is"),
        _text("kind", 16, "kind of holding"),
        _text("source_kind", 6, "line, report or ring"),
        _uuid("source_id", "which one"),
        _at("at", "when it was put; decays", nullable=False),
        _at("undone_at", "up to when it is undone"),
        sa.Column("is_erased", sa.Boolean(), nullable=False, comment="pii:none the person was erased since"),
        sa.PrimaryKeyConstraint(
            "operator_id", "registration_id", "kind", "source_kind", "source_id", name=op.f("pk_strike")
        ),
        sa.CheckConstraint("source_kind IN ('line','report','ring')", name=op.f("ck_strike_source")),
    )
    op.create_index("ix_strike_source", "strike", ["operator_id", "source_kind", "source_id"])
    # The strikes of before came from acts on lines. The owner, too, sees a forced table's rows only while it is not.
    op.execute("ALTER TABLE holding NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "INSERT INTO strike SELECT operator_id, registration_id, kind, 'line', COALESCE(line_id, registration_id),"
        " struck_at, lifted_at, false FROM holding WHERE struck_at IS NOT NULL"
    )
    op.execute("UPDATE holding SET struck_at = NULL WHERE struck_at <= lifted_at")
    op.execute("ALTER TABLE holding FORCE ROW LEVEL SECURITY")
    op.alter_column("holding", "struck_at", comment="pii:none the newest strike that holds; decays")
    op.drop_index("ix_holding_scam", "holding")
    op.create_index(
        "ix_holding_scam",
        "holding",
        ["operator_id", "idx"],
        postgresql_where=sa.text("scam_at IS NOT NULL OR struck_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_holding_scam", "holding")
    op.create_index(
        "ix_holding_scam", "holding", ["operator_id", "idx"], postgresql_where=sa.text("scam_at IS NOT NULL")
    )
    op.alter_column("holding", "struck_at", comment="pii:none when a scam was last confirmed; decays")
    for table in reversed(TABLES):
        op.drop_table(table)
