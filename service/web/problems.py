"""Refusals as ``application/problem+json`` (RFC 9457). The only place that knows a refusal's status."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.kit.errors import JsonObject, JsonValue, Kind, Refusal
from service.kit.values import Malformed

STATUS = {
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.GONE: 410,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED: 415,
    Kind.INVALID: 422,
    Kind.LIMITED: 429,
    Kind.UNAVAILABLE: 503,
}

_DETAILS = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this request",
    "json_invalid": "is not JSON",
    "string_type": "must be a string",
    "string_too_short": "is too short",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "has not the right form",
    "string_unicode": "holds characters that are not allowed",
    "list_type": "must be a list",
    "too_long": "has too many entries",
    "too_short": "has too few entries",
    "enum": "is not one of the allowed values",
    "literal_error": "is not one of the allowed values",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "less_than_equal": "is too large",
    "greater_than_equal": "is too small",
    "bool_type": "must be true or false",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "datetime_from_date_parsing": "must be an instant of RFC 3339",
    "datetime_parsing": "must be an instant of RFC 3339",
    "timezone_aware": "must say its offset from UTC",
    "union_tag_invalid": "is not one of the allowed values",
    "union_tag_not_found": "is required",
}


PROBLEM: JsonObject = {
    "title": "Problem",
    "description": "RFC 9457; beside these fields stand the facts of the code.",
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "instance": {"type": "string", "description": "the route's template, never the path"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_SAID = {
    401: "no valid key",
    403: "scope or dealer",
    404: "not here",
    409: "not in this state",
    410: "no longer",
    413: "too large",
    415: "media type",
    422: "not valid",
    429: "too many",
    503: "not available; ask again",
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for its ``responses``; without arguments all that there are."""
    media = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _SAID[status], "content": media} for status in statuses or _SAID}


def status_of(refusal: Refusal) -> int:
    return STATUS[refusal.kind]


def body_of(refusal: Refusal, instance: str) -> dict[str, JsonValue]:
    """The problem document. ``instance`` is the route's template: a path may hold a number."""
    body: dict[str, JsonValue] = {
        "type": f"https://simward.invalid/problems/{refusal.code}",
        "title": refusal.title,
        "status": status_of(refusal),
        "code": refusal.code,
        "instance": instance,
    }
    if refusal.detail:
        body["detail"] = refusal.detail
    body.update({name: value for name, value in refusal.facts.items() if name not in body})
    return body


def answer(refusal: Refusal, instance: str) -> Response:
    headers = {}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    if refusal.is_replay:
        headers["Idempotent-Replayed"] = "true"
    if refusal.kind is Kind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    if refusal.kind is Kind.LIMITED:
        limit = str(refusal.facts.get("limit", "limit"))
        headers["RateLimit"] = f'"{limit}";r=0;t={refusal.retry_after_s}'
        headers["RateLimit-Policy"] = f'"{limit}"'
    return problem(body_of(refusal, instance), headers)


def problem(body: Mapping[str, JsonValue], headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        dump(body),
        status_code=int(str(body["status"])),
        media_type="application/problem+json",
        headers=dict(headers or {}),
    )


def dump(body: Mapping[str, JsonValue]) -> bytes:
    """The one form of an answer, so that a replay is the first answer to the byte."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def template(request: Request) -> str:
    """The route's template, ``/v1/registrations/{registration_id}``; never the path."""
    return template_of(request.scope)


def template_of(scope: Mapping[str, Any]) -> str:
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"


_HARMLESS = re.compile(r"[a-z_]{1,40}|[0-9]{1,4}")


def _pointer(loc: Sequence[Any]) -> str:
    """RFC 6901, of what FastAPI says; an unknown field's name is input, so it is shown only in a harmless form."""
    parts = [
        str(part) for part in (loc[1:] if loc and loc[0] in ("body", "query", "path", "header") else loc)
    ]
    safe = [part if _HARMLESS.fullmatch(part) else "-" for part in parts]
    return "".join("/" + part for part in safe)


def _invalid(errors: Sequence[Mapping[str, Any]], instance: str) -> Response:
    listed: list[JsonValue] = []
    for error in errors[:20]:
        kind = str(error.get("type", ""))
        own = error.get("ctx", {}).get("error") if kind == "value_error" else None
        loc: Sequence[Any] = error.get("loc", ())
        pointer = _pointer(loc[:1]) if kind == "json_invalid" else _pointer(loc)
        if isinstance(own, Malformed):  # our own value types: a code and a text that never hold input
            listed.append({"pointer": pointer, "code": own.reason, "detail": own.text})
        else:
            code = kind.replace("_", "-")
            listed.append({"pointer": pointer, "code": code, "detail": _DETAILS.get(kind, "is not valid")})
    return problem(
        {
            "type": "https://simward.invalid/problems/invalid-request",
            "title": "The request is not valid",
            "status": 422,
            "code": "invalid-request",
            "instance": instance,
            "errors": listed,
        }
    )


_HTTP_CODES = {
    404: "not-found",
    405: "not-found",
    413: "too-large",
    415: "unsupported-media",
    401: "unauthenticated",
}
_HTTP_TITLES = {
    404: "There is no such thing here",
    405: "There is no such thing here",
    413: "The body is too large",
}


Keep = Callable[[Request, Response], Awaitable[Response]]
"""Told of every refusal; what it gives is answered (``web.idempotency``)."""


def install(app: FastAPI, keep: Keep) -> None:
    """Answer every refusal, every invalid request and every unknown route with a problem document."""

    async def told(request: Request, response: Response) -> Response:
        try:
            return await keep(request, response)
        except Refusal as refusal:
            return answer(refusal, template(request))

    async def on_refusal(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return await told(request, answer(error, template(request)))

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await told(request, _invalid(error.errors(), template(request)))

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(
            error.__cause__, Refusal
        ):  # raised while the body came in: the framework makes it a 400
            return answer(error.__cause__, template(request))
        if error.status_code == 400:  # the body could not be read as what it says it is
            return await told(
                request, _invalid([{"type": "json_invalid", "loc": ("body",)}], template(request))
            )
        code = _HTTP_CODES.get(error.status_code, "invalid-request")
        body: dict[str, JsonValue] = {
            "type": f"https://simward.invalid/problems/{code}",
            "title": _HTTP_TITLES.get(error.status_code, "The request is not valid"),
            "status": error.status_code,
            "code": code,
            "instance": template(request),
        }
        return problem(
            body, {"Allow": error.headers["Allow"]} if error.headers and "Allow" in error.headers else None
        )

    made = app.openapi

    def with_problem() -> dict[str, Any]:
        document = made()
        document["components"]["schemas"]["Problem"] = PROBLEM
        return document

    # A model in ``responses`` would be documented as application/json.
    app.openapi = with_problem  # type: ignore[method-assign]  # FastAPI's own way to extend its document
    app.add_exception_handler(Refusal, on_refusal)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
