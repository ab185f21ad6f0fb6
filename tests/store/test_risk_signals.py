"""What a decision gathers beside the caps, over real PostgreSQL: windows, sharing, sellers, denials, marks."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from service.audit.model import Actor
from service.events import EventName
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.kit.canon import IndexKind
from service.kit.clock import ManualClock
from service.kit.errors import NotFound
from service.kit.ids import new_id
from service.risk.model import Blind, HoldingKind, MarkKind, NothingToMark, RiskSubject, Value, Verdict
from service.risk.model.catalogue import LONG_AGO
from service.risk.rules import replay
from service.risk.store.dealing import dealings
from service.risk.workflow import Marks
from tests.store.test_risk_store import DAY, FACTS, POLICY, Desk, policy_with

HOUR = timedelta(hours=1)
STAFF = Actor.staff(new_id())


@pytest.fixture
def desk(db: Database, vault: Vault, clock: ManualClock) -> Desk:
    return Desk(db, new_id(), vault, clock)


def person(desk: Desk, n: int, **links: str | UUID) -> RiskSubject:
    """Somebody with papers of their own; ``links`` by kind of holding."""
    found: dict[HoldingKind, Blind] = {}
    for name, value in links.items():
        kind = HoldingKind(name)
        if isinstance(value, UUID):
            found[kind] = Blind.single(value.bytes)
        elif kind is not HoldingKind.DEVICE:
            found[kind] = desk.blind(IndexKind(name), value)
    who = desk.subject(
        f"NLD|P|X{n}", person=f"A|B{n}|1990-02-03|NLD", device=str(links.get("device", "")) or None
    )
    return replace(who, links={kind: blind for kind, blind in found.items() if kind is not HoldingKind.DEALER},
                   dealer_id=links.get("dealer") if isinstance(links.get("dealer"), UUID) else None)  # fmt: skip


def of(signals: Mapping[str, Value], *names: str) -> list[Value | None]:
    return [signals.get(name) for name in names]


async def test_windows_and_spacing(desk: Desk, clock: ManualClock) -> None:
    one = person(desk, 1, device="d")
    assert of(await desk.signals(one), "hours_since_line_on_document", "lines_on_document_30d") == [
        LONG_AGO,
        0,
    ]
    for days in (20, 5, 0):
        await desk.line(one)
        clock.advance(days * DAY + HOUR)
    signals = await desk.signals(one)
    for key in ("document", "person", "device"):
        counts = of(signals, *(f"lines_on_{key}_{days}d" for days in (1, 7, 30)))
        assert (counts, signals[f"hours_since_line_on_{key}"]) == ([1, 2, 3], 1), key
    clock.advance(23 * HOUR)
    assert of(await desk.signals(one), "lines_on_document_1d", "hours_since_line_on_document") == [0, 24]


async def test_what_was_given_back_is_no_line(desk: Desk) -> None:
    one = person(desk, 1)
    decision = await desk.submit(one)
    await desk.tell(EventName.REGISTRATION_CANCELLED, decision.registration_id)
    assert of(await desk.signals(one), "lines_on_document_1d", "hours_since_line_on_document") == [
        0,
        LONG_AGO,
    ]


async def test_who_shares_a_thing(desk: Desk) -> None:
    """Three persons and four lines on one contact; another operator's lines are nobody's here."""
    shared = {
        "contact": "+31612000001",
        "address": "NL|1011|amsterdam|main st 1",
        "payment": "card",
        "device": "d",
    }
    for n in (1, 2, 2, 3):
        await desk.line(person(desk, n, **shared))
    other = Desk(desk.db, new_id(), desk.vault, desk.clock)
    await other.line(person(other, 9, **shared))
    signals = await desk.signals(person(desk, 4, **shared))
    for kind in ("contact", "address", "payment"):
        assert of(signals, f"lines_on_{kind}", f"persons_on_{kind}", f"{kind}_absent") == [4, 3, False], kind
    assert signals["persons_on_device"] == 3
    nothing = await desk.signals(person(desk, 4))
    assert of(nothing, "lines_on_contact", "persons_on_device", "contact_absent") == [0, 0, True]


async def test_scam_on_what_is_shared(desk: Desk) -> None:
    shared = {"contact": "+31612000001", "address": "NL|1011|amsterdam|main st 1", "block": "+31612000"}
    caught = await desk.line(person(desk, 1, **shared, agent=(agent := new_id())))
    await desk.tell(EventName.LINE_SUSPENDED, caught, "scam-confirmed")
    signals = await desk.signals(person(desk, 2, **shared, agent=agent))
    assert of(signals, "scam_on_contact", "scam_on_address", "scam_on_block", "scam_on_agent") == [1] * 4
    assert of(signals, "scam_on_document", "scam_on_payment", "strikes_on_contact") == [0, 0, 0]
    assert (await desk.submit(person(desk, 2, **shared))).verdict is Verdict.REVIEW
    lone = await desk.submit(person(desk, 3, address=shared["address"]))
    assert lone.verdict is Verdict.APPROVED, "an address alone is a hostel"
    await desk.tell(EventName.LINE_REINSTATED, caught)
    assert of(await desk.signals(person(desk, 4, **shared)), "scam_on_contact", "scam_on_block") == [0, 0]


async def test_a_strike_on_what_is_shared(desk: Desk) -> None:
    """Put by a report or a ring on a line that was never stopped."""
    shared = {"contact": "+31612000001", "agent": new_id()}
    registration, source = await desk.line(person(desk, 1, **shared)), new_id()
    names = ("strikes_on_contact", "strikes_on_agent", "scam_on_contact")
    async with desk.db.write(desk.operator) as tx:
        await desk.risk.strike(tx, registration, ("contact", "agent"), "report", source)
    assert of(await desk.signals(person(desk, 2, **shared)), *names) == [1, 1, 0]
    assert (await desk.submit(person(desk, 2, **shared))).verdict is Verdict.REVIEW
    async with desk.db.write(desk.operator) as tx:
        await desk.risk.unstrike(tx, "report", source)
    assert of(await desk.signals(person(desk, 2, **shared)), *names) == [0, 0, 0]


async def _peers(desk: Desk) -> None:
    async with desk.db.write(desk.operator) as tx:
        desk.risk.count_peers(tx, POLICY)


async def test_a_seller_against_its_peers(desk: Desk, clock: ManualClock) -> None:
    good, bad, agent = new_id(), new_id(), new_id()
    newcomer = person(desk, 90, dealer=new_id())
    rates = ("dealer_scam_rate_permille", "agent_scam_rate_permille", "peer_scam_rate_permille")
    assert of(await desk.signals(newcomer), *rates) == [None] * 3, "nothing is usual yet"
    for n in range(1, 13):
        await desk.line(person(desk, n, dealer=good))
        clock.advance(6 * HOUR)
    for n in range(21, 25):
        registration = await desk.line(person(desk, n, dealer=bad, agent=agent))
        if n > 22:
            await desk.tell(EventName.LINE_SUSPENDED, registration, "scam")
    await _peers(desk)
    assert of(await desk.signals(newcomer), *rates) == [125, None, 125], (
        "who has sold nothing is taken for usual"
    )
    signals = await desk.signals(person(desk, 91, dealer=good))
    assert of(signals, rates[0], "dealer_burst") == [1_000 * 50 * 2 // (62 * 16), 100 * 4 * 2 // 9]
    signals = await desk.signals(person(desk, 92, dealer=bad, agent=agent))
    assert of(signals, *rates[:2]) == [1_000 * (2 * 16 + 50 * 2) // (54 * 16), 500]
    assert of(signals, "dealer_burst", "dealer_night_share") == [500, None], (
        "four lines say nothing of nights"
    )


async def test_a_seller_has_what_reports_and_rings_stopped_in_its_rate_until_it_is_undone(
    desk: Desk, clock: ManualClock
) -> None:
    dealer, agent, report, ring = (new_id() for _ in range(4))
    lines = [await desk.line(person(desk, n, dealer=dealer, agent=agent)) for n in range(1, 9)]
    await desk.line(person(desk, 20, dealer=new_id()))
    who = person(desk, 90, dealer=dealer, agent=agent)
    rates = ("agent_scam_rate_permille", "peer_scam_rate_permille")

    async def now() -> tuple[list[Value | None], tuple[int, int]]:
        await _peers(desk)
        async with desk.db.read(desk.operator) as reader:
            shop = (await dealings(reader, clock.now() - DAY))[dealer]
        return of(await desk.signals(who), *rates), (shop.stopped, shop.struck)

    async def stopped(count: int, struck: int = 0) -> None:
        assert await now() == ([1_000 * count // 8, 1_000 * count // 9], (count, struck))

    await stopped(0)
    async with desk.db.write(desk.operator) as tx:
        assert await desk.risk.strike(tx, lines[0], (), "report", report) == 0, (
            "the victim's papers are not struck"
        )
        for line in lines[:2]:
            await desk.risk.strike(tx, line, ("document",), "ring", ring)
    await stopped(2, struck=2)
    assert of(await desk.signals(who), "scam_on_dealer", "strikes_on_dealer", "scam_on_agent") == [0, 0, 0]
    clock.advance(HOUR)
    async with desk.db.write(desk.operator) as tx:
        assert await desk.risk.unstrike(tx, "ring", ring) == 2
    await stopped(1)
    # A line that was reinstated is stopped no more, as after an act by hand.
    clock.advance(HOUR)
    await desk.tell(EventName.LINE_REINSTATED, lines[0])
    await stopped(0)
    clock.advance(HOUR)
    async with desk.db.write(desk.operator) as tx:
        await desk.risk.strike(tx, lines[0], (), "report", report)
    await stopped(1)
    clock.advance(HOUR)
    async with desk.db.write(desk.operator) as tx:
        assert await desk.risk.unstrike(tx, "report", report) == 0
    await stopped(0)


async def test_the_night_is_the_policys(desk: Desk, clock: ManualClock) -> None:
    dealer, start = new_id(), clock.now().replace(hour=0, minute=0)
    clock.advance(start + DAY - clock.now())
    for n in range(12):
        await desk.line(person(desk, n, dealer=dealer))
        clock.advance(2 * HOUR)
    who = person(desk, 99, dealer=dealer)
    # At 0, 2 and 4 and at 22 of twelve moments.
    assert (await desk.signals(who))["dealer_night_share"] == 33
    assert (await desk.signals(who, policy_with(night_from=8, night_until=10)))["dealer_night_share"] == 8
    assert (await desk.signals(who, policy_with(night_from=6, night_until=6)))["dealer_night_share"] == 0


async def test_a_denial_is_remembered_on_what_was_the_applicants(desk: Desk, clock: ManualClock) -> None:
    """Not on the dealer, the agent or the block, which many honest applicants share."""
    links = {"contact": "+31612000001", "block": "+31612000", "dealer": new_id(), "agent": new_id()}
    one = person(desk, 1, **links)
    denied = await desk.submit(replace(one, facts={**FACTS, "registry_answer": "no"}))
    assert denied.verdict is Verdict.DENIED
    signals = await desk.signals(one)
    assert of(signals, "denials_on_document", "denials_on_person", "denials_on_contact") == [1, 1, 1]
    assert of(signals, "denials_on_device", "denials_on_payment") == [0, 0]
    async with desk.db.read(desk.operator) as reader:
        kinds = await reader.all(sa.text("SELECT DISTINCT kind FROM denied_key ORDER BY kind"))
        assert [row.kind for row in kinds] == ["contact", "document", "person"]
        own = await desk.risk.gather(reader, denied.registration_id, one, POLICY, reader.now)
    assert own["denials_on_document"] == 0, "a registration is not its own past"
    clock.advance(timedelta(days=POLICY.parameters.denial_days))
    assert (await desk.signals(one))["denials_on_document"] == 0
    async with desk.db.write(desk.operator) as tx:
        await desk.risk.purge(tx, POLICY)
        assert await tx.scalar(sa.text("SELECT count(*) FROM denied_key")) == 0


async def test_a_denial_that_was_undone_is_forgotten(desk: Desk) -> None:
    one = person(desk, 1)
    denied = await desk.submit(replace(one, facts={**FACTS, "registry_answer": "no"}))
    async with desk.db.write(desk.operator) as tx:
        desk.risk.not_denied(tx, denied.registration_id)
    assert (await desk.signals(one))["denials_on_document"] == 0


async def test_a_frozen_identity_and_a_lost_document(desk: Desk, clock: ManualClock) -> None:
    marks, one, registration = Marks(), person(desk, 1), new_id()
    renewed = replace(one, document=desk.blind(IndexKind.DOCUMENT, "NLD|P|X7"))
    async with desk.db.write(desk.operator) as tx:
        lost = await marks.set(tx, MarkKind.DOCUMENT_LOST, one, registration, STAFF)
        again = await marks.set(tx, MarkKind.DOCUMENT_LOST, one, registration, STAFF)
        assert again == lost
        frozen = await marks.set(tx, MarkKind.FROZEN, one, registration, STAFF, until=tx.now + 10 * DAY)
        assert await marks.holding(tx, one) == [lost, frozen] or await marks.holding(tx, one) == [
            frozen,
            lost,
        ]
    names = ("identity_frozen", "document_reported_lost")
    assert of(await desk.signals(one), *names) == [True, True]
    assert of(await desk.signals(renewed), *names) == [True, False], (
        "the next document of that person is not lost"
    )
    assert of(await desk.signals(person(desk, 2)), *names) == [False, False]
    other = Desk(desk.db, new_id(), desk.vault, clock)
    assert of(await other.signals(person(other, 1)), *names) == [False, False], "marks are not shared"
    decision = await desk.submit(one)
    assert decision.verdict is Verdict.REVIEW
    assert {"identity-frozen", "document-reported-lost"} <= {
        reason.rule for reason in decision.judgement.reasons
    }
    assert replay(decision, POLICY) == decision.judgement
    clock.advance(10 * DAY)
    assert of(await desk.signals(one), *names) == [False, True], "it was for ten days"
    async with desk.db.write(desk.operator) as tx:
        await marks.lift(tx, lost.id, STAFF)
        with pytest.raises(NotFound):
            await marks.lift(tx, frozen.id, STAFF)
    assert (await desk.submit(one)).verdict is Verdict.APPROVED
    async with desk.db.read(desk.operator) as reader:
        rows = await reader.all(sa.text("SELECT action FROM audit_entry ORDER BY id"))
    assert [row.action for row in rows] == ["identity.marked", "identity.marked", "identity.mark_lifted"]


async def test_a_mark_is_lifted_by_its_own_operator_alone(desk: Desk) -> None:
    marks, one = Marks(), person(desk, 1)
    async with desk.db.write(desk.operator) as tx:
        mark = await marks.set(tx, MarkKind.FROZEN, one, new_id(), STAFF)
    with pytest.raises(NotFound):
        async with desk.db.write(new_id()) as tx:
            await marks.lift(tx, mark.id, STAFF)
    assert (await desk.signals(one))["identity_frozen"] is True


async def test_nothing_is_marked_where_no_document_was_read(desk: Desk) -> None:
    with pytest.raises(NothingToMark):
        async with desk.db.write(desk.operator) as tx:
            await Marks().set(tx, MarkKind.FROZEN, RiskSubject(facts=FACTS), new_id(), STAFF)


async def test_erasure_takes_denials_and_marks(desk: Desk) -> None:
    one = person(desk, 1)
    denied = await desk.submit(replace(one, facts={**FACTS, "registry_answer": "no"}))
    async with desk.db.write(desk.operator) as tx:
        await Marks().set(tx, MarkKind.FROZEN, one, denied.registration_id, STAFF)
        await desk.risk.forget(tx, denied.registration_id, POLICY)
    async with desk.db.read(desk.operator) as reader:
        for table in ("denied_key", "identity_mark"):
            assert await reader.scalar(sa.text(f"SELECT count(*) FROM {table}")) == 0, table
