"""What votes are worth: each thing that stands against one, and what no crowd can do."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.reports import rules
from service.reports.model import Kind, Place, Report, ReportPolicy, State, Topic, Vote, Why

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = ReportPolicy()
REPORT = Report(
    UUID(int=1),
    UUID(int=2),
    Topic.CONDUCT,
    Place.OURS,
    State.FILED,
    NOW - DAY,
    NOW,
    UUID(int=3),
    UUID(int=4),
    NOW - 90 * DAY,
)


def vote(n: int, **changes: Any) -> Vote:
    """A vote that counts, of the n-th reporter: everybody with a client, a dealer and a line of their own."""
    return replace(
        Vote(
            id=UUID(int=1000 + n),
            report_id=REPORT.id,
            kind=Kind.SCAM_CALL,
            filed_at=NOW - DAY + timedelta(minutes=n),
            client_id=UUID(int=2000 + n),
            happened_at=NOW - DAY,
            proved_at=NOW - DAY,
            line_id=UUID(int=3000 + n),
            registration_id=UUID(int=4000 + n),
            subscriber_id=UUID(int=5000 + n),
            line_since=NOW - 60 * DAY,
            line_dealer_id=UUID(int=6000 + n),
        ),
        **changes,
    )


def weigh(
    *votes: Vote,
    links: Mapping[UUID, frozenset[str]] | None = None,
    worth: Mapping[UUID, int] | None = None,
    policy: ReportPolicy = POLICY,
) -> tuple[int, list[Why]]:
    tally = rules.weigh(REPORT, votes, links or {}, worth or {}, policy, NOW)
    said = {each.vote_id: each.why for each in tally.votes}
    return tally.counted, [said[each.id] for each in votes]


def test_five_strangers_count() -> None:
    assert weigh(*map(vote, range(5))) == (5, [Why.COUNTS] * 5)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"client_id": None}, Why.OTHER_OPERATOR),
        ({"why": Why.ERASED}, Why.ERASED),
        ({"kind": Kind.NOT_MINE}, Why.OWNERSHIP),
        ({"proved_at": None}, Why.UNPROVED),
        ({"line_id": None, "line_since": None}, Why.NO_LINE),
        ({"line_id": REPORT.line_id}, Why.OWN_LINE),
        ({"line_since": NOW - 30 * DAY}, Why.YOUNG_LINE),
        ({"sim_changed_at": NOW - 3 * DAY}, Why.FRESH_SIM),
        ({"sim_changed_at": NOW - 4 * DAY + timedelta(seconds=1)}, Why.FRESH_SIM),  # rested when it was filed
        ({"sim_changed_at": NOW - DAY + timedelta(seconds=1)}, Why.FRESH_SIM),  # changed since the proof
        ({"happened_at": NOW - 91 * DAY}, Why.EARLIER_HOLDER),
        ({"happened_at": NOW - 11 * DAY}, Why.OUT_OF_TIME),
        ({"filed_at": NOW - 11 * DAY, "happened_at": None}, Why.OUT_OF_TIME),
    ],
)
def test_what_stands_against_a_vote_by_itself(changes: dict[str, Any], why: Why) -> None:
    assert weigh(vote(1, **changes), vote(2)) == (1, [why, Why.COUNTS])


def test_what_just_suffices_counts() -> None:
    aged = vote(1, line_since=vote(1).filed_at - 30 * DAY)
    rested = vote(2, sim_changed_at=NOW - DAY - timedelta(hours=72))
    at_the_edge = vote(3, filed_at=NOW - 10 * DAY, happened_at=NOW - 10 * DAY)
    assert weigh(aged, rested, at_the_edge)[0] == 3


def test_a_thousand_of_one_reporter_count_once() -> None:
    many = [vote(1, id=UUID(int=10_000 + n), client_id=UUID(int=20_000 + n)) for n in range(1000)]
    counted, said = weigh(*many)
    assert counted == 1
    assert said.count(Why.REPEATED) == 999


def test_an_unproved_vote_takes_no_place_of_a_proved_one() -> None:
    assert weigh(vote(1, id=UUID(int=9), proved_at=None), vote(1)) == (1, [Why.UNPROVED, Why.COUNTS])


def test_linked_reporters_are_one_also_over_a_third() -> None:
    links = {
        vote(1).registration_id: frozenset({"device:a"}),
        vote(2).registration_id: frozenset({"device:a", "document:b"}),
        vote(3).registration_id: frozenset({"document:b"}),
        vote(4).registration_id: frozenset({"document:c"}),
    }
    assert weigh(vote(1), vote(2), vote(3), vote(4), links=links) == (  # type: ignore[arg-type]  # none is None
        2,
        [Why.COUNTS, Why.LINKED, Why.LINKED, Why.COUNTS],
    )


def test_who_is_linked_to_the_reported_line_does_not_count() -> None:
    """A ring offers up one of its own to gain a name for telling the truth."""
    links = {UUID(int=4): frozenset({"device:a"}), UUID(int=4001): frozenset({"device:a"})}
    assert weigh(vote(1), vote(2), links=links) == (1, [Why.LINKED, Why.COUNTS])


def test_one_client_supplies_two() -> None:
    votes = [vote(n, client_id=UUID(int=7)) for n in range(4)]
    assert weigh(*votes) == (2, [Why.COUNTS, Why.COUNTS, Why.SAME_CLIENT, Why.SAME_CLIENT])


def test_the_customers_of_one_dealer_cannot_alone() -> None:
    votes = [vote(n, line_dealer_id=UUID(int=7)) for n in range(5)]
    assert weigh(*votes)[0] == 2
    # Who came without a dealer is nobody's customer.
    assert weigh(*[replace(each, line_dealer_id=None) for each in votes])[0] == 5


def test_reputation_falls_recovers_and_stays_in_bounds() -> None:
    assert rules.reputation([], POLICY) == 1000
    assert rules.reputation([False], POLICY) == 650
    assert rules.reputation([False, False], POLICY) == 300
    assert rules.reputation([False, False, True], POLICY) == 500
    assert rules.reputation([True] * 50 + [False], POLICY) == 650
    assert rules.reputation([False] * 50, POLICY) == 0


def test_a_bad_name_counts_nothing() -> None:
    line = vote(1).line_id
    assert line is not None
    assert weigh(vote(1), vote(2), worth={line: 499}) == (1, [Why.LOW_REPUTATION, Why.COUNTS])
    assert weigh(vote(1), worth={line: 500})[0] == 1


SOME = st.integers(0, 3)
VOTES = st.lists(
    st.builds(
        lambda n, client, dealer, line, proved, kind, minutes: vote(
            n,
            client_id=UUID(int=client + 1),
            line_dealer_id=UUID(int=dealer + 50) if dealer else None,
            line_id=UUID(int=line + 100),
            registration_id=UUID(int=line + 200),
            proved_at=NOW - DAY if proved else None,
            kind=kind,
            filed_at=NOW - DAY + timedelta(minutes=minutes),
        ),
        st.integers(0, 10**6),
        SOME,
        SOME,
        st.integers(0, 7),
        st.booleans(),
        st.sampled_from(Kind),
        st.integers(0, 5),
    ),
    max_size=20,
    unique_by=lambda each: each.id,
)
LINKS = st.dictionaries(
    st.integers(200, 207).map(lambda n: UUID(int=n)), st.frozensets(st.sampled_from("abc"), max_size=2)
)


@settings(max_examples=200)
@given(VOTES, LINKS, st.randoms(use_true_random=False))
def test_what_no_crowd_can_do(votes: list[Vote], links: dict[UUID, frozenset[str]], random: Any) -> None:
    tally = rules.weigh(REPORT, votes, links, {}, POLICY, NOW)
    shuffled = random.sample(votes, len(votes))
    assert rules.weigh(REPORT, shuffled, links, {}, POLICY, NOW) == tally, "the order matters"
    said = {each.vote_id: each.why for each in tally.votes}
    assert set(said) == {each.id for each in votes}, "a vote was lost"
    counting = [each for each in votes if said[each.id] is Why.COUNTS]
    assert tally.counted == len(counting)
    assert all(each.proved_at is not None and each.kind is not Kind.NOT_MINE for each in counting)
    assert len({each.line_id for each in counting}) == len(counting)
    for name, most in (("client_id", 2), ("line_dealer_id", 2)):
        places = [getattr(each, name) for each in counting if getattr(each, name) is not None]
        assert all(places.count(place) <= most for place in places)
    ring = rules.clusters(links)
    groups = [ring[each.registration_id] for each in counting if each.registration_id in ring]
    assert len(set(groups)) == len(groups), "two of one ring count"


@given(LINKS)
def test_clusters_are_what_links_join(links: dict[UUID, frozenset[str]]) -> None:
    ring = rules.clusters(links)
    assert set(ring) == set(links)
    for one in links:
        for other in links:
            if links[one] & links[other]:
                assert ring[one] == ring[other]
