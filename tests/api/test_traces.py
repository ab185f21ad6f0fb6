"""What documents leave behind for thirty days, and what the next registration's decision sees of it."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from service.audit.workflow import Actor
from service.compose import Instead, Services
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.kit.people import InventedPerson, person
from service.operators.workflow import Operators
from service.risk.model import Decision
from service.upkeep import Upkeep
from tests.api.conftest import Api, Caller
from tests.fakes.pipeline import Applicant, TurnableRegistry, applicant, somebody
from tests.fakes.still_reader import StillReader, seen
from tests.no_face.canary import Canary

JPEG = Canary().jpeg()
HASH = bytes(range(1, 33))
PHONE = {"fingerprint": "a phone", "role": "applicant"}


def off(bits: int) -> bytes:
    """The hash with so many bits turned, over its whole length."""
    turned = sum(1 << (at * 19 % 256) for at in range(bits))
    return (int.from_bytes(HASH, "big") ^ turned).to_bytes(32, "big")


def like(one: InventedPerson, **changes: Any) -> InventedPerson:
    """The same person with a document that says something else."""
    values = {
        "sex": one.sex, "number": one.document_number, "personal_number": one.personal_number, "expiry": one.expiry,
    }  # fmt: skip
    family = changes.pop("family", one.family_name)
    return person(family, one.given_names, one.birth_date, **{**values, **changes})


@pytest.fixture
def reader() -> StillReader:
    return StillReader()


@pytest.fixture
def instead(reader: StillReader) -> Instead:
    return Instead(registry=TurnableRegistry(), reader=reader)


async def decision(one: Applicant) -> Decision:
    """Code, submit, and what was decided on."""
    await one.send()
    await one.answer()
    await one.submit()
    services = one.api.services
    async with services.db.read(one.api.operator) as reading:
        [found] = await services.risk.history(reading, one.uuid)
    return found


async def pictured(
    api: Api, reader: StillReader, turn: int, fingerprint: bytes | None, who: int | None = None
) -> Applicant:
    """An applicant whose document came as a picture with this hash."""
    one = applicant(api, turn, person=somebody(who or turn))
    await one.open(subscriber=None)
    reader.says = seen(*one.person.lines, fingerprint=fingerprint)
    files = {"image": ("photo.jpg", JPEG, "image/jpeg")}
    answer = await api.ask("POST", f"{one.path}/documents", files=files)
    assert answer.status_code == 201, answer.text
    return one


def pictures(found: Decision) -> tuple[object, object]:
    return tuple(found.signals.values[f"picture_seen_{name}"] for name in ("before", "other_document"))  # type: ignore[return-value]  # two of them


async def hashes(db: Database, operator: UUID) -> list[str]:
    async with db.read(operator) as reading:
        return [
            row.hash
            for row in await reading.all(sa.text("SELECT CAST(hash AS text) AS hash FROM picture_hash"))
        ]


async def test_a_picture_that_was_encoded_again(
    api: Api, caller: Caller, services: Services, db: Database, reader: StillReader, clock: ManualClock
) -> None:
    other = await Operators(db).add("other", "Another")
    there = await caller(slug="other")
    assert there.operator == other.id
    await pictured(there, reader, 9, HASH)
    first = await pictured(api, reader, 1, HASH)
    assert pictures(await decision(first)) == (0, 0), "another operator's pictures are not compared"
    # Sent twice by one applicant it is seen by nobody else.
    again = await pictured(api, reader, 2, off(24), who=1)
    assert pictures(await decision(again)) == (1, 0)
    unlike = await pictured(api, reader, 3, off(25), who=1)
    assert pictures(await decision(unlike)) == (1, 0), (
        "of the second it is one bit off, of the first too many"
    )
    forged = await decision(await pictured(api, reader, 4, HASH, who=4))
    assert pictures(forged) == (2, 2)
    assert "picture-of-another-document" in [reason.rule for reason in forged.judgement.reasons]
    without = await decision(await pictured(api, reader, 5, None))
    assert pictures(without) == (0, 0)

    # Kept is 256 bits of a hash, under a mask; of an erased person nothing, of anybody nothing after thirty days.
    kept = await hashes(db, api.operator)
    assert (len(kept), {len(each) for each in kept}) == (4, {256})
    assert format(int.from_bytes(HASH, "big"), "0256b") not in kept
    assert not set(kept) & set(await hashes(db, other.id)), "each operator has a mask of its own"
    async with db.read(api.operator) as reading:
        subscriber = await reading.scalar(
            sa.text("SELECT subscriber_id FROM registration WHERE id = :id"), {"id": first.uuid}
        )
    await Upkeep(services).erase(api.operator, subscriber)
    assert len(await hashes(db, api.operator)) == 3
    clock.advance(timedelta(days=30))
    assert pictures(await decision(await pictured(api, reader, 6, HASH))) == (0, 0)
    await Upkeep(services).purge()
    assert len(await hashes(db, api.operator)) == 1
    async with db.read(api.operator) as reading:
        assert await reading.scalar(sa.text("SELECT count(*) FROM document_trace")) == 1


async def test_two_at_once_with_one_picture(api: Api, reader: StillReader) -> None:
    """Whoever comes second is told, whichever it is: a trace is there before its registration is decided."""
    ones = [applicant(api, turn, person=somebody(turn)) for turn in (1, 2)]
    for one in ones:
        await one.open(subscriber=None)

    async def walk(one: Applicant) -> Decision:
        answer = await api.ask(
            "POST", f"{one.path}/documents", files={"image": ("photo.jpg", JPEG, "image/jpeg")}
        )
        assert answer.status_code == 201, answer.text
        return await decision(one)

    reader.says = seen(*ones[0].person.lines, fingerprint=HASH)
    found = await asyncio.gather(*map(walk, ones))
    assert max(each.signals.values["picture_seen_before"] for each in found) == 1  # type: ignore[type-var]  # counts


async def test_one_document_under_other_names(api: Api) -> None:
    one = applicant(api, 1, person=somebody(1))
    await one.open()
    await one.show()
    assert (await decision(one)).signals.values["document_seen_before"] == 0
    same = applicant(api, 2, person=somebody(1))
    await same.open()
    await same.show()
    values = (await decision(same)).signals.values
    assert (values["document_seen_before"], values["document_seen_other_names"]) == (1, 0)
    forged = applicant(api, 3, person=like(somebody(1), family="Anders"))
    await forged.open()
    await forged.show()
    found = await decision(forged)
    assert found.signals.values["document_seen_other_names"] == 2
    assert "document-under-other-names" in [reason.rule for reason in found.judgement.reasons]


async def test_a_document_that_passes_after_a_patch_is_found_and_is_seen(api: Api, db: Database) -> None:
    """Whoever lets a document fail at first, by a wrong name, leaves what they would have left without."""
    for turn in (1, 2):
        one = applicant(api, turn, person=somebody(1))
        wrong = {**one.person.subscriber(), "family_name": "Somebodyelse"}
        await one.open(subscriber=wrong, device=PHONE)
        assert (await one.show())["outcome"] == "fail"
        right = {"subscriber": {"family_name": one.person.family_name}}
        assert (await api.ask("PATCH", one.path, json=right)).status_code == 200
        assert (await decision(one)).signals.values["document_seen_before"] == turn - 1
    sql = "SELECT failed, names_idx IS NULL AS nameless, device_idx IS NULL AS nowhere FROM document_trace"
    async with db.read(api.operator) as reading:
        assert [tuple(row) for row in await reading.all(sa.text(sql))] == [(False, False, False)] * 2


async def test_two_documents_that_differ_go_to_a_person_and_the_applicant_hears_no_more(
    api: Api, caller: Caller
) -> None:
    """The newer one says it, and keeps saying it when typed data are corrected; the best one need not be that."""
    one = applicant(api, 1)
    await one.open(subscriber=None)
    await one.show()
    other = like(one.person, sex="M" if one.person.sex == "F" else "F")
    shown = await one.show(lines=other.lines)
    assert {check["id"]: check["outcome"] for check in shown["checks"]}["agreement.sex"] == "warn"
    assert (shown["outcome"], shown["reason"]) == ("refer", "needs-a-person")
    plain = await caller(scopes=[])
    assert "agreement" not in (await plain.get(one.path)).text
    patched = await api.ask("PATCH", one.path, json={"subscriber": {"email": "a@example.org"}})
    assert patched.status_code == 200, patched.text
    found = await decision(one)
    assert found.signals.values["sources_agree"] == "differs"
    assert found.signals.values["document_outcome"] == "pass", "the first is the better one"
    assert "sources-differ" in [reason.rule for reason in found.judgement.reasons]


async def test_documents_that_fail_on_a_device_and_at_a_shop(
    api: Api, services: Services, clock: ManualClock
) -> None:
    await services.dealers.register(api.operator, code="D-1", name="Shop", licence="L", actor=Actor.cli())
    await services.dealers.register_agent(api.operator, "D-1", "A-1", actor=Actor.cli())
    place = {"dealer": "D-1", "agent": "A-1", "device": PHONE}
    expired = like(somebody(1), expiry=date(2020, 1, 1))
    for turn in (1, 2):
        one = applicant(api, turn, person=somebody(turn))
        await one.open(**(place if turn == 1 else {**place, "device": {**PHONE, "role": "dealer"}}))
        for _ in range(3):
            await one.show(lines=expired.lines)
        await one.show()
    honest = applicant(api, 3, person=somebody(3))
    await honest.open(**place)
    await honest.show()
    found = await decision(honest)
    told = {
        name: found.signals.values[f"document_{name}"]
        for name in (
            "tries_on_device",
            "fails_on_device",
            "tries_at_dealer",
            "fails_at_dealer",
            "fails_by_agent",
        )
    }
    assert told == {
        "tries_on_device": 4, "fails_on_device": 3, "tries_at_dealer": 8, "fails_at_dealer": 6, "fails_by_agent": 6,
    }, "a shop's device is no applicant's; one's own are not counted"  # fmt: skip
    clock.advance(timedelta(days=1))
    later = applicant(api, 4, person=somebody(4))
    await later.open(**place)
    await later.show()
    values = (await decision(later)).signals.values
    assert (values["document_tries_on_device"], values["document_tries_at_dealer"]) == (0, 0)
