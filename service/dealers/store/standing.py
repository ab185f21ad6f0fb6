"""Assessments as they were last made, and what operators share of an outlet."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.dealers.model import Assessment, Band, Record
from service.dealers.tables import DealerRiskRow, DealerRow
from service.infra.postgres import Reader, Tx
from service.infra.statements import Statement

_RISK = cast(sa.Table, DealerRiskRow.__table__)
_DEALER = cast(sa.Table, DealerRow.__table__)
_SAY = Statement(
    sa.text(
        "SELECT outlet_band_say(CAST(:fresh AS bytea), CAST(:refs AS bytea[]), :said, CAST(:at AS timestamptz))"
    )
)
_WORST = sa.text("SELECT outlet_band_worst(CAST(:idxs AS bytea[]), CAST(:since AS timestamptz))")
_PURGE = Statement(sa.text("SELECT outlet_band_purge(CAST(:since AS timestamptz))"))


def put(tx: Tx, dealer_id: UUID, made: Assessment, shrunk_to: int | None, today: date) -> None:
    """Stage a shop's assessment, and what of it a decision and a quota read."""
    record, interval = made.record, made.interval or (None, None)
    row = {
        "at": tx.now,
        "lines": record.lines,
        "stopped": record.stopped,
        "struck": record.struck,
        "night": record.night,
        "peak": record.peak,
        "decided": record.decided,
        "reviewed": record.reviewed,
        "rate": made.rate,
        "low": interval[0],
        "high": interval[1],
        "mean": made.mean,
    }
    tx.stage(
        insert(_RISK)
        .values(operator_id=tx.tenant, dealer_id=dealer_id, **row)
        .on_conflict_do_update(index_elements=["operator_id", "dealer_id"], set_=row)
    )
    tx.stage(
        sa.update(_DEALER)
        .where(_DEALER.c.operator_id == tx.tenant, _DEALER.c.id == dealer_id)
        .values(
            band=made.band.value,
            outlet=made.outlet.value,
            shrunk_to=shrunk_to,
            shrunk_on=None if shrunk_to is None else today,
        )
    )


async def all_of(reader: Reader) -> Mapping[UUID, tuple[Assessment, datetime]]:
    """The last assessments, by dealer, each with its instant."""
    rows = await reader.all(
        sa.select(_RISK, _DEALER.c.band, _DEALER.c.outlet)
        .join(_DEALER, (_DEALER.c.operator_id == _RISK.c.operator_id) & (_DEALER.c.id == _RISK.c.dealer_id))
        .where(_RISK.c.operator_id == reader.tenant)
    )
    return {
        row.dealer_id: (
            Assessment(
                Record(row.lines, row.stopped, row.struck, row.night, row.peak, row.decided, row.reviewed),
                row.rate,
                None if row.low is None else (row.low, row.high),
                row.mean,
                Band(row.band),
                Band(row.outlet),
            ),
            row.at,
        )
        for row in rows
    }


def say(tx: Tx, licence: bytes, refs: tuple[bytes, ...], band: Band) -> None:
    """Stage what is shared of a shop; ``refs``: what stands for it, the primary key's first."""
    tx.stage(_SAY, {"fresh": licence, "refs": list(refs), "said": band.value, "at": tx.now})


async def worst(reader: Reader, licences: tuple[bytes, ...], since: datetime) -> Band:
    """The worst band that any operator's shop of this licence has said since then."""
    found = await reader.scalar(_WORST, {"idxs": list(licences), "since": since})
    return Band.NONE if found is None else Band(found)


def purge(tx: Tx, since: datetime) -> None:
    """Stage the deletion of what was not said again since then."""
    tx.stage(_PURGE, {"since": since})
