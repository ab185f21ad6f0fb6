"""A sign-in name is taken once in an operator; another operator may have the same."""

from uuid import UUID

import pytest

from service.audit.workflow import Actor
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.operators.workflow import Operators
from service.staff.model import LoginTaken, Role
from service.staff.workflow import Factors, StaffRegister

ADMIN = Actor.system("test")


@pytest.fixture
def register(db: Database, vault: Vault) -> StaffRegister:
    return StaffRegister(db, Factors(vault))


async def test_a_sign_in_name_is_taken_once(register: StaffRegister, operator: UUID) -> None:
    await register.add(operator, login="anna", name="Anna", role=Role.ANALYST, actor=ADMIN)
    with pytest.raises(LoginTaken):
        await register.add(operator, login=" ANNA ", name="Another", role=Role.ADMIN, actor=ADMIN)


async def test_another_operator_may_have_it_too(
    register: StaffRegister, operator: UUID, db: Database
) -> None:
    other = await Operators(db).add("other", "Other Telecom")
    for where in (operator, other.id):
        assert await register.add(where, login="anna", name="Anna", role=Role.ANALYST, actor=ADMIN)
