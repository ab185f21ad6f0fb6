"""The outside world of documents: those who know what no document says about itself, and a reader that finds the
machine-readable zone in a picture.

All three authorities answer yes, no, or not available, raise nothing, and fail open: without an answer a signal is
unknown and a proof is less, and nothing is granted that the answer would have granted (``docs/ports.md``, ADR 0024).
"""

from typing import Protocol

from service.documents.model import (
    DocumentFacts,
    KindNotEnabled,
    Phones,
    PictureRead,
    RegistryAnswer,
    RegistryReply,
)


class Registry(Protocol):
    """Knows which documents were issued to whom, and still hold. Fails open, to less proof."""

    async def look_up(self, document: DocumentFacts, phones: Phones) -> RegistryReply:
        """YES: issued to this person and valid; NO: not issued, not to them, or withdrawn. With a yes, which of
        ``phones`` are on the record of this person. Raises nothing."""


class NullRegistry:
    """Where there is no registry to ask."""

    async def look_up(self, document: DocumentFacts, phones: Phones) -> RegistryReply:
        return RegistryReply(RegistryAnswer.NOT_AVAILABLE)


class LostStolen(Protocol):
    """Knows which documents their issuers list as lost, stolen or withdrawn, whoever shows them (as Interpol's SLTD
    does). Fails open, to unknown: an outage must not stop every sale, and without possession little is granted."""

    async def look_up(self, document: DocumentFacts) -> RegistryAnswer:
        """YES: listed; NO: not listed. Asked by type, issuer and number, without the person. Raises nothing."""


class NullLostStolen:
    """Where there is no list to ask."""

    async def look_up(self, document: DocumentFacts) -> RegistryAnswer:
        return RegistryAnswer.NOT_AVAILABLE


class Deaths(Protocol):
    """Knows who has died. Fails open, to unknown."""

    async def look_up(self, document: DocumentFacts) -> RegistryAnswer:
        """YES: a death of this person is recorded; NO: none is. Asked by names, birth date and personal number,
        without the document's number. A yes is doubt and no verdict: registers bury the living too. Raises nothing."""


class NullDeaths:
    """Where there is no register to ask."""

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
