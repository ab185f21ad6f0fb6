"""Who solves a proof of work: the reference solver of ``examples/``, as a client would take it."""

import runpy
from pathlib import Path

_EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "solve_challenge.py"


def solve(token: str, bits: int) -> str:
    """A solution, after about ``2 ** bits`` tries."""
    found: str = _SOLVE(token, bits)
    return found


_SOLVE = runpy.run_path(str(_EXAMPLE))["solve"]
