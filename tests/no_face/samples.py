"""One body for each shape that the REST interface takes, with every optional field, so that each can carry a canary."""

import copy
from collections.abc import Iterator
from typing import Any

Json = Any

CREATE: Json = {
    "msisdn": "+4915112345678",
    "purpose": "new",
    "iccid": "8949020000012345675",
    "imei": "490154203237518",
    "channel": "shop",
    "dealer": "D-0042",
    "agent": "A-7",
    "service": {"plan": "prepaid", "form": "sim", "service_until": "2027-01-01T00:00:00Z"},
    "subscriber": {
        "family_name": "JANSEN",
        "given_names": "ANNA MARIA",
        "birth_date": "1974-08-12",
        "nationality": "NLD",
        "contact_msisdn": "+31612000001",
        "email": "a@example.org",
        "address": {"lines": ["Main St 1"], "postal_code": "10115", "locality": "Berlin", "country": "DE"},
    },
    "device": {"fingerprint": "opaque", "ip": "203.0.113.7", "role": "applicant"},
    "payment": {"token": "opaque"},
    "holder": {"kind": "person"},
    "service_until": "2027-01-01T00:00:00Z",
}
ZONE = ["P<UTOJANSEN<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<<<<", "UA12345674UTO7408122F3204159<<<<<<<<<<<<<<04"]

BODIES: dict[str, list[Json]] = {
    "post /v1/registrations": [CREATE],
    "patch /v1/registrations/{registration_id}": [{"subscriber": CREATE["subscriber"]}],
    "post /v1/registrations/{registration_id}/documents": [
        {"kind": "mrz", "lines": ZONE},
        {"kind": "national_id", "country": "CN", "number": "11010519491231002X"},
        {"kind": "attested", "description": "A letter of the town hall"},
        {"kind": "emrtd", "sod": "dwA=", "dg1": "YQA=", "dg15": "bwA=", "active_authentication": "AA=="},
        {"kind": "barcode", "symbology": "pdf417", "text": "@\nANSI"},
        {"kind": "aadhaar_qr", "text": "1234"},
        {"image": "the one part of a form; as JSON it is none"},
    ],
    "post /v1/registrations/{registration_id}/documents/nonce": [{}],
    "post /v1/registrations/{registration_id}/documents/{document_id}/confirm": [
        {
            "fields": {
                "document_number": "UA1234567",
                "issuing_state": "UTO",
                "nationality": "UTO",
                "family_name": "JANSEN",
                "given_names": "ANNA MARIA",
                "birth_date": "1974-08-12",
                "expiry_date": "2032-04-15",
                "sex": "F",
            }
        },
        {"fields": {"lines": ZONE}},
    ],
    "post /v1/registrations/{registration_id}/otp": [
        {"to": "line", "channel": "sms", "language": "de", "challenge": {"token": "captcha", "solution": "7"}}
    ],
    "post /v1/registrations/{registration_id}/otp/check": [
        {"code": "000000", "challenge_id": "otp_" + "0" * 32}
    ],
    "post /v1/registrations/{registration_id}/submit": [{}],
    "post /v1/registrations/{registration_id}/appeal": [{"text": "Please look again"}],
    "post /v1/lines/{msisdn}/appeal": [{"text": "I called nobody", "action": "act_" + "0" * 32}],
    "post /v1/verifications": [
        {
            "to": "+4915112345678",
            "channel": "sms",
            "client_ref": "order 7",
            "language": "de",
            "dealer": "D-0042",
            "device": {"fingerprint": "opaque", "ip": "203.0.113.7"},
            "challenge": {"token": "captcha", "solution": "7"},
        }
    ],
    "post /v1/verifications/{verification_id}/resend": [{"channel": "sms", "language": "de"}],
    "post /v1/verifications/{verification_id}/check": [{"code": "000000"}],
    "post /v1/reports": [
        {
            "reported": "+4915112345678",
            "kind": "scam_call",
            "happened_at": "2026-11-23T09:00:00Z",
            "reporter": {"msisdn": "+4915112345679", "verification": "ver_" + "0" * 32},
            "note": "He said that he was my bank",
        }
    ],
    "post /callbacks/receipts/{sender}": [
        {
            "type": "message.receipt",
            "data": {"id": "otp_" + "0" * 32, "outcome": "delivered", "at": "2026-11-23T10:00:00Z"},
        }
    ],
    **{
        f"post /v1/lines/{{msisdn}}/{verb}": [
            {"reason": "scam", "note": "seen", "until": "2027-01-01T00:00:00Z"}
        ]
        for verb in ("restrict", "suspend", "reinstate", "close")
    },
}


def leaves(body: Json, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of every text of a body."""
    if isinstance(body, dict):
        for name, part in body.items():
            yield from leaves(part, (*at, name))
    elif isinstance(body, list):
        for number, part in enumerate(body):
            yield from leaves(part, (*at, number))
    elif isinstance(body, str):
        yield at


def objects(body: Json, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of every object of a body."""
    if isinstance(body, dict):
        yield at
        for name, part in body.items():
            yield from objects(part, (*at, name))


def replaced(body: Json, at: tuple[Any, ...], value: Json) -> Json:
    """A copy with another value at ``at``; beside an object, a new field."""
    if not at:
        return value
    copied = copy.deepcopy(body)
    place = copied
    for step in at[:-1]:
        place = place[step]
    place[at[-1]] = value
    return copied


def strings(
    document: Json, schema: Json, at: str = "", seen: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Json]]:
    """(pointer, schema) of every text that a request's schema takes; ``-`` stands for any entry of a list."""
    if target := schema.get("$ref"):
        if target not in seen:
            name = target.rsplit("/", 1)[-1]
            yield from strings(document, document["components"]["schemas"][name], at, seen | {target})
        return
    for key in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(key, ()):
            yield from strings(document, part, at, seen)
    if schema.get("type") == "string":
        yield at, schema
    for name, part in schema.get("properties", {}).items():
        yield from strings(document, part, f"{at}/{name}", seen)
    if isinstance(schema.get("items"), dict):
        yield from strings(document, schema["items"], f"{at}/-", seen)


def operations(document: Json) -> Iterator[tuple[str, str, str, Json]]:
    """(verb and path, verb, path, operation) of the interface; not the demo's own."""
    for path, verbs in document["paths"].items():
        if not path.startswith("/dev/"):
            for verb, operation in verbs.items():
                yield f"{verb} {path}", verb, path, operation
