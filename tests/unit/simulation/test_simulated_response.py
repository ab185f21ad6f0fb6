"""In the laboratory the real rules say who counts, what follows and who is told: whoever changes their policy changes
what comes out."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service.lines.model import State as LineState
from service.notices.model import NoticePolicy
from service.reports.model import FALSE_REPORTS, ReportPolicy, State
from service.response.model import Ground, ResponsePolicy, Source, SourceKind, Step
from service.response.model import State as StepState
from service.risk.model import HoldingKind, Value
from service.simulation.calendar import Of, at, uid
from service.simulation.chance import Chance
from service.simulation.experiment import SEED, Task, run
from service.simulation.judging import shipped
from service.simulation.ladder import Ladder
from service.simulation.ledger import Ledger, Line
from service.simulation.linking import Linking
from service.simulation.measures import OURS, Arm, Measure
from service.simulation.owners import Owners
from service.simulation.parameters import Parameters, load
from service.simulation.population import Application, populate
from service.simulation.reporting import Reports
from service.simulation.tally import Capped, Outcome, Stop
from service.simulation.world import World, scaled

CAP = shipped().parameters.cap
GOOD: dict[str, Value] = {
    "document_outcome": "pass",
    "proof": "confirmed",
    "registry_answer": "yes",
    "line_code_verified": True,
}
SOURCE = Source(SourceKind.REPORT, uid(Of.REPORT, 1))


def asking(person: int, day: int, operator: int = 0, dealer: int | None = None, **keys: int) -> Application:
    own = dict.fromkeys(("document", "personal_number", "person"), person)
    return Application(day, "citizen", operator, person, own | keys, {}, dealer)


# ---- Who counts ------------------------------------------------------------------------------------------------


class Street:
    """People with a line each, and one that all of them are called from."""

    def __init__(
        self,
        policy: ReportPolicy | None = None,
        *,
        clients: tuple[int, ...] = (1, 1, 1, 1),
        proves: bool = True,
        people: int = 40,
        opened: int = -100,
        operator: int = 0,
        dealer: int | None = None,
        **keys: int,
    ) -> None:
        p = load()
        p = replace(p, loop=replace(p.loop, proved_share=1.0, clients=clients))
        self.ledger = Ledger(shipped().parameters)
        for person in range(people):
            self.ledger.hold(Line(asking(person, opened, operator, dealer, **keys), opened))
        self.line = Line(asking(100, 0), 0)
        self.ledger.hold(self.line)
        linking = Linking(self.ledger, shipped().links, frozenset(HoldingKind))
        self.reports = Reports(
            p, policy or shipped().reports, self.ledger, linking.telling, Chance(1), people, proves=proves
        )

    def called(self, count: int, day: int = 0) -> State:
        return self.reports.by_called(self.line, day, count)


def test_five_of_them_corroborate() -> None:
    assert Street().called(4) is State.FILED
    assert Street().called(40) is State.CORROBORATED
    assert Street(replace(shipped().reports, required=3)).called(4) is State.CORROBORATED


def test_one_client_supplies_two_of_the_five() -> None:
    assert Street(clients=(1,)).called(40) is State.FILED
    assert Street(clients=(1, 1)).called(40) is State.FILED
    assert Street(clients=(1, 1, 1)).called(40) is State.CORROBORATED
    assert (
        Street(replace(shipped().reports, most_per_client=4), clients=(1, 1)).called(40) is State.CORROBORATED
    )


@pytest.mark.parametrize(
    "street",
    [
        pytest.param({"proves": False}, id="no code proved their numbers"),
        pytest.param({"opened": -29}, id="their lines are young"),
        pytest.param({"operator": 1}, id="customers of another operator"),
        pytest.param({"dealer": 3}, id="customers of one dealer"),
        pytest.param({"people": 8, "contact": 7, "payment": 8}, id="one hand"),
    ],
)
def test_forty_who_do_not_count(street: dict[str, object]) -> None:
    assert Street(**street).called(40) is State.FILED  # type: ignore[arg-type]  # one argument of each case


def test_what_is_said_elsewhere_opens_a_case_and_is_one_vote() -> None:
    street = Street(operator=1)
    street.called(40)
    assert street.line.case is not None
    assert [vote.client_id for vote in street.line.case.votes] == [None]
    street.called(40, day=9)
    street.called(40, day=11)
    assert len(street.line.case.votes) <= 3


def test_votes_grow_old() -> None:
    street = Street()
    for day in (0, 11, 22, 33, 44):
        assert street.called(1, day) is State.FILED
    close = Street()
    states = [close.called(2, day) for day in (0, 3, 6, 9)]
    assert states[-1] is State.CORROBORATED


def test_who_reports_falsely_is_believed_no_more() -> None:
    """A ring whose reporters nothing links corroborates twice; then its word is worth nothing."""
    p = load()
    p = replace(p, honest=replace(p.honest, framed_unlinked=1.0))
    street = Street()
    street.reports._p = replace(p, loop=replace(p.loop, clients=(1, 1, 1, 1)))
    said = []
    for day in (0, 20, 40):
        said.append(street.reports.by_ring(street.line, day, 10, 1))
        assert street.line.case is not None
        if said[-1] is State.CORROBORATED:
            street.reports.decide(street.line.case, State.DISMISSED, FALSE_REPORTS, day)
    assert said == [State.CORROBORATED, State.CORROBORATED, State.FILED]
    assert street.reports.reputation(uid(Of.FRAMER, 1_000)) == 300


def test_a_ring_is_one_voice() -> None:
    """Of its ten reporters eight are linked: with two that are not, three count."""
    street = Street()
    assert street.reports.by_ring(street.line, 0, 10, 1) is State.FILED
    assert (
        Street(replace(shipped().reports, required=3)).reports.by_ring(street.line, 0, 10, 1)
        is State.CORROBORATED
    )


# ---- What follows ----------------------------------------------------------------------------------------------


class Rungs:
    """A ladder whose agenda is turned by hand."""

    def __init__(self, policy: ResponsePolicy | None = None, opened: int = 0) -> None:
        self.agenda: list[tuple[int, object]] = []
        self.stops: list[Stop] = []
        self.referred: list[Step] = []
        self.ladder = Ladder(
            policy or shipped().response,
            lambda day, act: self.agenda.append((day, act)),
            lambda _, why: self.stops.append(why),
            lambda *_: None,
            lambda _, action, __: self.referred.append(action.step),
        )
        self.line = Ledger(shipped().parameters).named(Line(asking(1, opened), opened))

    def turn(self, day: int) -> None:
        for due, act in [*self.agenda]:
            if due <= day:
                self.agenda.remove((due, act))
                act(due)  # type: ignore[operator]  # kept as it was given


def test_reports_alone_label_at_once_and_bar_after_the_notice() -> None:
    rungs = Rungs()
    rungs.ladder.ask(rungs.line, Ground.REPORTED, SOURCE, 10)
    assert rungs.ladder.is_labelled(rungs.line, 10)
    assert rungs.ladder.may_call(rungs.line, 10)
    rungs.turn(11)
    assert not rungs.ladder.may_call(rungs.line, 11)
    # Fifteen days.
    assert not rungs.ladder.may_call(rungs.line, 25)
    assert rungs.ladder.may_call(rungs.line, 26)
    assert rungs.stops == [Stop.REPORTS]


def test_the_policy_says_how_long() -> None:
    policy = replace(shipped().response, notice=timedelta(days=3), bars=(timedelta(days=2),))
    rungs = Rungs(policy)
    rungs.ladder.ask(rungs.line, Ground.REPORTED, SOURCE, 10)
    rungs.turn(12)
    assert rungs.ladder.may_call(rungs.line, 12)
    rungs.turn(13)
    assert [rungs.ladder.may_call(rungs.line, day) for day in (13, 14, 15)] == [False, False, True]


def test_a_confirmed_report_holds_then_suspends() -> None:
    rungs = Rungs()
    rungs.ladder.ask(rungs.line, Ground.CONFIRMED, SOURCE, 10)
    assert rungs.ladder.real(rungs.line, 10).state is LineState.RESTRICTED
    rungs.ladder.reverified(rungs.line, 12)
    assert rungs.ladder.may_call(rungs.line, 12)
    assert [each.state for each in rungs.ladder.dossier(rungs.line).steps] == [StepState.LIFTED]
    rungs.ladder.ask(rungs.line, Ground.CONFIRMED, Source(SourceKind.REPORT, uid(Of.REPORT, 2)), 20)
    assert rungs.ladder.real(rungs.line, 20).state is LineState.SUSPENDED
    rungs.ladder.reverified(rungs.line, 21)
    assert not rungs.ladder.may_call(rungs.line, 21)


def test_a_long_tenured_line_goes_to_a_person_first() -> None:
    rungs = Rungs(opened=-400)
    rungs.ladder.ask(rungs.line, Ground.CONFIRMED, SOURCE, 10)
    assert rungs.ladder.may_call(rungs.line, 10)
    assert rungs.referred == [Step.HOLD]
    [step] = rungs.ladder.dossier(rungs.line).steps
    assert rungs.ladder.decided(rungs.line, step, 11, accepted=True)
    assert not rungs.ladder.may_call(rungs.line, 11)


def test_what_is_undone_leaves_the_line_as_it_was() -> None:
    rungs = Rungs()
    rungs.ladder.ask(rungs.line, Ground.REPORTED, SOURCE, 10)
    rungs.turn(11)
    rungs.ladder.undo_source(rungs.line, SOURCE, 12)
    assert rungs.ladder.may_call(rungs.line, 12)
    assert not rungs.ladder.is_labelled(rungs.line, 12)


def test_a_line_that_was_given_up_takes_no_step() -> None:
    rungs = Rungs()
    rungs.line.closed = 5
    assert rungs.ladder.ask(rungs.line, Ground.CONFIRMED, SOURCE, 10) == ()
    assert rungs.stops == []


# ---- Who is told -----------------------------------------------------------------------------------------------


def test_the_quota_and_the_age_are_the_policys() -> None:
    def told(policy: NoticePolicy, opened: int) -> list[bool]:
        ledger = Ledger(shipped().parameters)
        ledger.hold(Line(asking(1, opened, contact=5), opened))
        owners, found = Owners(ledger, policy), []
        for day in (0, 0, 1, 2, 3):
            line = Line(asking(1, day, operator=1), day)
            ledger.hold(line)
            found.append(bool(owners.told(line, day)))
        return found

    assert told(NoticePolicy(), -30) == [True, False, True, True, False]
    assert told(NoticePolicy(day=9, month=9), -30) == [True] * 5
    assert told(NoticePolicy(), -29) == [False, False, True, True, True]
    assert told(NoticePolicy(settled=timedelta(days=60)), -30) == [False] * 5


@pytest.mark.parametrize("kind", ["device", "dealer"])
def test_what_shares_the_device_or_the_dealer_is_not_told(kind: str) -> None:
    ledger = Ledger(shipped().parameters)
    shared = {kind: 9}
    ledger.hold(Line(asking(1, -50, **shared), -50))
    line = Line(asking(1, 0, **shared), 0)
    ledger.hold(line)
    assert Owners(ledger).told(line, 0) == []


# ---- In the whole ----------------------------------------------------------------------------------------------


def loud() -> Parameters:
    """Few people, one operator, rings that are reported often."""
    p = load()
    return replace(
        p,
        population=replace(p.population, days=60, operators=1),
        rings=replace(p.rings, size_least=6, size_most=8, begin_last=12),
        calls=replace(p.calls, reported=0.4),
        notice=replace(p.notice, answers=0.9, within_hold=0.5),
    )


def played(**policy: int | str) -> World:
    overrides = tuple((name.replace("__", "."), value) for name, value in policy.items())
    arm = Arm("ours", OURS.measures, overrides=overrides)
    p = loud()
    world = World(p, populate(p, 100, SEED), arm, shipped(overrides), SEED, final=False)
    world.run()
    return world


@pytest.fixture(scope="module")
def seeded() -> World:
    return played()


@pytest.mark.parametrize(
    "policy",
    [
        {"reports__required": 3},
        {"response__tenure_days": 1},
        {"response__hold_days": 2},
        {"response__appeal_days": 1},
        {"strike_days": 1},
        {"cap": 2},
        {"refill_days": 400},
        {"probation_days": 0},
        {"dealer_scam_lines": 1},
    ],
    ids=lambda policy: next(iter(policy)),
)
def test_another_policy_is_another_world(policy: dict[str, int | str], seeded: World) -> None:
    assert played(**policy).tally != seeded.tally


def test_reports_stop_lines_and_people_undo_mistakes(seeded: World) -> None:
    stops = seeded.tally.stops
    assert stops[Stop.REPORTS] > 5
    assert stops[Stop.RING] > 0
    steps = [
        step for ring in seeded.rings for line in ring.lines if line.dossier for step in line.dossier.steps
    ]
    assert {step.step for step in steps} >= {Step.LABEL, Step.HOLD}


def test_nothing_is_closed_but_by_a_person(seeded: World) -> None:
    """On the ledger of a line closing has a person's name; "not mine" alone never closes."""
    lines = [line for held in seeded.ledger._here.values() for line in held if line.dossier is not None]
    assert lines
    for line in lines:
        assert line.dossier is not None
        closings = [step for step in line.dossier.steps if step.step is Step.CLOSE and step.taken_at]
        assert all(step.decided_by is not None for step in closings)


def test_an_owner_who_is_mistaken_gets_the_line_back() -> None:
    p = load()
    p = replace(p, notice=replace(p.notice, answers=1.0, mistaken=1.0, confirms=0.0, mean_days=1.0),
                loop=replace(p.loop, confirms_honest=0.0))  # fmt: skip
    p = scaled(p, 60)
    arm = Arm("ours", OURS.measures, has_rings=False)
    world = World(p, populate(p, 100, SEED), arm, shipped(), SEED, final=False)
    tally = world.run()
    assert tally.honest_stops[Stop.OWNER] > 5
    lines = {id(line): line for held in world.ledger._here.values() for line in held if line.is_disowned}
    assert len(lines) > 5
    assert all(world.aftermath.may_call(line, 80) for line in lines.values() if line.is_open)
    assert world.gathering._marks, "some said that the document is lost"


def test_without_a_code_no_report_counts() -> None:
    p = loud()
    arm = Arm("ours", OURS.measures - {Measure.OTP})
    world = World(p, populate(p, 150, SEED), arm, shipped(), SEED, final=False)
    world.run()
    cases = [line.case for ring in world.rings for line in ring.lines if line.case]
    assert not any(case.report.corroborated_at for case in cases)


def test_the_cap_says_what_it_refused() -> None:
    """Somebody at the cap, above it, and with lines that were given up a while ago."""
    p = scaled(load(), 30)
    world = World(
        p, populate(p, 100, SEED), Arm("ours", OURS.measures, has_rings=False), shipped(), SEED, final=False
    )

    def holding(person: int, lines: int) -> list[Line]:
        found = [Line(asking(person, -400), -400) for _ in range(lines)]
        for line in found:
            world.ledger.hold(line)
        return found

    def ask(person: int, *, replaces: bool = False) -> Outcome:
        asked = replace(asking(person, 0), facts=GOOD, replaces=replaces)
        return world.apply(asked, 0)[0]

    holding(1_000, CAP)
    holding(1_001, CAP + 1)
    for line in holding(1_002, CAP)[:2]:
        world.aftermath.given_up(line, -1)
    for line in holding(1_003, CAP)[:2]:
        world.aftermath.given_up(line, -shipped().parameters.refill_days)
    assert ask(1_000) is ask(1_001) is ask(1_002) is Outcome.DENIED
    assert ask(1_000, replaces=True) is Outcome.DENIED
    assert ask(1_003) is Outcome.APPROVED
    assert world.tally.capped == dict.fromkeys(Capped, 1)
    assert [len(people) for people in world.tally.people_capped.values()] == [1, 1, 1, 1]


def test_who_is_refused_keeps_the_line_that_was_to_be_replaced() -> None:
    p = scaled(load(), 30)
    world = World(
        p, populate(p, 100, SEED), Arm("ours", OURS.measures, has_rings=False), shipped(), SEED, final=False
    )
    old = Line(asking(1_000, -400), -400)
    world.ledger.hold(old)
    asked = replace(asking(1_000, 0, operator=1), replaces=True, facts={"registry_answer": "no"})
    assert world.apply(asked, 0)[0] is Outcome.DENIED
    assert old.is_open
    # Granted at another operator, it replaces the one here.
    assert world.apply(replace(asked, facts=GOOD), 1)[0] is Outcome.APPROVED
    assert old.closed == 1


def test_reported_honest_lines_go_to_people() -> None:
    """Storms reach whoever was approved at once, too."""
    p = load()
    p = replace(p, honest=replace(p.honest, spoofed_share=1.0), loop=replace(p.loop, confirms_honest=1.0))
    p = replace(p, population=replace(p.population, days=90, operators=1))
    tally = run(Task(100, SEED, Arm("ours", OURS.measures, has_rings=False), False, p))
    assert tally.honest_stops[Stop.REPORTS] > 20
    assert at(1) - at(0) == timedelta(days=1)
