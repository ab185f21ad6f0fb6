"""What operators share, by the functions of ``service.risk.ddl`` alone: this role may not read the tables."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader, Tx
from service.risk.model import Blind, SharedAsk
from service.risk.rules import Parameters
from service.risk.tables import HoldingRow

_H = HoldingRow

EXCEEDS = """shared_holding_exceeds(CAST(:shared_kinds AS text[]), CAST(:shared_idxs AS bytea[]),
  CAST(:shared_cap AS integer), CAST(:shared_at AS timestamptz), CAST(:askers AS bytea[]),
  CAST(:askeds AS bytea[]), CAST(:budgets AS integer[]))"""
"""One truth, or null for an asker who is over the budget; it writes down that this one asked."""

_ADD = sa.text(
    "SELECT shared_holding_add(CAST(:kinds AS text[]), CAST(:idxs AS bytea[]), CAST(:line AS bytea))"
)
_REMOVE = sa.text("SELECT shared_holding_remove(CAST(:lines AS bytea[]), CAST(:last AS timestamptz))")
_MOVE = sa.text(
    "SELECT shared_holding_move(CAST(:old AS bytea[]), CAST(:fresh AS bytea),"
    " CAST(:old_lines AS bytea[]), CAST(:line AS bytea))"
)
_PURGE = sa.text("SELECT shared_holding_purge(CAST(:at AS timestamptz))")
_KEYS = sa.text("SELECT k AS tag FROM shared_holding_keys() AS k")


def asking(ask: SharedAsk, p: Parameters, now: datetime) -> dict[str, Any]:
    """The parameters of :data:`EXCEEDS`."""
    pairs = [(kind, index) for kind, blind in ask.keys.items() for index in blind.every]
    budgets = (p.shared_asks_client, p.shared_asks_dealer)
    return {
        "shared_kinds": [kind for kind, _ in pairs],
        "shared_idxs": [index for _, index in pairs],
        "shared_cap": p.shared_cap,
        "shared_at": now,
        "askers": [asker for asker, _ in ask.askers],
        "askeds": [asked for _, asked in ask.askers],
        "budgets": list(budgets[: len(ask.askers)]),
    }


def add(tx: Tx, keys: Mapping[str, Blind], line: bytes) -> None:
    """Stage a line's rows, which count until :func:`remove` says until when. Repeating it is harmless."""
    if keys:
        idxs = [blind.primary for blind in keys.values()]
        tx.stage(_ADD, {"kinds": list(keys), "idxs": idxs, "line": line})


def remove(tx: Tx, lines: Sequence[bytes], last: datetime | None = None) -> None:
    """Stage the end of a line's rows (the line under every key): at ``last``, or at once."""
    tx.stage(_REMOVE, {"lines": list(lines), "last": last})


async def move(tx: Tx, blind: Blind, lines: Sequence[bytes]) -> int:
    """Bring a line's row to the primary key; how many rows changed. ``lines``: its name, primary first."""
    values = {"old": list(blind.every), "fresh": blind.primary, "old_lines": list(lines), "line": lines[0]}
    return int(await tx.scalar(_MOVE, values))


async def keys_in_use(reader: Reader) -> set[int]:
    """Ids of the ``shared`` keys that rows have, whosever they are."""
    return {int.from_bytes(row.tag, "big") for row in await reader.all(_KEYS)}


def purge(tx: Tx) -> None:
    """Stage the deletion of what counts no more, and of yesterday's askers."""
    tx.stage(_PURGE, {"at": tx.now})


async def opened_at(reader: Reader, registration_id: UUID) -> datetime | None:
    """When a registration's line was approved; None where nothing is held for it any more."""
    found: datetime | None = await reader.scalar(
        sa.select(sa.func.min(_H.opened_at)).where(
            _H.operator_id == reader.tenant, _H.registration_id == registration_id
        )
    )
    return found
