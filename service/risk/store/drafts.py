"""Drafts of rules: one unfinished an operator, each change under the version that was read."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader, Tx
from service.kit.errors import NotFound, Stale
from service.risk.model import Draft, DraftState
from service.risk.tables import RuleDraftRow

_D = RuleDraftRow


async def unfinished(reader: Reader) -> Draft | None:
    """The operator's draft that is open or proposed."""
    row = await reader.one(
        sa.select(_D.__table__).where(_D.operator_id == reader.tenant, _D.state.in_(("open", "proposed")))
    )
    return None if row is None else _draft(row)


async def load(reader: Reader, draft_id: UUID) -> Draft:
    row = await reader.one(sa.select(_D.__table__).where(_D.operator_id == reader.tenant, _D.id == draft_id))
    if row is None:
        raise NotFound()
    return _draft(row)


async def finished(reader: Reader, limit: int = 20) -> Sequence[Draft]:
    """Published and dropped ones, the newest first."""
    rows = await reader.all(
        sa.select(_D.__table__)
        .where(_D.operator_id == reader.tenant, _D.state.in_(("published", "dropped")))
        .order_by(_D.id.desc())
        .limit(limit)
    )
    return [_draft(row) for row in rows]


async def add(tx: Tx, draft: Draft) -> None:
    """Raises :class:`Stale` where somebody began one meanwhile."""
    try:
        await tx.run(sa.insert(_D).values(operator_id=tx.tenant, **_values(draft)))
    except sa.exc.IntegrityError:
        raise Stale() from None


async def save(tx: Tx, draft: Draft, *, expected: int) -> None:
    """Raises :class:`Stale` where ``expected`` is not the newest version any more."""
    values = _values(draft) | {"version": expected + 1}
    touched = await tx.run(
        sa.update(_D)
        .where(_D.operator_id == tx.tenant, _D.id == draft.id, _D.version == expected)
        .values(**values)
    )
    if touched != 1:
        raise Stale()


def _values(draft: Draft) -> dict[str, Any]:
    rules = {name: dict(rule) for name, rule in draft.rules.items()}
    plain = {"state": draft.state.value, "rules": rules, "authors": [each.hex for each in draft.authors]}
    return asdict(draft) | plain


def _draft(row: sa.Row[Any]) -> Draft:
    values = {name: getattr(row, name) for name in Draft.__dataclass_fields__}
    authors = tuple(UUID(each) for each in row.authors)
    return Draft(**values | {"state": DraftState(row.state), "authors": authors})
