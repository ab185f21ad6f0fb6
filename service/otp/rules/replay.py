"""What a policy of limits would have decided on the history of codes. Pure: events go in oldest first.

Two worlds hear the same events: one under the policy in force, one under the next. Each keeps the state of every
budget in memory, under the name that it has in Redis, and runs the same law over the same lists of charges as the
engine does. The world in force must come to what was recorded; where it does not, the report says so.

What a replay cannot know: whoever is refused behaves differently afterwards, and a code that was never sent has no
right answer. Callers are taken to ask again as they did, and what a world sends that was not sent then counts as
unanswered. Blocks are taken as they were set; a day's money is its cap, whatever was leased of it. Streaks begin with
the replay. A number that the policy of the time did not send to at all left no event.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from service.kit.clock import micros
from service.limits import rules as law
from service.limits.model import (
    Block,
    Bucket,
    Charge,
    Dimension,
    Gcra,
    Outcome,
    Purse,
    Schedule,
    Slice,
    Stage,
    State,
    Until,
    Unverified,
    Verdict,
    Window,
)
from service.otp.model import CodeEvent, CodePolicy
from service.otp.rules.charging import CHECK, send_plan
from service.otp.rules.history import WORDS
from service.otp.rules.report import Changed, Report, Told

REFUSED = "refused"
"""The next policy sends no codes to that country: 422, before any budget."""

REMEMBER = timedelta(days=1)
"""So long after a send its checks are still understood; a code lives ten minutes."""

Spans = Mapping[str, Sequence[tuple[int, int]]]
"""When blocks held, by the name of their budget: ``[from, until)`` in microseconds since 1970."""


@dataclass(slots=True)
class Made:
    """A send as one world decided it."""

    charges: Sequence[Charge]
    verdict: Verdict
    has_missed: bool = False
    is_verified: bool = False

    @property
    def is_live(self) -> bool:
        return self.verdict.outcome in (Outcome.ALLOWED, Outcome.SUPPRESSED)


class World:
    """Every budget under one policy, by its name in Redis and the part of it."""

    def __init__(self, policy: CodePolicy, in_force: CodePolicy, blocks: Spans) -> None:
        self.policy = policy
        self.limited = 0
        self._in_force = in_force
        self._blocks = blocks
        self._states: dict[tuple[str, str], State] = {}
        self._made: OrderedDict[UUID, tuple[datetime, Made]] = OrderedDict()

    def send(self, event: CodeEvent) -> Told:
        """Decide as the engine would. Where the purse had to be filled it asked twice, and measured pressure twice."""
        if event.country not in self.policy.prices:
            return Told(REFUSED, None, (), ())
        hashes = names_of(event)
        facts = event.facts
        charges = send_plan(
            self.policy.limits,
            hashes,
            self._price(event),
            event.at.date(),
            is_first=bool(facts.get("first")),
            in_shop=bool(facts.get("shop")),
            has_solved=bool(facts.get("solved")),
        ).bill(hashes)
        now_us = micros(event.at)
        if facts.get("refilled"):
            self._charge_pressure(charges, now_us)
        verdict = self._spend(charges, now_us)
        self._remember(event, Made(charges, verdict))
        return Told(
            WORDS[verdict.outcome],
            None if verdict.limit is None else verdict.limit.value,
            tuple(each.value for each in verdict.shadows),
            tuple(each.value for each in verdict.pressures),
        )

    def unsent(self, challenge: UUID) -> None:
        """No sender took it, for certain: what was charged is given back."""
        made = self._of(challenge)
        if made is not None:
            for each in law.charged(made.charges, made.verdict):
                self._states[each.key, each.part] = law.refund(
                    each.bucket, self._state(each, 0), made.verdict.now_us
                )

    def check(self, event: CodeEvent, sent: CodeEvent) -> None:
        """Charge what a comparison charged. Where this world had sent no code there was nothing to compare; an answer
        that was refused unread stays unknown, and charges nothing more."""
        made = self._of(event.challenge)
        if made is None or not made.is_live:
            return
        hashes = dict(names_of(sent))
        if event.client_id != sent.client_id:
            hashes.pop(Dimension.CLIENT, None)
        groups: dict[str, list[Charge]] = {"always": [], "wrong": [], "first": [], "right": []}
        for limit, when in CHECK:
            groups[when] += law.charges(self.policy.limits, limit, hashes)
        now_us = micros(event.at)
        judged = [each for when in ("always", "wrong", "first") for each in groups[when]]
        found = law.peek(judged, [self._state(each, now_us) for each in judged], now_us)
        if found.outcome is Outcome.DENIED or event.outcome == "limited":
            self.limited += found.outcome is Outcome.DENIED
            self._charge_pressure(judged, now_us)
        elif event.outcome == "verified":
            self._right(made, groups, now_us)
        else:
            self._spend(groups["always"], now_us)
            self._spend(groups["wrong"], now_us)
            if not made.has_missed:
                self._spend(groups["first"], now_us)
            made.has_missed = True

    def _right(self, made: Made, groups: Mapping[str, list[Charge]], now_us: int) -> None:
        """The same right answer again, because recording it had failed, is no second conversion."""
        self._spend(groups["always"], now_us)
        told = groups["wrong"] if made.is_verified else [*groups["wrong"], *groups["right"]]
        for each in told:
            self._states[each.key, each.part] = law.succeed(each.bucket, self._state(each, now_us), now_us)
        made.is_verified = True

    def _spend(self, charges: Sequence[Charge], now_us: int) -> Verdict:
        states = [self._state(each, now_us) for each in charges]
        verdict, after = law.spend(charges, states, now_us)
        for each, state in zip(charges, after, strict=True):
            self._states[each.key, each.part] = state
        return verdict

    def _charge_pressure(self, charges: Sequence[Charge], now_us: int) -> None:
        for each in charges:
            if each.stage is Stage.PRESSURE:
                self._states[each.key, each.part] = law.charge(each.bucket, self._state(each, now_us), now_us)

    def _state(self, each: Charge, now_us: int) -> State:
        if isinstance(each.bucket, Block):
            held = [until for start, until in self._blocks.get(each.key, ()) if start <= now_us < until]
            return Until(max(held, default=0))
        found = self._states.get((each.key, each.part))
        if found is not None:
            return found
        money = self.policy.limits.money
        if isinstance(each.bucket, Purse) and money is not None:
            return Slice(money.per_day)
        return law.fresh(each.bucket)

    def _price(self, event: CodeEvent) -> int:
        """As many parts as then, at this policy's price."""
        was = self._in_force.prices.get(event.country or "", 0)
        price = event.price or 0
        if not was or price % was:
            return price
        return price // was * self.policy.prices[event.country or ""]

    def _remember(self, event: CodeEvent, made: Made) -> None:
        if event.challenge is None:
            return
        self._made[event.challenge] = (event.at, made)
        while next(iter(self._made.values()))[0] < event.at - REMEMBER:
            self._made.popitem(last=False)

    def _of(self, challenge: UUID | None) -> Made | None:
        found = None if challenge is None else self._made.get(challenge)
        return None if found is None else found[1]


@dataclass(slots=True)
class Replay:
    """Feed it everything from well before the range, so that budgets are as full as they were; only sends in
    ``[since, until)`` count.
    """

    in_force: CodePolicy
    following: CodePolicy
    since: datetime
    until: datetime
    blocks: Spans = field(default_factory=dict)
    report: Report = field(init=False)
    _now: World = field(init=False)
    _next: World = field(init=False)
    _sends: "OrderedDict[UUID, CodeEvent]" = field(default_factory=OrderedDict)
    _early: set[UUID] = field(default_factory=set)
    _changed: dict[UUID, Changed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._now = World(self.in_force, self.in_force, self.blocks)
        self._next = World(self.following, self.in_force, self.blocks)
        self.report = Report(self.in_force.limits.version, self.following.limits.version)

    def feed(self, event: CodeEvent, *, is_counted: bool = True) -> None:
        """The next event, not older than the one before. ``is_counted`` is False for another operator's, which fills
        the budgets that operators share."""
        if event.kind == "send":
            self._send(event, is_counted and self.since <= event.at < self.until)
        elif event.kind == "check" and event.challenge is not None:
            self._check(event)
        elif event.kind == "unsent" and event.outcome == "unavailable" and event.challenge is not None:
            self._unsent(event.challenge)

    def _send(self, event: CodeEvent, is_counted: bool) -> None:
        if event.outcome == "test":
            return
        now = self._now.send(event)
        following = self._next.send(event)
        if event.challenge is None:
            return
        self._sends[event.challenge] = event
        while next(iter(self._sends.values())).at < event.at - REMEMBER:
            self._sends.popitem(last=False)
        if event.challenge in self._early:
            self._early.discard(event.challenge)
            self._unsent(event.challenge)
        if not is_counted:
            return
        self.report.count(event, now, following)
        if (now.outcome, now.limit) != (following.outcome, following.limit):
            turned = self.report.changed(event.challenge, event.at, now, following)
            self._changed[event.challenge] = turned

    def _unsent(self, challenge: UUID) -> None:
        """Noted by a process's clock, while the send was by that of Redis: it may seem to come first."""
        if challenge not in self._sends:
            self._early.add(challenge)
            return
        self._now.unsent(challenge)
        self._next.unsent(challenge)

    def _check(self, event: CodeEvent) -> None:
        assert event.challenge is not None
        if event.outcome == "verified" and event.challenge in self._changed:
            self.report.verified(self._changed.pop(event.challenge))
        sent = self._sends.get(event.challenge)
        was_compared = event.outcome in ("verified", "rejected", "limited") or event.facts.get("compared")
        if sent is not None and was_compared:
            self._now.check(event, sent)
            self._next.check(event, sent)


def names_of(event: CodeEvent) -> law.Hashes:
    """The keyed hashes that the decision was made on."""
    return {Dimension(name): hashed for name, hashed in event.facts.get("names", {}).items()}


def warm_up(policies: Iterable[CodePolicy]) -> timedelta:
    """So long before a range a replay must begin for every budget but a streak to be as full as it was; a day at
    least, for the day's money."""
    buckets = [
        bucket for policy in policies for rule in policy.limits.rules.values() for bucket in rule.buckets
    ]
    return max([timedelta(days=1), *(timedelta(microseconds=_memory_us(bucket)) for bucket in buckets)])


def _memory_us(bucket: Bucket) -> int:
    """How long it remembers a charge."""
    match bucket:
        case Window():
            return bucket.period_us
        case Gcra():
            return bucket.interval_us * bucket.burst
        case Schedule():
            return bucket.quiet_us
        case Unverified():
            return 2 * bucket.period_us
    return 0
