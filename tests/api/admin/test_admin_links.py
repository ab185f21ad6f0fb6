"""The page of a case's links over real data: a case that waits, a ring, an erased holder, and who may not see it."""

from service.audit.workflow import Actor
from service.compose import Services
from service.kit.ids import parse
from service.lines.model import Action
from service.risk.model import HoldingKind as K
from service.risk.store import links as store
from service.upkeep import Upkeep
from tests.api.admin.conftest import MakeCase, SignIn
from tests.api.admin.console import text_of
from tests.api.conftest import Api
from tests.fakes.pipeline import work

SHARED = {"device": {"fingerprint": "one phone"}, "payment": {"token": "one card"}}


async def test_a_ring_and_a_case_that_waits_beside_it(
    sign_in: SignIn, make_case: MakeCase, api: Api, services: Services
) -> None:
    ring = [await make_case(waits=False, **SHARED) for _ in range(3)]
    alone = await make_case(waits=False, payment={"token": "another card"})
    waits = await make_case(**SHARED)
    await work(services)
    async with services.db.read(api.operator) as reader:
        assert set(await store.labels(reader)) == {parse("reg", case) for case in ring}
        kinds = set((await store.keys_of(reader, [parse("reg", ring[0])])).values())
    assert kinds >= {K.DOCUMENT, K.PERSON, K.DEVICE, K.CONTACT, K.PAYMENT, K.BLOCK}
    person = await sign_in()

    html = (await person.get(f"/admin/review/{waits}/links")).text
    said = text_of(html)
    assert "No line yet" in said
    assert "Device, contact number, payment" in said
    assert all(f"/admin/review/{case}/links" in html for case in ring)
    assert "No other line hangs together" in said
    for secret in ("1511234", "31612000001", "one phone", "one card"):
        assert secret not in html
    assert " style=" not in html
    assert f'href="/admin/review/{waits}/links"' in (await person.get(f"/admin/review/{waits}")).text

    said = text_of((await person.get(f"/admin/review/{ring[0]}/links")).text)
    assert "3 lines hang together" in said
    assert "No other line" in text_of((await person.get(f"/admin/review/{alone}/links?hops=1")).text)
    answer = await person.get(f"/admin/cases/{waits}/links")
    assert (answer.status_code, answer.headers["location"]) == (308, f"/admin/review/{waits}/links")


async def test_an_erased_scammer_stays_a_node_without_a_number(
    sign_in: SignIn, make_case: MakeCase, api: Api, services: Services
) -> None:
    one, other = [await make_case(waits=False, **SHARED) for _ in range(2)]
    await work(services)
    registration = parse("reg", one)
    async with services.db.read(api.operator) as reader:
        line = await services.lines.of_registration(reader, registration)
        assert line is not None
    await services.lines.act(
        api.operator, "+4915112345001", Action.CLOSE, reason="scam-confirmed", actor=Actor.cli()
    )
    await work(services)
    assert await Upkeep(services).erase(api.operator, line.subscriber_id)
    person = await sign_in()
    said = text_of((await person.get(f"/admin/review/{other}/links")).text)
    assert "erased" in said
    assert "Confirmed scam" in said
    said = text_of((await person.get(f"/admin/review/{one}/links")).text)
    assert "of erased" in said


async def test_another_operators_case_is_not_there(sign_in: SignIn) -> None:
    person = await sign_in()
    unknown = "reg_019318c2f4a07b3c9d51e6a2b8c4d0f1"
    assert (await person.get(f"/admin/review/{unknown}/links")).status_code == 404
    assert (await person.get("/admin/review/reg_nonsense/links")).status_code == 404
