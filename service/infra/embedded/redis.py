"""The life of one Redis: append-only file, a Unix socket, two users."""

import hashlib
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from service.infra.embedded.account import Account
from service.infra.embedded.binaries import RedisBinary
from service.infra.embedded.files import log_tail, open_log
from service.infra.embedded.launch import Child, Keeper, Start, environment
from service.infra.embedded.model import EmbeddedError
from service.infra.embedded.postgres import RECOVERY_S, end

# What the service may do: everything except administration and the commands that touch every key or another
# client (CONFIG, DEBUG, FLUSHALL, FLUSHDB, KEYS, MODULE, ACL, SHUTDOWN, MONITOR …). INFO tells it the version.
_SERVICE_RIGHTS = "resetkeys ~* resetchannels &* -@all +@all -@admin -@dangerous +info"
_SETTINGS = """\
port 0
unixsocket "{socket}"
unixsocketperm 700
dir ./
daemonize no
databases 16
save ""
appendonly yes
appendfsync {appendfsync}
maxmemory 256mb
maxmemory-policy noeviction
always-show-logo no
user default reset on #{admin} ~* &* +@all
user simward reset on #{service} {rights}
"""


@dataclass(slots=True)
class Redis:
    """One server in ``folder`` (0700, the account's) on ``path``."""

    folder: Path
    path: Path
    log: Path
    binary: RedisBinary
    account: Account
    keeper: Keeper
    fsync: bool
    password: str
    admin_password: str
    child: Child | None = None

    def start(self) -> Child:
        """Start it; ``wait_ready`` follows. The settings go in by stdin: no secret in a file or in ``ps``."""
        argv = [str(self.binary.path), "-"]
        # SIGKILL: every acknowledged command was written to the append-only file before its answer left, and
        # a script that runs too long would ignore anything softer.
        start = Start(argv, self.folder, self.account, signal.SIGKILL, environment(str(self.path.parent)))
        with open_log(self.log) as log:
            self.child = start.run(self.keeper, log, stdin=subprocess.PIPE)
        assert self.child.stdin is not None
        try:
            self.child.stdin.write(self._settings().encode())
            self.child.stdin.close()
        except BrokenPipeError:
            self.child.wait()  # it is gone; wait_ready tells why
        return self.child

    def _settings(self) -> str:
        return _SETTINGS.format(
            socket=self.path,
            appendfsync="everysec" if self.fsync else "no",
            admin=hashlib.sha256(self.admin_password.encode()).hexdigest(),
            service=hashlib.sha256(self.password.encode()).hexdigest(),
            rights=_SERVICE_RIGHTS,
        )

    def wait_ready(self) -> None:
        """Until it answers PING, its file loaded."""
        assert self.child is not None
        began = time.monotonic()
        while not self._answers():
            if self.child.poll() is not None:
                raise EmbeddedError(f"{self.binary.path} did not start.\n{log_tail(self.log)}")
            if time.monotonic() - began > RECOVERY_S:
                raise EmbeddedError(f"Redis is not ready after {RECOVERY_S:.0f} s.\n{log_tail(self.log)}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as link:
                link.settimeout(1)
                link.connect(str(self.path))
                link.sendall(f"AUTH default {self.admin_password}\r\nPING\r\n".encode())
                said = b""
                while said.count(b"\r\n") < 2:
                    part = link.recv(256)
                    if not part:
                        return False
                    said += part
                return said == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False

    def stop(self) -> None:
        """SIGTERM writes and syncs the append-only file (there is no snapshot to write). Idempotent."""
        end(self.child, [(signal.SIGTERM, 10.0)])
        self.child = None
