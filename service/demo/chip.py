"""Utopia's signing authority and one of its chips: what the demo trusts, and what it can be shown."""

import base64
import contextlib
import json
import tomllib
from importlib import resources
from typing import Any
from uuid import UUID

from service.documents.model.trust import ImportRefused
from service.documents.workflow.trust import Authorities


def _kept() -> dict[str, str]:
    kept: dict[str, str] = tomllib.loads(
        resources.files("service.demo").joinpath("chip.toml").read_text("utf-8")
    )
    return kept


async def trust_utopia(authorities: Authorities, one: UUID, another: UUID) -> None:
    """Brought by one person, brought into force by another; where it is there already, it stays."""
    with contextlib.suppress(ImportRefused):
        found = await authorities.stage(base64.b64decode(_kept()["csca"]), [], one)
        await authorities.activate(found.id, another)


def subscriber() -> dict[str, Any]:
    kept = _kept()
    return {name: kept[name] for name in ("family_name", "given_names", "birth_date")}


def submission() -> dict[str, Any]:
    """The body that a phone would send after reading the chip."""
    kept = _kept()
    return {"kind": "emrtd", **{name: "".join(kept[name].split()) for name in ("sod", "dg1")}}


def show() -> str:
    """JSON with ``subscriber`` and ``document``, ready for the requests of the README."""
    return json.dumps({"subscriber": subscriber(), "document": submission()}, indent=2)
