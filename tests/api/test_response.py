"""What follows from reports, by the real pipeline: the ladder, notices, appeals; rings, strikes and their undoing."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.audit.workflow import Actor, entries
from service.compose import Instead, Services
from service.events import Event, EventName
from service.infra.postgres import Tx
from service.kit.clock import ManualClock
from service.kit.errors import Refusal, Stale, StateConflict
from service.kit.ids import new_id, wire
from service.lines.model import Action
from service.otp.model import Handed
from service.otp.model import Notice as Message
from service.otp.model import NoticeKind as Kept
from service.otp.ports import SenderUnavailable
from service.otp.workflow import courier
from service.response.jobs import subscriptions
from service.response.model import (
    Guard,
    Mark,
    MemberState,
    NoticeKind,
    NotSent,
    RingChanged,
    RingState,
    SecondPersonNeeded,
    State,
    Step,
)
from service.risk.store.dealing import dealings
from tests.api.conftest import Api
from tests.fakes.pipeline import TurnableRegistry, applicant, work
from tests.fakes.response import Town, TurnableFinder, TurnableNotices

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ANN, BEN, EVE = (Actor.staff(new_id()) for _ in range(3))
PHONE = {"fingerprint": "a phone", "role": "applicant"}


@pytest.fixture
def finder() -> TurnableFinder:
    return TurnableFinder()


@pytest.fixture
def notices() -> TurnableNotices:
    return TurnableNotices()


@pytest.fixture
def instead(finder: TurnableFinder, notices: TurnableNotices) -> Instead:
    """Evidence is confirmed, so that the full cap holds."""
    return Instead(registry=TurnableRegistry(), finder=finder, notices=notices)


@pytest.fixture
def town(api: Api, services: Services) -> Town:
    return Town(api, services)


# Reports alone


async def test_reports_alone_label_and_restrict_after_the_notice(
    town: Town, notices: TurnableNotices, clock: ManualClock
) -> None:
    one = await town.live(1)
    report = await town.corroborated(one)
    assert await town.steps(one) == [("label", "in_force"), ("restrict", "waiting")]
    assert (await town.state(one))[0] == "active"
    [told] = notices.sent
    assert (told.kind, told.step, told.reason) == (NoticeKind.ANNOUNCED, Step.RESTRICT, "reported")
    clock.advance(23 * HOUR)
    await town.due()
    assert (await town.state(one))[0] == "active", "the declared time is not over"
    clock.advance(HOUR)
    await town.due()
    line = await town.line(one)
    assert (line.state.value, line.reasons, line.held_until) == (
        "restricted",
        ("reported",),
        clock.now() + 15 * DAY,
    )
    await town.corroborated(one, report)
    await town.due()
    assert await town.steps(one) == [("label", "in_force"), ("restrict", "in_force")], "told twice"
    assert len(notices.sent) == 1


async def test_a_holder_who_cannot_be_told_is_not_restricted_by_itself(
    town: Town, notices: TurnableNotices, clock: ManualClock
) -> None:
    notices.says = NotSent(retryable=False, code="no-number")
    one = await town.live(1)
    await town.corroborated(one)
    clock.advance(30 * DAY)
    await town.due()
    ledger = await town.ledger(one)
    assert [(a.step, a.state, a.guard) for a in ledger][1] == (
        Step.RESTRICT,
        State.REFERRED,
        Guard.UNREACHED,
    )
    assert (await town.state(one))[0] == "active"


async def test_bars_grow_and_a_third_breach_asks_a_person(town: Town, clock: ManualClock) -> None:
    one = await town.live(1)
    lengths = []
    for _ in range(3):
        await town.corroborated(one)
        clock.advance(DAY)
        await town.due()
        held = (await town.line(one)).held_until
        assert held is not None
        lengths.append((held - clock.now()).days)
        clock.set(held)
        await town.services.lines.expire(town.api.operator)
        await work(town.services)
    assert lengths == [15, 30, 90]
    assert ("hold", "referred") in await town.steps(one)


@pytest.mark.parametrize("why", ["tenured", "business", "public-service"])
async def test_some_lines_go_to_a_person_first(
    town: Town, services: Services, clock: ManualClock, notices: TurnableNotices, why: str
) -> None:
    one = await town.live(1)
    line = await town.line(one)
    if why == "tenured":
        clock.advance(365 * DAY)
    else:
        await services.response.judging.mark(town.api.operator, line.id, Mark(why), is_set=True, staff=ANN)
    await town.corroborated(one)
    await town.confirmed(one)
    ledger = await town.ledger(one)
    assert {(each.state, each.guard) for each in ledger} == {(State.REFERRED, Guard(why))}
    assert notices.sent == []
    assert await town.strikes(one) == set()
    hold = next(each for each in ledger if each.step is Step.HOLD)
    with pytest.raises(Stale):
        await services.response.judging.decide(
            town.api.operator, hold.id, accepted=True, staff=ANN, expected=99
        )
    await services.response.judging.decide(
        town.api.operator, hold.id, accepted=True, staff=ANN, expected=hold.version
    )
    assert await town.state(one) == ("restricted", ("reverify-due",))
    assert ("document", "report") in await town.strikes(one)
    label = next(each for each in ledger if each.step is Step.LABEL)
    await services.response.judging.decide(
        town.api.operator, label.id, accepted=False, staff=ANN, expected=label.version
    )
    with pytest.raises(StateConflict):
        await services.response.judging.decide(
            town.api.operator, label.id, accepted=True, staff=BEN, expected=label.version + 1
        )


# A confirmed report


async def test_confirmed_it_is_held_and_then_suspended_and_closed_by_a_person_alone(
    town: Town, services: Services, clock: ManualClock
) -> None:
    one = await town.live(1)
    await town.confirmed(one)
    assert await town.state(one) == ("restricted", ("reverify-due",))
    assert (await town.line(one)).held_until is None
    await town.confirmed(one)
    assert await town.state(one) == ("suspended", ("report-confirmed",))
    await town.confirmed(one)
    assert (await town.steps(one))[-1] == ("close", "referred")
    clock.advance(300 * DAY)
    await town.due()
    assert (await town.state(one))[0] == "suspended", "nothing closes a line by itself"
    close = (await town.ledger(one))[-1]
    await services.response.judging.decide(
        town.api.operator, close.id, accepted=True, staff=EVE, expected=close.version
    )
    assert (await town.state(one))[0] == "quarantined"


async def test_the_step_the_line_the_ledger_and_the_audit_are_one_transaction(
    town: Town, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await town.live(1)
    finish = Tx._finish

    async def breaks(self: Tx) -> Any:
        await finish(self)
        raise RuntimeError("before the commit")

    with monkeypatch.context() as patch:
        patch.setattr(Tx, "_finish", breaks)
        with pytest.raises(RuntimeError):
            await town.confirmed(one)
    assert (await town.steps(one), await town.state(one)) == ([], ("active", ()))
    assert await town.strikes(one) == set()
    await town.confirmed(one)
    async with services.db.read(town.api.operator) as reader:
        found = await entries(reader, object=wire("line", (await town.line(one)).id))
    assert {"response.asked", "response.taken", "line.restrict"} <= {entry.action for entry in found}


async def test_dismissed_it_is_taken_back_whatever_comes_first(
    town: Town, clock: ManualClock, notices: TurnableNotices
) -> None:
    one, other = await town.live(1), await town.live(2)
    report = await town.confirmed(one)
    assert ("document", "report") in await town.strikes(one)
    clock.advance(HOUR)
    await town.tell(EventName.REPORT_DISMISSED, one, report)
    assert (await town.state(one), await town.steps(one)) == (("active", ()), [("hold", "undone")])
    assert await town.strikes(one) == set()
    assert notices.sent[-1].kind is NoticeKind.UNDONE
    late = new_id()
    await town.tell(EventName.REPORT_DISMISSED, other, late)
    await town.tell(EventName.REPORT_CONFIRMED, other, late, clock.now() - HOUR)
    await town.tell(EventName.REPORT_CORROBORATED, other, late, clock.now() - 2 * HOUR)
    assert (await town.state(other), await town.steps(other)) == (("active", ()), [])
    clock.advance(HOUR)
    await town.confirmed(one, report)
    assert await town.steps(one) == [("hold", "in_force")], "confirmed again, after another look"
    assert ("document", "report") in await town.strikes(one)


async def test_a_notice_that_left_late_is_told_and_one_of_a_step_taken_back_never_leaves(
    town: Town,
    services: Services,
    clock: ManualClock,
    notices: TurnableNotices,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The port keeps what it could not send, which the job behind it gives up."""
    heard: list[Event] = []
    told = subscriptions(services.response)[EventName.NOTICE_SENT]

    def emitted(tx: Any, event: Event) -> None:
        heard.append(event)

    async def away(message: Any) -> Any:
        raise SenderUnavailable("outbox", "away")

    monkeypatch.setattr(courier, "emit", emitted)
    notices.says = NotSent(retryable=False, code="no-sender")
    reports = []
    for turn in (1, 2):
        one = await town.live(turn)
        reports.append((one, await town.confirmed(one)))
        [action], line = await town.ledger(one), await town.line(one)
        assert action.notice_at is None
        with monkeypatch.context() as patched:
            patched.setattr(services.outbox, "send", away)
            kept = Message(action.operator_id, Kept.STEP, action.id, "taken", line.subscriber_id, one.msisdn)
            assert await services.courier.hand(kept, lambda language: "Told") is Handed.SENDER
    (late, _), (undone, report) = reports
    await town.tell(EventName.REPORT_DISMISSED, undone, report)
    clock.advance(HOUR)
    assert await services.courier.again(town.api.operator) == 1
    [event] = heard
    for way in ("undone", "taken"):
        [action] = await town.ledger(late)
        assert action.notice_at is None
        await told(replace(event, refs={**event.refs, "way": way}))
    [after] = await town.ledger(late)
    assert after.notice_at == clock.now()
    await told(event)
    assert await town.ledger(late) == [after], "heard twice"
    [action] = await town.ledger(undone)
    await told(replace(event, refs={**event.refs, "about": action.id.hex}))
    assert await town.ledger(undone) == [action]


async def test_what_somebody_else_imposed_stays(town: Town, api: Api, clock: ManualClock) -> None:
    """A line that the holder had restricted: taking our suspension back leaves it restricted."""
    one = await town.live(1)
    assert (await api.post(f"/v1/lines/{one.msisdn}/restrict", {"reason": "holder-asked"})).status_code == 200
    first, second = await town.confirmed(one), await town.confirmed(one)
    assert await town.state(one) == ("suspended", ("report-confirmed",))
    await town.tell(EventName.REPORT_DISMISSED, one, second)
    assert await town.state(one) == ("restricted", ("reverify-due",))
    await town.tell(EventName.REPORT_DISMISSED, one, first)
    assert await town.state(one) == ("restricted", ("holder-asked",))


async def test_a_line_lifted_by_hand_is_lifted_on_the_ledger(
    town: Town, api: Api, clock: ManualClock
) -> None:
    one = await town.live(1)
    await town.confirmed(one)
    clock.advance(HOUR)
    answer = await api.post(f"/v1/lines/{one.msisdn}/reinstate", {"reason": "holder-proved"})
    assert answer.status_code == 200
    await work(town.services)
    assert await town.steps(one) == [("hold", "lifted")]


# Appeals


async def test_an_appeal_by_the_operators_client_and_another_person(
    town: Town, api: Api, services: Services
) -> None:
    one = await town.live(1)
    path = f"/v1/lines/{one.msisdn}"
    answer = await api.post(f"{path}/appeal", {"text": "I called nobody."})
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    await town.confirmed(one)
    shown = (await api.get(f"{path}/actions")).json()["items"]
    assert [(each["step"], each["state"], each["may_appeal"]) for each in shown] == [
        ("hold", "in_force", True)
    ]
    answer = await api.post(
        f"{path}/appeal", {"text": "I called nobody."}, headers={"Idempotency-Key": "one"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["appealed_at"]
    again = await api.post(f"{path}/appeal", {"text": "I called nobody."}, headers={"Idempotency-Key": "one"})
    assert again.headers["idempotent-replayed"] == "true"
    assert (await api.post(f"{path}/appeal", {"text": "Again."})).status_code == 409
    [action] = await town.ledger(one)
    judge = services.response.judging.judge
    await judge(api.operator, action.id, upheld=True, staff=ANN, expected=action.version)
    assert (await town.state(one), await town.strikes(one)) == (("active", ()), set())
    with pytest.raises(Refusal):
        await judge(api.operator, action.id, upheld=True, staff=BEN, expected=action.version + 2)


async def test_who_acted_does_not_judge_the_appeal(
    town: Town, api: Api, services: Services, clock: ManualClock
) -> None:
    one = await town.live(1)
    line = await town.line(one)
    judging = services.response.judging
    await judging.mark(api.operator, line.id, Mark.BUSINESS, is_set=True, staff=ANN)
    await town.confirmed(one)
    [action] = await town.ledger(one)
    await judging.decide(api.operator, action.id, accepted=True, staff=ANN, expected=action.version)
    assert (await api.post(f"/v1/lines/{one.msisdn}/appeal", {"text": "No."})).status_code == 200
    [action] = await town.ledger(one)
    with pytest.raises(SecondPersonNeeded):
        await judging.judge(api.operator, action.id, upheld=False, staff=ANN, expected=action.version)
    await judging.judge(api.operator, action.id, upheld=False, staff=BEN, expected=action.version)
    [action] = await town.ledger(one)
    assert (action.state, action.appeal_outcome) == (State.IN_FORCE, "dismissed")


async def test_another_operator_appeals_nothing(town: Town, caller: Any, services: Services) -> None:
    one = await town.live(1)
    await town.confirmed(one)
    await services.operators.add("other", "Other Telecom")
    stranger = await caller(slug="other")
    assert (await stranger.post(f"/v1/lines/{one.msisdn}/appeal", {"text": "x"})).status_code == 404
    assert (await stranger.get(f"/v1/lines/{one.msisdn}/actions")).status_code == 404


# Rings


async def ring_of(town: Town, finder: TurnableFinder, count: int = 3, **changes: Any) -> list[Any]:
    people = [await town.live(turn, **changes) for turn in range(1, count + 1)]
    finder.members = {each.uuid: 900 - 400 * (n == count - 1) for n, each in enumerate(people) if n}
    return people


async def test_two_people_act_on_a_ring_and_it_cannot_come_back(
    town: Town, finder: TurnableFinder, services: Services, api: Api
) -> None:
    people = await ring_of(town, finder, device=PHONE)
    report = await town.confirmed(people[0])
    rings, found = services.response.rings, await town.ring(report)
    assert (found.state, len(found.members)) == (RingState.FOUND, 3)
    assert [each.step for each in found.members] == [Step.SUSPEND, Step.SUSPEND, Step.HOLD]
    with pytest.raises(StateConflict):
        await rings.approve(api.operator, found.id, BEN, seen=found.digest, expected=found.version)
    ring = await rings.propose(api.operator, found.id, ANN, expected=found.version)
    with pytest.raises(SecondPersonNeeded):
        await rings.approve(api.operator, ring.id, ANN, seen=ring.digest, expected=ring.version)
    ring = await rings.approve(api.operator, ring.id, BEN, seen=ring.digest, expected=ring.version)
    with pytest.raises(StateConflict):
        await rings.approve(api.operator, ring.id, EVE, seen=ring.digest, expected=ring.version)
    await work(services)
    assert (await town.ring(report)).state is RingState.DONE
    assert [await town.state(each) for each in people] == [
        ("suspended", ("ring-confirmed",)),
        ("suspended", ("ring-confirmed",)),
        ("restricted", ("reverify-due",)),
    ]
    for n, each in enumerate(people):
        assert ("device", "ring") in await town.strikes(each)
        again = await applicant(api, 20 + n, person=each.person).decided()
        assert again["state"] == "denied", "the same papers"
    assert (await applicant(api, 30).decided(device=PHONE))["state"] == "in_review", "the same telephone"
    assert (await applicant(api, 31).decided())["state"] == "approved", "somebody else"


async def test_dismissed_the_ring_is_undone_and_other_strikes_stay(
    town: Town, finder: TurnableFinder, services: Services, api: Api, clock: ManualClock
) -> None:
    people = await ring_of(town, finder, device=PHONE)
    report = await town.confirmed(people[0])
    kept, finder.members = finder.members, {}
    other = await town.confirmed(people[1])
    finder.members = kept
    rings = services.response.rings
    found = await town.ring(report)
    ring = await rings.propose(api.operator, found.id, ANN, expected=found.version)
    await rings.approve(api.operator, ring.id, BEN, seen=ring.digest, expected=ring.version)
    await work(services)
    clock.advance(HOUR)
    await town.tell(EventName.REPORT_DISMISSED, people[0], report)
    assert (await town.ring(report)).state is RingState.UNDONE
    assert [await town.state(each) for each in people] == [
        ("active", ()),
        ("restricted", ("reverify-due",)),
        ("active", ()),
    ]
    assert {source for _, source in await town.strikes(people[1])} == {"report"}, "the other report's"
    assert await town.strikes(people[2]) == set()
    again = await applicant(api, 20, person=people[2].person).decided()
    assert again["state"] == "approved"
    assert (await applicant(api, 21, person=people[1].person).decided())["state"] == "denied"
    await town.tell(EventName.REPORT_DISMISSED, people[1], other)
    assert (await applicant(api, 22, person=people[1].person).decided())["state"] == "approved"


async def test_a_ring_that_changed_is_not_approved(
    town: Town, finder: TurnableFinder, services: Services, api: Api, clock: ManualClock
) -> None:
    people = await ring_of(town, finder)
    report = await town.confirmed(people[0])
    rings, found = services.response.rings, await town.ring(report)
    ring = await rings.propose(api.operator, found.id, ANN, expected=found.version)
    finder.members |= {(await town.live(9)).uuid: 700}
    with pytest.raises(RingChanged):
        await rings.approve(api.operator, ring.id, BEN, seen=ring.digest, expected=ring.version)
    ring = await rings.propose(api.operator, ring.id, ANN, expected=ring.version)
    assert len(ring.members) == 4
    with pytest.raises(RingChanged):
        await rings.approve(api.operator, ring.id, BEN, seen=found.digest, expected=ring.version)
    clock.advance(7 * DAY)
    with pytest.raises(StateConflict) as over:
        await rings.approve(api.operator, ring.id, BEN, seen=ring.digest, expected=ring.version)
    assert over.value.facts["state"] == "expired"


async def test_of_two_analysts_at_once_one_wins(
    town: Town, finder: TurnableFinder, services: Services, api: Api
) -> None:
    people = await ring_of(town, finder)
    report = await town.confirmed(people[0])
    rings, found = services.response.rings, await town.ring(report)
    results: list[Any] = await asyncio.gather(
        *(rings.propose(api.operator, found.id, who, expected=found.version) for who in (ANN, BEN)),
        return_exceptions=True,
    )
    assert [type(each) for each in results].count(Stale) == 1
    ring = await town.ring(report)
    seen: dict[str, Any] = {"seen": ring.digest, "expected": ring.version}
    others = [each for each in (ANN, BEN, EVE) if each.id != ring.proposed_by]
    results = await asyncio.gather(
        *(rings.approve(api.operator, ring.id, who, **seen) for who in others), return_exceptions=True
    )
    assert [type(each) for each in results].count(Stale) == 1
    await work(services)
    assert len(await town.ledger(people[1])) == 1


async def test_killed_in_the_middle_it_goes_on_where_it_was(
    town: Town, finder: TurnableFinder, services: Services, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await ring_of(town, finder)
    report = await town.confirmed(people[0])
    rings, found = services.response.rings, await town.ring(report)
    ring = await rings.propose(api.operator, found.id, ANN, expected=found.version)
    await rings.approve(api.operator, ring.id, BEN, seen=ring.digest, expected=ring.version)
    act_on = services.lines.act_on

    async def broken(tx: Tx, line_id: Any, action: Action, **more: Any) -> Any:
        if line_id == second.id:
            raise ConnectionError
        return await act_on(tx, line_id, action, **more)

    second = await town.line(people[1])
    with monkeypatch.context() as patch:
        patch.setattr(services.lines, "act_on", broken)
        with pytest.raises(ConnectionError):
            await rings.carry_out(api.operator, ring.id)
    ring = await town.ring(report)
    assert [each.state for each in ring.members].count(MemberState.TAKEN) == 2
    assert (ring.state, (await town.state(people[1]))[0]) == (RingState.APPROVED, "active")
    for _ in range(2):
        await rings.carry_out(api.operator, ring.id)
    assert (await town.ring(report)).state is RingState.DONE
    assert [len(await town.ledger(each)) for each in people] == [2, 1, 1]
    assert (await town.state(people[1]))[0] == "suspended"


async def test_a_tenured_member_goes_to_a_person_and_is_not_struck(
    town: Town, finder: TurnableFinder, services: Services, api: Api, clock: ManualClock
) -> None:
    old = await town.live(8)
    clock.advance(370 * DAY)
    people = await ring_of(town, finder)
    finder.members |= {old.uuid: 900}
    report = await town.confirmed(people[0])
    rings, found = services.response.rings, await town.ring(report)
    ring = await rings.propose(api.operator, found.id, ANN, expected=found.version)
    await rings.approve(api.operator, ring.id, BEN, seen=ring.digest, expected=ring.version)
    await work(services)
    [action] = await town.ledger(old)
    assert (action.state, action.guard, await town.strikes(old)) == (State.REFERRED, Guard.TENURED, set())
    assert (await town.state(old))[0] == "active"
    await services.response.judging.decide(
        api.operator, action.id, accepted=True, staff=EVE, expected=action.version
    )
    assert ("document", "ring") in await town.strikes(old)


async def test_the_busy_shop_is_not_struck_and_the_bad_one_is(
    town: Town, finder: TurnableFinder, services: Services, api: Api
) -> None:
    for code in ("D-1", "D-2"):
        await services.dealers.register(api.operator, code=code, name="Shop", licence=code, actor=Actor.cli())
    ring = [await town.live(turn, dealer="D-1") for turn in (1, 2, 3)]
    ring.append(await town.live(4, dealer="D-2"))
    for turn in range(5, 10):
        await town.live(turn, dealer="D-2")
    finder.members = {each.uuid: 900 for each in ring[1:]}
    report = await town.confirmed(ring[0])
    rings, found = services.response.rings, await town.ring(report)
    proposed = await rings.propose(api.operator, found.id, ANN, expected=found.version)
    await rings.approve(api.operator, found.id, BEN, seen=proposed.digest, expected=proposed.version)
    await work(services)
    assert ("dealer", "ring") in await town.strikes(ring[0])
    assert "dealer" not in {kind for kind, _ in await town.strikes(ring[3])}
    async with services.db.read(api.operator) as reader:
        found = await dealings(reader, services.clock.now() - DAY)
    assert sorted((each.lines, each.stopped, each.struck) for each in found.values()) == [
        (3, 3, 3),
        (6, 1, 1),
    ]
    assert (await applicant(api, 20).decided(dealer="D-1"))["state"] == "in_review"
    assert (await applicant(api, 21).decided(dealer="D-2"))["state"] == "approved"


# Strikes after an erasure


async def test_an_erased_persons_strike_stays_and_goes_when_it_is_undone(
    town: Town, services: Services, api: Api, clock: ManualClock
) -> None:
    import sqlalchemy as sa

    one = await town.live(1, device=PHONE)
    report = await town.confirmed(one)
    policy = services.policies.current.risk

    async def held() -> int:
        async with services.db.read(api.operator) as reader:
            wanted = sa.text("SELECT count(*) FROM holding WHERE registration_id = :reg")
            return int(await reader.scalar(wanted, {"reg": one.uuid}))

    async with services.db.write(api.operator) as tx:
        await services.risk.forget(tx, one.uuid, policy)
    assert await held() > 0
    assert (await applicant(api, 2, person=one.person).decided())["state"] == "denied"
    clock.advance(HOUR)
    await town.tell(EventName.REPORT_DISMISSED, one, report)
    assert await held() == 0
    assert (await applicant(api, 3, person=one.person).decided())["state"] == "approved"


async def test_a_strike_decays(town: Town, services: Services, api: Api, clock: ManualClock) -> None:
    one = await town.live(1)
    await town.confirmed(one)
    days = services.policies.current.risk.parameters.strike_days
    clock.advance(timedelta(days=days - 1))
    assert (await applicant(api, 2, person=one.person).decided())["state"] == "denied"
    clock.advance(2 * DAY)
    assert (await applicant(api, 3, person=one.person).decided())["state"] != "denied"


async def test_the_victim_of_a_line_in_their_name_is_not_struck(
    town: Town, api: Api, finder: TurnableFinder
) -> None:
    people = await ring_of(town, finder, device=PHONE)
    report = new_id()
    await town.tell(EventName.REPORT_CONFIRMED, people[0], report, topic="ownership")
    assert await town.state(people[0]) == ("restricted", ("reverify-due",))
    assert await town.strikes(people[0]) == {("device", "report")}
    assert (await applicant(api, 20, person=people[0].person).decided())["state"] == "approved"
    assert (await town.state(people[1]))[0] == "active"
    with pytest.raises(AssertionError):
        await town.ring(report)


async def test_a_hold_ends_when_the_holder_is_verified_again(town: Town, services: Services) -> None:
    from service.lines.workflow import reverify

    one = await town.live(1)
    await town.confirmed(one)
    async with services.db.write(town.api.operator) as tx:
        await reverify(services.lines, tx, (await town.line(one)).id, "substantial", ANN)
    await work(services)
    assert (await town.state(one), await town.steps(one)) == (("active", ()), [("hold", "lifted")])
