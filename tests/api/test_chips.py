"""A chip at the door: nonce, data groups, verdict, assurance; and everything that is not one."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from service.compose import Services
from service.infra.postgres import Database
from tests.api.conftest import Api
from tests.fakes import authority
from tests.fakes.authority import Entity, How, Sod
from tests.fakes.pipeline import number, somebody

PERSON = somebody(3)
CSCA = Entity()
SIGNER = CSCA.signer()
CHIP = How(which=2)


@dataclass(frozen=True)
class Chip:
    """One document's chip, and how it is sent."""

    sod: bytes
    dg1: bytes
    dg15: bytes | None = None
    answer: bytes | None = None

    def body(self, **more: Any) -> dict[str, Any]:
        def text(data: bytes | None) -> str | None:
            return None if data is None else base64.b64encode(data).decode()

        groups = {
            "sod": text(self.sod), "dg1": text(self.dg1), "dg15": text(self.dg15),
            "active_authentication": text(self.answer),
        }  # fmt: skip
        return {"kind": "emrtd", **groups, **more}


def chip(*, key: bool = False, **different: Any) -> Chip:
    groups = {1: authority.dg1(*PERSON.lines)} | ({15: authority.dg15(CHIP)} if key else {})
    return Chip(Sod(SIGNER, groups, **different).bytes(), groups[1], groups.get(15))


def answering(nonce: str) -> Chip:
    plain = chip(key=True)
    return Chip(plain.sod, plain.dg1, plain.dg15, authority.answer(CHIP, base64.b64decode(nonce)))


Open = Callable[..., Awaitable[str]]


@pytest.fixture
async def trusted(services: Services) -> None:
    """The authority, brought by one person and brought into force by another."""
    one, another = UUID(int=1), UUID(int=2)
    for data in (CSCA.certificate(),):
        await services.authorities.activate((await services.authorities.stage(data, [], one)).id, another)
    crl = await services.authorities.stage_crl(CSCA.crl(99), one)
    await services.authorities.activate(crl.id, another)


@pytest.fixture
def opened(api: Api) -> Open:
    async def make(turn: int = 1, **more: Any) -> str:
        body = {"msisdn": number(turn), "purpose": "new", "subscriber": PERSON.subscriber(), **more}
        answer = await api.post("/v1/registrations", body)
        assert answer.status_code == 201, answer.text
        return f"/v1/registrations/{answer.json()['id']}"

    return make


def outcomes(document: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["outcome"] for check in document["checks"]}


async def test_a_signed_chip_that_answers_is_worth_substantial_assurance(
    api: Api, opened: Open, trusted: None
) -> None:
    path = await opened()
    answer = await api.post(f"{path}/documents/nonce")
    assert answer.status_code == 201, answer.text
    nonce = answer.json()["nonce"]
    assert len(base64.b64decode(nonce)) == 8
    assert answer.json()["expires_at"] == "2026-11-23T10:05:00Z"
    answer = await api.post(f"{path}/documents", answering(nonce).body())
    assert answer.status_code == 201, answer.text
    document = answer.json()
    assert (document["outcome"], document["proof"]) == ("pass", "signed"), document
    found = outcomes(document)
    assert found["chip.active_authentication"] == found["chip.signer_revoked"] == "pass"
    await api.post(f"{path}/otp", {"to": "line"})
    await api.post(f"{path}/otp/check", {"code": await api.code(number(1))})
    answer = await api.post(f"{path}/submit")
    assert answer.json()["decision"]["verdict"] == "approved", answer.text
    assert answer.json()["decision"]["assurance"] == "substantial"


async def test_an_answer_is_good_for_one_challenge_once(
    api: Api, opened: Open, trusted: None, db: Database
) -> None:
    path, other = await opened(1), await opened(2)
    nonce = (await api.post(f"{path}/documents/nonce")).json()["nonce"]
    sent = answering(nonce).body()
    # to another registration it is no answer: none is open there, or another
    for asks in (False, True):
        if asks:
            await api.post(f"{other}/documents/nonce")
        document = (await api.post(f"{other}/documents", sent)).json()
        assert (document["outcome"], document["proof"]) == ("fail", "none")
        assert outcomes(document)["chip.active_authentication" if asks else "chip.challenge"] == "fail"
    assert (await api.post(f"{path}/documents", sent)).json()["outcome"] == "pass"
    again = (await api.post(f"{path}/documents", sent)).json()
    assert again["outcome"] == "fail"
    assert outcomes(again)["chip.challenge"] == "fail"


async def test_without_a_trust_store_a_chip_is_consistent_at_most(api: Api, opened: Open) -> None:
    document = (await api.post(f"{await opened()}/documents", chip().body())).json()
    assert (document["outcome"], document["proof"]) == ("pass", "consistent")
    assert outcomes(document)["chip.trust"] == "skipped"


async def test_a_changed_chip_fails_and_says_little(
    api: Api, opened: Open, trusted: None, caller: Callable[..., Awaitable[Api]]
) -> None:
    real = chip()
    changed = Chip(real.sod, real.dg1.replace(b"UTO", b"NLD", 1))
    path = await opened()
    document = (await api.post(f"{path}/documents", changed.body())).json()
    assert (document["outcome"], document["proof"], document["reason"]) == ("fail", "none", "not-accepted")
    assert outcomes(document)["chip.dg1_hash"] == outcomes(document)["chip.signer_country"] == "fail"


async def test_nothing_of_a_chip_is_kept_but_a_keyed_hash(
    api: Api, opened: Open, trusted: None, db: Database, operator: UUID
) -> None:
    # another signature over the same content: what is not signed tells no two chips apart
    for turn in (1, 2):
        await api.post(f"{await opened(turn)}/documents", chip().body())
    async with db.read(operator) as reader:
        rows = await reader.all(sa.text("SELECT chip_idx, sealed FROM document_check"))
    assert len(rows) == 2
    assert rows[0].chip_idx == rows[1].chip_idx
    assert len(rows[0].chip_idx) == 20
    assert all(len(row.sealed) < 1024 for row in rows)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"dg2": "AA=="}, 422, "biometric-refused"),
        ({"DG3": None}, 422, "biometric-refused"),
        ({"dg14": "AA=="}, 422, "biometric-refused"),
        ({"face": "AA=="}, 422, "biometric-refused"),
        ({"dg1": "dQA="}, 422, "biometric-refused"),
        ({"dg15": "YwA="}, 422, "biometric-refused"),
        ({"sod": "dwIwAA=="}, 422, "document-unreadable"),
        ({"sod": "no base64"}, 422, "document-unreadable"),
        ({"dg1": "YQA="}, 422, "document-unreadable"),
        ({"active_authentication": "%"}, 422, "document-unreadable"),
    ],
)
async def test_other_groups_and_junk_are_refused(
    api: Api, opened: Open, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = await api.post(f"{await opened()}/documents", chip().body(**changes))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_chip_that_is_passed_around_goes_to_a_person(
    api: Api, opened: Open, trusted: None, services: Services
) -> None:
    """The same signed content from four devices; the fourth decision counts them."""
    for turn in range(1, 5):
        path = await opened(turn, device={"fingerprint": f"device {turn}", "ip": "203.0.113.7"})
        document = (await api.post(f"{path}/documents", chip().body())).json()
        assert document["proof"] == "signed", document
    await api.post(f"{path}/otp", {"to": "line"})
    await api.post(f"{path}/otp/check", {"code": await api.code(number(4))})
    decision = (await api.post(f"{path}/submit")).json()["decision"]
    assert decision["verdict"] == "review"
    told = {reason["rule"]: reason for reason in decision["reasons"]}
    assert told["chip-on-many-devices"]["facts"][0]["value"] == 4
