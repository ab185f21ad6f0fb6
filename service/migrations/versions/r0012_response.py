"""What follows from reports, deepened: a label on the line."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "line",
        sa.Column(
            "labelled_until",
            _INSTANT,
            comment="pii:none until when whoever is called may be told of reports",
        ),
    )
    op.add_column(
        "holding",
        sa.Column(
            "stopped_at",
            _INSTANT,
            comment="pii:none newest step on a report or ring that holds; kinds dealer and agent alone",
        ),
    )


def downgrade() -> None:
    op.drop_column("holding", "stopped_at")
    op.drop_column("line", "labelled_until")
