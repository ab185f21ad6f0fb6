"""A neighbourhood as tables and as a drawing. Numbers are masked; what a blind index stands for is not known here."""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from service.admin import graph
from service.admin import mark_words as said
from service.admin.links_words import KIND, STATE, STOPPED, STRUCK, via
from service.admin.present.people import masked_number
from service.admin.store import Names
from service.admin.views import Act, Badge, Tab
from service.admin.views.links import Graph, LinkedRow, LinksPage, Node, ThingRow, Tie
from service.kit.ids import wire
from service.risk.model import HoldingKind
from service.risk.model.links import MARKABLE, Common, Key, LinkedLine, Neighbourhood, Ring
from service.risk.rules.links import LinkPolicy

NONE: Mapping[bytes, Common] = MappingProxyType({})
Numbers = Mapping[UUID, str | None]
"""The number of each line, None where its holder was erased."""


def links_page(
    near: Neighbourhood,
    ring: Ring | None,
    hops: int,
    numbers: Numbers,
    names: Names,
    policy: LinkPolicy,
    marked: Mapping[bytes, Common] = NONE,
    *,
    may_mark: bool = False,
) -> LinksPage:
    """``marked``: the things that a person marked as shared by many."""
    case = wire("reg", near.root)
    here = f"/admin/review/{case}/links"
    rows = tuple(_row(line, numbers) for line in near.lines)
    things = _things(near, names, policy, marked)
    return LinksPage(
        id=case,
        number=masked_number(numbers.get(near.root)),
        tabs=(
            Tab("One step", f"{here}?hops=1", None, hops == 1),
            Tab("Two steps", here, None, hops == 2),
        ),
        lines=rows,
        things=tuple(things.values()),
        graph=_graph(near, rows, things),
        ring=_ring(ring),
        is_cut=near.is_cut,
        acts=_acts(near, case, marked, things) if may_mark else (),
    )


def _acts(
    near: Neighbourhood, case: str, marked: Mapping[bytes, Common], things: Mapping[bytes, ThingRow]
) -> tuple[Act, ...]:
    """What of the line's own things may be marked, where lines hang on them."""
    own = {edge.idx for edge in near.edges if edge.registration_id == near.root}
    made = []
    for key in _sorted(near.keys):
        if key.kind not in MARKABLE or key.idx not in own or not key.degree:
            continue
        letter, word = said.THING[key.kind]
        name = things[key.idx].name
        path = f"/admin/review/{case}/links/common"
        if key.idx in marked:
            effect = f"{name} links lines again, as its rarity says."
            verb, button = f"Unmark {word}", "Take the mark back"
            reasons = said.UNCOMMON_REASONS
            made.append(Act(letter, f"unset-{key.kind}", verb, "no", effect, path, reasons, button))
        else:
            effect = (
                f"{name} links nobody from now on, on whichever line it stands, and no strike falls on it."
            )
            verb, button = f"Many share the {word}", "Mark as shared by many"
            others = said.COMMON_REASONS
            made.append(Act(letter, f"set-{key.kind}", verb, "main", effect, path, others, button))
    return tuple(made)


def _row(line: LinkedLine, numbers: Numbers) -> LinkedRow:
    return LinkedRow(
        id=wire("reg", line.registration_id),
        number=masked_number(numbers.get(line.registration_id)),
        badge=_badge(line),
        hop=line.hop,
        strength=line.strength // 10,
        via=via(line.via),
        opened_at=line.opened_at,
    )


def _badge(line: LinkedLine) -> Badge:
    if line.is_struck:
        return STRUCK
    return STOPPED if line.is_stopped else STATE[line.state]


def _ring(ring: Ring | None) -> str | None:
    """One sentence, or none where the line hangs together with nobody."""
    if ring is None:
        return None
    stopped = sum(line.is_stopped for line in ring.members)
    more = f", {stopped} of them stopped for scam" if stopped else ""
    return (
        f"{len(ring.members)} lines hang together{more}. They look like one hand: {ring.score // 10} of 100."
    )


def _letter(n: int) -> str:
    """A … Z, AA … as columns of a sheet are named."""
    text = ""
    while n >= 0:
        text = chr(65 + n % 26) + text
        n = n // 26 - 1
    return text


def _sorted(keys: tuple[Key, ...]) -> list[Key]:
    order = list(HoldingKind)
    return sorted(keys, key=lambda key: (order.index(key.kind), key.idx))


def _things(
    near: Neighbourhood, names: Names, policy: LinkPolicy, marked: Mapping[bytes, Common]
) -> dict[bytes, ThingRow]:
    found: dict[bytes, ThingRow] = {}
    seen: dict[HoldingKind, int] = {}
    for n, key in enumerate(_sorted(near.keys), 1):
        nth = seen[key.kind] = seen.get(key.kind, -1) + 1
        found[key.idx] = ThingRow(
            anchor=f"thing-{n}",
            name=_name(key, nth, names),
            shared_by=_reason(marked[key.idx]) if key.idx in marked else _shared_by(key, policy),
            worth=_worth(key, key.idx in marked),
            is_common=key.is_common,
        )
    return found


def _worth(key: Key, is_marked: bool) -> str:
    if is_marked:
        return "links nobody: a person said so"
    return "links nobody: too many share it" if key.is_common else f"{key.weight / 10:g} %"


def _reason(common: Common) -> str:
    return next((each.text for each in said.COMMON_REASONS if each.code == common.reason), "many")


def _name(key: Key, nth: int, names: Names) -> str:
    word = KIND[key.kind][0]
    register = {HoldingKind.DEALER: names.dealers, HoldingKind.AGENT: names.agents}.get(key.kind)
    if register is not None and len(key.idx) == 16:
        return f"{word} {register.get(UUID(bytes=key.idx), 'unknown')}"
    return f"{word} {_letter(nth)}"


def _shared_by(key: Key, policy: LinkPolicy) -> str:
    if key.degree >= policy.most:
        return f"{policy.most - 1} lines and more"
    return {0: "no line yet", 1: "1 line"}.get(key.degree, f"{key.degree} lines")


def _graph(near: Neighbourhood, rows: tuple[LinkedRow, ...], things: Mapping[bytes, ThingRow]) -> Graph:
    hops = {line.registration_id: line.hop for line in near.lines}
    rings: dict[bytes, int] = {}
    for edge in near.edges:
        ring = 2 * hops[edge.registration_id] + 1
        rings[edge.idx] = min(ring, rings.get(edge.idx, ring))
    is_folded = len(near.lines) + len(near.keys) > graph.FOLDED_FROM
    ids: dict[int, list[str]] = {}
    nodes: dict[str, tuple[str, Key | None, int]] = {}
    stands: dict[bytes, str] = {}
    for key in _sorted(near.keys):
        ring = rings.get(key.idx, 1)
        name = f"{key.kind}/{ring}" if is_folded else things[key.idx].anchor
        stands[key.idx] = name
        if name not in nodes:
            ids.setdefault(ring, []).append(name)
        nodes[name] = (name, key, nodes[name][2] + 1 if name in nodes else 1)
    for line in near.lines:
        ids.setdefault(2 * line.hop, []).append(line.registration_id.hex)
    total, orbits, places = graph.around(ids)
    drawn = [_line_node(row, places[UUID(row.id[4:]).hex]) for row in rows]
    drawn += [
        _thing_node(key, count, things[key.idx], places[name], rings.get(key.idx, 1) == 1)
        for name, key, count in nodes.values()
        if key is not None
    ]
    weights = {key.idx: key.weight for key in near.keys}
    ties: dict[tuple[str, str], Tie] = {}
    for edge in near.edges:
        ends = (edge.registration_id.hex, stands[edge.idx])
        strong = weights[edge.idx] >= 500 or (ends in ties and ties[ends].is_strong)
        ties[ends] = Tie(*places[ends[0]], *places[ends[1]], is_strong=strong)
    return Graph(total, orbits, tuple(ties.values()), tuple(drawn), is_folded)


def _line_node(row: LinkedRow, place: tuple[float, float]) -> Node:
    if row.hop == 0:
        title = f"This line, {row.number}: {row.badge.word}"
    else:
        title = f"Line {row.number}: {row.badge.word}, hangs on by {row.via.lower()}, {row.strength} %"
    shape = "line" if row.hop else "root"
    label = "erased" if row.number == "erased" else row.number[-3:]
    return Node(*place, shape, row.badge.tone, title, f"/admin/review/{row.id}/links", label)


def _thing_node(key: Key, count: int, thing: ThingRow, place: tuple[float, float], is_near: bool) -> Node:
    one, many = KIND[key.kind]
    word = one if is_near else ""
    if count > 1:
        return Node(*place, "many", "plain", f"{count} {many}", f"#{thing.anchor}", str(count), word)
    title = f"{thing.name}: {thing.shared_by}, {thing.worth}"
    shape, label = "common" if key.is_common else "thing", thing.shared_by.split()[0]
    return Node(*place, shape, "plain", title, f"#{thing.anchor}", label, word)
