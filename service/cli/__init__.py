"""The command line: ``simward demo | serve | worker | migrate | …``.

Each command is a small module with ``add(subparsers)``; it sets ``run``, a function of the parsed arguments
that answers the exit code. A refusal is printed as one line on stderr and is exit code 1.
"""

import argparse
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from service.kit.errors import Refusal
from service.version import version


def parser() -> argparse.ArgumentParser:
    from service.cli import (
        authorities,
        demo,
        judging,
        limits,
        marks,
        people,
        registers,
        running,
        simulate,
        upkeep,
    )

    root = argparse.ArgumentParser(
        prog="simward", description="Registers phone lines safely without any biometric."
    )
    root.add_argument("--version", action="version", version=version())
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (demo, running, registers, people, marks, limits, authorities, judging, simulate, upkeep):
        module.add(commands)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except Refusal as refusal:
        print(f"simward: {refusal.title}. {refusal.detail or ''}".rstrip(), file=sys.stderr)
        return 1
    except ValidationError as error:
        wrong = ", ".join(
            "SIMWARD_" + "_".join(str(part) for part in e["loc"]).upper() for e in error.errors()
        )
        print(f"simward: the settings are not valid: {wrong or error.errors()[0]['msg']}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code
