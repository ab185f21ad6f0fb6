"""Things that staff have marked as shared by many."""

from collections.abc import Collection
from typing import cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.infra.postgres import Reader, Tx
from service.risk.model import HoldingKind
from service.risk.model.links import Common
from service.risk.tables import LinkCommonRow

_C = cast(sa.Table, LinkCommonRow.__table__)


async def add(tx: Tx, idx: bytes, common: Common) -> bool:
    """False where it is marked already."""
    values = {
        "operator_id": tx.tenant,
        "idx": idx,
        "kind": common.kind.value,
        "reason": common.reason,
        "at": common.at,
        "by": common.by,
    }
    statement = insert(_C).values(values).on_conflict_do_nothing().returning(_C.c.kind)
    return await tx.scalar(statement) is not None


async def remove(tx: Tx, idx: bytes) -> bool:
    """Whether it was marked."""
    return await tx.run(sa.delete(_C).where(_C.c.operator_id == tx.tenant, _C.c.idx == idx)) == 1


async def of(reader: Reader, keys: Collection[bytes]) -> dict[bytes, Common]:
    """Those of the things that are marked."""
    if not keys:
        return {}
    wanted = sa.select(_C).where(_C.c.operator_id == reader.tenant, _C.c.idx.in_(list(keys)))
    return {
        bytes(row.idx): Common(HoldingKind(row.kind), row.reason, row.at, row.by)
        for row in await reader.all(wanted)
    }


async def drop_orphans(tx: Tx) -> int:
    """Forget what no line hangs on any more, so that an erased person's things leave no index behind."""
    return await tx.run(
        sa.text(
            "DELETE FROM link_common c WHERE c.operator_id = :operator AND NOT EXISTS (SELECT FROM holding h"
            " WHERE h.operator_id = c.operator_id AND h.idx = c.idx)"
        ),
        {"operator": tx.tenant},
    )
