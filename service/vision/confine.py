"""Walls that a process builds around itself before it touches a byte from outside (Linux, POSIX limits).

It can write no file, dump no core, gain no right and take no more memory than was measured; once sealed it can open
nothing at all: no file, no socket, no pipe. Processor time has the parent's deadline for a bound.
"""

import ctypes
import os
import resource
import select
import signal
import stat
from typing import Final

MEMORY: Final = 1_088 * 1024 * 1024
"""Address space, bytes. Measured peaks: 640 MiB for libraries, model and a photograph, of which 170 MiB are resident;
945 MiB (400 resident) for a progressive JPEG of 40 megapixels without subsampling, the worst that is let in."""

_PDEATHSIG: Final = 1
_NO_NEW_PRIVS: Final = 38


def confine() -> None:
    """First: before a library is loaded. From here on the process ends with the thread that started it, whatever it is
    busy with. Raises ``SystemExit`` where that is over already: the signal comes for a later end alone (``prctl(2)``).

    Whether it is over is asked of the pipe and not of ``getppid()``: in a container the service itself is process 1.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if _has_hung_up(0):
        raise SystemExit(1)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        hard = resource.getrlimit(limit)[1]
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (least, least))


def seal() -> None:
    """Last, with everything loaded: from here on no descriptor can be opened. Raises ``RuntimeError`` where a library
    holds one already, or runs a thread: one that reports to its maker would do both."""
    held = {int(name) for name in os.listdir("/proc/self/fd")} - {0, 1, 2}
    others = [each for each in held if not _is_pipe(each)]
    if others or len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("a library holds a descriptor or runs a thread")
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def _has_hung_up(descriptor: int) -> bool:
    """Whether nobody holds the other end of a pipe or a socket any more."""
    asked = select.poll()
    asked.register(descriptor, 0)
    return any(event & select.POLLHUP for _, event in asked.poll(0))


def _is_pipe(descriptor: int) -> bool:
    """Also where it has been closed since it was listed, as that of the listing."""
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return True
