"""Refusals: what the service says no to, in terms of the field and without HTTP.

A :class:`Refusal` carries a stable ``code`` (``api.md``, Refusals), a ``kind`` and typed facts. Only
``service.web.problems`` knows which status a kind is answered with. ``detail`` is shown to the caller: it
never holds input, personal data or internals.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import ClassVar, TypeAlias

JsonValue: TypeAlias = bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"] | None
JsonObject: TypeAlias = dict[str, JsonValue]


class Kind(StrEnum):
    """What sort of no it is; the web layer maps each to one status."""

    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    GONE = "gone"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    INVALID = "invalid"
    LIMITED = "limited"
    UNAVAILABLE = "unavailable"


class Refusal(Exception):
    """A no with a reason that the caller may read.

    ``facts`` go into the problem document next to ``code``; they hold codes, counts and instants only.
    ``retry_after_s`` becomes the ``Retry-After`` header where the answer depends on time. ``is_replay``: it was
    answered before to the same Idempotency-Key.
    """

    code: ClassVar[str] = "refused"
    kind: ClassVar[Kind] = Kind.INVALID
    title: ClassVar[str] = "Refused"

    def __init__(
        self, detail: str | None = None, *, retry_after_s: int | None = None, **facts: JsonValue
    ) -> None:
        super().__init__(self.code)
        self.is_replay = False
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.facts: dict[str, JsonValue] = facts


class Unauthenticated(Refusal):
    code = "unauthenticated"
    kind = Kind.UNAUTHENTICATED
    title = "No valid key was given"


class ScopeMissing(Refusal):
    code = "scope-missing"
    kind = Kind.FORBIDDEN
    title = "The key lacks the scope for this"


class NotFound(Refusal):
    """Also the answer for what belongs to another operator or dealer."""

    code = "not-found"
    kind = Kind.NOT_FOUND
    title = "There is no such thing here"


class StateConflict(Refusal):
    """The thing is not in a state that allows this; facts ``state`` and ``allowed``."""

    code = "state-conflict"
    kind = Kind.CONFLICT
    title = "This is not possible in the present state"

    def __init__(self, state: str, allowed: Sequence[str] = (), detail: str | None = None) -> None:
        super().__init__(detail, state=state, allowed=list(allowed))


class Stale(StateConflict):
    """Someone else saved first: the version that was read is no longer the newest."""

    def __init__(self) -> None:
        super().__init__("changed", (), "It was changed by another request. Read it again and repeat.")


class InvalidRequest(Refusal):
    """The input is wrong; ``errors`` is a list of ``{pointer, code, detail}`` (RFC 6901 pointers), never input."""

    code = "invalid-request"
    kind = Kind.INVALID
    title = "The request is not valid"

    def __init__(self, pointer: str, code: str, detail: str) -> None:
        super().__init__(None, errors=[{"pointer": pointer, "code": code, "detail": detail}])


class TooLarge(Refusal):
    code = "too-large"
    kind = Kind.TOO_LARGE
    title = "The body is too large"


class UnsupportedMedia(Refusal):
    code = "unsupported-media"
    kind = Kind.UNSUPPORTED
    title = "This media type is not accepted"


class LimitExceeded(Refusal):
    """A limit was reached; facts ``limit`` and ``retry_at`` (RFC 3339), from this caller's own requests alone."""

    code = "limit-exceeded"
    kind = Kind.LIMITED
    title = "Too many requests"

    def __init__(self, limit: str, retry_at: str, retry_after_s: int, detail: str | None = None) -> None:
        super().__init__(detail, retry_after_s=max(1, retry_after_s), limit=limit, retry_at=retry_at)


class Unavailable(Refusal):
    """Something that this needs is gone; nothing was done, or it can be asked again safely."""

    code = "unavailable"
    kind = Kind.UNAVAILABLE
    title = "Something that this needs is not available"

    def __init__(self, dependency: str, retry_after_s: int = 5, detail: str | None = None) -> None:
        super().__init__(detail, retry_after_s=retry_after_s, dependency=dependency)


class BiometricRefused(Refusal):
    """A picture, a face template or a data group that holds one was sent; it was not read."""

    code = "biometric-refused"
    kind = Kind.INVALID
    title = "Biometric data is never accepted"
