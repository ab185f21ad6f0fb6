"""Refusals as pages: what happened, what was kept, what to do."""

from starlette.requests import Request

from service.admin.views import ErrorPage
from service.kit.errors import InvalidRequest, Kind, Refusal, Stale, StateConflict
from service.risk.model import RulesMoved

_KEPT = {
    "GET": "Nothing was changed.",
    "POST": "Nothing was changed; what you typed was not saved.",
}


def error_page(
    refusal: Refusal | None, status: int, request: Request, *, trace: str | None = None
) -> ErrorPage:
    """``refusal`` is None for what went wrong on our side."""
    back = _back(request.url.path)
    kept = _KEPT.get(request.method, _KEPT["POST"])
    if refusal is None:
        return ErrorPage(
            status,
            "Something went wrong on our side",
            "The page could not be made.",
            "Whatever was being done was done whole or not at all.",
            "Look whether it was done before you do it again.",
            back,
            "Go back",
            trace,
        )
    title, happened, todo = _words(refusal, status)
    return ErrorPage(status, title, happened, kept, todo, back, "Go back")


def _words(refusal: Refusal, status: int) -> tuple[str, str, str]:
    if isinstance(refusal, Stale):
        return (
            "Somebody was faster",
            "It was changed while your page was open.",
            "Open it again to see what was done, then decide.",
        )
    if isinstance(refusal, RulesMoved):
        return (
            refusal.title,
            "Your draft was made for the rules before.",
            "Bring it up to date, then go on.",
        )
    if isinstance(refusal, StateConflict):
        state = str(refusal.facts.get("state", "")).replace("_", " ")
        happened = refusal.detail or f"It is {state} now."
        return "This cannot be done now", happened, "Open it again to see where it stands."
    if refusal.kind is Kind.NOT_FOUND:
        return (
            "There is no such page",
            refusal.detail or "The address is wrong, or what it names is not of this operator.",
            "Search for it, or start from the overview.",
        )
    if refusal.kind is Kind.FORBIDDEN:
        return (
            refusal.title,
            refusal.detail or "The page or the act is not open to you, or the form is an old one.",
            "Open the page again. If your work needs it, ask an admin.",
        )
    if refusal.kind is Kind.UNAVAILABLE:
        part = str(refusal.facts.get("dependency", "something that this needs"))
        return "Not available at the moment", f"We cannot reach {part}.", "Try again in a few seconds."
    if isinstance(refusal, InvalidRequest):
        return "The form is not right", _first_error(refusal), "Go back and correct it."
    return refusal.title, refusal.detail or "It was refused.", "Go back and try another way."


def _first_error(refusal: Refusal) -> str:
    errors = refusal.facts.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return str(errors[0].get("detail", refusal.title))
    return refusal.title


def _back(path: str) -> str:
    """The page that a failed address belongs to."""
    parts = path.strip("/").split("/")
    if parts[1:2] in (["codes"], ["rules"]):
        return "/" + "/".join(parts[:2])
    if len(parts) >= 4 and parts[1] in ("review", "lines", "dealers"):
        return "/" + "/".join(parts[:3])
    if len(parts) >= 3 and parts[1] in ("review", "lines", "dealers", "audit", "you"):
        return "/" + "/".join(parts[:2])
    return "/admin"
