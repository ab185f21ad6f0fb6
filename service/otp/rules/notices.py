"""Judgement about messages without a code: which one it is, what it costs, and when it is tried again."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from service.otp.model import Handed, Notice, NoticeKind
from service.otp.rules.wording import sms_parts

KEPT = timedelta(days=3)
"""So long what could not be sent is tried again: over the end of a day whose money is spent, and over a long week-end's
outage. After it somebody would be told of what is long past."""

FIRST, LONGEST = timedelta(seconds=15), timedelta(minutes=10)

SOON, SELDOM = 3, timedelta(days=1)
"""What may have left and is sent again all the same is paid for and may arrive each time: up to this try at the usual
pace, then once a day."""


def name_of(notice: Notice) -> UUID:
    """The id of a notice: the same for whoever asks for it again."""
    parts = (notice.kind.value.encode(), notice.about.bytes, notice.way.encode(), notice.mark)
    whole = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
    return UUID(bytes=hashlib.sha256(b"notice/v1\0" + whole).digest()[:16])


def price_of(text: str, country: str | None, prices: Mapping[str, int]) -> int:
    """Micro-units of a whole message. A country to which no code would go has no price: there the dearest one is
    charged, so that no number is free."""
    price = prices.get(country or "")
    return (max(prices.values()) if price is None else price) * sms_parts(text)


def next_try(
    kind: NoticeKind, outcome: Handed, tries: int, made_at: datetime, now: datetime
) -> datetime | None:
    """When a notice that was not sent is tried again; None where that is its end. What money forbids is asked for every
    ten minutes, because a cap may be raised at any time."""
    if not outcome.waits and not (outcome is Handed.UNCERTAIN and kind.repeats):
        return None
    wait = LONGEST if outcome is Handed.MONEY else min(LONGEST, FIRST * 2 ** min(tries - 1, 10))
    if outcome is Handed.UNCERTAIN and tries >= SOON:
        wait = SELDOM
    return now + wait if now + wait <= made_at + KEPT else None
