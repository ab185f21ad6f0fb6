"""The desk: links are used, people sign in, sessions are resumed and end."""

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from service.audit.workflow import Actor, record
from service.infra.postgres import Database, Reader, Tx
from service.kit.errors import NotFound
from service.kit.ids import wire
from service.operators.model import Operator
from service.operators.workflow import Operators
from service.staff import rules, store
from service.staff.model import (
    REVEALS_PER_HOUR,
    CodeRefused,
    Invitation,
    Link,
    LinkGone,
    NotPermitted,
    PasswordUnfit,
    Permission,
    Second,
    Session,
    SignedIn,
    SignInDelayed,
    SignInRefused,
    Staff,
    StaffState,
    TooManyReveals,
)
from service.staff.volatile import Sessions
from service.staff.workflow.factors import Factors, link_digest


class StaffDesk:
    """``is_demo`` alone lets a demo link sign in; everywhere else such a link is gone."""

    def __init__(
        self, db: Database, operators: Operators, sessions: Sessions, factors: Factors, *, is_demo: bool
    ) -> None:
        self._db = db
        self._operators = operators
        self._sessions = sessions
        self._factors = factors
        self._is_demo = is_demo

    # Links

    async def invitation(self, token: str) -> Invitation | None:
        """What the page behind a link shows; changes nothing. None for a demo link, which needs no set-up."""
        operator_id, link_id, secret = _token(token)
        async with self._db.read(operator_id) as reader:
            link, staff = await self._behind(reader, link_id, secret)
        if link.is_demo:
            return None
        operator = await self._operator(operator_id)
        totp = self._factors.secret_of_link(secret)
        uri = self._factors.uri(totp, staff.login, operator.slug)
        return Invitation(f"{staff.login}@{operator.slug}", self._factors.name(staff), totp, uri)

    async def enrol(self, token: str, password: str, code: str) -> tuple[Session, tuple[str, ...]]:
        """Use a link: set password and second factor, end every older session, open one.

        The recovery codes are returned this once. Raises LinkGone, PasswordUnfit, CodeRefused; the link is used
        only where nothing was raised.
        """
        operator_id, link_id, secret = _token(token)
        async with self._db.read(operator_id) as reader:
            link, staff = await self._behind(reader, link_id, secret)
            now = reader.now
        if link.is_demo:
            raise LinkGone()
        fault = rules.password_fault(password, staff.login)
        if fault is not None:
            raise PasswordUnfit(fault)
        totp = self._factors.secret_of_link(secret)
        step = self._factors.step_of(totp, code, now)
        if step is None:
            raise CodeRefused()
        codes = self._factors.new_recovery()
        hashes = [await self._factors.hash(self._factors.recovery_text(text)) for text in codes]
        changes = {
            "password_hash": await self._factors.hash(password),
            "sealed": self._factors.seal(staff.id, self._factors.name(staff), totp),
            "totp_step": step,
            "state": StaffState.ACTIVE.value,
            "epoch": staff.epoch + 1,
            "failures": 0,
            "failed_at": None,
        }
        async with self._db.write(operator_id) as tx:
            if not await store.use_link(tx, link_id):
                raise LinkGone()
            await store.save(tx, staff.id, changes, expected=staff.version)
            await store.replace_recovery(tx, staff.id, hashes)
            record(tx, actor=Actor.staff(staff.id), action="staff.enrolled", object=wire("stf", staff.id))
        operator = await self._operator(operator_id)
        return await self._open(operator, staff, staff.epoch + 1, now), codes

    async def enter_demo(self, token: str) -> Session:
        """The demo's link signs straight in. Raises LinkGone outside the demo and for every other link."""
        operator_id, link_id, secret = _token(token)
        if not self._is_demo:
            raise LinkGone()
        async with self._db.write(operator_id) as tx:
            link, staff = await self._behind(tx, link_id, secret)
            if not link.is_demo or staff.state is not StaffState.ACTIVE:
                raise LinkGone()
            self._note_sign_in(tx, staff, "demo-link")
            now = tx.now
        return await self._open(await self._operator(operator_id), staff, staff.epoch, now)

    async def _behind(self, reader: Reader, link_id: UUID, secret: bytes) -> tuple[Link, Staff]:
        link = await store.link(reader, link_id)
        fits = hmac.compare_digest(link.sha256 if link else bytes(32), link_digest(secret))
        if link is None or not fits or link.used_at is not None or link.expires_at <= reader.now:
            raise LinkGone()
        staff = await store.by_id(reader, link.staff_id)
        if staff is None or staff.state is StaffState.DISABLED:
            raise LinkGone()
        return link, staff

    # Signing in and out

    async def sign_in(self, name: str, password: str, code: str, address: str | None) -> Session:
        """A session for name, password and second factor. ``address`` is the peer's, None where it is nobody's own.

        Raises SignInDelayed (nothing was checked), or SignInRefused, whichever of the three was wrong.
        """
        parts = rules.split_name(name)
        operator, staff = await self._named(*parts) if parts else (None, None)
        now = self._db.clock.now()
        await self._mind_the_wait(staff, address, now)
        fits = await self._factors.matches(password, staff.password_hash if staff else None)
        second = await self._second(staff, code, now)
        if operator is None or staff is None or staff.state is not StaffState.ACTIVE:
            if address is not None:
                await self._sessions.note_failure(address, now)
            raise SignInRefused()
        if not fits or second is None or not await self._take(staff, second, password):
            await self._failed(staff, address, now)
            raise SignInRefused()
        if address is not None:
            await self._sessions.forget_failures(address)
        return await self._open(operator, staff, staff.epoch, now)

    async def _named(self, login: str, slug: str) -> tuple[Operator | None, Staff | None]:
        try:
            operator = await self._operators.by_slug(slug)
        except NotFound:
            return None, None
        async with self._db.read(operator.id) as reader:
            return operator, await store.by_login(reader, login)

    async def _mind_the_wait(self, staff: Staff | None, address: str | None, now: datetime) -> None:
        due = await self._sessions.wait_for(address, now) if address else timedelta(0)
        if staff is not None:
            due = max(due, rules.wait(staff.failures, staff.failed_at, now, rules.ACCOUNT_WAIT_MAX))
        if due > timedelta(0):
            seconds = int(due.total_seconds()) + 1
            raise SignInDelayed(f"Wait {seconds} seconds before the next try.", retry_after_s=seconds)

    async def _second(self, staff: Staff | None, code: str, now: datetime) -> Second | None:
        """A recovery code or a TOTP code; it is taken later, in the transaction that signs in. It takes as long for
        nobody: the time must not tell whether there is such a person."""
        slot = self._factors.recovery_slot(code)
        if slot is None:
            return self._factors.second(staff, code, now) if staff else None
        kept = None
        if staff is not None:
            async with self._db.read(staff.operator_id) as reader:
                kept = await store.recovery_hash(reader, staff.id, slot)
        fits = await self._factors.matches(self._factors.recovery_text(code), kept)
        return Second(slot=slot) if fits else None

    async def _take(self, staff: Staff, second: Second, password: str | None) -> bool:
        """Take the second factor, once: of two requests with the same code one gets False."""
        outdated = password and staff.password_hash and self._factors.is_outdated(staff.password_hash)
        fresh = await self._factors.hash(password) if password and outdated else None
        async with self._db.write(staff.operator_id) as tx:
            if second.step is not None:
                taken = await store.accept_step(tx, staff.id, second.step)
            else:
                taken = await store.use_recovery(tx, staff.id, second.slot or 0)
            if not taken:
                return False
            if fresh:
                await store.set_password_hash(tx, staff.id, fresh)
            if password is not None:
                await store.clear_failures(tx, staff.id)
                self._note_sign_in(tx, staff, "totp" if second.step is not None else "recovery-code")
        return True

    @staticmethod
    def _note_sign_in(tx: Tx, staff: Staff, factor: str) -> None:
        record(
            tx,
            actor=Actor.staff(staff.id),
            action="staff.signed_in",
            object=wire("stf", staff.id),
            facts={"factor": factor},
        )

    async def _failed(self, staff: Staff, address: str | None, now: datetime) -> None:
        if address is not None:
            await self._sessions.note_failure(address, now)
        async with self._db.write(staff.operator_id) as tx:
            await store.note_failure(tx, staff.id)
            record(
                tx,
                actor=Actor.system("sign-in"),
                action="staff.sign_in_refused",
                object=wire("stf", staff.id),
                facts={"tries": staff.failures + 1},
            )

    async def _open(self, operator: Operator, staff: Staff, epoch: int, now: datetime) -> Session:
        return await self._sessions.open(operator.id, operator.slug, operator.name, staff.id, epoch, now)

    async def _operator(self, operator_id: UUID) -> Operator:
        for operator in await self._operators.all():
            if operator.id == operator_id:
                return operator
        raise LinkGone()

    async def resume(self, sid: str) -> SignedIn | None:
        """The person behind a cookie, if their session is live and nothing ended it since."""
        now = self._db.clock.now()
        session = await self._sessions.resume(sid, now)
        if session is None:
            return None
        async with self._db.read(session.operator_id) as reader:
            staff = await store.by_id(reader, session.staff_id)
        if staff is None or staff.state is not StaffState.ACTIVE or staff.epoch != session.epoch:
            await self._sessions.end(sid)
            return None
        return SignedIn(session, staff, self._factors.name(staff))

    async def sign_out(self, sid: str) -> None:
        await self._sessions.end(sid)

    async def flash(self, session: Session, text: str) -> None:
        await self._sessions.flash(session.sid, text)

    async def flashed(self, session: Session) -> None:
        await self._sessions.flashed(session.sid)

    # Step-up and what needs it

    async def step_up(self, who: SignedIn, action: str, obj: str, code: str) -> Session:
        """Prove the second factor again, for one act on one object; the session gets a new id.

        Raises CodeRefused, SignInDelayed. A recovery code will do.
        """
        now = self._db.clock.now()
        await self._mind_the_wait(who.staff, who.staff.id.hex, now)
        second = await self._second(who.staff, code, now)
        if second is None or not await self._take(who.staff, second, None):
            await self._failed(who.staff, who.staff.id.hex, now)
            raise CodeRefused()
        session = await self._sessions.renew(who.session)
        await self._sessions.allow(session, action, obj, now)
        return session

    async def spend_step_up(self, session: Session, action: str, obj: str) -> None:
        """Take the step-up for this very act; raises NotPermitted without one."""
        if not await self._sessions.spend(session, action, obj, self._db.clock.now()):
            raise NotPermitted("Prove your second factor first.")

    async def change_password(self, who: SignedIn, old: str, new: str) -> None:
        """Every session of the person ends. The caller spent a step-up. Raises SignInRefused, PasswordUnfit."""
        fault = rules.password_fault(new, who.staff.login)
        if fault is not None:
            raise PasswordUnfit(fault)
        if not await self._factors.matches(old, who.staff.password_hash):
            await self._failed(who.staff, who.staff.id.hex, self._db.clock.now())
            raise SignInRefused()
        changes = {"password_hash": await self._factors.hash(new)}
        await self._change(who, changes, "staff.password_changed", ends_sessions=True)

    async def new_recovery_codes(self, who: SignedIn) -> tuple[str, ...]:
        """Ten new codes; the old ones stop working. The caller spent a step-up."""
        codes = self._factors.new_recovery()
        hashes = [await self._factors.hash(self._factors.recovery_text(text)) for text in codes]
        async with self._db.write(who.staff.operator_id) as tx:
            await store.replace_recovery(tx, who.staff.id, hashes)
            me = wire("stf", who.staff.id)
            record(tx, actor=Actor.staff(who.staff.id), action="staff.recovery_codes_made", object=me)
        return codes

    async def _change(
        self, who: SignedIn, changes: Mapping[str, Any], action: str, *, ends_sessions: bool
    ) -> None:
        async with self._db.write(who.staff.operator_id) as tx:
            held = await store.by_id(tx, who.staff.id, lock=True)
            assert held is not None, "people are never deleted"
            epoch = held.epoch + 1 if ends_sessions else held.epoch
            await store.save(tx, held.id, {**changes, "epoch": epoch}, expected=held.version)
            record(tx, actor=Actor.staff(held.id), action=action, object=wire("stf", held.id))

    async def recovery_left(self, who: SignedIn) -> int:
        async with self._db.read(who.staff.operator_id) as reader:
            return await store.recovery_left(reader, who.staff.id)

    # Reveals

    async def reveal(self, tx: Tx, who: SignedIn, obj: str, reason: str) -> None:
        """Charge one reveal of personal data and write it to the audit, in the transaction that reads the data."""
        if not rules.may(who.staff.role, Permission.REVEAL):
            raise NotPermitted()
        await store.by_id(tx, who.staff.id, lock=True)
        if await store.reveals_in_hour(tx, who.staff.id) >= REVEALS_PER_HOUR:
            raise TooManyReveals(retry_after_s=600)
        store.add_reveal(tx, who.staff.id, obj, reason)
        record(tx, actor=Actor.staff(who.staff.id), action="pii.revealed", object=obj, reason=reason)

    @staticmethod
    async def reveals_left(reader: Reader, who: SignedIn) -> int:
        return max(0, REVEALS_PER_HOUR - await store.reveals_in_hour(reader, who.staff.id))


def _token(token: str) -> tuple[UUID, UUID, bytes]:
    """Operator, link and secret; anything malformed is LinkGone, as an unknown link would be."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise LinkGone() from None
    if len(raw) != 64:
        raise LinkGone()
    return UUID(bytes=raw[:16]), UUID(bytes=raw[16:32]), raw[32:]
