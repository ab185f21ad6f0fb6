"""What Redis says, and what of it is our bug."""

import re

from redis.exceptions import (
    ClusterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from service.kit.errors import Unavailable

_WORDS = (
    "OOM",
    "LOADING",
    "READONLY",
    "MASTERDOWN",
    "BUSY",
    "NOREPLICAS",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "MISCONF",
    "MOVED",
    "ASK",
)
"""What a server that is there says when it cannot serve. MOVED and ASK come here only where following one did not
end: the cluster is being rebuilt."""

_AT_FRONT = re.compile(rf"(?:{'|'.join(_WORDS)})\b")
_IN_SCRIPT = re.compile(rf"-(?:{'|'.join(_WORDS)}) ")
_CLIENTS = "max number of clients"
"""Both spellings: "ERR max number of clients reached", and "… + cluster connections reached" in a cluster."""

_CLASSES = (OutOfMemoryError, ReadOnlyError, ClusterDownError, TryAgainError)
"""redis-py takes the word off the text of these, MASTERDOWN's among them."""


def is_not_now(error: ResponseError) -> bool:
    """Whether a refusal says that the server cannot serve; else the call itself is wrong."""
    if isinstance(error, NoPermissionError):
        return False
    if isinstance(error, _CLASSES) or error.status_code in _WORDS:
        return True
    # Redis 6.2 wraps what a command inside a script was refused with: "Error running script …: -OOM …".
    said = str(error)
    return bool(_AT_FRONT.match(said) or _IN_SCRIPT.search(said)) or _CLIENTS in said


def is_demoted(error: Exception) -> bool:
    """Whether this server was a master once: the next connection looks for the new one."""
    return isinstance(error, ReadOnlyError) or (isinstance(error, ResponseError) and "READONLY" in str(error))


def outward(error: Exception) -> Exception:
    """What a caller is told: :class:`Unavailable` for all that is not an answer, a refusal of our call as it is."""
    if isinstance(error, ResponseError):
        return Unavailable("redis") if is_not_now(error) else error
    if isinstance(error, RedisError | OSError | TimeoutError):
        return Unavailable("redis")
    return error
