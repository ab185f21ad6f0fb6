"""Static files, the reference at ``/docs``, and the page for addresses that nothing answers."""

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from service.admin.gate import bare_frame, console_of, new_router
from service.admin.html import STATIC
from service.kit.errors import NotFound

router, rest = new_router(), new_router()
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}


@router.get("/admin/static/{path:path}")
async def static(request: Request, path: str) -> Response:
    """A file of ours or of the lock. Its address changes with its content, so it is kept for good."""
    wanted = (STATIC / path).resolve()
    kind = _TYPES.get(wanted.suffix)
    if not wanted.is_relative_to(STATIC.resolve()) or kind is None or not wanted.is_file():
        raise NotFound()
    named = "v" in request.query_params or path.startswith("vendor/")
    kept = "public, max-age=31536000, immutable" if named else "no-cache"
    return FileResponse(wanted, media_type=kind, headers={"Cache-Control": kept})


@router.get("/docs")
async def docs(request: Request) -> Response:
    """The interface in words and to try, from assets of the lock under the console's own policy."""
    return HTMLResponse(console_of(request).pages.render("docs.html", frame=bare_frame(request)))


@rest.api_route("/admin/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def nothing(path: str) -> Response:
    raise NotFound()
