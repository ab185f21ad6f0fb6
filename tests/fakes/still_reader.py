"""A reader of pictures whose answer a test chooses, and which can be held while it reads."""

import asyncio
from dataclasses import dataclass, field

from service.documents.model import PictureRead, Quality
from service.kit.errors import Refusal

QUALITY = Quality(1600, 1100, 420, 2)


def seen(*lines: str, again: bool = True, **other: object) -> PictureRead:
    known = {"scores": (985,) * len(lines), "quality": QUALITY, "again": lines if again else ()}
    return PictureRead(lines=lines, **{**known, **other})  # type: ignore[arg-type]  # a test's own words


@dataclass
class StillReader:
    says: PictureRead | Refusal = field(default_factory=lambda: seen())
    sizes: list[int] = field(default_factory=list)
    """Of the pictures that came, all that is remembered of them."""
    held: asyncio.Event | None = None
    given_up: int = 0

    async def read(self, picture: bytes) -> PictureRead:
        self.sizes.append(len(picture))
        if self.held is not None:
            try:
                await self.held.wait()
            except asyncio.CancelledError:
                self.given_up += 1
                raise
        if isinstance(self.says, Refusal):
            raise self.says
        return self.says
