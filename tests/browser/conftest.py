"""Chromium, the real application behind a real socket, and a gallery of hard-to-reach states.

A page fails its test on any violation of its own policy and on any error in its console.
"""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from service.admin.html import STATIC, Pages
from service.admin.security import HEADERS
from service.app import create_app
from service.compose import Services
from service.infra.redis import Redis
from service.kit.people import invent
from service.settings import Mode, Settings
from service.web.auth import Scope
from tests.browser.samples import SAMPLES, frame
from tests.conftest import Backend

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
THEMED = ["color-contrast", "link-in-text-block", "target-size"]
"""What a theme can change: colours, and at most a size. Every other rule reads the document, which is the same."""
T = TypeVar("T")

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ""}`));
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def _assets() -> None:
    """Instant where they are there already."""
    subprocess.run([sys.executable, str(ROOT / "tools" / "assets.py")], check=True)


@pytest.fixture(scope="session")
async def chromium(_assets: None) -> AsyncIterator[Browser]:
    """The one that ``make test`` found (CHROMIUM), else one on PATH, else the one that Playwright downloaded."""
    on_path = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    found = os.environ.get("CHROMIUM") or next(filter(None, on_path), None)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        await browser.close()


@dataclass
class Tab:
    """A page that is watched: :meth:`settle` fails on whatever it complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    async def settle(self) -> None:
        found = await self.page.evaluate("window.violations ?? []")
        assert found == [], found
        assert self.complaints == [], self.complaints

    async def axe(self, rules: Sequence[str] = ()) -> list[str]:
        """What axe-core finds, one line each; nothing is what is wanted. ``rules``: these instead of all."""
        if not await self.page.evaluate("typeof window.axe === 'object'"):
            await self.page.evaluate(AXE.read_text("utf-8"))
        only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": TAGS}
        violations = await self.page.evaluate(
            "only => axe.run(document, {runOnly: only, resultTypes: ['violations']}).then(r => r.violations)",
            only,
        )
        return [
            f"{v['id']} ({v['impact']}): {n['html'][:160]} {n['failureSummary'][:200]}"
            for v in violations
            for n in v["nodes"]
        ]

    async def axe_in_both(self) -> list[str]:
        """Of every rule in the light theme, and in the dark one of those that it can change."""
        await self.page.emulate_media(color_scheme="dark")
        found = [f"dark: {fault}" for fault in await self.axe(THEMED)]
        await self.page.emulate_media(color_scheme="light")
        return found + await self.axe()

    async def overflow(self) -> int:
        """Pixels that the page is wider than its window."""
        wide = await self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return int(wide)


OpenTab = Callable[..., Awaitable[Tab]]


@pytest.fixture
async def open_tab(chromium: Browser) -> AsyncIterator[OpenTab]:
    """Opens watched tabs, each in a context (cookies, theme, size) of its own; settles them all in the end."""
    contexts: list[BrowserContext] = []
    tabs: list[Tab] = []

    async def make(
        *, theme: str = "light", width: int = 1280, height: int = 860, scripts: bool = True
    ) -> Tab:
        context = await chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = await context.new_page()
        tab = Tab(page)
        if scripts:
            await page.add_init_script(WATCH)
            tabs.append(tab)
        page.on(
            "console", lambda m: tab.complaints.append(m.text) if m.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        return tab

    yield make
    try:
        for tab in tabs:
            await tab.settle()
    finally:
        for context in contexts:
            await context.close()


@dataclass
class Served:
    """An application behind a socket on loopback, on a thread with an event loop of its own."""

    url: str
    loop: asyncio.AbstractEventLoop

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await something in the application's own loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self.loop))


@contextmanager
def serving(app: Any) -> Iterator[Served]:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))
    loops: list[asyncio.AbstractEventLoop] = []
    started = threading.Event()

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        serve = asyncio.create_task(server.serve([sock]))
        while not server.started and not serve.done():
            await asyncio.sleep(0.01)
        started.set()
        await serve

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert started.wait(30), "the server starts"
    assert server.started, "the server started"
    try:
        yield Served(f"http://127.0.0.1:{sock.getsockname()[1]}", loops[0])
    finally:
        server.should_exit = True
        thread.join(20)
        sock.close()


@pytest.fixture(scope="session")
def gallery(_assets: None) -> Iterator[str]:
    """Every page of the console over invented view models: ``{gallery}/{name}?theme=dark``."""
    pages = Pages()

    def show(request: Request) -> HTMLResponse:
        sample = SAMPLES[request.path_params["name"]]
        made = frame(sample, request.query_params.get("theme", "system"))
        html = pages.render(sample.template, frame=made, page=sample.page, **sample.extra)
        return HTMLResponse(html, headers=dict(HEADERS))

    routes = [Route("/gallery/{name}", show), Mount("/admin/static", StaticFiles(directory=STATIC))]
    with serving(Starlette(routes=routes)) as served:
        yield f"{served.url}/gallery"


@dataclass
class House:
    """The real application with operator ``demo``, a caller with every scope, and its staff link."""

    served: Served
    app: FastAPI
    operator: Any
    key: str
    turn: int = 0

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    @property
    def url(self) -> str:
        return self.served.url

    async def staff_link(self) -> str:
        return self.url + await self.served.run(self.services.staff_link(self.operator.id))

    async def case(self) -> str:
        """A registration that waits for a person, made over HTTP; its id."""
        self.turn += 1
        number = f"+4915112{345000 + self.turn}"
        person = invent(Random(self.turn), self.services.clock.now().date())
        async with httpx2.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=30
        ) as http:

            async def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
                answer = await http.post(path, json=body)
                assert answer.status_code < 300, answer.text
                said: dict[str, Any] = answer.json()
                return said

            typed = {
                "family_name": person.family_name,
                "given_names": person.given_names[:1],
                "birth_date": person.birth_date.isoformat(),
                "contact_msisdn": "+31612000001",
            }
            made = await post("/v1/registrations", {"msisdn": number, "purpose": "new", "subscriber": typed})
            path = f"/v1/registrations/{made['id']}"
            await post(f"{path}/documents", {"kind": "mrz", "lines": list(person.lines)})
            await post(f"{path}/otp", {"to": "line"})
            assert self.services.outbox is not None
            texts = await self.served.run(self.services.outbox.read(number))
            code = re.search(r"\b\d{6}\b", texts[0]["text"])
            assert code is not None
            await post(f"{path}/otp/check", {"code": code[0]})
            assert (await post(f"{path}/submit", {}))["state"] == "in_review"
        case_id: str = made["id"]
        return case_id


@pytest.fixture
def settings_of_house() -> dict[str, Any]:
    """What a module's house has beside the ordinary."""
    return {}


@pytest.fixture
async def house(
    _assets: None,
    backend: Backend,
    keys_dir: Path,
    _clean: None,
    redis: Redis,
    settings_of_house: dict[str, Any],
) -> AsyncIterator[House]:
    settings = Settings(
        mode=Mode.TEST,
        database_url=backend.servers.app_url,
        sealer_database_url=backend.servers.sealer_url,
        redis_url=backend.servers.redis_url,
        keys_dir=keys_dir,
        sender="outbox",
        log_level="error",
        **settings_of_house,
    )
    app = create_app(settings)
    with serving(app) as served:
        services: Services = app.state.services
        operator = await served.run(services.operators.add("demo", "Demo Telecom"))
        key = await served.run(services.operators.create_key(operator, "till", list(Scope)))
        yield House(served, app, operator, key.text)
