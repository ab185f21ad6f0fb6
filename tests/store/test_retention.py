"""Retention and rotation over registrations and lines: who is due, and what is forgotten with them."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from service.audit.workflow import Actor
from service.infra.crypto import KeysetName, Step, Vault, create_keysets, rotate
from service.infra.postgres import Database
from service.kit.canon import IndexKind
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.lines.model import NewLine
from service.lines.ports import NullProvisioner
from service.lines.workflow import Lines
from service.policies import build, seed
from service.registration import store
from service.registration.model import Channel, Purpose, Registration, State
from service.registration.retention import PipelineHoldings
from service.registration.rotation import RegistrationPlaintexts
from service.registration.workflow.parts import Numbers
from service.risk.workflow import Risk
from service.subscribers.model import Due, Erased, RetentionPolicy, Term
from service.subscribers.retention import run_retention
from service.subscribers.rotation import reindex
from service.subscribers.rules import judge
from service.subscribers.workflow import Subscribers

POLICY = RetentionPolicy(
    {"cancelled": Term(days=7), "expired": Term(days=7), "denied": Term(days=90)}, Term(days=365)
)
CARD = "8949020000012345675"


class House:
    def __init__(self, db: Database, vault: Vault, operator: UUID) -> None:
        self.db, self.vault, self.operator = db, vault, operator
        self.subscribers = Subscribers(vault)
        self.lines = Lines(db, vault, self.subscribers, NullProvisioner())
        self.holdings = PipelineHoldings(self.lines, Risk(), build(seed(demo=True), demo=True).risk)

    async def add(self, number: str, state: State, *, hold: bool = False) -> UUID:
        """A registration in ``state`` that ends now where the state is an end; its subscriber."""
        subscriber, registration_id = new_id(), new_id()
        async with self.db.write(self.operator) as tx:
            await tx.run(
                sa.text(
                    "INSERT INTO client (operator_id, id, name, created_at) VALUES (:op, :op, 'till', :now)"
                    " ON CONFLICT DO NOTHING"
                ),
                {"op": self.operator, "now": tx.now},
            )
            key = self.subscribers.add(tx, subscriber, {"family_name": "JANSEN"})
            ended = state in (State.DENIED, State.CANCELLED, State.EXPIRED)
            registration = Registration(
                id=registration_id,
                operator_id=self.operator,
                client_id=self.operator,
                subscriber_id=subscriber,
                dealer_id=None,
                agent_id=None,
                state=state,
                purpose=Purpose.NEW,
                channel=Channel.SHOP,
                plan="prepaid",
                form="sim",
                msisdn_idx=self.vault.index(self.operator, IndexKind.MSISDN, number),
                iccid_idx=self.vault.index(self.operator, IndexKind.ICCID, CARD) if ended else None,
                device_idx=self.vault.index(self.operator, IndexKind.DEVICE, "fingerprint"),
                device_role="applicant",
                payment_idx=None,
                sealed=Numbers(number, CARD if ended else None, None, None, None).sealed(
                    key, registration_id
                ),
                can_receive=True,
                created_at=tx.now,
                expires_at=tx.now,
                service_until=None,
                ended_at=tx.now if ended else None,
            )
            assert await store.add(tx, registration)
            if hold:
                await tx.run(
                    sa.text("UPDATE registration SET legal_hold = true WHERE id = :id"),
                    {"id": registration_id},
                )
            if state is State.ACTIVE:
                new = NewLine(registration_id, subscriber, number, None, "NL", "basic")
                await self.lines.open(tx, new, key, Actor.system("test"))
        return subscriber

    async def run(self) -> tuple[int, int, int]:
        (run,) = await run_retention(self.db, self.subscribers, self.holdings, [self.operator], POLICY)
        return run.looked_at, run.erased, run.on_hold

    async def is_erased(self, subscriber: UUID) -> bool:
        async with self.db.read(self.operator) as reader:
            try:
                await self.subscribers.read(reader, subscriber)
            except Erased:
                return True
        return False


@pytest.fixture
def house(db: Database, vault: Vault, operator: UUID) -> House:
    return House(db, vault, operator)


async def test_who_is_due_and_what_is_forgotten(house: House, clock: ManualClock) -> None:
    cancelled = await house.add("+4915112345601", State.CANCELLED)
    expired = await house.add("+4915112345602", State.EXPIRED)
    held = await house.add("+4915112345603", State.EXPIRED, hold=True)
    denied = await house.add("+4915112345604", State.DENIED)
    review = await house.add("+4915112345605", State.IN_REVIEW)
    assert await house.run() == (4, 0, 1)
    clock.advance(timedelta(days=7))
    assert await house.run() == (4, 2, 1)
    assert await house.is_erased(cancelled)
    assert await house.is_erased(expired)
    assert not await house.is_erased(held)
    clock.advance(timedelta(days=83))
    assert await house.run() == (2, 1, 1)
    assert await house.is_erased(denied)
    assert not await house.is_erased(review)
    # What is erased is not looked at again.
    assert await house.run() == (1, 0, 1)
    async with house.db.read(house.operator) as reader:
        rows = await reader.all(
            sa.text(
                "SELECT length(msisdn_idx) AS n, iccid_idx, device_idx, length(sealed) AS s FROM registration"
                " WHERE subscriber_id = ANY(:gone)"
            ),
            {"gone": [cancelled, expired, denied]},
        )
    assert [(row.n, row.iccid_idx, row.device_idx, row.s) for row in rows] == [(0, None, None, 0)] * 3


async def test_a_line_keeps_its_holder_until_its_own_term(house: House, clock: ManualClock) -> None:
    holder = await house.add("+4915112345601", State.ACTIVE)
    clock.advance(timedelta(days=2000))
    assert await house.run() == (0, 0, 0)
    async with house.db.write(house.operator) as tx:
        assert judge(await house.holdings.of(tx, holder), POLICY, tx.now) is Due.GOES_ON
        await tx.run(
            sa.text("UPDATE line SET state = 'closed', closed_at = :at, quarantine_until = :at"),
            {"at": tx.now},
        )
    clock.advance(timedelta(days=364))
    assert await house.run() == (1, 0, 0)
    clock.advance(timedelta(days=1))
    assert await house.run() == (1, 1, 0)
    assert await house.is_erased(holder)
    assert await house.run() == (0, 0, 0)
    async with house.db.read(house.operator) as reader:
        row = await reader.one(sa.text("SELECT msisdn_idx, sealed FROM line"))
    assert row is not None
    assert (row.msisdn_idx, row.sealed) == (None, None)


async def test_numbers_are_indexed_again_and_devices_keep_their_key(
    db: Database, operator: UUID, tmp_path: Path
) -> None:
    folder = tmp_path / "keys"
    create_keysets(folder)
    old = Vault.load(folder, production=False)
    await House(db, old, operator).add("+4915112345601", State.ACTIVE)
    await House(db, old, operator).add("+4915112345602", State.DENIED)
    for step in (Step.ADD, Step.PROMOTE):
        rotate(folder, KeysetName.INDEX, step, production=False)
    vault = Vault.load(folder, production=False)
    house = House(db, vault, operator)
    moved = await reindex(db, vault, house.subscribers, operator, [house.lines, RegistrationPlaintexts()])
    assert moved.in_use == set(vault.index_ids)  # the devices' hashes
    async with db.read(operator) as reader:
        registrations = await reader.all(sa.text("SELECT msisdn_idx, device_idx FROM registration"))
        lines = await reader.all(sa.text("SELECT msisdn_idx FROM line"))
    numbers = {vault.index(operator, IndexKind.MSISDN, f"+491511234560{n}") for n in (1, 2)}
    assert {bytes(row.msisdn_idx) for row in registrations} == numbers
    assert {bytes(row.msisdn_idx) for row in lines} <= numbers
    assert {bytes(row.device_idx) for row in registrations} == {
        old.index(operator, IndexKind.DEVICE, "fingerprint")
    }
