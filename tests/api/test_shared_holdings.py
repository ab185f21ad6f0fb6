"""What operators share: one truth over a threshold, told in the words of the own cap, and to nobody else."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from service.audit.workflow import Actor
from service.compose import Instead, Services
from service.infra import telemetry
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.lines.model import Action
from service.operators.workflow import Operators
from service.policies import Sources, seed
from service.risk import ddl
from service.upkeep import Upkeep
from tests.api.conftest import Api, Caller
from tests.conftest import Backend
from tests.fakes.pipeline import TurnableRegistry, applicant, somebody, work

ROLES = ("app_url", "sealer_url", "read_url")


@pytest.fixture
def instead() -> Instead:
    """Every document is confirmed, so that an operator's own cap of 5 holds and nothing less."""
    return Instead(registry=TurnableRegistry())


@pytest.fixture
async def other(db: Database, caller: Caller) -> Api:
    await Operators(db).add("other", "Other Telecom")
    return await caller(slug="other")


async def with_policy(services: Services, **changed: int) -> None:
    """Publish the seed with other parameters."""
    texts = dict(seed(demo=True).texts)
    for name, value in changed.items():
        lines = texts["risk.toml"].splitlines()
        texts["risk.toml"] = "\n".join(
            f"{name} = {value}" if line.startswith(f"{name} = ") else line for line in lines
        )
    await services.policies.publish(Sources(texts), "test")


async def live(api: Api, services: Services, turn: int, person: Any) -> str:
    """A line of a person; its number."""
    who = applicant(api, turn, person=person)
    decided = await who.decided()
    assert decided["decision"]["verdict"] == "approved", decided
    await work(services)
    assert (await who.get())["state"] == "active"
    return who.msisdn


def version_of(backend: Backend, registration: UUID) -> Any:
    with backend.admin() as conn:
        found = conn.execute("SELECT version FROM registration WHERE id = %s", (registration,)).fetchone()
    assert found is not None
    return found[0]


def rows(backend: Backend, what: str = "count(*)", table: str = "shared_holding") -> Any:
    with backend.admin() as conn:
        found = conn.execute(f"SELECT {what} FROM {table}").fetchone()  # type: ignore[call-overload]
    assert found is not None
    return found[0]


async def test_too_many_lines_over_all_operators_send_to_a_person_in_the_words_of_the_own_cap(
    backend: Backend, api: Api, other: Api, services: Services
) -> None:
    await with_policy(services, shared_cap=3, cap=3)
    asked, nobody_else = somebody(1), somebody(2)
    for turn in (1, 2, 3):
        await live(api, services, turn, asked)
    assert rows(backend) == 6, "a row for the document and one for the person, a line"
    theirs = await applicant(other, 4, person=asked).decided()
    assert (theirs["state"], theirs["decision"]["verdict"]) == ("in_review", "review")
    mine = await applicant(api, 5, person=asked).decided()
    assert mine["state"] == "denied"

    told, own = theirs["decision"]["reasons"][0], mine["decision"]["reasons"][0]
    assert told.pop("effect") == "review"
    assert own.pop("effect") == "denied"
    assert own.pop("facts")
    assert told.pop("facts") == []
    assert told == own
    assert told["code"] == "limit-reached"
    assert "shared" not in str(theirs)
    free = await applicant(other, 6, person=nobody_else).decided()
    assert free["decision"]["verdict"] == "approved", "somebody else's lines are no concern"


async def test_below_the_threshold_nothing_is_told(api: Api, other: Api, services: Services) -> None:
    await with_policy(services, shared_cap=4)
    for turn in (1, 2, 3):
        await live(api, services, turn, somebody(1))
    assert (await applicant(other, 4, person=somebody(1)).decided())["decision"]["verdict"] == "approved"


async def test_a_person_may_approve_what_only_the_shared_limit_stopped(
    backend: Backend, api: Api, other: Api, services: Services
) -> None:
    await with_policy(services, shared_cap=3)
    for turn in (1, 2, 3):
        await live(api, services, turn, somebody(1))
    who = applicant(other, 4, person=somebody(1))
    await who.decided()
    after = await services.registrations.decide_by_person(
        operator=other.operator,
        registration_id=who.uuid,
        staff=Actor.staff(UUID(int=7)),
        verdict="approved",
        reason_code="papers-in-order",
        note=None,
        expected_version=version_of(backend, who.uuid),
    )
    assert after.state.value == "approved"


async def test_it_is_asked_only_of_an_evidenced_registration(
    backend: Backend, api: Api, services: Services
) -> None:
    """A wrong check digit: no document passed, and the register is not asked."""
    await with_policy(services, shared_cap=3)
    who = applicant(api, 1)
    await who.open()
    await who.send()
    await who.answer()
    await api.post(f"{who.path}/submit")
    assert rows(backend, table="shared_ask") == 0


async def test_a_closed_line_counts_as_long_as_it_does_at_home(
    backend: Backend, api: Api, other: Api, services: Services, clock: ManualClock
) -> None:
    await with_policy(services, shared_cap=3, window_days=20, refill_days=10)
    numbers = [await live(api, services, turn, somebody(1)) for turn in (1, 2, 3)]
    assert rows(backend, "count(*) FILTER (WHERE until = 'infinity')") == 6
    clock.advance(timedelta(days=15))
    await services.lines.act(
        api.operator, numbers[0], Action.CLOSE, reason="customer-request", actor=Actor.cli()
    )
    await work(services)
    assert rows(backend, "count(*) FILTER (WHERE until < 'infinity')") == 2
    clock.advance(timedelta(days=9))
    assert (await applicant(other, 4, person=somebody(1)).decided())["state"] == "in_review"
    clock.advance(timedelta(days=2))
    await Upkeep(services).retention()
    assert rows(backend) == 4, "purged by its end"
    assert rows(backend, table="shared_ask") == 0, "who asked on an earlier day is nobody's business"
    assert (await applicant(other, 5, person=somebody(1)).decided())["decision"]["verdict"] == "approved"


async def test_identities_a_day_are_capped_for_each_client_and_dealer(
    backend: Backend, api: Api, caller: Caller, services: Services
) -> None:
    await with_policy(services, shared_asks_client=3, shared_asks_dealer=2)
    dealers = services.dealers
    shop = await dealers.register(api.operator, code="SHOP", name="Shop", licence="L-1", actor=Actor.cli())
    next_door = await dealers.register(
        api.operator, code="DOOR", name="Door", licence="L-2", actor=Actor.cli()
    )
    refused = telemetry.SHARED_ASKS_REFUSED._value
    before = refused.get()

    async def decided(turn: int, dealer: str | None) -> str:
        who = applicant(api, turn)
        return str((await who.decided(dealer=dealer))["state"])

    assert [await decided(turn, shop.code) for turn in (1, 2)] == ["approved", "approved"]
    assert await decided(3, shop.code) == "in_review", "the dealer's budget is spent"
    assert await decided(4, next_door.code) == "approved"
    assert await decided(5, next_door.code) == "in_review", "and now the client's, whatever dealer it names"
    assert refused.get() - before == 2
    second = await caller()
    assert (await applicant(second, 6).decided())["state"] == "approved"


async def test_the_same_identity_spends_the_budget_once(
    backend: Backend, api: Api, services: Services
) -> None:
    await with_policy(services, shared_asks_client=1)
    for turn in (1, 2, 3):
        await live(api, services, turn, somebody(1))
    assert rows(backend, table="shared_ask") == 1
    assert (await applicant(api, 9, person=somebody(2)).decided())["state"] == "in_review"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("table", ddl.TABLES)
def test_no_role_of_the_service_reaches_the_tables(backend: Backend, role: str, table: str) -> None:
    url = getattr(backend.servers, role).replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in (
            f"SELECT FROM {table}",
            f"SELECT count(*) FROM {table}",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"COPY {table} TO STDOUT",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement)


@pytest.mark.parametrize("role", ["sealer_url", "read_url"])
@pytest.mark.parametrize("name", ddl.FUNCTIONS)
def test_the_functions_are_the_applications_alone(backend: Backend, role: str, name: str) -> None:
    url = getattr(backend.servers, role).replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url, autocommit=True) as conn:
        found = conn.execute(
            "SELECT bool_or(has_function_privilege(current_user, p.oid, 'EXECUTE')),"
            " bool_or(has_function_privilege('simward_app', p.oid, 'EXECUTE')),"
            " bool_and(p.prosecdef), bool_and(p.proowner = 'simward_owner'::regrole),"
            " bool_and(p.proconfig = ARRAY['search_path=pg_catalog, pg_temp'])"
            " FROM pg_proc p WHERE p.proname = %s",
            (name,),
        ).fetchone()
    assert found == (False, True, True, True, True)


ASK = (
    "SELECT shared_holding_exceeds(%(kinds)s::text[], ARRAY['\\x01']::bytea[], %(most)s, now(),"
    " %(askers)s::bytea[], %(askers)s::bytea[], ARRAY[9])"
)


@pytest.mark.parametrize(
    "changed",
    [
        {"kinds": ["device"]},
        {"kinds": ["document", "personal_number"]},
        {"kinds": [None]},
        {"most": 1},
        {"most": 2},
        {"most": 0},
        {"most": None},
        {"askers": []},
        {"askers": [None]},
    ],
)
def test_a_question_beside_the_contract_is_not_answered(backend: Backend, changed: dict[str, Any]) -> None:
    url = backend.servers.app_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url) as conn:
        good = {"kinds": ["document"], "most": 3, "askers": [b"me"]}
        assert conn.execute(ASK, good).fetchone() == (False,)
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            conn.execute(ASK, good | changed)
        conn.rollback()
        with pytest.raises(psycopg.errors.CheckViolation):
            conn.execute("SELECT shared_holding_add(ARRAY['device'], ARRAY['\\x01']::bytea[], '\\x02')")
