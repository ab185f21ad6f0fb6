"""``simward demo``: everything on loopback with one command; ``demo passport``, ``demo chip``; ``tour``."""

import argparse
import sys
from pathlib import Path


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    demo = commands.add_parser("demo", help="start everything on this machine, with invented people")
    demo.add_argument("--port", type=int, default=8080)
    demo.add_argument("--data", type=Path, default=Path("data"))
    demo.add_argument("--empty", action="store_true", help="without the invented people")
    demo.set_defaults(run=_demo)
    inside = demo.add_subparsers(metavar="")
    passport = inside.add_parser("passport", help="print an invented person with a machine-readable zone")
    passport.set_defaults(run=_passport)
    chip = inside.add_parser(
        "chip", help="print an invented person with a signed chip; the demo trusts its signer"
    )
    chip.set_defaults(run=_chip)
    tour = commands.add_parser("tour", help="play scenes against a running demo")
    tour.add_argument("--data", type=Path, default=Path("data"))
    tour.add_argument("--fast", action="store_true", help="without pauses")
    tour.set_defaults(run=_tour)


def _demo(arguments: argparse.Namespace) -> int:
    from service.demo.stage import play
    from service.infra.embedded import EmbeddedError

    try:
        return play(arguments.data, arguments.port, empty=arguments.empty)
    except EmbeddedError as error:
        print(f"simward: {error}", file=sys.stderr)
        return 1


def _passport(_: argparse.Namespace) -> int:
    from service.demo.passport import show

    print(show())
    return 0


def _chip(_: argparse.Namespace) -> int:
    from service.demo.chip import show

    print(show())
    return 0


def _tour(arguments: argparse.Namespace) -> int:
    from service.demo.tour import play

    return play(arguments.data, fast=arguments.fast)
