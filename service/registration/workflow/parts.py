"""What the pipeline is composed of."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from service.dealers.model import Standing
from service.dealers.workflow import Dealers
from service.documents.workflow import Documents
from service.infra.crypto import SubjectKey, Vault
from service.infra.postgres import Database, Reader, Tx
from service.kit.canon import IndexKind
from service.kit.errors import JsonObject, StateConflict
from service.lines.ports import Inventory, Provisioner
from service.lines.workflow import Lines
from service.otp.workflow import Codes, Courier
from service.registration import store
from service.registration.model import Purpose, Registration
from service.registration.ports import CurrentPolicy
from service.registration.store.deciding import load_to_decide
from service.risk.workflow import Risk
from service.subscribers.workflow import Subscribers

_T = TypeVar("_T")
Keep = Callable[[Tx, _T], Awaitable[None]]
"""Called at the end of a transaction with what is about to be answered (``web.idempotency``)."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The steps and ports, built once in a composition root."""

    db: Database
    vault: Vault
    subscribers: Subscribers
    dealers: Dealers
    documents: Documents
    codes: Codes
    risk: Risk
    lines: Lines
    provisioner: Provisioner
    inventory: Inventory
    policy: CurrentPolicy
    purposes: frozenset[Purpose] = frozenset(Purpose)
    """What this installation takes registrations for."""
    courier: Courier | None = None
    """Carries notices; without one a lost card is never replaced, because nobody could be told."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A registration's sealed part."""

    msisdn: str
    iccid: str | None
    imei: str | None
    device_ip: str | None
    peer_ip: str | None

    def sealed(self, key: SubjectKey, registration_id: UUID) -> bytes:
        data: JsonObject = {
            "msisdn": self.msisdn,
            "iccid": self.iccid,
            "imei": self.imei,
            "device_ip": self.device_ip,
            "peer_ip": self.peer_ip,
        }
        return key.seal("registration", registration_id, data)

    @classmethod
    def of(cls, key: SubjectKey, registration: Registration) -> "Numbers":
        data = key.open("registration", registration.id, registration.sealed)
        return cls(
            msisdn=str(data["msisdn"]),
            iccid=_text(data["iccid"]),
            imei=_text(data["imei"]),
            device_ip=_text(data["device_ip"]),
            peer_ip=_text(data["peer_ip"]),
        )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


async def loaded(
    parts: Parts, reader: Reader, registration_id: UUID, dealer: UUID | None
) -> tuple[Registration, SubjectKey, Numbers]:
    """A registration, its subject's key and its numbers, in one statement; raises ``Erased`` where the subject is
    gone."""
    registration, wrapped = await store.load_with_key(reader, registration_id, dealer=dealer)
    key = parts.subscribers.unwrap(reader.tenant, registration.subscriber_id, wrapped)
    return registration, key, Numbers.of(key, registration)


@dataclass(frozen=True, slots=True)
class ToDecide:
    """A registration with all that is weighed of it: ``values`` is what the applicant is found by, ``sends`` when
    which code was sent."""

    registration: Registration
    key: SubjectKey
    numbers: Numbers
    dealer: Standing | None
    values: Sequence[tuple[IndexKind, str]]
    sends: Mapping[UUID, datetime]
    chip_devices: int = 0
    seen: Mapping[str, int] = field(default_factory=dict)
    """The signals of its documents' traces."""


async def loaded_to_decide(
    parts: Parts, reader: Reader, registration_id: UUID, dealer: UUID | None
) -> ToDecide:
    """As :func:`loaded`, with the rest, in one statement."""
    found = await load_to_decide(reader, registration_id, dealer=dealer)
    registration, person = found.registration, found.registration.subscriber_id
    key = parts.subscribers.unwrap(reader.tenant, person, found.wrapped)
    values = parts.subscribers.values_in(key, person, found.person)
    numbers = Numbers.of(key, registration)
    return ToDecide(
        registration, key, numbers, found.dealer, values, found.sends, found.chip_devices, found.seen
    )


async def opened(parts: Parts, reader: Reader, registration: Registration) -> tuple[SubjectKey, Numbers]:
    """The subject's key and the numbers under it; raises ``Erased`` where the subject is gone."""
    key = await parts.subscribers.key(reader, registration.subscriber_id)
    return key, Numbers.of(key, registration)


async def waiting_line(parts: Parts, reader: Reader, registration: Registration) -> StateConflict | None:
    """What forbids a code to a line that is up and owes it: the line was closed, or its 72 hours are over."""
    return (await waiting_lines(parts, reader, [registration])).get(registration.id)


async def waiting_lines(
    parts: Parts, reader: Reader, registrations: Iterable[Registration]
) -> dict[UUID, StateConflict]:
    """As :func:`waiting_line`, of many in one statement: by registration, where a code is forbidden."""
    owing = {each.id: each for each in registrations if each.awaits_line_code}
    if not owing:
        return {}
    lines = {line.registration_id: line for line in await parts.lines.of_registrations(reader, list(owing))}
    found: dict[UUID, StateConflict] = {}
    for registration in owing.values():
        line = lines.get(registration.id)
        if line is None:
            found[registration.id] = StateConflict(registration.state)
        elif not line.state.is_open or line.awaiting_until is None or line.awaiting_until <= reader.now:
            found[registration.id] = StateConflict(line.state)
    return found
