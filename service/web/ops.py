"""``/healthz``, ``/readyz``, ``/metrics`` (``api.md``, Operations)."""

import hmac
from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from service.infra.telemetry import REGISTRY
from service.kit.errors import NotFound

router = APIRouter(tags=["operations"])
Probe = Callable[[], Awaitable[str | None]]
"""None when well, else a code that says what is wrong."""


@router.get("/healthz", summary="The process is up")
async def healthz() -> Response:
    return JSONResponse({"status": "ok"})


@router.get(
    "/readyz",
    summary="PostgreSQL, Redis and the migrations are as they should be",
    responses={503: {"description": "not yet, or no longer"}},
)
async def readyz(request: Request) -> Response:
    probes: Mapping[str, Probe] = request.app.state.probes
    found = {name: await probe() for name, probe in probes.items()}
    ready = not any(found.values())
    body = {"ready": ready, "checks": {name: state or "ok" for name, state in found.items()}}
    return JSONResponse(
        body, status_code=200 if ready else 503, headers={} if ready else {"Retry-After": "2"}
    )


@router.get("/metrics", summary="Prometheus", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """With the token of the settings; without one, for peers on loopback alone."""
    token: str = request.app.state.metrics_token
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    peer = request.client.host if request.client else ""
    if not hmac.compare_digest(given.encode(), token.encode()) if token else peer not in ("127.0.0.1", "::1"):
        raise NotFound()
    await request.app.state.measure()
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
