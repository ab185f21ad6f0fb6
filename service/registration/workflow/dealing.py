"""Shops beside their peers: what became of their lines, and what the rules made of their day."""

from datetime import timedelta
from uuid import UUID

from service.dealers.model import Record
from service.dealers.rules import day_of
from service.registration.store.dealing import decided
from service.registration.workflow.parts import Parts
from service.risk.store.dealing import Dealing, dealings

WINDOW = timedelta(days=90)
_NOTHING = Dealing(0, 0, 0, 0, 0)


async def assess(parts: Parts, operator: UUID) -> int:
    """Assess every shop of an operator from what is stored; how many quotas of the day shrank anew."""
    async with parts.db.read(operator) as reader:
        lines = await dealings(reader, reader.now - WINDOW)
        today = await decided(reader, day_of(reader.now))
    records = {
        dealer: Record(
            found.lines, found.stopped, found.struck, found.night, found.peak, *today.get(dealer, (0, 0))
        )
        for dealer in lines.keys() | today.keys()
        for found in (lines.get(dealer, _NOTHING),)
    }
    return await parts.dealers.assess(operator, records)
