"""Figures of sellers, against their peers: pure arithmetic on counts."""

from datetime import timedelta

LEAST_FOR_SHARE = 10
"""Below so many lines a share says nothing."""


def shrunken(stopped: int, lines: int, peers_stopped: int, peers_lines: int, weight: int) -> int | None:
    """Lines of a thousand that were stopped, drawn to the peers' rate as if ``weight`` lines of theirs were added.

    One bad line of a seller's first two is no rate of 500 (the mean of a Beta posterior whose prior has the peers'
    mean). None where the peers have no lines.
    """
    if peers_lines <= 0:
        return None
    return (1_000 * (stopped * peers_lines + weight * peers_stopped)) // ((lines + weight) * peers_lines)


def burst(today: int, earlier: int, span: timedelta) -> int:
    """This line and the ``today`` of the last 24 hours in percent of the mean day of the ``earlier`` ones, which lie
    in ``span``; a mean day has one line at least, so that a small shop's second customer is no burst."""
    days = max(1, -(-span // timedelta(days=1)))
    return 100 * (today + 1) * days // max(days, earlier)


def share(part: int, whole: int) -> int | None:
    """Percent; None below :data:`LEAST_FOR_SHARE`."""
    return None if whole < LEAST_FOR_SHARE else 100 * part // whole
