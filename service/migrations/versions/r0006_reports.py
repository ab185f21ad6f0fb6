"""Scam reports: what is said of a line, and the votes that it is made of."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from service.migrations.security import grants, wall

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("report", "report_vote")
AT = sa.DateTime(timezone=True)
_OPEN = "state IN ('filed', 'corroborated')"


def _column(name: str, kind: sa.types.TypeEngine[Any], comment: str, *, null: bool = True) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null, comment=comment)


def _own() -> tuple[sa.Column[Any], sa.Column[Any]]:
    return (
        _column("operator_id", sa.Uuid(), "pii:none the operator that the row belongs to", null=False),
        _column("id", sa.Uuid(), "pii:none id", null=False),
    )


def upgrade() -> None:
    _report()
    _vote()
    for table in TABLES:
        for statement in wall(table):
            op.execute(statement)
    for statement in grants(TABLES):
        op.execute(statement)


def _report() -> None:
    op.create_table(
        "report",
        *_own(),
        _column("topic", sa.String(12), "pii:none conduct or ownership", null=False),
        _column("place", sa.String(12), "pii:none ours or elsewhere", null=False),
        _column("state", sa.String(12), "pii:none where it stands", null=False),
        _column("line_id", sa.Uuid(), "pii:none the line, where it is ours"),
        _column("registration_id", sa.Uuid(), "pii:none what opened the line"),
        _column("holder_since", AT, "pii:none since when the line has its holder"),
        _column("number_idx", sa.LargeBinary(), "pii:index the number, where it is not ours"),
        _column("secret", sa.LargeBinary(), "pii:sealed the number, where it is not ours"),
        _column("opened_at", AT, "pii:none when the first vote was filed", null=False),
        _column("last_filed_at", AT, "pii:none when the last one was", null=False),
        _column("votes", sa.Integer(), "pii:none how many were filed", null=False),
        _column("counted", sa.Integer(), "pii:none how many of them count", null=False),
        _column("corroborated_at", AT, "pii:none when enough counted"),
        _column("decided_at", AT, "pii:none when a person last decided"),
        _column("decided_by", sa.String(40), "pii:none id of that person"),
        _column("reason", sa.String(48), "pii:none code of their reason"),
        _column("appealed_at", AT, "pii:none when it was appealed"),
        _column("version", sa.Integer(), "pii:none counts the changes of its state", null=False),
        sa.CheckConstraint(
            "state IN ('filed','corroborated','confirmed','dismissed','appealed')",
            name=op.f("ck_report_state"),
        ),
        sa.CheckConstraint("place IN ('ours','elsewhere')", name=op.f("ck_report_place")),
        sa.CheckConstraint("topic IN ('conduct','ownership')", name=op.f("ck_report_topic")),
        sa.CheckConstraint("(place = 'ours') = (line_id IS NOT NULL)", name=op.f("ck_report_line_is_ours")),
        sa.CheckConstraint(
            "place = 'ours' OR state = 'filed'", name=op.f("ck_report_elsewhere_is_not_judged")
        ),
        sa.ForeignKeyConstraint(
            ["operator_id", "line_id"],
            ["line.operator_id", "line.id"],
            name=op.f("fk_report_operator_id_line_id_line"),
        ),
        sa.PrimaryKeyConstraint("operator_id", "id", name=op.f("pk_report")),
    )
    op.create_index(
        "uq_report_open_line",
        "report",
        ["operator_id", "line_id", "topic"],
        unique=True,
        postgresql_where=sa.text(f"{_OPEN} AND line_id IS NOT NULL"),
    )
    op.create_index(
        "ix_report_number",
        "report",
        ["operator_id", "number_idx"],
        postgresql_where=sa.text("number_idx IS NOT NULL"),
    )
    op.create_index("ix_report_state", "report", ["operator_id", "state", "id"])
    op.create_index("ix_report_line", "report", ["operator_id", "line_id"])


def _vote() -> None:
    op.create_table(
        "report_vote",
        *_own(),
        _column("report_id", sa.Uuid(), "pii:none the report that it is part of", null=False),
        _column("kind", sa.String(16), "pii:none what is said to have happened", null=False),
        _column("filed_at", AT, "pii:none when it was filed", null=False),
        _column("happened_at", AT, "pii:none when it is said to have happened"),
        _column("client_id", sa.Uuid(), "pii:none who filed it; null where another operator's side did"),
        _column("dealer_id", sa.Uuid(), "pii:none the dealer that the key is bound to"),
        _column("proved_at", AT, "pii:none when the reporter's number was proved"),
        _column("line_id", sa.Uuid(), "pii:none the reporter's line, where it is proved"),
        _column("registration_id", sa.Uuid(), "pii:none what opened the reporter's line"),
        _column("subscriber_id", sa.Uuid(), "pii:none the reporter; null once erased"),
        _column("line_since", AT, "pii:none since when the reporter has the line"),
        _column("line_dealer_id", sa.Uuid(), "pii:none the shop that registered it"),
        _column("sim_changed_at", AT, "pii:none when its SIM was last changed"),
        _column("sealed", sa.LargeBinary(), "pii:sealed the note, under the reporter's key"),
        _column("secret", sa.LargeBinary(), "pii:sealed the note of a reporter without a line"),
        _column("why", sa.String(16), "pii:none code: counts, or why not", null=False),
        _column("weight", sa.Integer(), "pii:none the reporter's reputation, permille"),
        sa.ForeignKeyConstraint(
            ["operator_id", "report_id"],
            ["report.operator_id", "report.id"],
            name=op.f("fk_report_vote_operator_id_report_id_report"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["operator_id", "line_id"],
            ["line.operator_id", "line.id"],
            name=op.f("fk_report_vote_operator_id_line_id_line"),
        ),
        sa.PrimaryKeyConstraint("operator_id", "id", name=op.f("pk_report_vote")),
    )
    op.create_index("ix_report_vote_report", "report_vote", ["operator_id", "report_id", "filed_at"])
    for column in ("line", "subscriber"):
        op.create_index(
            f"ix_report_vote_{column}",
            "report_vote",
            ["operator_id", f"{column}_id"],
            postgresql_where=sa.text(f"{column}_id IS NOT NULL"),
        )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
