"""The register: add people, make links, change roles, disable. For the command line."""

import base64
import secrets
from uuid import UUID

from service.audit.workflow import Actor, record
from service.infra.postgres import Database, Tx
from service.kit.errors import InvalidRequest, NotFound, StateConflict
from service.kit.ids import new_id, wire
from service.staff import rules, store
from service.staff.model import DEMO_LINK_TTL, LINK_TTL, Link, Role, Staff, StaffState
from service.staff.workflow.factors import Factors, link_digest


def link_token(operator: UUID, link_id: UUID, secret: bytes) -> str:
    """Operator, link and secret in one word for ``/admin/link/{token}``: the operator must be known before the
    link can be read."""
    return base64.urlsafe_b64encode(operator.bytes + link_id.bytes + secret).rstrip(b"=").decode()


class StaffRegister:
    """Links are returned once, as tokens for ``/admin/link/{token}``; only a hash of each is kept."""

    def __init__(self, db: Database, factors: Factors) -> None:
        self._db = db
        self._factors = factors

    async def add(self, operator: UUID, *, login: str, name: str, role: Role, actor: Actor) -> str:
        """A new person and the token of their first link. Raises LoginTaken, InvalidRequest."""
        login = login.strip().casefold()
        if not rules.LOGIN.fullmatch(login):
            raise InvalidRequest(
                "/login", "form", "A sign-in name is 3 to 40 small letters, digits, dots and hyphens."
            )
        if not 1 <= len(name.strip()) <= 80:
            raise InvalidRequest("/name", "length", "A name has 1 to 80 characters.")
        staff_id = new_id()
        async with self._db.write(operator) as tx:
            staff = Staff(
                id=staff_id,
                operator_id=operator,
                login=login,
                role=role,
                state=StaffState.INVITED,
                epoch=1,
                sealed=self._factors.seal(staff_id, name.strip(), None),
                password_hash=None,
                totp_step=None,
                failures=0,
                failed_at=None,
                created_at=tx.now,
            )
            await store.add(tx, staff)
            record(
                tx,
                actor=actor,
                action="staff.added",
                object=wire("stf", staff_id),
                facts={"login": login, "role": role.value},
            )
            return await self._link(tx, staff, actor, is_demo=False)

    async def link(self, operator: UUID, login: str, *, actor: Actor) -> str:
        """A fresh link for somebody who is there: it sets password and second factor anew. Older ones end."""
        async with self._db.write(operator) as tx:
            staff = await self._held(tx, login)
            if staff.state is StaffState.DISABLED:
                raise StateConflict(staff.state.value, [StaffState.ACTIVE.value])
            return await self._link(tx, staff, actor, is_demo=False)

    async def demo_link(self, operator: UUID, *, login: str, name: str, role: Role) -> str:
        """The demo's link, which signs in without a password until it ends. The caller knows that it is a demo."""
        async with self._db.read(operator) as reader:
            known = await store.by_login(reader, login)
        if known is None:
            await self.add(operator, login=login, name=name, role=role, actor=Actor.cli())
        async with self._db.write(operator) as tx:
            staff = await self._held(tx, login)
            if staff.state is not StaffState.ACTIVE:
                await store.save(tx, staff.id, {"state": StaffState.ACTIVE.value}, expected=staff.version)
            return await self._link(tx, staff, Actor.cli(), is_demo=True)

    async def _link(self, tx: Tx, staff: Staff, actor: Actor, *, is_demo: bool) -> str:
        secret = secrets.token_bytes(32)
        ends = tx.now + (DEMO_LINK_TTL if is_demo else LINK_TTL)
        link = Link(new_id(), staff.id, link_digest(secret), is_demo, ends, None)
        await store.end_links(tx, staff.id)
        store.add_link(tx, link)
        record(
            tx,
            actor=actor,
            action="staff.link_made",
            object=wire("stf", staff.id),
            facts={"demo": is_demo},
        )
        return link_token(staff.operator_id, link.id, secret)

    async def set_role(self, operator: UUID, login: str, role: Role, *, actor: Actor) -> None:
        """Every session of the person ends."""
        async with self._db.write(operator) as tx:
            staff = await self._held(tx, login)
            await store.save(
                tx, staff.id, {"role": role.value, "epoch": staff.epoch + 1}, expected=staff.version
            )
            record(
                tx,
                actor=actor,
                action="staff.role_set",
                object=wire("stf", staff.id),
                facts={"role": role.value, "before": staff.role.value},
            )

    async def disable(self, operator: UUID, login: str, *, actor: Actor) -> None:
        """Every session and every link of the person ends. A new start is a new link after :meth:`enable`."""
        async with self._db.write(operator) as tx:
            staff = await self._held(tx, login)
            changes = {"state": StaffState.DISABLED.value, "epoch": staff.epoch + 1}
            await store.save(tx, staff.id, changes, expected=staff.version)
            await store.end_links(tx, staff.id)
            record(tx, actor=actor, action="staff.disabled", object=wire("stf", staff.id))

    async def enable(self, operator: UUID, login: str, *, actor: Actor) -> str:
        """A disabled person is invited again; the token of the link that sets password and factor anew."""
        async with self._db.write(operator) as tx:
            staff = await self._held(tx, login)
            if staff.state is not StaffState.DISABLED:
                raise StateConflict(staff.state.value, [StaffState.DISABLED.value])
            changes = {"state": StaffState.INVITED.value, "password_hash": None, "epoch": staff.epoch + 1}
            await store.save(tx, staff.id, changes, expected=staff.version)
            record(tx, actor=actor, action="staff.enabled", object=wire("stf", staff.id))
            return await self._link(tx, staff, actor, is_demo=False)

    async def listed(self, operator: UUID) -> list[tuple[Staff, str]]:
        async with self._db.read(operator) as reader:
            return [(staff, self._factors.name(staff)) for staff in await store.listed(reader)]

    async def _held(self, tx: Tx, login: str) -> Staff:
        staff = await store.by_login(tx, login.strip().casefold())
        held = await store.by_id(tx, staff.id, lock=True) if staff else None
        if held is None:
            raise NotFound("This operator has nobody with this sign-in name.")
        return held
