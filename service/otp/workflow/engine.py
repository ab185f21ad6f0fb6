"""Send and check, for whatever a code belongs to: a registration, or a verification on its own."""

import base64
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import pyotp

from service.infra.redis import Redis
from service.infra.telemetry import CODES, LIMITS
from service.kit.clock import rfc3339
from service.kit.errors import InvalidRequest, LimitExceeded, Refusal, Unavailable
from service.kit.ids import new_id
from service.limits import rules as limits
from service.limits.model import Charge, Outcome, Verdict
from service.limits.volatile import not_before
from service.otp import rules
from service.otp.model import (
    Accepted,
    ChallengeAsked,
    Channel,
    CodePolicy,
    Destination,
    Message,
    Proof,
    Sent,
    To,
)
from service.otp.ports import Challenger, Journal, NullJournal, NullPurses, Purses, Sender
from service.otp.volatile import Challenges, Hashes, Idem, Issued, NewChallenge
from service.otp.workflow.budgets import Asker, Budgets, kept_for_checks
from service.otp.workflow.dispatch import Dispatch, NotSent, Tasks, Withheld
from service.otp.workflow.entries import check_entry, flags_of, send_entry, with_refill


def new_code() -> str:
    """Six digits: HOTP (RFC 4226) at 0 over a secret that is dropped here; keeping it would be keeping the code."""
    return pyotp.HOTP(base64.b32encode(secrets.token_bytes(20)).decode()).at(0)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a code is for. ``until``: when the subject is over, where a right answer is recorded elsewhere;
    ``sealed``: the number, where a resend needs it; ``is_first``: no message went to it yet; ``bound``: what else the
    digest holds, where the target's number may change while a code is on its way."""

    id: UUID
    to: To
    purpose: str
    until: datetime | None
    in_shop: bool = False
    sealed: bytes = b""
    dealer: UUID | None = None
    is_first: bool = True
    bound: str = ""


@dataclass(frozen=True, slots=True)
class Solution:
    token: str
    solution: str


def no_link(_: Asker, __: Destination, ___: datetime) -> str | None:
    """Messages carry no holder's link."""
    return None


async def forget(_: Accepted, __: UUID, ___: UUID) -> None:
    """Receipts are not waited for."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What an engine works with. ``web_domain`` adds the line by which browsers fill codes in (WebOTP); ``links`` makes
    the holder's link of a message, or None; ``remember`` keeps a sender's references, for receipts."""

    policy: Callable[[], CodePolicy]
    dispatch: Dispatch
    journal: Journal = NullJournal()  # noqa: RUF009  has no state
    purses: Purses = NullPurses()  # noqa: RUF009  has no state
    challenger: Challenger | None = None
    web_domain: str | None = None
    links: Callable[[Asker, Destination, datetime], str | None] = no_link
    remember: Callable[[Accepted, UUID, UUID], Coroutine[Any, Any, None]] = forget


class Engine:
    """The one place where a code is made, charged for, sent and compared."""

    def __init__(self, redis: Redis, hashes: Hashes, tools: Tools) -> None:
        self.challenges = Challenges(redis, hashes)
        self.budgets = Budgets(hashes)
        self.tools = tools
        self.tasks = Tasks()
        self._redis = redis
        self._hashes = hashes

    async def send(
        self,
        asker: Asker,
        subject: Subject,
        to: Destination,
        *,
        channel: Channel,
        language: str,
        now: datetime,
        solved: Solution | None = None,
        idem: Idem | None = None,
    ) -> tuple[Sent, Issued]:
        """Charge and issue in one step, then have the message taken within the deadline.

        Raises ``NumberNotAllowed``, ``LimitExceeded``, :class:`ChallengeAsked`, or ``Unavailable``: then no code is
        live, and the budget was given back where it is certain that nothing was sent. Where a budget that others share
        is full, the answer is the same and nothing is sent.
        """
        challenger = self.tools.challenger
        has_solved = challenger is None
        if challenger is not None and solved is not None:
            about = self._about(asker, to)
            has_solved = await challenger.is_solved(about, solved.token, solved.solution, now)
        draft = self._draft(asker, subject, to, channel, language, now, has_solved)
        issued = await self._issue(draft, idem, asks_again=True)
        if issued.verdict.outcome is Outcome.SHORT:
            # The day's first message, or more in a second than a slice holds: lease, and ask once more.
            await self.tools.purses.top_up(asker.operator)
            draft = replace(draft, entry=with_refill(draft.entry))
            issued = await self._issue(draft, idem)
        if not issued.is_replay:
            await self._finish(draft, issued, now, idem)
        sent = Sent(
            challenge_id=draft.new.id,
            to=subject.to,
            to_masked=to.msisdn.masked,
            channel=channel,
            expires_at=issued.expires_at,
            resend_at=not_before(issued.verdict.free_us),
            attempts_left=issued.attempts_left,
        )
        return sent, issued

    def _draft(
        self,
        asker: Asker,
        subject: Subject,
        to: Destination,
        channel: Channel,
        language: str,
        now: datetime,
        has_solved: bool,
    ) -> "Draft":
        """Everything about a message that is known before Redis is asked. A test number charges nothing."""
        policy = self.tools.policy()
        test = policy.test_number(to.msisdn.value, now.date())
        senders: Sequence[Sender] = ()
        if test is None:
            rules.may_receive(policy, to)
            senders = self._route(policy, to, channel)
        code = new_code() if test is None else test.code
        text, spoken = rules.compose(
            language=language,
            purpose=subject.purpose,
            operator=asker.operator_name,
            number=to.msisdn,
            code=code,
            in_shop=subject.in_shop,
            web_domain=self.tools.web_domain if channel is Channel.SMS else None,
            link=self.tools.links(asker, to, now) if channel is Channel.SMS and not subject.in_shop else None,
        )
        price = policy.prices.get(to.country or "", 0) * _parts(text.translate(_NO_DIGITS))
        hashes = self.budgets.hashes(asker, to)
        charges: Sequence[Charge] = ()
        if test is None:
            charges = self.budgets.send(
                policy,
                hashes,
                price=price,
                now=now,
                is_first=subject.is_first,
                in_shop=subject.in_shop,
                has_solved=has_solved,
            )
        new = NewChallenge(
            operator=asker.operator,
            subject=subject.id,
            id=new_id(),
            to=subject.to,
            purpose=subject.purpose,
            channel=channel,
            ttl=policy.ttl,
            attempts=policy.attempts,
            tombstone=policy.tombstone,
            until=subject.until,
            dims=kept_for_checks(hashes, is_test=test is not None),
            sealed=subject.sealed,
            dealer=subject.dealer,
            bound=subject.bound,
        )
        flags = flags_of(is_first=subject.is_first, in_shop=subject.in_shop, has_solved=has_solved)
        entry = send_entry(policy, asker, new, to, hashes, charges, price, spoken, flags)
        return Draft(asker, to, new, code, text, spoken, charges, entry, senders, is_test=test is not None)

    async def _finish(self, draft: "Draft", issued: Issued, now: datetime, idem: Idem | None) -> None:
        """What follows from a verdict: a refusal, a wait that looks like a message, or the message."""
        outcome, new = issued.verdict.outcome, draft.new
        if outcome is Outcome.SHORT:
            CODES.labels("unfunded").inc()
            raise Unavailable("money", 1)
        if outcome is Outcome.CHALLENGED:
            raise self._ask(draft, issued.verdict, now)
        if outcome is Outcome.SUPPRESSED:
            CODES.labels("suppressed").inc()
            await self._hold_back(draft, issued.verdict, idem)
        elif draft.is_test:
            CODES.labels("test").inc()
        else:
            message = Message(
                new.id, draft.to.msisdn.value, new.channel, draft.language, draft.text, now, issued.expires_at
            )
            if await self._deliver(message, draft, issued.verdict, idem):
                CODES.labels("sent").inc()
        if idem is not None:
            await self.tasks.kindly(self.challenges.accept(new.operator, new.subject, new.id, idem))

    async def check(
        self,
        asker: Asker,
        subject: UUID,
        code: str,
        *,
        targets: Mapping[To, str],
        challenge: UUID | None = None,
        must_be_recorded: bool,
        dealer: UUID | None = None,
        idem: Idem | None = None,
    ) -> tuple[Proof, bool]:
        """Compare with the named challenge, else with the newest; the right answer burns the code. Whether it is an
        earlier answer to the same Idempotency-Key stands beside the proof.

        Raises ``OtpExpired``, ``OtpExhausted``, ``OtpRejected``, ``LimitExceeded``, ``Unavailable``; ``KeyError`` where
        Redis knows nothing of the subject. Whether a code is still good is judged by the clock of Redis.
        """
        policy = self.tools.policy()
        tariff = self.budgets.check(policy, asker.operator, asker.client)
        entry = check_entry(asker, subject, tariff)
        try:
            found = await self.tasks.to_the_end(
                self.challenges.check(
                    asker.operator,
                    subject,
                    code,
                    targets=targets,
                    challenge=challenge,
                    tariff=tariff,
                    claim=policy.claim if must_be_recorded else None,
                    dealer=dealer,
                    log=entry,
                    idem=idem,
                )
            )
        except Unavailable as gone:
            CODES.labels("unavailable").inc()
            if not must_be_recorded:
                raise
            # The answer alone may be lost: whoever waits for the claim to lapse has a right code adopted.
            wait_s = max(gone.retry_after_s or 0, -(-policy.claim.total_seconds() // 1))
            raise Unavailable("redis", int(wait_s)) from gone
        except Refusal as refused:
            CODES.labels(refused.code.removeprefix("otp-")).inc()
            if isinstance(refused, LimitExceeded):
                LIMITS.labels(str(refused.facts["limit"]), "enforced").inc()
            raise
        CODES.labels("verified").inc()
        return found

    async def _issue(self, draft: "Draft", idem: Idem | None, *, asks_again: bool = False) -> Issued:
        call = self.challenges.issue(
            draft.new, draft.code, draft.charges, log=draft.entry, idem=idem, asks_again=asks_again
        )
        try:
            issued = await self.tasks.to_the_end(call)
        except LimitExceeded as denied:
            CODES.labels("limited").inc()
            LIMITS.labels(str(denied.facts["limit"]), "enforced").inc()
            raise
        verdict = issued.verdict
        if verdict.limit is not None:
            LIMITS.labels(verdict.limit.value, "enforced").inc()
        for stage, full in (("shadow", verdict.shadows), ("pressure", verdict.pressures)):
            for limit in full:
                LIMITS.labels(limit.value, stage).inc()
        return issued

    async def _deliver(self, message: Message, draft: "Draft", verdict: Verdict, idem: Idem | None) -> bool:
        """Whether it left; False where the network's word held it back. Failing, the challenge dies before the caller
        hears of it."""
        new, journal = draft.new, self.tools.journal
        try:
            accepted = await self.tools.dispatch.deliver(message, draft.to.msisdn, draft.senders)
        except Withheld:
            journal.note("withheld", operator=new.operator, challenge=new.id)
            return False
        except NotSent as failed:
            CODES.labels(failed.cause).inc()
            journal.note("unsent", operator=new.operator, challenge=new.id, cause=failed.cause)
            raise await self._unsent(draft, verdict, failed, idem) from failed
        except BaseException:
            await self._withdraw(new, (), verdict, idem)
            raise
        journal.note("accepted", operator=new.operator, challenge=new.id, sender=accepted.sender)
        if accepted.references:
            self.tasks.later(self.tools.remember(accepted, new.operator, new.id))
        return True

    async def _hold_back(self, draft: "Draft", verdict: Verdict, idem: Idem | None) -> None:
        """Wait as a message would, and fail as it would while nothing can be sent: 202 would tell this number apart."""
        try:
            await self.tools.dispatch.hold_back(draft.senders)
        except NotSent as failed:
            raise await self._unsent(draft, verdict, failed, idem) from failed

    async def _unsent(
        self, draft: "Draft", verdict: Verdict, failed: NotSent, idem: Idem | None
    ) -> Unavailable:
        """The code dies; its charge is given back where nothing is on its way."""
        refund = limits.charged(draft.charges, verdict) if failed.is_certain else ()
        await self._withdraw(draft.new, refund, verdict, idem)
        return Unavailable(draft.new.channel.value)

    async def _withdraw(
        self, new: NewChallenge, refund: Sequence[Charge], verdict: Verdict, idem: Idem | None
    ) -> None:
        await self.tasks.kindly(
            self.challenges.withdraw(new.operator, new.subject, new.id, refund, verdict.now_us, idem)
        )

    def _route(self, policy: CodePolicy, to: Destination, channel: Channel) -> Sequence[Sender]:
        """Who is asked to take it, one after another."""
        found = rules.route(policy.routes, self.tools.dispatch.senders, to.country, channel)
        if not found and channel is Channel.VOICE:
            raise InvalidRequest("/channel", "channel-not-enabled", "Codes are sent by SMS here.")
        if not found:
            raise Unavailable(channel.value)
        return found

    def _about(self, asker: Asker, to: Destination) -> bytes:
        return self._hashes.volatile("otp-challenge/v1", asker.operator, asker.client, to.msisdn.value)

    def _ask(self, draft: "Draft", verdict: Verdict, now: datetime) -> ChallengeAsked:
        assert self.tools.challenger is not None
        assert verdict.limit is not None
        CODES.labels("challenged").inc()
        asked = ChallengeAsked(
            verdict.limit.value, rfc3339(now), 1, "Solve the challenge and ask again with it."
        )
        asked.facts["challenge"] = self.tools.challenger.ask(self._about(draft.asker, draft.to), now)
        return asked


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before Redis was asked about it."""

    asker: Asker
    to: Destination
    new: NewChallenge
    code: str = field(repr=False)
    text: str = field(repr=False)
    language: str
    charges: Sequence[Charge]
    entry: str
    senders: Sequence[Sender]
    is_test: bool


_NO_DIGITS = {ord(digit): "0" for digit in "123456789"}


@lru_cache(maxsize=2000)
def _parts(shape: str) -> int:
    """How many messages a text is paid as, by its shape: every digit costs the same, so that one count serves all texts
    of a language, and no code and no number is kept."""
    return rules.sms_parts(shape)
