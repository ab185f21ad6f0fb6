"""A holder's word on their own papers, from one registration to the next."""

from typing import Any

import pytest

from service.audit.model import Actor
from service.cli import parser
from service.compose import Instead, Services
from service.kit.errors import NotFound
from service.kit.ids import new_id
from service.risk.model import MarkKind, NothingToMark
from tests.api.conftest import Api
from tests.fakes.pipeline import TurnableRegistry, applicant, somebody

STAFF = Actor.staff(new_id())


@pytest.fixture
def instead() -> Instead:
    return Instead(registry=TurnableRegistry())


async def reasons(one: Any) -> tuple[str, list[str]]:
    shown = await one.decided()
    return shown["state"], [reason.get("rule") for reason in shown["decision"]["reasons"]]


async def test_a_frozen_identity_goes_to_a_person_until_it_is_lifted(api: Api, services: Services) -> None:
    who = somebody()
    first = applicant(api, 1, person=who)
    assert (await first.decided())["state"] == "approved"
    async with services.db.write(api.operator) as tx:
        mark = await services.registrations.mark(tx, first.uuid, MarkKind.FROZEN, STAFF)
    state, why = await reasons(applicant(api, 2, person=who))
    assert (state, "identity-frozen" in why) == ("in_review", True)
    assert (await applicant(api, 3, person=somebody(3)).decided())["state"] == "approved"
    async with services.db.read(api.operator) as reader:
        assert list(await services.registrations.marks_on(reader, first.uuid)) == [mark]
    async with services.db.write(api.operator) as tx:
        await services.registrations.lift_mark(tx, mark.id, STAFF)
    assert (await reasons(applicant(api, 4, person=who)))[0] == "approved"


async def test_what_cannot_be_marked(api: Api, services: Services) -> None:
    bare = applicant(api, 1)
    await bare.open()
    for registration, refusal in ((bare.uuid, NothingToMark), (new_id(), NotFound)):
        with pytest.raises(refusal):
            async with services.db.write(api.operator) as tx:
                await services.registrations.mark(tx, registration, MarkKind.DOCUMENT_LOST, STAFF)


def test_the_command_line() -> None:
    given = parser().parse_args(["marks", "set", "frozen", "--operator", "demo", "--days", "30", "reg_1"])
    assert (given.kind, given.days, given.registration) == ("frozen", 30, "reg_1")
