"""Traces of documents: what is kept of each for thirty days, made without what it says."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from service.documents import rules
from service.documents.model import DocumentFacts, Examination, Outcome
from service.documents.rules.compare import Typed
from service.documents.store import of_subscriber
from service.documents.store import traces as store
from service.documents.store.traces import Sight
from service.infra.crypto import SubjectKey
from service.infra.postgres import Reader, Tx
from service.kit.canon import IndexKind, canon
from service.kit.transliteration import fold, transliterate

__all__ = ["Sight", "TracePlaintexts", "Traces"]

_TAG: Final = 4
"""Bytes of the key's id before each keyed hash."""


class Index(Protocol):
    """The part of the vault that makes blind indexes."""

    def index(self, operator: UUID, kind: IndexKind, canon: str) -> bytes: ...


Person = Callable[[Reader, UUID], Awaitable[Typed]]
"""What was typed of a subscriber."""


@dataclass(frozen=True, slots=True)
class Traces:
    index: Index

    def of(
        self, tx: Tx, subscriber_id: UUID, examination: Examination, typed: Typed | None, sight: Sight
    ) -> store.Trail:
        """What is kept beside a judged document. What failed, or was read and not confirmed, identifies nobody; its
        picture and where it was shown are kept all the same."""
        check, identity = examination.check, examination.identity
        document = identity.document if identity is not None else None
        names = names_of(examination.facts, typed or {}) if document is not None else None
        operator = tx.tenant
        trace = store.Trace(
            check.id,
            check.registration_id,
            subscriber_id,
            check.outcome is Outcome.FAIL,
            self.index.index(operator, IndexKind.DOCUMENT, document) if document is not None else None,
            self.index.index(operator, IndexKind.NAMES, names) if names is not None else None,
            self._masked(operator, examination.fingerprint) if examination.fingerprint else None,
        )
        return store.trail(tx, trace, sight)

    def _masked(self, operator: UUID, fingerprint: bytes) -> str | None:
        """The bits under a mask of this operator's own: two of them differ where the hashes do, and one alone, or two
        of different operators, say nothing. A new index key is a new mask, so that for the thirty days after it
        pictures from before are not found."""
        if len(fingerprint) * 8 != store.BITS:
            return None
        halves = (self.index.index(operator, IndexKind.PICTURE, half)[_TAG:] for half in ("1", "2"))
        mask = int.from_bytes(b"".join(halves), "big")
        return format(int.from_bytes(fingerprint, "big") ^ mask, f"0{store.BITS}b")


class TracePlaintexts:
    """``service.subscribers.ports.Plaintexts``: what stands behind the traces of a person's documents."""

    def __init__(self, person: Person) -> None:
        self._person = person

    async def indexed(
        self, reader: Reader, subscriber_id: UUID, key: SubjectKey
    ) -> Iterable[tuple[IndexKind, str]]:
        typed = await self._person(reader, subscriber_id)
        found: set[tuple[IndexKind, str]] = set()
        for kept in await of_subscriber(reader, subscriber_id):
            facts, _ = kept.opened(key)
            document = rules.identity_of(facts).document if facts is not None else None
            names = names_of(facts, typed)
            if document is not None:
                found.add((IndexKind.DOCUMENT, document))
            if names is not None:
                found.add((IndexKind.NAMES, names))
        return found


def names_of(facts: DocumentFacts | None, typed: Typed) -> str | None:
    """The canonical text of whose document it is said to be: by the document where it shows names, else as typed. Both
    tables of transliteration meet in it. None where nobody is named, or in letters without a form."""
    if facts is not None and facts.primary:
        family, given = facts.primary, facts.secondary
    else:
        family, given = _zone(typed.get("family_name")), _zone(typed.get("given_names"))
    if not family:
        return None
    try:
        return canon(IndexKind.NAMES, fold(family), fold(given.partition("<")[0]))
    except ValueError:
        return None


def _zone(value: object) -> str:
    return (transliterate(value) or "") if isinstance(value, str) else ""
