"""One arm, day by day: people and rings ask for lines, the rules decide, lines call, and what follows from it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from service.risk.model import Value, Verdict
from service.simulation.aftermath import Aftermath
from service.simulation.chance import Chance
from service.simulation.gathering import Gathering, Given
from service.simulation.judging import Judge, Ruling
from service.simulation.ledger import Ledger, Line
from service.simulation.measures import Arm, Measure
from service.simulation.parameters import Parameters
from service.simulation.population import Application, Population
from service.simulation.rings import Ring
from service.simulation.tally import IN_SERVICE, Outcome, Tally

AFTER = 90
"""Days after the first report on which we look whether a ring is back."""


class World:
    """Holds everything that one arm changes; the population is shared and not written."""

    def __init__(
        self,
        parameters: Parameters,
        population: Population,
        arm: Arm,
        judge: Judge,
        seed: int,
        *,
        final: bool,
    ) -> None:
        self.p, self.arm, self.judge, self.population = parameters, arm, judge, population
        self.sees = arm.sees()
        self.ledger = Ledger(judge.parameters)
        self.gathering = Gathering(self.ledger, judge.parameters)
        self.tally = Tally()
        self.chance = Chance(seed, "world")
        sizes = population.sizes if arm.has_rings else []
        self.rings = [Ring(n, size, population, parameters, seed, final) for n, size in enumerate(sizes)]
        self.aftermath = Aftermath(self)
        self.victims: set[int] = set()
        self._opening: dict[int, list[Line]] = defaultdict(list)
        self._calls: dict[str, float] = defaultdict(float)
        self._seeded()

    def run(self) -> Tally:
        for day in range(self.p.population.days):
            for line in self._opening.pop(day, ()):
                self._enter(line, day)
            for application in self.population.plan[day]:
                self.apply(application, day)
            for ring in self.rings:
                if day >= ring.begins:
                    self._act(ring, day)
            self.aftermath.day(day)
        for name, calls in self._calls.items():
            self.tally.calls[name] = round(calls)
        return self.tally

    def _seeded(self) -> None:
        """Lines that are there already hang on their owners' things and are not decided again. Where nobody looks at
        what is held, they are left out."""
        for asked in self.population.before if self.arm.is_ours else ():
            self.ledger.hold(Line(asked, asked.day))

    # ---- Asking for a line ------------------------------------------------------------------------------------

    def apply(self, application: Application, day: int) -> tuple[Outcome, Line | None]:
        """Through the checks to one outcome, counted once."""
        name = self._counted(application)
        outcome, ruling = self._decide(application, day)
        line = None
        if outcome in IN_SERVICE:
            assert ruling is not None
            line = self._opened(application, ruling, day, late=outcome is Outcome.REVIEW_APPROVED)
            if self.aftermath.held_by_owner(line, day):
                outcome, line = Outcome.HELD, None
        if application.strategy is not None:
            self.tally.outcomes[name, outcome] += 1
        else:
            self.tally.honest_outcomes[name, outcome] += 1
        return outcome, line

    def _counted(self, application: Application) -> str:
        if application.strategy is not None:
            if application.owner is not None:
                self.victims.add(application.owner)
            self.tally.attempts[application.strategy.name] += 1
            return application.strategy.name
        group = "victim of theft" if application.person in self.victims else application.group
        self.tally.honest_attempts[group] += 1
        return group

    def _decide(self, application: Application, day: int) -> tuple[Outcome, Ruling | None]:
        strategy = application.strategy
        if self.arm.face is not None and not self._shows_face(application):
            return Outcome.FACE_REFUSED, None
        # Without a code a clerk decides about a swap, and most are talked over.
        is_clerks = application.is_swap and not self.arm.has(Measure.OTP)
        if is_clerks and strategy is not None and not self.chance.happens(strategy.takes_over):
            return Outcome.CLERK_REFUSED, None
        if application.replaces:
            self._give_up(application, day)
        given: Mapping[str, Value | None]
        given = self.gathering.signals(application, day) if self.arm.is_ours else application.facts
        if self.arm.has_chip:
            given = {**given, **self._read_chip(application)}
        ruling = self.judge.rule(given, self.sees)
        if self.arm.is_ours:
            self.gathering.decided(application, day, is_denied=ruling.verdict is Verdict.DENIED)
        if ruling.verdict is not Verdict.APPROVED and strategy is None:
            self.tally.rules.update(ruling.rules)
        if ruling.verdict is Verdict.APPROVED:
            return Outcome.APPROVED, ruling
        if ruling.verdict is Verdict.DENIED:
            self.tally.capped += strategy is None and ruling.rules[:1] == ("cap-on-identity",)
            return Outcome.DENIED, ruling
        return self._reviewed(application), ruling

    def _shows_face(self, application: Application) -> bool:
        """The arm that we do not build: whether a face is shown that the check takes for the document's."""
        strategy, face = application.strategy, self.p.face
        if strategy is None:
            fails = face.honest_fails * (1 - face.retry_passes)
            if application.group == "migrant":
                fails *= face.worst_group_factor
            return application.luck[1] >= fails
        if strategy.face == "own":
            return application.luck[1] >= face.honest_fails * (1 - face.retry_passes)
        if not isinstance(strategy.face, str):
            return application.luck[1] < strategy.face
        return application.luck[1] < (self.arm.face or 0.0)

    def _read_chip(self, application: Application) -> Given:
        """Data that leaked do not sign. Who brings the card itself has proof, whoever they are."""
        strategy, chip = application.strategy, self.p.chip
        if strategy is None:
            signs = application.luck[1] < chip.honest_has
        elif strategy.is_mule or strategy.name == "dealer":
            signs = application.facts["registry_answer"] == "yes"
        else:
            signs = strategy.owner and application.luck[1] < chip.ring_has
        return {"proof": "signed" if signs else "consistent", "registry_answer": "not_asked"}

    def _reviewed(self, application: Application) -> Outcome:
        self.tally.reviews += 1
        luck, strategy = application.luck[0], application.strategy
        if strategy is not None:
            return Outcome.REVIEW_DENIED if luck < strategy.review_denied else Outcome.REVIEW_APPROVED
        honest = self.p.honest
        if luck < honest.gives_up:
            return Outcome.GIVEN_UP
        approved = luck < honest.gives_up + (1 - honest.gives_up) * honest.review_approves
        return Outcome.REVIEW_APPROVED if approved else Outcome.REVIEW_DENIED

    def _opened(self, application: Application, ruling: Ruling, day: int, *, late: bool) -> Line:
        """A place is taken at once; service begins on the next day where a person had to look."""
        strategy = application.strategy
        line = Line(application, day, ruling.is_limited)
        starts = day + late
        if self.arm.has(Measure.PROBATION):
            line.probation_until = starts + ruling.probation_days
        line.calls_from = starts + (strategy.waits_days if strategy else 0)
        if self.arm.is_ours:
            self.ledger.hold(line)
        self._opening[day if not late else starts].append(line)
        return line

    def _give_up(self, application: Application, day: int) -> None:
        """The old line goes first; it counts on for ``refill_days``."""
        old = self.ledger.oldest_open(application.person, application.operator)
        if old is not None:
            old.closed = day

    def _enter(self, line: Line, day: int) -> None:
        for after, reports, share in line.application.storm:
            self.aftermath.storm(line, day + after, reports, share)

    # ---- Rings ------------------------------------------------------------------------------------------------

    def _act(self, ring: Ring, day: int) -> None:
        ring.night()
        if ring.first_report is not None and day == ring.first_report + AFTER:
            self.tally.rings_back += any(line.opened > ring.first_report for line in ring.live)
        for line in ring.live:
            self._call(ring, line, day)
        for _ in range(ring.wants()):
            chosen = ring.choose()
            if chosen is None:
                break
            before = ring.spent_cents
            application, identity = ring.application(*chosen, day)
            _, opened = self.apply(application, day)
            if opened is None:
                ring.failed(application, identity)
            else:
                self._pay_for_face(ring, opened)
                ring.succeeded(opened, identity)
                if ring.first_report is not None and ring.first_report < day <= ring.first_report + AFTER:
                    self.tally.lines_back += 1
            assert application.strategy is not None
            self.tally.spent[application.strategy.name] += ring.spent_cents - before

    def _pay_for_face(self, ring: Ring, line: Line) -> None:
        strategy = line.application.strategy
        if self.arm.face is not None and strategy is not None and strategy.face == "swept":
            ring.pay(strategy, line.application.is_quiet, self.p.face.swap_cents)

    def _call(self, ring: Ring, line: Line, day: int) -> None:
        if day < line.calls_from or line.is_restricted:
            return
        of, strategy = self.p.calls, line.application.strategy
        assert strategy is not None
        calls = strategy.calls_a_day or (of.a_day_quiet if line.application.is_quiet else of.a_day_loud)
        if day < line.probation_until:
            calls = min(calls, of.probation_a_day)
        answered = calls * of.answered * (of.label_factor if line.is_labelled else 1.0)
        self._calls[strategy.name] += answered
        self.tally.alive_days[strategy.name] += 1
        ring.earn(line, answered)
        reports = ring.chance.poisson(answered * of.reported)
        if reports:
            if ring.first_report is None:
                ring.first_report = day
                self.tally.rings_reported += day + AFTER < self.p.population.days
            self.aftermath.reported(line, day, reports, self.p.loop.counted_share)


def scaled(parameters: Parameters, days: int) -> Parameters:
    """The same with a shorter season, for tests."""
    return replace(parameters, population=replace(parameters.population, days=days))
