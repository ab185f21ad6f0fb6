"""Holdings over real PostgreSQL: what counts, for how long, under a lock, and what a scam leaves behind."""

import asyncio
import tomllib
from datetime import date, timedelta
from importlib import resources
from typing import Any
from uuid import UUID

import pytest

from service.events import Event, EventName
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.kit.canon import IndexKind
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.risk.jobs import FOLLOWED, subscriptions
from service.risk.model import (
    CATALOGUE,
    Blind,
    Decision,
    HoldingsLimit,
    RiskSubject,
    Signals,
    Value,
    Verdict,
    ordinary,
)
from service.risk.rules import RiskPolicy, load_policy, replay
from service.risk.workflow import Risk

SEED = tomllib.loads(resources.files("service").joinpath("policy/risk.toml").read_text("utf-8"))
COUNTS = ("lines_on_", "scam_on_", "strikes_on_", "unproven_on_", "dealer_lines", "dealer_unproven")
FACTS: dict[str, Value | None] = {
    name: value for name, value in ordinary().values.items() if not name.startswith(COUNTS)
}
DAY = timedelta(days=1)


def policy_with(**parameters: Any) -> RiskPolicy:
    return load_policy({**SEED, "parameters": {**SEED["parameters"], **parameters}})


POLICY = policy_with(unproven_evidence="limited")


class Desk:
    """Registers lines as the registration's workflow would."""

    def __init__(self, db: Database, operator: UUID, vault: Vault, clock: ManualClock) -> None:
        self.db, self.operator, self.vault, self.clock = db, operator, vault, clock
        self.risk = Risk()

    def blind(self, kind: IndexKind, text: str) -> Blind:
        return Blind(
            self.vault.index(self.operator, kind, text), self.vault.index_all(self.operator, kind, text)
        )

    def subject(
        self,
        document: str = "NLD|P|X1",
        *,
        personal_number: str | None = None,
        person: str | None = None,
        device: str | None = None,
        dealer: UUID | None = None,
        expires_on: date | None = None,
        **facts: Value | None,
    ) -> RiskSubject:
        return RiskSubject(
            document=self.blind(IndexKind.DOCUMENT, document),
            personal_number=self.blind(IndexKind.PERSONAL_NUMBER, personal_number)
            if personal_number
            else None,
            person=self.blind(IndexKind.PERSON, person) if person else None,
            device=self.blind(IndexKind.DEVICE, device) if device else None,
            dealer_id=dealer,
            document_expires_on=expires_on,
            facts={**FACTS, **facts},
        )

    async def signals(self, subject: RiskSubject, policy: RiskPolicy = POLICY) -> dict[str, Value]:
        async with self.db.read(self.operator) as reader:
            gathered = await self.risk.gather(reader, new_id(), subject, policy, reader.now)
            return dict((await self.risk.count(reader, subject, policy, reader.now, gathered)).values)

    async def submit(self, subject: RiskSubject, policy: RiskPolicy = POLICY) -> Decision:
        registration = new_id()
        async with self.db.read(self.operator) as reader:
            gathered = await self.risk.gather(reader, registration, subject, policy, reader.now)
        async with self.db.write(self.operator) as tx:
            await tx.lock(*self.risk.lock_keys(subject))
            signals = await self.risk.count(tx, subject, policy, tx.now, gathered)
            decision = self.risk.decide(signals, policy, tx.now, registration)
            if decision.verdict is Verdict.APPROVED:
                self.risk.grant(tx, subject, decision, registration, policy)
            elif decision.verdict is Verdict.DENIED:
                self.risk.deny(tx, subject, decision, registration)
            else:
                self.risk.record(tx, decision)
        return decision

    async def line(self, subject: RiskSubject, policy: RiskPolicy = POLICY) -> UUID:
        """An approved registration whose line is live; its registration's id."""
        decision = await self.submit(subject, policy)
        assert decision.verdict is Verdict.APPROVED, decision.judgement.reasons
        await self.tell(EventName.LINE_ACTIVATED, decision.registration_id)
        return decision.registration_id

    def event(self, name: EventName, registration: UUID, reason: str | None = None) -> Event:
        refs = {"registration": registration.hex, "line": new_id().hex}
        return Event(name, self.operator, self.clock.now(), refs | ({"reason": reason} if reason else {}))

    async def tell(self, name: EventName, registration: UUID, reason: str | None = None) -> Event:
        event = self.event(name, registration, reason)
        await self.hear(event)
        return event

    async def hear(self, event: Event) -> bool:
        async with self.db.write(event.operator) as tx:
            return await self.risk.follow(tx, event)


@pytest.fixture
def desk(db: Database, vault: Vault, clock: ManualClock) -> Desk:
    return Desk(db, new_id(), vault, clock)


async def test_nothing_is_known_of_a_newcomer_and_that_is_known(desk: Desk) -> None:
    signals = await desk.signals(
        desk.subject(personal_number="NLD|1", person="A|B|1990-02-03|NLD", device="d", dealer=new_id())
    )
    counts = {name: value for name, value in signals.items() if name.startswith(COUNTS)}
    assert set(counts) == {name for name in CATALOGUE if name.startswith(COUNTS)}
    assert set(counts.values()) == {0}
    bare = await desk.signals(RiskSubject(facts=FACTS))
    assert {name: value for name, value in bare.items() if name.startswith(COUNTS)} == counts


async def test_each_key_counts_its_own_lines(desk: Desk) -> None:
    dealer = new_id()
    await desk.line(
        desk.subject("A|P|1", personal_number="A|1", person="X|Y|1990-02-03|A", device="d", dealer=dealer)
    )
    await desk.line(desk.subject("A|P|1", device="e", dealer=dealer))
    signals = await desk.signals(
        desk.subject("A|P|1", personal_number="A|1", person="X|Y|1990-02-03|A", device="d", dealer=dealer)
    )
    assert signals["lines_on_document"] == 2
    assert signals["lines_on_personal_number"] == 1
    assert signals["lines_on_person"] == 1
    assert signals["lines_on_device"] == 1
    assert signals["dealer_lines_today"] == 2
    assert signals["dealer_unproven_today"] == signals["unproven_on_document"] == 0


async def test_another_operator_sees_none_of_it(desk: Desk, db: Database, vault: Vault) -> None:
    await desk.line(desk.subject())
    other = Desk(db, new_id(), vault, desk.clock)
    assert (await other.signals(desk.subject()))["lines_on_document"] == 0


async def test_the_cap_denies_the_sixth_line(desk: Desk) -> None:
    for _ in range(5):
        await desk.line(desk.subject())
    sixth = await desk.submit(desk.subject())
    assert sixth.verdict is Verdict.DENIED
    (reason,) = [r for r in sixth.judgement.reasons if r.effect is Verdict.DENIED]
    assert (reason.facts[0].value, reason.facts[0].threshold) == (5, 5)


async def test_unproven_papers_get_two_lines_and_probation(desk: Desk) -> None:
    subject = desk.subject(proof="consistent")
    first = await desk.submit(subject)
    assert first.judgement.conditions.probation_until == desk.clock.now() + 30 * DAY
    assert (await desk.submit(subject)).verdict is Verdict.APPROVED
    assert (await desk.submit(subject)).verdict is Verdict.REVIEW
    assert (await desk.signals(subject))["unproven_on_document"] == 2
    assert (await desk.submit(desk.subject())).verdict is Verdict.APPROVED, "the same document, proved"


async def test_a_dealers_share_of_unproven_lines(desk: Desk) -> None:
    dealer = new_id()
    for n in range(3):
        subject = desk.subject(f"A|P|{n}", dealer=dealer, proof="consistent")
        assert (await desk.submit(subject)).verdict is Verdict.APPROVED
    fourth = desk.subject("A|P|4", dealer=dealer, proof="consistent")
    assert (await desk.submit(fourth)).verdict is Verdict.REVIEW
    desk.clock.advance(timedelta(hours=24))
    assert (await desk.submit(fourth)).verdict is Verdict.APPROVED


async def test_thirty_at_once_on_one_document_never_pass_the_cap(desk: Desk) -> None:
    decisions = await asyncio.gather(*(desk.submit(desk.subject()) for _ in range(30)))
    assert sum(decision.verdict is Verdict.APPROVED for decision in decisions) == 5
    assert (await desk.signals(desk.subject()))["lines_on_document"] == 5


async def test_thirty_at_once_on_one_personal_number_and_as_many_documents(desk: Desk) -> None:
    subjects = [desk.subject(f"A|P|{n}", personal_number="A|1") for n in range(30)]
    decisions = await asyncio.gather(*(desk.submit(subject) for subject in subjects))
    assert sum(decision.verdict is Verdict.APPROVED for decision in decisions) == 5


class TestWindows:
    async def test_closing_refills_nothing_within_the_window(self, desk: Desk) -> None:
        registration = await desk.line(desk.subject())
        desk.clock.advance(10 * DAY)
        await desk.tell(EventName.LINE_CLOSED, registration, "holder-request")
        desk.clock.advance(169 * DAY)
        assert (await desk.signals(desk.subject()))["lines_on_document"] == 1
        desk.clock.advance(DAY)
        assert (await desk.signals(desk.subject()))["lines_on_document"] == 0

    async def test_an_old_line_counts_thirty_days_after_it_was_closed(self, desk: Desk) -> None:
        registration = await desk.line(desk.subject())
        desk.clock.advance(400 * DAY)
        assert (await desk.signals(desk.subject()))["lines_on_document"] == 1
        await desk.tell(EventName.LINE_CLOSED, registration)
        desk.clock.advance(30 * DAY - timedelta(seconds=1))
        assert (await desk.signals(desk.subject()))["lines_on_document"] == 1
        desk.clock.advance(timedelta(seconds=1))
        assert (await desk.signals(desk.subject()))["lines_on_document"] == 0

    async def test_what_never_went_live_is_given_back(self, desk: Desk) -> None:
        decision = await desk.submit(desk.subject())
        assert (await desk.signals(desk.subject()))["lines_on_document"] == 1
        await desk.tell(EventName.REGISTRATION_CANCELLED, decision.registration_id)
        assert (await desk.signals(desk.subject()))["lines_on_document"] == 0
        await desk.tell(EventName.LINE_ACTIVATED, decision.registration_id)
        assert (await desk.signals(desk.subject()))["lines_on_document"] == 0

    async def test_a_live_line_is_not_given_back_by_a_late_cancel(self, desk: Desk) -> None:
        registration = await desk.line(desk.subject())
        await desk.tell(EventName.REGISTRATION_CANCELLED, registration)
        assert (await desk.signals(desk.subject()))["lines_on_document"] == 1

    async def test_a_device_counts_thirty_days(self, desk: Desk) -> None:
        await desk.line(desk.subject(device="d"))
        desk.clock.advance(30 * DAY - timedelta(seconds=1))
        assert (await desk.signals(desk.subject("B|P|2", device="d")))["lines_on_device"] == 1
        desk.clock.advance(timedelta(seconds=1))
        assert (await desk.signals(desk.subject("B|P|2", device="d")))["lines_on_device"] == 0


class TestPerson:
    NAME = "JANSEN|ANNA|1974-08-12|NLD"

    async def test_a_namesake_at_the_cap_goes_to_a_person_and_is_not_denied(self, desk: Desk) -> None:
        for n in range(5):
            await desk.line(desk.subject(f"NLD|P|{n}", person=self.NAME))
        sixth = await desk.submit(desk.subject("NLD|P|9", person=self.NAME))
        assert sixth.verdict is Verdict.REVIEW
        assert {reason.rule for reason in sixth.judgement.reasons} == {"same-person-at-cap"}

    async def test_a_weak_match_weighs_nothing_and_is_not_kept(self, desk: Desk) -> None:
        for n in range(6):
            await desk.line(desk.subject(f"NLD|P|{n}", person=self.NAME, person_weak=True))
        assert (await desk.signals(desk.subject("NLD|P|9", person=self.NAME)))["lines_on_person"] == 0

    async def test_a_renewed_document_joins_its_predecessor(self, desk: Desk) -> None:
        soon = desk.clock.now().date() + 60 * DAY
        old = desk.subject("NLD|P|OLD", person=self.NAME, expires_on=soon, proof="consistent")
        registration = await desk.line(old)
        await desk.line(old)
        new = desk.subject("NLD|P|NEW", person=self.NAME, proof="consistent")
        signals = await desk.signals(new)
        assert (signals["lines_on_document"], signals["lines_on_predecessor"]) == (0, 2)
        referred = await desk.submit(new)
        assert referred.verdict is Verdict.REVIEW
        assert {reason.rule for reason in referred.judgement.reasons} == {"unproven-per-identity"}
        proved = desk.subject("NLD|P|NEW", person=self.NAME, expires_on=soon)
        decision = await desk.submit(proved)
        assert decision.verdict is Verdict.APPROVED
        async with desk.db.read(desk.operator) as reader:
            from service.risk.tables import HoldingRow

            row = HoldingRow.__table__
            found = await reader.all(
                row.select().where(
                    row.c.registration_id == decision.registration_id, row.c.kind == "document"
                )
            )
        assert found[0].renewal_of is not None
        assert found[0].renewal_of not in (registration, decision.registration_id), "the newest of the old"

    async def test_a_second_document_that_is_valid_for_long_is_no_renewal(self, desk: Desk) -> None:
        later = desk.clock.now().date() + 900 * DAY
        await desk.line(desk.subject("NLD|P|OLD", person=self.NAME, expires_on=later))
        signals = await desk.signals(desk.subject("NLD|I|NEW", person=self.NAME))
        assert (signals["lines_on_person"], signals["lines_on_predecessor"]) == (1, 0)


class TestScam:
    async def keys(self, desk: Desk) -> tuple[UUID, RiskSubject]:
        subject = desk.subject(
            "A|P|1", personal_number="A|1", person="X|Y|1990-02-03|A", device="d", dealer=new_id()
        )
        return await desk.line(subject), subject

    async def test_a_suspicion_marks_every_key_and_sends_to_a_person(self, desk: Desk) -> None:
        registration, subject = await self.keys(desk)
        await desk.tell(EventName.LINE_SUSPENDED, registration, "scam")
        signals = await desk.signals(subject)
        kinds = ("document", "personal_number", "person", "device", "dealer")
        assert {signals[f"scam_on_{kind}"] for kind in kinds} == {1}
        assert {signals[f"strikes_on_{kind}"] for kind in kinds} == {0}
        assert (await desk.submit(subject)).verdict is Verdict.REVIEW

    async def test_a_confirmed_scam_denies_the_document_and_refers_the_rest(self, desk: Desk) -> None:
        registration, subject = await self.keys(desk)
        await desk.tell(EventName.LINE_SUSPENDED, registration, "scam-confirmed")
        assert (await desk.submit(subject)).verdict is Verdict.DENIED
        for again in (
            desk.subject("A|P|2", personal_number="A|1"),
            desk.subject("A|P|2", person="X|Y|1990-02-03|A"),
            desk.subject("A|P|2", device="d"),
            desk.subject("A|P|2", dealer=subject.dealer_id),
        ):
            assert (await desk.submit(again)).verdict is Verdict.REVIEW
        assert (await desk.submit(desk.subject("A|P|2"))).verdict is Verdict.APPROVED

    async def test_a_suspension_for_another_reason_marks_nothing(self, desk: Desk) -> None:
        registration, subject = await self.keys(desk)
        await desk.tell(EventName.LINE_SUSPENDED, registration, "lost-sim")
        assert (await desk.submit(subject)).verdict is Verdict.APPROVED

    async def test_a_strike_decays(self, desk: Desk) -> None:
        registration, subject = await self.keys(desk)
        await desk.tell(EventName.LINE_CLOSED, registration, "scam-confirmed")
        desk.clock.advance(730 * DAY - timedelta(seconds=1))
        assert (await desk.signals(subject))["strikes_on_document"] == 1
        desk.clock.advance(timedelta(seconds=1))
        signals = await desk.signals(subject)
        assert (signals["strikes_on_document"], signals["scam_on_document"]) == (0, 0)

    async def test_a_dealers_marks_are_of_the_last_ninety_days(self, desk: Desk) -> None:
        registration, subject = await self.keys(desk)
        await desk.tell(EventName.LINE_SUSPENDED, registration, "scam-confirmed")
        desk.clock.advance(90 * DAY)
        signals = await desk.signals(subject)
        assert (signals["scam_on_dealer"], signals["strikes_on_dealer"]) == (0, 0)
        assert signals["strikes_on_document"] == 1

    async def test_reinstating_undoes_it(self, desk: Desk) -> None:
        registration, subject = await self.keys(desk)
        await desk.tell(EventName.LINE_SUSPENDED, registration, "scam-confirmed")
        desk.clock.advance(DAY)
        await desk.tell(EventName.LINE_REINSTATED, registration)
        assert (await desk.submit(subject)).verdict is Verdict.APPROVED

    async def test_events_may_come_twice_and_in_any_order(self, desk: Desk) -> None:
        """A suspension that is told again after the reinstatement does not bring the strike back."""
        registration, subject = await self.keys(desk)
        suspended = desk.event(EventName.LINE_SUSPENDED, registration, "scam-confirmed")
        desk.clock.advance(DAY)
        reinstated = desk.event(EventName.LINE_REINSTATED, registration)
        desk.clock.advance(DAY)
        again = desk.event(EventName.LINE_SUSPENDED, registration, "scam")
        closed = desk.event(EventName.LINE_CLOSED, registration, "scam")
        assert await desk.hear(reinstated)
        assert await desk.hear(suspended)
        assert not await desk.hear(suspended)
        assert (await desk.signals(subject))["scam_on_document"] == 0
        assert await desk.hear(closed)
        assert not await desk.hear(again), "the closing said the same at the same instant"
        assert not await desk.hear(closed)
        assert not await desk.hear(reinstated)
        signals = await desk.signals(subject)
        assert (signals["scam_on_document"], signals["strikes_on_document"]) == (1, 0)

    async def test_a_suspicion_does_not_take_back_a_strike(self, desk: Desk) -> None:
        registration, subject = await self.keys(desk)
        await desk.tell(EventName.LINE_SUSPENDED, registration, "scam-confirmed")
        desk.clock.advance(DAY)
        await desk.tell(EventName.LINE_CLOSED, registration, "scam")
        assert (await desk.signals(subject))["strikes_on_document"] == 1

    async def test_the_subscriptions_follow_the_same_events(self, desk: Desk) -> None:
        handlers = subscriptions(desk.risk, desk.db)
        assert set(handlers) == set(FOLLOWED)
        registration, subject = await self.keys(desk)
        await handlers[EventName.LINE_SUSPENDED](desk.event(EventName.LINE_SUSPENDED, registration, "scam"))
        assert (await desk.signals(subject))["scam_on_document"] == 1

    async def test_an_event_that_names_only_the_line(self, desk: Desk) -> None:
        decision = await desk.submit(desk.subject())
        activated = await desk.tell(EventName.LINE_ACTIVATED, decision.registration_id)
        refs = {"line": activated.refs["line"], "reason": "scam"}
        assert await desk.hear(Event(EventName.LINE_SUSPENDED, desk.operator, desk.clock.now(), refs))
        unheard = {"line": new_id().hex, "reason": "scam"}
        assert not await desk.hear(Event(EventName.LINE_SUSPENDED, desk.operator, desk.clock.now(), unheard))


class TestPeople:
    async def test_a_person_does_not_pass_the_hard_cap(self, desk: Desk) -> None:
        subject = desk.subject(document_outcome="refer")
        referred = await desk.submit(subject)
        assert referred.verdict is Verdict.REVIEW
        for _ in range(4):
            await desk.line(desk.subject())
        async with desk.db.write(desk.operator) as tx:
            await tx.lock(*desk.risk.lock_keys(subject))
            assert await desk.risk.may_still_hold(tx, subject, POLICY, tx.now) is None
            approved = desk.risk.by_person(referred, Verdict.APPROVED, "papers-seen", POLICY, tx.now)
            desk.risk.record(tx, approved)
            desk.risk.hold(tx, subject, approved, referred.registration_id, POLICY)
        async with desk.db.write(desk.operator) as tx:
            refusal = await desk.risk.may_still_hold(tx, subject, POLICY, tx.now)
            assert isinstance(refusal, HoldingsLimit)
        async with desk.db.read(desk.operator) as reader:
            first, second = await desk.risk.history(reader, referred.registration_id)
        assert (first, second) == (referred, approved)
        assert (second.previous_id, second.code, second.by) == (first.id, "papers-seen", "person")

    async def test_only_an_approval_takes_a_place(self, desk: Desk) -> None:
        subject = desk.subject()
        decision = desk.risk.decide(Signals.of({}), POLICY, desk.clock.now(), new_id())
        async with desk.db.write(desk.operator) as tx:
            with pytest.raises(AssertionError):
                desk.risk.hold(tx, subject, decision, decision.registration_id, POLICY)

    async def test_holding_twice_takes_one_place(self, desk: Desk) -> None:
        subject = desk.subject()
        decision = await desk.submit(subject)
        async with desk.db.write(desk.operator) as tx:
            desk.risk.hold(tx, subject, decision, decision.registration_id, POLICY)
        assert (await desk.signals(subject))["lines_on_document"] == 1


class TestDecisions:
    async def test_a_stored_decision_comes_back_and_replays_the_same(self, desk: Desk) -> None:
        subject = desk.subject(device="d", proof="consistent", age_years=None, otp_tries=4)
        decision = await desk.submit(subject)
        async with desk.db.read(desk.operator) as reader:
            (stored,) = await desk.risk.history(reader, decision.registration_id)
        assert stored == decision
        assert replay(stored, POLICY) == stored.judgement
        assert "age_years" not in stored.signals.values
        assert stored.judgement.policy_version == POLICY.version


class TestForgetting:
    async def test_holdings_go_but_a_strike_stays_until_it_decays(self, desk: Desk) -> None:
        clean, struck = await desk.line(desk.subject("A|P|1")), await desk.line(desk.subject("A|P|2"))
        await desk.tell(EventName.LINE_CLOSED, struck, "scam-confirmed")
        async with desk.db.write(desk.operator) as tx:
            assert await desk.risk.forget(tx, clean, POLICY) == 1
            assert await desk.risk.forget(tx, struck, POLICY) == 0
        desk.clock.advance(730 * DAY)
        async with desk.db.write(desk.operator) as tx:
            assert await desk.risk.forget(tx, struck, POLICY) == 1

    async def test_purge_takes_only_what_weighs_nothing(self, desk: Desk) -> None:
        live = await desk.line(desk.subject("A|P|1"))
        closed = await desk.line(desk.subject("A|P|2"))
        struck = await desk.line(desk.subject("A|P|3"))
        released = (await desk.submit(desk.subject("A|P|4"))).registration_id
        await desk.tell(EventName.LINE_CLOSED, closed)
        await desk.tell(EventName.LINE_CLOSED, struck, "scam-confirmed")
        await desk.tell(EventName.REGISTRATION_CANCELLED, released)

        async def purged() -> int:
            async with desk.db.write(desk.operator) as tx:
                return await desk.risk.purge(tx, POLICY)

        assert await purged() == 0
        desk.clock.advance(30 * DAY)
        assert await purged() == 1
        desk.clock.advance(150 * DAY)
        assert await purged() == 1
        desk.clock.advance(550 * DAY)
        assert await purged() == 1
        assert (await desk.signals(desk.subject("A|P|1")))["lines_on_document"] == 1, live
