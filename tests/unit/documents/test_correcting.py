"""What whoever has a document says instead of what was read of it: put into the zone, and judged by its digits."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from service.documents import rules
from service.documents.model import (
    MAX_CORRECTIONS,
    Answers,
    CheckOutcome,
    CheckResult,
    Correction,
    DocumentCheck,
    DocumentKind,
    DocumentType,
    Outcome,
    Proof,
    Reading,
)
from service.documents.schemas import Confirmation
from service.kit.errors import BiometricRefused, InvalidRequest, StateConflict
from service.kit.mrz import DocumentUnreadable, Layout, compose, parse
from tests.unit.documents.test_judge import FIELDS, NOW, POLICY
from tests.unit.documents.test_pictures import GOOD, TODAY

READ = (CheckResult("image.read", CheckOutcome.WARN, "to-confirm"),)
CHECK = DocumentCheck(
    UUID(int=1),
    UUID(int=2),
    DocumentKind.IMAGE,
    DocumentType.PASSPORT,
    "NLD",
    Outcome.REFER,
    Proof.NONE,
    None,
    READ,
    NOW,
)


def judged(read: tuple[str, ...], said: Correction) -> rules.Judgement:
    before = parse(read)
    zone = rules.corrected(before, said)
    facts = rules.facts_of(zone, POLICY, TODAY)
    found = rules.findings_of_mrz(zone, facts, {}, POLICY, TODAY)
    return rules.conclude(rules.findings_of_correction(READ, found, before, zone, said), Answers())


def misread(line: int, at: int, to: str) -> tuple[str, ...]:
    lines = [list(each) for each in GOOD]
    lines[line][at] = to
    return tuple("".join(each) for each in lines)


def code(judgement: rules.Judgement, check_id: str) -> str:
    return next(result.code for result in judgement.checks if result.id == check_id)


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (misread(1, 2, "7"), Correction(document_number="NX1234567")),
        (misread(1, 14, "1"), Correction(document_number="NX1234567", birth_date="1974-08-12")),
        (misread(1, 22, "8"), Correction(document_number="NX1234567", expiry_date=date(2032, 4, 15))),
        (misread(1, 11, "I"), Correction(document_number="NX1234567", nationality="NLD")),
        (misread(0, 3, "I"), Correction(document_number="NX1234567", issuing_state="NLD")),
        (misread(0, 5, "B"), Correction(document_number="NX1234567", family_name="de Jong")),
        (misread(1, 20, "<"), Correction(document_number="NX1234567", sex="F")),
        (misread(1, 9, "0"), Correction(lines=GOOD)),
        (GOOD, Correction(document_number="NX1234567", given_names="Anna Maria")),
    ],
)
def test_a_misread_character_is_put_right(read: tuple[str, ...], said: Correction) -> None:
    found = judged(read, said)
    assert (found.outcome, found.proof) == (Outcome.PASS, Proof.CONSISTENT)
    assert rules.corrected(parse(read), said).lines == GOOD
    assert code(found, "image.read") == "confirmed"
    assert code(found, "image.correction") == ("as-read" if read == GOOD else "changed")


def test_without_the_number_it_still_waits() -> None:
    found = judged(GOOD, Correction(birth_date="1974-08-12"))
    assert (found.outcome, found.proof) == (Outcome.REFER, Proof.NONE)


def test_another_number_than_the_pictures_is_for_a_person() -> None:
    other = compose(Layout.TD3, replace(FIELDS, document_number="NX7654321"))
    for said in (Correction(lines=other), Correction(document_number="NX7654321")):
        found = judged(GOOD, said)
        assert code(found, "image.correction") == "another-number"
        assert found.outcome is Outcome.REFER


def test_a_check_digit_that_disagrees_is_for_a_person_who_sees_both() -> None:
    """It may be the digit that was misread, which no field corrects; in lines that were typed it is a failure."""
    found = judged(misread(1, 9, "0"), Correction(document_number="NX1234567"))
    assert (found.outcome, code(found, "mrz.document_number_digit")) == (Outcome.REFER, "digit-wrong")
    assert judged(GOOD, Correction(lines=misread(1, 9, "0"))).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        (Correction(document_number="NX12345678901"), "/fields/document_number"),
        (Correction(family_name="王"), "/fields/family_name"),
        (Correction(birth_date="1974-13"), "/fields/birth_date"),
    ],
)
def test_what_does_not_fit(said: Correction, pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rules.corrected(parse(GOOD), said)
    assert refused.value.facts["errors"][0]["pointer"] == pointer  # type: ignore[index,call-overload]


def test_what_was_said_before_still_holds_until_it_is_said_anew() -> None:
    told = [
        Correction(birth_date="1974-08-12", expiry_date=date(2032, 4, 15)),
        Correction(document_number="NX9"),
    ]
    reading = Reading(GOOD, corrections=tuple({"said": each.as_json()} for each in told))
    found = rules.merged(reading, Correction(document_number="NX1234567", sex="F"))
    assert found == Correction("NX1234567", birth_date="1974-08-12", expiry_date=date(2032, 4, 15), sex="F")
    assert rules.merged(reading, Correction(lines=GOOD)) == Correction(lines=GOOD)


def test_fields_are_laid_on_the_lines_that_were_said_before() -> None:
    """L898902G3 and L89890263 have one check digit: G and 6 are equal modulo 10."""
    true = compose(Layout.TD3, replace(FIELDS, document_number="L898902G3"))
    read = (true[0], true[1].replace("L898902G3", "L89890263"))
    told = (
        Correction(document_number="L89890263", sex="M"),
        Correction(lines=true),
        Correction(nationality="BEL"),
    )
    reading = Reading(read, corrections=tuple({"said": each.as_json()} for each in told))
    whole = rules.merged(reading, Correction(given_names="Anna Maria"))
    assert whole == Correction(lines=true, nationality="BEL", given_names="Anna Maria")
    now = rules.corrected(parse(read), replace(whole, nationality=None))
    assert (now.document_number, now.lines) == ("L898902G3", true)
    found = rules.findings_of_correction(READ, (), parse(read), now, whole)
    assert [(each.id, each.code) for each in found] == [
        ("image.read", "confirmed"),
        ("image.correction", "changed"),
    ]


def test_what_no_number_confirms_any_more_waits_again() -> None:
    kept = (CheckResult("image.read", CheckOutcome.PASS, "confirmed"),)
    zone = parse(GOOD)
    found = rules.findings_of_correction(kept, (), zone, zone, Correction(sex="F"))
    assert found[0] == READ[0]
    strict = (replace(kept[0], code="strict"),)
    assert rules.findings_of_correction(strict, (), zone, zone, Correction(sex="F"))[0] == strict[0]


@pytest.mark.parametrize("layout", [Layout.TD1, Layout.TD2])
def test_a_number_is_not_joined_to_the_rest_of_a_long_one(layout: Layout) -> None:
    long = parse(compose(layout, replace(FIELDS, document_code="I", document_number="D23145890734")))
    for said in (Correction("D23145927"), Correction("D23145927", lines=long.lines)):
        with pytest.raises(InvalidRequest) as refused:
            rules.corrected(long, said)
        [error] = refused.value.facts["errors"]  # type: ignore[misc]  # one of them
        assert (error["pointer"], error["code"]) == ("/fields/document_number", "zone-length")  # type: ignore[index,call-overload]  # JSON
    assert rules.corrected(long, Correction(sex="F")).document_number == "D23145890734"
    short = parse(compose(layout, replace(FIELDS, document_code="I", document_number="D23145890")))
    assert rules.corrected(short, Correction("D23<145<9")).document_number == "D23<145<9"


def test_lines_that_are_no_zone() -> None:
    with pytest.raises(DocumentUnreadable):
        rules.corrected(parse(GOOD), Correction(lines=("P<NLD",)))


def test_who_may_correct_what_and_how_often() -> None:
    rules.may_correct(CHECK, Reading(GOOD))
    for check, reading in (
        (CHECK, None),
        (replace(CHECK, outcome=Outcome.PASS), Reading(GOOD)),
        (replace(CHECK, outcome=Outcome.FAIL), Reading(GOOD)),
        (CHECK, Reading(GOOD, corrections=({},) * MAX_CORRECTIONS)),
    ):
        with pytest.raises(StateConflict):
            rules.may_correct(check, reading)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"lines": list(GOOD), "sex": "F"},
        {"lines": []},
        {"document_number": "NX#"},
        {"document_number": "N" * 21},
        {"sex": "W"},
        {"nationality": "nld"},
        {"birth_date": "1974-02-30"},
        {"expiry_date": "tomorrow"},
        {"family_name": "data:image/png"},
        {"unknown": "x"},
    ],
)
def test_the_wire_refuses(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Confirmation.model_validate({"fields": fields})


def test_the_wire() -> None:
    with pytest.raises(BiometricRefused):
        Confirmation.model_validate({"fields": {"document_number": "X", "portrait": "x"}})
    said = Confirmation.model_validate(
        {
            "fields": {
                "document_number": "nx-123 4",
                "birth_date": "1974-08",
                "expiry_date": "2032-04-15",
                "sex": "X",
            }
        }
    ).correction()
    assert said.as_json() == {
        "document_number": "NX<123<4",
        "birth_date": "1974-08",
        "expiry_date": "2032-04-15",
        "sex": "X",
    }
