"""A shop beside its peers, as its page shows it: a rate is never shown without the interval that it lies in."""

from datetime import date

from service.admin.views import Badge, DealerRisk, Fact
from service.dealers.model import Assessment, Band

WIDTH = 96
SCALE = 200
"""Permille at the end of the bar; what lies beyond stands at its end."""

BANDS = {
    Band.NONE: Badge("No lines yet", "plain"),
    Band.LOW: Badge("Like its peers", "approve"),
    Band.WATCH: Badge("Above its peers", "review"),
    Band.HIGH: Badge("Far above its peers", "deny"),
}
OUTLETS = {
    Band.WATCH: Badge("Outlet above its peers", "review"),
    Band.HIGH: Badge("Outlet far above its peers", "deny"),
}


def _percent(permille: int) -> str:
    return f"{permille / 10:.1f} %"


def _place(permille: int) -> float:
    return round(WIDTH * min(permille, SCALE) / SCALE, 1)


def risk(made: Assessment | None) -> DealerRisk | None:
    """None where the shop was not assessed yet."""
    if made is None:
        return None
    record, interval = made.record, made.interval
    said = f"{record.stopped} of {record.lines}"
    if interval is not None:
        said = f"{_percent(interval[0])[:-2]} to {_percent(interval[1])}; {said}"
    low, high = interval or (0, 0)
    return DealerRisk(
        band=BANDS[made.band],
        outlet=OUTLETS.get(made.outlet),
        said=said,
        peers=_percent(made.mean),
        low=_place(low),
        high=_place(high),
        rate=_place(made.rate),
        mean=_place(made.mean),
        facts=_facts(made),
    )


def _facts(made: Assessment) -> tuple[Fact, ...]:
    record = made.record
    return (
        Fact("Lines in ninety days", str(record.lines)),
        Fact("Stopped for scam", f"{record.stopped}, of which {record.struck} confirmed"),
        Fact("Drawn to its peers", _percent(made.rate)),
        Fact("Its peers", _percent(made.mean)),
        Fact("Between 22 and 6 UTC", str(record.night)),
        Fact("Most in one hour", str(record.peak)),
        Fact("Sent to a person today", f"{record.reviewed} of {record.decided}"),
    )


def shrunk_from(shrunk_on: date | None, today: date, daily: int, now_daily: int) -> int | None:
    """The ordinary quota where today's is smaller."""
    return daily if shrunk_on == today and now_daily < daily else None
