"""HTTP of the response: a line's steps by number, and the page behind the link of a notice."""

from fastapi import APIRouter

from service.response.routes import holder, lines

router = APIRouter()
router.include_router(lines.router)
router.include_router(holder.router)

__all__ = ["router"]
