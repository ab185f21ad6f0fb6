"""The replay by itself, on events that are written by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from service.kit.ids import new_id
from service.limits.model import (
    Dimension,
    Gcra,
    Limit,
    LimitPolicy,
    Money,
    Rule,
    Schedule,
    Stage,
    Unverified,
    Window,
)
from service.limits.rules import block_key
from service.otp import rules
from service.otp.model import CodeEvent, CodePolicy
from service.otp.rules.replay import Replay, Spans, warm_up

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), 3_600_000_000
CLIENT, OTHER = new_id(), new_id()
NAMES = {dimension.value: f"hash-{dimension.name}" for dimension in Dimension}


def policy(version: str = "now", money: Money | None = None, **found: Rule) -> CodePolicy:
    limits = LimitPolicy(version, {Limit[name]: rule for name, rule in found.items()}, money)
    return replace(rules.seed_policy(), limits=limits)


def send(at: int, outcome: str = "sent", **more: Any) -> CodeEvent:
    facts = {"names": NAMES, "first": True, **more.pop("facts", {})}
    given = {"challenge": new_id(), "client_id": CLIENT, "country": "DE", "price": 75_000, "policy": "now"}
    return CodeEvent(new_id(), START + at * SECOND, "send", outcome, facts=facts, **{**given, **more})


def check(at: int, of: CodeEvent, outcome: str, **more: Any) -> CodeEvent:
    given = {"client_id": CLIENT, "challenge": of.challenge, **more}
    return CodeEvent(new_id(), START + at * SECOND, "check", outcome, **given)


def replayed(
    events: list[CodeEvent],
    in_force: CodePolicy,
    following: CodePolicy | None = None,
    blocks: Spans | None = None,
) -> Replay:
    found = Replay(in_force, following or in_force, START, START + timedelta(hours=12), blocks or {})
    for event in events:
        found.feed(event)
    return found


NUMBER = {"OTP_SENDS_PER_MSISDN": Rule((Window(1, HOUR),))}
GATE = {"OTP_CHALLENGE_PER_CLIENT": Rule((Unverified(1, 100, HOUR),))}
WRONG = {"OTP_WRONG_CODES_PER_MSISDN": Rule((Window(2, HOUR),))}


def test_a_difference_from_what_was_recorded_is_told() -> None:
    """Redis was flushed between the two: the law would have denied the second."""
    first, second = send(0), send(60)
    report = replayed([first, second], policy(**NUMBER)).report
    assert (report.compared, report.differing, report.differs) == (2, 1, [second.challenge])


def test_decisions_of_another_version_are_not_compared() -> None:
    report = replayed([send(0, policy="older"), send(60, policy="older")], policy(**NUMBER)).report
    assert (report.decisions, report.compared, report.differing) == (2, 0, 0)
    assert report.json["replay"]["of_other_versions"] == 2  # type: ignore[index, call-overload]


@pytest.mark.parametrize("name", ["shadows", "pressures"])
def test_a_shadow_that_was_recorded_otherwise_is_a_difference(name: str) -> None:
    report = replayed([send(0, facts={name: ["OtpSendsPerIp"]})], policy()).report
    assert report.differing == 1


@pytest.mark.parametrize(("flags", "asked"), [({}, 1), ({"solved": True}, 0), ({"first": False}, 0)])
def test_a_gate_asks_before_a_first_message_that_solved_nothing(flags: dict[str, bool], asked: int) -> None:
    report = replayed([send(0), send(60, facts=flags)], policy(**GATE)).report
    assert report.outcomes.get("challenged", [0, 0])[0] == asked


def test_an_answer_that_came_back_opens_the_gate_once() -> None:
    """The same right answer again, which failed to be recorded, is no second conversion."""
    first, second = send(0), send(2)
    events = [first, check(1, first, "verified"), second, check(3, first, "verified"), send(4)]
    report = replayed(events, policy(**GATE)).report
    assert report.outcomes == {"sent": [2, 2], "challenged": [1, 1]}


def test_what_no_sender_took_is_given_back() -> None:
    first = send(0)
    lost = CodeEvent(new_id(), START + SECOND, "unsent", "unavailable", challenge=first.challenge)
    late = replace(lost, outcome="late")
    assert replayed([first, lost, send(2)], policy(**NUMBER)).report.outcomes == {"sent": [2, 2]}
    assert replayed([first, late, send(2)], policy(**NUMBER)).report.outcomes["denied"] == [1, 1]
    # A process's clock may be behind that of Redis.
    early = replace(lost, at=START - SECOND)
    assert replayed([early, first, send(2)], policy(**NUMBER)).report.outcomes == {"sent": [2, 2]}


@pytest.mark.parametrize(
    ("outcome", "facts", "limited"),
    [("rejected", {}, 1), ("expired", {"compared": True}, 1), ("expired", {}, 0), ("exhausted", {}, 0)],
)
def test_wrong_codes_are_charged_where_they_were_compared(
    outcome: str, facts: dict[str, bool], limited: int
) -> None:
    first = send(0)
    wrong = [check(n, first, outcome, facts=facts) for n in (1, 2)]
    found = replayed([first, *wrong, check(3, first, "rejected")], policy(**WRONG))
    assert found._now.limited == limited


def test_what_was_never_sent_has_no_right_answer() -> None:
    """In the next world the second message is denied: its verification gives that world nothing."""
    first, second = send(0), send(60)
    events = [
        first,
        second,
        check(61, second, "verified"),
        send(62, facts={"names": {**NAMES, "n": "another"}}),
    ]
    gated = policy("next", **NUMBER, **GATE)
    report = replayed(events, policy(), gated).report
    assert report.outcomes == {"sent": [3, 1], "denied": [0, 1], "challenged": [0, 1]}
    assert (report.stopped, report.stopped_verified) == (2, 1)


def test_a_block_holds_while_it_held() -> None:
    key = block_key(Limit.OTP_BLOCKED_BLOCK, NAMES[Dimension.BLOCK_OPERATOR.value])
    from_us = int((START + 10 * SECOND).timestamp()) * 1_000_000
    blocks = {key: [(from_us, from_us + 10_000_000)]}
    report = replayed([send(9), send(10), send(19), send(20)], policy(), blocks=blocks).report
    assert report.outcomes == {"sent": [2, 2], "suppressed": [2, 2]}
    assert report.limits == {("OtpBlockedBlock", "enforced", "suppressed"): [2, 2]}


def test_the_holders_wish_does_not_bind_a_shop() -> None:
    key = block_key(Limit.OTP_BLOCKED_MSISDN, NAMES[Dimension.MSISDN.value])
    blocks = {key: [(0, 2**53)]}
    report = replayed([send(0), send(1, facts={"shop": True})], policy(), blocks=blocks).report
    assert report.outcomes == {"suppressed": [1, 1], "sent": [1, 1]}


def test_money_is_the_days_cap_at_the_policys_price() -> None:
    poor = policy("next", Money("EUR", 100_000, 100_000))
    dear = replace(poor, prices={**poor.prices, "DE": 100_000})
    cheap = replace(poor, prices={**poor.prices, "DE": 50_000})
    events = [send(0), send(1), send(2), send(20 * 3600)]
    for following, sent in ((poor, 1), (dear, 1), (cheap, 2)):
        found = Replay(policy(), following, START, START + timedelta(days=2))
        for event in events:
            found.feed(event)
        # The last one is of the next day.
        assert found.report.outcomes == {"sent": [4, sent + 1], "unfunded": [0, 3 - sent]}


def test_a_purse_that_was_filled_pressed_twice() -> None:
    attempts = Rule((Window(2, HOUR),), Stage.PRESSURE)
    pressed = policy(OTP_SEND_ATTEMPTS_PER_CLIENT=attempts)
    for facts, full in (({"refilled": True}, 1), ({}, 0)):
        report = replayed([send(0, facts=facts), send(1)], pressed).report
        assert report.outcomes == {"sent": [2, 2]}
        assert report.limits.get(("OtpSendAttemptsPerClient", "pressure", "full"), [0, 0]) == [full, full]


def test_a_test_number_is_no_decision() -> None:
    assert replayed([send(0, "test")], policy()).report.decisions == 0


def test_what_is_heard_and_not_counted() -> None:
    found = Replay(policy(**NUMBER), policy(**NUMBER), START + SECOND, START + 60 * SECOND)
    found.feed(send(0))
    found.feed(send(1), is_counted=False)
    found.feed(send(2, "denied", limit="OtpSendsPerMsisdn"))
    found.feed(send(60))
    assert found.report.decisions == 1
    assert found.report.outcomes == {"denied": [1, 1]}
    assert found.report.differing == 0


def test_twenty_examples_and_no_more() -> None:
    events = [send(n) for n in range(30)]
    report = replayed(events, policy(), policy("next", **NUMBER)).report
    assert (report.turned, len(report.examples)) == (29, 20)
    assert len(report.json["changed"]["examples"]) == 20  # type: ignore[index, call-overload, arg-type]


def test_a_check_of_another_client_does_not_charge_the_senders_budget() -> None:
    first = send(0)
    checks = policy(OTP_CHECKS_PER_CLIENT=Rule((Window(1, HOUR),)))
    for client, limited in ((CLIENT, 1), (OTHER, 0)):
        events = [first, *(check(n, first, "rejected", client_id=client) for n in (1, 2))]
        assert replayed(events, checks)._now.limited == limited


def test_what_is_forgotten_after_a_day_is_not_missed() -> None:
    first = send(0)
    found = replayed([first, send(86_401)], policy())
    assert list(found._sends) != [first.challenge]
    found.feed(check(86_402, first, "verified"))
    unknown: UUID = new_id()
    found.feed(replace(check(86_403, first, "verified"), challenge=unknown))
    assert found.report.decisions == 1


@pytest.mark.parametrize(
    ("bucket", "memory"),
    [
        (Window(1, 30 * 24 * HOUR), timedelta(days=30)),
        (Unverified(1, 1, 24 * HOUR), timedelta(days=2)),
        (Gcra(HOUR, 48), timedelta(days=2)),
        (Schedule((1,), 72 * HOUR), timedelta(days=3)),
        (Window(1, HOUR), timedelta(days=1)),
    ],
)
def test_how_long_before_the_range_it_begins(bucket: Any, memory: timedelta) -> None:
    assert warm_up([policy(), policy(OTP_SENDS_PER_IP=Rule((bucket,)))]) == memory
