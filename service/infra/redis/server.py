"""What is at the other end, and whether it is fit to be there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Version = tuple[int, ...]

BUNDLED: Version = (6, 2, 14)
"""What the wheel for demo and tests brings; nothing mends it any more."""

_PATCHED: Mapping[str, Mapping[Version, Version]] = {
    "redis": {
        (6, 2): (6, 2, 20),
        (7, 2): (7, 2, 11),
        (7, 4): (7, 4, 6),
        (8, 0): (8, 0, 4),
        (8, 2): (8, 2, 2),
    },
    "valkey": {(7, 2): (7, 2, 11), (8, 0): (8, 0, 6), (8, 1): (8, 1, 4)},
}
"""By branch, the release that closes CVE-2025-49844: a script may run code of its author's in the server."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server by its own word. ``name`` is redis or valkey; an empty version was not said."""

    name: str
    version: Version

    @property
    def is_bundled(self) -> bool:
        """The demo's, or older."""
        return self.name == "redis" and self.version <= BUNDLED

    @property
    def is_patched(self) -> bool:
        branches = _PATCHED[self.name]
        branch = self.version[:2]
        return branch > max(branches) or (branch in branches and self.version >= branches[branch])

    def __str__(self) -> str:
        return f"{self.name} {'.'.join(map(str, self.version)) or 'of an unknown version'}"


def _numbers(text: str) -> Version:
    parts = text.split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()


def told(info: Mapping[str, Any]) -> Server:
    """The server by its own word: the section ``server`` of INFO."""
    valkey = info.get("valkey_version")
    return Server("valkey" if valkey else "redis", _numbers(str(valkey or info.get("redis_version", ""))))
