"""The experiment in words and tables, for a terminal and for ``docs/simulation.md``."""

from collections.abc import Iterator, Sequence

from service.simulation.drawing import number
from service.simulation.experiment import Experiment, beside
from service.simulation.figures import (
    SAID,
    Row,
    ablation_arms,
    blind,
    break_even,
    capped,
    exposed,
    looks,
    main_arms,
    modelled,
    refusals,
    row,
    rows,
    ways,
)
from service.simulation.measures import CALM, CHIP, DOCUMENT, NOTHING, OURS, Measure, face_arm, without
from service.simulation.plots import FACE
from service.simulation.summary import sentences

Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]
"""Title, head, rows."""

_HEAD = (
    "arm", "lines /1,000", "w/o mules", "$ /1,000 calls", "w/o mules", "calls", "days", "rings back", "lines back",
    "refused", "by the cap", "worst group", "wrongly stopped /10,000", "reviews /1,000", "cases /1,000",
)  # fmt: skip


def _cells(each: Row) -> list[str]:
    return [
        each.name,
        number(each.lines),
        number(each.lines_others),
        number(each.dollars),
        number(each.dollars_others),
        f"{each.calls:,}",
        number(each.days),
        f"{each.rings_back} of {each.rings}" if each.rings else "–",
        number(each.lines_back),
        number(each.refused, " %"),
        number(each.refused_cap, " %"),
        f"{each.worst} {number(each.worst_refused, ' %')}".strip(),
        number(each.stopped_wrongly),
        number(each.reviews),
        number(each.cases),
    ]


def tables(experiment: Experiment) -> Iterator[Table]:
    """In the order in which they are read."""
    yield "The arms", _HEAD, [_cells(each) for each in rows(experiment, main_arms(experiment))]
    yield "Beside the four arms", _HEAD, [_cells(each) for each in rows(experiment, beside())]
    yield "Each measure taken away", _HEAD, [_cells(each) for each in rows(experiment, ablation_arms())]
    again = [
        row(f"ours, seed {experiment.seed + n}", tally, experiment.mules)
        for n, tally in enumerate(experiment.again, 1)
    ]
    yield "Ours under other seeds: so much is chance", _HEAD, [_cells(each) for each in again]
    yield "Where the face does better than ours", ("figure", "ours", "the face is better"), _even(experiment)
    yield (
        "Ways to get a line",
        ("way", "arm", "attempts", "lines /1,000", "days", "$ /1,000 calls"),
        _ways(experiment),
    )
    yield "Honest people refused, by group", *_groups(experiment)
    seen = (OURS, CALM, without(Measure.REPORTS), without(Measure.NOTICE))
    yield (
        "Cases: what people look at beside reviews, of 1,000 registrations",
        ("what", *(arm.name for arm in seen)),
        [[what, *map(number, values)] for what, values in looks(experiment, seen)],
    )
    yield (
        "What the cap refuses to honest people, where nobody attacks",
        (
            "at the operator that is asked they have",
            "of registrations",
            "of the people who asked, at least once",
        ),
        [[e.why, number(e.registrations, " %"), number(e.people, " %")] for e in capped(experiment)],
    )
    yield (
        "Read by whoever steals the database, of 1,000 registrations",
        ("arm", "faces", "document images", "ID numbers, database alone", "with the keys", "remark"),
        [
            [
                e.arm,
                f"{e.faces:,}",
                f"{e.images:,}",
                f"{e.numbers_alone:,}",
                f"{e.numbers_with_keys:,}",
                e.note,
            ]
            for e in exposed(experiment)
        ],
    )


def _even(experiment: Experiment) -> list[list[str]]:
    rates = experiment.parameters.face.pass_rates
    return [[even.what, number(even.ours), even.said(rates[0], rates[-1])] for even in break_even(experiment)]


def _ways(experiment: Experiment) -> list[list[str]]:
    found = []
    for way in ways(experiment, (NOTHING, DOCUMENT, face_arm(FACE), OURS, CHIP)):
        marks = (" (mules)" if way.is_mule else "") + (" (held out)" if way.is_held_out else "")
        found.append(
            [
                way.name + marks,
                way.arm,
                f"{way.attempts:,}",
                number(way.lines),
                number(way.days),
                number(way.dollars),
            ]
        )
    return found


def _groups(experiment: Experiment) -> tuple[list[str], list[list[str]]]:
    arms = (DOCUMENT, face_arm(FACE), OURS, CHIP)
    by_arm = [refusals(experiment.of(arm)) for arm in arms]
    groups = sorted({group for each in by_arm for group in each})
    head = ["group", *(arm.name for arm in arms)]
    return head, [[group, *(number(each.get(group), " %") for each in by_arm)] for group in groups]


def heading(experiment: Experiment) -> list[str]:
    """What was run, so that it can be run again."""
    held = "with" if experiment.is_final else "without"
    return [
        SAID,
        f"seed {experiment.seed}, {experiment.people:,} honest people, {len(experiment.sizes)} rings of"
        f" {min(experiment.sizes)}-{max(experiment.sizes)} identities, {experiment.dealers} dealers,"
        f" {experiment.parameters.population.days} days, {held} the strategies that are held out",
        f"parameters {experiment.parameters.digest}",
        f"policy {experiment.policy}",
    ]


def text(experiment: Experiment) -> str:
    """For a terminal."""
    lines = [*heading(experiment), "", *sentences(experiment), ""]
    for title, head, body in tables(experiment):
        cells = [tuple(head), *(tuple(each) for each in body)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines.append(title)
        lines += ["  ".join(map(str.ljust, each, widths)).rstrip() for each in cells]
        lines.append("")
    return "\n".join([*lines, SAID, ""])


def markdown(experiment: Experiment, pictures: str) -> str:
    """For a page; ``pictures`` is the folder of the plots as the page sees it."""
    shown = {
        "The arms": "arms.svg",
        "Each measure taken away": "ablation.svg",
        "Where the face does better than ours": "break-even.svg",
        "Ways to get a line": "ways.svg",
        "Honest people refused, by group": "honest.svg",
    }
    lines = [*(f"- {line}" for line in heading(experiment)), "", "### In short", ""]
    lines += [*(f"- {line}" for line in sentences(experiment)), ""]
    for title, head, body in tables(experiment):
        lines += [f"### {title}", ""]
        lines += [f"| {' | '.join(each)} |" for each in [head, ["---"] * len(head), *body]]
        lines.append("")
        if title in shown:
            lines += [f"![{title}. {SAID}]({pictures}/{shown[title]})", ""]
    given, ordinary = modelled(experiment)
    lines += ["### What each measure reads", ""]
    for measure in Measure:
        lines.append(
            f"- *{measure.value}*: {', '.join(f'`{name}`' for name in blind(measure)) or 'no signal'}"
        )
    lines += [
        "",
        f"The simulation gives values to {len(given)} signals of the catalogue. These stand at their ordinary value,"
        f" so that rules which read them are not tried: {', '.join(f'`{name}`' for name in ordinary) or 'none'}.",
        "",
    ]
    return "\n".join(lines)
