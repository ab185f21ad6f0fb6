"""The risk of dealers and outlets; and decisions found by their instant, for whoever judges them again."""

import sqlalchemy as sa
from alembic import op

from service.dealers.ddl import FUNCTIONS, STATEMENTS
from service.migrations.security import grants, wall

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BANDS = "('none','low','watch','high')"
FIGURES = (
    ("lines", False, "lines of ninety days"),
    ("stopped", False, "of them stopped for scam"),
    ("struck", False, "of them struck"),
    ("night", False, "of them approved at night"),
    ("peak", False, "most in one hour"),
    ("decided", False, "registrations decided this UTC day"),
    ("reviewed", False, "of them sent to a person"),
    ("rate", False, "permille, drawn to the mean"),
    ("low", True, "lower end of its own rate, permille"),
    ("high", True, "upper end of its own rate, permille"),
    ("mean", False, "rate of its peers, permille"),
)


def upgrade() -> None:
    op.create_index("ix_decision_at", "decision", ["operator_id", "at", "id"])
    op.add_column(
        "dealer", sa.Column("shrunk_to", sa.Integer(), comment="pii:none registrations on the day shrunk_on")
    )
    op.add_column(
        "dealer", sa.Column("shrunk_on", sa.Date(), comment="pii:none UTC day of the smaller quota")
    )
    for name, meaning in (
        ("band", "how it stands beside its peers"),
        ("outlet", "worst band of the licence at any operator"),
    ):
        op.add_column(
            "dealer",
            sa.Column(
                name, sa.String(5), server_default="none", nullable=False, comment=f"pii:none {meaning}"
            ),
        )
        op.create_check_constraint(op.f(f"ck_dealer_{name}"), "dealer", f"{name} IN {BANDS}")
    _risk()
    _outlets()


def _risk() -> None:
    op.create_table(
        "dealer_risk",
        sa.Column(
            "operator_id", sa.Uuid(), nullable=False, comment="pii:none the operator that the row belongs to"
        ),
        sa.Column("dealer_id", sa.Uuid(), nullable=False, comment="pii:none the shop"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="pii:none when it was assessed"),
        *(
            sa.Column(name, sa.Integer(), nullable=empty, comment=f"pii:none {meaning}")
            for name, empty, meaning in FIGURES
        ),
        sa.ForeignKeyConstraint(
            ["operator_id", "dealer_id"],
            ["dealer.operator_id", "dealer.id"],
            name=op.f("fk_dealer_risk_operator_id_dealer_id_dealer"),
        ),
        sa.PrimaryKeyConstraint("operator_id", "dealer_id", name=op.f("pk_dealer_risk")),
    )
    for statement in (*wall("dealer_risk"), *grants(["dealer_risk"])):
        op.execute(statement)


def _outlets() -> None:
    op.create_table(
        "outlet_band",
        sa.Column("idx", sa.LargeBinary(), nullable=False, comment="pii:index licence over all operators"),
        sa.Column(
            "dealer_ref", sa.LargeBinary(), nullable=False, comment="pii:index keyed hash of the dealer"
        ),
        sa.Column("band", sa.String(5), nullable=False, comment="pii:none low, watch or high"),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="pii:none when it was said last; forgotten after two days",
        ),
        sa.PrimaryKeyConstraint("idx", "dealer_ref", name=op.f("pk_outlet_band")),
    )
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
    op.drop_table("outlet_band")
    op.drop_table("dealer_risk")
    for name in ("outlet", "band"):
        op.drop_constraint(op.f(f"ck_dealer_{name}"), "dealer")
        op.drop_column("dealer", name)
    op.drop_column("dealer", "shrunk_on")
    op.drop_column("dealer", "shrunk_to")
    op.drop_index("ix_decision_at", "decision")
