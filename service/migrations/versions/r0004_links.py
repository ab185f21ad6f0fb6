"""The entity graph: what more lines hang on, and the components of it."""

from alembic import op

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


def _kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_holding_kind"), "holding")
    op.create_check_constraint(op.f("ck_holding_kind"), "holding", f"kind IN ({kinds})")


def downgrade() -> None:
    op.execute(f"DELETE FROM holding WHERE kind IN ({_SINCE})")
    _kinds(_BEFORE)
    op.execute(f"{_IDX}: the dealer''s id'")
