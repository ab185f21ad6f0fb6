"""What is on file about the holder of a line, and about whom a line's registrations are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader
from service.registration.model import Purpose, Registration, State
from service.registration.store import WITH_KEYS, WrappedKey, of_row, wrapped_of
from service.registration.tables import RegistrationRow

_TABLE = RegistrationRow.__table__
# The table of lines is named by string, as in a foreign key.
_LINE = sa.table(
    "line",
    *map(sa.column, ("operator_id", "id", "registration_id", "state", "holder_since", "sim_changed_at")),
)


@dataclass(frozen=True, slots=True)
class OnFile:
    """``papers``: the registration that opened a line, and the re-verifications that the line has passed, each with
    its applicant's wrapped key: all that was ever accepted as its holder's."""

    papers: Sequence[tuple[Registration, WrappedKey | None]]
    holder_since: datetime | None
    sim_changed_at: datetime | None


async def on_file(reader: Reader, line_id: UUID) -> OnFile:
    """What a swap or a re-verification of the line is compared with, in one statement."""

    def of_line(column: str) -> sa.ScalarSelect[Any]:
        here = sa.and_(_LINE.c.operator_id == reader.tenant, _LINE.c.id == line_id)
        return sa.select(_LINE.c[column]).where(here).scalar_subquery()

    rows = await reader.all(
        WITH_KEYS.add_columns(
            of_line("holder_since").label("holder_since"), of_line("sim_changed_at").label("card_changed_at")
        ).where(
            _TABLE.c.operator_id == reader.tenant,
            sa.or_(
                _TABLE.c.id == of_line("registration_id"),
                sa.and_(
                    _TABLE.c.line_id == line_id,
                    _TABLE.c.purpose == Purpose.REVERIFY.value,
                    _TABLE.c.state == State.ACTIVE.value,
                ),
            ),
        )
    )
    first = rows[0] if rows else None
    return OnFile(
        [(of_row(row), wrapped_of(row)) for row in rows],
        first.holder_since if first else None,
        first.card_changed_at if first else None,
    )


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
