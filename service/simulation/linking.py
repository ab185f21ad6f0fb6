"""Which lines hang together, by the real rules (``service/risk/rules/links.py``), over the ledger's lines."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from service.risk.model import HoldingKind
from service.risk.model.links import Held, Ring
from service.risk.rules import links as rules
from service.risk.rules.links import LinkPolicy
from service.simulation.calendar import at
from service.simulation.ledger import Ledger, Line

MOST = 600
"""Lines that are looked at for one ring, as in production (``FETCHED`` of ``service/risk/workflow/links.py``)."""
TELLING = ("document", "personal_number", "person", "device")
"""What makes two reporters one voice, however little that is for a ring (``service/risk/store/reporters.py``)."""


class Linking:
    """``kinds`` are the things that are looked at."""

    def __init__(self, ledger: Ledger, policy: LinkPolicy, kinds: frozenset[HoldingKind]) -> None:
        self._ledger, self._policy, self._kinds = ledger, policy, kinds
        self._strengths: dict[tuple[tuple[HoldingKind, int], ...], int] = {}

    def component(self, root: Line) -> list[Line]:
        """All that ``root`` leads to over links at or above the threshold, itself first."""
        root = root.holding
        found, seen, edge = [root], {root.number}, [root]
        while edge and len(found) < MOST:
            following = []
            for line in edge:
                for other in self._linked(line):
                    if other.number not in seen:
                        seen.add(other.number)
                        following.append(other)
            found += following
            edge = following
        return found[:MOST]

    def ring(self, root: Line, decays: datetime) -> tuple[Ring, dict[UUID, Line]] | None:
        """The real ring of a line, and its lines by registration; None where it is alone."""
        lines = {line.registration: line for line in self.component(root)}
        if len(lines) < 2:
            return None
        degrees: dict[bytes, int] = {}
        held = {name: self._held(line, degrees) for name, line in lines.items()}
        ring = rules.ring(root.registration, held, degrees, self._policy, decays)
        found = {name: line.taken_by or line for name, line in lines.items()}
        return None if ring is None else (ring, found)

    def telling(self, line: Line) -> frozenset[str]:
        """What links a reporter, as opaque texts; what so many share that it links nobody is left out."""
        operator, found = line.operator, set()
        for name in TELLING:
            number = line.holding.application.keys.get(name)
            if number is None:
                continue
            degree = len(self._ledger.here(name, number, operator)) if name == "device" else 1
            if not rules.is_common(HoldingKind(name), degree, self._policy):
                found.add(f"{name}:{number}")
        if len(together := self.component(line)) > 1:
            found.add(f"component:{min(each.number for each in together)}")
        return frozenset(found)

    def _held(self, line: Line, degrees: dict[bytes, int]) -> Held:
        application, keys = line.application, dict[HoldingKind, bytes]()
        for name, number in (*application.keys.items(), *application.sellers):
            kind = HoldingKind(name)
            if kind in self._kinds:
                keys[kind] = idx = f"{application.operator}/{name}/{number}".encode()
                if idx not in degrees:
                    degrees[idx] = len(self._ledger.here(name, number, application.operator))
        struck = max((day for kind in line.strikes if (day := line.struck(kind)) is not None), default=None)
        return Held(
            line.registration,
            line.id,
            "live" if line.is_open else "closed",
            at(line.opened),
            at(line.scam) if line.scam is not None and line.is_stopped(line.scam - 1) else None,
            None if struck is None else at(struck),
            keys,
        )

    def _linked(self, line: Line) -> list[Line]:
        shared: dict[int, dict[HoldingKind, int]] = defaultdict(dict)
        others: dict[int, Line] = {}
        for name, number in (*line.application.keys.items(), *line.application.sellers):
            kind = HoldingKind(name)
            if kind not in self._kinds:
                continue
            lines = self._ledger.here(name, number, line.operator)
            if rules.weight(kind, len(lines), self._policy):
                for other in lines:
                    if other is not line:
                        others[other.number] = other
                        shared[other.number][kind] = len(lines)
        return [
            other
            for number, other in others.items()
            if self._strength(shared[number]) >= self._policy.threshold
        ]

    def _strength(self, shared: dict[HoldingKind, int]) -> int:
        signs = tuple(shared.items())  # those of one ring share the same again and again
        if signs not in self._strengths:
            self._strengths[signs] = rules.strength(shared, self._policy)
        return self._strengths[signs]
