"""``simward tour``: scenes in the terminal, played against the running demo over HTTP.

Each scene prints what is done, what came back, one plain sentence of why, and where the dashboard shows it.
Exit code 0 where every scene went as told; what one leaves in review it cancels, and the audit is whole again.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
import psycopg

from service.demo.scenes.guarding import altered_audit, cannot_come_back, search_for_her_name
from service.demo.scenes.registering import anna_is_live, fifty_at_once, forged_digit, selfie
from service.demo.scenes.theatre import NotAsTold, Theatre, Voice, open_database
from service.infra.embedded import EmbeddedError

Scene = Callable[[Theatre], Awaitable[str]]
SCENES: tuple[tuple[str, Scene], ...] = (
    ("Anna is live in 20 seconds", anna_is_live),
    ("A forged digit", forged_digit),
    ("A selfie is refused", selfie),
    ("Fifty parallel submits, and the cap holds", fifty_at_once),
    ("A line stopped for scam, and who cannot come back", cannot_come_back),
    ("The database searched for her name", search_for_her_name),
    ("An audit row altered as the database's owner", altered_audit),
)


def play(data: Path, *, fast: bool) -> int:
    """Play every scene; the exit code."""
    try:
        sheet = json.loads((data / "demo.json").read_text("utf-8"))
        key = (data / "demo-key").read_text("ascii").strip()
    except (OSError, ValueError):
        print(
            f"simward: no demo runs on {data}. Start one with `make demo`, then come back.", file=sys.stderr
        )
        return 1
    is_terminal = sys.stdout.isatty()
    is_plain = os.environ.get("NO_COLOR")  # noqa: TID251  a convention of terminals (no-color.org), no setting
    colours = is_terminal and not is_plain
    voice = Voice(colours=colours, pause_s=0.35 if is_terminal and not fast else 0.0)
    try:
        return asyncio.run(_play(data.resolve(), str(sheet["url"]), str(sheet["staff_link"]), key, voice))
    except (EmbeddedError, httpx2.ConnectError, NotAsTold) as error:
        print(f"simward: the demo on {data} does not answer: {error}", file=sys.stderr)
        return 1


async def _play(data: Path, url: str, staff_link: str, key: str, voice: Voice) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    limits = httpx2.Limits(max_connections=60)
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=60, limits=limits) as http:
        await http.get("/healthz")
        servers, admin_url = open_database(data)
        here = Theatre(url, key, data, http, voice, servers, admin_url)
        voice.plain(f"The tour plays against {url}. Sign in to the dashboard first: {staff_link}")
        told: list[tuple[bool, str]] = []
        for n, (title, scene) in enumerate(SCENES, 1):
            voice.title(f"{n}  {title}")
            try:
                text, is_good = await scene(here), True
            except (NotAsTold, httpx2.HTTPError, psycopg.Error) as error:
                text, is_good = f"Not as told: {error or type(error).__name__}", False
            voice.verdict(text, is_good=is_good)
            told.append((is_good, text))
    missed = sum(not is_good for is_good, _ in told)
    voice.title(f"{len(told) - missed} of {len(told)} scenes went as told.")
    return 1 if missed else 0
