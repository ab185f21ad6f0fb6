"""All arms on one population, and what they come to."""

import gc
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from service.risk.rules import VOCABULARY
from service.simulation.judging import shipped
from service.simulation.measures import (
    CALM,
    CHIP,
    DOCUMENT,
    NOTHING,
    OURS,
    REFILLED,
    SPACED,
    STRICT,
    Arm,
    Measure,
    face_arm,
    ours_and_face,
    without,
)
from service.simulation.parameters import Parameters, load
from service.simulation.population import populate
from service.simulation.tally import Tally
from service.simulation.world import World

SEED = 20261125
SCALES = {"tiny": 400, "small": 6_000, "default": 30_000, "full": 1_000_000}
"""Honest people; rings are as dense at every scale, but never fewer than two."""
BESIDE = 0.2
"""Pass rate of the face that is laid on top of ours."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """``tallies`` by the name of the arm; ``again`` is ours under other seeds, to show what is chance."""

    seed: int
    people: int
    is_final: bool
    parameters: Parameters
    policy: str
    dealers: int
    sizes: tuple[int, ...]
    tallies: Mapping[str, Tally]
    again: tuple[Tally, ...]

    def of(self, arm: Arm) -> Tally:
        return self.tallies[arm.name]

    @property
    def faces(self) -> list[tuple[float, Tally]]:
        return [(rate, self.of(face_arm(rate))) for rate in self.parameters.face.pass_rates]

    @property
    def mules(self) -> frozenset[str]:
        return frozenset(each.name for each in self.parameters.strategy if each.is_mule)


def arms(parameters: Parameters) -> list[Arm]:
    """The four of the plan, what is taken away of ours, and three to compare with."""
    faces = [face_arm(rate) for rate in parameters.face.pass_rates]
    ablated = [without(measure) for measure in Measure]
    return [NOTHING, DOCUMENT, *faces, OURS, *ablated, *beside()]


def beside() -> list[Arm]:
    """What an operator might do otherwise, and ours where nobody attacks. Parameters that the policy does not have
    are left out."""
    own = [
        arm
        for arm in (STRICT, SPACED, REFILLED)
        if all(name in VOCABULARY.parameters for name, _ in arm.overrides)
    ]
    return [CALM, CHIP, *own, ours_and_face(BESIDE)]


@dataclass(frozen=True, slots=True)
class Task:
    """One arm under one seed."""

    people: int
    seed: int
    arm: Arm
    is_final: bool
    parameters: Parameters


def experiment(
    people: int,
    seed: int = SEED,
    *,
    final: bool = False,
    parameters: Parameters | None = None,
    again: int = 3,
    workers: int = 1,
    progress: Callable[[str], None] = lambda _: None,
) -> Experiment:
    """Every arm with the same people and rings of the same size; ``progress`` hears the name of each. The number of
    ``workers`` (processes) changes nothing of what comes out."""
    parameters = parameters or load()
    tasks = [Task(people, seed, arm, final, parameters) for arm in arms(parameters)]
    tasks += [Task(people, seed + n, OURS, final, parameters) for n in range(1, again + 1)]
    found: list[Tally] = []
    for task, tally in zip(tasks, _each(tasks, workers), strict=True):
        progress(f"{task.arm.name}, seed {task.seed}")
        found.append(tally)
    named = {task.arm.name: tally for task, tally in zip(tasks, found, strict=True) if task.seed == seed}
    population = populate(parameters, people, seed)
    return Experiment(
        seed,
        people,
        final,
        parameters,
        shipped().version,
        population.dealers,
        tuple(population.sizes),
        named,
        tuple(tally for task, tally in zip(tasks, found, strict=True) if task.seed != seed),
    )


def _each(tasks: list[Task], workers: int) -> Iterator[Tally]:
    if workers == 1:
        yield from map(run, tasks)
        return
    # Not forked: whoever calls this may have threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_run_apart, tasks)


def run(task: Task) -> Tally:
    population = populate(task.parameters, task.people, task.seed)
    judge = shipped(task.arm.overrides)
    return World(task.parameters, population, task.arm, judge, task.seed, final=task.is_final).run()


def _run_apart(task: Task) -> Tally:
    """In a process of its own, which gives back its memory: a world is a ring of references, and large."""
    tally = run(task)
    gc.collect()
    return tally
