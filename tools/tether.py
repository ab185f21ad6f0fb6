"""``python -I -S tools/tether.py COMMAND …``: become the command, and die with whoever started it.

``make demo`` is what people start and kill; without the tether a ``kill -9`` of make would leave the demo behind.
SIGKILL, because it is the promise that is tested: no process is left, and the next start recovers.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(1)
    os.execv(sys.argv[1], sys.argv[1:])
