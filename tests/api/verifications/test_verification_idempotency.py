"""``Idempotency-Key`` for verifications: the first answer again to the byte, and never a second message."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import redis as sync_redis

from service.compose import Instead, Services
from service.kit.clock import ManualClock
from service.otp.ports import SenderUnavailable
from service.otp.workflow.verifications import Verifications
from service.web.auth import Scope
from tests.api.conftest import Api, Caller
from tests.api.verifications.conftest import Teller
from tests.api.verifications.test_verification_walk import NUMBER, PATH, begun, other_than, told
from tests.fakes.pipeline import refused

KEY = {"Idempotency-Key": "one"}
BODY = {"to": NUMBER}


@pytest.fixture
def instead(teller: Teller) -> Instead:
    return Instead(senders=[teller])


def again(first: httpx2.Response, second: httpx2.Response) -> None:
    """The second is the first, from memory: bytes, status and header names but for the mark."""
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert set(second.headers) == {*first.headers, "idempotent-replayed"}
    assert first.headers["content-type"] == second.headers["content-type"]


async def twice(api: Api, path: str, body: Any, key: str = "one") -> httpx2.Response:
    headers = {"Idempotency-Key": key}
    first = await api.post(path, body, headers=headers)
    again(first, await api.post(path, body, headers=headers))
    return first


def records(raw: "sync_redis.Redis") -> list[bytes]:
    found: Any = raw.keys("{otp}:i:*")
    return list(found)


async def test_the_whole_way_twice(api: Api, teller: Teller, clock: ManualClock) -> None:
    sent = await twice(api, PATH, {"to": NUMBER, "client_ref": "a", "language": "fr"}, "send")
    assert sent.status_code == 202
    path = f"{PATH}/{sent.json()['id']}"
    clock.advance(timedelta(seconds=30))
    assert (await twice(api, f"{path}/resend", {}, "resend")).status_code == 202
    assert len(teller.messages) == 2
    assert (await twice(api, f"{path}/check", {"code": teller.code}, "check")).status_code == 200


async def test_a_later_replay_is_the_first_answer_still(api: Api, teller: Teller, clock: ManualClock) -> None:
    """What happened meanwhile changes nothing: the code was used, its tries spent, a minute has passed."""
    first = await api.post(PATH, BODY, headers=KEY)
    path = f"{PATH}/{first.json()['id']}"
    clock.advance(timedelta(seconds=30))
    resent = await api.post(f"{path}/resend", headers=KEY)
    told(await api.post(f"{path}/check", {"code": other_than(teller.code)}), 422, "otp-rejected")
    await api.post(f"{path}/check", {"code": teller.code})
    clock.advance(timedelta(minutes=5))
    again(first, await api.post(PATH, BODY, headers=KEY))
    again(resent, await api.post(f"{path}/resend", headers=KEY))
    told(await api.post(f"{path}/resend"), 409, "state-conflict", state="verified")
    assert len(teller.messages) == 2


async def test_another_body_is_refused_whatever_the_first_came_to(api: Api, teller: Teller) -> None:
    await api.post(PATH, BODY, headers=KEY)
    refused(await api.post(PATH, {"to": "+4915112345679"}, headers=KEY), 422, "idempotency-key-reused")
    refused(await api.post(PATH, {"to": "not a number"}, headers=KEY), 422, "idempotency-key-reused")
    other = {"Idempotency-Key": "two"}
    told(await api.post(PATH, {"to": "+1"}, headers=other), 422, "invalid-request")
    refused(await api.post(PATH, BODY, headers=other), 422, "idempotency-key-reused")
    assert len(teller.messages) == 1


async def test_the_same_json_in_other_bytes_is_another_body(api: Api, teller: Teller) -> None:
    await api.post(PATH, {"to": NUMBER, "language": "de"}, headers=KEY)
    refused(
        await api.post(PATH, {"language": "de", "to": NUMBER}, headers=KEY), 422, "idempotency-key-reused"
    )


async def test_while_the_first_still_runs(api: Api, teller: Teller) -> None:
    teller.go.clear()
    first = asyncio.create_task(api.post(PATH, BODY, headers=KEY))
    await teller.began.wait()
    busy = await api.post(PATH, BODY, headers=KEY)
    refused(busy, 409, "idempotency-in-progress")
    assert int(busy.headers["retry-after"]) > 0
    teller.go.set()
    again(await first, await api.post(PATH, BODY, headers=KEY))
    assert len(teller.messages) == 1


async def test_twenty_at_once_send_one(api: Api, teller: Teller) -> None:
    answers = await asyncio.gather(*(api.post(PATH, BODY, headers=KEY) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.content for answer in answers if answer.status_code == 202}) == 1
    assert len(teller.messages) == 1


async def test_twenty_right_codes_under_one_key_are_one_verification(api: Api, teller: Teller) -> None:
    sent = await begun(api)
    body = {"code": teller.code}
    answers = await asyncio.gather(
        *(api.post(f"{PATH}/{sent['id']}/check", body, headers=KEY) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1


async def test_a_key_is_one_clients_of_one_operator_on_one_route(
    api: Api, caller: Caller, services: Services, teller: Teller, clock: ManualClock
) -> None:
    await services.operators.add("other", "Other")
    stranger, second = await caller(slug="other"), await caller()
    answers = [await each.post(PATH, BODY, headers=KEY) for each in (api, second, stranger)]
    assert [answer.status_code for answer in answers] == [202] * 3
    ids = [answer.json()["id"] for answer in answers]
    assert len(set(ids)) == 3
    assert len(teller.messages) == 3
    assert not any("idempotent-replayed" in answer.headers for answer in answers)
    clock.advance(timedelta(minutes=1))
    more = await begun(api, "+4915112345679")
    for other in (ids[0], more["id"]):
        clock.advance(timedelta(minutes=1))
        answer = await api.post(f"{PATH}/{other}/resend", headers=KEY)
        assert answer.status_code == 202
        assert answer.json()["id"] == other
    assert len(teller.messages) == 6


async def test_a_wrong_code_replayed_costs_no_try(api: Api, teller: Teller) -> None:
    path = f"{PATH}/{(await begun(api))['id']}"
    first = await twice(api, f"{path}/check", {"code": other_than(teller.code)})
    told(first, 422, "otp-rejected", attempts_left=4)
    assert (await api.get(path)).json()["attempts_left"] == 4
    assert (await api.post(f"{path}/check", {"code": teller.code})).status_code == 200


async def test_what_a_script_refused_is_kept(api: Api, teller: Teller) -> None:
    path = f"{PATH}/{(await begun(api))['id']}"
    code = teller.code
    for turn in range(5):
        await api.post(f"{path}/check", {"code": other_than(code)}, headers={"Idempotency-Key": f"t{turn}"})
    told(await twice(api, f"{path}/check", {"code": code}, "dead"), 410, "otp-exhausted")
    used = await begun(api, "+4915112345679")
    path = f"{PATH}/{used['id']}/check"
    assert (await api.post(path, {"code": teller.code})).status_code == 200
    told(await twice(api, path, {"code": teller.code}, "used"), 410, "otp-expired")


NEVER = f"{PATH}/ver_{'0' * 32}"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (PATH, {"to": "x"}, 422, "invalid-request"),
        (PATH, {"to": NUMBER, "more": 1}, 422, "invalid-request"),
        (PATH, {"to": "+493012345678"}, 422, "number-not-allowed"),
        (PATH, {"to": "+12025550123"}, 422, "number-not-allowed"),
        (PATH, {"to": NUMBER, "dealer": "D-9"}, 422, "invalid-request"),
        (PATH, {"to": NUMBER, "channel": "voice"}, 422, "invalid-request"),
        (f"{NEVER}/check", {"code": "123456"}, 404, "not-found"),
        (f"{NEVER}/check", {"code": "12"}, 422, "invalid-request"),
        (f"{NEVER}/resend", {}, 404, "not-found"),
        (f"{PATH}/none/check", {"code": "123456"}, 404, "not-found"),
    ],
)
async def test_what_is_refused_is_kept(
    api: Api, teller: Teller, path: str, body: Any, status: int, code: str
) -> None:
    told(await twice(api, path, body), status, code)
    assert teller.messages == []


async def test_what_is_not_json_is_kept(api: Api) -> None:
    headers = {**KEY, "content-type": "text/plain"}
    first = await api.ask("POST", PATH, content="{}", headers=headers)
    refused(first, 415, "unsupported-media")
    again(first, await api.ask("POST", PATH, content="{}", headers=headers))
    headers = {"Idempotency-Key": "two", "content-type": "application/json"}
    first = await api.ask("POST", PATH, content="{", headers=headers)
    refused(first, 422, "invalid-request")
    again(first, await api.ask("POST", PATH, content="{", headers=headers))


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
async def test_a_key_of_another_form_is_refused_and_nothing_is_sent(
    api: Api, teller: Teller, raw_redis: "sync_redis.Redis", key: str
) -> None:
    answer = await api.ask("POST", PATH, json=BODY, headers=[(b"idempotency-key", key.encode())])
    told(answer, 422, "invalid-request")
    assert (teller.messages, records(raw_redis)) == ([], [])


async def test_who_may_not_ask_reserves_nothing(caller: Caller, raw_redis: "sync_redis.Redis") -> None:
    blind = await caller(scopes=[Scope.REGISTRATIONS])
    refused(await blind.post(PATH, BODY, headers=KEY), 403, "scope-missing")
    strange = {**KEY, "Authorization": "Bearer sk_none"}
    refused(await blind.post(PATH, BODY, headers=strange), 401, "unauthenticated")
    refused(await blind.post(PATH, {"to": 1}, headers=strange), 401, "unauthenticated")
    assert records(raw_redis) == []


async def test_limits_conflicts_and_outages_are_not_kept(
    api: Api, teller: Teller, clock: ManualClock, raw_redis: "sync_redis.Redis"
) -> None:
    teller.fails = SenderUnavailable("teller", "down")
    out = await api.post(PATH, BODY, headers=KEY)
    told(out, 503, "unavailable", dependency="sms")
    assert records(raw_redis) == []
    teller.fails = None
    first = await api.post(PATH, BODY, headers=KEY)  # the budget was given back
    assert first.status_code == 202
    two = {"Idempotency-Key": "two"}
    told(await api.post(PATH, BODY, headers=two), 429, "limit-exceeded", limit="OtpSendsPerMsisdn")
    assert len(records(raw_redis)) == 1
    clock.advance(timedelta(seconds=30))
    assert (await api.post(PATH, BODY, headers=two)).status_code == 202
    path = f"{PATH}/{first.json()['id']}"
    await api.post(f"{path}/check", {"code": teller.code})
    before = len(records(raw_redis))
    await api.post(f"{path}/resend", headers={"Idempotency-Key": "three"})
    assert len(records(raw_redis)) == before


async def test_a_key_lives_no_longer_than_the_challenge(
    api: Api, teller: Teller, raw_redis: "sync_redis.Redis"
) -> None:
    sent = await api.post(PATH, BODY, headers=KEY)
    await api.post(f"{PATH}/{sent.json()['id']}/check", {"code": teller.code}, headers=KEY)
    await api.post(PATH, {"to": "x"}, headers={"Idempotency-Key": "refused"})
    found = records(raw_redis)
    assert len(found) == 3
    for record in found:
        life: Any = raw_redis.pttl(record)
        assert 0 < life <= 600_000


async def test_kept_answers_are_sealed_and_their_names_hashed(
    api: Api, teller: Teller, raw_redis: "sync_redis.Redis"
) -> None:
    await api.post(PATH, {"to": "+493012345678"}, headers={"Idempotency-Key": "canary-key"})
    [record] = records(raw_redis)
    kept: Any = raw_redis.hgetall(record)
    said = record + b"".join(kept) + b"".join(kept.values())
    for word in (b"canary-key", b"number-not-allowed", b"problem", b"493012345678"):
        assert word not in said


async def test_the_process_dies_after_the_sender_took_it(
    api: Api, services: Services, teller: Teller, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody heard the first answer, and that a sender took the message was not noted any more."""
    challenges = type(services.verifications._engine.challenges)
    real = challenges.accept

    async def never(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(challenges, "accept", never)
    lost = await api.post(PATH, BODY, headers=KEY)
    monkeypatch.setattr(challenges, "accept", real)
    refused(await api.post(PATH, BODY, headers=KEY), 409, "idempotency-in-progress")
    clock.advance(timedelta(seconds=60))
    again(lost, await api.post(PATH, BODY, headers=KEY))
    again(lost, await api.post(PATH, BODY, headers=KEY))
    assert len(teller.messages) == 1
    path = f"{PATH}/{lost.json()['id']}"
    assert (await api.post(f"{path}/check", {"code": teller.code})).status_code == 200


async def test_the_process_dies_before_anything_was_done(
    api: Api, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is taken by the script that issues, and by nothing before it."""
    real = Verifications.send

    async def dies(*_: Any, **__: Any) -> Any:
        raise ConnectionResetError

    monkeypatch.setattr(Verifications, "send", dies)
    assert (await api.post(PATH, BODY, headers=KEY)).status_code == 500
    monkeypatch.setattr(Verifications, "send", real)
    assert (await api.post(PATH, BODY, headers=KEY)).status_code == 202
    assert len(teller.messages) == 1


async def test_hanging_up_before_a_sender_took_it_sends_nothing_and_dodges_no_charge(
    api: Api, services: Services, teller: Teller, clock: ManualClock, raw_redis: "sync_redis.Redis"
) -> None:
    teller.go.clear()
    first = asyncio.create_task(api.post(PATH, BODY, headers=KEY))
    await teller.began.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    teller.go.set()
    async with asyncio.timeout(10):
        while services.verifications._engine.tasks._running:
            await asyncio.sleep(0)
    assert (teller.messages, records(raw_redis)) == ([], [])
    told(await api.post(PATH, BODY, headers=KEY), 429, "limit-exceeded", limit="OtpSendsPerMsisdn")
    clock.advance(timedelta(seconds=30))
    assert (await api.post(PATH, BODY, headers=KEY)).status_code == 202
    assert len(teller.messages) == 1
