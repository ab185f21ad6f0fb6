"""The server of ``bench/api.py``: the service with a quiet sender, the reference route P, and counters.

P is a FastAPI route with a pydantic body that does one EVALSHA and one autocommitted INSERT through the same
engine, with a statement that is built once.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import re
import resource
import sys
from datetime import timedelta
from pathlib import Path
from typing import cast

import sqlalchemy as sa
from fastapi import FastAPI
from pydantic import BaseModel

from service import compose
from service.app import create_app, run
from service.audit.workflow import Actor
from service.demo.hands import LastMessage
from service.demo.stage import api_key, prepare, the_operator
from service.infra.embedded import Embedded
from service.infra.postgres import Database
from service.infra.redis import Script
from service.kit.clock import SystemClock
from service.kit.ids import new_id
from service.limits.model import Limit
from service.operators.tables import OperatorRow
from service.operators.workflow import Operators
from service.otp.schemas import CreateVerification
from service.policies import Sources, seed
from service.settings import Settings

LUA = "return redis.call('INCR', KEYS[1])"
SCRIPT = Script(LUA, hashlib.sha1(LUA.encode(), usedforsecurity=False).hexdigest())
INSERT = sa.insert(cast(sa.Table, OperatorRow.__table__))


class Body(BaseModel):
    msisdn: str
    purpose: str


def _for_verifications(app: FastAPI) -> None:
    """Their reference route, and what prepares the load."""

    @app.post("/bench/one-key")
    async def one_key(body: CreateVerification) -> dict[str, str]:
        await app.state.services.redis.run(SCRIPT, ["{otp}:bench"], [body.to])
        return {"id": body.to}

    @app.post("/bench/raise-limits")
    async def raise_limits() -> dict[str, int]:
        """Every bucket of the seed stays; those over all requests hold more than the load."""
        policies = app.state.services.policies
        texts = dict(seed(demo=True).texts)
        texts["limits.toml"] = re.sub(
            r'kind = "gcra", count = \d+, period = "1h", burst = \d+',
            'kind = "gcra", count = 900000, period = "1h", burst = 900000',
            texts["limits.toml"],
        )
        texts["limits.toml"] = re.sub(r"floor = \d+", "floor = 900000", texts["limits.toml"])
        texts["limits.toml"] = texts["limits.toml"].replace("slice = 20_000_000", "slice = 1_000_000_000")
        await policies.publish(Sources(texts), "bench")
        for operator in await app.state.services.operator_ids():
            await app.state.services.purses.top_up(operator)
        return {"limits": len(policies.current.limits.rules)}

    @app.post("/bench/block")
    async def block(body: CreateVerification) -> dict[str, str]:
        """As the holder of a number would have it."""
        services = app.state.services
        [operator] = await services.operator_ids()
        await services.blocks.set(
            operator,
            Limit.OTP_BLOCKED_MSISDN_EVERYWHERE,
            until=services.clock.now() + timedelta(hours=1),
            reason="not-me",
            actor=Actor.system("bench"),
            made_by="holder",
            number=body.to,
        )
        return {"id": body.to}


def extended(settings: Settings, sender: LastMessage) -> FastAPI:
    """The application with the bench's own routes beside it."""
    app: FastAPI = create_app(settings)

    @app.post("/bench/reference")
    async def reference(body: Body) -> dict[str, str]:
        services = app.state.services
        await services.redis.run(SCRIPT, ["{otp}:bench"], [body.msisdn])
        fresh, now = new_id(), services.clock.now()
        async with services.db.engine.connect() as conn:
            row = {"id": fresh, "slug": fresh.hex, "name": body.purpose, "created_at": now}
            await conn.execute(INSERT, row)
        return {"id": fresh.hex}

    _for_verifications(app)

    @app.get("/bench/codes")
    async def codes() -> dict[str, str]:
        return {number: sender.code(number) for number in sender.texts}

    @app.get("/bench/usage")
    async def usage() -> dict[str, float]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {"cpu_s": used.ru_utime + used.ru_stime, "statements": app.state.services.db.statements}

    return app


async def serve(data: Path) -> None:
    embedded = Embedded(data)
    servers = embedded.start()
    try:
        stage = prepare(data, servers)
        settings = stage.settings(0)
        sender = LastMessage()
        vars(compose)["senders"] = lambda *_: [sender]
        db = Database(settings.database_url, SystemClock(), pool_size=2)
        operators = Operators(db)
        key = await api_key(stage, operators, await the_operator(operators))
        await db.close()

        async def ready(port: int) -> None:
            print(json.dumps({"port": port, "key": key, "pid": os.getpid()}), flush=True)

        await run(extended(settings, sender), "127.0.0.1", 0, ready)
    finally:
        embedded.stop()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(Path(sys.argv[1])))
