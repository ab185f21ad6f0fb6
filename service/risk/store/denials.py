"""What denied registrations would have hung on."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Tx
from service.infra.statements import Statement
from service.risk.model import Blind
from service.risk.rules import Parameters
from service.risk.tables import DeniedKeyRow

_D = DeniedKeyRow
_ADD = Statement(
    sa.text(
        "INSERT INTO denied_key (operator_id, registration_id, kind, idx, at)"
        " SELECT :operator, :registration, k.kind, k.idx, :denied_at"
        " FROM unnest(CAST(:kinds AS text[]), CAST(:idxs AS bytea[])) AS k (kind, idx) ON CONFLICT DO NOTHING"
    )
)
_REMOVE = Statement(
    sa.text("DELETE FROM denied_key WHERE operator_id = :operator AND registration_id = :registration")
)


_joined = cache(Statement.after)


def add(
    tx: Tx, registration_id: UUID, keys: Mapping[str, Blind], first: tuple[Statement, Mapping[str, Any]]
) -> None:
    """Stage the keys of a registration that was denied, and in the same statement ``first``: its decision."""
    values = {"kinds": list(keys), "idxs": [blind.primary for blind in keys.values()], "denied_at": tx.now}
    own = {"operator": tx.tenant, "registration": registration_id, **values}
    tx.stage(_joined(_ADD, first[0]), {**first[1], **own})


def remove(tx: Tx, registration_id: UUID) -> None:
    """Stage that a registration was not denied after all, or is erased."""
    tx.stage(_REMOVE, {"operator": tx.tenant, "registration": registration_id})


async def purge(tx: Tx, p: Parameters) -> int:
    """Delete what is counted no more."""
    before = tx.now - timedelta(days=p.denial_days)
    return await tx.run(sa.delete(_D).where(_D.operator_id == tx.tenant, _D.at <= before))
