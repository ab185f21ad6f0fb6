"""What the console is built of, and how a composition root puts it into the application."""

from dataclasses import dataclass
from typing import Protocol

from fastapi import FastAPI

from service.admin.html import Pages
from service.admin.security import Place
from service.admin.volatile import Results
from service.dealers.workflow import Dealers
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import Clock
from service.limits.workflow import Blocks, Purses
from service.lines.workflow import Lines
from service.registration.workflow import Registrations
from service.reports.workflow import Reports
from service.response.workflow import Response
from service.risk.workflow import Drafts, Risk
from service.staff.workflow import StaffDesk
from service.subscribers.workflow import Subscribers


class Mode(Protocol):
    @property
    def is_demo(self) -> bool: ...
    @property
    def public_url(self) -> str: ...


class Parts(Protocol):
    """What the composition root has built already."""

    @property
    def settings(self) -> Mode: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def db(self) -> Database: ...
    @property
    def redis(self) -> Redis: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def dealers(self) -> Dealers: ...
    @property
    def risk(self) -> Risk: ...
    @property
    def drafts(self) -> Drafts: ...
    @property
    def lines(self) -> Lines: ...
    @property
    def registrations(self) -> Registrations: ...
    @property
    def reports(self) -> Reports: ...
    @property
    def response(self) -> Response: ...
    @property
    def desk(self) -> StaffDesk: ...
    @property
    def blocks(self) -> Blocks: ...
    @property
    def purses(self) -> Purses: ...


@dataclass(frozen=True, slots=True)
class Console:
    """Found by every route at ``request.app.state.console``."""

    place: Place
    pages: Pages
    clock: Clock
    db: Database
    vault: Vault
    desk: StaffDesk
    results: Results
    subscribers: Subscribers
    dealers: Dealers
    risk: Risk
    drafts: Drafts
    lines: Lines
    registrations: Registrations
    reports: Reports
    response: Response
    blocks: Blocks
    purses: Purses

    @property
    def is_demo(self) -> bool:
        return self.place.is_demo


def build(parts: Parts) -> Console:
    return Console(
        place=Place(parts.settings.public_url, parts.settings.is_demo),
        pages=Pages(),
        clock=parts.clock,
        db=parts.db,
        vault=parts.vault,
        desk=parts.desk,
        results=Results(parts.redis),
        subscribers=parts.subscribers,
        dealers=parts.dealers,
        risk=parts.risk,
        drafts=parts.drafts,
        lines=parts.lines,
        registrations=parts.registrations,
        reports=parts.reports,
        response=parts.response,
        blocks=parts.blocks,
        purses=parts.purses,
    )


def mount(app: FastAPI) -> None:
    """Every page, the static files and ``/docs``. ``app.state.console`` is set when the application starts."""
    from service.admin.routes import routers

    for router in routers:
        app.include_router(router)
