"""The life of one PostgreSQL cluster: made once, started as our child, stopped fast."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from service.infra.embedded.account import Account, current_name
from service.infra.embedded.binaries import POSTGRES_MAJOR
from service.infra.embedded.files import log_tail, open_log, write_for
from service.infra.embedded.launch import Child, Keeper, Start, environment
from service.infra.embedded.model import ROLES, SUPERUSER, EmbeddedError

RECOVERY_S = 120.0
"""How long a start may take after a crash, seconds."""
STOP_S = 30.0
_STATUS_LINE = 7  # of postmaster.pid, from 0: "starting", "ready"

# Parameters and row values never reach the log: terse drops the DETAIL that quotes them ("Key (…)=(…)").
_SETTINGS = """\
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 128MB
huge_pages = off
io_method = sync
wal_level = minimal
max_wal_senders = 0
min_wal_size = 64MB
max_wal_size = 512MB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_error_verbosity = terse
log_min_error_statement = panic
log_min_messages = log
log_line_prefix = '%m [%p] '
{durability}
"""
_DURABLE = "fsync = on\nsynchronous_commit = on\nfull_page_writes = on"
_THROWN_AWAY = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off"


@dataclass(slots=True)
class Postgres:
    """One cluster in ``folder`` (0700, the account's), with its sockets in ``sockets``."""

    folder: Path
    sockets: Path
    log: Path
    prefix: Path
    account: Account
    keeper: Keeper
    fsync: bool
    say: Callable[[str], None]
    child: Child | None = None

    def create(self) -> None:
        """initdb, if there is no cluster yet. It appears under its name only when it is whole."""
        if self.folder.exists():
            version = (self.folder / "PG_VERSION").read_text("ascii").strip()
            if version != POSTGRES_MAJOR:
                raise EmbeddedError(
                    f"{self.folder} was made by PostgreSQL {version}, this is {POSTGRES_MAJOR}. "
                    "Choose another data folder."
                )
            return
        unfinished = self.folder.with_name(f"{self.folder.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self.account.dropped:
            os.chown(unfinished, self.account.uid, self.account.gid)
        with open_log(self.log) as log:
            child = self._command(
                [
                    str(self.prefix / "bin" / "initdb"), "-D", "{folder}", "-U", SUPERUSER,
                    "--auth=peer", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8", "--no-instructions",
                    *([] if self.fsync else ["--no-sync"]),
                ],
                unfinished, signal.SIGKILL,
            ).run(self.keeper, log)  # fmt: skip
            if child.wait() != 0:
                raise EmbeddedError(f"initdb failed.\n{log_tail(self.log)}")
        unfinished.rename(self.folder)

    def start(self) -> Child:
        """Start the postmaster; ``wait_ready`` follows."""
        self._configure()
        # We hold the data folder's lock and nothing of ours runs in it any more, so a pid file is a leftover.
        # PostgreSQL itself would refuse to start where another process has that number today.
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        # SIGQUIT is the immediate shutdown: the postmaster takes every backend with it, at once, also one
        # in a long computation, and writes nothing. SIGKILL would orphan the backends, SIGINT would first
        # write a checkpoint of unknown length. The next start recovers from the log.
        with open_log(self.log) as log:
            argv = [str(self.prefix / "bin" / "postgres"), "-D", "{folder}"]
            self.child = self._command(argv, self.folder, signal.SIGQUIT).run(self.keeper, log)
        return self.child

    def _command(self, argv: list[str], folder: Path, death_signal: int) -> Start:
        return Start(argv, folder, self.account, death_signal, environment(str(self.sockets)))

    def _configure(self) -> None:
        settings = _SETTINGS.format(
            sockets=str(self.sockets).replace("'", "''"), durability=_DURABLE if self.fsync else _THROWN_AWAY
        )
        write_for(self.account, self.folder / "postgresql.conf", settings)
        write_for(self.account, self.folder / "pg_hba.conf", "local all all peer map=simward\n")
        names = sorted({current_name(), self.account.name})
        map_lines = "".join(f'simward "{name}" all\n' for name in names)
        write_for(self.account, self.folder / "pg_ident.conf", map_lines)

    def wait_ready(self) -> None:
        """Until connections are taken; a recovery is waited for, and said."""
        assert self.child is not None
        began = time.monotonic()
        told = 2.0
        while not self._is_ready():
            passed = time.monotonic() - began
            if self.child.poll() is not None:
                raise EmbeddedError(f"PostgreSQL did not start.\n{log_tail(self.log)}")
            if passed > RECOVERY_S:
                raise EmbeddedError(
                    f"PostgreSQL is not ready after {RECOVERY_S:.0f} s.\n{log_tail(self.log)}"
                )
            if passed > told:
                self.say(
                    f"PostgreSQL is recovering after an unclean stop ({passed:.0f} s; "
                    f"may take up to {RECOVERY_S:.0f} s)."
                )
                told += 10
            time.sleep(0.01)

    def _is_ready(self) -> bool:
        assert self.child is not None
        try:
            lines = (self.folder / "postmaster.pid").read_text("utf-8").splitlines()
        except OSError:
            return False
        mine = bool(lines) and lines[0].strip() == str(self.child.pid)
        return mine and len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"

    def prepare(self, database: str) -> None:
        """Roles and the database, where they are missing. What a role may touch is the migrations' matter."""
        info = psycopg.conninfo.make_conninfo(
            host=str(self.sockets), port=5432, user=SUPERUSER, dbname="postgres"
        )
        with psycopg.connect(info, autocommit=True) as link:
            present = {row[0] for row in link.execute("SELECT rolname FROM pg_roles").fetchall()}
            for role in ROLES:
                if role not in present:
                    link.execute(
                        sql.SQL(
                            "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION "
                            "NOBYPASSRLS NOINHERIT"
                        ).format(sql.Identifier(role))
                    )
            name = sql.Identifier(database)
            if not link.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                link.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, sql.Identifier(ROLES[0])))
            # Outside the branch: a kill between the two statements must not leave the door open.
            link.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
            roles = sql.SQL(", ").join(map(sql.Identifier, ROLES))
            link.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, roles))

    def stop(self) -> None:
        """Fast shutdown; harder ones if it takes too long. Idempotent."""
        end(self.child, [(signal.SIGINT, STOP_S), (signal.SIGQUIT, 10.0)])
        self.child = None


def end(child: Child | None, steps: list[tuple[signal.Signals, float]]) -> None:
    """Send each signal and give it its seconds; then kill. Reaps the child."""
    if child is None:
        return
    for number, patience in steps:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(patience)
            return
    child.kill()
    child.wait()
