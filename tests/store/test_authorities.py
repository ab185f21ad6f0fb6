"""The trust store on a real PostgreSQL: two persons, monotonic, audited, followed; and by the command line."""

import asyncio
import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from service.audit.workflow import INSTALLATION, Actor
from service.documents.model.trust import ImportRefused
from service.documents.workflow import trust
from service.documents.workflow.trust import Authorities
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.staff.model import Role
from service.staff.workflow import Factors, StaffRegister
from tests.fakes import authority
from tests.fakes.authority import NOW, Entity, How
from tests.store.conftest import Command

ROOT = Entity(name="Root", country="XO")
LISTED = [
    Entity(name=f"CSCA {country}", country=country, how=How(which=3)).certificate()
    for country in ("UT", "NL")
]
SIGNER = authority.list_signer(ROOT)
FIRST = authority.master_list(SIGNER, LISTED)
NEWER = authority.master_list(SIGNER, LISTED[:1], NOW - timedelta(days=1))
ONE, OTHER = uuid4(), uuid4()


@pytest.fixture
def authorities(db: Database) -> Authorities:
    return Authorities(db)


async def reason(work: object) -> str:
    with pytest.raises(ImportRefused) as caught:
        await work  # type: ignore[misc]  # a coroutine
    return str(caught.value.facts["reason"])


async def test_one_brings_another_trusts_and_every_process_follows(
    authorities: Authorities, db: Database
) -> None:
    elsewhere = Authorities(db)
    assert (await elsewhere.refresh()).is_empty
    staged = await authorities.stage(FIRST, [ROOT.certificate()], ONE)
    assert (staged.count, staged.source, staged.is_in_force) == (2, "XO", False)
    assert (await elsewhere.refresh()).is_empty
    assert await reason(authorities.activate(staged.id, ONE)) == "same-person"
    assert (await authorities.activate(staged.id, OTHER)).is_in_force
    assert authorities.current.size == 2
    assert (await elsewhere.refresh()).size == 2
    await authorities.withdraw(staged.id, ONE)
    assert (await elsewhere.refresh()).is_empty
    async with db.read(INSTALLATION) as reader:
        rows = await reader.all(
            sa.text("SELECT body FROM audit_entry WHERE operator_id = :op ORDER BY id"), {"op": INSTALLATION}
        )
    said = [json.loads(row.body) for row in rows]
    assert [each["action"] for each in said] == ["csca.staged", "csca.activated", "csca.withdrawn"]
    assert {each["facts"]["digest"] for each in said} == {staged.digest}


async def test_a_newer_list_takes_the_place_and_an_older_never_comes_back(authorities: Authorities) -> None:
    roots = [ROOT.certificate()]
    older = await authorities.stage(FIRST, roots, ONE)
    newer = await authorities.stage(NEWER, roots, ONE)
    assert await reason(authorities.stage(NEWER, roots, ONE)) == "known"
    await authorities.activate(newer.id, OTHER)
    assert authorities.current.size == 1
    assert await reason(authorities.activate(older.id, OTHER)) == "older"
    stale = authority.master_list(SIGNER, LISTED, NOW - timedelta(days=3))
    assert await reason(authorities.stage(stale, roots, ONE)) == "older"


async def test_a_withdrawal_brings_nothing_older_back(authorities: Authorities) -> None:
    roots = [ROOT.certificate()]
    older = await authorities.stage(FIRST, roots, ONE)
    await authorities.activate(older.id, OTHER)
    newer = await authorities.stage(NEWER, roots, ONE)
    await authorities.activate(newer.id, OTHER)
    await authorities.withdraw(newer.id, OTHER)
    assert authorities.current.is_empty
    assert not any(each.is_in_force for each in await authorities.listed())
    assert await reason(authorities.activate(older.id, OTHER)) == "older"
    stale = authority.master_list(SIGNER, LISTED, NOW - timedelta(days=1, hours=1))
    assert await reason(authorities.stage(stale, roots, ONE)) == "older"
    # nor does one person undo it: the same file takes two again
    assert await reason(authorities.activate(newer.id, OTHER)) == "withdrawn"
    again = await authorities.stage(NEWER, roots, OTHER)
    assert await reason(authorities.activate(again.id, OTHER)) == "same-person"
    await authorities.activate(again.id, ONE)
    assert authorities.current.size == 1
    assert [each.id for each in await authorities.listed() if each.is_in_force] == [again.id]
    await authorities.withdraw(older.id, ONE)
    assert authorities.current.size == 1


async def test_revocations_are_replaced_and_never_withdrawn(authorities: Authorities) -> None:
    await authorities.activate((await authorities.stage(ROOT.certificate(), [], ONE)).id, OTHER)
    crl = await authorities.stage_crl(ROOT.crl(7), ONE)
    await authorities.activate(crl.id, OTHER)
    for person in (ONE, OTHER, uuid4()):
        assert await reason(authorities.withdraw(crl.id, person)) == "revocations"
    (kept,) = [each for each in await authorities.listed() if each.id == crl.id]
    assert kept.is_in_force
    held = authorities.current.crl_of(authorities.current.certificates[0].subject)
    assert held is not None
    assert held.revoked == {7}


async def test_revocations_of_an_authority_that_is_trusted_no_more_do_not_enter(
    authorities: Authorities,
) -> None:
    root = await authorities.stage(ROOT.certificate(), [], ONE)
    await authorities.activate(root.id, OTHER)
    crl = await authorities.stage_crl(ROOT.crl(7), ONE)
    await authorities.withdraw(root.id, OTHER)
    assert await reason(authorities.activate(crl.id, OTHER)) == "unknown-root"
    assert not any(each.is_in_force for each in await authorities.listed())


async def test_a_slow_refresh_does_not_take_a_newer_store_away(
    authorities: Authorities, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process reads, then another change is read and taken, and only then the first is done building."""
    elsewhere = Authorities(db)
    root = await authorities.stage(ROOT.certificate(), [], ONE)
    await authorities.activate(root.id, OTHER)
    building, go_on, build = threading.Event(), threading.Event(), trust._built

    def slow(found: Any) -> Any:
        if not building.is_set():
            building.set()
            assert go_on.wait(30)
        return build(found)

    monkeypatch.setattr(trust, "_built", slow)
    late = asyncio.create_task(elsewhere.refresh())
    assert await asyncio.to_thread(building.wait, 30)
    try:
        await authorities.withdraw(root.id, OTHER)
        assert (await elsewhere.refresh()).is_empty
    finally:
        go_on.set()
    assert (await late).is_empty
    assert elsewhere.current.is_empty


async def test_what_nobody_vouches_for_does_not_enter(authorities: Authorities) -> None:
    assert await reason(authorities.stage(FIRST, [], ONE)) == "unknown-root"
    assert await reason(authorities.stage(FIRST, [LISTED[0]], ONE)) == "unknown-root"
    assert await reason(authorities.stage(b"junk", [], ONE)) == "unreadable"
    assert await reason(authorities.stage_crl(ROOT.crl(1), ONE)) == "unknown-root"
    assert await reason(authorities.stage_crl(b"junk", ONE)) == "unreadable"
    assert await authorities.listed() == []


async def test_a_root_a_link_and_its_revocations(authorities: Authorities) -> None:
    for data in (
        ROOT.certificate(),
        Entity(name="Root", country="XO", how=How(which=8), issuer=ROOT).certificate(),
    ):
        await authorities.activate((await authorities.stage(data, [], ONE)).id, OTHER)
    assert authorities.current.size == 2
    await authorities.activate((await authorities.stage_crl(ROOT.crl(7), ONE)).id, OTHER)
    crl = authorities.current.crl_of(authorities.current.certificates[0].subject)
    assert crl is not None
    assert crl.revoked == {7}


@pytest.mark.parametrize("table", ["csca_import", "csca_activation"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_service_cannot_change_what_was_imported(db: Database, table: str, verb: str) -> None:
    column = "source" if table == "csca_import" else "effect"
    with pytest.raises(Exception, match="permission denied"):
        async with db.write(None) as tx:
            await tx.run(sa.text(verb.format(table, column, column)))


async def test_by_the_command_line(
    simward: Command, db: Database, vault: Vault, operator: UUID, tmp_path: Path, clock: ManualClock
) -> None:
    register = StaffRegister(db, Factors(vault))
    for login, role in (("anna", Role.SUPERVISOR), ("bert", Role.SUPERVISOR), ("carl", Role.AUDITOR)):
        await register.add(operator, login=login, name=login, role=role, actor=Actor.cli())
    async with db.write(operator) as tx:
        await tx.run(sa.text("UPDATE staff SET state = 'active'"))
    files = {"root.cer": ROOT.certificate(), "list.ml": FIRST, "root.crl": ROOT.crl(1)}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    bring = ["documents", "import-csca", str(tmp_path / "root.cer"), "--staff"]
    for nobody in ("carl", "nobody"):
        assert (await simward(*bring, nobody))[0] == 1
    code, out, err = await simward(*bring, "anna", "--operator", "demo")
    assert code == 0, err
    staged = json.loads(out)
    assert (staged["source"][:2], staged["in_force"]) == ("XO", False)
    activate = ["documents", "csca", "activate", staged["id"], "--staff"]
    code, _, err = await simward(*activate, "anna")
    assert (code, "Another person" in err) == (1, True)
    code, out, err = await simward(*activate, "bert")
    assert code == 0, err
    for name, verb in (("list.ml", "import-csca"), ("root.crl", "import-crl")):
        code, _, err = await simward("documents", verb, str(tmp_path / name), "--staff", "anna")
        assert code == 0, err
    assert (await simward("documents", "import-csca", str(tmp_path / "none"), "--staff", "anna"))[0] == 1
    code, out, _ = await simward("documents", "csca", "list")
    assert [json.loads(line)["in_force"] for line in out.splitlines()] == [True, False, False]
    code, out, _ = await simward("documents", "csca", "withdraw", staged["id"], "--staff", "bert")
    assert (code, json.loads(out)["in_force"]) == (0, False)
