"""How fast may be submitted: the agreed rate, and silence after the server said that it is too much. Pure.

Instants are seconds of a monotonic clock, and are passed in.
"""

FIRST_HOLD_S, LONGEST_HOLD_S = 1.0, 30.0


class Pace:
    """``rate``: submits a second that the account allows, evenly spaced; 0 for no bound of ours."""

    def __init__(self, rate: int) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._next = 0.0
        self._hold = 0.0
        self._held_until = 0.0

    def is_held(self, now: float) -> bool:
        """Whether the server asked for less, and not long enough ago."""
        return now < self._held_until

    def wait(self, now: float) -> float:
        """Seconds until there is room for one more."""
        return max(0.0, self._next - now)

    def take(self, now: float) -> None:
        """One is submitted, now or at the end of what :meth:`wait` said."""
        self._next = max(self._next, now) + self._gap

    def refused(self, now: float) -> None:
        """The server was throttled or its queue full: each time in a row the silence is twice as long."""
        if not self.is_held(now):  # answers to what was under way already are no new refusal
            self._hold = min(LONGEST_HOLD_S, self._hold * 2 or FIRST_HOLD_S)
            self._held_until = now + self._hold

    def accepted(self) -> None:
        self._hold = 0.0


def reconnect_after(tries: int, chance: float) -> float:
    """Seconds to wait before connecting again after ``tries`` failures in a row: 0.5 s, doubled up to 30 s.

    ``chance`` in [0, 1) takes up to a half off, so that the processes of an installation do not all knock at once.
    """
    return float(min(30.0, 0.5 * 2 ** min(tries - 1, 10)) * (1 - chance / 2))
