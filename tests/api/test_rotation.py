"""``simward rotate-keys`` over a running house: add, promote, rewrite, retire, and nothing is lost on the way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from service.app import create_app
from service.audit.workflow import Actor
from service.cli import main
from service.compose import Instead
from service.dealers.model import LicenceInUse
from service.infra.crypto import create_keysets
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.canon import IndexKind
from service.kit.clock import ManualClock
from service.lines.model import Action
from service.operators.workflow import Operators
from service.risk.model import HoldingKind
from service.risk.model.links import Common
from service.risk.store import commons
from service.settings import Mode, Settings
from service.staff.model import Role
from service.subscribers.store import move_indexes
from service.upkeep import Upkeep
from service.web.auth import Scope
from tests.api.conftest import Api
from tests.api.test_shared_holdings import with_policy
from tests.conftest import Backend
from tests.fakes.pipeline import TurnableRegistry, applicant, somebody, work

CLI = Actor.cli()
ANNA, BEN, CIA = somebody(1), somebody(2), somebody(3)


@dataclass
class House:
    """Two operators, and a way to start and stop the service between the steps."""

    settings: Settings
    clock: ManualClock
    keys: dict[str, str]
    turns: "list[int]"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[Api, Api]]:
        app = create_app(self.settings, self.clock, Instead(registry=TurnableRegistry()))
        async with app.router.lifespan_context(app):
            services = app.state.services
            apis = []
            for slug in ("demo", "other"):
                http = httpx2.AsyncClient(
                    transport=httpx2.ASGITransport(app, client=("127.0.0.1", 50000)),
                    base_url="http://testserver",
                    headers={"Authorization": f"Bearer {self.keys[slug]}"},
                    timeout=30,
                )
                operator = (await services.operators.by_slug(slug)).id
                apis.append(Api(http, services, operator, self.keys[slug], has_registry=True))
            yield apis[0], apis[1]
            await asyncio.gather(*(api.http.aclose() for api in apis))

    def turn(self) -> int:
        """A number that nobody has had."""
        self.turns[0] += 1
        return self.turns[0]


Rotate = Callable[[str, str], "asyncio.Future[int]"]


@pytest.fixture
async def house(
    backend: Backend,
    clock: ManualClock,
    db: Database,
    redis: Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    folder = tmp_path / "keys"
    create_keysets(folder)
    settings = Settings(
        mode=Mode.TEST,
        database_url=backend.servers.app_url,
        sealer_database_url=backend.servers.sealer_url,
        redis_url=backend.servers.redis_url,
        keys_dir=folder,
        sender="outbox",
        log_level="error",
        public_url="http://testserver",
    )
    for name in ("database_url", "redis_url", "keys_dir"):
        monkeypatch.setenv(f"SIMWARD_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setenv("SIMWARD_MODE", "test")
    operators = Operators(db)
    keys = {}
    for slug in ("demo", "other"):
        operator = await operators.add(slug, f"{slug} Telecom")
        keys[slug] = (await operators.create_key(operator, "till", list(Scope))).text
    return House(settings, clock, keys, [10])


async def rotate(keyset: str, step: str) -> int:
    """The command, as a person would type it."""
    return await asyncio.to_thread(main, ["rotate-keys", keyset, step])


async def fill(house: House) -> str:
    """Anna with three lines and Ben with a closed one at the first operator; a dealer; a member of staff.
    Returns Anna's first number."""
    async with house.running() as (demo, _):
        services = demo.services
        await with_policy(services, shared_cap=3)
        numbers = []
        for turn, person in ((1, ANNA), (2, ANNA), (3, ANNA), (4, BEN)):
            who = applicant(demo, turn, person=person)
            await who.ready()
            answer = await demo.post(
                f"{who.path}/submit", headers={"Idempotency-Key": f"once-and-only-{turn}"}
            )
            assert answer.json()["state"] == "approved", answer.text
            await work(services)
            numbers.append(who.msisdn)
        await services.lines.act(
            demo.operator, numbers[3], Action.CLOSE, reason="customer-request", actor=CLI
        )
        await work(services)
        await services.dealers.register(
            demo.operator, code="SHOP", name="Shop", licence="HRB 4711", actor=CLI
        )
        await services.staff.add(
            demo.operator, login="rosa", name="Rosa Canary", role=Role.SUPERVISOR, actor=CLI
        )
    return numbers[0]


async def all_is_there(house: House, number: str) -> None:
    """Read, found, counted and kept apart as on the first day; and what is new works too."""
    async with house.running() as (demo, other):
        services = demo.services
        line = await demo.get(f"/v1/lines/{number}")
        assert line.status_code == 200, line.text
        async with services.db.read(demo.operator) as reader:
            assert len(await services.subscribers.find(reader, IndexKind.MSISDN, number)) <= 1
            found = await services.lines.load(reader, (await services.lines.get(demo.operator, number)).id)
            numbers = await services.lines.numbers(reader, found)
            assert numbers is not None
            assert numbers.msisdn == number
            shop = await services.dealers.find(reader, "SHOP")
        assert services.dealers.licence(shop) == "HRB 4711"
        with pytest.raises(LicenceInUse):
            await services.dealers.register(
                demo.operator, code="AGAIN", name="Again", licence="hrb-4711", actor=CLI
            )
        assert [name for _, name in await services.staff.listed(demo.operator)] == ["Rosa Canary"]
        taken = await demo.post("/v1/registrations", applicant(demo, 1).body())
        assert (taken.status_code, taken.json()["code"]) == (409, "number-in-use"), taken.text
        resting = await demo.post("/v1/registrations", applicant(demo, 4).body())
        assert (resting.status_code, resting.json()["code"]) == (409, "number-in-quarantine"), resting.text
        again = applicant(demo, house.turn(), person=ANNA)
        at_home = await again.decided()
        reasons = [each["rule"] for each in at_home["decision"]["reasons"]]
        assert "cap-on-identity" in reasons, "her lines count at home, and over all operators"
        await demo.post(f"{again.path}/cancel")
        elsewhere = applicant(other, house.turn(), person=ANNA)
        assert (await elsewhere.decided())["state"] == "in_review"
        await other.post(f"{elsewhere.path}/cancel")


@pytest.mark.parametrize("keyset", ["kek", "index", "shared"])
async def test_a_rotation_from_the_first_step_to_the_last(
    house: House, keyset: str, capsys: pytest.CaptureFixture[str]
) -> None:
    number = await fill(house)
    await all_is_there(house, number)
    assert await rotate(keyset, "retire") == 1, "there is nothing to retire yet"
    for step in ("add", "promote"):
        assert await rotate(keyset, step) == 0
        await all_is_there(house, number)
    assert "no newer key" not in capsys.readouterr().err
    assert await rotate(keyset, "rewrite") == 0
    await all_is_there(house, number)
    if keyset == "kek":
        assert await rotate(keyset, "retire") == 1, "kept answers have the old key for a day"
        assert "rows still have key" in capsys.readouterr().err
        house.clock.advance(timedelta(days=1, hours=1))
        async with house.running() as (demo, _):
            await Upkeep(demo.services).purge()
    assert await rotate(keyset, "retire") == 0, capsys.readouterr().err
    assert "enabled keys 1" in capsys.readouterr().out
    await all_is_there(house, number)
    assert await rotate(keyset, "retire") == 1, "what is retired is gone"


async def test_retiring_rewrites_first_and_waits_for_what_it_cannot_rewrite(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """A device's hash has no plaintext anywhere: the old key stays until its registration is forgotten."""
    async with house.running() as (demo, _):
        who = applicant(demo, 1, person=CIA)
        await who.open(device={"fingerprint": "phone-of-cia", "role": "applicant"})
        await who.api.post(f"{who.path}/cancel")
    for step in ("add", "promote"):
        assert await rotate("index", step) == 0
    assert await rotate("index", "retire") == 1
    assert "rows still have key" in capsys.readouterr().err
    house.clock.advance(timedelta(days=8))
    async with house.running() as (demo, _):
        assert [run.erased for run in await Upkeep(demo.services).retention()] == [1, 0]
    assert await rotate("index", "retire") == 0, capsys.readouterr().err


async def test_a_thing_marked_under_several_index_keys_keeps_one_mark(db: Database, operator: UUID) -> None:
    """Marked before the promotion and again after it: both rows become the same one."""
    oldest, old, fresh, lone, moved = (bytes([0, 0, 0, key]) + bytes(16) for key in (1, 2, 3, 4, 5))
    async with db.write(operator) as tx:
        for idx, reason in ((oldest, "first"), (old, "second"), (fresh, "third"), (lone, "alone")):
            await commons.add(tx, idx, Common(HoldingKind.DEVICE, reason, tx.now, "stf_1"))
    async with db.write(operator) as tx:
        assert await move_indexes(tx, {oldest: fresh, old: fresh, lone: moved}) == 3
    async with db.write(operator) as tx:
        found = await commons.of(tx, [oldest, old, fresh, lone, moved])
        assert {idx: each.reason for idx, each in found.items()} == {fresh: "third", moved: "alone"}
        await commons.add(tx, oldest, Common(HoldingKind.DEVICE, "first", tx.now, "stf_1"))
        await commons.add(tx, old, Common(HoldingKind.DEVICE, "second", tx.now, "stf_1"))
        await commons.remove(tx, fresh)
    async with db.write(operator) as tx:
        await move_indexes(tx, {oldest: fresh, old: fresh})
        assert {idx: each.reason for idx, each in (await commons.of(tx, [oldest, old, fresh])).items()} == {
            fresh: "second"
        }
