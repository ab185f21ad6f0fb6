"""What is on file about the holder of a line, and about whom a line's registrations are."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader
from service.registration.model import Purpose, Registration, State
from service.registration.store import WITH_KEYS, WrappedKey, of_row, wrapped_of
from service.registration.tables import RegistrationRow

_TABLE = RegistrationRow.__table__
# The table of lines is named by string, as in a foreign key.
_LINE = sa.table(
    "line", sa.column("operator_id"), sa.column("id"), sa.column("registration_id"), sa.column("state")
)


async def on_file(reader: Reader, line_id: UUID) -> list[tuple[Registration, WrappedKey | None]]:
    """The registration that opened a line, and the re-verifications that the line has passed, each with its
    applicant's wrapped key: all that was ever accepted as its holder's papers."""
    opened_by = sa.select(_LINE.c.registration_id).where(
        _LINE.c.operator_id == reader.tenant, _LINE.c.id == line_id
    )
    rows = await reader.all(
        WITH_KEYS.where(
            _TABLE.c.operator_id == reader.tenant,
            sa.or_(
                _TABLE.c.id == opened_by.scalar_subquery(),
                sa.and_(
                    _TABLE.c.line_id == line_id,
                    _TABLE.c.purpose == Purpose.REVERIFY.value,
                    _TABLE.c.state == State.ACTIVE.value,
                ),
            ),
        )
    )
    return [(of_row(row), wrapped_of(row)) for row in rows]


async def of_closed_lines(reader: Reader, after: UUID | None, limit: int) -> Sequence[UUID]:
    """Subscribers, not erased, of swaps and re-verifications of lines that are closed, ascending by id."""
    key = sa.table("subject_key", sa.column("operator_id"), sa.column("id"))
    wanted = (
        sa.select(_TABLE.c.subscriber_id)
        .join(_LINE, sa.and_(_LINE.c.operator_id == _TABLE.c.operator_id, _LINE.c.id == _TABLE.c.line_id))
        .join(key, sa.and_(key.c.operator_id == _TABLE.c.operator_id, key.c.id == _TABLE.c.subscriber_id))
        .where(
            _TABLE.c.operator_id == reader.tenant,
            _TABLE.c.state == State.ACTIVE.value,
            _LINE.c.state == sa.literal_column("'closed'"),
        )
        .distinct()
        .order_by(_TABLE.c.subscriber_id)
        .limit(limit)
    )
    if after is not None:
        wanted = wanted.where(_TABLE.c.subscriber_id > after)
    return [row.subscriber_id for row in await reader.all(wanted)]
