"""Bad input: where it is wrong is told, what it was is not; nothing hostile gets in or brings the process down."""

import json
from collections.abc import AsyncIterator
from typing import Any

from service.web.middleware import MAX_JSON, MAX_UPLOAD
from service.web.upload import ENVELOPE
from tests.api.conftest import Api
from tests.api.test_keys import routes
from tests.fakes.pipeline import PATH, applicant, refused, somebody

CANARY = "Xylophanes-Canary"


async def invalid(api: Api, body: Any, pointer: str, code: str | None = None) -> dict[str, Any]:
    answer = await api.post(PATH, body)
    errors = refused(answer, 422, "invalid-request")["errors"]
    assert [error["pointer"] for error in errors] == [pointer], errors
    assert all(set(error) == {"pointer", "code", "detail"} for error in errors)
    if code is not None:
        assert errors[0]["code"] == code
    return dict(errors[0])


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"msisdn": None}, "/msisdn"),
    ({"msisdn": "4915112345678"}, "/msisdn"),
    ({"msisdn": "+49 1511 2345678"}, "/msisdn"),
    ({"msisdn": "+4915112345678\u0661"}, "/msisdn"),
    ({"msisdn": 4915112345678}, "/msisdn"),
    ({"msisdn": "+" + "9" * 500}, "/msisdn"),
    ({"msisdn": ["+4915112345678"]}, "/msisdn"),
    ({"purpose": None}, "/purpose"),
    ({"purpose": "steal"}, "/purpose"),
    ({"iccid": "8949020000123456789"}, "/iccid"),
    ({"imei": "490154203237519"}, "/imei"),
    ({"channel": "pigeon"}, "/channel"),
    ({"dealer": "D 42"}, "/dealer"),
    ({"agent": "A\u20117"}, "/agent"),
    ({"service": {"plan": "free"}}, "/service/plan"),
    ({"service": {"form": "chip"}}, "/service/form"),
    ({"service_until": "2027-01-01T00:00:00"}, "/service_until"),
    ({"service_until": "2026-11-23T09:59:59Z"}, "/service_until"),
    ({"service": {"service_until": "2020-01-01T00:00:00Z"}}, "/service_until"),
    ({"service_until": "9999-12-31T23:59:59-14:00"}, "/service_until"),
    ({"device": {"ip": "300.1.1.1"}}, "/device/ip"),
    ({"device": {"ip": "fe80::1%eth0"}}, "/device/ip"),
    ({"device": {"fingerprint": "x" * 257}}, "/device/fingerprint"),
    ({"device": {"role": "thief"}}, "/device/role"),
    ({"payment": {"token": ""}}, "/payment/token"),
    ({"holder": {"kind": "pet"}}, "/holder/kind"),
    ({"surprise": CANARY}, "/surprise"),
    ({f"{CANARY} <script>": 1}, "/-"),
    ({"subscriber": "Anna"}, "/subscriber"),
    ({"subscriber": {}}, "/subscriber/family_name"),
]


async def test_pointers_without_input(api: Api) -> None:
    for change, pointer in WRONG:
        await invalid(api, applicant(api).body(**change), pointer)
        assert CANARY not in api.calls[-1].text
        assert "input" not in api.calls[-1].text


HOSTILE: list[tuple[str, Any]] = [
    ("family_name", ""),
    ("family_name", "   "),
    ("family_name", None),
    ("family_name", "A" * 129),
    ("family_name", "Anna\x00Bea"),
    ("family_name", "Anna\x07"),
    ("family_name", "\u202eannA"),  # right-to-left override
    ("family_name", "An\u200bna"),  # zero-width space
    ("family_name", "An\u2066na\u2069"),  # isolates
    ("family_name", "Anna\ufeff"),
    ("family_name", "Anna\U000e0041"),  # tag characters
    ("family_name", "A" + "\u0301" * 40),  # a tower of marks
    ("family_name", "\u0301Anna"),
    ("family_name", "Anna \U0001f600"),
    ("family_name", "<script>alert(1)</script>"),
    ("family_name", "{{7*7}}"),
    ("family_name", "Robert'); DROP TABLE registration;--"),
    ("family_name", "=HYPERLINK()"),
    ("family_name", "12345"),
    ("family_name", "Anna\nBea\r"),
    ("family_name", "data:image/png;base64,AAAA"),
    ("given_names", "\u2028"),
    ("given_names", "A" * 70),  # a run in a base64 alphabet
    ("given_names", ["Anna"]),
    ("birth_date", "1974-13"),
    ("birth_date", "1974-02-30"),
    ("birth_date", "74"),
    ("birth_date", "1849"),
    ("birth_date", "\u0661\u0669\u0667\u0664"),
    ("birth_date", "1974-8-1"),
    ("birth_date", 1974),
    ("birth_date", "2026-11-24"),  # tomorrow
    ("nationality", "nld"),
    ("contact_msisdn", "0612000001"),
    ("email", "anna"),
    ("email", "anna@"),
    ("email", "an na@example.org"),
    ("email", "anna@example.org\r\nBcc: x@example.org"),
    ("photo", CANARY),
]


async def test_hostile_persons(api: Api) -> None:
    for field, value in HOSTILE:
        person = {**somebody().subscriber(), field: value}
        found = await invalid(api, applicant(api).body(subscriber=person), f"/subscriber/{field}")
        if isinstance(value, str) and len(value) > 6:
            assert value not in json.dumps(found, ensure_ascii=False)
    assert (await api.get(PATH)).json()["items"] == []


NAMES: list[tuple[str, str | None]] = [
    ("O'Dunleavy", "Seán"),
    ("O\u2019Dunleavy", "Jean-Luc"),
    ("\u0645\u062d\u0645\u062f", "\u0639\u0644\u06cc"),
    ("\u738b", "\u5c0f\u660e"),
    ("\u0410\u0431\u0440\u0430\u043c\u043e\u0432\u0430", "\u041e\u043b\u044c\u0433\u0430"),
    ("D\u2019Angelo, Jr.", "M."),
    ("Nguye\u0302\u0303n", "Th\u1ecb"),
    ("A\u0308nna", "X"),
    ("Z", None),
    ("\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645", "\u0639"),
]


async def test_names_of_the_world(api: Api) -> None:
    for turn, (family, given) in enumerate(NAMES):
        one = applicant(api, turn + 1)
        made = await one.open(subscriber={"family_name": family, "given_names": given})
        shown = await one.show()
        assert shown["outcome"] in ("fail", "refer")  # not the person on the paper
        if len(family) > 1:
            assert family not in json.dumps([made, shown], ensure_ascii=False)


async def test_address(api: Api) -> None:
    address = {"lines": ["Main St 1"], "postal_code": "10115", "locality": "Berlin", "country": "DE"}
    for change, pointer in (
        ({"country": "de"}, "/subscriber/address/country"),
        ({"lines": []}, "/subscriber/address/lines"),
        ({"lines": ["x"] * 6}, "/subscriber/address/lines"),
        ({"lines": ["x\x00"]}, "/subscriber/address/lines/0"),
        ({"lines": ["A" * 65]}, "/subscriber/address/lines/0"),
        ({"locality": "y" * 81}, "/subscriber/address/locality"),
        ({"planet": "Mars"}, "/subscriber/address/planet"),
    ):
        person = {**somebody().subscriber(), "address": {**address, **change}}
        await invalid(api, applicant(api).body(subscriber=person), pointer)
    await applicant(api).open(subscriber={**somebody().subscriber(), "address": address})


# Bodies that are no bodies

JSON = {"Content-Type": "application/json"}


NO_REQUESTS = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"7",
    b"\xff\xfe{}",
    b'{"msisdn": "\xc3\x28"}',
    b'{"msisdn": "+4915112345678", "purpose": "new", "purpose": ',
    b"[" * 100_000,
    b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
    b'{"subscriber": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    b"9" * 200_000,
    b'{"msisdn": ' + b"1" * 100_000 + b"}",
    b'{"msisdn": NaN, "purpose": Infinity}',
    b"\x00" * 1000,
]


async def test_what_is_no_request(api: Api) -> None:
    for raw in NO_REQUESTS:
        answer = await api.ask("POST", PATH, content=raw, headers=JSON)
        errors = refused(answer, 422, "invalid-request")["errors"]
        assert 1 <= len(errors) <= 20
        assert len(answer.content) < 8000
    assert (await api.get(PATH)).json()["items"] == []


async def test_lone_surrogates_and_nul(api: Api) -> None:
    one = applicant(api)
    await one.open()
    body, person = applicant(api, 2).body, somebody().subscriber()
    bodies = [(PATH, body(**{field: "@@"})) for field in ("msisdn", "iccid", "imei", "dealer", "agent")]
    bodies += [
        (PATH, body(subscriber={**person, field: "@@"})) for field in (*person, "email", "contact_msisdn")
    ]
    bodies += [(PATH, body(device={field: "@@"})) for field in ("fingerprint", "ip")]
    bodies += [
        (PATH, body(payment={"token": "@@"})),
        (PATH, {"@@": 1}),
        (f"{one.path}/otp/check", {"code": "@@"}),
        (f"{one.path}/otp/check", {"code": "12345x", "challenge_id": "@@"}),
        (f"{one.path}/documents", {"kind": "mrz", "lines": ["@@"]}),
        (f"{one.path}/documents", {"kind": "@@", "lines": []}),
        (f"{one.path}/documents", {"kind": "attested", "description": "@@"}),
        (f"{one.path}/appeal", {"text": "@@"}),
    ]
    for escape in ("\\ud800", "\\udfff", "a\\ud83d", "\\udc00\\ud800", "\\u0000", "Anna\\u0000"):
        for path, given in bodies:
            await refused_raw(api, path, json.dumps(given).replace("@@", escape))


async def refused_raw(api: Api, path: str, text: str) -> None:
    answer = await api.ask("POST", path, content=text.encode(), headers=JSON)
    assert answer.status_code == 422, (path, text[:200], answer.text)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_only_json_is_taken(api: Api) -> None:
    one = applicant(api)
    await one.open()
    text = json.dumps(applicant(api, 2).body()).encode()
    routes_ = (
        ("POST", PATH),
        ("PATCH", one.path),
        ("POST", f"{one.path}/otp"),
        ("POST", f"{one.path}/documents"),
    )
    for media in ("text/plain", "application/xml", "application/x-www-form-urlencoded", "text/json", ""):
        for method, path in routes_:
            answer = await api.ask(method, path, content=text, headers={"Content-Type": media})
            refused(answer, 415, "unsupported-media")
    refused(await api.ask("POST", PATH, content=text), 415, "unsupported-media")
    for media in ("application/json; charset=utf-8", "APPLICATION/JSON"):
        answer = await api.ask(
            "POST", f"{one.path}/otp/check", content=b'{"code": "123456"}', headers={"Content-Type": media}
        )
        refused(answer, 410, "otp-expired")


# Sizes


async def test_too_large(api: Api) -> None:
    one = applicant(api)
    await one.open()
    for media, size in (
        ("multipart/form-data; boundary=x", MAX_UPLOAD + ENVELOPE + 1),
        ("application/json", MAX_UPLOAD + 1),
        ("application/json", MAX_JSON + 1),
        ("image/jpeg", MAX_JSON + 1),
    ):
        for path in (PATH, f"{one.path}/documents", f"{one.path}/submit"):
            answer = await api.ask("POST", path, content=b" " * size, headers={"Content-Type": media})
            refused(answer, 413, "too-large")


async def test_too_large_in_pieces(api: Api) -> None:
    """No length is announced; it is counted as it comes, and the rest is not read."""
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield b" " * 64 * 1024

    answer = await api.ask("POST", PATH, content=pieces(), headers=JSON)
    refused(answer, 413, "too-large")
    assert taken < 10


async def test_ten_mebibytes_and_one_in_pieces(api: Api) -> None:
    one = applicant(api)
    await one.open()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"\xff" * 1024 * 1024
        yield b"\xff" * (ENVELOPE + 1)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await api.ask("POST", f"{one.path}/documents", content=pieces(), headers=headers)
    refused(answer, 413, "too-large")


async def test_at_the_cap_it_is_only_wrong(api: Api) -> None:
    answer = await api.ask("POST", PATH, content=b" " * MAX_JSON, headers=JSON)
    refused(answer, 422, "invalid-request")


async def test_lying_lengths(api: Api) -> None:
    for length in ("-1", "1e9", "99999999999999999999", " 5", "0x10"):
        answer = await api.ask("POST", PATH, content=b"{}", headers={**JSON, "Content-Length": length})
        assert answer.status_code in (413, 422)


# Queries


async def test_wrong_queries(api: Api) -> None:
    for query, pointer in (
        ("limit=0", "/limit"),
        ("limit=101", "/limit"),
        ("limit=ten", "/limit"),
        ("limit=" + "9" * 5000, "/limit"),
        ("state=asleep", "/state"),
        ("msisdn=0151", "/msisdn"),
        ("msisdn=%00", "/msisdn"),
        ("cursor=AAAA", "/cursor"),
        ("cursor=%ff%fe", "/cursor"),
        ("cursor=" + "A" * 101, "/cursor"),
    ):
        errors = refused(await api.get(f"{PATH}?{query}"), 422, "invalid-request")["errors"]
        assert [error["pointer"] for error in errors] == [pointer]


async def test_every_route_takes_garbage(app: Any, api: Api) -> None:
    one = applicant(api)
    await one.open()
    for method, template in routes(app):
        path = template.replace("{registration_id}", one.id).replace("{msisdn}", "+4915112345678")
        if method == "GET":
            continue
        for raw in (b"\x00\xff", b"[[]]", b'{"":{"":[]}}', b"null"):
            answer = await api.ask(method, path, content=raw, headers=JSON)
            assert answer.status_code in (200, 404, 409, 422), (method, template, raw, answer.text)
