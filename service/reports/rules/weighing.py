"""What votes are worth together: a pure function over all votes of a report.

Asked with the votes in any order it says the same. It counts greedily in the order of filing, so that a later vote of
the same client or dealer takes nobody's place.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from service.reports.model import Kind, Report, ReportPolicy, Tally, Vote, Weighed, Why

FULL = 1_000
"""The reputation of somebody of whom nothing is known yet, permille."""

Links = Mapping[UUID, frozenset[str]]
"""By registration, what it hangs on, as opaque texts: two that share one are linked."""


def weigh(
    report: Report,
    votes: Sequence[Vote],
    links: Links,
    reputations: Mapping[UUID, int],
    policy: ReportPolicy,
    now: datetime,
) -> Tally:
    """``links`` are of the reporters' registrations and of the reported line's; ``reputations`` by the reporter's line,
    :data:`FULL` where none is given."""
    ring = clusters(links)
    people: set[UUID] = set()
    groups: set[int] = set()
    own = ring.get(report.registration_id) if report.registration_id is not None else None
    if own is not None:
        # Who is linked to the line that is reported reports on themselves: a ring that offers up one of its own.
        groups.add(own)
    by_client: dict[UUID | None, int] = {}
    by_dealer: dict[UUID, int] = {}
    worth: list[Weighed] = []
    for vote in sorted(votes, key=lambda each: (each.filed_at, each.id)):
        why = _alone(report, vote, policy, now)
        weight = None
        if why is None:
            assert vote.line_id is not None
            weight = reputations.get(vote.line_id, FULL)
            group = ring.get(vote.registration_id) if vote.registration_id is not None else None
            dealer = vote.line_dealer_id
            if weight < policy.least_reputation:
                why = Why.LOW_REPUTATION
            elif vote.line_id in people:
                why = Why.REPEATED
            elif group is not None and group in groups:
                why = Why.LINKED
            elif dealer is not None and by_dealer.get(dealer, 0) >= policy.most_per_dealer:
                why = Why.SAME_DEALER
            elif by_client.get(vote.client_id, 0) >= policy.most_per_client:
                why = Why.SAME_CLIENT
            else:
                why = Why.COUNTS
                people.add(vote.line_id)
                by_client[vote.client_id] = by_client.get(vote.client_id, 0) + 1
                if group is not None:
                    groups.add(group)
                if dealer is not None:
                    by_dealer[dealer] = by_dealer.get(dealer, 0) + 1
        worth.append(Weighed(vote.id, why, weight))
    return Tally(sum(each.why is Why.COUNTS for each in worth), tuple(worth))


def _alone(report: Report, vote: Vote, policy: ReportPolicy, now: datetime) -> Why | None:
    """What stands against a vote whatever others say; None where nothing does."""
    if vote.why is Why.ERASED:
        return Why.ERASED
    if vote.client_id is None:
        return Why.OTHER_OPERATOR
    if vote.kind is Kind.NOT_MINE:
        return Why.OWNERSHIP
    if vote.proved_at is None:
        return Why.UNPROVED
    if vote.line_id is None or vote.line_since is None:
        return Why.NO_LINE
    if vote.line_id == report.line_id:
        return Why.OWN_LINE
    if vote.filed_at - vote.line_since < policy.least_line:
        return Why.YOUNG_LINE
    if vote.sim_changed_at is not None and vote.proved_at - vote.sim_changed_at < policy.sim_rest:
        return Why.FRESH_SIM
    if report.holder_since is not None and vote.said_of < report.holder_since:
        return Why.EARLIER_HOLDER
    oldest = now - policy.window
    return Why.OUT_OF_TIME if vote.filed_at < oldest or vote.said_of < oldest else None


def clusters(links: Links) -> dict[UUID, int]:
    """Which registrations hang together, over any number of steps: by registration, the number of its cluster."""
    parent: dict[UUID | str, UUID | str] = {}

    def root(of: UUID | str) -> UUID | str:
        parent.setdefault(of, of)
        while parent[of] != of:
            parent[of] = parent[parent[of]]
            of = parent[of]
        return of

    for registration, keys in links.items():
        for key in keys:
            parent[root(key)] = root(registration)
    numbers: dict[UUID | str, int] = {}
    return {each: numbers.setdefault(root(each), len(numbers)) for each in links}


def reputation(outcomes: Iterable[bool], policy: ReportPolicy) -> int:
    """What a reporter's word is worth, permille, after what became of their earlier reports, oldest first: True where
    one was confirmed, False where it was dismissed as false."""
    worth = FULL
    for was_right in outcomes:
        worth = min(FULL, worth + policy.rises_by) if was_right else max(0, worth - policy.falls_by)
    return worth
