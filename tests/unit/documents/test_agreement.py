"""Two documents of one registration: what they say of each other, and what comes of a difference."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from service.documents import rules
from service.documents.model import Answers, DocumentFacts, DocumentType, Outcome, Reason
from service.documents.rules.agreement import FIELDS, agreement_findings, sources_agree
from service.documents.rules.details import describe
from service.kit.mrz import MrzDate
from tests.unit.documents.test_judge import POLICY, TYPED, code, examine, zone

PASSPORT = DocumentFacts(
    type=DocumentType.PASSPORT,
    type_class="P",
    issuing_state="NLD",
    number="NX1234567",
    primary="DE<JONG",
    secondary="ANNA<MARIA",
    birth=MrzDate(1974, 8, 12),
    nationality="NLD",
    expires_on=date(2032, 4, 15),
    personal_number="123456782",
    sex="F",
)


def said(one: DocumentFacts = PASSPORT, **changes: Any) -> dict[str, str]:
    """The codes of ``one`` with ``changes``, held against the passport."""
    found = agreement_findings(replace(one, **changes), [PASSPORT])
    assert all("agreement" not in describe(each) for each in found), "each has its words"
    return {each.id.removeprefix("agreement."): each.code for each in found}


def test_a_document_that_stands_alone_is_compared_with_nothing() -> None:
    assert agreement_findings(PASSPORT, []) == ()
    assert sources_agree([]) == "one_source"


def test_the_same_document_agrees_in_every_field() -> None:
    """A zone, and the chip beside it."""
    assert said() == dict.fromkeys(FIELDS, "sources-agree")


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("names", {"primary": "VRIES"}),
        ("birth_date", {"birth": MrzDate(1974, 8, 13)}),
        ("sex", {"sex": "M"}),
        ("nationality", {"nationality": "BEL"}),
        ("document_number", {"number": "NX1234568"}),
        ("expiry_date", {"expires_on": date(2033, 4, 15)}),
        ("personal_number", {"personal_number": "111222333"}),
    ],
)
def test_each_field_differs(field: str, changes: dict[str, Any]) -> None:
    found = said(**changes)
    assert found.pop(field) == "sources-differ"
    assert "sources-differ" not in found.values()
    if field == "document_number":
        assert found["expiry_date"] == "one-source", "a renewed document ends on another day"


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (("MUELLER", "ANNA"), ("MULLER", "ANNA")),  # Ü in both tables of 9303-3, 6
        (("SKAANE", "AASE"), ("SKANE", "ASE")),
        (("DE<JONG", "ANNA<MARIA"), ("DE<JONG", "ANNA")),  # a name left out
        (("DE<JONG", "A"), ("DE<JONG", "ANNA<MARIA")),  # an initial
        (("JONG<DE", "ANNA"), ("DE<JONG", "ANNA")),
    ],
)
def test_names(here: tuple[str, str], there: tuple[str, str]) -> None:
    one = replace(PASSPORT, primary=here[0], secondary=here[1])
    other = replace(PASSPORT, primary=there[0], secondary=there[1])
    for this, that in ((one, other), (other, one)):
        assert agreement_findings(this, [that])[0].code == "sources-agree"


def test_a_name_that_was_cut() -> None:
    cut = replace(PASSPORT, primary="PAPANDROPOULOUS", secondary="JONA", truncated=True)
    whole = replace(PASSPORT, primary="PAPANDROPOULOUS", secondary="JONATHON<ALEC")
    assert agreement_findings(cut, [whole])[0].code == "sources-agree"
    assert agreement_findings(whole, [cut])[0].code == "sources-agree"
    assert agreement_findings(replace(whole, primary="PAPAGENO"), [cut])[0].code == "sources-differ"


def test_two_nationalities() -> None:
    """Each state names its own citizen; a permit that names another one than the passport contradicts it."""
    belgian = replace(PASSPORT, issuing_state="BEL", nationality="BEL", number="EN123456")
    assert said(belgian)["nationality"] == "one-source"
    assert said(belgian, nationality="TUR")["nationality"] == "sources-differ"
    assert said(replace(PASSPORT, issuing_state="BEL"))["nationality"] == "sources-agree"


def test_a_card_has_a_number_and_a_last_day_of_its_own() -> None:
    found = said(type_class="I", number="SPECI1234", expires_on=date(2029, 1, 1))
    assert (found["document_number"], found["expiry_date"]) == ("one-source", "one-source")


def test_what_a_bare_number_does_not_show_is_not_compared() -> None:
    number = DocumentFacts(
        DocumentType.NATIONAL_NUMBER, "N", "NLD", "123456782", personal_number="123456782", sex="F"
    )
    found = said(number)
    assert {name for name, said_so in found.items() if said_so != "one-source"} == {"sex", "personal_number"}
    assert said(replace(number, personal_number="111222333"))["personal_number"] == "sources-differ"
    assert said(replace(number, issuing_state="BEL"))["personal_number"] == "one-source"


def test_unknown_parts_of_a_birth_date_are_left_open() -> None:
    assert said(birth=MrzDate(1974, None, None))["birth_date"] == "sources-agree"
    assert said(birth=MrzDate(None, None, None))["birth_date"] == "one-source"
    assert said(birth=MrzDate(1975, None, None))["birth_date"] == "sources-differ"


async def test_a_difference_sends_the_document_to_a_person_and_says_so_in_the_signal() -> None:
    found = await examine(zone(), others=[replace(PASSPORT, birth=MrzDate(1974, 8, 13))])
    assert (found.check.outcome, found.check.reason) == (Outcome.REFER, Reason.NEEDS_A_PERSON)
    assert code(found, "agreement.birth_date") == "warn:sources-differ"
    assert found.signals["sources_agree"] == "differs"
    alone = await examine(zone(), {})
    assert alone.signals["sources_agree"] == "one_source"


async def test_what_failed_or_waits_for_somebody_is_compared_with_nothing() -> None:
    other = [replace(PASSPORT, birth=MrzDate(1974, 8, 13))]
    failed = await examine(zone(expiry_date=date(2020, 1, 1)), others=other)
    assert failed.check.outcome is Outcome.FAIL
    assert not [each for each in failed.check.checks if each.id.startswith("agreement.")]


async def test_it_is_compared_anew_where_typed_data_were_corrected() -> None:
    found = await examine(zone(), others=[replace(PASSPORT, sex="M")])
    assert found.facts is not None
    again = rules.judged_again(found.check.checks, found.facts, TYPED, POLICY, Answers(), [PASSPORT])
    codes = [each.code for each in again.checks if each.id == "agreement.sex"]
    assert codes == ["sources-agree"]
    assert again.signals["sources_agree"] == "agrees"
    alone = rules.judged_again(found.check.checks, found.facts, {}, POLICY, Answers())
    assert alone.signals["sources_agree"] == "one_source"
