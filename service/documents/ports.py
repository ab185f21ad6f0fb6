"""The outside world of documents: a registry that knows which documents were issued to whom, and still hold; a
reader that finds the machine-readable zone in a picture."""

from typing import Protocol

from service.documents.model import DocumentFacts, KindNotEnabled, PictureRead, RegistryAnswer


class Registry(Protocol):
    """Fails open, to NOT_AVAILABLE: without a yes the proof stays ``consistent``, which grants little."""

    async def look_up(self, document: DocumentFacts) -> RegistryAnswer:
        """YES: issued to this person and valid; NO: not issued, not to them, or withdrawn. Raises nothing."""


class NullRegistry:
    """Where there is no registry to ask."""

    async def look_up(self, document: DocumentFacts) -> RegistryAnswer:
        return RegistryAnswer.NOT_AVAILABLE


class MrzReader(Protocol):
    """Fails closed: a picture that was not read is no evidence."""

    async def read(self, picture: bytes) -> PictureRead:
        """The lines of a zone in ``picture``. The portrait zone is blacked out before anything else sees the pixels,
        and nothing of the picture is kept.

        Raises ``DocumentUnreadable`` (fact ``advice``) for what is no picture or has no zone, and
        ``Unavailable`` (dependency ``image-reader``) where nobody could read it in time.
        """


class NullMrzReader:
    """Where pictures are not read."""

    async def read(self, picture: bytes) -> PictureRead:
        raise KindNotEnabled("Pictures are not read here. Send the machine-readable zone.", category="image")
