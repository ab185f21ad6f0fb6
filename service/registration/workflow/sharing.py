"""What operators share of a registration: its identity under the ``shared`` keys, and who asks.

Source: ``security.md`` 1.5.
"""

from collections.abc import Mapping

from service.infra.crypto import SubjectKey, Vault
from service.kit.canon import IndexKind
from service.kit.errors import JsonValue
from service.registration.model import Registration
from service.risk.model import Blind, SharedAsk

Identity = Mapping[str, JsonValue]


def identity_of(key: SubjectKey, registration: Registration) -> Identity:
    """The canonical texts of document and person that the best document gave; empty where there is none."""
    if not registration.identity:
        return {}
    return key.open("registration_identity", registration.id, registration.identity)


def shared_keys(vault: Vault, identity: Identity) -> dict[str, Blind]:
    """Document, and the person where the match would not be weak: a namesake may send nobody to a person on a
    birth date that many share."""
    kinds = [IndexKind.DOCUMENT]
    if identity.get("person_weak") is not True:
        kinds.append(IndexKind.PERSON)
    found = {kind: identity.get(kind.value) for kind in kinds}
    return {
        kind.value: Blind(vault.shared(kind, text), vault.shared_all(kind, text))
        for kind, text in found.items()
        if isinstance(text, str)
    }


def ask_of(vault: Vault, registration: Registration, identity: Identity) -> SharedAsk | None:
    """The question, and the askers: the client, and the client's dealer. A dealer that a client only asserts
    opens no further budget, because the client's own is spent as well."""
    document = identity.get("document")
    if registration.line_id is not None:  # a line in service has its place, so nothing is asked about others
        return None
    if not isinstance(document, str):
        return None
    who: list[tuple[bytes, ...]] = [(registration.operator_id.bytes, registration.client_id.bytes)]
    if registration.dealer_id is not None:
        who.append((*who[0], registration.dealer_id.bytes))
    askers = tuple(
        (vault.volatile("shared/asker/v1", *asker), vault.volatile("shared/asked/v1", *asker, document))
        for asker in who
    )
    return SharedAsk(shared_keys(vault, identity), askers)
