"""A registration with what its documents say, sealed, in one statement."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from service.infra.postgres import Reader
from service.infra.statements import Statement
from service.kit.errors import NotFound
from service.registration.model import Registration
from service.registration.store import HERE, TABLE, of_row

_CHECK = sa.table(
    "document_check", *(sa.column(name) for name in ("operator_id", "registration_id", "id", "sealed", "at"))
)


def _all(column: sa.ColumnElement[object]) -> sa.ScalarSelect[object]:
    """Of every document of the registration, oldest first."""
    ordered = aggregate_order_by(column, _CHECK.c.at, _CHECK.c.id)
    return (
        sa.select(sa.func.array_agg(ordered))
        .where(_CHECK.c.operator_id == TABLE.c.operator_id, _CHECK.c.registration_id == TABLE.c.id)
        .scalar_subquery()
    )


_LOAD = Statement(
    sa.select(TABLE)
    .add_columns(_all(_CHECK.c.id).label("paper_ids"), _all(_CHECK.c.sealed).label("papers"))
    .where(HERE)
)


@dataclass(frozen=True, slots=True, repr=False)
class WithPapers:
    """``sealed``: (id, blob) of each document, oldest first."""

    registration: Registration
    sealed: tuple[tuple[UUID, bytes], ...]


async def load_with_papers(
    reader: Reader, registration_id: UUID, *, dealer: UUID | None = None
) -> WithPapers:
    """As ``store.load``."""
    row = await reader.fetch_one(_LOAD, at_operator=reader.tenant, at_id=registration_id)
    if row is None or (dealer is not None and row.dealer_id != dealer):
        raise NotFound()
    pairs = zip(row.paper_ids or (), row.papers or (), strict=True)
    return WithPapers(of_row(row), tuple((found, bytes(sealed)) for found, sealed in pairs))
