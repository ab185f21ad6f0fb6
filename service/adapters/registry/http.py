"""Registry, list of lost and stolen documents, register of deaths, over HTTP; the schemas are in ``docs/ports.md``.

Each is a ``POST`` with as little as the question takes → 200 ``{"answer": "yes" | "no" | "not_available"}``. Whatever
else comes back, or nothing, is NOT_AVAILABLE: only a clear word may confirm or condemn. A ``reference`` goes with every
question; an answer that bears another one belongs to another question, and somebody else's papers.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from service.adapters.caller import Caller, CallFailed
from service.documents.model import DocumentFacts, Phone, Phones, RegistryAnswer, RegistryReply
from service.kit.errors import JsonObject

DEADLINE_S = 4.0
"""All attempts of one question together, below the deadline of all three (``documents.workflow.asking``)."""

_GONE = RegistryReply(RegistryAnswer.NOT_AVAILABLE)


class _Asking:
    """What the three have in common."""

    path: str

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def _ask(self, question: JsonObject) -> Mapping[str, Any] | None:
        """The object that answers ``question``; None where there is none."""
        reference = secrets.token_hex(8)
        try:
            answer = await self._caller.post(self.path, {**question, "reference": reference}, reads=True)
        except CallFailed:
            return None
        if answer.status != 200 or answer.data.get("reference", reference) != reference:
            return None
        return answer.data

    async def close(self) -> None:
        await self._caller.close()


class HttpRegistry(_Asking):
    """:class:`service.documents.ports.Registry` over a :class:`Caller`."""

    path = "/v1/documents/look-up"

    async def look_up(self, document: DocumentFacts, phones: Phones) -> RegistryReply:
        numbers: JsonObject = {"line": phones.line, "contact": phones.contact}
        expires = document.expires_on.isoformat() if document.expires_on else None
        shown = {**_document(document), **_person(document), "expires_on": expires}
        data = await self._ask({**shown, "phones": numbers})
        if data is None:
            return _GONE
        return RegistryReply(_word(data), _named(data.get("phones")) & phones.named)


class HttpLostStolen(_Asking):
    """:class:`service.documents.ports.LostStolen` over a :class:`Caller`."""

    path = "/v1/lost-stolen/look-up"

    async def look_up(self, document: DocumentFacts) -> RegistryAnswer:
        return _word(await self._ask(_document(document)))


class HttpDeaths(_Asking):
    """:class:`service.documents.ports.Deaths` over a :class:`Caller`."""

    path = "/v1/deaths/look-up"

    async def look_up(self, document: DocumentFacts) -> RegistryAnswer:
        state = {"issuing_state": document.issuing_state}
        return _word(await self._ask({**state, **_person(document)}))


def _word(data: Mapping[str, Any] | None) -> RegistryAnswer:
    """Neither a truthy value nor another spelling is a yes."""
    match None if data is None else data.get("answer"):
        case "yes":
            return RegistryAnswer.YES
        case "no":
            return RegistryAnswer.NO
    return RegistryAnswer.NOT_AVAILABLE


def _named(phones: object) -> frozenset[Phone]:
    """A list of ``line`` and ``contact``; anything else names none."""
    return (
        frozenset(phone for phone in Phone if phone.value in phones)
        if isinstance(phones, list)
        else frozenset()
    )


def _document(document: DocumentFacts) -> JsonObject:
    return {
        "type": document.type.value,
        "issuing_state": document.issuing_state,
        "number": document.number,
    }


def _person(document: DocumentFacts) -> JsonObject:
    return {
        "primary_identifier": document.primary.replace("<", " "),
        "secondary_identifier": document.secondary.replace("<", " ") or None,
        "names_truncated": document.truncated,
        "birth_date": document.birth.iso if document.birth else None,
        "nationality": document.nationality or None,
        "personal_number": document.personal_number,
    }
