"""From counts to the figures that are printed and drawn. Every one is of the simulation and evidence of nothing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from service.risk.model import CATALOGUE
from service.simulation.experiment import Experiment
from service.simulation.gathering import Gathering
from service.simulation.judging import shipped
from service.simulation.ledger import Ledger, Line
from service.simulation.measures import (
    CALM,
    CONTEXT,
    DOCUMENT,
    NOTHING,
    OURS,
    PAPERS,
    Arm,
    Measure,
    face_arm,
    family_of,
    without,
)
from service.simulation.population import populate
from service.simulation.tally import Look, Outcome, Tally
from service.simulation.world import OFF_CHIP

ENOUGH = 30
"""A group with fewer registrations is not called the worst."""
SAID = "Simulation, not evidence."
Figure: TypeAlias = float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One arm. ``others`` leaves the mules out. Shares are per cent; rates say of what in their names."""

    name: str
    lines: Figure
    lines_others: Figure
    dollars: Figure
    dollars_others: Figure
    calls: int
    days: Figure
    rings: int
    rings_back: int
    lines_back: Figure
    refused: Figure
    refused_cap: Figure
    refused_else: Figure
    worst: str
    worst_refused: Figure
    stopped_wrongly: Figure
    reviews: Figure
    cases: Figure


def row(name: str, tally: Tally, mules: frozenset[str]) -> Row:
    everything = tally.scam(mules=mules, with_mules=True)
    others = tally.scam(mules=mules, with_mules=False)
    worst, worst_refused = _worst(tally)
    asked = tally.honest + everything.attempts
    got = tally.honest - tally.refused()
    return Row(
        name,
        everything.lines_per_1000,
        others.lines_per_1000,
        everything.dollars_per_1000_calls,
        others.dollars_per_1000_calls,
        everything.calls,
        everything.days_a_line,
        tally.rings_reported,
        tally.rings_back,
        _rate(tally.lines_back, tally.rings_reported, 1),
        _rate(tally.refused(), tally.honest, 100),
        _rate(tally.capped.total(), tally.honest, 100),
        _rate(tally.refused() - tally.capped.total(), tally.honest, 100),
        worst,
        worst_refused,
        _rate(tally.honest_stops.total(), got, 10_000),
        _rate(tally.reviews, asked, 1000),
        _rate(tally.cases.total(), asked, 1000),
    )


def _rate(count: int, of: int, times: int) -> Figure:
    return times * count / of if of else None


def _worst(tally: Tally) -> tuple[str, Figure]:
    found = [(share, group) for group, share in refusals(tally).items() if share is not None]
    if not found:
        return "", None
    share, group = max(found)
    return group, share


def refusals(tally: Tally) -> dict[str, Figure]:
    """Per cent of each group that is large enough, that did not get its line."""
    return {
        group: _rate(tally.refused(group), count, 100)
        for group, count in sorted(tally.honest_attempts.items())
        if count >= ENOUGH
    }


def rows(experiment: Experiment, arms: Sequence[Arm]) -> list[Row]:
    return [row(arm.name, experiment.of(arm), experiment.mules) for arm in arms]


def main_arms(experiment: Experiment) -> list[Arm]:
    faces = [face_arm(rate) for rate in experiment.parameters.face.pass_rates]
    return [NOTHING, DOCUMENT, *faces, OURS]


def ablation_arms() -> list[Arm]:
    return [OURS, *(without(measure) for measure in Measure)]


@dataclass(frozen=True, slots=True)
class Even:
    """Where the face is better than ours by one figure: ``spans`` of pass rates, read off the line between the rates
    that were swept."""

    what: str
    spans: tuple[tuple[float, float], ...]
    ours: Figure

    def said(self, low: float, high: float) -> str:
        if not self.spans:
            return "at no pass rate that was swept"
        if self.spans == ((low, high),):
            return "at every pass rate that was swept"
        return ", ".join(f"from {a:.0%} to {b:.0%}" for a, b in self.spans)


_COMPARED: tuple[tuple[str, Callable[[Row], Figure], bool], ...] = (
    ("scam lines per 1,000 attempts", lambda r: r.lines, False),
    ("scam lines per 1,000 attempts, mules left out", lambda r: r.lines_others, False),
    ("dollars per 1,000 completed scam calls", lambda r: r.dollars, True),
    ("dollars per 1,000 completed scam calls, mules left out", lambda r: r.dollars_others, True),
    ("completed scam calls in all", lambda r: float(r.calls), False),
    ("days that a scam line can call", lambda r: r.days, False),
    ("honest people refused", lambda r: r.refused, False),
    ("honest people refused for anything but the cap", lambda r: r.refused_else, False),
    ("reviews per 1,000 registrations", lambda r: r.reviews, False),
)


def break_even(experiment: Experiment) -> list[Even]:
    """By each figure, the pass rates at which the face does better."""
    ours = row(OURS.name, experiment.of(OURS), experiment.mules)
    swept = [(rate, row("", tally, experiment.mules)) for rate, tally in experiment.faces]
    found = []
    for what, of, more_is_better in _COMPARED:
        own = of(ours)
        points = [(rate, value) for rate, each in swept if (value := of(each)) is not None]
        sign = 1 if more_is_better else -1
        spans = () if own is None else tuple(_spans([(rate, sign * (value - own)) for rate, value in points]))
        found.append(Even(what, spans, own))
    return found


def _spans(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Where the line through ``points`` lies above zero."""
    begin: float | None = None
    last: tuple[float, float] | None = None
    for rate, gain in points:
        if last is not None and (gain > 0) != (last[1] > 0):
            at = last[0] + (rate - last[0]) * last[1] / (last[1] - gain)
            if begin is None:
                begin = at
            else:
                yield begin, at
                begin = None
        elif gain > 0 and begin is None:
            begin = rate
        last = (rate, gain)
    if begin is not None and last is not None:
        yield begin, last[0]


@dataclass(frozen=True, slots=True)
class Way:
    """One strategy in one arm."""

    name: str
    is_mule: bool
    is_held_out: bool
    arm: str
    attempts: int
    lines: Figure
    days: Figure
    dollars: Figure


def ways(experiment: Experiment, arms: Sequence[Arm]) -> list[Way]:
    found = []
    for strategy in experiment.parameters.strategies(final=experiment.is_final):
        for arm in arms:
            scam = experiment.of(arm).of([strategy.name])
            found.append(
                Way(
                    strategy.name,
                    strategy.is_mule,
                    strategy.held_out,
                    arm.name,
                    scam.attempts,
                    scam.lines_per_1000,
                    scam.days_a_line,
                    scam.dollars_per_1000_calls,
                )
            )
    return found


@dataclass(frozen=True, slots=True)
class Exposed:
    """What whoever steals the database reads of 1,000 registrations: alone, and with the keys."""

    arm: str
    faces: int
    images: int
    numbers_alone: int
    numbers_with_keys: int
    note: str


def exposed(experiment: Experiment) -> list[Exposed]:
    of = experiment.parameters.records
    images, faces = 1000 * of.images_each, 1000 * of.faces_each
    return [
        Exposed(NOTHING.name, 0, 0, 0, 0, "nobody's identity is kept"),
        Exposed(
            DOCUMENT.name, 0, images, 1000, 1000, "images are read as they lie; sealed ones with the keys"
        ),
        Exposed(
            "document and face", faces, images, 1000, 1000, "as with images; a face cannot be issued anew"
        ),
        Exposed(OURS.name, 0, 0, 0, 1000, "sealed under a key for each person; no image, no face is kept"),
    ]


def modelled(experiment: Experiment) -> tuple[list[str], list[str]]:
    """Names of the catalogue that the simulation gives values to, and those that stand at their ordinary value."""
    population = populate(experiment.parameters, experiment.people, experiment.seed)
    parameters = shipped().parameters
    gathering = Gathering(Ledger(parameters), parameters)
    given: set[str] = {*OFF_CHIP}
    for application in (each for day in population.plan[:20] for each in day):
        given |= gathering.about(application, Line(application, 0), 0, "sim_swap").keys()
    return sorted(given & set(CATALOGUE)), sorted(set(CATALOGUE) - given)


def blind(measure: Measure) -> list[str]:
    """The signals that a measure reads."""
    return sorted(name for name in CATALOGUE if family_of(name) == measure)


def unmeasured() -> list[str]:
    """Signals that no measure owns: of the papers, and of how it was asked for."""
    return sorted(name for name in CATALOGUE if family_of(name) in (PAPERS, CONTEXT))


def looks(experiment: Experiment, arms: Sequence[Arm]) -> list[tuple[str, list[Figure]]]:
    """What people look at beside registrations in review, of 1,000 registrations, by arm."""
    tallies = [experiment.of(arm) for arm in arms]
    asked = [tally.honest + tally.attempts.total() for tally in tallies]
    return [
        (look, [_rate(tally.cases[look], of, 1000) for tally, of in zip(tallies, asked, strict=True)])
        for look in Look
    ]


@dataclass(frozen=True, slots=True)
class Refused:
    """Honest refusals by the cap of one sort: per cent of the registrations, and of the people who asked."""

    why: str
    registrations: Figure
    people: Figure


def capped(experiment: Experiment) -> list[Refused]:
    """What the cap refuses where nobody attacks."""
    tally = experiment.of(CALM)
    population = populate(experiment.parameters, experiment.people, experiment.seed)
    asked = len({application.person for day in population.plan for application in day})
    return [
        Refused(why, _rate(tally.capped[why], tally.honest, 100), _rate(len(people), asked, 100))
        for why, people in tally.people_capped.items()
    ]


def is_conserved(tally: Tally) -> bool:
    """Every attempt has exactly one outcome."""
    return (
        tally.attempts.total() == tally.outcomes.total()
        and tally.honest_attempts.total() == tally.honest_outcomes.total()
        and all(outcome in Outcome for _, outcome in tally.outcomes)
    )
