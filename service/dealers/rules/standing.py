"""How a shop stands beside its peers, and what a bad day does to its own quota."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from service.dealers.model import Assessment, Band, Dealer, Quotas, Record
from service.kit.shares import Share, shrunken


@dataclass(frozen=True, slots=True)
class RiskParameters:
    """``strength``: so many lines at the mean rate are added to every shop's own. ``least``: no band but low on fewer
    stopped lines. ``watch`` and ``high``: how many times the peers' rate the lower end of the interval must reach, in
    tenths. ``review_percent`` of a day's decisions, from ``review_floor`` decisions on, shrinks the day's quota."""

    strength: int = 50
    least: int = 2
    watch: int = 10
    high: int = 30
    review_percent: int = 30
    review_floor: int = 10


RISK = RiskParameters()


def assessed(records: Mapping[UUID, Record], p: RiskParameters = RISK) -> dict[UUID, Assessment]:
    """Every shop beside all the others: the peers of a shop are the rest, so that a large bad shop is not its own
    measure. The order of ``records`` does not matter."""
    lines = sum(each.lines for each in records.values())
    stopped = sum(each.stopped for each in records.values())
    return {
        dealer: _assessed(record, Share(stopped - record.stopped, lines - record.lines), p)
        for dealer, record in records.items()
    }


def _assessed(record: Record, peers: Share, p: RiskParameters) -> Assessment:
    share, mean = Share(record.stopped, record.lines), peers.permille or 0
    rate = shrunken(record.stopped, record.lines, mean, p.strength)
    band = Band.LOW if record.lines else Band.NONE
    if share.interval is not None and record.stopped >= p.least:
        low = share.interval[0]
        # Where the peers have none at all, one in a thousand stands for their rate.
        if 10 * low >= p.high * max(mean, 1):
            band = Band.HIGH
        elif 10 * low > p.watch * max(mean, 1):
            band = Band.WATCH
    return Assessment(record, rate, share.interval, mean, band)


def shrunk(quotas: Quotas, decided: int, reviewed: int, p: RiskParameters = RISK) -> int | None:
    """The day's quota after ``reviewed`` of ``decided`` registrations went to a person; None where it stays.

    It shrinks in proportion (twice the share that is borne, half the quota), never below what was decided already: no
    pressure of the queue approves anything, it only slows the shop that makes it.
    """
    if decided < p.review_floor or 100 * reviewed <= p.review_percent * decided:
        return None
    return min(quotas.daily, max(decided, quotas.daily * p.review_percent * decided // (100 * reviewed)))


def quotas_of(dealer: Dealer, today: date) -> Quotas:
    """The quotas in force on a UTC day."""
    if dealer.shrunk_on != today or dealer.shrunk_to is None:
        return dealer.quotas
    return replace(dealer.quotas, daily=min(dealer.quotas.daily, dealer.shrunk_to))
