"""What a national number says by itself, against its zone, and what staff are told of it."""

from typing import Any

import pytest

from service.documents.model import NationalIdSubmission, RegistryAnswer
from service.documents.rules.details import CODES, SUBJECTS
from service.kit.mrz import Layout, MrzDate
from tests.unit.documents.test_judge import NOW, code, examine, verdict, zone
from tests.unit.kit.test_national_id import chinese


async def test_a_sound_number_says_what_it_tells() -> None:
    found = await examine(NationalIdSubmission("CN", chinese("11010119900307123")), None)
    assert verdict(found) == ("refer", "consistent", "needs-a-person")
    for part in ("number", "birth_date", "sex", "region"):
        assert code(found, f"national_id.{part}").startswith("pass:")
    assert found.facts is not None
    assert (found.facts.birth, found.facts.sex) == (MrzDate(1990, 3, 7), "M")


async def test_a_chinese_number_of_no_known_region_goes_to_a_person() -> None:
    found = await examine(
        NationalIdSubmission("CN", chinese("99999919900307123")), None, answer=RegistryAnswer.YES
    )
    assert code(found, "national_id.region") == "warn:region-unknown"
    assert found.check.outcome == "refer"


async def test_what_a_number_does_not_tell_is_skipped() -> None:
    found = await examine(NationalIdSubmission("NL", "111222333"), None)
    assert code(found, "national_id.number") == "pass:digit-agrees"
    for part in ("birth_date", "sex", "region"):
        assert code(found, f"national_id.{part}") == "skipped:not-shown"
    weak = await examine(NationalIdSubmission("PE", "10117410"), None)
    assert code(weak, "national_id.number") == "pass:shape-agrees"


@pytest.mark.parametrize(
    ("country", "text", "findings"),
    [
        ("PL", "44051401358", {"number": "fail:digit-wrong"}),
        ("PL", "4405140135", {"number": "fail:shape-wrong"}),
        ("PK", "94201-0891231-8", {"number": "fail:part-unreal"}),
        ("MY", "771305-02-1234", {"number": "fail:part-unreal", "birth_date": "fail:unreal"}),
        ("MY", "770305-17-1234", {"number": "fail:part-unreal", "region": "fail:region-unknown"}),
        (
            "KR",
            "2612303100001",
            {"number": "pass:digit-agrees", "birth_date": "fail:unreal"},
        ),  # born 2026-12-30
    ],
)
async def test_what_is_wrong_with_a_number_is_said(country: str, text: str, findings: dict[str, str]) -> None:
    found = await examine(NationalIdSubmission(country, text), None)
    assert (found.check.outcome, found.check.proof, found.identity) == ("fail", "none", None)
    for part, expected in findings.items():
        assert code(found, f"national_id.{part}") == expected


async def test_a_number_of_another_scheme_is_another_document() -> None:
    found = await examine(NationalIdSubmission("BG", "7111042925"), None)
    assert found.identity is not None
    assert found.identity.document == "BGR|NPNF|7111042925"
    assert found.identity.personal_number == "BGR|PNF7111042925"


@pytest.mark.parametrize(
    ("country", "number"), [("AU", "123456782"), ("DE", "36574261809"), ("JP", "621498320257")]
)
async def test_the_seed_refuses_what_law_keeps_for_taxes(country: str, number: str) -> None:
    found = await examine(NationalIdSubmission(country, number), None)
    assert verdict(found) == ("fail", "consistent", "not-accepted")
    assert code(found, "document.type") == "fail:refused"


@pytest.mark.parametrize(
    ("born", "sex", "findings", "outcome"),
    [
        (MrzDate(1944, 5, 14), "M", ("pass:agrees", "pass:agrees"), "pass"),
        (MrzDate(1944, None, None), "X", ("pass:agrees", "skipped:not-shown"), "pass"),
        (MrzDate(1974, 5, 14), "M", ("warn:disagrees", "pass:agrees"), "refer"),
        (MrzDate(1944, 5, 14), "F", ("pass:agrees", "warn:disagrees"), "refer"),
    ],
)
async def test_a_personal_number_is_held_against_its_zone(
    born: MrzDate, sex: str, findings: tuple[str, str], outcome: str
) -> None:
    submission = zone(
        issuing_state="POL", nationality="POL", optional="44051401359", birth_date=born, sex=sex
    )
    found = await examine(submission, None)
    assert (code(found, "national_id.birth_date"), code(found, "national_id.sex")) == findings
    assert found.check.outcome == outcome


async def test_a_zone_without_a_personal_number_has_no_finding_of_one() -> None:
    found = await examine(zone())
    assert not [result for result in found.check.checks if result.id.startswith("national_id.")]


@pytest.mark.parametrize(
    ("layout", "changes", "kind", "document", "outcome"),
    [
        (
            Layout.ID_FRA,
            {"document_number": "180675000001", "nationality": "FRA"},
            "id_card",
            "FRA|I|180675000001",
            "pass",
        ),
        (Layout.DL_FRA, {"document_number": "17AB12345"}, "driving_licence", "FRA|D|17AB12345", "refer"),
        (
            Layout.DL_CHE,
            {"issuing_state": "CHE", "document_number": "005142128001", "optional": "ABC001D"},
            "driving_licence",
            "CHE|D|005142128001",
            "refer",
        ),
    ],
)
async def test_national_zones_are_judged(
    layout: Layout, changes: dict[str, Any], kind: str, document: str, outcome: str
) -> None:
    given = "Anna" if layout is Layout.ID_FRA else "Anna Maria"
    found = await examine(
        zone(layout, **{"issuing_state": "FRA", "given_names": given, **changes}),
        {"family_name": "de Jong", "given_names": given},
    )
    assert (found.check.document_type, found.check.outcome) == (kind, outcome)
    assert found.check.proof == "consistent"
    assert code(found, "typed.names") == "pass:agrees"
    assert found.identity is not None
    assert found.identity.document == document
    for result in found.check.checks:
        assert result.id in SUBJECTS
        assert result.code in CODES


async def test_an_old_french_card_is_expired_though_it_shows_no_day() -> None:
    found = await examine(zone(Layout.ID_FRA, issuing_state="FRA", document_number="080675000001"), None)
    assert code(found, "mrz.expiry_date") == "fail:expired"
    assert verdict(found) == ("fail", "consistent", "not-accepted")
    assert found.check.expires_on is None
    assert NOW.year > 2023


async def test_a_french_licence_shows_eight_letters_of_the_family_name_alone() -> None:
    licence = zone(Layout.DL_FRA, issuing_state="FRA", document_number="17AB12345", family_name="Montmorency")
    for family, expected in (("Montmorency", "pass:agrees"), ("Montgomery", "fail:disagrees")):
        found = await examine(licence, {"family_name": family, "given_names": "Jeanne"})
        assert code(found, "typed.names") == expected
        assert found.signals["typed_data"] == ("agrees" if expected.startswith("pass") else "differs")
