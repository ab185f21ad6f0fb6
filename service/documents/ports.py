"""The outside world of documents: a registry that knows which documents were issued to whom, and still hold."""

from typing import Protocol

from service.documents.model import DocumentFacts, RegistryAnswer


class Registry(Protocol):
    """Fails open, to NOT_AVAILABLE: without a yes the proof stays ``consistent``, which grants little."""

    async def look_up(self, document: DocumentFacts) -> RegistryAnswer:
        """YES: issued to this person and valid; NO: not issued, not to them, or withdrawn. Raises nothing."""


class NullRegistry:
    """Where there is no registry to ask."""

    async def look_up(self, document: DocumentFacts) -> RegistryAnswer:
        return RegistryAnswer.NOT_AVAILABLE
