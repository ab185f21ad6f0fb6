"""What of a registration only links lines: the graph's other things, as blind indexes."""

from collections.abc import Iterable

from service.infra.crypto import Vault
from service.kit.canon import IndexKind, canon
from service.registration.model import Registration
from service.registration.workflow.parts import Numbers
from service.risk.model import Blind, HoldingKind

_OF_PERSON = {IndexKind.ADDRESS: HoldingKind.ADDRESS, IndexKind.CONTACT: HoldingKind.CONTACT}


def links_of(
    vault: Vault, registration: Registration, numbers: Numbers, values: Iterable[tuple[IndexKind, str]]
) -> dict[HoldingKind, Blind]:
    """Address and contact of the applicant, who served them, what pays, and the block of 1,000 numbers.

    ``values`` is what the applicant is found by. A payment token is kept under the key that it was indexed
    with, as a device is: its text is nowhere.
    """
    operator = registration.operator_id

    def blind(kind: IndexKind, text: str) -> Blind:
        return Blind(vault.index(operator, kind, text), vault.index_all(operator, kind, text))

    found = {_OF_PERSON[kind]: blind(kind, text) for kind, text in values if kind in _OF_PERSON}
    found[HoldingKind.BLOCK] = blind(IndexKind.BLOCK, canon(IndexKind.BLOCK, numbers.msisdn))
    if registration.agent_id is not None:
        found[HoldingKind.AGENT] = Blind.single(registration.agent_id.bytes)
    if registration.payment_idx is not None:
        found[HoldingKind.PAYMENT] = Blind.single(registration.payment_idx)
    return found
