"""Rules as people change them: drafted by one, proposed, published by another.

What is published is bound to the digest that the second person read and to the version that it changes. Every text
is tried in a child that can be killed before this process compiles it (``security.md`` 12).
"""

import contextlib
import json
import re
import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from service.audit.workflow import Actor, record
from service.infra import child
from service.infra.postgres import Database, Reader, Tx
from service.kit.errors import InvalidRequest, Stale, StateConflict, Unavailable
from service.kit.ids import new_id, wire
from service.risk.model import (
    Decision,
    Draft,
    DraftState,
    RawRule,
    RuleError,
    RuleFigures,
    RulesElsewhere,
    RulesMoved,
    RuleUnfit,
    SecondPersonNeeded,
)
from service.risk.rules import (
    RiskPolicy,
    WayOut,
    changed,
    digest_of,
    field_of,
    following_version,
    load_policy,
    plain,
    rewritten,
    ways_out,
)
from service.risk.store import drafts, figures

TRIAL_S = 15.0
FIGURES = timedelta(days=30)
MODULE = "service.risk.commands"


class Book(Protocol):
    """The versions of policy, as the drafts need them; ``Policies`` keeps it."""

    @property
    def risk(self) -> RiskPolicy:
        """The risk policy in force here."""
        ...

    async def risk_of(self, reader: Reader, version: str) -> RiskPolicy | None:
        """An earlier one; None where it never was."""
        ...

    async def risk_text(self, reader: Reader, version: str) -> str:
        """The text of its ``risk.toml``. Raises ``NotFound``."""
        ...

    def overlaid(self, risk: Mapping[str, Any]) -> Mapping[str, Any]:
        """The mapping with what the demo lays over it."""
        ...

    async def publish_over(self, tx: Tx, base: str, risk_text: str, by: str) -> str:
        """Bring ``base`` with another ``risk.toml`` into force, in the caller's transaction; the new version. Raises
        :class:`RulesMoved` where ``base`` is not in force any more, ``PolicyRefused`` for what cannot be built."""
        ...

    async def refresh(self) -> object: ...


class Drafts:
    """``owner`` gives the operator whose staff may change the installation's rules; None where nobody's may."""

    def __init__(self, db: Database, book: Book, owner: Callable[[], Awaitable[UUID | None]]) -> None:
        self._db = db
        self.book = book
        self._owner = owner

    async def may_change(self, operator: UUID) -> bool:
        return await self._owner() == operator

    async def unfinished(self, reader: Reader) -> Draft | None:
        return await drafts.unfinished(reader)

    async def load(self, reader: Reader, draft_id: UUID) -> Draft:
        return await drafts.load(reader, draft_id)

    async def written(self, reader: Reader, version: str | None = None) -> Mapping[str, RawRule]:
        """The rules of a version (without one: of that in force) as their authors wrote them, by id."""
        text = await self.book.risk_text(reader, version or self.book.risk.version)
        return {rule["id"]: rule for rule in tomllib.loads(text)["rule"]}

    async def ways_out(self, reader: Reader, decision: Decision) -> tuple[WayOut, ...]:
        """What alone would have let it pass, under the rules that it was judged by. For staff."""
        policy = await self.book.risk_of(reader, decision.judgement.policy_version)
        return () if policy is None else ways_out(decision.signals, decision.judgement, policy)

    async def figures(self, reader: Reader) -> Mapping[tuple[str, bool], RuleFigures]:
        """What each rule did in the last 30 days, by (id, whether in shadow)."""
        return await figures.by_rule(reader, reader.now - FIGURES)

    async def finished(self, reader: Reader) -> Sequence[Draft]:
        return await drafts.finished(reader)

    async def save_rule(self, operator: UUID, staff: UUID, rule: RawRule, *, expected: int | None) -> Draft:
        """Put a changed or a new rule into the draft; ``expected`` is the draft's version that was read, None where
        there was none. Raises :class:`RuleUnfit`, :class:`RulesMoved`, ``Stale``, ``StateConflict``."""
        await self._allowed(operator)
        async with self._db.read(operator) as reader:
            before = await drafts.unfinished(reader)
            if (before.version if before else None) != expected:
                raise Stale()
            base = before.base_version if before else self.book.risk.version
            text = await self.book.risk_text(reader, base)
        if before is not None and before.state is not DraftState.OPEN:
            raise StateConflict(before.state, [DraftState.OPEN])
        if base != self.book.risk.version:
            raise RulesMoved()
        try:
            rule = plain(rule)
        except RuleError as error:
            raise RuleUnfit("example", str(error)) from None
        made = await self._tried(text, {**(before.rules if before else {}), str(rule.get("id", "")): rule})
        async with self._db.write(operator) as tx:
            if before is None:
                draft = Draft(new_id(), 1, DraftState.OPEN, base, made, (staff,), tx.now, tx.now)
                await drafts.add(tx, draft)
            else:
                authors = tuple(dict.fromkeys((*before.authors, staff)))
                draft = replace(before, rules=made, authors=authors, changed_at=tx.now)
                await drafts.save(tx, draft, expected=before.version)
            self._audit(tx, staff, "rules.drafted", draft, rule=str(rule["id"]))
        return draft

    async def _tried(self, text: str, changes: Mapping[str, RawRule]) -> dict[str, RawRule]:
        """The changes with their versions, once the whole policy with them passed the gate in a child."""
        risk = self.book.overlaid(changed(tomllib.loads(text), changes))
        body = json.dumps(risk, default=str).encode()
        try:
            refused = json.loads(await child.run(MODULE, body, seconds=TRIAL_S))["refused"]
        except child.ChildFailed as error:
            raise RuleUnfit("when", f"Trying it {error}.") from None
        if refused is not None:
            raise RuleUnfit(field_of(refused), refused)
        after = load_policy(risk, "draft")
        numbered: dict[str, RawRule] = {}
        for name, rule in changes.items():
            made = after.rule(name)
            assert made is not None, "what passed the gate is in it"
            version = following_version(self.book.risk.rule(name), made)
            numbered[name] = {**rule, "stage": made.stage.value, "version": version}
        return numbered

    async def undo(self, operator: UUID, staff: UUID, draft_id: UUID, rule: str, *, expected: int) -> Draft:
        """Take one rule out of an open draft; the last one drops it."""
        await self._allowed(operator)
        async with self._db.write(operator) as tx:
            draft = await self._read(tx, draft_id, DraftState.OPEN)
            if rule not in draft.rules:
                raise Stale()
            left = {name: each for name, each in draft.rules.items() if name != rule}
            state = DraftState.OPEN if left else DraftState.DROPPED
            after = replace(draft, rules=left, state=state, changed_at=tx.now)
            await drafts.save(tx, after, expected=expected)
            self._audit(tx, staff, "rules.undone", after, rule=rule)
        return after

    async def propose(
        self, operator: UUID, staff: UUID, draft_id: UUID, reason: str, *, expected: int
    ) -> Draft:
        """Ask for a second person. From now on it cannot be edited."""
        await self._allowed(operator)
        if not re.fullmatch(r"[a-z][a-z-]{2,39}", reason):
            raise InvalidRequest("/reason", "required", "Choose a reason first; it is part of the act.")
        async with self._db.write(operator) as tx:
            draft = await self._read(tx, draft_id, DraftState.OPEN)
            if draft.base_version != self.book.risk.version:
                raise RulesMoved()
            after = replace(
                draft,
                state=DraftState.PROPOSED,
                digest=digest_of(draft.base_version, draft.rules),
                reason=reason,
                proposed_by=staff,
                proposed_at=tx.now,
                changed_at=tx.now,
            )
            await drafts.save(tx, after, expected=expected)
            self._audit(tx, staff, "rules.proposed", after, reason=reason)
        return after

    async def withdraw(self, operator: UUID, staff: UUID, draft_id: UUID, *, expected: int) -> Draft:
        """Open a proposed draft again: its proposer has more to say, or a second person does not agree."""
        await self._allowed(operator)
        async with self._db.write(operator) as tx:
            draft = await self._read(tx, draft_id, DraftState.PROPOSED)
            after = _opened(draft)
            await drafts.save(tx, replace(after, changed_at=tx.now), expected=expected)
            by_proposer = draft.proposed_by == staff
            self._audit(tx, staff, "rules.withdrawn" if by_proposer else "rules.declined", draft)
        return after

    async def drop(self, operator: UUID, staff: UUID, draft_id: UUID, *, expected: int) -> None:
        await self._allowed(operator)
        async with self._db.write(operator) as tx:
            draft = await self._read(tx, draft_id, DraftState.OPEN)
            await drafts.save(
                tx, replace(draft, state=DraftState.DROPPED, changed_at=tx.now), expected=expected
            )
            self._audit(tx, staff, "rules.dropped", draft)

    async def rebase(self, operator: UUID, staff: UUID, draft_id: UUID, *, expected: int) -> Draft:
        """Bring a draft onto the rules that are in force now. It is tried again, and open again."""
        await self._allowed(operator)
        base = self.book.risk.version
        async with self._db.read(operator) as reader:
            draft = await drafts.load(reader, draft_id)
            text = await self.book.risk_text(reader, base)
        if draft.is_finished:
            raise StateConflict(draft.state, [DraftState.OPEN, DraftState.PROPOSED])
        made = await self._tried(text, draft.rules)
        async with self._db.write(operator) as tx:
            after = replace(_opened(draft), base_version=base, rules=made, changed_at=tx.now)
            await drafts.save(tx, after, expected=expected)
            self._audit(tx, staff, "rules.rebased", after)
        return after

    async def approve(
        self, operator: UUID, staff: UUID, draft_id: UUID, digest: str, *, expected: int
    ) -> Draft:
        """Publish what another person proposed: exactly what ``digest`` names, over exactly its base.

        Raises :class:`SecondPersonNeeded` (403), :class:`RulesMoved`, ``Stale``, ``StateConflict`` (409)."""
        await self._allowed(operator)
        async with self._db.read(operator) as reader:
            draft = await drafts.load(reader, draft_id)
            text = await self.book.risk_text(reader, draft.base_version)
        if staff == draft.proposed_by or staff in draft.authors:
            raise SecondPersonNeeded()
        if draft.state is not DraftState.PROPOSED:
            raise StateConflict(draft.state, [DraftState.PROPOSED])
        if digest != draft.digest or digest_of(draft.base_version, draft.rules) != digest:
            raise Stale()
        # The gate may have moved with the release since the draft was tried.
        await self._tried(text, draft.rules)
        async with self._db.write(operator) as tx:
            try:
                next_text = rewritten(text, draft.rules)
                version = await self.book.publish_over(tx, draft.base_version, next_text, wire("stf", staff))
            except ValueError as error:
                raise RuleUnfit("when", str(error)) from None
            after = replace(
                draft,
                state=DraftState.PUBLISHED,
                approved_by=staff,
                published_version=version,
                changed_at=tx.now,
            )
            await drafts.save(tx, after, expected=expected)
            self._audit(tx, staff, "rules.published", after, policy=version, digest=digest)
        # It is in force once it is committed; who cannot read it now finds it with the next poll.
        with contextlib.suppress(Unavailable):
            await self.book.refresh()
        return after

    async def _allowed(self, operator: UUID) -> None:
        if not await self.may_change(operator):
            raise RulesElsewhere()

    @staticmethod
    async def _read(tx: Tx, draft_id: UUID, wanted: DraftState) -> Draft:
        draft = await drafts.load(tx, draft_id)
        if draft.state is not wanted:
            raise StateConflict(draft.state, [wanted])
        return draft

    @staticmethod
    def _audit(
        tx: Tx, staff: UUID, action: str, draft: Draft, *, reason: str | None = None, **facts: str
    ) -> None:
        told: dict[str, str | int] = {"base": draft.base_version, "rules": len(draft.rules), **facts}
        actor = Actor.staff(staff)
        record(tx, actor=actor, action=action, object=wire("rdr", draft.id), reason=reason, facts=told)


def _opened(draft: Draft) -> Draft:
    return replace(draft, state=DraftState.OPEN, digest=None, reason=None, proposed_by=None, proposed_at=None)
