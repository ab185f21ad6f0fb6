"""What the lines of people who report hang on: whether two of them are one, or of one household."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from service.infra.postgres import Reader
from service.infra.statements import Statement
from service.risk.model import HoldingKind

# A dealer has thousands of customers who do not know one another: how many of them count is the reports' own rule.
_TELLING = (HoldingKind.DOCUMENT, HoldingKind.PERSONAL_NUMBER, HoldingKind.PERSON, HoldingKind.DEVICE)
_SHARED = Statement(
    sa.text(
        "SELECT h.registration_id AS registration, h.kind, h.idx FROM holding h WHERE h.operator_id = :op"
        " AND h.registration_id = ANY(:registrations) AND h.kind = ANY(:kinds)"
    ).bindparams(
        sa.bindparam("registrations", type_=ARRAY(sa.Uuid)), sa.bindparam("kinds", type_=ARRAY(sa.String))
    )
)


async def shared_by(reader: Reader, registrations: Sequence[UUID]) -> Mapping[UUID, frozenset[str]]:
    """By registration, keyed hashes of document, personal number, person and device as opaque texts: who shares one is
    linked. Every registration that was asked about is there, with none where nothing is held."""
    found: dict[UUID, set[str]] = {each: set() for each in registrations}
    if found:
        for row in await reader.fetch(
            _SHARED,
            op=reader.tenant,
            registrations=list(registrations),
            kinds=[kind.value for kind in _TELLING],
        ):
            found[row.registration].add(f"{row.kind}:{row.idx.hex()}")
    return {each: frozenset(keys) for each, keys in found.items()}
