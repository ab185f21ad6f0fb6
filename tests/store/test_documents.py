"""Document checks on a real PostgreSQL: what is kept, what is sealed, what is judged again, whom it belongs to."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from service.documents import rules
from service.documents.model import (
    AttestedSubmission,
    DocumentFacts,
    DocumentPolicy,
    Examination,
    MrzSubmission,
    Phones,
    RegistryAnswer,
    RegistryReply,
    Submission,
)
from service.documents.rules import proved
from service.documents.workflow import Documents
from service.documents.workflow.asking import Enquiries
from service.infra.crypto import SealBroken, SubjectKey, Vault
from service.infra.postgres import Database, Tx
from service.kit.clock import ManualClock
from service.kit.errors import NotFound
from service.kit.ids import new_id
from service.kit.mrz import Layout, MrzDate, MrzFields, compose
from service.operators.workflow import Operators
from service.subscribers.workflow import Subscribers

POLICY: DocumentPolicy = rules.load_policy(
    {
        "specimens": "refuse",
        "partial_names": "refer",
        "min_validity_days": 0,
        "expired_grace_days": 0,
        "max_age_years": 115,
        "types": {"passport": "accept"},
    }
)
FIELDS = MrzFields(
    document_code="P",
    issuing_state="NLD",
    family_name="Canarybird",
    given_names="Annabella Zuleika",
    document_number="CNRY98765",
    nationality="NLD",
    birth_date=MrzDate(1974, 8, 12),
    sex="F",
    expiry_date=date(2032, 4, 15),
)
ZONE = MrzSubmission(compose(Layout.TD3, FIELDS))
TYPED = {"family_name": "Canarybird", "given_names": "Annabella Zuleika", "birth_date": "1974-08-12"}


class Yes:
    def __init__(self) -> None:
        self.asked = 0

    async def look_up(self, document: DocumentFacts, phones: Phones) -> RegistryReply:
        self.asked += 1
        return RegistryReply(RegistryAnswer.YES, phones.named)


class House:
    """A registration to hang documents on."""

    def __init__(self, db: Database, vault: Vault, operator: UUID, clock: ManualClock) -> None:
        self.db = db
        self.clock = clock
        self.operator = operator
        self.registry = Yes()
        self.documents = Documents(Enquiries(self.registry))
        self.subscribers = Subscribers(vault)
        self.registration, self.subscriber = new_id(), new_id()

    async def open(self) -> SubjectKey:
        async with self.db.write(self.operator) as tx:
            key = self.subscribers.add(tx, self.subscriber, {})
            await _registration(tx, self.operator, self.registration, self.subscriber)
        return key

    async def add(
        self, key: SubjectKey, submission: Submission, typed: Mapping[str, Any] | None = None
    ) -> Examination:
        self.clock.advance(timedelta(seconds=1))
        found = await self.documents.examine(
            registration_id=self.registration,
            submission=submission,
            typed=typed,
            policy=POLICY,
            now=self.clock.now(),
            phones=Phones(contact="+4915112345678"),
        )
        async with self.db.write(self.operator) as tx:
            self.documents.save(tx, key, self.subscriber, found)
        return found


async def _registration(tx: Tx, operator: UUID, registration: UUID, subscriber: UUID) -> None:
    """Rows to refer to; nothing of them is read here."""
    await tx.run(
        sa.text("INSERT INTO client (operator_id, id, name, created_at) VALUES (:op, :op, 'till', :now)"),
        {"op": operator, "now": tx.now},
    )
    await tx.run(
        sa.text(
            "INSERT INTO registration (operator_id, id, client_id, subscriber_id, state, purpose, channel, plan, form,"
            " msisdn_idx, sealed, can_receive, documents, codes, patches, created_at, expires_at, version)"
            " VALUES (:op, :id, :op, :subject, 'collecting', 'new', 'shop', 'prepaid', 'sim', :idx, '', true,"
            " '[]'::jsonb, '[]'::jsonb, 0, :now, :now, 1)"
        ),
        {"op": operator, "id": registration, "subject": subscriber, "idx": registration.bytes, "now": tx.now},
    )


@pytest.fixture
def house(db: Database, vault: Vault, operator: UUID, clock: ManualClock) -> House:
    return House(db, vault, operator, clock)


async def test_a_check_is_kept_in_codes_and_opened_by_the_subjects_key(house: House) -> None:
    key = await house.open()
    found = await house.add(key, ZONE, TYPED)
    assert found.check.proof == "consistent", "nothing shows possession yet"
    async with house.db.read(house.operator) as reader:
        assert await house.documents.listed(reader, house.registration) == [
            replace(found.check, expires_on=None)
        ]
        shown = await house.documents.shown(reader, key, found.check.id)
    assert shown.facts == found.facts
    assert shown.description is None


async def test_nothing_of_the_person_stands_in_the_clear(house: House) -> None:
    key = await house.open()
    await house.add(key, ZONE, TYPED)
    await house.add(key, AttestedSubmission("Canarybird lost her papers"))
    async with house.db.read(house.operator) as reader:
        rows = await reader.all(
            sa.text("SELECT (to_jsonb(d) - 'sealed')::text AS line, sealed FROM document_check AS d")
        )
    assert len(rows) == 2
    for row in rows:
        for canary in (
            "anarybird",
            "CANARYBIRD",
            "ANNABELLA",
            "CNRY98765",
            "740812",
            "1974",
            "2032",
            "papers",
        ):
            assert canary not in row.line
        for canary in ("anarybird", "CANARYBIRD", "ANNABELLA", "CNRY98765", "papers"):
            assert canary.encode() not in row.sealed


async def test_a_description_is_kept_for_the_person_who_judges(house: House) -> None:
    key = await house.open()
    found = await house.add(key, AttestedSubmission("A police report."))
    async with house.db.read(house.operator) as reader:
        shown = await house.documents.shown(reader, key, found.check.id)
    assert (shown.facts, shown.description) == (None, "A police report.")
    assert house.registry.asked == 0


async def test_correcting_the_typed_data_judges_again_without_asking_again(house: House) -> None:
    key = await house.open()
    wrong = await house.add(key, ZONE, {"family_name": "Sparrow"})
    await house.add(key, AttestedSubmission("A police report."))
    assert (wrong.check.outcome, wrong.check.reason, wrong.identity) == ("fail", "details-disagree", None)
    assert house.registry.asked == 0  # a document that fails is not shown around
    async with house.db.write(house.operator) as tx:
        again, attested = await house.documents.judge_again(tx, key, house.registration, TYPED, POLICY)
    assert (again.check.outcome, again.check.proof, again.check.reason) == ("pass", "consistent", None)
    assert again.identity is not None
    assert again.identity.document == "NLD|P|CNRY98765"
    assert again.signals["typed_data"] == "agrees"
    assert (attested.check.outcome, attested.check.reason) == ("refer", "needs-a-person")
    async with house.db.read(house.operator) as reader:
        kept = await house.documents.listed(reader, house.registration)
    assert [check.outcome for check in kept] == ["pass", "refer"]
    assert house.registry.asked == 0


async def test_a_registrys_word_stays_when_the_typed_data_change_and_of_the_contact_only_while_it_does(
    house: House,
) -> None:
    key = await house.open()
    await house.add(key, ZONE, TYPED)
    async with house.db.write(house.operator) as tx:
        (worse,) = await house.documents.judge_again(
            tx, key, house.registration, {"nationality": "BEL"}, POLICY
        )
        (better,) = await house.documents.judge_again(tx, key, house.registration, TYPED, POLICY)
        (moved,) = await house.documents.judge_again(
            tx, key, house.registration, TYPED, POLICY, is_contact_moved=True
        )
    by_contact = ("contact",)
    assert (worse.check.outcome, proved(worse.check, by_contact).proof) == ("refer", "confirmed")
    assert (better.check.outcome, proved(better.check, by_contact).proof) == ("pass", "confirmed")
    assert (moved.check.outcome, proved(moved.check, by_contact).proof) == ("pass", "consistent")
    assert moved.signals["registry_answer"] == "yes"
    assert house.registry.asked == 1


async def test_a_blob_of_another_row_or_subject_does_not_open(house: House, vault: Vault) -> None:
    key = await house.open()
    one = await house.add(key, ZONE)
    other = await house.add(key, AttestedSubmission("A police report."))
    stranger = vault.new_subject_key(house.operator, new_id())
    async with house.db.read(house.operator) as reader:
        with pytest.raises(SealBroken):
            await house.documents.shown(reader, stranger, one.check.id)
    async with house.db.write(house.operator) as tx:
        await tx.run(
            sa.text(
                "UPDATE document_check SET sealed = (SELECT sealed FROM document_check WHERE id = :a) WHERE id = :b"
            ),
            {"a": one.check.id, "b": other.check.id},
        )
        with pytest.raises(SealBroken):
            await house.documents.shown(tx, key, other.check.id)


async def test_another_operator_finds_nothing(house: House) -> None:
    key = await house.open()
    found = await house.add(key, ZONE)
    stranger = (await Operators(house.db).add("other", "Other Telecom")).id
    async with house.db.write(stranger) as tx:
        assert await house.documents.listed(tx, house.registration) == []
        assert await house.documents.judge_again(tx, key, house.registration, None, POLICY) == []
        with pytest.raises(NotFound):
            await house.documents.shown(tx, key, found.check.id)


async def _save_and_fail(house: House, key: SubjectKey, found: Examination) -> None:
    async with house.db.write(house.operator) as tx:
        house.documents.save(tx, key, house.subscriber, found)
        _ = 1 // 0


async def test_what_rolls_back_was_never_kept(house: House) -> None:
    key = await house.open()
    found = await house.documents.examine(
        registration_id=house.registration,
        submission=ZONE,
        typed=None,
        policy=POLICY,
        now=house.db.clock.now(),
    )
    with pytest.raises(ZeroDivisionError):
        await _save_and_fail(house, key, found)
    async with house.db.read(house.operator) as reader:
        assert await house.documents.listed(reader, house.registration) == []
