"""Personal data leave no trace in clear (``security.md``, 7): a whole life with invented data that occur nowhere else,
every refusal and a fault of ours included; then whatever is kept is read as a thief would read it."""

import re
import secrets
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from service.kit.clock import ManualClock
from service.kit.ids import parse
from service.kit.luhn import digit
from service.kit.people import InventedPerson, person
from service.registration.workflow import Registrations
from service.web.auth import Scope
from tests.api.conftest import Api, Caller
from tests.no_face.samples import ZONE
from tests.no_face.sweep import Sweep, base64_forms


def _word(length: int = 12) -> str:
    """Letters that are no word: found nowhere by chance."""
    return "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(length)).capitalize()


def _digits(count: int) -> str:
    return "".join(secrets.choice(string.digits) for _ in range(count))


class Life:
    """Somebody, and everything that is said of them. ``needles`` is what nobody may find."""

    def __init__(self) -> None:
        self.person: InventedPerson = person(
            _word(),
            f"{_word(10)} {_word(9)}",
            datetime(1951, 3, 27, tzinfo=UTC).date(),
            sex="F",
            number=f"UX{_digits(7)}",
            personal_number=_digits(10),
            expiry=datetime(2031, 9, 14, tzinfo=UTC).date(),
        )
        self.msisdn = f"+49151{_digits(8)}"
        self.contact = f"+3161{_digits(7)}"  # 0610 to 0619: every such number is a mobile
        serial = f"894902{_digits(12)}"
        self.iccid = serial + digit(serial)
        body = f"35{_digits(12)}"
        self.imei = body + digit(body)
        self.email = f"{_word(14).lower()}@{_word(9).lower()}.example"
        self.street, self.town, self.postcode = f"{_word()} {_digits(3)}", _word(11), _digits(9)
        self.ip = "2001:db8:" + ":".join(f"{secrets.randbelow(60000) + 4096:x}" for _ in range(6))
        self.device, self.token = secrets.token_hex(16), secrets.token_hex(16)
        self.note, self.appeal, self.letter = (f"{_word()} {_word()}" for _ in range(3))
        self.idempotency = secrets.token_hex(12)
        self.codes: list[str] = []

    def body(self) -> dict[str, Any]:
        return {
            "msisdn": self.msisdn,
            "purpose": "new",
            "iccid": self.iccid,
            "imei": self.imei,
            "subscriber": {
                **self.person.subscriber(),
                "contact_msisdn": self.contact,
                "email": self.email,
                "address": {
                    "lines": [self.street],
                    "postal_code": self.postcode,
                    "locality": self.town,
                    "country": "DE",
                },
            },
            "device": {"fingerprint": self.device, "ip": self.ip, "role": "applicant"},
            "payment": {"token": self.token},
        }

    def texts(self) -> dict[str, str]:
        first, second = self.person.given_names.split()
        return {
            "family name": self.person.family_name,
            "first name": first,
            "second name": second,
            "birth date": self.person.birth_date.isoformat(),
            "document number": self.person.document_number,
            "personal number": self.person.personal_number,
            "upper line": self.person.lines[0],
            "lower line": self.person.lines[1],
            "msisdn": self.msisdn[1:],
            "national number": self.msisdn[3:],
            "contact": self.contact[1:],
            "iccid": self.iccid,
            "imei": self.imei,
            "email": self.email,
            "street": self.street,
            "postcode": self.postcode,
            "town": self.town,
            "ip": self.ip,
            "device": self.device,
            "payment": self.token,
            "note": self.note,
            "appeal": self.appeal,
            "letter": self.letter,
            "idempotency key": self.idempotency,
        }

    def needles(self) -> dict[str, bytes]:
        """In clear, in either case, in hex and in base64: an encoding hides nothing."""
        found = {}
        for name, text in self.texts().items():
            for form, each in (("", text), (" upper", text.upper()), (" lower", text.lower())):
                found[f"{name}{form}"] = each.encode()
                found[f"{name}{form} hex"] = each.encode().hex().encode()
            for form, encoded in base64_forms(text.encode()).items():
                if len(encoded) >= 8:
                    found[f"{name} {form}"] = encoded
        return found

    def plain(self) -> dict[str, bytes]:
        """For the data folder: in clear alone. A date of ten characters may stand in any file."""
        return {name: text.encode() for name, text in self.texts().items() if name != "birth date"}


async def _main_walk(api: Api, life: Life) -> str:
    """Create, correct, document, code, submit; the registration's id."""
    again = {"headers": {"Idempotency-Key": life.idempotency}}
    answer = await api.post("/v1/registrations", life.body(), **again)
    assert answer.status_code == 201, answer.text
    replayed = await api.post("/v1/registrations", life.body(), **again)
    assert replayed.headers["Idempotent-Replayed"] == "true"
    reg = str(answer.json()["id"])
    path = f"/v1/registrations/{reg}"
    changed = await api.ask("PATCH", path, json={"subscriber": {"email": life.email}})
    assert changed.status_code == 200, changed.text
    judged = await api.post(f"{path}/documents", {"kind": "mrz", "lines": list(life.person.lines)}, **again)
    assert judged.status_code == 201, judged.text
    await api.post(f"{path}/documents", {"kind": "attested", "description": life.letter})
    sent = await api.post(f"{path}/otp", {"to": "line"})
    assert sent.status_code == 202, sent.text
    life.codes.append(await api.code(life.msisdn))
    wrong = await api.post(f"{path}/otp/check", {"code": f"{(int(life.codes[-1]) + 1) % 10**6:06d}"})
    assert wrong.json()["code"] == "otp-rejected", wrong.text
    right = await api.post(f"{path}/otp/check", {"code": life.codes[-1]}, **again)
    assert right.status_code == 200, right.text
    decided = await api.post(f"{path}/submit", {}, **again)
    assert decided.status_code == 200, decided.text
    return reg


async def _refusals(api: Api, caller: Caller, life: Life, reg: str) -> set[int]:
    """Every status from 401 to 429 with personal data in the request; the statuses that came."""
    path = f"/v1/registrations/{reg}"
    subscriber = life.body()["subscriber"]
    texts = life.texts()
    narrow = await caller(scopes=[Scope.READ])
    came = [
        await api.post(
            "/v1/registrations", life.body(), headers={"Authorization": f"Bearer sk_{life.email}"}
        ),
        await narrow.post("/v1/registrations", life.body()),
        await api.get(f"/v1/lines/{life.contact}"),
        await api.get(f"/v1/registrations/{life.person.document_number}"),
        await api.get(f"/nothing/{life.msisdn}/{life.person.family_name}?name={life.person.family_name}"),
        await api.post("/v1/registrations", life.body()),
        await api.post(f"{path}/documents", {"kind": "mrz", "lines": list(life.person.lines)}),
        await api.ask("PATCH", path, json={"subscriber": subscriber}),
        await api.post(f"{path}/appeal", {"text": life.appeal}),
        await api.ask("POST", "/v1/registrations", content=b'{"x":"' + life.email.encode() * 400_000 + b'"}'),
        await api.ask(
            "POST", "/v1/registrations", content=life.email.encode(), headers={"Content-Type": "text/plain"}
        ),
        await api.ask("POST", f"{path}/documents", data={"name": life.person.family_name}),
        await api.post("/v1/registrations", {**life.body(), "msisdn": life.email}),
        await api.post("/v1/registrations", {**life.body(), "purpose": "sim_swap"}),
        await api.post("/v1/registrations", life.body() | {"dealer": life.person.document_number}),
        await api.post(
            "/v1/registrations", life.body(), headers={"Idempotency-Key": f"{life.email} {life.town}"}
        ),
        await api.post(
            "/v1/registrations", {"msisdn": life.contact}, headers={"Idempotency-Key": life.idempotency}
        ),
        await api.get("/v1/registrations", params={"msisdn": life.contact, "cursor": life.email}),
    ]
    for text in texts.values():  # each in a field that it is wrong for, and as the name of a field
        came.append(await api.post("/v1/registrations", {"msisdn": text, "purpose": text, text[:90]: text}))
        came.append(await api.post(f"{path}/documents", {"kind": "mrz", "lines": [text, text]}))
        came.append(await api.post(f"{path}/documents", {"kind": text, "number": text, "country": text}))
        came.append(await api.post(f"{path}/otp/check", {"code": text, "challenge_id": text[:40]}))
        came.append(await api.post(f"/v1/lines/{life.msisdn}/restrict", {"reason": text, "note": text}))
    for answer in came:
        assert 400 <= answer.status_code < 500, (answer.request.url, answer.text)
    return {answer.status_code for answer in came}


async def _until_limited(api: Api, life: Life) -> None:
    """Codes asked for too often, to the contact's number as the line of another registration."""
    answer = await api.post("/v1/registrations", {"msisdn": life.contact, "purpose": "new"})
    path = f"/v1/registrations/{answer.json()['id']}"
    assert (await api.post(f"{path}/otp", {"to": "line"})).status_code == 202
    life.codes.append(await api.code(life.contact))
    limited = await api.post(f"{path}/otp", {"to": "line"})
    assert limited.status_code == 429, limited.text
    unreadable = await api.post(
        f"{path}/documents", {"kind": "mrz", "lines": [life.person.lines[0][:30], ZONE[1]]}
    )
    assert unreadable.status_code in (201, 422)
    assert (await api.post(f"{path}/cancel")).status_code == 200


async def _faults(api: Api, life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults of ours whose messages quote everything: from Python, from the driver, from PostgreSQL itself."""
    texts = " ".join(life.texts().values())

    async def broken(*_: Any, **__: Any) -> None:
        try:
            raise psycopg.errors.UniqueViolation(f"DETAIL:  Key (name)=({texts}) already exists.")
        except psycopg.Error as error:
            raise RuntimeError(texts) from error

    async def refused_by_the_server(*_: Any, **__: Any) -> None:
        async with api.services.db.write(api.operator) as tx:
            await tx.run(sa.text("SELECT CAST(:given AS integer)"), {"given": texts})

    for fault in (broken, refused_by_the_server):
        monkeypatch.setattr(Registrations, "get", fault)
        answer = await api.get(f"/v1/registrations/reg_{'0' * 32}")
        assert answer.status_code == 500
        assert set(answer.json()) <= {"type", "title", "status", "code", "trace", "instance"}
        assert life.person.family_name not in answer.text
    monkeypatch.undo()


async def test_no_trace_in_clear(
    api: Api,
    caller: Caller,
    app: FastAPI,
    clock: ManualClock,
    sweep: Sweep,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    life = Life()
    reg = await _main_walk(api, life)
    await api.services.registrations.activate(api.operator, parse("reg", reg))
    shown = await api.get(f"/v1/registrations/{reg}")
    assert shown.json()["state"] == "active", shown.text
    statuses = await _refusals(api, caller, life, reg)
    assert {401, 403, 404, 409, 413, 415, 422} <= statuses, statuses
    await _until_limited(api, life)
    for verb in ("restrict", "reinstate", "suspend", "close"):
        answer = await api.post(f"/v1/lines/{life.msisdn}/{verb}", {"reason": "scam", "note": life.note})
        assert answer.status_code == 200, answer.text
    clock.advance(timedelta(minutes=11))
    await _faults(api, life, monkeypatch)
    assert (await api.get("/metrics")).status_code == 200

    assert '"http.failed"' in sweep.logs or "http.failed" in sweep.logs, "the faults were logged"
    assert sweep.find(life.needles(), files=life.plain()) == []
    for place, body in [*sweep.redis(), ("logs", sweep.logs.encode())]:
        assert not [code for code in life.codes if code.encode() in body], place


async def test_personal_data_are_never_echoed(api: Api, caller: Caller, clock: ManualClock) -> None:
    """No answer but the number of the registration itself, and that only to whoever named it."""
    life = Life()
    reg = await _main_walk(api, life)
    await _refusals(api, caller, life, reg)
    may = {life.msisdn[1:], life.msisdn[3:]}
    # The name of an unknown field, where it is short and plain, is told to its sender, who has to find the slip.
    unknown = re.compile(r'"pointer": "/[A-Za-z0-9_]{1,40}", "code": "extra-forbidden"')
    for answer in api.calls:
        for name, text in life.texts().items():
            if text not in may and name != "birth date":
                assert text not in unknown.sub("", answer.text), (
                    name,
                    str(answer.request.url.path),
                    answer.text,
                )
                assert text not in str(answer.headers), name


async def test_the_sweep_would_find_a_name(api: Api, sweep: Sweep) -> None:
    """A log line, a job and a metric that did hold a name are found."""
    life = Life()
    import structlog

    structlog.get_logger("test").error("boom", name=life.person.family_name)
    with sweep._backend.admin() as conn:
        conn.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('x', 'x', %s)",
            (psycopg.types.json.Jsonb({"to": life.msisdn}),),
        )
    found = sweep.find(life.needles(), files={})
    assert any(place.startswith("logs: family name") for place in found)
    assert any(place.startswith("table procrastinate_jobs: msisdn") for place in found)
