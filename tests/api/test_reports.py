"""Scam reports over the interface: who counts, what is kept, what is told to whom, and what no two may do at once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from service.audit.workflow import Actor, entries
from service.compose import Services
from service.events import Event, EventName
from service.infra.postgres import Database
from service.kit.clock import ManualClock, rfc3339
from service.kit.errors import Refusal, Stale, StateConflict, Unavailable
from service.kit.ids import new_id, wire
from service.lines.workflow import change_sim
from service.operators.workflow import Operators
from service.reports.model import Place, Report, State, Topic, Why
from service.reports.rotation import reindex
from service.upkeep import Upkeep
from service.web.auth import NOT_FOR_DEALERS, Scope
from tests.api.conftest import Api, Caller
from tests.api.test_events import told
from tests.fakes.pipeline import card, number, refused
from tests.fakes.reports import MONTH, PATH, SCAMMER, Town

PEOPLE = [number(turn) for turn in range(1, 8)]
ANNA, BORIS = Actor.staff(new_id()), Actor.staff(new_id())


@pytest.fixture
async def town(services: Services, clock: ManualClock, caller: Caller) -> Town:
    return Town(services, clock, [await caller() for _ in range(3)])


async def decide(town: Town, report: Report, to: State, by: Actor, **more: Any) -> Report:
    given = {"reason": "reports-agree" if to is State.CONFIRMED else "false-reports", **more}
    given = {"expected": report.version, **given}
    async with town.services.db.write(report.operator_id) as tx:
        return await town.services.reports.decide(tx, report.id, to, actor=by, **given)


async def whys(town: Town, report: Report) -> list[Why]:
    return [vote.why for vote in await town.votes(report)]


async def test_five_proved_strangers_corroborate(town: Town, services: Services) -> None:
    [scammer, *_] = await town.old_lines(SCAMMER, *PEOPLE[:5])
    filed = [await town.report(by) for by in PEOPLE[:4]]
    await town.work()
    assert {await town.state(each) for each in filed} == {"filed"}
    assert (await town.reports())[0].counted == 4
    filed.append(await town.report(PEOPLE[4], note="He said that he was my bank."))
    # Told at least once, and of three at once one counts.
    event = Event(
        EventName.REPORT_FILED,
        town.operator,
        services.clock.now(),
        {"report": (await town.reports())[0].id.hex},
    )
    await asyncio.gather(*(services.reports.follow(event) for _ in range(3)))
    await town.work()
    [report] = await town.reports()
    assert {await town.state(each) for each in filed} == {"corroborated"}
    assert (report.state, report.counted, report.votes, report.version) == (State.CORROBORATED, 5, 5, 2)
    assert (report.line_id, report.registration_id) == (scammer.id, scammer.registration_id)
    assert await whys(town, report) == [Why.COUNTS] * 5
    async with services.db.read(town.operator) as reader:
        found = await entries(reader, object=wire("rep", report.id))
        last = (await town.votes(report))[-1]
        assert await services.reports.note(reader, last) == "He said that he was my bank."
    assert [each.action for each in reversed(found)] == ["report.filed"] * 5 + ["report.corroborated"]


async def test_events_carry_ids_and_codes(town: Town, services: Services) -> None:
    [line] = await town.old_lines(SCAMMER)
    await town.report(None)
    [report] = await town.reports()
    here = {
        "report": report.id.hex,
        "topic": "conduct",
        "line": line.id.hex,
        "registration": line.registration_id.hex,
    }
    mine = [event for event in await told(services) if event[0].startswith("report.")]
    assert mine == [("report.filed", {**here, "kind": "scam_call"})]
    await town.work()
    report = await decide(town, report, State.DISMISSED, ANNA)
    async with services.db.write(town.operator) as tx:
        await services.reports.appeal(
            tx, report.id, reason="reporter-asked", actor=ANNA, expected=report.version
        )
    mine = [event for event in await told(services) if event[0].startswith("report.")]
    assert mine == [
        ("report.dismissed", {**here, "reason": "false-reports"}),
        ("report.appealed", {**here, "reason": "reporter-asked"}),
    ]


async def test_what_counts_nothing_is_kept_with_the_reason(
    town: Town, clock: ManualClock, caller: Caller
) -> None:
    await town.old_lines(SCAMMER, *PEOPLE[:2])
    await town.settle(PEOPLE[2])
    api = town.clients[0]
    other_number = {"msisdn": PEOPLE[1], "verification": await town.proof(PEOPLE[0], api)}
    old = await town.proof(PEOPLE[0], api)
    clock.advance(timedelta(minutes=31))
    bodies: list[tuple[dict[str, Any], Why]] = [
        ({}, Why.UNPROVED),
        ({"reporter": {"msisdn": PEOPLE[0]}}, Why.UNPROVED),
        ({"reporter": {"msisdn": PEOPLE[0], "verification": "ver_" + "0" * 32}}, Why.UNPROVED),
        ({"reporter": other_number}, Why.UNPROVED),
        ({"reporter": {"msisdn": PEOPLE[0], "verification": old}}, Why.UNPROVED),
    ]
    for body, _ in bodies:
        answer = await api.post(PATH, {"reported": SCAMMER, "kind": "spam", **body})
        assert (answer.status_code, answer.json()["state"]) == (202, "filed")
    await town.report(PEOPLE[2])
    await town.report(number(77))
    await town.report(SCAMMER)
    await town.report(PEOPLE[0], happened_at=rfc3339(clock.now() - timedelta(days=11)))
    await town.report(PEOPLE[0], happened_at=rfc3339(clock.now() - MONTH - timedelta(days=2)))
    await town.report(PEOPLE[1])
    await town.report(PEOPLE[1], kind="scam_sms")
    await town.work()
    [report] = await town.reports()
    votes = await town.votes(report)
    assert [vote.why for vote in votes] == [
        *(why for _, why in bodies),
        Why.YOUNG_LINE,
        Why.NO_LINE,
        Why.OWN_LINE,
        Why.OUT_OF_TIME,
        Why.EARLIER_HOLDER,
        Why.COUNTS,
        Why.REPEATED,
    ]
    assert (report.counted, report.votes, report.state) == (1, len(votes), State.FILED)


async def test_a_changed_card_proves_no_reporter_for_72_hours(town: Town, clock: ManualClock) -> None:
    """The answer to who filed is the same; the vote counts nothing, and one that was proved later does."""
    _, young, rested = await town.old_lines(SCAMMER, *PEOPLE[:2])
    lines = town.services.lines
    for line, turn in ((rested, 2), (young, 1)):
        async with town.services.db.write(town.operator) as tx:
            await change_sim(lines, tx, line.id, card(turn), Actor.system("test"))
        clock.advance(timedelta(hours=36))
    await town.report(PEOPLE[0])
    await town.report(PEOPLE[1])
    await town.work()
    [report] = await town.reports()
    assert [vote.why for vote in await town.votes(report)] == [Why.FRESH_SIM, Why.COUNTS]


async def test_a_dealers_key_proves_with_its_own_verifications(
    town: Town, caller: Caller, services: Services
) -> None:
    await town.old_lines(SCAMMER, PEOPLE[0])
    dealer = await services.dealers.register(
        town.operator, code="D-1", name="Shop", licence="L1", actor=Actor.cli()
    )
    scopes = [scope for scope in Scope if scope not in NOT_FOR_DEALERS]
    shop = await caller(scopes=scopes, dealer=dealer.id)
    proof = await town.proof(PEOPLE[0], town.clients[0])
    body = {"reported": SCAMMER, "kind": "spam", "reporter": {"msisdn": PEOPLE[0], "verification": proof}}
    mine = (await shop.post(PATH, body)).json()["id"]
    theirs = await town.report(PEOPLE[0])
    await town.work()
    [report] = await town.reports()
    assert await whys(town, report) == [Why.UNPROVED, Why.COUNTS]
    # It sees its own reports, and of them no more than time shows: else a shop would learn when its lines are noticed.
    refused(await shop.get(f"{PATH}/{theirs}"), 404, "not-found")
    await decide(town, report, State.CONFIRMED, ANNA)
    assert (await town.state(mine, shop), await town.state(mine)) == ("filed", "confirmed")


async def test_a_ring_is_one_voice(town: Town) -> None:
    """Five accomplices on one phone report an honest line; so does one who shares the line's own document."""
    [victim, *ring] = await town.old_lines(SCAMMER, *PEOPLE)
    for line in ring[:5]:
        await town.hang_on(line, "device", b"d" * 20)
    for line in (victim, ring[5]):
        await town.hang_on(line, "document", b"n" * 20)
    for by in PEOPLE:
        await town.report(by)
    await town.work()
    [report] = await town.reports()
    assert await whys(town, report) == [Why.COUNTS, *[Why.LINKED] * 5, Why.COUNTS]
    assert report.counted == 2


async def test_who_hangs_together_is_one_and_who_shares_a_shops_phone_is_not(
    town: Town, services: Services
) -> None:
    """A ring's members need share nothing two by two: what hangs together is the graph's word."""
    people = await town.old_lines(SCAMMER, *PEOPLE[:6])
    for line in people[1:3]:
        await town.hang_on(line, "document", line.id.bytes)
    async with services.db.write(town.operator) as tx:
        for line in people[1:3]:
            await tx.run(
                sa.text("INSERT INTO link_component VALUES (:op, :registration, :component)"),
                {"op": town.operator, "registration": line.registration_id, "component": town.operator},
            )
    for line in people[3:5]:
        await town.hang_on(line, "device", b"p" * 20)
    for by in PEOPLE[:4]:
        await town.report(by)
    await town.work()
    [report] = await town.reports()
    assert await whys(town, report) == [Why.COUNTS, Why.LINKED, Why.COUNTS, Why.LINKED]
    # Thirty customers more on that phone, and it is a shop's.
    for line in await town.settle(*(number(turn) for turn in range(100, 130))):
        await town.hang_on(line, "device", b"p" * 20)
    await town.report(None)
    await town.work()
    assert await whys(town, report) == [Why.COUNTS, Why.LINKED, Why.COUNTS, Why.COUNTS, Why.UNPROVED]


async def test_one_client_supplies_two(town: Town) -> None:
    await town.old_lines(SCAMMER, *PEOPLE[:4])
    for by in PEOPLE[:4]:
        await town.report(by, client=town.clients[0])
    await town.work()
    [report] = await town.reports()
    assert await whys(town, report) == [Why.COUNTS] * 2 + [Why.SAME_CLIENT] * 2


async def test_reputation_falls_with_false_reports_and_recovers(town: Town) -> None:
    targets = [number(9000 + turn) for turn in range(5)]
    await town.old_lines(*targets, PEOPLE[0])
    said = []
    for target, to in zip(
        targets, [State.DISMISSED, State.DISMISSED, State.CONFIRMED, None, State.CONFIRMED], strict=True
    ):
        await town.report(PEOPLE[0], reported=target)
        await town.work()
        report = (await town.reports())[0]
        [vote] = await town.votes(report)
        said.append((vote.why, vote.weight))
        if to is not None:
            await decide(town, report, to, ANNA)
    low = Why.LOW_REPUTATION
    assert said == [(Why.COUNTS, 1000), (Why.COUNTS, 650), (low, 300), (Why.COUNTS, 500), (Why.COUNTS, 500)]


async def test_an_unproved_vote_ruins_nobodys_name(town: Town) -> None:
    await town.old_lines(SCAMMER, number(9001), PEOPLE[0])
    await town.clients[0].post(PATH, {"reported": SCAMMER, "kind": "spam", "reporter": {"msisdn": PEOPLE[0]}})
    await town.work()
    await decide(town, (await town.reports())[0], State.DISMISSED, ANNA)
    await town.report(PEOPLE[0], reported=number(9001))
    await town.work()
    [vote] = await town.votes((await town.reports())[0])
    assert (vote.why, vote.weight) == (Why.COUNTS, 1000)


async def test_not_mine_goes_to_a_person_and_stands_by_itself(town: Town) -> None:
    await town.old_lines(SCAMMER, PEOPLE[0])
    await town.report(PEOPLE[0], kind="not_mine")
    await town.report(PEOPLE[0])
    await town.work()
    found = {report.topic: report for report in await town.reports()}
    assert await whys(town, found[Topic.OWNERSHIP]) == [Why.OWNERSHIP]
    assert await whys(town, found[Topic.CONDUCT]) == [Why.COUNTS]


# Of others


@pytest.fixture
async def other(db: Database, caller: Caller) -> Api:
    await Operators(db).add("other", "Other Telecom")
    return await caller(slug="other")


async def test_another_operators_line_opens_a_case_there_and_tells_nothing_here(
    town: Town, other: Api, clock: ManualClock
) -> None:
    """A report on another's line and one on nobody's are the same to look at, whatever becomes of the first."""
    await town.old_lines(*PEOPLE[:5])
    [line] = await town.settle(SCAMMER, operator=other.operator)
    clock.advance(MONTH)
    nobodys = number(9999)
    pairs = [
        (await town.report(by), await town.report(by, reported=nobodys, note="It rang at night"))
        for by in PEOPLE[:5]
    ]
    for _ in range(2):
        await town.work()
    here = {report.votes for report in await town.reports()}
    assert here == {5}
    assert {report.place for report in await town.reports()} == {Place.ELSEWHERE}
    [there] = await town.reports(other.operator)
    assert (there.line_id, there.state, there.votes, there.counted) == (line.id, State.FILED, 1, 0)
    [vote] = await town.votes(there)
    assert (vote.why, vote.client_id, vote.line_id) == (Why.OTHER_OPERATOR, None, None)
    assert vote.sealed is None
    assert vote.secret is None
    await decide(town, there, State.CONFIRMED, ANNA)
    await town.work()
    refused(await other.get(f"{PATH}/{pairs[0][0]}"), 404, "not-found")
    for days, said in ((0, "filed"), (29, "filed"), (1, "closed")):
        clock.advance(timedelta(days=days))
        for theirs, unknown in pairs:
            assert await town.state(theirs) == await town.state(unknown) == said


async def test_what_is_passed_on_comes_once(town: Town, other: Api, services: Services) -> None:
    await town.settle(SCAMMER, operator=other.operator)
    await town.report(None)
    [report] = await town.reports()
    [event] = [each for each in await told(services) if each[0] == "report.filed"]
    assert event[1].get("line") is None
    await asyncio.gather(*(services.reports._pass_on(report) for _ in range(3)))
    await town.report(None)
    await town.work()
    [there] = await town.reports(other.operator)
    assert there.votes == 1


# Refusals


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"reported": "+49", "kind": "spam"}, "/reported"),
        ({"reported": SCAMMER}, "/kind"),
        ({"kind": "spam"}, "/reported"),
        ({"reported": SCAMMER, "kind": "noise"}, "/kind"),
        ({"reported": SCAMMER, "kind": "spam", "happened_at": "2026-11-24T10:00:00Z"}, "/happened_at"),
        ({"reported": SCAMMER, "kind": "spam", "happened_at": "2025-11-22T10:00:00Z"}, "/happened_at"),
        ({"reported": SCAMMER, "kind": "spam", "happened_at": "2026-11-23T10:00:00"}, "/happened_at"),
        ({"reported": SCAMMER, "kind": "spam", "reporter": {}}, "/reporter/msisdn"),
        (
            {"reported": SCAMMER, "kind": "spam", "reporter": {"msisdn": PEOPLE[0], "verification": "7"}},
            "/reporter/verification",
        ),
        ({"reported": SCAMMER, "kind": "spam", "note": "x" * 501}, "/note"),
        ({"reported": SCAMMER, "kind": "spam", "note": "a\u202eb"}, "/note"),
        ({"reported": SCAMMER, "kind": "spam", "picture": "x"}, "/picture"),
    ],
)
async def test_what_is_no_report(town: Town, body: dict[str, Any], pointer: str) -> None:
    problem = refused(await town.clients[0].post(PATH, body), 422, "invalid-request")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert await town.reports() == []


async def test_scope_ids_and_operators(town: Town, caller: Caller, other: Api) -> None:
    await town.old_lines(SCAMMER)
    mine = await town.report(None)
    without = await caller(scopes=[each for each in Scope if each is not Scope.REPORTS])
    for answer in (
        await without.post(PATH, {"reported": SCAMMER, "kind": "spam"}),
        await without.get(f"{PATH}/{mine}"),
    ):
        refused(answer, 403, "scope-missing")
    for path in (f"{PATH}/rep_{'0' * 32}", f"{PATH}/7", f"{PATH}/ver_{mine[4:]}"):
        refused(await town.clients[0].get(path), 404, "not-found")
    refused(await other.get(f"{PATH}/{mine}"), 404, "not-found")


async def test_a_client_has_a_quota_and_replays_spend_none_of_it(town: Town) -> None:
    api, body = town.clients[0], {"reported": SCAMMER, "kind": "spam"}
    for _ in range(3):
        answer = await api.post(PATH, body, headers={"Idempotency-Key": "one"})
        assert answer.status_code == 202
    assert answer.headers["Idempotent-Replayed"] == "true"
    answers = [await api.post(PATH, body) for _ in range(120)]
    assert [answer.status_code for answer in answers] == [202] * 119 + [429]
    problem = refused(answers[-1], 429, "limit-exceeded")
    assert problem["limit"] == "ReportsPerClient"
    assert (await town.clients[1].post(PATH, body)).status_code == 202
    assert (await town.reports())[0].votes == 121


async def test_a_replay_files_nothing_more(town: Town) -> None:
    api, headers = town.clients[0], {"Idempotency-Key": "one"}
    first = await api.post(PATH, {"reported": SCAMMER, "kind": "spam"}, headers=headers)
    again = await api.post(PATH, {"reported": SCAMMER, "kind": "spam"}, headers=headers)
    assert (first.json(), again.headers["Idempotent-Replayed"]) == (again.json(), "true")
    refused(
        await api.post(PATH, {"reported": SCAMMER, "kind": "scam_sms"}, headers=headers),
        422,
        "idempotency-key-reused",
    )
    assert [report.votes for report in await town.reports()] == [1]


# Races


async def test_many_votes_at_once_open_one_report(town: Town) -> None:
    await town.old_lines(SCAMMER)
    bodies = [{"reported": SCAMMER, "kind": "spam"}, {"reported": number(9999), "kind": "spam"}] * 8
    answers = await asyncio.gather(*(town.clients[0].post(PATH, body) for body in bodies))
    assert {answer.status_code for answer in answers} == {202}
    assert sorted(report.votes for report in await town.reports()) == [8, 8]
    assert len({answer.json()["id"] for answer in answers}) == 16


async def test_of_two_analysts_one_decides(town: Town) -> None:
    await town.old_lines(SCAMMER)
    await town.report(None)
    [report] = await town.reports()
    found = await asyncio.gather(
        decide(town, report, State.CONFIRMED, ANNA),
        decide(town, report, State.DISMISSED, BORIS),
        return_exceptions=True,
    )
    [won] = [each for each in found if isinstance(each, Report)]
    [lost] = [each for each in found if isinstance(each, Refusal)]
    assert isinstance(lost, StateConflict)
    assert (await town.reports())[0].decided_by == won.decided_by
    with pytest.raises(StateConflict):
        await decide(town, won, State.DISMISSED, BORIS)


async def test_a_decision_is_about_what_was_seen_and_votes_do_not_disturb_it(town: Town) -> None:
    await town.old_lines(SCAMMER)
    await town.report(None)
    [report] = await town.reports()
    await town.report(None)
    await town.work()
    with pytest.raises(Stale):
        await decide(town, report, State.CONFIRMED, ANNA, expected=report.version + 1)
    await decide(town, report, State.CONFIRMED, ANNA)


async def test_an_appeal_is_decided_by_another(town: Town, services: Services) -> None:
    await town.old_lines(SCAMMER)
    vote = await town.report(None)
    report = await decide(town, (await town.reports())[0], State.CONFIRMED, ANNA)
    async with services.db.write(town.operator) as tx:
        report = await services.reports.appeal(
            tx, report.id, reason="holder-asked", actor=ANNA, expected=report.version, note="By telephone"
        )
    assert await town.state(vote) == "appealed"
    with pytest.raises(StateConflict):
        await decide(town, report, State.DISMISSED, ANNA, reason="appeal-upheld")
    # What is said meanwhile is another matter.
    await town.report(None)
    report = await decide(town, report, State.DISMISSED, BORIS, reason="appeal-upheld")
    assert sorted(each.state for each in await town.reports()) == [State.DISMISSED, State.FILED]


# Faults


async def test_without_redis_nothing_is_filed_and_everything_is_read(
    town: Town, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    vote = await town.report(None)

    async def gone(*_: Any, **__: Any) -> Any:
        raise Unavailable("redis")

    monkeypatch.setattr(services.redis, "run", gone)
    headers = {"Idempotency-Key": "one"}
    body = {"reported": SCAMMER, "kind": "spam"}
    problem = refused(await town.clients[0].post(PATH, body, headers=headers), 503, "unavailable")
    assert problem["dependency"] == "redis"
    assert await town.state(vote) == "filed"
    monkeypatch.undo()
    assert (await town.clients[0].post(PATH, body, headers=headers)).status_code == 202
    assert [report.votes for report in await town.reports()] == [2]


# Erasure and age


async def test_an_erased_reporter_leaves_a_vote_that_says_nothing(
    town: Town, services: Services, clock: ManualClock
) -> None:
    [_, line] = await town.old_lines(SCAMMER, PEOPLE[0])
    await town.report(PEOPLE[0], note="My own words")
    await town.work()
    assert await Upkeep(services).erase(town.operator, line.subscriber_id)
    [report] = await town.reports()
    [vote] = await town.votes(report)
    assert (vote.why, vote.line_id, vote.subscriber_id, vote.sealed) == (Why.ERASED, None, None, None)
    async with services.db.read(town.operator) as reader:
        assert await services.reports.note(reader, vote) is None
    await town.report(None)
    await town.work()
    assert await whys(town, report) == [Why.ERASED, Why.UNPROVED]
    assert (await town.reports())[0].counted == 0


async def test_what_is_old_goes_and_what_waits_stays(
    town: Town, services: Services, clock: ManualClock
) -> None:
    await town.old_lines(SCAMMER, number(9001), number(9002))
    for reported in (SCAMMER, number(9001), number(9002), number(9999)):
        await town.report(None, reported=reported)
    await town.work()
    [elsewhere, appealed, decided, filed] = await town.reports()
    report = await decide(town, appealed, State.CONFIRMED, ANNA)
    async with services.db.write(town.operator) as tx:
        await services.reports.appeal(
            tx, report.id, reason="holder-asked", actor=ANNA, expected=report.version
        )
    clock.advance(timedelta(days=300))
    await decide(town, decided, State.CONFIRMED, ANNA)
    clock.advance(timedelta(days=66))
    assert await services.reports.purge(town.operator) == 2
    assert {each.id for each in await town.reports()} == {appealed.id, decided.id}
    async with services.db.read(town.operator) as reader:
        assert await reader.scalar(sa.text("SELECT count(*) FROM report_vote")) == 2
    assert {elsewhere.place, filed.place} == {Place.ELSEWHERE, Place.OURS}


async def test_numbers_that_are_not_ours_are_indexed_again(town: Town, services: Services) -> None:
    """After a rotation the row has another hash: the number behind it stands beside it, sealed."""
    await town.report(None)
    async with services.db.write(town.operator) as tx:
        await tx.run(sa.text("UPDATE report SET number_idx = decode(repeat('00', 20), 'hex')"))
    assert await reindex(services.db, services.vault, town.operator) == 1
    await town.report(None)
    assert [report.votes for report in await town.reports()] == [2]


async def test_no_number_of_anybody_stands_in_a_row(town: Town, services: Services) -> None:
    await town.old_lines(PEOPLE[0])
    await town.report(PEOPLE[0], note="Mein Name ist Kanarienvogel")
    await town.report(None, note="Kanarienvogel")
    async with services.db.read(town.operator) as reader:
        rows = await reader.all(sa.text("SELECT r::text || v::text AS body FROM report r, report_vote v"))
    async with services.db.read(None) as reader:
        jobs = await reader.all(sa.text("SELECT args::text AS body FROM procrastinate_jobs"))
    text = "".join(row.body for row in [*rows, *jobs])
    for canary in (SCAMMER[1:], PEOPLE[0][1:], "Kanarienvogel"):
        assert canary not in text
        assert canary.encode().hex() not in text
