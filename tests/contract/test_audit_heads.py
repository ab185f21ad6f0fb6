"""The webhook that carries signed heads out of the host, against a small real server."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from service.adapters.audit_heads import REST, HeadNotTaken, HeadsWebhook
from service.adapters.outward import TargetRefused
from service.audit.heads import read_heads
from service.audit.model import Actor, Head
from service.audit.ports import NOTHING_NOW
from service.audit.sealer import Sealer
from service.audit.verify import verify
from service.audit.workflow import record
from service.infra.crypto import Signer, Verifier
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.settings import Mode, Settings
from service.upkeep import outlets
from tests.fakes.sms_gateway import SmsGateway

OP, OTHER = UUID("018f0000-0000-7000-8000-000000000001"), UUID("018f0000-0000-7000-8000-000000000002")
AT = datetime(2026, 11, 23, 10, tzinfo=UTC)


async def loopback(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


@pytest.fixture
async def receiver() -> AsyncIterator[SmsGateway]:
    async with SmsGateway() as running:
        yield running


@pytest.fixture
def outlet(receiver: SmsGateway, clock: ManualClock) -> HeadsWebhook:
    return HeadsWebhook(receiver.url, [receiver.secret], clock, allow_private=True, resolver=loopback)


def head(n: int, operator: UUID = OP) -> Head:
    return Head(UUID(int=9), operator, n, bytes([n]) * 32, AT, b"s" * 69)


async def test_a_head_arrives_signed_as_a_line_of_a_heads_file(
    receiver: SmsGateway, outlet: HeadsWebhook, tmp_path: Path
) -> None:
    assert outlet.last(OP) is None
    await outlet.publish([head(3)])
    (got,) = receiver.history
    assert got.was_signed
    body = json.loads(got.body)
    assert (body["type"], body["timestamp"]) == ("audit.head", "2026-11-23T10:00:00Z")
    path = tmp_path / "heads"
    path.write_text(json.dumps(body["data"]) + "\n")
    assert read_heads(path) == [head(3)]
    assert outlet.last(OP) == 3
    assert outlet.last(OTHER) is None


async def test_the_newest_covers_those_before_it(receiver: SmsGateway, outlet: HeadsWebhook) -> None:
    await outlet.publish([head(1), head(2), head(7)])
    await outlet.publish([head(7)])
    await outlet.publish([head(5, OTHER)])
    assert [(each.data["op"], each.data["n"]) for each in receiver.history] == [(str(OP), 7), (str(OTHER), 5)]
    assert len({each.headers["webhook-id"] for each in receiver.history}) == 2


@pytest.mark.parametrize(
    ("status", "behaviour", "code"),
    [
        (500, "answer", "status-500"),
        (404, "answer", "status-404"),
        (302, "answer", "status-302"),
        (202, "drop", "answer-lost"),
        (202, "garbage", "answer-lost"),
    ],
)
async def test_what_is_not_taken_is_said_once_and_sent_again_after_a_rest(
    receiver: SmsGateway,
    outlet: HeadsWebhook,
    clock: ManualClock,
    status: int,
    behaviour: str,
    code: str,
) -> None:
    receiver.status, receiver.behaviour = status, behaviour
    with pytest.raises(HeadNotTaken, match=code):
        await outlet.publish([head(3)])
    assert outlet.last(OP) == outlet.last(OTHER) == NOTHING_NOW, "the sealer asks for nothing meanwhile"
    clock.advance(REST)
    assert outlet.last(OP) is None
    receiver.status, receiver.behaviour = 202, "answer"
    await outlet.publish([head(3), head(4)])
    assert outlet.last(OP) == 4
    assert receiver.history[-1].data["n"] == 4


async def test_nobody_there(receiver: SmsGateway, clock: ManualClock) -> None:
    nobody = HeadsWebhook(
        "http://gateway.test:9/", [receiver.secret], clock, allow_private=True, resolver=loopback
    )
    with pytest.raises(HeadNotTaken, match="not-reached"):
        await nobody.publish([head(1)])


async def test_our_own_network_is_not_called(receiver: SmsGateway, clock: ManualClock) -> None:
    public = HeadsWebhook("https://heads.test/", [receiver.secret], clock, resolver=loopback)
    with pytest.raises(HeadNotTaken, match="address-not-public"):
        await public.publish([head(1)])
    assert receiver.history == []


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("http://heads.test/", ["whsec_" + "a2tr" * 11]),
        ("https://u:p@heads.test/", ["whsec_" + "a2tr" * 11]),
        ("https://heads.test/", []),
        ("https://heads.test/", ["whsec_short"]),
    ],
)
def test_what_can_never_do_stops_the_start(clock: ManualClock, url: str, secrets: list[str]) -> None:
    with pytest.raises(TargetRefused):
        HeadsWebhook(url, secrets, clock)


def test_the_settings_name_it(tmp_path: Path, clock: ManualClock) -> None:
    assert outlets(Settings(mode=Mode.TEST), clock) == []
    both = Settings(
        mode=Mode.TEST,
        heads_file=tmp_path / "heads",
        heads_webhook_url="https://heads.test/",
        heads_webhook_secret="whsec_" + "a2tr" * 11,
    )
    assert [type(each).__name__ for each in outlets(both, clock)] == ["HeadsFile", "HeadsWebhook"]


async def test_the_sealer_goes_on_without_it_and_anchors_with_it(
    db: Database,
    sealer_db: Database,
    operator: UUID,
    keys_dir: Path,
    receiver: SmsGateway,
    outlet: HeadsWebhook,
    clock: ManualClock,
    tmp_path: Path,
) -> None:
    async def operators() -> list[UUID]:
        return [operator]

    sealer = Sealer(sealer_db, Signer.load(keys_dir, production=False), operators, [outlet])
    receiver.status = 503
    for _ in range(3):
        async with db.write(operator) as tx:
            record(tx, actor=Actor.cli(), action="test.done", object="x")
        assert await sealer.seal(operator) >= 1
        clock.advance(timedelta(seconds=61))
    assert all(each.data["op"] == str(operator) for each in receiver.history)
    receiver.status = 200
    await sealer.seal(operator)
    taken = receiver.history[-1].data
    path = tmp_path / "heads"
    path.write_text(json.dumps(taken) + "\n")
    found = await verify(db, [operator], Verifier.load(keys_dir), given=read_heads(path))
    (chain,) = [chain for chain in found.chains if chain.operator == operator]
    assert chain.is_whole
    assert chain.anchored == taken["n"] == chain.signed
