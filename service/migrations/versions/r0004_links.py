"""The entity graph: what more lines hang on, and the components of it."""

import sqlalchemy as sa
from alembic import op

from service.migrations.security import grants, wall

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BEFORE = "'document','personal_number','person','device','dealer'"
_SINCE = "'address','contact','agent','payment','block'"
_IDX = "COMMENT ON COLUMN holding.idx IS 'pii:index keyed hash; of kind dealer"


def upgrade() -> None:
    _kinds(f"{_BEFORE},{_SINCE}")
    op.execute(f"{_IDX} and agent: the id'")
    op.create_table(
        "link_component",
        sa.Column(
            "operator_id", sa.Uuid(), nullable=False, comment="pii:none the operator that the row belongs to"
        ),
        sa.Column("registration_id", sa.Uuid(), nullable=False, comment="pii:none whose line it is"),
        sa.Column(
            "component", sa.Uuid(), nullable=False, comment="pii:none the component's lowest registration"
        ),
        sa.PrimaryKeyConstraint("operator_id", "registration_id", name=op.f("pk_link_component")),
    )
    op.create_index("ix_link_component_component", "link_component", ["operator_id", "component"])
    for statement in (*wall("link_component"), *grants(["link_component"])):
        op.execute(statement)


def _kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_holding_kind"), "holding")
    op.create_check_constraint(op.f("ck_holding_kind"), "holding", f"kind IN ({kinds})")


def downgrade() -> None:
    op.drop_table("link_component")
    op.execute(f"DELETE FROM holding WHERE kind IN ({_SINCE})")
    _kinds(_BEFORE)
    op.execute(f"{_IDX}: the dealer''s id'")
