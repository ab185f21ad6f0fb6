"""What the lines of people who report hang on: whether two of them are one, or of one ring."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from service.infra.postgres import Reader
from service.infra.statements import Statement
from service.risk.model import HoldingKind
from service.risk.rules.links import LinkPolicy
from service.risk.store.links import degrees

# Whose papers, name or phone are one is one voice, however little that is for a ring. A dealer has thousands of
# customers who do not know one another: how many of them count is the reports' own rule.
_TELLING = (HoldingKind.DOCUMENT, HoldingKind.PERSONAL_NUMBER, HoldingKind.PERSON, HoldingKind.DEVICE)
_SHARED = Statement(
    sa.text(
        "SELECT h.registration_id AS registration, h.kind, h.idx FROM holding h WHERE h.operator_id = :op"
        " AND h.registration_id = ANY(:registrations) AND h.kind = ANY(:kinds)"
        " UNION ALL SELECT c.registration_id, 'component', uuid_send(c.component) FROM link_component c"
        " WHERE c.operator_id = :op AND c.registration_id = ANY(:registrations)"
    ).bindparams(
        sa.bindparam("registrations", type_=ARRAY(sa.Uuid)), sa.bindparam("kinds", type_=ARRAY(sa.String))
    )
)


async def shared_by(
    reader: Reader, registrations: Sequence[UUID], policy: LinkPolicy
) -> Mapping[UUID, frozenset[str]]:
    """By registration, its component and the keyed hashes of its document, personal number, person and device, as
    opaque texts: who shares one is linked. A device that so many share that it links nobody (a shop's) is left out.
    Every registration that was asked about is there, with none where nothing is held."""
    found: dict[UUID, set[str]] = {each: set() for each in registrations}
    if not found:
        return {}
    rows = await reader.fetch(
        _SHARED,
        op=reader.tenant,
        registrations=list(registrations),
        kinds=[kind.value for kind in _TELLING],
    )
    phones = {row.idx for row in rows if row.kind == HoldingKind.DEVICE}
    most = policy.worth[HoldingKind.DEVICE].most
    on = await degrees(reader, phones, most + 1)
    for row in rows:
        if row.kind != HoldingKind.DEVICE or on[row.idx] <= most:
            found[row.registration].add(f"{row.kind}:{row.idx.hex()}")
    return {each: frozenset(keys) for each, keys in found.items()}
