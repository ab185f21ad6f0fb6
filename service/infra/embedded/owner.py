"""The owner: takes the folder, starts both servers, keeps them, stops them."""

import atexit
import contextlib
import os
import secrets
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from service.infra.embedded import binaries
from service.infra.embedded.account import Account, server_account
from service.infra.embedded.files import own_folder, private_folder, remove_private
from service.infra.embedded.launch import Keeper
from service.infra.embedded.lock import Lock, already_running, attach, write_runtime
from service.infra.embedded.model import ROLES, SUPERUSER, EmbeddedError, Servers, redis_url, sql_url
from service.infra.embedded.postgres import Postgres
from service.infra.embedded.redis import Redis


class Embedded:
    """PostgreSQL and Redis on one data folder, for as long as this object is started.

    ``attach=True``: where another process owns the folder, use its servers and leave them alone at the end.
    ``fsync=False``: for tests that throw their data away; a power cut may then lose the cluster.
    ``postgres`` and ``redis`` are the two servers, each with ``start()``, ``wait_ready()`` and ``stop()``,
    so that a test can take one away and bring it back; None when attached or stopped.
    """

    def __init__(
        self,
        data: Path,
        *,
        fsync: bool = True,
        say: Callable[[str], None] | None = None,
        database: str = "simward",
        attach: bool = False,
    ) -> None:
        self.data = Path(os.path.abspath(data))
        self.postgres: Postgres | None = None
        self.redis: Redis | None = None
        self.facts: dict[str, str] = {}
        self._fsync = fsync
        self._say = say or (lambda _: None)
        self._database = database
        self._attach = attach
        self._servers: Servers | None = None
        self._lock: Lock | None = None
        self._keeper: Keeper | None = None
        self._private: Path | None = None
        self._pid = os.getpid()
        self._stopping = threading.Lock()

    def __enter__(self) -> Servers:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Servers:
        """Start or attach. Raises EmbeddedError (AlreadyRunning) with a text for a person."""
        if sys.platform != "linux":
            raise EmbeddedError(
                "The embedded servers need Linux. Set SIMWARD_DATABASE_URL and SIMWARD_REDIS_URL to your own."
            )
        if self._servers is not None:
            return self._servers
        self._make_data()
        lock = Lock(self.data)
        if not lock.take():
            if not self._attach:
                raise already_running(lock)
            attached = attach(lock)
            if attached is not None:
                self._servers, self.facts = attached
                return self._servers
        self._lock = lock
        atexit.register(self.stop)
        try:
            self._servers = self._own(lock)
            write_runtime(lock.runtime, self._servers, self.facts)
        except OSError as error:
            self.stop()
            raise EmbeddedError(f"The servers on {self.data} cannot be started: {error}.") from error
        except BaseException:
            self.stop()
            raise
        return self._servers

    def announce(self, **facts: str) -> None:
        """Tell others where we are (``url="http://127.0.0.1:8080"``): in ``facts`` of whoever attaches, and in
        what a second owner is told."""
        if self._lock is not None and self._servers is not None:
            self.facts.update(facts)
            write_runtime(self._lock.runtime, self._servers, self.facts)

    def admin_url(self, database: str) -> str:
        """The superuser's url, for making databases and roles; no service connects by it."""
        if self._servers is None:
            raise EmbeddedError("The servers are not started.")
        sockets = parse_qs(urlsplit(self._servers.app_url).query)["host"][0]
        return sql_url(SUPERUSER, database, sockets)

    def stop(self) -> None:
        """Stop what we own. Idempotent; in a forked copy of the owner it does nothing."""
        if os.getpid() != self._pid:
            return
        with self._stopping:
            self._servers = None
            if self._lock is None:
                return
            self._lock.runtime.unlink(missing_ok=True)
            for server in (self.redis, self.postgres):
                if server is not None:
                    server.stop()
            self.redis = self.postgres = None
            if self._keeper is not None:
                self._keeper.close()
                self._keeper = None
            if self._private is not None:
                remove_private(self._private)
                self._private = None
            self._lock.release()
            self._lock = None
            atexit.unregister(self.stop)

    def _make_data(self) -> None:
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        except PermissionError:
            raise EmbeddedError(
                f"{self.data} cannot be made or entered by this user. Choose another data folder "
                "(DATA=… or --data)."
            ) from None
        except OSError as error:
            raise EmbeddedError(f"{self.data} cannot be a data folder: {error.strerror}.") from None

    def _own(self, lock: Lock) -> Servers:
        account = server_account(self.data / "postgres")
        prefix, found = binaries.find_postgres(), binaries.find_redis()
        private = self._private = private_folder(account, programs=account.dropped)
        lock.note({"private": str(private)})
        logs = self.data / "log"
        logs.mkdir(mode=0o700, exist_ok=True)
        keeper = self._keeper = Keeper()
        self.redis = Redis(
            folder=own_folder(self.data / "redis", account),
            path=private / "s" / "redis.sock",
            log=logs / "redis.log",
            binary=binaries.RedisBinary(
                binaries.reachable_redis(found.path, account, private / "bin"), found.version
            ),
            account=account,
            keeper=keeper,
            fsync=self._fsync,
            password=secrets.token_urlsafe(24),
            admin_password=secrets.token_urlsafe(24),
        )
        self.postgres = Postgres(
            folder=self.data / "postgres",
            sockets=private / "s",
            log=logs / "postgres.log",
            prefix=binaries.reachable_postgres(prefix, account, private / "bin"),
            account=account,
            keeper=keeper,
            fsync=self._fsync,
            say=self._say,
        )
        return self._start_both(self.redis, self.postgres, account, private / "s")

    def _start_both(self, redis: Redis, postgres: Postgres, account: Account, sockets: Path) -> Servers:
        """Both at once: neither waits for the other."""
        second = redis.start()
        if not postgres.folder.exists():
            self._say("Making the PostgreSQL cluster.")
        postgres.create()
        first = postgres.start()
        postgres.wait_ready()
        postgres.prepare(self._database)
        redis.wait_ready()
        owner, app, sealer, read = (sql_url(role, self._database, str(sockets)) for role in ROLES)
        return Servers(
            owner_url=owner,
            app_url=app,
            sealer_url=sealer,
            read_url=read,
            redis_url=redis_url("simward", redis.password, str(redis.path)),
            redis_admin_url=redis_url("default", redis.admin_password, str(redis.path)),
            redis_version=redis.binary.text,
            pids=(first.pid, second.pid),
            attached=False,
        )


def running(data: Path) -> Mapping[str, str]:
    """What the owner of ``data`` announced; empty where nobody runs (a killed owner's file counts as nobody)."""
    lock = Lock(Path(os.path.abspath(data)))
    with contextlib.suppress(EmbeddedError):
        if lock.runtime.exists() and not lock.take():
            found = attach(lock)
            if found is not None:
                return found[1]
    lock.release()
    return {}
