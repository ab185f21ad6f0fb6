"""``simward erase``: one transaction, after which no dump tells of the person; a number in quarantine stays one."""

import asyncio
import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.audit.workflow import Actor, entries
from service.cli import main
from service.compose import Instead, Services
from service.kit.clock import ManualClock
from service.kit.errors import NotFound, StateConflict
from service.kit.ids import new_id, wire
from service.kit.luhn import digit
from service.lines.jobs import expire_all
from service.lines.model import Action
from service.settings import Settings
from service.subscribers.model import Erased
from service.upkeep import Upkeep
from tests.api.conftest import Api
from tests.conftest import Backend
from tests.fakes.pipeline import Applicant, TurnableRegistry, applicant, refused, somebody, work
from tests.no_face.sweep import Needles, Sweep

_SERIAL = "894902000001234567"
CARD = _SERIAL + digit(_SERIAL)
PHONE = {"fingerprint": "a-phone-of-hers", "role": "applicant"}
CLI = Actor.cli()

INDEXES = (
    ("subject_index", "idx", "subscriber_id = %(subject)s"),
    ("registration", "msisdn_idx", "subscriber_id = %(subject)s"),
    ("registration", "iccid_idx", "subscriber_id = %(subject)s"),
    ("registration", "device_idx", "subscriber_id = %(subject)s"),
    ("line", "msisdn_idx", "subscriber_id = %(subject)s"),
    ("line", "iccid_idx", "subscriber_id = %(subject)s"),
    ("holding", "idx", "registration_id = %(registration)s"),
    ("shared_holding", "idx", "true"),
    ("shared_holding", "line_ref", "true"),
    ("subject_key", "wrapped", "id = %(subject)s"),
    ("subscriber", "sealed", "id = %(subject)s"),
    ("document_trace", "document_idx", "subscriber_id = %(subject)s"),
    ("document_trace", "names_idx", "subscriber_id = %(subject)s"),
    ("registration", "identity", "subscriber_id = %(subject)s"),
    ("registration", "sealed", "subscriber_id = %(subject)s"),
    ("line", "sealed", "subscriber_id = %(subject)s"),
)
"""Every keyed hash of a person, and what is sealed, by where it stands."""


@pytest.fixture
def instead() -> Instead:
    return Instead(registry=TurnableRegistry())


def values(backend: Backend, who: Applicant, subject: UUID) -> Needles:
    found: dict[str, bytes] = {}
    with backend.admin() as conn:
        for table, column, where in INDEXES:
            rows = conn.execute(
                f"SELECT {column} FROM {table} WHERE {where} AND length({column}) > 0",  # type: ignore[arg-type]
                {"subject": subject, "registration": who.uuid},
            ).fetchall()
            found |= {f"{table}.{column} {n}": bytes(row[0]) for n, row in enumerate(rows)}  # type: ignore[arg-type]
    return found


def left(backend: Backend, needles: Needles) -> set[str]:
    """Where which of them stands, without a needle's running number."""
    sweep = Sweep(backend, io.StringIO())
    return {
        f"{place}: {name}"
        for place, body in sweep.tables()
        for name, needle in needles.items()
        if needle in body
    }


async def subject_of(backend: Backend, who: Applicant) -> UUID:
    with backend.admin() as conn:
        row = conn.execute("SELECT subscriber_id FROM registration WHERE id = %s", (who.uuid,)).fetchone()
    assert row is not None
    return UUID(str(row[0]))


async def living(api: Api, services: Services, turn: int, **more: Any) -> Applicant:
    who = await applicant(api, turn).ready(**more)
    await who.submit()
    await work(services)
    assert (await who.get())["state"] == "active"
    return who


async def test_nothing_of_the_person_is_in_a_dump_and_everybody_else_is(
    backend: Backend, api: Api, services: Services, clock: ManualClock
) -> None:
    her = await living(api, services, 1, iccid=CARD, device=PHONE)
    other = await living(api, services, 2)
    subject, bystander = await subject_of(backend, her), await subject_of(backend, other)
    theirs = {
        name: value
        for name, value in values(backend, other, bystander).items()
        if not name.startswith("shared_holding")
    }
    hers = {
        name: value
        for name, value in values(backend, her, subject).items()
        if not name.startswith("shared_holding") and value not in theirs.values()
    }  # one block of numbers is both's
    with backend.admin() as conn:
        shared = conn.execute("SELECT count(*) FROM shared_holding").fetchone()
    assert shared == (4,)
    assert {name.split()[0] for name in hers} >= {f"{t}.{c}" for t, c, _ in INDEXES if t != "shared_holding"}
    assert len(left(backend, hers)) >= len(hers)
    clear = {
        name: text.encode()
        for name, text in {
            "family": her.person.family_name,
            "given": her.person.given_names,
            "number": her.msisdn,
            "card": CARD,
            "phone": PHONE["fingerprint"],
        }.items()
    }
    assert left(backend, clear) == set(), "it was never in clear"

    await services.lines.act(api.operator, her.msisdn, Action.CLOSE, reason="customer-request", actor=CLI)
    await work(services)
    clock.advance(timedelta(days=91))
    assert await services.lines.expire(api.operator) == 1
    assert await Upkeep(services).erase(api.operator, subject)
    assert left(backend, hers) == set()
    assert left(backend, clear) == set()
    assert {name.split(": ")[1] for name in left(backend, theirs)} == set(theirs)
    with backend.admin() as conn:
        assert conn.execute("SELECT count(*) FROM shared_holding").fetchone() == (2,)
    with pytest.raises(Erased):
        async with services.db.read(api.operator) as reader:
            await services.subscribers.key(reader, subject)
    assert not await Upkeep(services).erase(api.operator, subject), "once is enough"
    async with services.db.read(api.operator) as reader:
        said = [entry.action for entry in await entries(reader, object=wire("sub", subject))]
    assert said == ["subscriber.erased"]


async def test_a_number_in_quarantine_keeps_its_index_until_it_is_free(
    backend: Backend, api: Api, services: Services, clock: ManualClock
) -> None:
    her = await living(api, services, 1)
    subject = await subject_of(backend, her)
    hers = values(backend, her, subject)
    await services.lines.act(api.operator, her.msisdn, Action.CLOSE, reason="customer-request", actor=CLI)
    await work(services)
    assert await Upkeep(services).erase(api.operator, subject)
    kept = {place.split()[1].rstrip(":") for place in left(backend, hers)}
    assert kept == {"line"}, "number and sealed blob of the line, whose key is gone"
    again = applicant(api, 1, person=somebody(7))
    refused(await api.post("/v1/registrations", again.body()), 409, "number-in-quarantine")
    clock.advance(timedelta(days=91))
    await expire_all(services.lines, services.operator_ids)
    assert left(backend, hers) == set()
    await again.open()


async def test_a_line_in_service_goes_on_and_its_holder_is_erased(
    backend: Backend, api: Api, services: Services
) -> None:
    her = await living(api, services, 1)
    subject = await subject_of(backend, her)
    assert await Upkeep(services).erase(api.operator, subject)
    assert (await api.get(f"/v1/lines/{her.msisdn}")).json()["state"] == "active"
    await services.lines.act(api.operator, her.msisdn, Action.CLOSE, reason="customer-request", actor=CLI)
    await work(services)


@pytest.mark.parametrize("stage", ["collecting", "in_review", "approved"])
async def test_an_open_registration_is_cancelled_with_it(
    backend: Backend, api: Api, services: Services, stage: str
) -> None:
    her = applicant(api, 1)
    if stage == "collecting":
        await her.open()
    elif stage == "in_review":
        await her.ready()
        with backend.admin() as conn:
            conn.execute("UPDATE registration SET state = 'in_review' WHERE id = %s", (her.uuid,))
    else:
        await her.ready()
        assert (await her.submit())["state"] == "approved"
    subject = await subject_of(backend, her)
    hers = values(backend, her, subject)
    assert await Upkeep(services).erase(api.operator, subject)
    assert left(backend, hers) == set()
    await work(services)
    with backend.admin() as conn:
        row = conn.execute("SELECT state FROM registration WHERE id = %s", (her.uuid,)).fetchone()
        assert row == ("cancelled",)
        assert conn.execute("SELECT count(*) FROM line").fetchone() == (0,)
    await applicant(api, 1, person=somebody(8)).open()


async def test_it_is_one_transaction(
    backend: Backend, api: Api, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step fails: everything is as it was."""
    her = await living(api, services, 1)
    subject = await subject_of(backend, her)
    hers = values(backend, her, subject)

    async def broken(*_: object, **__: object) -> bool:
        raise RuntimeError("struck")

    monkeypatch.setattr(type(services.subscribers), "erase", broken)
    with pytest.raises(RuntimeError, match="struck"):
        await Upkeep(services).erase(api.operator, subject)
    assert {place.split(": ")[1] for place in left(backend, hers)} == set(hers)


async def test_a_legal_hold_and_an_unknown_person(backend: Backend, api: Api, services: Services) -> None:
    her = await living(api, services, 1)
    subject = await subject_of(backend, her)
    with backend.admin() as conn:
        conn.execute("UPDATE registration SET legal_hold = true WHERE id = %s", (her.uuid,))
    with pytest.raises(StateConflict):
        await Upkeep(services).erase(api.operator, subject)
    with pytest.raises(NotFound):
        await Upkeep(services).erase(api.operator, new_id())


async def test_the_command(
    backend: Backend,
    api: Api,
    services: Services,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    her = await living(api, services, 1)
    subject = wire("sub", await subject_of(backend, her))
    for name in ("mode", "database_url", "redis_url", "keys_dir"):
        monkeypatch.setenv(f"SIMWARD_{name.upper()}", str(getattr(settings, name)))
    command = ["erase", "--operator", "demo", subject]
    assert await asyncio.to_thread(main, command) == 0
    assert "Erased." in capsys.readouterr().out
    assert await asyncio.to_thread(main, command) == 0
    assert "before" in capsys.readouterr().out
    assert await asyncio.to_thread(main, [*command[:-1], wire("sub", new_id())]) == 1
