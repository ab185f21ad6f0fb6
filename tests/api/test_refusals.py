"""Refusals of the pipeline: each code of the contract, its facts, and that nothing came of it."""

from datetime import timedelta
from typing import Any

import pytest

from service.audit.workflow import Actor
from service.compose import Instead, Services
from service.documents.model import RegistryAnswer
from service.kit.clock import ManualClock
from service.lines.model import Action, Stock
from service.otp.ports import SenderUnavailable
from tests.api.conftest import Api
from tests.fakes.otp import Failing
from tests.fakes.pipeline import (
    PATH,
    TurnableInventory,
    TurnableProvisioner,
    TurnableRegistry,
    applicant,
    card,
    number,
    refused,
    somebody,
    work,
)

CLI = Actor.cli()


@pytest.fixture
def inventory() -> TurnableInventory:
    return TurnableInventory()


@pytest.fixture
def instead(inventory: TurnableInventory) -> Instead:
    registry = TurnableRegistry(RegistryAnswer.NOT_AVAILABLE)
    return Instead(registry=registry, provisioner=TurnableProvisioner(), inventory=inventory)


async def test_a_number_or_a_card_has_one_open_registration(api: Api) -> None:
    first = applicant(api, 1)
    await first.open(iccid=card(1))
    body = applicant(api, 2).body
    refused(await api.post(PATH, {**body(), "msisdn": number(1)}), 409, "number-in-use")
    refused(await api.post(PATH, body(iccid=card(1))), 409, "sim-in-use")
    refused(await api.post(PATH, {**body(iccid=card(1)), "msisdn": number(1)}), 409, "number-in-use")
    assert (await api.post(f"{first.path}/cancel")).json()["state"] == "cancelled"
    await applicant(api, 1).open(iccid=card(1))


async def test_a_number_or_a_card_has_one_line(api: Api, services: Services) -> None:
    await applicant(api, 1).decided(iccid=card(1))
    await work(services)
    assert (await api.get(f"/v1/lines/{number(1)}")).json()["state"] == "active"
    body = applicant(api, 2).body
    refused(await api.post(PATH, {**body(), "msisdn": number(1)}), 409, "number-in-use")
    refused(await api.post(PATH, body(iccid=card(1))), 409, "sim-in-use")


async def test_a_number_rests_before_its_next_holder(
    api: Api, services: Services, clock: ManualClock
) -> None:
    first = applicant(api, 1)
    await first.decided(iccid=card(1))
    await work(services)
    assert (await api.post(f"/v1/lines/{number(1)}/close", {"reason": "ended"})).status_code == 200
    again = {**applicant(api, 2).body(), "msisdn": number(1)}
    body = refused(await api.post(PATH, again), 409, "number-in-quarantine")
    assert body["free_at"] == "2027-02-21T10:00:00Z"
    clock.advance(timedelta(days=90))
    while await services.lines.expire(api.operator):
        pass
    answer = await api.post(PATH, again)
    assert answer.status_code == 201
    assert answer.json()["id"] != first.id
    refused(await api.get(f"/v1/lines/{number(1)}"), 404, "not-found")


async def test_state_conflict_says_which_state(api: Api, services: Services) -> None:
    one = applicant(api)
    await one.decided()
    paper = {"kind": "mrz", "lines": list(one.person.lines)}
    for path, body in (
        ("/submit", {}),
        ("/documents", paper),
        ("/otp", {"to": "line"}),
        ("/otp/check", {"code": "123456"}),
    ):
        facts = refused(await api.post(one.path + path, body), 409, "state-conflict")
        assert (facts["state"], facts["allowed"]) == ("approved", ["collecting"])
    answer = await api.ask("PATCH", one.path, json={"subscriber": {"given_names": "Eve"}})
    assert refused(answer, 409, "state-conflict")["state"] == "approved"
    facts = refused(await api.post(f"{one.path}/appeal", {"text": "No."}), 409, "state-conflict")
    assert facts["allowed"] == ["denied"]
    await work(services)
    facts = refused(await api.post(f"{one.path}/cancel"), 409, "state-conflict")
    assert (facts["state"], facts["allowed"]) == ("active", [])
    assert (await one.get())["state"] == "active"


async def test_evidence_missing_says_what(api: Api) -> None:
    one = applicant(api)
    await one.open()
    for missing, step in ((["document", "otp"], one.show), (["otp"], one.send), (["otp"], one.answer)):
        assert refused(await api.post(f"{one.path}/submit"), 409, "evidence-missing")["missing"] == missing
        assert (await one.get())["missing"] == missing
        await step()
    assert (await one.get())["missing"] == []
    assert (await one.get())["next_actions"] == [{"action": "submit", "not_before": None}]
    await one.submit()


async def test_a_failed_document_is_no_evidence(api: Api) -> None:
    one = applicant(api)
    await one.open()
    shown = await one.show(lines=forged(one.person.lines))
    assert shown["outcome"] == "fail"
    await one.send()
    await one.answer()
    assert refused(await api.post(f"{one.path}/submit"), 409, "evidence-missing")["missing"] == ["document"]


def forged(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The document number changed by one digit, its check digit left as it was."""
    wrong = str((int(lines[1][8]) + 1) % 10)
    return lines[0], lines[1][:8] + wrong + lines[1][9:]


# Codes


async def test_wrong_codes_then_none(api: Api) -> None:
    one = applicant(api)
    await one.open()
    await one.send()
    right = await api.code(one.msisdn)
    wrong = "000000" if right != "000000" else "111111"
    check = f"{one.path}/otp/check"
    for left in (4, 3, 2, 1, 0):
        assert refused(await api.post(check, {"code": wrong}), 422, "otp-rejected")["attempts_left"] == left
    refused(await api.post(check, {"code": right}), 410, "otp-exhausted")
    assert (await one.get())["missing"] == ["document", "otp"]


async def test_codes_that_are_over(api: Api, clock: ManualClock) -> None:
    one = applicant(api)
    await one.open()
    check = f"{one.path}/otp/check"
    refused(await api.post(check, {"code": "123456"}), 410, "otp-expired")  # never sent
    first = await one.send()
    old = await api.code(one.msisdn)
    clock.advance(timedelta(minutes=10))
    refused(await api.post(check, {"code": old}), 410, "otp-expired")  # too old
    second = await one.send()
    by_name = {"code": old, "challenge_id": first["challenge_id"]}
    refused(await api.post(check, by_name), 410, "otp-expired")  # superseded
    right = {"code": await api.code(one.msisdn), "challenge_id": second["challenge_id"]}
    assert (await api.post(check, right)).json()["status"] == "verified"
    refused(await api.post(check, right), 410, "otp-expired")  # used
    refused(await api.post(check, {**right, "challenge_id": "otp_" + "0" * 32}), 410, "otp-expired")
    refused(await api.post(check, {**right, "challenge_id": "nonsense"}), 404, "not-found")
    refused(await api.post(f"{one.path}/otp", {"to": "line"}), 409, "state-conflict")


async def test_a_code_of_another_registration(api: Api) -> None:
    one, two = applicant(api, 1), applicant(api, 2)
    for each in (one, two):
        await each.open()
        await each.send()
    mine, theirs = await api.code(one.msisdn), await api.code(two.msisdn)
    if mine != theirs:
        refused(await api.post(f"{two.path}/otp/check", {"code": mine}), 422, "otp-rejected")


async def test_the_next_code_must_wait(api: Api, clock: ManualClock) -> None:
    one = applicant(api)
    await one.open()
    sent = await one.send()
    answer = await api.post(f"{one.path}/otp", {"to": "line"})
    body = refused(answer, 429, "limit-exceeded")
    assert (body["limit"], body["retry_at"]) == ("OtpSendsPerMsisdn", sent["resend_at"])
    assert answer.headers["retry-after"] == "30"
    assert answer.headers["ratelimit"] == '"OtpSendsPerMsisdn";r=0;t=30'
    assert answer.headers["ratelimit-policy"].startswith('"OtpSendsPerMsisdn"')
    action = next(each for each in (await one.get())["next_actions"] if each["action"] == "send_otp")
    assert action["not_before"] == sent["resend_at"]
    clock.advance(timedelta(seconds=29))
    refused(await api.post(f"{one.path}/otp", {"to": "line"}), 429, "limit-exceeded")
    clock.advance(timedelta(seconds=1))
    await one.send()


async def test_no_sender_takes_it(api: Api, services: Services) -> None:
    """503, no code is live, and the budget is given back: the next one goes out at once."""
    one = applicant(api)
    await one.open()
    dispatch = services.codes._engine.tools.dispatch
    senders = dispatch.senders
    for broken in ((), (Failing(SenderUnavailable("gateway", "maintenance")),)):
        dispatch.senders = broken
        answer = await api.post(f"{one.path}/otp", {"to": "line"})
        assert refused(answer, 503, "unavailable")["dependency"] == "sms"
        assert int(answer.headers["retry-after"]) >= 1
        refused(await api.post(f"{one.path}/otp/check", {"code": "123456"}), 410, "otp-expired")
        actions = [each["action"] for each in (await one.get())["next_actions"]]
        assert actions == ["submit_document", "send_otp"]
    dispatch.senders = senders
    await one.send()
    await one.answer()


async def test_a_registration_that_is_over(api: Api, services: Services, clock: ManualClock) -> None:
    one = await applicant(api).ready()
    clock.advance(timedelta(hours=24))
    paper = {"kind": "mrz", "lines": list(one.person.lines)}

    async def all_refused() -> None:
        for path, body in (
            ("/submit", {}),
            ("/documents", paper),
            ("/otp", {"to": "line"}),
            ("/otp/check", {"code": "123456"}),
        ):
            refused(await api.post(one.path + path, body), 410, "registration-expired")
        answer = await api.ask("PATCH", one.path, json={"subscriber": {"given_names": "Eve"}})
        refused(answer, 410, "registration-expired")

    await all_refused()  # before the job came round
    assert await services.registrations.expire(api.operator) == 1
    await all_refused()
    assert (await one.get())["state"] == "expired"
    assert (await one.get())["next_actions"] == []
    await applicant(api).open()


async def test_an_expired_one_gives_its_number_back_at_once(api: Api, clock: ManualClock) -> None:
    first = applicant(api, 1)
    await first.open(iccid=card(1))
    clock.advance(timedelta(hours=24))
    await applicant(api, 1).open(iccid=card(1))
    assert (await first.get())["state"] == "expired"


# What is not taken at all


async def test_numbers_and_cards_that_are_not_ours(api: Api, inventory: TurnableInventory) -> None:
    body = applicant(api).body(iccid=card(1))
    for stock in (Stock(False, True, True), Stock(True, False, True), Stock(True, True, False)):
        inventory.number, inventory.sim = stock, Stock(True, True, True)
        refused(await api.post(PATH, body), 422, "number-not-allowed")
        inventory.number, inventory.sim = Stock(True, True, True), stock
        refused(await api.post(PATH, body), 422, "sim-not-in-stock")
    inventory.sim = Stock(True, True, True)
    assert (await api.post(PATH, body)).status_code == 201


async def test_the_stock_is_asked_for_this_dealer(
    api: Api, services: Services, inventory: TurnableInventory
) -> None:
    await services.dealers.register(api.operator, code="D-1", name="One", licence="L1", actor=CLI)
    await applicant(api, 1).open(dealer="D-1", iccid=card(1))
    await applicant(api, 2).open()
    assert inventory.asked == [(number(1), card(1), "D-1"), (number(2), None, None)]


@pytest.mark.parametrize("msisdn", ["+498001234567", "+499001234567", "+4930123456"])
async def test_no_code_goes_to_such_a_line(api: Api, msisdn: str) -> None:
    one = applicant(api)
    one.msisdn = msisdn
    await one.open()
    refused(await api.post(f"{one.path}/otp", {"to": "line"}), 422, "number-not-allowed")


async def test_categories_that_are_not_built(api: Api) -> None:
    body = applicant(api).body(holder={"kind": "organisation"})
    assert refused(await api.post(PATH, body), 422, "category-not-enabled")["category"] == "organisation"
    await applicant(api).open(holder={"kind": "person"})


@pytest.mark.parametrize(
    "paper",
    [
        {"kind": "barcode", "symbology": "pdf417", "text": "@\nANSI 636"},
        {"kind": "aadhaar_qr", "text": "123456"},
    ],
)
async def test_documents_that_are_not_built(api: Api, paper: dict[str, Any]) -> None:
    one = applicant(api)
    await one.open()
    refused(await api.post(f"{one.path}/documents", paper), 422, "category-not-enabled")
    assert (await one.get())["evidence"]["documents"] == []


@pytest.mark.parametrize(
    "lines", [["HELLO"], ["", ""], ["P<UTO" + "A" * 39, "short"], ["\u0000" * 44] * 2, ["x" * 44] * 3]
)
async def test_lines_that_are_no_zone(api: Api, lines: list[str]) -> None:
    one = applicant(api)
    await one.open()
    body = refused(
        await api.post(f"{one.path}/documents", {"kind": "mrz", "lines": lines}), 422, "document-unreadable"
    )
    assert body["advice"]
    assert (await one.get())["evidence"]["documents"] == []


async def test_five_failed_documents_are_enough(api: Api) -> None:
    one = applicant(api)
    await one.open()
    for _ in range(5):
        assert (await one.show(lines=forged(one.person.lines)))["outcome"] == "fail"
    paper = {"kind": "mrz", "lines": list(one.person.lines)}
    answer = await api.post(f"{one.path}/documents", paper)
    body = refused(answer, 429, "limit-exceeded")
    assert body["limit"] == "FailedDocumentsPerRegistration"
    assert body["retry_at"] == "2026-11-24T10:00:00Z"
    assert int(answer.headers["retry-after"]) == 24 * 3600
    assert answer.headers["ratelimit"] == '"FailedDocumentsPerRegistration";r=0;t=86400'
    assert len((await one.get())["evidence"]["documents"]) == 5


async def test_a_document_that_passed_does_not_use_them_up(api: Api) -> None:
    one = applicant(api)
    await one.open()
    for _ in range(4):
        await one.show(lines=forged(one.person.lines))
    await one.show()
    await one.show()
    await one.show(lines=forged(one.person.lines))
    answer = await api.post(f"{one.path}/documents", {"kind": "mrz", "lines": list(one.person.lines)})
    refused(answer, 429, "limit-exceeded")


@pytest.mark.parametrize(
    "paper",
    [
        {"kind": "emrtd", "sod": "dwA=", "dg1": "YQA=", "dg2": "dQA="},
        {"kind": "emrtd", "sod": "dwA=", "dg1": "dQA="},
        {"kind": "mrz", "lines": list(somebody().lines), "image": "x"},
        {"kind": "mrz", "lines": list(somebody().lines), "selfie": "x"},
    ],
)
async def test_faces_are_refused(api: Api, paper: dict[str, Any]) -> None:
    one = applicant(api)
    await one.open()
    refused(await api.post(f"{one.path}/documents", paper), 422, "biometric-refused")
    assert (await one.get())["evidence"]["documents"] == []


async def test_a_bare_picture_is_refused(api: Api) -> None:
    """It comes as the one part of a form: ``test_picture_door.py``."""
    one = applicant(api)
    await one.open()
    for media in ("image/jpeg", "image/png", "IMAGE/WEBP"):
        answer = await api.ask(
            "POST", f"{one.path}/documents", content=b"\xff\xd8\xff\xe0JFIF", headers={"Content-Type": media}
        )
        refused(answer, 415, "unsupported-media")
    assert (await one.get())["evidence"]["documents"] == []


async def test_no_contact_to_send_to(api: Api) -> None:
    one = applicant(api)
    await one.open(subscriber=one.person.subscriber())
    facts = refused(await api.post(f"{one.path}/otp", {"to": "contact"}), 422, "invalid-request")
    assert facts["errors"][0]["code"] == "no-contact"


async def test_voice_is_not_enabled(api: Api) -> None:
    one = applicant(api)
    await one.open()
    body = refused(
        await api.post(f"{one.path}/otp", {"to": "line", "channel": "voice"}), 422, "invalid-request"
    )
    assert body["errors"][0]["pointer"] == "/channel"


async def test_a_line_that_was_closed_in_between_is_not_revived(api: Api, services: Services) -> None:
    """The job that activates comes twice; the line was closed between."""
    one = applicant(api)
    await one.decided()
    await services.registrations.activate(api.operator, one.uuid)
    await services.lines.act(api.operator, one.msisdn, Action.CLOSE, reason="ended", actor=CLI)
    await services.registrations.activate(api.operator, one.uuid)
    assert (await api.get(f"/v1/lines/{one.msisdn}")).json()["state"] == "quarantined"
