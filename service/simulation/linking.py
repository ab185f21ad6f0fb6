"""Which lines hang together, by the real strengths (``service/risk/rules/links.py``), over the ledger's lines."""

from collections import defaultdict

from service.risk.model import HoldingKind
from service.risk.rules.links import LinkPolicy, strength, weight
from service.simulation.ledger import Ledger, Line

MOST = 200
"""Lines of one ring action."""


def ring(root: Line, ledger: Ledger, policy: LinkPolicy, kinds: frozenset[HoldingKind]) -> list[Line]:
    """The others that ``root`` leads to over links at or above the threshold, as production's ``Links.ring`` finds
    them, the nearest first. Only things of ``kinds`` are looked at."""
    found, seen, edge = list[Line](), {id(root)}, [root]
    while edge and len(found) < MOST:
        following = []
        for line in edge:
            for other in _linked(line, ledger, policy, kinds):
                if id(other) not in seen:
                    seen.add(id(other))
                    following.append(other)
        found += following
        edge = following
    return found[:MOST]


def _linked(line: Line, ledger: Ledger, policy: LinkPolicy, kinds: frozenset[HoldingKind]) -> list[Line]:
    shared: dict[int, dict[HoldingKind, int]] = defaultdict(dict)
    others: dict[int, Line] = {}
    operator = line.application.operator
    for name, number in line.application.keys.items():
        kind = HoldingKind(name)
        if kind not in kinds:
            continue
        lines = [each for each in ledger.on(name, number) if each.application.operator == operator]
        if weight(kind, len(lines), policy):
            for other in lines:
                if other is not line:
                    others[id(other)] = other
                    shared[id(other)][kind] = len(lines)
    return [other for key, other in others.items() if strength(shared[key], policy) >= policy.threshold]
