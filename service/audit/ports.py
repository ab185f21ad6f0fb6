"""The outside world of the audit: where signed heads go so that this host alone cannot rewrite the past."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from service.audit.model import Head

NOTHING_NOW = 1 << 62
"""More than any head: there is nothing to publish."""


class HeadsOutlet(Protocol):
    """Takes heads out of the host: an append-only file, a webhook, a transparency log.

    ``publish`` is repeated until it returns; a head may arrive twice. What it raises is logged and tried
    again with the next head: an outlet that is down stops neither sealing nor signing.
    """

    def last(self, operator: UUID) -> int | None:
        """The highest number that this outlet is known to hold, 0 if none is; None if that is not known, and the
        newest head, which covers those before it, is enough. While it cannot take any: :data:`NOTHING_NOW`."""
        ...

    async def publish(self, heads: Sequence[Head]) -> None: ...


class NoOutlet:
    """Holds nothing: nothing is anchored outside, and ``verify`` says so."""

    def last(self, operator: UUID) -> int:
        return NOTHING_NOW

    async def publish(self, heads: Sequence[Head]) -> None:
        return None
