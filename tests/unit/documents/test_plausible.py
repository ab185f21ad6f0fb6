"""Known fakes, the form of numbers, the length of validity: what only warns, and what policy may say of it."""

from datetime import date
from typing import Any

import pytest

from service.documents import rules
from service.documents.model import DocumentType, Outcome, Reason
from service.documents.rules.loading import PolicyInvalid
from service.kit.mrz import Layout
from tests.unit.documents.test_judge import POLICY, SEED, code, examine, verdict, zone


def policy(**changes: Any) -> Any:
    return rules.load_policy({**SEED, **changes})


@pytest.mark.parametrize("numbers", [["NLD:NX1234567"], ["*:NX1234567"]])
async def test_a_known_fake_goes_to_a_person(numbers: list[str]) -> None:
    fakes = policy(fake={"numbers": numbers})
    found = await examine(zone(), policy=fakes)
    assert (found.check.outcome, found.check.reason) == (Outcome.REFER, Reason.NEEDS_A_PERSON)
    assert code(found, "document.known_fake") == "warn:on-list"
    assert found.signals["document_known_fake"] is True
    refused = await examine(zone(), policy=policy(fake={"numbers": numbers, "treatment": "refuse"}))
    assert verdict(refused)[0] == "fail"
    assert refused.signals["document_known_fake"] is True
    for other in (
        zone(document_number="NX1234568"),
        zone(issuing_state="BEL") if numbers[0][0] == "N" else None,
    ):
        if other is not None:
            assert (await examine(other, policy=fakes)).signals["document_known_fake"] is False


@pytest.mark.parametrize(
    ("state", "layout", "usual", "other"),
    [
        ("D", Layout.TD3, "C01X00T48", "A01X00T48"),  # no vowels
        ("D", Layout.TD1, "T22000128", "TE2000128"),
        ("GBR", Layout.TD3, "925665416", "A25665416"),
        ("USA", Layout.TD3, "A23456781", "AB3456781"),
        ("IND", Layout.TD3, "J8369854", "83698541"),
        ("FRA", Layout.TD3, "05CK02237", "CK0502237"),
        ("CHN", Layout.TD3, "EA1234567", "123456781"),
    ],
)
async def test_numbers_of_another_form_warn_alone(state: str, layout: Layout, usual: str, other: str) -> None:
    document = {
        "issuing_state": state,
        "nationality": state,
        "document_code": "P" if layout is Layout.TD3 else "ID",
    }
    good, odd = [
        await examine(zone(layout, document_number=number, **document), {}) for number in (usual, other)
    ]
    assert code(good, "document.number_format") == "pass:usual-form"
    assert code(odd, "document.number_format") == "warn:another-form"
    assert odd.check.outcome is good.check.outcome is Outcome.PASS, "it weighs, and refers nobody by itself"
    assert (good.signals["document_number_unusual"], odd.signals["document_number_unusual"]) == (False, True)


async def test_a_state_without_a_form_is_not_judged() -> None:
    found = await examine(zone(issuing_state="TUV", nationality="TUV"), {})
    assert code(found, "document.number_format") == "skipped:no-form-known"


async def test_the_longest_validity() -> None:
    """Ten years and nine months from the 23rd of November 2026: the end of that month is still usual."""
    last = await examine(zone(expiry_date=date(2037, 8, 31)))
    over = await examine(zone(expiry_date=date(2037, 9, 2)))
    assert code(last, "document.validity_length") == "pass:usual-length"
    assert code(over, "document.validity_length") == "warn:longer"
    assert over.check.outcome is Outcome.PASS
    assert over.signals["document_validity_unusual"] is True
    months = dict(SEED["longest_months"])
    del months["passport"]
    unknown = await examine(zone(), policy=policy(longest_months=months))
    assert code(unknown, "document.validity_length") == "skipped:no-length-known"


def test_every_form_has_a_source_and_is_loaded_once() -> None:
    assert all(entry["source"] for entry in SEED["number_format"])
    assert len(POLICY.number_formats) == len(SEED["number_format"])
    assert ("DEU", DocumentType.PASSPORT) in POLICY.number_formats


FORM = {"state": "NLD", "type": "passport", "patterns": ["[A-Z]{2}[0-9]{7}"]}


@pytest.mark.parametrize(
    "changes",
    [
        {"number_format": [{**FORM, "patterns": ["(A+)+"]}]},
        {"number_format": [{**FORM, "patterns": ["[A-Z]*"]}]},
        {"number_format": [{**FORM, "patterns": ["[Z-A]{2}"]}]},
        {"number_format": [{**FORM, "patterns": ["A" * 9]}]},
        {"number_format": [{**FORM, "patterns": []}]},
        {"number_format": [FORM, FORM]},
        {"number_format": [{**FORM, "state": "QQQ"}]},
        {"number_format": [{**FORM, "type": "unknown"}]},
        {"number_format": "NLD"},
        {"longest_months": {"passport": 0}},
        {"longest_months": {"attestation": 12}},
        {"fake": {"numbers": ["NX1234567"]}},
        {"fake": {"numbers": ["QQQ:NX1234567"]}},
        {"fake": {"numbers": ["NLD:"]}},
        {"fake": {"treatment": "accept"}},
        {"fake": {"list": []}},
    ],
)
def test_a_policy_that_is_not_understood_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(PolicyInvalid):
        policy(**changes)


def test_a_version_from_before_says_none_of_it() -> None:
    before = {name: SEED[name] for name in SEED if name not in ("fake", "number_format", "longest_months")}
    old = rules.load_policy(before)
    assert not old.known_fakes | set(old.number_formats) | set(old.longest_months)
