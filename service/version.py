"""Which release or commit this is."""

from functools import cache
from importlib import metadata
from pathlib import Path


@cache
def version() -> str:
    """``0.1.0``, and ``+`` the commit's first twelve digits in a checkout."""
    release = metadata.version("simward")
    git = Path(__file__).resolve().parent.parent / ".git"
    try:
        head = (git / "HEAD").read_text("ascii").strip()
        if head.startswith("ref: "):
            ref = head.removeprefix("ref: ")
            loose = git / ref
            if loose.is_file():
                head = loose.read_text("ascii").strip()
            else:
                packed = (git / "packed-refs").read_text("ascii").splitlines()
                head = next(line.split()[0] for line in packed if line.endswith(" " + ref))
        return f"{release}+{head[:12]}"
    except (OSError, StopIteration, UnicodeDecodeError):
        return release
