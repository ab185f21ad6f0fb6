"""Install what the tests' SMSC is made of (``tests/fakes/smsc/``), from its npm lock and nothing else.

``python tools/smsc.py``. Standard library only; Node is found or brought as for the console's assets. A second run
with the same lock is instant.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from assets import ROOT, with_node

FOLDER = ROOT / "tests" / "fakes" / "smsc"
STAMP = FOLDER / "node_modules" / ".simward-stamp"


def stamp() -> str:
    """What the installed packages depend on, as one digest."""
    digest = hashlib.sha256()
    for path in (FOLDER / "package.json", FOLDER / "package-lock.json", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> None:
    wanted = stamp()
    if STAMP.is_file() and STAMP.read_text("ascii") == wanted:
        return
    env = with_node()
    npm = shutil.which("npm", path=env["PATH"])
    assert npm is not None
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=FOLDER, env=env, check=True, stdout=sys.stderr)
    STAMP.write_text(wanted, "ascii")


if __name__ == "__main__":
    main()
