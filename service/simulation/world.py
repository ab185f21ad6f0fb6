"""One arm, day by day: people and rings ask for lines, the rules decide, lines call, and what follows from it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from service.lines.model import DayOfUse, LinePolicy
from service.lines.rules.probation import days_needed, is_on, is_ordinary, restarted
from service.risk.model import Value, Verdict
from service.simulation.aftermath import Aftermath
from service.simulation.calendar import at
from service.simulation.chance import Chance
from service.simulation.gathering import Gathering, Given
from service.simulation.judging import Judge, Ruling
from service.simulation.ledger import Ledger, Line
from service.simulation.measures import Arm, Measure
from service.simulation.parameters import Parameters
from service.simulation.population import Application, Population
from service.simulation.rings import Ring
from service.simulation.tally import IN_SERVICE, Capped, Outcome, Tally

PAPERS = ("document", "personal_number", "person")
OFF_CHIP = ("proof", "registry_answer", "document_signature")
SIGNED, UNSIGNED = ("signed", "not_asked", "valid"), ("consistent", "not_asked", "absent")
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
        self.lines = LinePolicy()
        self.victims: set[int] = set()
        self._calls: dict[str, float] = defaultdict(float)
        self._seeded()

    def run(self) -> Tally:
        for day in range(self.p.population.days):
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
        outcome, ruling, line = self._decide(application, day)
        if outcome in IN_SERVICE:
            assert ruling is not None
            line = self._open(line or Line(application, day, ruling.is_limited), ruling, day, outcome)
            if self.aftermath.held_by_owner(line, day, waits=ruling.waits):
                outcome, line = Outcome.HELD, None
        else:
            line = None
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

    def _decide(self, application: Application, day: int) -> tuple[Outcome, Ruling | None, Line | None]:
        """With the line, where it is one in service that is taken over."""
        strategy = application.strategy
        if self.arm.face is not None and not self._shows_face(application):
            return Outcome.FACE_REFUSED, None, None
        line = None
        if application.is_swap:
            # Without a code a clerk decides about a swap, and most are talked over.
            is_clerks = not self.arm.has(Measure.OTP)
            if is_clerks and strategy is not None and not self.chance.happens(strategy.takes_over):
                return Outcome.CLERK_REFUSED, None, None
            line = self._taken_over(application, day)
            if line is None:
                return Outcome.CLERK_REFUSED, None, None
        given = self._given(application, line, day)
        ruling = self.judge.rule(given, self.sees)
        outcome = self._outcome(application, ruling)
        if self.arm.is_ours:
            is_denied, is_reviewed = ruling.verdict is Verdict.DENIED, ruling.verdict is Verdict.REVIEW
            self.gathering.decided(application, day, is_denied=is_denied, is_reviewed=is_reviewed)
            is_lost = line is not None and "card_lost" in self.sees and given.get("card_lost") is True
            if outcome is Outcome.REVIEW_APPROVED and line is not None and is_lost:
                outcome = Outcome.HELD if self.aftermath.card_asked_for(line, day) else outcome
        if strategy is None and ruling.verdict is not Verdict.APPROVED:
            self.tally.rules.update(ruling.rules)
            if outcome is Outcome.DENIED and ruling.rules[:1] == ("cap-on-identity",):
                self._capped(application)
        return outcome, ruling, line

    def _given(self, application: Application, line: Line | None, day: int) -> Mapping[str, Value | None]:
        if not self.arm.is_ours:
            return application.facts
        if line is None:
            given = self.gathering.signals(application, day)
        else:
            given = self.gathering.about(application, line, day, "sim_swap")
        return {**given, **self._read_chip(application)} if self.arm.has_chip else given

    def _taken_over(self, application: Application, day: int) -> Line | None:
        """The holder's line as whoever takes it over would have it; None where they have none there any more."""
        if not self.arm.is_ours:
            return Line(application, day)
        assert application.owner is not None
        theirs = self.ledger.oldest_open(application.owner, application.operator)
        return None if theirs is None else self.ledger.named(Line(application, day, taken_over=theirs))

    def _outcome(self, application: Application, ruling: Ruling) -> Outcome:
        if ruling.verdict is Verdict.APPROVED:
            return Outcome.APPROVED
        return Outcome.DENIED if ruling.verdict is Verdict.DENIED else self._reviewed(application)

    def _capped(self, application: Application) -> None:
        """What the cap refused to an honest person."""
        lines = self.ledger.here("document", application.keys["document"], application.operator)
        left = sum(line.is_open for line in lines) - self.judge.parameters.cap
        at_cap = Capped.REPLACES if application.replaces else Capped.ADDS
        why = Capped.GIVEN_UP if left < 0 else Capped.ABOVE if left > 0 else at_cap
        self.tally.capped[why] += 1
        self.tally.people_capped[why].add(application.person)

    def reverifies(self, line: Line, day: int) -> Verdict:
        """What the rules make of it when the holder of a line that is held comes with the same papers, and nothing else
        that was seen before."""
        papers = {kind: line.application.keys[kind] for kind in PAPERS if kind in line.application.keys}
        application = replace(line.application, keys=papers, dealer=None, agent=None)
        given = self.gathering.about(application, line, day, "reverify")
        return self.judge.rule(given, self.sees).verdict

    def came_back(self, line: Line) -> None:
        """Whoever comes to be verified again, or appeals, spends somebody's time on it."""
        ring, strategy = line.application.ring, line.application.strategy
        if ring is not None and strategy is not None:
            cents = self.p.rings.attempt_cents
            self.rings[ring].pay(strategy, line.application.is_quiet, cents)
            self.tally.spent[strategy.name] += cents

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
        return dict(zip(OFF_CHIP, SIGNED if signs else UNSIGNED, strict=True))

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

    def _open(self, line: Line, ruling: Ruling, day: int, outcome: Outcome) -> Line:
        """A place is taken at once; service begins on the next day where a person had to look."""
        application = line.application
        starts = day + (outcome is Outcome.REVIEW_APPROVED)
        line.calls_from = starts + (application.strategy.waits_days if application.strategy else 0)
        if self.arm.has(Measure.PROBATION):
            line.probation_left = self._probation(line, ruling, day)
        if line.taken_over is not None:
            line.taken_over.taken_by = line
        elif self.arm.is_ours:
            self.ledger.hold(line)
            if application.replaces:
                self._give_up(application, line, day)
        for storm in application.storms:
            if storm.ring is None or self.arm.has_rings:
                self.aftermath.storm(line, starts + storm.after, storm)
        return line

    def _probation(self, line: Line, ruling: Ruling, day: int) -> int:
        """Days of ordinary use: of a new line what the decision says; of one that nobody used, what another card
        begins anew."""
        if line.taken_over is None:
            return ruling.probation_days
        policy = self.lines.probation
        real = self.aftermath.real(line, day)
        silent = at(day) - policy.dormant - timedelta(days=1)
        again, _ = restarted(replace(real, used_on=silent.date()), "sim-changed", policy, at(day))
        return days_needed(again) if is_on(again) else 0

    def _give_up(self, application: Application, line: Line, day: int) -> None:
        """The new line is there, and an old one goes, of the same operator if there is one; it counts on a while."""
        for operator in (application.operator, None):
            old = self.ledger.oldest_open(application.person, operator)
            if old is not None and old is not line:
                self.aftermath.given_up(old, day)
                return

    # ---- Rings ------------------------------------------------------------------------------------------------

    def _act(self, ring: Ring, day: int) -> None:
        ring.night(lambda line: self.aftermath.may_call(line, day))
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
        if day < line.calls_from:
            return
        of, strategy = self.p.calls, line.application.strategy
        assert strategy is not None
        calls = strategy.calls_a_day or (of.a_day_quiet if line.application.is_quiet else of.a_day_loud)
        if line.probation_left > 0:
            # Strangers are called once each: a call is another number.
            calls = min(calls, self.lines.probation.callees)
            today = DayOfUse(at(day).date(), outgoing=calls, callees=calls)
            line.probation_left -= is_ordinary(today, self.lines.probation)
        answered = calls * of.answered * (of.label_factor if self.aftermath.is_labelled(line, day) else 1.0)
        self._calls[strategy.name] += answered
        self.tally.alive_days[strategy.name] += 1
        ring.earn(line, answered)
        reports = ring.chance.poisson(answered * of.reported)
        if reports:
            if ring.first_report is None:
                ring.first_report = day
                self.tally.rings_reported += day + AFTER < self.p.population.days
            self.aftermath.reported(line, day, reports)


def scaled(parameters: Parameters, days: int) -> Parameters:
    """The same with a shorter season, for tests."""
    return replace(parameters, population=replace(parameters.population, days=days))
