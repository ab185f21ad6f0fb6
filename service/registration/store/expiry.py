"""Registrations whose collecting has ended."""

import sqlalchemy as sa

from service.infra.postgres import Tx
from service.registration.model import Registration
from service.registration.store import of_row
from service.registration.tables import RegistrationRow

_TABLE = RegistrationRow.__table__


async def expire_due(tx: Tx, *, limit: int = 500) -> list[Registration]:
    """Registrations whose collecting has ended, locked, for the job that expires them."""
    rows = await tx.all(
        sa.select(_TABLE)
        .where(
            _TABLE.c.operator_id == tx.tenant, _TABLE.c.state == "collecting", _TABLE.c.expires_at <= tx.now
        )
        .order_by(_TABLE.c.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [of_row(row) for row in rows]
