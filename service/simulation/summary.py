"""The figures in sentences, made from them, so that no sentence outlives its figure."""

from collections.abc import Iterator

from service.simulation.drawing import number
from service.simulation.experiment import Experiment
from service.simulation.figures import Row, break_even, row
from service.simulation.measures import CALM, DOCUMENT, NOTHING, OURS, Arm, Measure, face_arm, without

SAME = 0.1
"""A change by less than this share is called none, unless other seeds of ours lie closer together."""


def sentences(experiment: Experiment) -> Iterator[str]:
    def of(arm: Arm) -> Row:
        return row(arm.name, experiment.of(arm), experiment.mules)

    rates = experiment.parameters.face.pass_rates
    faces = [of(face_arm(rate)) for rate in rates]
    ours, calm = of(OURS), of(CALM)
    for what, name in (
        ("scam lines for 1,000 attempts", "lines"),
        ("dollars for 1,000 scam calls", "dollars"),
    ):
        values = [getattr(each, name) for each in faces if getattr(each, name) is not None]
        span = f"{number(min(values))} to {number(max(values))}" if values else "–"
        yield (
            f"{what[0].upper()}{what[1:]}: {number(getattr(of(NOTHING), name))} with no check,"
            f" {number(getattr(of(DOCUMENT), name))} with a document's image, {span} with a face,"
            f" {number(getattr(ours, name))} with ours."
        )
    for even in break_even(experiment):
        yield f"The face does better by {even.what} {even.said(rates[0], rates[-1])}."
    yield from _measures(experiment, ours)
    mules = sorted(experiment.mules & set(experiment.of(OURS).attempts))
    for name in mules:
        passing = [(arm.name, experiment.of(arm).of([name])) for arm in (DOCUMENT, face_arm(rates[0]), OURS)]
        said = ", ".join(f"{number(scam.lines_per_1000)} under {arm}" for arm, scam in passing)
        yield f"Mules pass every arm ({name}): lines for 1,000 attempts {said}."
    yield (
        f"Ours refuses {number(ours.refused, ' %')} of honest registrations,"
        f" {number(ours.refused_cap, ' %')} by the cap; without any ring {number(calm.refused, ' %')} and"
        f" {number(calm.refused_cap, ' %')}. Worst off: {ours.worst}, {number(ours.worst_refused, ' %')}."
    )
    yield (
        f"Of 1,000 registrations ours sends {number(ours.reviews)} to a person, {number(calm.reviews)} where there is"
        f" no ring; the document's image {number(of(DOCUMENT).reviews)}."
    )


def _measures(experiment: Experiment, ours: Row) -> Iterator[str]:
    """What the cost of scam calls does when a measure goes, the largest fall first."""
    if not ours.dollars:
        return
    again = [row("", tally, experiment.mules).dollars for tally in experiment.again]
    chance = max([SAME, *(abs(value / ours.dollars - 1) for value in again if value is not None)])
    falls = []
    for measure in Measure:
        cost = row("", experiment.of(without(measure)), experiment.mules).dollars
        if cost is not None:
            falls.append((cost / ours.dollars - 1, measure.value, cost))
    falls.sort()
    groups = (
        ("Scam calls get cheaper without", [fall for fall in falls if fall[0] < -chance]),
        ("No further from ours than another seed:", [fall for fall in falls if abs(fall[0]) <= chance]),
        (
            "Scam calls get dearer without, so that it hinders here:",
            [fall for fall in falls if fall[0] > chance],
        ),
    )
    for head, found in groups:
        if found:
            yield f"{head} {', '.join(f'{name} ({number(cost)} $)' for _, name, cost in found)}."
