"""``serve``, ``worker``, ``migrate``, ``openapi``, ``settings``."""

import argparse
import asyncio
import json
from typing import Any

from service.settings import Settings


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    serve = commands.add_parser("serve", help="the HTTP service: API and dashboard")
    serve.add_argument("--host")
    serve.add_argument("--port", type=int)
    serve.set_defaults(run=_serve)
    worker = commands.add_parser("worker", help="background work: provisioning, events, sealing the audit")
    worker.set_defaults(run=_worker)
    migrating = commands.add_parser("migrate", help="bring the database to the newest schema")
    migrating.set_defaults(run=_migrate)
    openapi = commands.add_parser("openapi", help="print the OpenAPI document")
    openapi.set_defaults(run=_openapi)
    settings = commands.add_parser("settings", help="list every setting and what it means")
    settings.set_defaults(run=_settings)


def _serve(arguments: argparse.Namespace) -> int:
    from service.app import create_app, run

    given: dict[str, Any] = {
        name: getattr(arguments, name) for name in ("host", "port") if getattr(arguments, name)
    }
    settings = Settings(**given)
    asyncio.run(run(create_app(settings), settings.host, settings.port))
    return 0


def _worker(_: argparse.Namespace) -> int:
    from service.worker import run

    asyncio.run(run(Settings()))
    return 0


def _migrate(_: argparse.Namespace) -> int:
    from service.migrations.run import migrate

    settings = Settings()
    migrate(settings.owner_database_url)
    print("The database is at the newest schema.")
    return 0


def _openapi(_: argparse.Namespace) -> int:
    from service.app import create_app

    print(json.dumps(create_app(Settings()).openapi(), indent=2))
    return 0


def _settings(_: argparse.Namespace) -> int:
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else str(field.default)
        print(
            f"SIMWARD_{name.upper():28} {field.description}" + (f" (default: {default})" if default else "")
        )
    return 0
