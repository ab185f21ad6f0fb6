"""A document registry over HTTP; the schema is in ``docs/ports.md``.

``POST /v1/documents/look-up`` with what the document says → 200 ``{"answer": "yes" | "no" | "not_available"}``.
Whatever else comes back, or nothing, is NOT_AVAILABLE: only a clear word may confirm or condemn a document.
"""

from service.adapters.caller import Caller, CallFailed
from service.documents.model import DocumentFacts, RegistryAnswer
from service.kit.errors import JsonObject


class HttpRegistry:
    """:class:`service.documents.ports.Registry` over a :class:`Caller`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def look_up(self, document: DocumentFacts) -> RegistryAnswer:
        try:
            answer = await self._caller.post("/v1/documents/look-up", _body(document), reads=True)
        except CallFailed:
            return RegistryAnswer.NOT_AVAILABLE
        if answer.status != 200:
            return RegistryAnswer.NOT_AVAILABLE
        # neither a truthy value nor another spelling is a yes
        match answer.data.get("answer"):
            case "yes":
                return RegistryAnswer.YES
            case "no":
                return RegistryAnswer.NO
        return RegistryAnswer.NOT_AVAILABLE

    async def close(self) -> None:
        await self._caller.close()


def _body(document: DocumentFacts) -> JsonObject:
    return {
        "type": document.type.value,
        "issuing_state": document.issuing_state,
        "number": document.number,
        "primary_identifier": document.primary.replace("<", " "),
        "secondary_identifier": document.secondary.replace("<", " ") or None,
        "names_truncated": document.truncated,
        "birth_date": document.birth.iso if document.birth else None,
        "nationality": document.nationality or None,
        "expires_on": document.expires_on.isoformat() if document.expires_on else None,
        "personal_number": document.personal_number,
    }
