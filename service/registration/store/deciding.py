"""What a decision reads of a registration, in one statement; and what came in within a day.

Others' tables are named by string, as in a foreign key; what their columns mean is their business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from service.dealers.model import Band, Standing
from service.dealers.model import State as DealerState
from service.documents.store.traces import CHIPS_KEPT, SEEN, spans
from service.infra.postgres import Reader
from service.infra.statements import Statement
from service.kit.errors import NotFound
from service.kit.ids import new_id
from service.registration.model import Registration
from service.registration.store import HERE, TABLE, WITH_KEYS, WrappedKey, beside, of_row, wrapped_of

# And, for a decision, what of its dealer is weighed, and the person's blob, whose indexes link lines.
_WEIGHED = {f"dealer_{name}": name for name in ("state", "daily_quota", "band", "outlet")}
_WITH_DEALERS = beside(WITH_KEYS, "dealer", "dealer_id", **_WEIGHED)
# And when which of its codes was sent, or held back (``Codes.behaviour``).
_CODE = sa.table(
    "otp_event",
    *(sa.column(name) for name in ("operator_id", "subject", "kind", "outcome", "challenge", "at")),
)
_SENDS = (
    sa.select(sa.func.jsonb_object_agg(_CODE.c.challenge, _CODE.c.at))
    .where(
        _CODE.c.operator_id == TABLE.c.operator_id,
        _CODE.c.subject == TABLE.c.id,
        _CODE.c.kind == "send",
        sa.or_(_CODE.c.outcome == "sent", _CODE.c.outcome == "suppressed"),
        _CODE.c.challenge.is_not(None),
    )
    .scalar_subquery()
)
# And from how many devices the chip of its document was shown: a copy of one is passed around.


def _checks(name: str) -> sa.TableClause:
    return sa.table(
        "document_check",
        *(sa.column(column) for column in ("operator_id", "registration_id", "chip_idx", "at")),
    ).alias(name)  # type: ignore[return-value]  # an alias of a clause reads as one


_MINE, _THEIRS, _THERE = _checks("mine"), _checks("theirs"), TABLE.alias("there")
_CHIP_DEVICES = (
    sa.select(sa.func.count(sa.distinct(_THERE.c.device_idx)))
    .select_from(_MINE)
    .join(
        _THEIRS,
        sa.and_(_THEIRS.c.operator_id == _MINE.c.operator_id, _THEIRS.c.chip_idx == _MINE.c.chip_idx),
    )
    .join(
        _THERE,
        sa.and_(_THERE.c.operator_id == _THEIRS.c.operator_id, _THERE.c.id == _THEIRS.c.registration_id),
    )
    .where(
        _MINE.c.operator_id == TABLE.c.operator_id,
        _MINE.c.registration_id == TABLE.c.id,
        _MINE.c.chip_idx.is_not(None),
        _THEIRS.c.at > sa.bindparam("at_since"),
    )
    .scalar_subquery()
)
_LOAD_TO_DECIDE = Statement(
    beside(_WITH_DEALERS, "subscriber", "subscriber_id", person_sealed="sealed")
    .add_columns(
        _SENDS.label("code_sends"), _CHIP_DEVICES.label("chip_devices"), sa.text(f"{SEEN} AS seen_before")
    )
    .where(HERE)
)


@dataclass(frozen=True, slots=True)
class ToDecide:
    """All that a decision weighs of a registration itself. ``person`` is the applicant's sealed blob; ``sends``: when
    which code was sent, as far as the history has it."""

    registration: Registration
    wrapped: WrappedKey | None
    dealer: Standing | None
    person: bytes | None
    sends: Mapping[UUID, datetime]
    chip_devices: int
    seen: Mapping[str, int]


async def load_to_decide(reader: Reader, registration_id: UUID, *, dealer: UUID | None = None) -> ToDecide:
    """As :func:`load_with_key`, with the rest, in one statement."""
    row = await reader.fetch_one(
        _LOAD_TO_DECIDE,
        at_operator=reader.tenant,
        at_id=registration_id,
        at_since=reader.now - CHIPS_KEPT,
        **spans(reader.now),
    )
    if row is None or (dealer is not None and row.dealer_id != dealer):
        raise NotFound()
    standing = None
    if row.dealer_state is not None:
        bands = Band(row.dealer_band), Band(row.dealer_outlet)
        standing = Standing(DealerState(row.dealer_state), row.dealer_daily_quota, *bands)
    sends = {UUID(name): datetime.fromisoformat(at) for name, at in (row.code_sends or {}).items()}
    found = of_row(row), wrapped_of(row), standing, row.person_sealed, sends
    return ToDecide(*found, row.chip_devices, row.seen_before)


async def opened_within_a_day(
    reader: Reader, after: UUID | None, limit: int = 500
) -> list[tuple[Registration, WrappedKey | None]]:
    """Those that were opened within 24 hours, oldest first, each with its applicant's wrapped key."""
    since = reader.now - timedelta(days=1)
    start = after or new_id(int(since.timestamp() * 1_000) - 1)
    rows = await reader.all(
        WITH_KEYS.where(TABLE.c.operator_id == reader.tenant, TABLE.c.id > start, TABLE.c.created_at > since)
        .order_by(TABLE.c.id)
        .limit(limit)
    )
    return [(of_row(row), wrapped_of(row)) for row in rows]
