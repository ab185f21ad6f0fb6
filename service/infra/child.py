"""Work that may not end, in a child that can be killed: a module of ours, bytes in, bytes out (``security.md`` 12).

The child is executed, not forked: it inherits no descriptor and no environment, confines itself by :func:`confine`
before it reads anything, and is killed at the deadline whatever it does.
"""

import asyncio
import contextlib
import ctypes
import resource
import signal
import sys

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
MEMORY = 512 * 1024 * 1024
MOST_OUT = 1024 * 1024


class ChildFailed(Exception):
    """It was killed at the deadline, died, or said too much."""

    def __init__(self, *, late: bool) -> None:
        super().__init__("took too long" if late else "broke off")
        self.late = late


async def run(module: str, body: bytes, *, seconds: float) -> bytes:
    """What ``python -m module`` answers to ``body``, within ``seconds``. Raises :class:`ChildFailed`."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-B", "-m", module,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={}, cwd="/", start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            out, _ = await child.communicate(body)
    except TimeoutError:
        raise ChildFailed(late=True) from None
    finally:
        # Also where the caller hung up. A dead one is only reaped.
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await asyncio.shield(child.wait())
    if child.returncode != 0 or len(out) > MOST_OUT:
        raise ChildFailed(late=False)
    return out


def confine(seconds: int | None, *, memory: int = MEMORY, files: int = 32) -> None:
    """Called by the child first: so much processor time and memory, no file to write, no core dump, few descriptors,
    no new rights, and no life without its parent. ``seconds`` None: whoever asks kills it at a deadline.

    The signal comes when the thread ends that started the child, which is the event loop's.
    """
    limits = [
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, files),
    ]
    if seconds is not None:
        limits.append((resource.RLIMIT_CPU, seconds))
    for what, most in limits:
        resource.setrlimit(what, (most, most))
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
