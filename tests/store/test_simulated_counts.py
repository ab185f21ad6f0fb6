"""The simulation counts lines, strikes and sellers in memory. Here the same story is told to PostgreSQL, and both say
the same: so the cap of the simulation is the cap of production, and its strikes decay as they do there."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.notices import store as notices
from service.notices.model import NoticePolicy
from service.risk.model import (
    STRUCK_KINDS,
    Blind,
    Evidence,
    HoldingKind,
    Mark,
    MarkKind,
    RiskSubject,
    SharedAsk,
    Value,
)
from service.risk.rules import links as link_rules
from service.risk.store import holdings, marks, owners, shared, signals, strikes
from service.risk.store import links as link_store
from service.risk.store.dealing import dealings
from service.risk.workflow import Links
from service.simulation.calendar import Of, at, uid
from service.simulation.chance import Chance
from service.simulation.gathering import Gathering
from service.simulation.judging import shipped
from service.simulation.ledger import ASSESSED_DAYS, BY_LINE, Ledger, Line
from service.simulation.linking import Linking
from service.simulation.owners import Owners
from service.simulation.population import Application

JUDGE = shipped()
P = JUDGE.parameters
OPERATORS = 2
FACTS: dict[str, Value] = {"document_outcome": "pass", "line_code_verified": True}
BUSY, LAST = range(338, 348), 360
ROUNDED = 5
UNLIKE = {"dealer_state", "dealer_quota_day", "dealer_band", "outlet_band"}
"""What the registers of dealers say, and no count."""


class Story:
    """One chance, two tellers."""

    def __init__(self, db: Database, clock: ManualClock, seed: int) -> None:
        self.db, self.clock = db, clock
        self.chance = Chance(seed, "story")
        self.tenants = [new_id() for _ in range(OPERATORS)]
        self.salt = new_id().bytes
        self.ledger = Ledger(P)
        self.gathering = Gathering(self.ledger, P)
        self.owners = Owners(self.ledger)
        self.linking = Linking(self.ledger, JUDGE.links, frozenset(HoldingKind))
        self.lines: list[Line] = []
        self.denied: list[Application] = []

    def applicant(self, day: int) -> Application:
        pick = self.chance.below
        person = pick(9)
        keys = {"document": person, "personal_number": person, "person": person}
        keys |= {"contact": 10 + pick(3), "address": 20 + pick(2), "payment": 30 + pick(3)}
        if self.chance.happens(0.5):
            keys["device"] = 40 + pick(2)
        operator = pick(OPERATORS)
        dealer = operator + OPERATORS * (pick(5) == 0) if self.chance.happens(0.6) else None
        agent = None if dealer is None or self.chance.happens(0.3) else 2 * dealer + pick(2)
        return Application(day, "citizen", operator, person, keys, FACTS, dealer, agent)

    def blind(self, kind: str, number: int) -> Blind:
        if kind in ("dealer", "agent"):
            return Blind.single(uid(Of.DEALER, 1_000 * (kind == "agent") + number).bytes)
        return Blind.single(f"{kind}/{number}".encode())

    def keys(self, asked: Application) -> dict[HoldingKind, Blind]:
        named = (*asked.keys.items(), *asked.sellers)
        return {HoldingKind(kind): self.blind(kind, number) for kind, number in named}

    def common(self, asked: Application) -> dict[str, Blind]:
        """Over all operators; no other test's."""
        return {kind: Blind.single(self.salt + bytes([asked.person])) for kind in ("document", "person")}

    async def opens(self, asked: Application) -> None:
        line = Line(asked, asked.day, self.chance.happens(0.3))
        self.ledger.hold(line)
        self.lines.append(line)
        evidence = Evidence.LIMITED if line.is_limited else Evidence.FULL
        async with self.db.write(self.tenants[asked.operator]) as tx:
            holdings.hold(tx, self.keys(asked), line.registration, evidence, None, P, may_renew=False)
            shared.add(tx, self.common(asked), line.id.bytes)
        async with self.db.write(self.tenants[asked.operator]) as tx:
            await holdings.activate(tx, line.registration, line.id)

    async def happens(self, line: Line, day: int) -> None:
        """A line is closed, stopped, struck or given back."""
        what = self.chance.below(5)
        if what == 3 and (reported := [each for each in self.lines if each.sold]):
            line = self.chance.one_of(reported)
        async with self.db.write(self.tenants[line.operator]) as tx:
            if what == 0 and line.is_open:
                self.ledger.close(line, day)
                await holdings.close(tx, line.registration, tx.now)
                shared.remove(tx, [line.id.bytes], P.counts_until(at(line.opened), tx.now))
            elif what == 1:
                self.ledger.mark(line, day)
                self.ledger.strike(line, STRUCK_KINDS, BY_LINE, day)
                await holdings.mark_scam(tx, line.registration, tx.now)
                await strikes.put(tx, line.registration, STRUCK_KINDS, BY_LINE, line.id, tx.now)
            elif what == 2:
                kinds, source = STRUCK_KINDS[self.chance.below(9) :], uid(Of.REPORT, self.chance.below(3))
                self.ledger.strike(line, kinds, source.hex, day)
                await strikes.stop(tx, line.registration, "report", source, tx.now)
                await strikes.put(tx, line.registration, kinds, "report", source, tx.now)
            elif what == 3:
                known = [UUID(name) for name in line.sold]
                source = known[0] if known else uid(Of.REPORT, 0)
                self.ledger.unstrike(line, source.hex)
                await strikes.undo(tx, "report", source, tx.now, registration_id=line.registration)
            else:
                self.ledger.lift(line, day)
                await holdings.lift_scam(tx, line.registration, tx.now)
                await strikes.undo(tx, BY_LINE, None, tx.now, registration_id=line.registration)

    async def says(self, asked: Application, day: int) -> None:
        """A denial, or a holder's word."""
        tenant, keys = self.tenants[asked.operator], self.keys(asked)
        kind = MarkKind.FROZEN if self.chance.happens(0.5) else MarkKind.DOCUMENT_LOST
        async with self.db.write(tenant) as tx:
            if self.chance.happens(0.5):
                self.gathering.decided(asked, day, is_denied=True, is_reviewed=False)
                self.denied.append(asked)
                for name, blind in keys.items():
                    if name.value in asked.keys:
                        await tx.run(
                            sa.text("INSERT INTO denied_key VALUES (:op, :reg, :kind, :idx, :at)"),
                            {"op": tenant, "reg": uid(Of.CLIENT, day), "kind": name.value,
                             "idx": blind.primary, "at": tx.now},
                        )  # fmt: skip
            else:
                self.gathering.mark(kind, asked.operator, asked.keys, day + 40)
                mark = Mark(new_id(), kind, new_id(), tx.now, "holder", at(day + 40))
                marks.add(tx, mark, {of: keys[of] for of in kind.of})

    async def asked(self, asked: Application) -> Mapping[str, Value | None]:
        """What production makes of the same applicant."""
        keys = self.keys(asked)
        who = RiskSubject(facts=FACTS, links=keys)
        ask = SharedAsk(self.common(asked), ((self.salt, self.salt),))
        async with self.db.write(self.tenants[asked.operator]) as tx:
            signals.count_peers(tx, P)
        async with self.db.write(self.tenants[asked.operator]) as tx:
            named = {kind.value: blind for kind, blind in who.keys().items()}
            gathered = await signals.gather(tx, new_id(), named, P, tx.now)
            counted = await holdings.count(tx, keys, P, tx.now, asking=shared.asking(ask, P, tx.now))
        return {**gathered, **counted}


async def tell(db: Database, clock: ManualClock, seed: int, *, compares: bool = False) -> Story:
    """Quiet for a year, then busy for a fortnight, and quiet again until :data:`LAST`."""
    story = Story(db, clock, seed)
    for day in range(LAST + 1):
        clock.set(at(day))
        for _ in range(8 if day in BUSY else story.chance.happens(0.1)):
            await story.opens(story.applicant(day))
        for _ in range(2 if day >= BUSY[0] else story.chance.happens(0.12)):
            if story.lines:
                await story.happens(story.chance.one_of(story.lines[-60:]), day)
        if story.chance.happens(0.03):
            await story.says(story.applicant(day), day)
        if compares and day in BUSY[::3]:
            await compare(story, day, story.lines[-1].application)
    return story


async def compare(story: Story, day: int, *before: Application) -> None:
    """Each of those asks again, and somebody else."""
    story.clock.set(at(day))
    again = [replace(asked, day=day) for asked in before]
    for asked in [*again, story.applicant(day)]:
        ours = story.gathering.signals(asked, day)
        theirs = await story.asked(asked)
        both = (ours.keys() & theirs.keys()) - UNLIKE
        assert len(both) > 55
        unlike = {name: (ours[name], theirs[name]) for name in both if ours[name] != theirs[name]}
        assert not unlike, (day, asked)


async def test_both_count_the_same(db: Database, clock: ManualClock) -> None:
    """On the last day on which something counts and on the next one, for everything that ends by itself."""
    story = await tell(db, clock, 1, compares=True)
    await compare(story, LAST, *(line.application for line in story.lines[::4]))
    ends: dict[int, Application] = {}
    for line in story.lines:
        struck = [day for kind in line.strikes if (day := line.struck(kind)) is not None]
        marked = [day for day in (line.scam, *struck) if day is not None]
        over = [day + span for day in marked for span in (P.strike_days, P.dealer_scam_days)]
        ends |= dict.fromkeys([line.counts_to, line.opened + P.device_days, *over], line.application)
    ends |= {asked.day + P.denial_days: asked for asked in story.denied}
    for day in sorted(day for day in ends if day > LAST + 1):
        await compare(story, day - 1, ends[day])
        await compare(story, day, ends[day])


async def test_both_strike_and_link_the_same(db: Database, clock: ManualClock) -> None:
    """What shares a thing with a line, how many of them are a ring's, and which lines hang together."""
    story = await tell(db, clock, 2)
    root = story.lines[-1]
    here = [line for line in story.lines if line.operator == root.operator]
    among = here[::2]
    since = at(LAST - JUDGE.response.dealer_days)
    async with db.read(story.tenants[root.operator]) as reader:
        theirs = await strikes.sharing(reader, [line.registration for line in among], since)
        held = await link_store.lines(reader, [line.registration for line in here])
        every = {idx for each in held.values() for idx in each.keys.values()}
        degrees = await link_store.degrees(reader, every, JUDGE.links.most)
        records = await dealings(reader, at(LAST - ASSESSED_DAYS))
    for line in among:
        ours = story.ledger.sharing(line, among, LAST - JUDGE.response.dealer_days)
        assert {kind: (each.lines, each.ours) for kind, each in ours.items()} == theirs[line.registration]
    stopped = 0
    for dealer in range(root.operator, 2 * OPERATORS, OPERATORS):
        record = story.ledger.record(story.ledger.sellers["dealer", dealer], LAST)
        there = records[uid(Of.DEALER, dealer)]
        assert (record.lines, record.stopped, record.struck) == (there.lines, there.stopped, there.struck)
        stopped += record.stopped
    assert stopped
    keys = {name: each.keys for name, each in held.items()}
    components = link_rules.components(keys, degrees, JUDGE.links)
    for line in here:
        together = {each.registration for each in story.linking.component(line)}
        mine = components.get(line.registration)
        assert together == (
            {line.registration} if mine is None else {name for name, of in components.items() if of == mine}
        )
    await _same_ring(story, root)


async def _same_ring(story: Story, root: Line) -> None:
    """Through production's own walk, once its components are computed."""
    links, policy = Links(), JUDGE.risk
    await links.sweep(story.db, story.tenants[root.operator], policy)
    async with story.db.read(story.tenants[root.operator]) as reader:
        theirs = await links.ring(reader, root.registration, policy, reader.now)
    ours = story.linking.ring(root, at(LAST - P.strike_days))
    assert theirs is not None
    assert ours is not None
    here, there = ({each.registration_id: each for each in ring.members} for ring in (ours[0], theirs))
    assert here.keys() == there.keys()
    # Signs are joined in the order in which they are read, and each is rounded down.
    assert max(abs(here[name].strength - each.strength) for name, each in there.items()) <= ROUNDED
    assert {name: each.via for name, each in here.items()} == {name: each.via for name, each in there.items()}
    assert abs(ours[0].score - theirs.score) <= ROUNDED
    assert ours[0].digest == theirs.digest


async def test_both_tell_the_same_lines_and_no_more_often(db: Database, clock: ManualClock) -> None:
    story = await tell(db, clock, 3)
    policy = NoticePolicy()
    told = []
    for day in (LAST, LAST, LAST + 1, LAST + 2, LAST + 3, LAST + 29, LAST + 30, LAST + 31):
        clock.set(at(day))
        asked = story.applicant(day)
        asked.person = 0
        asked.keys |= dict.fromkeys(("document", "personal_number", "person"), 0)
        await story.opens(asked)
        line = story.lines[-1]
        targets = [
            name
            for operator, tenant in enumerate(story.tenants)
            for name in await _settled(story, tenant, asked, line, day, is_here=operator == asked.operator)
        ]
        identity = [blind.primary for blind in story.common(asked).values()]
        async with db.write(story.tenants[asked.operator]) as tx:
            about = line.id.bytes
            may = bool(targets) and await notices.take(tx, identity, identity, about, policy)
        ours = story.owners.told(line, day)
        assert {each.registration for each in ours} == (set(targets) if may else set())
        told.append(bool(ours))
    assert told == [True, False, True, True, False, False, True, True]


async def _settled(
    story: Story, tenant: UUID, asked: Application, line: Line, day: int, *, is_here: bool
) -> list[UUID]:
    keys = story.keys(asked)
    if not is_here:
        keys = {kind: each for kind, each in keys.items() if kind not in ("device", "dealer")}
    async with story.db.read(tenant) as reader:
        before = at(day) - timedelta(days=30)
        return [told for _, told in await owners.settled_lines(reader, keys, line.registration, before)]
