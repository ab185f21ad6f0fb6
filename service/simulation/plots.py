"""The plots of an experiment, by file name."""

from service.simulation.drawing import Bar, Curve, Panel, bars, curves
from service.simulation.experiment import Experiment, beside
from service.simulation.figures import (
    SAID,
    Row,
    ablation_arms,
    main_arms,
    refusals,
    row,
    rows,
    ways,
)
from service.simulation.measures import CHIP, DOCUMENT, NOTHING, OURS, face_arm

FACE = 0.2
"""The pass rate that stands for the face where only one can be drawn."""


def plots(experiment: Experiment) -> dict[str, str]:
    """SVG by file name; the same experiment gives the same bytes."""
    said = f"{SAID} Seed {experiment.seed}, {experiment.people:,} people."
    return {
        "arms.svg": _arms(experiment, said),
        "break-even.svg": _break_even(experiment, said),
        "ablation.svg": _ablation(experiment, said),
        "honest.svg": _honest(experiment, said),
        "ways.svg": _ways(experiment, said),
    }


def _arms(experiment: Experiment, said: str) -> str:
    faces = [face_arm(rate).name for rate in experiment.parameters.face.pass_rates]
    found = rows(experiment, [*main_arms(experiment), *beside()])

    def colour(each: Row) -> int:
        return 1 if each.name in faces else 0 if each.name == OURS.name else 2

    attacked = [each for each in found if each.lines is not None]
    return bars(
        "The arms",
        said,
        [
            Panel("Scam lines per 1,000 attempts", [Bar(r.name, r.lines, colour(r)) for r in attacked]),
            Panel(
                "Dollars per 1,000 completed scam calls",
                [Bar(r.name, r.dollars, colour(r)) for r in attacked],
            ),
            Panel("Days that a scam line can call", [Bar(r.name, r.days, colour(r)) for r in attacked]),
            Panel("Honest people refused", [Bar(r.name, r.refused, colour(r)) for r in found], " %"),
            Panel("Reviews per 1,000 registrations", [Bar(r.name, r.reviews, colour(r)) for r in found]),
        ],
    )


_COMPARED = (
    ("Scam lines per 1,000 attempts", "lines"),
    ("Scam lines per 1,000 attempts, mules left out", "lines_others"),
    ("Dollars per 1,000 completed scam calls", "dollars"),
    ("Days that a scam line can call", "days"),
)


def _break_even(experiment: Experiment, said: str) -> str:
    rates = experiment.parameters.face.pass_rates
    swept = [row("", tally, experiment.mules) for _, tally in experiment.faces]
    axis = "share of swapped faces that pass"

    def level(name: str, colour: int, value: float | None) -> list[Curve]:
        return [] if value is None else [Curve(name, ((0.0, value), (rates[-1], value)), colour)]

    def swept_by(name: str, values: list[float | None]) -> list[Curve]:
        points = tuple((rate, value) for rate, value in zip(rates, values, strict=True) if value is not None)
        return [Curve(name, points, 1)] if points else []

    fixed = [(OURS, 0), (CHIP, 3), (DOCUMENT, 2)]
    charts = []
    for title, name in _COMPARED:
        lines = swept_by("document and face", [getattr(each, name) for each in swept])
        for arm, colour in fixed:
            own = row(arm.name, experiment.of(arm), experiment.mules)
            lines += level(arm.name, colour, getattr(own, name))
        charts.append((title, axis, lines))
    return curves("Break-even against the face", said, charts)


def _ablation(experiment: Experiment, said: str) -> str:
    found = rows(experiment, ablation_arms())
    again = [row("", tally, experiment.mules) for tally in experiment.again]

    def panel(title: str, of: str, unit: str = "") -> Panel:
        values = [getattr(each, of) for each in again if getattr(each, of) is not None]
        note = f"(other seeds {min(values):.3g}–{max(values):.3g})" if values else ""

        def bar(each: Row) -> Bar:
            is_ours = each.name == OURS.name
            return Bar(each.name, getattr(each, of), 0 if is_ours else 1, note if is_ours else "")

        return Panel(title, [bar(each) for each in found], unit)

    return bars(
        "Each measure taken away",
        said,
        [
            panel("Scam lines per 1,000 attempts", "lines"),
            panel("Dollars per 1,000 completed scam calls", "dollars"),
            panel("Days that a scam line can call", "days"),
            panel("Honest people refused", "refused", " %"),
            panel("Reviews per 1,000 registrations", "reviews"),
        ],
    )


def _honest(experiment: Experiment, said: str) -> str:
    panels = []
    for arm, colour in ((OURS, 0), (face_arm(FACE), 1), (DOCUMENT, 2)):
        groups = refusals(experiment.of(arm))
        panels.append(Panel(arm.name, [Bar(name, value, colour) for name, value in groups.items()], " %"))
    return bars("Honest people refused, by group", said, panels)


def _ways(experiment: Experiment, said: str) -> str:
    arms = (NOTHING, DOCUMENT, face_arm(FACE), OURS, CHIP)
    found = ways(experiment, arms)
    panels = []
    for arm in arms:
        here = [each for each in found if each.arm == arm.name]
        panels.append(
            Panel(
                f"{arm.name}: scam lines per 1,000 attempts",
                [
                    Bar(
                        each.name
                        + (" (mules)" if each.is_mule else "")
                        + (" (held out)" if each.is_held_out else ""),
                        each.lines,
                        3 if each.is_mule else 1,
                        f"of {each.attempts:,}",
                    )
                    for each in here
                ],
            )
        )
    return bars("Ways to get a line", said, panels)
