"""How strongly two lines hang together, which hang together at all, and how much of a ring that looks like.

A thing links the less the more lines hang on it, and from a degree on nobody: a shop's device, a hostel's
address. What one circumstance explains counts once: who lives together shares contact and device, who buys at one
shop shares device and block. Strengths are thousandths; independent ones are joined as probabilities are
(1 - (1-a)(1-b)), so that three doubts may make what one does not.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from service.risk.model import HoldingKind, RuleError
from service.risk.model.links import Held, LinkedLine, Ring

K = HoldingKind
FULL = 1_000
RING_MOST = 200
"""Lines of one ring action."""

Keys = Mapping[HoldingKind, bytes]
"""What one line hangs on."""
Degrees = Mapping[bytes, int]
"""How many lines hang on a thing, counted no further than :attr:`LinkPolicy.most`."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What sharing a thing of a kind is worth: ``weight`` up to ``few`` lines, half of it at ``most``, and beyond
    that nothing."""

    weight: int
    few: int
    most: int


_SEED = {
    K.DOCUMENT: Worth(1_000, 10, 200),
    K.PERSONAL_NUMBER: Worth(1_000, 10, 200),
    K.PERSON: Worth(900, 5, 20),
    K.DEVICE: Worth(500, 5, 30),
    K.PAYMENT: Worth(500, 3, 30),
    K.CONTACT: Worth(350, 4, 20),
    K.ADDRESS: Worth(250, 6, 12),
    K.AGENT: Worth(100, 2, 20),
    K.DEALER: Worth(50, 2, 10),
    K.BLOCK: Worth(50, 3, 30),
}


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """The links' part of the risk policy (``[links]`` of ``risk.toml``)."""

    threshold: int = 600
    """Two lines hang together from this strength on."""
    household: int = 6
    """An address of so many lines at most may be a home: one payment is then no further sign."""
    worth: Mapping[HoldingKind, Worth] = field(default_factory=lambda: MappingProxyType(dict(_SEED)))

    @property
    def most(self) -> int:
        """How far degrees need to be counted: one more than any kind links."""
        return max(each.most for each in self.worth.values()) + 1


def load_links(given: Mapping[str, Any]) -> LinkPolicy:
    """The policy behind ``[links]``; what is not named is as in the seed. :class:`RuleError` says where it is wrong."""

    def number(place: str, value: object, low: int, high: int) -> int:
        if type(value) is not int or not low <= value <= high:
            raise RuleError(f"links.{place}: a whole number of {low}-{high} is needed")
        return value

    threshold = number("threshold", given.get("threshold", 600), 1, FULL)
    household = number("household", given.get("household", 6), 0, 100)
    worth = dict(_SEED)
    for name, raw in given.items():
        if name in ("threshold", "household"):
            continue
        if name not in list(K) or not isinstance(raw, Mapping) or set(raw) != {"weight", "few", "most"}:
            raise RuleError(f"links.{name}: takes weight, few and most of a kind of link")
        few = number(f"{name}.few", raw["few"], 1, 1_000)
        weight, most = number(f"{name}.weight", raw["weight"], 0, FULL), raw["most"]
        worth[K(name)] = Worth(weight, few, number(f"{name}.most", most, max(2, few), 1_000))
    if household > worth[K.ADDRESS].most:
        raise RuleError("links.household: no more than links.address.most")
    return LinkPolicy(threshold, household, MappingProxyType(worth))


def weight(kind: HoldingKind, degree: int, policy: LinkPolicy) -> int:
    """What sharing a thing of ``kind`` on which ``degree`` lines hang is worth, 0 to 1,000."""
    worth = policy.worth[kind]
    if degree > worth.most:
        return 0
    if degree <= worth.few:
        return worth.weight
    return worth.weight - worth.weight * (degree - worth.few) // (2 * (worth.most - worth.few))


def is_common(kind: HoldingKind, degree: int, policy: LinkPolicy) -> bool:
    """Whether so many share it that it links nobody."""
    return degree > policy.worth[kind].most


_HOME = frozenset({K.ADDRESS, K.CONTACT, K.DEVICE})
_SHOP = frozenset({K.DEALER, K.AGENT, K.BLOCK, K.DEVICE})


def _circumstances(shared: Mapping[HoldingKind, int], policy: LinkPolicy) -> list[frozenset[HoldingKind]]:
    found = []
    if K.ADDRESS in shared:
        is_home = shared[K.ADDRESS] <= policy.household
        found.append(_HOME | {K.PAYMENT} if is_home else _HOME)
    if K.DEALER in shared or K.AGENT in shared:
        found.append(_SHOP)
    return found


def joined(strengths: Iterable[int]) -> int:
    """Independent signs together: 1 - (1-a)(1-b)…, in thousandths."""
    rest = FULL
    for strength in strengths:
        rest = rest * (FULL - strength) // FULL
    return FULL - rest


def strength(shared: Mapping[HoldingKind, int], policy: LinkPolicy) -> int:
    """How strongly two lines hang together that share things of these kinds, given with the things' degrees.

    Of what one circumstance explains, the strongest sign alone counts.
    """
    left = {kind: worth for kind, degree in shared.items() if (worth := weight(kind, degree, policy))}
    for explained in _circumstances(shared, policy):
        within = sorted((kind for kind in left if kind in explained), key=lambda kind: (-left[kind], kind))
        for kind in within[1:]:
            del left[kind]
    return joined(left.values())


def shared_by(one: Keys, other: Keys, degrees: Degrees) -> dict[HoldingKind, int]:
    """The kinds of which two lines share the thing itself, with its degree."""
    return {kind: degrees.get(idx, 2) for kind, idx in one.items() if other.get(kind) == idx}


Pairs = Mapping[UUID, Mapping[UUID, int]]
"""How strongly lines hang together, both ways; pairs of no strength are left out."""


def pairs(lines: Mapping[UUID, Keys], degrees: Degrees, policy: LinkPolicy) -> Pairs:
    """The strength between every two lines that share something which links. A line whose thing no other line
    here shares costs nothing."""
    on: dict[bytes, list[UUID]] = {}
    for line, keys in lines.items():
        for kind, idx in keys.items():
            if weight(kind, degrees.get(idx, 2), policy):
                on.setdefault(idx, []).append(line)
    found: dict[UUID, dict[UUID, int]] = {line: {} for line in lines}
    known: dict[tuple[tuple[HoldingKind, int], ...], int] = {}
    for members in on.values():
        for n, one in enumerate(members):
            for other in members[n + 1 :]:
                if other not in found[one]:
                    shared = shared_by(lines[one], lines[other], degrees)
                    signs = tuple(shared.items())  # those of one ring share the same again and again
                    if signs not in known:
                        known[signs] = strength(shared, policy)
                    found[one][other] = found[other][one] = known[signs]
    return found


def components(lines: Mapping[UUID, Keys], degrees: Degrees, policy: LinkPolicy) -> dict[UUID, UUID]:
    """Each line's component, named by its lowest line; lines that hang together with nobody are left out."""
    parent = {line: line for line in lines}

    def root(line: UUID) -> UUID:
        while parent[line] != line:
            parent[line] = line = parent[parent[line]]
        return line

    for one, others in pairs(lines, degrees, policy).items():
        for other, worth in others.items():
            if worth >= policy.threshold:
                low, high = sorted((root(one), root(other)))
                parent[high] = low
    roots = {line: root(line) for line in lines}
    sizes: dict[UUID, int] = {}
    for top in roots.values():
        sizes[top] = sizes.get(top, 0) + 1
    return {line: top for line, top in roots.items() if sizes[top] > 1}


def reach(start: UUID, between: Pairs, floor: int = 1) -> dict[UUID, tuple[int, int, UUID]]:
    """The strongest way from ``start`` to every line it leads to: (strength, steps, the line before). Strengths
    along a way multiply. Of equal ways the shorter, then that over the lower line."""
    best: dict[UUID, tuple[int, int, UUID]] = {start: (FULL, 0, start)}
    open_lines = {start}
    while open_lines:
        line = min(open_lines, key=lambda each: (-best[each][0], best[each][1], each))
        open_lines.remove(line)
        so_far, steps, _ = best[line]
        for other, worth in between.get(line, {}).items():
            if worth < floor:
                continue
            way = (so_far * worth // FULL, steps + 1, line)
            known = best.get(other)
            if known is None or (-way[0], way[1], way[2]) < (-known[0], known[1], known[2]):
                best[other] = way
                open_lines.add(other)
    return best


Ways = Mapping[UUID, tuple[int, int, UUID]]
"""What :func:`reach` says."""


def linked(
    held: Held,
    ways: Ways,
    keys: Mapping[UUID, Keys],
    degrees: Degrees,
    policy: LinkPolicy,
    decays: datetime,
) -> LinkedLine:
    """A line as it stands at the end of its strongest way; strikes from before ``decays`` have decayed."""
    at = held.registration_id
    strength, hop, _ = ways[at]
    via: set[HoldingKind] = set()
    while ways[at][1]:
        before = ways[at][2]
        shared = shared_by(keys[at], keys[before], degrees)
        via |= {kind for kind, degree in shared.items() if weight(kind, degree, policy)}
        at = before
    return LinkedLine(
        held.registration_id,
        held.line_id,
        held.state,
        held.opened_at,
        hop,
        strength,
        tuple(sorted(via, key=list(HoldingKind).index)),
        is_stopped=held.scam_at is not None,
        is_struck=held.struck_at is not None and held.struck_at > decays,
    )


def ring(
    root: UUID, lines: Mapping[UUID, Held], degrees: Degrees, policy: LinkPolicy, decays: datetime
) -> Ring | None:
    """The ring of ``root`` among the ``lines`` of its component, itself first; None where it is alone. Of more than
    :data:`RING_MOST` lines, the strongest."""
    keys = {line: held.keys for line, held in lines.items()}
    ways = reach(root, pairs(keys, degrees, policy), policy.threshold)
    ordered = sorted(ways, key=lambda line: (ways[line][1] > 0, -ways[line][0], line))[:RING_MOST]
    chosen = tuple(linked(lines[line], ways, keys, degrees, policy, decays) for line in ordered)
    if len(chosen) < 2:
        return None
    kinds = {kind for each in chosen for kind in each.via}
    return Ring(root, chosen, ring_score(chosen, kinds), digest(each.registration_id for each in chosen))


_BURST = timedelta(days=30)


def ring_score(members: Sequence[LinkedLine], kinds: Iterable[HoldingKind]) -> int:
    """How much lines that hang together look like one hand, 0 to 1,000: four tenths how strongly they hang on the
    first, two how many kinds of things tie them, two how close together they were opened, two how many were
    stopped for scam."""
    rest = [each.strength for each in members if each.hop]
    if not rest:
        return 0
    opened = sorted(each.opened_at for each in members)
    burst = max(sum(1 for at in opened if start <= at <= start + _BURST) for start in opened)
    stopped = sum(each.is_stopped or each.is_struck for each in members)
    tied = min(FULL, 250 * len(set(kinds)))
    cohesion = sum(rest) // len(rest)
    return (
        4 * cohesion + 2 * tied + 2 * FULL * burst // len(members) + 2 * FULL * stopped // len(members)
    ) // 10


def digest(members: Iterable[UUID]) -> str:
    """Of a set of lines: an approval that was given to another set is worth nothing."""
    return hashlib.sha256(b"".join(sorted(line.bytes for line in set(members)))).hexdigest()
