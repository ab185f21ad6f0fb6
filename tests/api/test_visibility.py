"""Who is shown what: checks and staff reasons with scope ``evidence``, coarse ones without; policy's figures and
other people's traffic to nobody else."""

import json
from typing import Any

import pytest

from service.audit.workflow import Actor
from service.compose import Instead, Services
from service.documents.model import RegistryAnswer
from service.kit.ids import new_id
from service.web.auth import Scope
from tests.api.conftest import Api, Caller
from tests.fakes.pipeline import Applicant, TurnableRegistry, applicant, work

COARSE = {"details-disagree", "not-accepted", "limit-reached", "needs-a-person"}


@pytest.fixture
def registry() -> TurnableRegistry:
    return TurnableRegistry()


@pytest.fixture
def instead(registry: TurnableRegistry) -> Instead:
    return Instead(registry=registry)


@pytest.fixture
async def plain(caller: Caller) -> Api:
    return await caller(scopes=[scope for scope in Scope if scope is not Scope.EVIDENCE])


async def seen_by(api: Api, one: Applicant) -> Any:
    answer = await api.get(one.path)
    assert answer.status_code == 200
    return answer.json()


async def test_checks_of_a_document(api: Api, plain: Api) -> None:
    for who, turn, has_checks in ((api, 1, True), (plain, 2, False)):
        one = applicant(who, turn)
        await one.open(subscriber={**one.person.subscriber(), "family_name": "Somebodyelse"})
        shown = await one.show()
        assert (shown["outcome"], shown["reason"]) == ("fail", "details-disagree")
        assert ("checks" in shown) is has_checks
        if has_checks:
            names = {check["id"]: check["outcome"] for check in shown["checks"]}
            assert names["typed.names"] == "fail"
            assert names["mrz.document_number_digit"] == "pass"
            assert set(names.values()) <= {"pass", "fail", "warn", "skipped"}
        assert "Somebodyelse" not in json.dumps(shown)
    one = applicant(plain, 3)
    await one.open()
    passed = await one.show()
    assert "checks" not in passed
    assert passed.get("reason") is None


async def test_reasons_of_a_review(api: Api, plain: Api) -> None:
    one = applicant(api)
    person = {**one.person.subscriber(), "given_names": one.person.given_names[0]}
    staff = (await one.decided(subscriber=person))["decision"]
    assert staff["verdict"] == "review"
    rules = {reason["rule"]: reason for reason in staff["reasons"] if reason.get("effect")}
    assert {"document-doubtful"} <= set(rules)
    assert rules["document-doubtful"]["facts"][0].keys() >= {"name", "value", "threshold"}
    assert "{" not in rules["document-doubtful"]["staff"]
    coarse = (await seen_by(plain, one))["decision"]
    assert coarse["reasons"]
    for reason in coarse["reasons"]:
        assert set(reason) == {"code", "text"}
        assert reason["code"] in COARSE
        assert "{" not in reason["text"]
    codes = [reason["code"] for reason in coarse["reasons"]]
    assert len(codes) == len(set(codes))
    assert {name: coarse[name] for name in coarse if name != "reasons"} == {
        name: staff[name] for name in staff if name != "reasons"
    }
    listed = (await plain.get("/v1/registrations")).json()["items"][0]
    assert listed["decision"] == coarse


async def test_reasons_of_a_denial_say_how_to_appeal(
    api: Api, plain: Api, registry: TurnableRegistry
) -> None:
    registry.says = RegistryAnswer.NO
    one = applicant(plain)
    decided = await one.decided()
    assert decided["state"] == "denied"
    assert decided["decision"]["reasons"][0]["code"] == "not-accepted"
    assert "appeal" in decided["decision"]["reasons"][0]["text"]
    assert decided["next_actions"] == [{"action": "appeal", "not_before": None}]
    said = json.dumps(decided)
    for inner in ("registry", "threshold", "rule", "score"):
        assert inner not in said
    assert "registry" in json.dumps((await seen_by(api, one))["decision"])


async def test_an_approval_gives_no_reasons_away(api: Api, plain: Api) -> None:
    one = applicant(plain)
    decided = await one.decided()
    assert decided["decision"]["verdict"] == "approved"
    assert decided["decision"]["reasons"] == []


async def test_the_form_of_a_decision(api: Api, registry: TurnableRegistry) -> None:
    decision = (await applicant(api).decided())["decision"]
    assert set(decision) == {
        "id", "verdict", "reasons", "assurance", "conditions", "policy_version", "decided_at", "reference",
    }  # fmt: skip
    assert decision["id"].startswith("dec_")
    assert decision["assurance"] == "substantial"
    assert set(decision["conditions"]) == {"restricted_until", "probation_until"}
    assert decision["decided_at"] == "2026-11-23T10:00:00Z"
    registry.says = RegistryAnswer.NOT_AVAILABLE
    unproven = (await applicant(api, 2).decided())["decision"]
    assert unproven["assurance"] == "basic"
    assert unproven["conditions"]["probation_until"] == "2026-12-23T10:00:00Z"
    assert unproven["reference"] != decision["reference"]


async def test_a_person_and_their_note_are_not_shown(api: Api, plain: Api, services: Services) -> None:
    one = applicant(plain)
    person = {**one.person.subscriber(), "given_names": one.person.given_names[0]}
    assert (await one.decided(subscriber=person))["state"] == "in_review"
    staff = Actor.staff(new_id())
    from service.registration import store

    async with services.db.read(plain.operator) as reader:
        version = (await store.load(reader, one.uuid)).version
    await services.registrations.decide_by_person(
        operator=plain.operator,
        registration_id=one.uuid,
        staff=staff,
        verdict="denied",
        reason_code="not-accepted",
        note="She seemed nervous at the counter.",
        expected_version=version,
    )
    for who in (api, plain):
        said = json.dumps(await seen_by(who, one))
        assert staff.id not in said
        assert "nervous" not in said


async def test_other_clients_of_the_operator_see_the_same(
    api: Api, caller: Caller, services: Services
) -> None:
    one = applicant(api)
    await one.decided()
    await work(services)
    assert await seen_by(await caller(), one) == await one.get()
