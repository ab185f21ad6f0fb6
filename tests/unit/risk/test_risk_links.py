"""What hangs together: the busy shop, the hostel and the family do not, a ring does; components against a plain
union-find."""

import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import combinations
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.risk.model import HoldingKind, RuleError
from service.risk.model.links import LinkedLine
from service.risk.rules import links as rules
from service.risk.rules.links import LinkPolicy, Worth, components, load_links, pairs, reach, strength, weight

K = HoldingKind
POLICY = LinkPolicy()
NOW = datetime(2026, 3, 1, tzinfo=UTC)

Graph = dict[UUID, dict[HoldingKind, bytes]]


def people(count: int, **shared: str) -> Graph:
    """So many lines of as many persons, who share what is named and have everything else for themselves."""
    return {
        UUID(int=n + 1): {kind: shared.get(kind.value, f"{kind}-{n}").encode() for kind in K}
        for n in range(count)
    }


def degrees_of(lines: Graph) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for keys in lines.values():
        for idx in keys.values():
            found[idx] = min(found.get(idx, 0) + 1, POLICY.most)
    return found


def together(lines: Graph) -> dict[UUID, UUID]:
    return components(lines, degrees_of(lines), POLICY)


AT_SHOP = {"dealer": "shop", "agent": "clerk", "block": "block"}


@given(st.integers(2, 60))
@settings(max_examples=25)
def test_the_customers_of_a_shop_are_no_ring(count: int) -> None:
    """Also of one that hands its own tablet to everybody, and sells numbers of one block."""
    assert together(people(count, **AT_SHOP)) == {}
    assert together(people(count, **AT_SHOP, device="tablet")) == {}


@given(st.integers(2, 60))
@settings(max_examples=25)
def test_the_guests_of_a_hostel_are_no_ring(count: int) -> None:
    """They give its address and the reception's number, on the reception's device."""
    assert together(people(count, address="hostel", contact="reception", device="desk")) == {}
    assert together(people(count, address="hostel", contact="reception", **AT_SHOP)) == {}


@given(st.integers(2, 6), st.sets(st.sampled_from(["contact", "payment", "device"])))
@settings(max_examples=25)
def test_a_family_is_no_ring(count: int, shared: set[str]) -> None:
    """One home, and whatever of telephone, card and device a mother lends to all of them."""
    assert together(people(count, address="home", **dict.fromkeys(shared, "hers"))) == {}


@given(st.integers(2, 30), st.booleans())
@settings(max_examples=25)
def test_a_ring_that_shares_device_payment_and_contact_is_one(count: int, at_one_shop: bool) -> None:
    shop = {"dealer": "shop", "agent": "clerk"} if at_one_shop else {}
    lines = people(min(count, 20), device="d", payment="p", contact="c", **shop)
    assert set(together(lines).values()) == {UUID(int=1)}
    assert len(together(lines)) == len(lines)


@given(st.integers(7, 15))
@settings(max_examples=9)
def test_one_address_does_not_hide_a_ring(count: int) -> None:
    lines = people(count, device="d", payment="p", contact="c", address="a")
    assert len(together(lines)) == len(lines)


@pytest.mark.parametrize("kind", ["document", "personal_number", "person"])
def test_one_identity_links_alone(kind: str) -> None:
    assert len(together(people(3, **{kind: "same"}))) == 3


@pytest.mark.parametrize("kind", sorted(set(K) - {K.DOCUMENT, K.PERSONAL_NUMBER, K.PERSON}))
def test_nothing_else_links_alone(kind: HoldingKind) -> None:
    assert together(people(3, **{kind.value: "same"})) == {}


@given(st.sampled_from(list(K)), st.integers(1, 400), st.integers(1, 400))
def test_what_more_share_is_worth_no_more(kind: HoldingKind, one: int, other: int) -> None:
    few, many = sorted((one, other))
    assert 0 <= weight(kind, many, POLICY) <= weight(kind, few, POLICY) <= POLICY.worth[kind].weight
    assert rules.is_common(kind, many, POLICY) == (weight(kind, many, POLICY) == 0)


shares = st.dictionaries(st.sampled_from(list(K)), st.integers(2, 250))


@given(shares)
def test_strength_keeps_its_bounds(shared: dict[HoldingKind, int]) -> None:
    strongest = max((weight(kind, degree, POLICY) for kind, degree in shared.items()), default=0)
    assert strongest <= strength(shared, POLICY) <= 1_000


# Small pools of things, so that lines meet; degrees pass the guards, which are low here.
TIGHT = LinkPolicy(600, 2, {kind: Worth(worth.weight, 2, 4) for kind, worth in LinkPolicy().worth.items()})
lines_drawn = st.lists(
    st.dictionaries(st.sampled_from(list(K)), st.integers(0, 3), max_size=6), min_size=1, max_size=14
)


def graph(drawn: list[dict[HoldingKind, int]]) -> Graph:
    return {
        UUID(int=n): {kind: f"{kind}{value}".encode() for kind, value in keys.items()}
        for n, keys in enumerate(drawn, 1)
    }


def plain(lines: Graph, policy: LinkPolicy) -> set[frozenset[UUID]]:
    """Every pair, and sets that are merged: no index, no union-find."""
    degrees = degrees_of(lines)
    sets = [{line} for line in lines]
    for one, other in combinations(lines, 2):
        shared = {k: degrees[i] for k, i in lines[one].items() if lines[other].get(k) == i}
        if strength(shared, policy) >= policy.threshold:
            first, second = (next(s for s in sets if line in s) for line in (one, other))
            if first is not second:
                first |= second
                sets.remove(second)
    return {frozenset(each) for each in sets if len(each) > 1}


def grouped(found: dict[UUID, UUID]) -> set[frozenset[UUID]]:
    tops: dict[UUID, set[UUID]] = {}
    for line, top in found.items():
        tops.setdefault(top, set()).add(line)
    assert all(top == min(members) for top, members in tops.items())
    return {frozenset(each) for each in tops.values()}


@given(lines_drawn)
@settings(max_examples=150)
def test_components_are_those_of_a_plain_computation(drawn: list[dict[HoldingKind, int]]) -> None:
    lines = graph(drawn)
    assert grouped(components(lines, degrees_of(lines), TIGHT)) == plain(lines, TIGHT)


@given(lines_drawn)
@settings(max_examples=50)
def test_the_strongest_way_is_the_strongest(drawn: list[dict[HoldingKind, int]]) -> None:
    lines = graph(drawn)
    between = pairs(lines, degrees_of(lines), TIGHT)
    start = next(iter(lines))
    found = reach(start, between)
    for line, (worth, _, before) in found.items():
        assert worth <= 1_000
        assert line == start or worth == found[before][0] * between[before][line] // 1_000
        assert all(found[other][0] >= worth * far // 1_000 for other, far in between[line].items() if far)


def line(n: int, hop: int, worth: int, *, opened: int = 0, stopped: bool = False) -> LinkedLine:
    at = NOW + timedelta(days=opened)
    return LinkedLine(UUID(int=n), None, "live", at, hop, worth, is_stopped=stopped)


members_drawn = st.lists(
    st.tuples(st.integers(1, 1_000), st.integers(0, 400), st.booleans()), min_size=1, max_size=8
)


@given(members_drawn, st.sets(st.sampled_from(list(K))))
def test_the_score_grows_with_what_was_stopped(
    drawn: list[tuple[int, int, bool]], kinds: Iterable[HoldingKind]
) -> None:
    def ring(all_stopped: bool) -> list[LinkedLine]:
        rest = [
            line(n, 1, worth, opened=day, stopped=stopped or all_stopped)
            for n, (worth, day, stopped) in enumerate(drawn, 2)
        ]
        return [line(1, 0, 1_000), *rest]

    before, after = (rules.ring_score(ring(stopped), kinds) for stopped in (False, True))
    assert 0 <= before <= after <= 1_000


def test_the_score_of_one_line_is_nothing() -> None:
    assert rules.ring_score([line(1, 0, 1_000)], []) == 0


def test_a_digest_is_of_the_set() -> None:
    one, two, three = (UUID(int=n) for n in (1, 2, 3))
    assert rules.digest([one, two]) == rules.digest([two, one, two])
    assert rules.digest([one, two]) != rules.digest([one, three])


@pytest.mark.parametrize(
    "given_",
    [
        {"threshold": 0},
        {"threshold": True},
        {"household": 13},
        {"planet": {"weight": 1, "few": 1, "most": 2}},
        {"device": {"weight": 1, "few": 5}},
        {"device": {"weight": 1_001, "few": 5, "most": 9}},
        {"device": {"weight": 1, "few": 5, "most": 4}},
        {"device": 5},
    ],
)
def test_a_wrong_policy_is_refused(given_: dict[str, object]) -> None:
    with pytest.raises(RuleError, match=r"links\."):
        load_links(given_)


def test_what_is_not_named_is_as_in_the_seed() -> None:
    assert load_links({}) == POLICY
    changed = load_links({"device": {"weight": 400, "few": 2, "most": 9}})
    assert changed.worth[K.DEVICE] == Worth(400, 2, 9)
    assert changed.worth[K.PAYMENT] == POLICY.worth[K.PAYMENT]


def test_the_seed_and_the_page_say_the_same() -> None:
    """The file, what holds where it is silent, and the documentation."""
    raw = tomllib.loads(resources.files("service").joinpath("policy/risk.toml").read_text("utf-8"))
    assert load_links(raw["links"]) == POLICY
    page = (Path(__file__).parents[3] / "docs/links.md").read_text("utf-8")
    for kind, worth in POLICY.worth.items():
        assert f"| `{kind}` | {worth.weight} | {worth.few} | {worth.most} |" in page
    assert f"`household` ({POLICY.household})" in page
    assert f"`threshold` ({POLICY.threshold})" in page
