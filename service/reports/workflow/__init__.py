"""The verbs of reports: file, weigh, pass on, decide, appeal, forget."""

import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from service.audit.workflow import Actor, record
from service.events import Event
from service.infra.crypto import SealBroken, Vault
from service.infra.postgres import Database, Reader, Tx
from service.kit.canon import IndexKind, canon
from service.kit.errors import InvalidRequest, NotFound
from service.kit.ids import new_id, wire
from service.limits import rules as limits
from service.limits.model import Dimension, Limit, LimitPolicy, Outcome
from service.limits.volatile import Limiter, name, refusal
from service.reports import rules, store
from service.reports.model import (
    Change,
    Filer,
    Kind,
    LineFacts,
    Place,
    Report,
    ReportPolicy,
    State,
    Statement,
    Told,
    Vote,
)
from service.reports.ports import Proofs, Reporters
from service.reports.workflow.told import EVENTS, filed, tell
from service.subscribers.model import Erased
from service.subscribers.workflow import Subscribers

Keep = Callable[[Tx, UUID], Awaitable[None]]
"""Called at the end of the transaction with the id of the vote that is about to be answered."""

SLACK = timedelta(minutes=5)
"""So far ahead of ours a caller's clock may be."""

OLDEST = timedelta(days=365)
_SYSTEM = Actor.system("reports")
_REPORT, _VOTE = "report", "report_vote"


class Reports:
    """``operators`` says whom an installation has; ``policy`` and ``quotas`` give the versions in force."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        subscribers: Subscribers,
        limiter: Limiter,
        reporters: Reporters[Reader],
        proofs: Proofs,
        operators: Callable[[], Awaitable[Sequence[UUID]]],
        policy: Callable[[], ReportPolicy],
        quotas: Callable[[], LimitPolicy],
    ) -> None:
        self._db = db
        self._vault = vault
        self._subscribers = subscribers
        self._limiter = limiter
        self._reporters = reporters
        self._proofs = proofs
        self._operators = operators
        self._policy = policy
        self._quotas = quotas

    @property
    def policy(self) -> ReportPolicy:
        """The version in force."""
        return self._policy()

    # For clients

    async def file(self, filer: Filer, said: Statement, keep: Keep | None = None) -> UUID:
        """Keep a vote, whatever it is worth; its id. What it is worth is weighed afterwards, so that neither answer nor
        its time tells. Raises LimitExceeded, InvalidRequest for ``happened_at``, Unavailable where Redis is gone."""
        now = self._db.clock.now()
        if said.happened_at is not None and not now - OLDEST <= said.happened_at <= now + SLACK:
            raise InvalidRequest("/happened_at", "out-of-range", "This must be an instant of the last year.")
        await self._spend(filer)
        proved_at = await self._proved(filer, said)
        async with self._db.write(filer.operator_id) as tx:
            proved = said.reporter if proved_at is not None else None
            lines = await self._reporters.lines(tx, [said.reported, *([proved] if proved else [])])
            report = await self._join(tx, said, lines.get(said.reported))
            reporter = lines.get(proved) if proved is not None else None
            vote = await self._vote(tx, filer, said, report, proved_at, reporter)
            await store.add_vote(tx, vote)
            filed(tx, report, vote, Actor.client(filer.client_id))
            if keep is not None:
                await keep(tx, vote.id)
        return vote.id

    async def get(self, filer: Filer, vote_id: UUID) -> State | Told:
        """Where the report of a vote stands, as far as it is shown; NotFound, also for another dealer's vote."""
        async with self._db.read(filer.operator_id) as reader:
            vote, report = await store.voted(reader, vote_id)
            if filer.dealer_id is not None and vote.dealer_id != filer.dealer_id:
                raise NotFound()
            is_bound = filer.dealer_id is not None
            return rules.shown(report, vote.filed_at, self._policy(), reader.now, is_bound=is_bound)

    # For staff

    async def load(self, reader: Reader, report_id: UUID) -> Report:
        return await store.load(reader, report_id)

    async def of_vote(self, reader: Reader, vote_id: UUID) -> Report:
        """The report that a vote is part of; NotFound."""
        return (await store.voted(reader, vote_id))[1]

    async def votes(self, reader: Reader, report: Report, limit: int = 100) -> list[Vote]:
        """The newest first."""
        return await store.newest_votes(reader, report.id, limit)

    async def listed(
        self,
        reader: Reader,
        *,
        limit: int = 25,
        before: UUID | None = None,
        states: tuple[State, ...] = (),
        place: Place | None = None,
    ) -> list[Report]:
        return await store.listed(reader, limit=limit, before=before, states=states, place=place)

    async def counts(self, reader: Reader) -> Mapping[tuple[Place, State], int]:
        return await store.counts(reader)

    async def kinds(self, reader: Reader, reports: Sequence[UUID]) -> Mapping[UUID, Sequence[Kind]]:
        return await store.kinds(reader, reports)

    def number(self, report: Report) -> str | None:
        """The number of a report that is not on a line of ours, E.164."""
        if report.secret is None:
            return None
        return self._vault.open_secret(_REPORT, report.id, report.secret).decode()

    async def note(self, reader: Reader, vote: Vote) -> str | None:
        """What the reporter wrote; None where they wrote nothing, or were erased."""
        if vote.secret is not None:
            return self._vault.open_secret(_VOTE, vote.id, vote.secret).decode()
        if vote.sealed is None or vote.subscriber_id is None:
            return None
        try:
            key = await self._subscribers.key(reader, vote.subscriber_id)
            return str(key.open(_VOTE, vote.id, vote.sealed)["note"])
        except (Erased, SealBroken):
            return None

    def allowed(self, report: Report, now: datetime) -> tuple[str, ...]:
        return rules.allowed(report, self._policy(), now)

    async def decide(
        self,
        tx: Tx,
        report_id: UUID,
        to: State,
        *,
        reason: str,
        actor: Actor,
        expected: int,
        note: str | None = None,
    ) -> Report:
        """A person confirms or dismisses the version ``expected``. Raises NotFound, Stale, StateConflict."""
        before = await store.load(tx, report_id, lock=True)
        after, changes = rules.decide(before, to, reason, actor.id, self._policy(), tx.now)
        return await self._saved(tx, after, changes, actor, expected, note)

    async def appeal(
        self, tx: Tx, report_id: UUID, *, reason: str, actor: Actor, expected: int, note: str | None = None
    ) -> Report:
        """Once; what follows is decided by another person. Raises NotFound, Stale, StateConflict."""
        before = await store.load(tx, report_id, lock=True)
        after, changes = rules.appeal(before, reason, self._policy(), tx.now)
        return await self._saved(tx, after, changes, actor, expected, note)

    # For jobs

    async def follow(self, event: Event) -> None:
        """After a vote: weigh the report, or pass it on. May be asked any number of times."""
        report_id = UUID(event.refs["report"])
        async with self._db.write(event.operator) as tx:
            try:
                report = await store.load(tx, report_id, lock=True)
            except NotFound:
                return
            if report.place is Place.OURS:
                await self._weigh(tx, report)
        if report.place is Place.ELSEWHERE:
            await self._pass_on(report)

    async def _weigh(self, tx: Tx, report: Report) -> None:
        policy = self._policy()
        votes = await store.candidates(tx, report.id, tx.now - policy.window)
        lines = sorted({vote.line_id for vote in votes if vote.line_id is not None})
        asked = {vote.registration_id for vote in votes if vote.registration_id is not None}
        if report.registration_id is not None:
            asked.add(report.registration_id)
        links = await self._reporters.links(tx, sorted(asked)) if lines else {}
        past = await store.outcomes(tx, lines, tx.now - policy.memory)
        worth = {line: rules.reputation(past.get(line, ()), policy) for line in lines}
        tally = rules.weigh(report, votes, links, worth, policy, tx.now)
        before = {vote.id: (vote.why, vote.weight) for vote in votes}
        store.note_worth(
            tx, [each for each in tally.votes if before[each.vote_id] != (each.why, each.weight)]
        )
        after, changes = rules.corroborate(report, tally.counted, policy, tx.now)
        if changes:
            await self._saved(tx, after, changes, _SYSTEM, report.version)
        elif after.counted != report.counted:
            store.note_counted(tx, report.id, after.counted)

    async def _pass_on(self, report: Report) -> None:
        """Open a case at whichever other operator here has the line: the number, what is said, when. Neither side
        learns who the other is, nor who reported."""
        number = self.number(report)
        if number is None:
            return
        async with self._db.read(report.operator_id) as reader:
            [newest] = await store.newest_votes(reader, report.id, 1)
        for operator in await self._operators():
            if operator == report.operator_id:
                continue
            async with self._db.read(operator) as reader:
                if not await self._reporters.lines(reader, [number]):
                    continue
            with contextlib.suppress(_KnownAlready):
                await self._received(operator, number, report, newest)

    async def _received(self, operator: UUID, number: str, report: Report, newest: Vote) -> None:
        """On the other side: one vote a report and time in which votes are counted together, however many there are."""
        span = newest.filed_at.toordinal() // max(1, self._policy().window.days)
        made_of = report.id.bytes + operator.bytes + span.to_bytes(4, "big")
        vote_id = UUID(bytes=hashlib.sha256(b"report/passed/v1" + made_of).digest()[:16])
        said = Statement(number, newest.kind, newest.happened_at)
        async with self._db.write(operator) as tx:
            lines = await self._reporters.lines(tx, [number])
            if not lines:
                return
            joined = await self._join(tx, said, lines[number])
            vote = Vote(vote_id, joined.id, said.kind, tx.now, None, happened_at=said.happened_at)
            if not await store.add_vote(tx, vote):
                raise _KnownAlready()
            filed(tx, joined, vote, _SYSTEM)

    async def purge(self, operator: UUID) -> int:
        """Delete what was decided, or had its last vote, longer ago than the policy keeps it; how many."""
        async with self._db.write(operator) as tx:
            return await store.purge(tx, tx.now - self._policy().keep)

    # For retention

    async def forget(self, tx: Tx, subscriber_id: UUID) -> None:
        """With a reporter's erasure: their votes lose note and line, and count for nothing any more."""
        store.forget(tx, subscriber_id)

    # Within

    async def _spend(self, filer: Filer) -> None:
        client = name(self._vault, Dimension.CLIENT, filer.operator_id, filer.client_id)
        charges = limits.charges(self._quotas(), Limit.REPORTS_PER_CLIENT, {Dimension.CLIENT: client})
        verdict = await self._limiter.spend(charges)
        if verdict.outcome is Outcome.DENIED:
            raise refusal(verdict)

    async def _proved(self, filer: Filer, said: Statement) -> datetime | None:
        """When the reporter's number was proved, if lately."""
        if said.reporter is None or said.verification is None:
            return None
        at = await self._proofs.proved_at(
            filer.operator_id, said.verification, said.reporter, filer.dealer_id
        )
        return at if at is not None and self._db.clock.now() - at <= self._policy().proof else None

    async def _join(self, tx: Tx, said: Statement, line: LineFacts | None) -> Report:
        operator, report_id = tx.tenant, new_id()
        report = Report(
            id=report_id,
            operator_id=operator,
            topic=said.kind.topic,
            place=Place.ELSEWHERE if line is None else Place.OURS,
            state=State.FILED,
            opened_at=tx.now,
            last_filed_at=tx.now,
        )
        if line is None:
            value = canon(IndexKind.MSISDN, said.reported)
            await tx.lock(*self._vault.locks(operator, IndexKind.MSISDN, value))
            secret = self._vault.seal_secret(_REPORT, report_id, said.reported.encode())
            indexes = self._vault.index_all(operator, IndexKind.MSISDN, value)
            return await store.join_elsewhere(tx, replace(report, secret=secret), indexes)
        report = replace(report, line_id=line.line_id, registration_id=line.registration_id)
        return await store.join(tx, replace(report, holder_since=line.since))

    async def _vote(
        self,
        tx: Tx,
        filer: Filer,
        said: Statement,
        report: Report,
        proved_at: datetime | None,
        reporter: LineFacts | None,
    ) -> Vote:
        vote = Vote(
            id=new_id(),
            report_id=report.id,
            kind=said.kind,
            filed_at=tx.now,
            client_id=filer.client_id,
            dealer_id=filer.dealer_id,
            happened_at=said.happened_at,
            proved_at=proved_at,
        )
        if reporter is not None and reporter.is_open:
            vote = replace(
                vote,
                line_id=reporter.line_id,
                registration_id=reporter.registration_id,
                subscriber_id=reporter.subscriber_id,
                line_since=reporter.since,
                line_dealer_id=reporter.dealer_id,
                sim_changed_at=reporter.sim_changed_at,
            )
        return vote if not said.note else await self._noted(tx, vote, said.note)

    async def _noted(self, tx: Tx, vote: Vote, note: str) -> Vote:
        """Under the reporter's own key where there is one, so that it goes with them."""
        if vote.subscriber_id is not None:
            with contextlib.suppress(Erased):
                key = await self._subscribers.key(tx, vote.subscriber_id)
                return replace(vote, sealed=key.seal(_VOTE, vote.id, {"note": note}))
        return replace(vote, secret=self._vault.seal_secret(_VOTE, vote.id, note.encode()))

    async def _saved(
        self,
        tx: Tx,
        after: Report,
        changes: Sequence[Change],
        actor: Actor,
        expected: int,
        note: str | None = None,
    ) -> Report:
        await store.save(tx, after, expected=expected)
        for change in changes:
            record(
                tx,
                actor=actor,
                action=EVENTS[change.to].value,
                object=wire("rep", after.id),
                reason=change.reason,
                facts={"topic": after.topic.value, "votes": after.votes, "counted": after.counted},
                note=note,
                key=self._vault.operator_key(after.operator_id),
            )
            tell(tx, after, change)
        return replace(after, version=expected + 1)


class _KnownAlready(Exception):
    """This was passed on before: nothing of the transaction is to stay."""
