"""Wire shapes of documents (``api.md``), and the doors that a face could come through (``security.md``, 8)."""

import base64
import binascii
import re
from datetime import date, datetime
from typing import Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from service.documents.model import (
    AttestedSubmission,
    BiometricRefused,
    Correction,
    DocumentCheck,
    DocumentUnreadable,
    EmrtdSubmission,
    KindNotEnabled,
    MrzSubmission,
    NationalIdSubmission,
    Outcome,
)
from service.documents.rules import describe
from service.kit.clock import rfc3339
from service.kit.errors import JsonObject, JsonValue
from service.kit.ids import wire
from service.kit.mrz import MrzDate
from service.kit.text import clean, clean_name
from service.kit.values import Malformed

# Names under which a picture, a template or a data group with one would come. Checked before anything is read.
_GROUP = re.compile(r"(?:ef[ ._-]*)?(?:dg|data[ ._-]*group)[ ._-]*0*([0-9]{1,3})", re.IGNORECASE)
_PICTURE = re.compile(
    r"image|photo|picture|portrait|selfie|face|facial|finger|iris|retina|biometric|template|voice|video"
    r"|liveness|jpe?g|jp2|png|webp|wsq",
    re.IGNORECASE,
)
_READ_GROUPS = {"1", "15"}


def _refuse_biometrics(data: Any) -> Any:
    """Refuse by the names of the fields alone; the values are not looked at."""
    if isinstance(data, dict):
        for name in data:
            group = _GROUP.fullmatch(name.strip()) if isinstance(name, str) and len(name) <= 64 else None
            if group is not None and group[1] not in _READ_GROUPS:
                raise BiometricRefused("Only SOD, DG1 and DG15 of a chip are taken.")
            if isinstance(name, str) and _PICTURE.search(name[:64]):
                raise BiometricRefused("No picture is accepted. Send the lines of the machine-readable zone.")
    return data


class _Submitted(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=1024, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _no_biometrics(cls, data: Any) -> Any:
        return _refuse_biometrics(data)


def _description(text: str) -> str:
    return clean(text, "/description")


class MrzIn(_Submitted):
    """1 to 3 lines of 9 to 44 characters, or one text that holds them all."""

    kind: Literal["mrz"]
    lines: Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=4)]

    def submission(self) -> MrzSubmission:
        return MrzSubmission(tuple(self.lines))


class NationalIdIn(_Submitted):
    kind: Literal["national_id"]
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    number: Annotated[str, Field(min_length=1, max_length=40)]

    def submission(self) -> NationalIdSubmission:
        return NationalIdSubmission(self.country, self.number)


class AttestedIn(_Submitted):
    kind: Literal["attested"]
    description: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_description)]

    def submission(self) -> AttestedSubmission:
        return AttestedSubmission(self.description)


_CAPS = {"sod": 64 * 1024, "dg1": 256, "dg15": 4 * 1024}
_OWN_TAG = {"sod": 0x77, "dg1": 0x61, "dg15": 0x6F}
_Base64 = Annotated[str, Field(max_length=88_000)]


class EmrtdIn(BaseModel):
    """A chip's SOD, DG1 and DG15, as its files are, and its answer to our nonce, each in base64."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: Literal["emrtd"]
    sod: _Base64
    dg1: Annotated[str, Field(max_length=400)]
    dg15: Annotated[str, Field(max_length=6_000)] | None = None
    active_authentication: Annotated[str, Field(max_length=1_500)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_biometrics(cls, data: Any) -> Any:
        return _refuse_biometrics(data)

    @model_validator(mode="after")
    def _own_tags(self) -> "EmrtdIn":
        for name, text in (("sod", self.sod), ("dg1", self.dg1), ("dg15", self.dg15)):
            if text is not None:
                _check_tags(name, text)
        return self

    def submission(self) -> EmrtdSubmission:
        answer = self.active_authentication
        return EmrtdSubmission(
            _decoded("sod", self.sod),
            _decoded("dg1", self.dg1),
            None if self.dg15 is None else _decoded("dg15", self.dg15),
            None if answer is None else _decoded("active_authentication", answer),
        )


def _decoded(name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise DocumentUnreadable(f"The field {name} is not base64.") from None


def _check_tags(name: str, text: str) -> None:
    """Each field begins with its own tag and holds nothing beside it; any other group at top level is refused.

    Only tags and lengths are looked at (ISO 7816-4 BER-TLV), never a value.
    """
    raw = _decoded(name, text)
    if not raw or raw[0] != _OWN_TAG[name]:
        raise BiometricRefused("Each field takes its own data group alone: 77 SOD, 61 DG1, 6F DG15.")
    end = _end_of_first(raw)
    if end is None or len(raw) > _CAPS[name]:
        raise DocumentUnreadable(f"The field {name} is not one whole data group.")
    if end < len(raw):
        # whatever follows the group: another group, or something hidden behind it
        raise BiometricRefused("Each field takes its own data group alone: 77 SOD, 61 DG1, 6F DG15.")


def _end_of_first(raw: bytes) -> int | None:
    """Where the first data object ends; None where its length is missing, indefinite or longer than ``raw``."""
    if len(raw) < 2:
        return None
    if raw[1] < 0x80:
        end = 2 + raw[1]
    else:
        count = raw[1] & 0x7F
        if not 1 <= count <= 3 or len(raw) < 2 + count:
            return None
        end = 2 + count + int.from_bytes(raw[2 : 2 + count], "big")
    return end if end <= len(raw) else None


class BarcodeIn(_Submitted):
    kind: Literal["barcode"]
    symbology: Annotated[str, Field(max_length=20)]
    text: Annotated[str, Field(max_length=4096)]

    def submission(self) -> NoReturn:
        raise KindNotEnabled("Barcodes are not checked here yet.", category="barcode")


class AadhaarQrIn(_Submitted):
    kind: Literal["aadhaar_qr"]
    text: Annotated[str, Field(max_length=16_384)]

    def submission(self) -> NoReturn:
        raise KindNotEnabled("Aadhaar codes are not checked here yet.", category="aadhaar_qr")


PICTURE: JsonObject = {
    "type": "object",
    "required": ["image"],
    "additionalProperties": False,
    "properties": {
        "image": {
            "description": "a JPEG, PNG or WebP picture of the document, at most 10 MiB; it is read and not kept",
            "type": "string",
            "contentMediaType": "application/octet-stream",
            "maxLength": 10 * 1024 * 1024,
        }
    },
}
"""The multipart body with a picture, as OpenAPI 3.1 says it."""


def _name(text: str) -> str:
    return clean_name(text, "")


def _number(text: str) -> str:
    """As a zone writes it: capitals and digits, ``<`` for a hyphen or a space inside."""
    return "<".join(text.upper().replace("-", " ").replace("<", " ").split())


def _birth(text: str) -> str:
    return MrzDate.parse(text, "").iso or text


_State = Annotated[str, Field(pattern="^[A-Z]{1,3}$")]
_Name = Annotated[str, Field(max_length=128), AfterValidator(_name)]


class CorrectedFields(_Submitted):
    """What the document shows; what is left out is as it was read. Either ``lines`` or others."""

    document_number: (
        Annotated[str, Field(pattern="^[A-Za-z0-9< -]{1,20}$"), AfterValidator(_number)] | None
    ) = None
    issuing_state: _State | None = None
    nationality: _State | None = None
    family_name: _Name | None = None
    given_names: _Name | None = None
    birth_date: Annotated[str, Field(max_length=10), AfterValidator(_birth)] | None = None
    expiry_date: date | None = None
    sex: Literal["F", "M", "X"] | None = None
    lines: (
        Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=4)] | None
    ) = None

    @model_validator(mode="after")
    def _one_way(self) -> "CorrectedFields":
        given = {name for name, value in self if value is not None}
        if not given or ("lines" in given and len(given) > 1):
            raise Malformed("", "fields", "Say at least one field, or the lines alone.")
        return self


class Confirmation(_Submitted):
    fields: CorrectedFields

    def correction(self) -> Correction:
        said = self.fields
        return Correction(
            document_number=said.document_number,
            issuing_state=said.issuing_state,
            nationality=said.nationality,
            family_name=said.family_name,
            given_names=said.given_names,
            birth_date=said.birth_date,
            expiry_date=said.expiry_date,
            sex=said.sex,
            lines=tuple(said.lines) if said.lines is not None else None,
        )


Submission = MrzIn | NationalIdIn | AttestedIn | EmrtdIn | BarcodeIn | AadhaarQrIn
"""With ``kind`` as its discriminator."""


class CheckOut(BaseModel):
    model_config = ConfigDict(extra="allow")

    id: str
    outcome: Literal["pass", "fail", "warn", "skipped"]
    detail: str


class DocumentOut(BaseModel):
    """``checks`` with scope ``evidence``; without it ``reason`` alone."""

    model_config = ConfigDict(extra="allow")

    id: str
    kind: str
    document_type: str
    issuing_state: str | None
    expires_on: date | None
    outcome: Literal["pass", "refer", "fail"]
    proof: Literal["none", "consistent", "confirmed", "signed"]
    reason: str | None = None
    checks: list[CheckOut] | None = None


class NonceOut(BaseModel):
    """``nonce``: eight bytes in base64."""

    nonce: str
    expires_at: str


def nonce(value: bytes, expires_at: datetime) -> JsonObject:
    """A challenge as it is answered."""
    return {"nonce": base64.b64encode(value).decode(), "expires_at": rfc3339(expires_at)}


def shown(check: DocumentCheck, *, evidence: bool) -> JsonObject:
    """A check as it is answered."""
    body: JsonObject = {
        "id": wire("doc", check.id),
        "kind": check.kind.value,
        "document_type": check.document_type.value,
        "issuing_state": check.issuing_state,
        "expires_on": check.expires_on.isoformat() if check.expires_on else None,
        "outcome": check.outcome.value,
        "proof": check.proof.value,
    }
    if check.outcome is not Outcome.PASS:
        body["reason"] = check.reason.value if check.reason else None
    if evidence:
        checks: list[JsonValue] = [
            {"id": result.id, "outcome": result.outcome.value, "detail": describe(result)}
            for result in check.checks
        ]
        body["checks"] = checks
    return body
