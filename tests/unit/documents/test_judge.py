"""Outcome, proof and reason of documents; identity; the policy's gate; what the document adds to typed data."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import service
from service.documents import rules
from service.documents.model import (
    Answers,
    AttestedSubmission,
    CheckOutcome,
    CheckResult,
    DocumentFacts,
    DocumentPolicy,
    DocumentUnreadable,
    Examination,
    MrzSubmission,
    NationalIdSubmission,
    Phone,
    Phones,
    RegistryAnswer,
    RegistryReply,
)
from service.documents.rules.details import CODES, SUBJECTS
from service.documents.workflow import Documents
from service.documents.workflow.asking import Enquiries
from service.kit.canon import IndexKind
from service.kit.mrz import Layout, MrzDate, MrzFields, compose
from service.kit.values import Malformed
from service.risk.model import CATALOGUE

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
REGISTRATION = UUID(int=1)
SEED: dict[str, Any] = tomllib.loads(
    (Path(service.__file__).parent / "policy" / "documents.toml").read_text()
)
POLICY = rules.load_policy(SEED)
FIELDS = MrzFields(
    document_code="P",
    issuing_state="NLD",
    family_name="de Jong",
    given_names="Anna Maria",
    document_number="NX1234567",
    nationality="NLD",
    birth_date=MrzDate(1974, 8, 12),
    sex="F",
    expiry_date=date(2032, 4, 15),
)
TYPED = {
    "family_name": "de Jong",
    "given_names": "Anna Maria",
    "birth_date": "1974-08-12",
    "nationality": "NLD",
}


class Answering:
    """A registry with one answer, which remembers whom it was asked about."""

    def __init__(self, answer: RegistryAnswer = RegistryAnswer.NOT_AVAILABLE) -> None:
        self.answer = answer
        self.asked: list[DocumentFacts] = []

    async def look_up(self, document: DocumentFacts, phones: Phones) -> RegistryReply:
        self.asked.append(document)
        return RegistryReply(self.answer, phones.named)


async def examine(
    submission: Any,
    typed: Mapping[str, Any] | None = TYPED,
    policy: DocumentPolicy = POLICY,
    answer: RegistryAnswer = RegistryAnswer.NOT_AVAILABLE,
    others: Sequence[DocumentFacts] = (),
) -> Examination:
    return await Documents(Enquiries(Answering(answer))).examine(
        registration_id=REGISTRATION,
        submission=submission,
        typed=typed,
        policy=policy,
        now=NOW,
        others=others,
    )


def zone(layout: Layout = Layout.TD3, **changes: Any) -> MrzSubmission:
    return MrzSubmission(compose(layout, replace(FIELDS, **changes)))


def verdict(found: Examination) -> tuple[str, str, str | None]:
    check = found.check
    return check.outcome.value, check.proof.value, check.reason.value if check.reason else None


def code(found: Examination, check_id: str) -> str:
    return next(f"{result.outcome}:{result.code}" for result in found.check.checks if result.id == check_id)


async def test_a_sound_document_that_agrees_is_consistent_and_no_more() -> None:
    found = await examine(zone())
    assert verdict(found) == ("pass", "consistent", None)
    assert found.signals == {
        "document_specimen": False,
        "document_signature": "absent",
        "registry_answer": "unavailable",
        "typed_data": "agrees",
        "sources_agree": "agrees",
        "document_known_fake": False,
        "document_number_unusual": False,
        "document_validity_unusual": False,
    }
    assert (found.check.issuing_state, found.check.expires_on) == ("NLD", date(2032, 4, 15))


@pytest.mark.parametrize(
    ("layout", "document_code", "kind", "expected"),
    [
        (Layout.TD1, "I", "id_card", "pass"),
        (Layout.TD2, "ID", "id_card", "pass"),
        (Layout.TD1, "IR", "residence_permit", "pass"),
        (Layout.MRV_A, "V", "visa", "refer"),
        (Layout.MRV_B, "V", "visa", "refer"),
        (Layout.TD1, "AC", "crew_certificate", "fail"),
        (Layout.TD2, "P", "unknown", "fail"),
    ],
)
async def test_types(layout: Layout, document_code: str, kind: str, expected: str) -> None:
    found = await examine(zone(layout, document_code=document_code))
    assert found.check.document_type == kind
    assert found.check.outcome == expected


async def test_a_yes_alone_does_not_confirm_and_a_no_is_for_the_decision() -> None:
    assert verdict(await examine(zone(), answer=RegistryAnswer.YES)) == ("pass", "consistent", None)
    found = await examine(zone(), answer=RegistryAnswer.NO)
    # the decision denies on it, so it must reach the decision
    assert verdict(found) == ("refer", "consistent", "not-accepted")
    assert found.signals["registry_answer"] == "no"
    assert found.identity is not None


async def test_a_document_that_fails_is_not_shown_to_the_registry() -> None:
    registry = Answering(RegistryAnswer.YES)
    lines = compose(Layout.TD3, FIELDS)
    forged = MrzSubmission((lines[0], "NX7234567" + lines[1][9:]))
    found = await Documents(Enquiries(registry)).examine(
        registration_id=REGISTRATION, submission=forged, typed=TYPED, policy=POLICY, now=NOW
    )
    assert verdict(found) == ("fail", "none", "unreadable")
    assert code(found, "mrz.document_number_digit") == "fail:digit-wrong"
    assert code(found, "registry.answer") == "skipped:not-asked"
    assert found.signals["registry_answer"] == "not_asked"
    assert registry.asked == []
    assert found.identity is None


@pytest.mark.parametrize(
    ("typed", "expected", "reason", "signal"),
    [
        (None, "pass", None, "not_given"),
        ({}, "pass", None, "not_given"),
        ({"email": "a@example.org"}, "pass", None, "not_given"),
        ({**TYPED, "birth_date": "1974"}, "pass", None, "agrees"),
        ({**TYPED, "birth_date": "1974-08"}, "pass", None, "agrees"),
        ({**TYPED, "birth_date": "1974-09"}, "fail", "details-disagree", "differs"),
        ({**TYPED, "birth_date": "1975-08-12"}, "fail", "details-disagree", "differs"),
        ({**TYPED, "family_name": "de Boer"}, "fail", "details-disagree", "differs"),
        ({**TYPED, "given_names": "Anna"}, "refer", "details-disagree", "differs"),
        (
            {**TYPED, "family_name": "Anna Maria", "given_names": "de Jong"},
            "refer",
            "details-disagree",
            "differs",
        ),
        ({**TYPED, "nationality": "BEL"}, "refer", "details-disagree", "differs"),
    ],
)
async def test_typed_data(
    typed: Mapping[str, Any] | None, expected: str, reason: str | None, signal: str
) -> None:
    found = await examine(zone(), typed)
    assert (found.check.outcome, found.check.reason) == (expected, reason)
    assert found.signals["typed_data"] == signal


async def test_german_and_british_codes_agree_with_what_people_type() -> None:
    assert (await examine(zone(nationality="D"), {"nationality": "DEU"})).check.outcome == "pass"
    assert (await examine(zone(nationality="GBN"), {"nationality": "GBR"})).check.outcome == "pass"


async def test_expiry_validity_and_grace() -> None:
    expired = zone(expiry_date=date(2026, 11, 1))
    assert verdict(await examine(expired)) == ("fail", "consistent", "not-accepted")
    graceful = rules.load_policy({**SEED, "expired_grace_days": 30})
    assert verdict(await examine(expired, policy=graceful)) == ("refer", "consistent", "needs-a-person")
    strict = rules.load_policy({**SEED, "min_validity_days": 90})
    found = await examine(zone(expiry_date=date(2026, 12, 1)), policy=strict)
    assert (code(found, "document.validity"), found.check.reason) == ("fail:too-short", "not-accepted")
    assert (await examine(zone(expiry_date=date(2026, 11, 23)))).check.outcome == "pass"


@pytest.mark.parametrize(
    "changes",
    [
        {"issuing_state": "UTO"},
        {"document_number": "SPECI2014"},
        {"document_number": "000000000"},
        {"family_name": "Eriksson", "given_names": "Anna Maria"},
        {"family_name": "Specimen"},
        {"family_name": "Mustermann", "given_names": "Erika"},
    ],
)
async def test_specimens_pass_only_where_the_policy_says_so(changes: dict[str, Any]) -> None:
    refused = await examine(zone(**changes), None)
    assert verdict(refused) == ("fail", "consistent", "not-accepted")
    allowed = await examine(zone(**changes), None, rules.load_policy({**SEED, "specimens": "allow"}))
    assert verdict(allowed) == ("pass", "consistent", None)
    assert allowed.signals["document_specimen"] is True


async def test_issuers_have_rules_of_their_own() -> None:
    policy = rules.load_policy({**SEED, "issuers": {"NLD": {"passport": "refer"}, "BEL": {"all": "refuse"}}})
    assert (await examine(zone(), policy=policy)).check.outcome == "refer"
    assert (await examine(zone(Layout.TD1, document_code="I"), policy=policy)).check.outcome == "pass"
    belgian = await examine(zone(issuing_state="BEL"), policy=policy)
    assert verdict(belgian) == ("fail", "consistent", "not-accepted")


async def test_implausible_age_and_unknown_birth_go_to_a_person() -> None:
    policy = rules.load_policy({**SEED, "max_age_years": 90})
    old = await examine(zone(birth_date=MrzDate(1930, 1, 2)), None, policy)
    assert verdict(old) == ("refer", "consistent", "needs-a-person")
    unknown = await examine(zone(birth_date=MrzDate(None, None, None)), None)
    assert verdict(unknown) == ("refer", "consistent", "needs-a-person")
    assert unknown.identity is not None
    assert unknown.identity.person is None
    assert unknown.identity.person_weak


async def test_an_unknown_issuer_is_not_repeated() -> None:
    lines = compose(Layout.TD3, FIELDS)
    found = await examine(MrzSubmission((lines[0][:2] + "QQQ" + lines[0][5:], lines[1])), None)
    assert (found.check.outcome, found.check.issuing_state) == ("fail", None)


async def test_more_fillers_than_the_standard_writes_do_no_harm() -> None:
    lines = compose(Layout.TD3, FIELDS)
    uneven = lines[0].replace("ANNA<MARIA", "ANNA<<MARIA")[:44]
    found = await examine(MrzSubmission((uneven, lines[1])))
    assert code(found, "mrz.names") == "warn:uneven"
    assert found.check.outcome == "pass"


async def test_an_attestation_always_goes_to_a_person_and_proves_nothing() -> None:
    found = await examine(AttestedSubmission("A police report about lost papers."), answer=RegistryAnswer.YES)
    assert verdict(found) == ("refer", "none", "needs-a-person")
    assert found.identity is None


async def test_national_numbers() -> None:
    found = await examine(NationalIdSubmission("PL", "44051401359"), {"birth_date": "1944-05-14"})
    assert verdict(found) == ("refer", "consistent", "needs-a-person")
    assert code(found, "typed.birth_date") == "pass:agrees"
    assert found.identity is not None
    assert found.identity.personal_number == "POL|44051401359"
    wrong = await examine(NationalIdSubmission("PL", "44051401358"))
    assert verdict(wrong) == ("fail", "none", "unreadable")
    differs = await examine(NationalIdSubmission("PL", "44051401359"), {"birth_date": "1945-05-14"})
    assert verdict(differs) == ("fail", "consistent", "details-disagree")
    known = await examine(NationalIdSubmission("PL", "44051401359"), None, answer=RegistryAnswer.YES)
    assert (known.check.proof, known.signals["registry_answer"]) == ("consistent", "yes")
    with pytest.raises(Malformed):
        await examine(NationalIdSubmission("AQ", "1"))


async def test_lines_that_are_no_zone_are_refused() -> None:
    with pytest.raises(DocumentUnreadable):
        await examine(MrzSubmission(("nonsense",)))


async def test_identity_of_a_passport() -> None:
    found = await examine(zone())
    assert found.identity is not None
    assert rules.identity_keys(found.identity) == [
        (IndexKind.DOCUMENT, "NLD|P|NX1234567"),
        (IndexKind.PERSON, "DE JONG|ANNA|1974-08-12|NLD"),
    ]
    assert found.identity.as_json() == {
        "document": "NLD|P|NX1234567",
        "personal_number": None,
        "person": "DE JONG|ANNA|1974-08-12|NLD",
        "person_weak": False,
        "born": "1974-08-12",
        "expires_on": "2032-04-15",
    }
    # a card is another document of the same person; another layout of the card is not
    card = await examine(zone(Layout.TD1, document_code="I"))
    larger = await examine(zone(Layout.TD2, document_code="I"))
    assert card.identity == larger.identity
    assert card.identity is not None
    assert card.identity.document == "NLD|I|NX1234567"
    assert card.identity.person == found.identity.person


async def test_identity_is_weak_on_the_first_of_january() -> None:
    found = await examine(zone(birth_date=MrzDate(1974, 1, 1)), None)
    assert found.identity is not None
    assert found.identity.person_weak
    assert found.identity.person == "DE JONG|ANNA|1974-01-01|NLD"
    partial = await examine(zone(birth_date=MrzDate(1974, 1, None)), None)
    assert partial.identity is not None
    assert (partial.identity.person, partial.identity.born) == (None, "1974-01")


async def test_a_personal_number_is_taken_only_where_its_own_digit_agrees() -> None:
    polish = {"issuing_state": "POL", "nationality": "POL"}
    found = await examine(zone(optional="44051401359", **polish), None)
    assert found.identity is not None
    assert found.identity.personal_number == "POL|44051401359"
    for optional, state in (("44051401358", "POL"), ("44051401359", "NLD"), ("", "POL")):
        other = await examine(zone(optional=optional, issuing_state=state), None)
        assert other.identity is not None
        assert other.identity.personal_number is None


async def test_missing_typed_data_are_taken_from_the_document() -> None:
    documents = Documents(Enquiries(Answering()))
    found = await examine(zone(), None)
    whole = {
        "family_name": "DE JONG",
        "given_names": "ANNA MARIA",
        "birth_date": "1974-08-12",
        "nationality": "NLD",
    }
    assert documents.complete(None, found) == whole
    assert documents.complete({"email": "a@example.org", "birth_date": None}, found) == {
        **whole,
        "email": "a@example.org",
    }
    # somebody with one name is not given another
    assert "given_names" not in documents.complete({"family_name": "Suharto"}, found)
    failed = await examine(zone(expiry_date=date(2020, 1, 1)), None)
    assert documents.complete({"email": "a@example.org"}, failed) == {"email": "a@example.org"}


async def test_signals_are_in_the_catalogue_and_every_finding_has_words() -> None:
    submissions = [
        zone(),
        zone(issuing_state="UTO"),
        NationalIdSubmission("PL", "44051401359"),
        AttestedSubmission("x"),
    ]
    for submission in submissions:
        for answer in RegistryAnswer:
            found = await examine(submission, TYPED, answer=answer)
            for name, value in found.signals.items():
                assert CATALOGUE[name].type.holds(value)
            for result in found.check.checks:
                assert result.id in SUBJECTS
                assert result.code in CODES
                assert "JONG" not in rules.describe(result).upper()


def test_correcting_typed_data_compares_anew_and_asks_nobody() -> None:
    facts = DocumentFacts(
        type=next(iter(POLICY.types)),
        type_class="P",
        issuing_state="NLD",
        number="1",
        primary="DE<JONG",
        secondary="ANNA",
    )
    known = Answers(RegistryReply(RegistryAnswer.YES, frozenset({Phone.CONTACT})))
    wrong = rules.judged_again((), facts, {"family_name": "X"}, POLICY, known)
    assert wrong.outcome == "fail"
    kept = rules.answers_in(wrong.checks)
    assert kept == known
    right = rules.judged_again(
        wrong.checks, facts, {"family_name": "de Jong", "given_names": "Anna"}, POLICY, kept
    )
    assert (right.outcome, right.proof) == ("pass", "consistent")
    assert len([result for result in right.checks if result.id == "typed.names"]) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"nonsense": 1},
        {"specimens": "sometimes"},
        {"specimens": None},
        {"partial_names": "refuse"},
        {"min_validity_days": -1},
        {"min_validity_days": True},
        {"min_validity_days": "1"},
        {"expired_grace_days": 4000},
        {"max_age_years": 10},
        {"types": []},
        {"types": {"passport": "yes"}},
        {"types": {"library_card": "accept"}},
        {"types": {"attestation": "accept"}},
        {"types": {"unknown": "accept"}},
        {"issuers": {"QQQ": {"all": "accept"}}},
        {"issuers": {"NLD": {"library_card": "accept"}}},
        {"issuers": {"NLD": "accept"}},
        {"specimen": {"numbers": "x"}},
        {"specimen": {"names": [["A"]]}},
        {"specimen": {"names": "A"}},
        {"specimen": {"states": ["UTO"]}},
        {"personal_number": {}},
        {"personal_number": [{"state": "QQQ", "layout": "td3", "field": "optional"}]},
        {"personal_number": [{"state": "NLD", "layout": "td9", "field": "optional"}]},
        {"personal_number": [{"state": "NLD", "layout": "td3", "field": "names"}]},
        {"personal_number": [{"state": "NLD", "layout": "td3", "field": "optional", "checked": 1}]},
        {"personal_number": [{"state": "NLD", "layout": "td3", "field": "optional", "x": 1}]},
    ],
)
def test_a_policy_that_is_not_understood_whole_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(rules.PolicyInvalid):
        rules.load_policy({**SEED, **change})


def test_the_seed_refuses_specimens() -> None:
    assert POLICY.specimens is False
    assert "L898902C3" in POLICY.specimen_numbers


def test_a_code_that_says_something_else_in_one_check_is_told_apart() -> None:
    zone = CheckResult("mrz.issuing_state", CheckOutcome.PASS, "known")
    chip = CheckResult("chip.content_type", CheckOutcome.PASS, "known")
    assert "9303" in rules.describe(zone)
    assert rules.describe(chip) == "Kind of the signed content: one that the standard knows."
