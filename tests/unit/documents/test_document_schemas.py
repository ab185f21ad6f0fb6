"""Wire shapes, and every door that a face could come through."""

import base64
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from service.documents.model import (
    BiometricRefused,
    CheckOutcome,
    CheckResult,
    DocumentCheck,
    DocumentKind,
    DocumentType,
    DocumentUnreadable,
    EmrtdSubmission,
    MrzSubmission,
    Outcome,
    Proof,
    Reason,
)
from service.documents.schemas import DocumentOut, Submission, shown
from service.kit.errors import Refusal

ADAPTER: TypeAdapter[Any] = TypeAdapter(Annotated[Submission, Field(discriminator="kind")])


def tlv(tag: int, body: bytes) -> bytes:
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + body


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


SOD, DG1, DG15 = tlv(0x77, b"\x30" * 900), tlv(0x61, b"\x5f\x1f\x58" + b"<" * 88), tlv(0x6F, b"\x30" * 200)
CHIP = {"kind": "emrtd", "sod": b64(SOD), "dg1": b64(DG1), "dg15": b64(DG15), "active_authentication": None}
MRZ = {"kind": "mrz", "lines": ["P<UTO" + "<" * 39, "L" * 44]}


def test_lines_become_a_submission() -> None:
    assert ADAPTER.validate_python(MRZ).submission() == MrzSubmission(tuple(MRZ["lines"]))


def test_a_chip_is_its_groups_in_bytes() -> None:
    assert ADAPTER.validate_python(CHIP).submission() == EmrtdSubmission(SOD, DG1, DG15)
    answered = {**CHIP, "dg15": None, "active_authentication": b64(b"answer")}
    assert ADAPTER.validate_python(answered).submission() == EmrtdSubmission(SOD, DG1, None, b"answer")


@pytest.mark.parametrize("tag", [0x75, 0x63, 0x76, 0x65, 0x67, 0x6B, 0x6E])
@pytest.mark.parametrize("field", ["sod", "dg1", "dg15"])
def test_another_group_in_a_field_or_behind_it_is_refused_unread(tag: int, field: str) -> None:
    """Face, fingers, iris, and the others: in the place of a group, and hidden behind one."""
    for raw in (tlv(tag, b"x" * 20), {"sod": SOD, "dg1": DG1, "dg15": DG15}[field] + tlv(tag, b"x" * 20)):
        with pytest.raises((BiometricRefused, ValidationError)):
            ADAPTER.validate_python({**CHIP, field: b64(raw)})


@pytest.mark.parametrize("group", [group for group in range(1, 17) if group not in (1, 15)])
@pytest.mark.parametrize("name", ["dg{}", "DG{}", "dg0{}", "ef_dg{}", "EF.DG{}", "data_group_{}", " Dg-{} "])
@pytest.mark.parametrize("value", ["", "AAAA", None, {"a": 1}, 5])
def test_every_other_data_group_is_refused_unread(group: int, name: str, value: object) -> None:
    for body in (CHIP, MRZ):
        with pytest.raises(BiometricRefused):
            ADAPTER.validate_python({**body, name.format(group): value})


@pytest.mark.parametrize("field", ["sod", "dg1", "dg15"])
@pytest.mark.parametrize("tag", [0x75, 0x63, 0x76, 0x65, 0x67, 0x60, 0x6B, 0x6C, 0x30, 0x7F, 0xFF, 0x89])
def test_a_field_begins_with_its_own_tag(field: str, tag: int) -> None:
    with pytest.raises(BiometricRefused):
        ADAPTER.validate_python({**CHIP, field: b64(tlv(tag, b"x" * 60))})


@pytest.mark.parametrize(("field", "raw"), [("sod", SOD), ("dg1", DG1), ("dg15", DG15)])
@pytest.mark.parametrize("tag", [0x75, 0x63, 0x76, 0x65, 0x67, 0x61, 0x00])
def test_nothing_may_follow_the_group(field: str, raw: bytes, tag: int) -> None:
    with pytest.raises(BiometricRefused):
        ADAPTER.validate_python({**CHIP, field: b64(raw + tlv(tag, b"face"))})


@pytest.mark.parametrize("field", ["sod", "dg1", "dg15"])
def test_the_fields_of_a_chip_are_not_mixed_up(field: str) -> None:
    for raw in (SOD, DG1, DG15):
        if b64(raw) != CHIP[field] and len(b64(raw)) <= 400:
            with pytest.raises(BiometricRefused):
                ADAPTER.validate_python({**CHIP, field: b64(raw)})


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("sod", "not base64!"),
        ("sod", b64(SOD[:-1])),
        ("sod", b64(b"\x77")),
        ("sod", b64(b"\x77\x80" + b"x" * 20)),
        ("sod", b64(b"\x77\x84\x00\x00\x00\x01x")),
        ("sod", b64(b"\x77\x82\x01")),
        ("dg1", b64(tlv(0x61, b"x" * 257))),
        ("dg15", b64(tlv(0x6F, b"x" * 4097))),
    ],
)
def test_what_is_no_whole_group_is_unreadable(field: str, text: str) -> None:
    with pytest.raises(DocumentUnreadable):
        ADAPTER.validate_python({**CHIP, field: text})


def test_an_empty_field_is_refused() -> None:
    with pytest.raises(BiometricRefused):
        ADAPTER.validate_python({**CHIP, "sod": ""})


@pytest.mark.parametrize(
    "name",
    ["image", "photo", "Picture", "portrait_jpeg", "selfie", "face", "faceTemplate", "fingerprint", "iris_left",
     "voice", "liveness_video", "jp2", "wsq", "biometrics"],
)  # fmt: skip
@pytest.mark.parametrize("body", [MRZ, CHIP, {"kind": "attested", "description": "x"}])
def test_pictures_are_refused_by_their_name(body: dict[str, Any], name: str) -> None:
    with pytest.raises(BiometricRefused):
        ADAPTER.validate_python({**body, name: "data:image/png;base64,AAAA"})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "barcode", "symbology": "pdf417", "text": "@\n"}, "category-not-enabled"),
        ({"kind": "aadhaar_qr", "text": "123"}, "category-not-enabled"),
    ],
)
def test_kinds_of_later_issues_are_not_enabled(body: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        ADAPTER.validate_python(body).submission()
    assert refused.value.code == code


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "mrz"},
        {"kind": "mrz", "lines": []},
        {"kind": "mrz", "lines": ["x"] * 5},
        {"kind": "mrz", "lines": ["x" * 101]},
        {"kind": "mrz", "lines": [1]},
        {**MRZ, "unknown": 1},
        {"kind": "national_id", "country": "PLX", "number": "1"},
        {"kind": "national_id", "country": "PL", "number": "1" * 41},
        {"kind": "attested", "description": ""},
        {"kind": "attested", "description": "x " * 600},
        {"kind": "attested", "description": "data:image/png;base64,AAAA"},
        {"kind": "attested", "description": "A" * 65},
        {"kind": "attested", "description": "a\u202eb"},
        {**CHIP, "sod": "A" * 88_001},
        {"kind": "selfie", "lines": []},
        "text",
        None,
    ],
)
def test_what_has_another_shape_is_invalid(body: Any) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(body)


CHECK = DocumentCheck(
    id=UUID(int=7),
    registration_id=UUID(int=1),
    kind=DocumentKind.MRZ,
    document_type=DocumentType.PASSPORT,
    issuing_state="NLD",
    outcome=Outcome.FAIL,
    proof=Proof.NONE,
    reason=Reason.UNREADABLE,
    checks=(CheckResult("mrz.document_number_digit", CheckOutcome.FAIL, "digit-wrong"),),
    at=datetime(2026, 11, 23, tzinfo=UTC),
    expires_on=date(2032, 4, 15),
)


def test_checks_are_shown_to_scope_evidence_alone() -> None:
    everyone, evidence = shown(CHECK, evidence=False), shown(CHECK, evidence=True)
    assert "checks" not in everyone
    assert everyone["reason"] == evidence["reason"] == "unreadable"
    assert evidence["checks"] == [
        {
            "id": "mrz.document_number_digit",
            "outcome": "fail",
            "detail": "Check digit of the document number: does not agree with the characters before it.",
        }
    ]
    for body in (everyone, evidence):
        assert DocumentOut.model_validate(body).expires_on == date(2032, 4, 15)
