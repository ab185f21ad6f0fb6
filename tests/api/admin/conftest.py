"""People at the console: one of each role, signed in as they would, and cases for them to decide."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from random import Random
from uuid import UUID

import httpx2
import pyotp
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from service.admin.console import build
from service.audit.workflow import Actor
from service.compose import Services
from service.kit.clock import ManualClock
from service.kit.ids import parse
from service.kit.people import invent
from service.staff.model import Role
from service.staff.workflow import Factors, StaffRegister
from tests.api.admin.console import ORIGIN, Browser
from tests.api.conftest import Api

LINK = "/admin/link/"
PASSWORD = "a calm sentence for tests"
FAST = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
Visit = Callable[..., Browser]
SignIn = Callable[..., Awaitable[Browser]]
MakeCase = Callable[..., Awaitable[str]]


@pytest.fixture
async def visit(app: FastAPI) -> AsyncIterator[Visit]:
    """Opens browsers, each with a cookie jar of its own."""
    opened: list[httpx2.AsyncClient] = []

    def make(*, private: bool = False) -> Browser:
        http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(
                app,
                client=("198.18.0.7" if private else f"8.8.4.{len(opened) + 1}", 50001),
                raise_app_exceptions=False,
            ),
            base_url=ORIGIN,
            timeout=30,
        )
        opened.append(http)
        return Browser(http)

    yield make
    for http in opened:
        await http.aclose()


@pytest.fixture(autouse=True)
def fast_hashes(app: FastAPI, services: Services) -> None:
    """Argon2 with small parameters: what is tested is not how slow it is."""
    services.desk._factors = Factors(services.vault, FAST)
    app.state.console = build(services)


@pytest.fixture
def register(services: Services) -> StaffRegister:
    return services.staff


def secret_of(html: str) -> str:
    found = re.search(r'class="secret">([A-Z2-7 ]+)<', html)
    assert found, "the page shows the key of the second factor"
    return found[1].replace(" ", "")


@pytest.fixture
def sign_in(visit: Visit, register: StaffRegister, operator: UUID, clock: ManualClock) -> SignIn:
    """Adds a person of a role, uses their link as a browser does, and leaves them signed in."""

    async def make(role: Role = Role.SUPERVISOR, login: str | None = None) -> Browser:
        login = login or role.value
        link = LINK + await register.add(
            operator, login=login, name=login.title(), role=role, actor=Actor.cli()
        )
        browser = visit()
        page = await browser.get(link)
        browser.secret = secret_of(page.text)
        code = pyotp.TOTP(browser.secret).at(clock.now())
        answer = await browser.submit(link, link, {"password": PASSWORD, "again": PASSWORD, "code": code})
        assert answer.status_code == 200, answer.text[-500:]
        browser.codes = re.findall(r"\b\d-[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}\b", answer.text)
        clock.advance(timedelta(seconds=60))
        return browser

    return make


@pytest.fixture
def make_case(api: Api, services: Services) -> MakeCase:
    """A registration driven by HTTP up to its decision; ``waits`` makes one that a rule sends to review."""
    numbers = iter(range(1, 900))

    async def make(*, waits: bool = True, **body: object) -> str:
        turn = next(numbers)
        number = f"+4915112{345000 + turn}"
        person = invent(Random(turn), services.clock.now().date())
        # Initials alone agree in part: the document is referred, and a person looks.
        given = person.given_names[:1] if waits else person.given_names
        answer = await api.post(
            "/v1/registrations",
            {
                "msisdn": number,
                "iccid": None,
                "purpose": "new",
                "subscriber": {
                    "family_name": person.family_name,
                    "given_names": given,
                    "birth_date": person.birth_date.isoformat(),
                    "contact_msisdn": "+31612000001",
                    "email": "anna@example.org",
                },
                **body,
            },
        )
        assert answer.status_code == 201, answer.text
        made: str = answer.json()["id"]
        path = f"/v1/registrations/{made}"
        answer = await api.post(f"{path}/documents", {"kind": "mrz", "lines": list(person.lines)})
        assert answer.status_code == 201, answer.text
        assert (await api.post(f"{path}/otp", {"to": "line"})).status_code == 202
        assert (await api.post(f"{path}/otp/check", {"code": await api.code(number)})).status_code == 200
        answer = await api.post(f"{path}/submit")
        assert answer.status_code == 200, answer.text
        wanted = "in_review" if waits else "approved"
        assert answer.json()["state"] == wanted, answer.text
        if not waits:
            await services.registrations.activate(api.operator, parse("reg", made))
        return made

    return make
