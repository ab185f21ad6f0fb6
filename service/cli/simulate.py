"""``simward simulate``: people and rings through the real rules, without a server. A simulation, not evidence."""

import argparse
import sys
from pathlib import Path

BEGIN, END = "<!-- simulated: begin -->", "<!-- simulated: end -->"
"""What stands between them in ``simulation.md`` is written by ``--write-docs``."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    simulate = commands.add_parser(
        "simulate",
        help="put invented people and rings through the real rules; a simulation, not evidence",
        description="Opens no database and no network. The same seed gives the same bytes. Not evidence.",
    )
    simulate.add_argument("--seed", type=int)
    simulate.add_argument(
        "--scale", default="default", help="tiny, small, default, full, or a number of honest people"
    )
    simulate.add_argument(
        "--final", action="store_true", help="with the strategies that are held out; not to tune anything by"
    )
    simulate.add_argument("--workers", type=int, default=2, help="processes; changes nothing of the outcome")
    simulate.add_argument("--out", type=Path, metavar="DIR", help="write the report and the plots there too")
    simulate.add_argument(
        "--write-docs",
        action="store_true",
        help="write simulation.md and its plots in --docs; implies --final",
    )
    simulate.add_argument("--docs", type=Path, default=Path("docs"))
    simulate.set_defaults(run=_simulate)


def _simulate(arguments: argparse.Namespace) -> int:
    from service.simulation.experiment import SCALES, SEED, experiment
    from service.simulation.plots import plots
    from service.simulation.report import markdown, text

    people = SCALES.get(arguments.scale) or _count(arguments.scale)
    page = arguments.docs / "simulation.md"
    if people is None or arguments.workers < 1:
        print("simward: --scale is tiny, small, default, full or a number from 100", file=sys.stderr)
        return 1
    if arguments.write_docs and not page.is_file():
        print(f"simward: there is no {page}", file=sys.stderr)
        return 1
    found = experiment(
        people,
        SEED if arguments.seed is None else arguments.seed,
        final=arguments.final or arguments.write_docs,
        workers=arguments.workers,
        progress=lambda name: print(f"simward: {name}", file=sys.stderr),
    )
    print(text(found), end="")
    drawn = plots(found)
    if arguments.out is not None:
        _write(arguments.out, {"report.md": markdown(found, "."), "report.txt": text(found), **drawn})
    if arguments.write_docs:
        _write(arguments.docs / "simulation", drawn)
        before, rest = page.read_text("utf-8").split(BEGIN)
        after = rest.split(END)[1]
        body = markdown(found, "simulation")
        page.write_text(f"{before}{BEGIN}\n{body}{END}{after}", "utf-8")
    return 0


def _count(said: str) -> int | None:
    return int(said) if said.isdecimal() and 100 <= int(said) <= 2_000_000 else None


def _write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        (folder / name).write_text(body, "utf-8")
