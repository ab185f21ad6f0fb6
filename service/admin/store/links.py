"""Registrations with their applicants' wrapped keys, for the numbers of a graph: one statement for all of it."""

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader
from service.registration.model import Registration
from service.registration.store import WrappedKey, of_row


async def with_keys(reader: Reader, ids: Collection[UUID]) -> list[tuple[Registration, WrappedKey | None]]:
    """These of this operator; None for the key where the applicant was erased."""
    rows = await reader.all(
        sa.text(
            "SELECT r.*, k.kek_id AS key_kek_id, k.wrapped AS key_wrapped FROM registration r"
            " LEFT JOIN subject_key k ON k.operator_id = r.operator_id AND k.id = r.subscriber_id"
            " WHERE r.operator_id = :op AND r.id = ANY(:ids)"
        ),
        {"op": reader.tenant, "ids": list(ids)},
    )
    return [
        (of_row(row), None if row.key_wrapped is None else (row.key_kek_id, row.key_wrapped)) for row in rows
    ]
