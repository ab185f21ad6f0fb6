"""Puts the demo up: servers, keys, schema, operator, key, API and worker in one process."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from pydantic import SecretStr

from service.app import create_app, run
from service.infra.crypto import create_keysets
from service.infra.embedded import Embedded, Servers
from service.infra.postgres import Database
from service.kit.clock import SystemClock
from service.migrations.run import migrate
from service.operators.model import Operator
from service.operators.workflow import Operators
from service.settings import Mode, Settings
from service.version import version
from service.web.auth import Scope

OPERATOR = UUID(int=0x0DE70)
"""The demo's operator has the same id on every machine, so that links in the tour hold."""
SLUG, NAME = "demo", "Demo Telecom"


def say(text: str) -> None:
    """To the person: stderr, so that the first line of stdout stays the JSON."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo keeps its things, and how to reach its servers."""

    data: Path
    servers: Servers

    @property
    def keys(self) -> Path:
        return self.data / "keys"

    @property
    def diary(self) -> Path:
        """How far the seed came."""
        return self.data / "seed.json"

    @property
    def call_sheet(self) -> Path:
        """Where the demo runs and by which link one signs in, for the tour."""
        return self.data / "demo.json"

    @property
    def kept_key(self) -> Path:
        return self.data / "demo-key"

    def settings(self, port: int) -> Settings:
        return Settings(
            mode=Mode.DEMO,
            database_url=self.servers.app_url,
            owner_database_url=self.servers.owner_url,
            sealer_database_url=self.servers.sealer_url,
            redis_url=self.servers.redis_url,
            keys_dir=self.keys,
            heads_file=self.data / "audit-heads.jsonl",
            public_url=f"http://127.0.0.1:{port}",
            port=port,
            sender="outbox",
            metrics_token=SecretStr(""),
            log_level="warning",
        )


def prepare(data: Path, servers: Servers) -> Stage:
    """Keysets and schema, made where they are not there yet."""
    stage = Stage(data, servers)
    if not stage.keys.is_dir():
        unfinished = stage.keys.with_name("keys.new")  # a kill in between must not leave half of them
        create_keysets(unfinished)
        unfinished.rename(stage.keys)
    migrate(servers.owner_url)
    return stage


async def the_operator(operators: Operators) -> Operator:
    known = {operator.slug: operator for operator in await operators.all()}
    return known.get(SLUG) or await operators.add(SLUG, NAME, operator_id=OPERATOR)


async def api_key(stage: Stage, operators: Operators, operator: Operator) -> str:
    """The demo's key: every scope, no dealer. Kept in the data folder (0600): the database has its hash alone."""
    if stage.kept_key.is_file():
        return stage.kept_key.read_text("ascii").strip()
    key = await operators.create_key(operator, "demo", list(Scope))
    _keep(stage.kept_key, key.text + "\n")
    return key.text


def _keep(path: Path, text: str) -> None:
    """Write a file for this user's eyes alone, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


def play(data: Path, port: int, *, empty: bool) -> int:
    """Run the demo until it is interrupted; the exit code."""
    data.mkdir(parents=True, exist_ok=True)
    data = data.resolve()
    embedded = Embedded(data, say=say)
    servers = embedded.start()
    # The HTTP server gives a signal on after its own end; by default SIGTERM would end us with PostgreSQL running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        stage = prepare(data, servers)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(stage, embedded, port, empty=empty))
        stage.call_sheet.unlink(missing_ok=True)
    finally:
        embedded.stop()
    return 0


async def _serve(stage: Stage, embedded: Embedded, port: int, *, empty: bool) -> None:
    from service import worker

    settings = stage.settings(port)
    clock = SystemClock()
    db = Database(settings.database_url, clock, pool_size=2)
    operators = Operators(db)
    operator = await the_operator(operators)
    key = await api_key(stage, operators, operator)
    app = create_app(settings)
    background: list[asyncio.Task[None]] = []

    async def ready(bound: int) -> None:
        is_sown = asyncio.Event()
        background.append(asyncio.create_task(worker.run(settings, signals=False, expire_after=is_sown)))
        link = await app.state.services.staff_link(operator.id)
        url = f"http://127.0.0.1:{bound}"
        embedded.announce(url=url)
        _keep(stage.call_sheet, json.dumps({"url": url, "staff_link": url + link, "seed": not empty}) + "\n")
        told = {"url": url, "api_key": key, "staff_link": url + link, "version": version()}
        print(json.dumps(told), flush=True)
        _greet(url, url + link)
        background.append(asyncio.create_task(_seed(stage, settings, operator, is_sown, empty=empty)))

    try:
        await run(app, settings.host, settings.port, ready)
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await db.close()


async def _seed(
    stage: Stage, settings: Settings, operator: Operator, is_sown: asyncio.Event, *, empty: bool
) -> None:
    """The seed sweeps up in its own time, so live registrations expire after it only, whatever becomes of it."""
    from service.demo.diary import Diary
    from service.demo.seed import sow

    try:
        if not empty and await sow(settings, operator, Diary(stage.diary), SystemClock().now()):
            say("The demo's sixty days of invented people are in.")
    except Exception as error:  # noqa: BLE001  whatever it was: the demo itself goes on
        say(
            f"The invented people are not all in ({type(error).__name__}: {error}); a new start goes on from there."
        )
    finally:
        is_sown.set()


def _greet(url: str, link: str) -> None:
    print(
        f"\nSimward runs at {url} with invented people and a sender that keeps messages in an outbox.\n"
        f"  Dashboard  {link}\n"
        f"  API        {url}/docs\n"
        f"  Messages   {url}/dev/outbox?to=+49…\n"
        "  Tour       make tour (in a second terminal)\n"
        "Ctrl-C stops everything; what was entered is kept.\n",
        flush=True,
    )
