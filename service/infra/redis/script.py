"""A script as Redis knows it."""

import hashlib
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and its SHA-1, by which Redis knows it."""

    text: str
    sha: str

    @classmethod
    def load(cls, package: str, path: str) -> "Script":
        """Read ``path`` beside the module of ``package``: ``Script.load(__package__, "lua/issue.lua")``."""
        text = resources.files(package).joinpath(path).read_text("utf-8")
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
