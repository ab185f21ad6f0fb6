"""Tell an identity's holder of a new line, and take their word.

The lines of a person are looked up at each operator under that operator's own keys; nothing of what is found returns to
the operator of the new line, by answer, by wording or in a row.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from service.audit.workflow import Actor, record
from service.infra.crypto import Capability, Vault
from service.infra.jobs import defer
from service.infra.postgres import Database, Tx
from service.kit.canon import IndexKind
from service.kit.errors import NotFound
from service.kit.ids import wire
from service.notices import rules, store
from service.notices.model import FROZEN, GOOD, NOT_MINE, Found, NoticePolicy, Said, Target, Way
from service.operators.workflow import Operators
from service.otp.model import Notice, NoticeKind
from service.otp.workflow import Courier
from service.registration import store as registrations
from service.registration.model import Purpose, State
from service.registration.workflow.deciding import subject_of
from service.registration.workflow.parts import Parts, opened
from service.registration.workflow.sharing import Identity, identity_of, shared_keys
from service.risk.model import Blind, HoldingKind, MarkKind
from service.risk.store import owners
from service.risk.workflow import Marks
from service.subscribers.model import Erased

log = structlog.get_logger(__name__)

HOLDER = Actor.system("holder")
AGAIN = timedelta(seconds=30)
WAITS = 2_880
"""A line that is approved and not up yet is looked for so often: a day."""

LONGEST_TOKEN = 128

_DAY = 86_400
_PLAIN = 4 + 16 + 4 + 16 + 2
_KINDS = {
    IndexKind.DOCUMENT: HoldingKind.DOCUMENT,
    IndexKind.PERSONAL_NUMBER: HoldingKind.PERSONAL_NUMBER,
    IndexKind.PERSON: HoldingKind.PERSON,
}


class Links:
    """Makes and reads the links of notices. ``public_url`` is where ``/h/`` is reached."""

    def __init__(self, vault: Vault, public_url: str) -> None:
        self._vault = vault
        self._tokens = Capability(vault, "notice-link/v1", b"not-mine/v1", _PLAIN)
        self._base = f"{public_url.rstrip('/')}/h/"

    def of(self, operator: UUID, registration: UUID, via: Target, now: datetime) -> str:
        until = int((now + GOOD).timestamp()) // _DAY
        plain = self._ref(operator) + registration.bytes + self._ref(via.operator) + via.registration.bytes
        return self._base + self._tokens.seal(plain + until.to_bytes(2, "big"))

    async def read(self, token: str, now: datetime, operators: Operators) -> Found:
        """What a token says; :class:`NotFound` for one that is not ours, was altered, or is over."""
        plain = self._tokens.open(token)
        until = datetime.fromtimestamp(int.from_bytes(plain[-2:], "big") * _DAY, UTC)
        if until < now:
            raise NotFound()
        known = {self._ref(each.id): each.id for each in await operators.all()}
        operator, via = known.get(plain[:4]), known.get(plain[20:24])
        if operator is None or via is None:
            raise NotFound()
        return Found(operator, UUID(bytes=plain[4:20]), via, UUID(bytes=plain[24:40]), until)

    def is_ours(self, token: str) -> bool:
        try:
            self._tokens.open(token[:LONGEST_TOKEN])
        except NotFound:
            return False
        return True

    @staticmethod
    def hashed(token: str) -> bytes:
        return hashlib.sha256(b"notice/v1\0" + token.encode()).digest()

    @staticmethod
    def _ref(operator: UUID) -> bytes:
        """Which of the few operators: inside a sealed token a plain hash tells nobody anything."""
        return hashlib.sha256(b"operator/v1\0" + operator.bytes).digest()[:4]


class Notices:
    """The verbs."""

    def __init__(
        self,
        parts: Parts,
        operators: Operators,
        courier: Courier,
        links: Links,
        policy: NoticePolicy | None = None,
    ) -> None:
        self._parts, self._operators = parts, operators
        self._courier, self._links = courier, links
        self._policy = policy or NoticePolicy()

    @property
    def _db(self) -> Database:
        return self._parts.db

    def ask(self, tx: Tx, registration_id: UUID) -> None:
        """Ask for the notices about a line that was approved."""
        defer(tx, "notices:announce", operator=tx.tenant.hex, registration=registration_id.hex)

    async def announce(self, operator: UUID, registration_id: UUID) -> None:
        """Tell the holder's settled lines and the contacts on file of a new line. May be asked again: what left is not
        sent twice, and what could not leave is the courier's to keep."""
        async with self._db.read(operator) as reader:
            registration = await registrations.load(reader, registration_id)
            is_new = registration.purpose in (Purpose.NEW, Purpose.PORT_IN)
            if not is_new or registration.state not in (State.APPROVED, State.ACTIVE):
                return
            try:
                key, numbers = await opened(self._parts, reader, registration)
            except Erased:
                return
        identity = identity_of(key, registration)
        texts = {kind: text for kind in _KINDS if isinstance(text := identity.get(kind.value), str)}
        if identity.get("person_weak") is True:
            texts.pop(IndexKind.PERSON, None)
        here = self._seller(registration.device_idx, registration.dealer_id)
        targets: list[Target] = []
        for other in await self._operators.all():
            seller = here if other.id == operator else {}
            targets += await self._targets(other.id, texts, seller, registration_id)
        found = rules.chosen(targets, numbers.msisdn)
        if not found or not await self._may_tell(operator, registration_id, identity):
            return
        for target in found:
            await self._tell(operator, registration_id, target)

    @staticmethod
    def _seller(device: bytes | None, dealer: UUID | None) -> dict[HoldingKind, Blind]:
        """A device's index is of one operator, so that at the others only the papers speak."""
        found = {HoldingKind.DEVICE: device, HoldingKind.DEALER: dealer.bytes if dealer else None}
        return {kind: Blind(idx, (idx,)) for kind, idx in found.items() if idx is not None}

    async def _targets(
        self,
        operator: UUID,
        texts: Mapping[IndexKind, str],
        seller: Mapping[HoldingKind, Blind],
        registration_id: UUID,
    ) -> list[Target]:
        vault = self._parts.vault
        keys = {
            _KINDS[kind]: Blind(vault.index(operator, kind, text), vault.index_all(operator, kind, text))
            for kind, text in texts.items()
        }
        found: list[Target] = []
        async with self._db.read(operator) as reader:
            before = reader.now - self._policy.settled
            for line_id, told in await owners.settled_lines(
                reader, {**keys, **seller}, registration_id, before
            ):
                line = await self._parts.lines.load(reader, line_id)
                numbers = await self._parts.lines.numbers(reader, line)
                if numbers is None:
                    continue
                found.append(Target(operator, told, line_id, Way.LINE, line.subscriber_id, numbers.msisdn))
                contact = (await self._parts.subscribers.read(reader, line.subscriber_id)).get(
                    "contact_msisdn"
                )
                if isinstance(contact, str):
                    found.append(Target(operator, told, line_id, Way.CONTACT, line.subscriber_id, contact))
        return found

    async def _may_tell(self, operator: UUID, registration_id: UUID, identity: Identity) -> bool:
        keys = shared_keys(self._parts.vault, identity)
        if not keys:
            return False
        every = [idx for blind in keys.values() for idx in blind.every]
        fresh = [blind.primary for blind in keys.values()]
        async with self._db.write(operator) as tx:
            about = self._parts.vault.shared_ref(registration_id)
            may = await store.take(tx, every, fresh, about, self._policy)
        if not may:
            log.info("notices.enough", operator=operator.hex)
        return may

    async def _tell(self, operator: UUID, registration_id: UUID, target: Target) -> None:
        link = self._links.of(operator, registration_id, target, self._db.clock.now())
        notice = Notice(
            target.operator,
            NoticeKind.NEW_LINE,
            target.line,
            target.way.value,
            target.subject,
            target.number,
            self._parts.vault.shared_ref(registration_id),
        )
        await self._courier.hand(notice, lambda language: rules.text(language, link))

    # The holder's word

    def is_ours(self, token: str) -> bool:
        """Whether a token is a notice's at all, whatever it says."""
        return self._links.is_ours(token)

    async def look(self, token: str) -> Found:
        """What a link is about; nothing changes. :class:`NotFound` for one that was used, too."""
        found = await self._links.read(token, self._db.clock.now(), self._operators)
        async with self._db.read(None) as reader:
            if await store.is_spent(reader, self._links.hashed(token)):
                raise NotFound()
        return found

    async def not_mine(self, token: str, said: Said) -> None:
        """Hold the new line for a person; and where the holder says so, mark their papers. Once for a link: the second
        use is :class:`NotFound`."""
        found = await self._links.read(token, self._db.clock.now(), self._operators)
        async with self._db.write(found.operator) as tx:
            if not await store.spend(tx, self._links.hashed(token), found.until):
                raise NotFound()
            about = wire("reg", found.registration)
            record(tx, actor=HOLDER, action="registration.disowned", object=about, reason=NOT_MINE)
            await self._mark(tx, found.registration, said)
            self._defer_hold(tx, found.registration, 0)
        if (said.lost or said.freeze) and found.via_operator != found.operator:
            async with self._db.write(found.via_operator) as tx:
                await self._mark(tx, found.via_registration, said)

    async def _mark(self, tx: Tx, registration_id: UUID, said: Said) -> None:
        if not (said.lost or said.freeze):
            return
        registration = await registrations.load(tx, registration_id)
        try:
            key, numbers = await opened(self._parts, tx, registration)
        except Erased:
            return
        subject = subject_of(self._parts.vault, registration, key, numbers, None, tx.now)
        wanted = {MarkKind.DOCUMENT_LOST: said.lost, MarkKind.FROZEN: said.freeze}
        for kind in (kind for kind, is_said in wanted.items() if is_said):
            until = tx.now + FROZEN if kind is MarkKind.FROZEN else None
            await Marks().set(tx, kind, subject, registration_id, HOLDER, until=until)

    def _defer_hold(self, tx: Tx, registration_id: UUID, waited: int) -> None:
        defer(
            tx,
            "notices:hold",
            at=tx.now + AGAIN if waited else None,
            operator=tx.tenant.hex,
            registration=registration_id.hex,
            waited=waited,
        )

    async def hold(self, operator: UUID, registration_id: UUID, waited: int = 0) -> bool:
        """Hold the line of a disowned registration for a person; whether there was anything to hold. It is restricted,
        or suspended where a restriction that ends by itself is on it already. It is never closed."""
        async with self._db.write(operator) as tx:
            line = await self._parts.lines.of_registration(tx, registration_id)
            if line is None:
                registration = await registrations.load(tx, registration_id)
                if registration.state is State.APPROVED and waited < WAITS:
                    self._defer_hold(tx, registration_id, waited + 1)
                return False
            action = rules.held_by(line)
            if action is None:
                return False
            await self._parts.lines.act_on(tx, line.id, action, reason=NOT_MINE, actor=HOLDER)
        return True

    async def purge(self) -> None:
        """Forget what is over."""
        async with self._db.write(None) as tx:
            await store.purge(tx)
