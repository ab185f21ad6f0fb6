"""The embedded servers, with real processes: started, stopped, killed, refused."""

import json
import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis as sync_redis
from sqlalchemy import create_engine, text

from service.infra.embedded import AlreadyRunning, Embedded, EmbeddedError, Servers, binaries, files, running
from service.infra.embedded.account import Account, may_read
from service.infra.embedded.lock import servers_in

pytestmark = [pytest.mark.kill, pytest.mark.timeout(180)]
ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def gone(pids: tuple[int, ...] | list[int], within_s: float = 5.0) -> bool:
    """True once none of the processes exists; a zombie of a dead parent does not count."""

    def lives(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    deadline = time.monotonic() + within_s
    while any(lives(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Owner:
    """A separate process that owns the servers of ``data``."""

    def __init__(
        self, data: Path, command: list[str] | None = None, env: dict[str, str] | None = None
    ) -> None:
        script = str(ROOT / "tests" / "kill" / "owner.py")
        self.process = subprocess.Popen(
            [*(command or [sys.executable]), script, str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **(env or {})},
            cwd="/",
        )
        assert self.process.stdout is not None
        self.said: dict[str, Any] = json.loads(self.process.stdout.readline() or "{}")

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(self.said["pids"])

    def close(self) -> int:
        if self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
        code = self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def kill(self) -> None:
        self.process.kill()
        self.close()


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder; as root it lies under folders that are closed to the servers' user."""
    folder = tmp_path / "data"
    yield folder
    left = servers_in(folder)
    assert left == [], f"servers left over: {left}"


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Embedded, Servers]]:
    with tempfile.TemporaryDirectory(prefix="simward-kill-") as folder:
        embedded = Embedded(Path(folder) / "data", fsync=False)
        try:
            yield embedded, embedded.start()
        finally:
            embedded.stop()


def test_a_fresh_start_serves_and_a_stop_leaves_nothing(data: Path) -> None:
    said: list[str] = []
    embedded = Embedded(data, say=said.append)
    servers = embedded.start()
    private = Path(servers.app_url.split("host=")[1].split("&")[0]).parent
    assert servers.attached is False
    assert len(servers.pids) == 2
    engine = create_engine(servers.app_url)
    with engine.connect() as link:
        assert link.scalar(text("SHOW server_version")).startswith("18.")
        assert link.scalar(text("SELECT current_user")) == "simward_app"
        assert link.scalar(text("SHOW log_parameter_max_length")) == "0"
        assert link.scalar(text("SHOW log_parameter_max_length_on_error")) == "0"
        assert link.scalar(text("SHOW listen_addresses")) == ""
        assert link.scalar(text("SHOW fsync")) == "on"
        provider = (
            "SELECT datlocprovider::text || datlocale || pg_encoding_to_char(encoding) FROM pg_database"
        )
        assert link.scalar(text(f"{provider} WHERE datname = current_database()")) == "bC.UTF-8UTF8"
    engine.dispose()
    embedded.stop()
    embedded.stop()
    assert gone(servers.pids, 0)
    assert servers_in(data) == []
    assert not private.exists()
    assert not (data / "runtime.json").exists()
    assert said == ["Making the PostgreSQL cluster."]


def test_a_warm_start_keeps_rows_and_keys(data: Path) -> None:
    with Embedded(data) as servers:
        with psycopg.connect(plain(servers.owner_url)) as link:
            link.execute("CREATE TABLE kept (n int)")
            link.execute("INSERT INTO kept VALUES (7)")
        with sync_redis.Redis.from_url(servers.redis_url) as client:
            client.set("kept", "7")
    with Embedded(data) as servers:
        with psycopg.connect(plain(servers.owner_url)) as link:
            assert link.execute("SELECT n FROM kept").fetchone() == (7,)
        with sync_redis.Redis.from_url(servers.redis_url) as client:
            assert client.get("kept") == b"7"


def test_a_killed_owner_leaves_no_process_and_the_next_start_recovers(data: Path) -> None:
    owner = Owner(data)
    first = owner.pids
    with psycopg.connect(plain(owner.said["owner_url"]), autocommit=True) as link:
        link.execute("CREATE TABLE kept (n int)")
        link.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
    # A backend that computes without ever looking up is the one that an orphaned postmaster would leave.
    spin = "DO $$ BEGIN LOOP NULL; END LOOP; END $$"
    with closing(psycopg.connect(plain(owner.said["app_url"]), autocommit=True)) as busy:
        busy.pgconn.send_query(spin.encode())
        everything = servers_in(data)
        assert len(everything) > len(first)
        with sync_redis.Redis.from_url(owner.said["redis_url"]) as client:
            client.set("kept", "7")
        owner.kill()
        assert gone(everything, 5)
    assert servers_in(data) == []
    stale = Path(owner.said["app_url"].split("host=")[1].split("&")[0]).parent
    assert stale.exists()
    # A pid file that names a living process of ours must not stop the start.
    pid_file = data / "postgres" / "postmaster.pid"
    if pid_file.exists():
        pid_file.write_text(pid_file.read_text().replace(str(first[0]), str(os.getpid()), 1))
    with Embedded(data) as servers:
        assert set(servers.pids).isdisjoint(first)
        assert not stale.exists()
        with psycopg.connect(plain(servers.owner_url)) as link:
            assert link.execute("SELECT count(*) FROM kept").fetchone() == (1000,)
        with sync_redis.Redis.from_url(servers.redis_url) as client:
            assert client.get("kept") == b"7"


def test_an_owner_killed_while_it_makes_the_cluster_leaves_nothing_half_made(data: Path) -> None:
    script = str(ROOT / "tests" / "kill" / "owner.py")
    process = subprocess.Popen(
        [sys.executable, script, str(data)],
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )
    deadline = time.monotonic() + 30
    while not (data / "postgres.new").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert (data / "postgres.new").exists()
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while servers_in(data) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert servers_in(data) == []
    assert not (data / "postgres").exists()
    with Embedded(data) as servers, psycopg.connect(plain(servers.app_url)) as link:
        assert link.execute("SELECT 1").fetchone() == (1,)


def test_a_stop_from_outside_is_clean(data: Path) -> None:
    owner = Owner(data)
    assert owner.close() == 0
    assert gone(owner.pids, 0)


def test_the_terminals_interrupt_is_not_for_the_servers(data: Path) -> None:
    with Embedded(data, fsync=False) as servers:
        assert all(os.getsid(pid) == pid for pid in servers.pids)


def test_a_second_owner_is_refused_and_told_where_the_first_is(data: Path) -> None:
    embedded = Embedded(data, fsync=False)
    with embedded:
        embedded.announce(url="http://127.0.0.1:8099")
        with pytest.raises(AlreadyRunning) as refused:
            Embedded(data).start()
        assert str(data) in str(refused.value)
        assert str(os.getpid()) in str(refused.value)
        assert "http://127.0.0.1:8099" in str(refused.value)
    with Embedded(data, fsync=False):
        pass


def test_attaching_uses_the_servers_and_leaves_them_running(data: Path) -> None:
    owner = Owner(data)
    try:
        guest = Embedded(data, attach=True)
        with guest as servers:
            assert servers.attached is True
            assert servers.pids == owner.pids
            with psycopg.connect(plain(servers.app_url)) as link:
                assert link.execute("SELECT current_user").fetchone() == ("simward_app",)
            with psycopg.connect(plain(guest.admin_url("postgres"))) as link:
                assert link.execute("SELECT current_user").fetchone() == ("postgres",)
        assert not gone(owner.pids, 0)
        runtime = data / "runtime.json"
        assert stat.S_IMODE(runtime.stat().st_mode) == 0o600
    finally:
        owner.close()
    assert gone(owner.pids, 0)


def test_attaching_where_nobody_runs_starts(data: Path) -> None:
    with Embedded(data, fsync=False, attach=True) as servers:
        assert servers.attached is False


def test_what_the_owner_announced_is_known_to_others_and_ends_with_it(data: Path) -> None:
    assert running(data) == {}
    embedded = Embedded(data, fsync=False)
    with embedded:
        embedded.announce(url="http://127.0.0.1:8099")
        assert running(data) == {"url": "http://127.0.0.1:8099"}
    assert running(data) == {}


def test_no_folder_above_the_data_is_changed(tmp_path: Path) -> None:
    above = tmp_path / "above"
    above.mkdir(mode=0o700)
    chain = [above, *above.parents]
    before = [(p.stat().st_mode, p.stat().st_uid, p.stat().st_gid) for p in chain]
    with Embedded(above / "data", fsync=False):
        assert stat.S_IMODE((above / "data").stat().st_mode) == 0o700
        assert [(p.stat().st_mode, p.stat().st_uid, p.stat().st_gid) for p in chain] == before
    assert [(p.stat().st_mode, p.stat().st_uid, p.stat().st_gid) for p in chain] == before


@as_root
def test_root_runs_the_servers_as_someone_else(data: Path) -> None:
    with Embedded(data, fsync=False) as servers:
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in servers.pids}
        assert owners == {(data / "postgres").stat().st_uid}
        assert 0 not in owners


@as_root
def test_programs_out_of_reach_are_copied(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "may_read", lambda path, account: False)
    with Embedded(data, fsync=False) as servers:
        private = Path(servers.app_url.split("host=")[1].split("&")[0]).parent
        for pid in servers.pids:
            assert Path(os.readlink(f"/proc/{pid}/exe")).is_relative_to(private / "bin")
        with psycopg.connect(plain(servers.app_url)) as link:
            assert link.execute("SELECT 1").fetchone() == (1,)


def test_reach_follows_the_mode_bits(tmp_path: Path) -> None:
    stranger = Account("stranger", 54321, 54321, dropped=True)
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        (folder / "file").write_text("")
        assert not may_read(folder / "file", stranger)
        folder.chmod(0o755)
        (folder / "file").chmod(0o644)
        assert may_read(folder / "file", stranger)
        (folder / "file").chmod(0o640)
        assert not may_read(folder / "file", stranger)
        assert not may_read(folder / "missing", stranger)


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(EmbeddedError, match="cannot be a data folder"):
        Embedded(path).start()


def test_another_major_version_is_refused(data: Path) -> None:
    with Embedded(data, fsync=False):
        pass
    (data / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedError, match="made by PostgreSQL 16"):
        Embedded(data).start()


def test_a_server_that_cannot_start_says_why(data: Path) -> None:
    with Embedded(data, fsync=False):
        pass
    (data / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedError, match="pg_control"):
        Embedded(data).start()


def test_a_long_temporary_folder_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with Embedded(tmp_path / ("y" * 120), fsync=False) as servers:
        socket = Path(servers.redis_url.split("@")[1].split("?")[0])
        assert len(os.fsencode(socket.parent / ".s.PGSQL.5432")) < files.SUN_PATH
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert not socket.is_relative_to(long)


def test_no_place_for_a_socket_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files, "SUN_PATH", 20)
    with pytest.raises(EmbeddedError, match="path too long for a socket"):
        Embedded(tmp_path / "data").start()


@pytest.mark.parametrize("statement", ["CREATE TABLE t (n int)", "CREATE ROLE r", "CREATE SCHEMA s",
                                       "CREATE TEMP TABLE t (n int)", "CREATE DATABASE d",
                                       "COPY (SELECT 1) TO PROGRAM 'true'"])  # fmt: skip
@pytest.mark.parametrize("role", ["app_url", "sealer_url", "read_url"])
def test_service_roles_may_only_connect(shared: tuple[Embedded, Servers], role: str, statement: str) -> None:
    with (
        psycopg.connect(plain(getattr(shared[1], role)), autocommit=True) as link,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        link.execute(statement)


def test_the_owner_is_no_superuser_and_does_not_pass_row_security(shared: tuple[Embedded, Servers]) -> None:
    query = (
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    )
    with psycopg.connect(plain(shared[1].owner_url)) as link:
        assert link.execute(query).fetchone() == (False, False, False, False)


@pytest.mark.parametrize(
    "command",
    [("CONFIG", "GET", "*"), ("FLUSHALL",), ("FLUSHDB",), ("KEYS", "*"), ("DEBUG", "SLEEP", "0"),
     ("MODULE", "LIST"), ("ACL", "LIST"), ("SHUTDOWN", "NOSAVE"), ("MONITOR",), ("CLIENT", "KILL", "x")],
)  # fmt: skip
def test_the_service_may_not_administer_redis(
    shared: tuple[Embedded, Servers], command: tuple[str, ...]
) -> None:
    with (
        sync_redis.Redis.from_url(shared[1].redis_url) as client,
        pytest.raises(sync_redis.exceptions.NoPermissionError),
    ):
        client.execute_command(*command)


def test_redis_is_set_as_promised_and_asks_for_a_password(shared: tuple[Embedded, Servers]) -> None:
    servers = shared[1]
    with sync_redis.Redis.from_url(servers.redis_admin_url) as admin:
        settings = admin.config_get("*")
        assert settings["port"] == "0"
        assert settings["appendonly"] == "yes"
        assert settings["maxmemory-policy"] == "noeviction"
        admin.flushall()
    with sync_redis.Redis.from_url(servers.redis_url) as client:
        assert client.eval("return redis.call('TIME')", 0)
        assert client.info("server")["redis_version"]
        assert client.xadd("s", {"a": "1"})
    bare = "unix://" + servers.redis_url.split("@")[1]
    with (
        sync_redis.Redis.from_url(bare) as client,
        pytest.raises(sync_redis.exceptions.AuthenticationError),
    ):
        client.ping()


def fake_redis(folder: Path, name: str, says: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


def test_an_old_redis_is_passed_over_for_the_bundled_one(tmp_path: Path) -> None:
    fake_redis(tmp_path / "bin", "redis-server", "Redis server v=6.0.16 sha=0 malloc=x bits=64")
    found = binaries.find_redis(str(tmp_path / "bin"))
    assert found.path.parent != tmp_path / "bin"
    assert found.version >= (6, 2)


def test_an_old_redis_alone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "package_folder", lambda name: None)
    fake_redis(tmp_path / "bin", "redis-server", "Redis server v=6.0.16 sha=0 malloc=x bits=64")
    fake_redis(tmp_path / "bin", "valkey-server", "no version at all")
    with pytest.raises(EmbeddedError, match=r"redis-server is 6\.0\.16.*unknown version"):
        binaries.find_redis(str(tmp_path / "bin"))
    with pytest.raises(EmbeddedError, match="No redis-server"):
        binaries.find_redis(str(tmp_path / "none"))


def test_the_newest_server_on_the_path_is_taken(tmp_path: Path) -> None:
    fake_redis(tmp_path / "bin", "redis-server", "Redis server v=6.2.7 sha=0")
    fake_redis(tmp_path / "bin", "valkey-server", "Valkey server v=8.1.4 sha=0")
    assert binaries.find_redis(str(tmp_path / "bin")).text == "8.1.4"


def test_without_the_wheel_postgres_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "package_folder", lambda name: None)
    with pytest.raises(EmbeddedError, match="make setup"):
        binaries.find_postgres()


@as_root
class TestOrdinaryUser:
    @pytest.fixture
    def home(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="simward-home-", ignore_cleanup_errors=True) as name:
            os.chown(name, pwd.getpwnam("nobody").pw_uid, -1)
            yield Path(name)

    def owner(self, python: list[str], home: Path, data: Path) -> Owner:
        packages = ":".join(path for path in sys.path if path.endswith("site-packages"))
        return Owner(data, python, {"HOME": str(home), "PYTHONPATH": f"{ROOT}:{packages}"})

    def test_starts_dies_and_starts_again(self, home: Path, ordinary: list[str]) -> None:
        owner = self.owner(ordinary, home, home / "data")
        pids = owner.pids
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in pids} == {pwd.getpwnam("nobody").pw_uid}
        owner.kill()
        assert gone(pids, 5)
        again = self.owner(ordinary, home, home / "data")
        assert again.pids
        assert again.close() == 0
        # Root may take the folder over: it drops to the owner of the cluster.
        with Embedded(home / "data") as servers:
            assert Path(f"/proc/{servers.pids[0]}").stat().st_uid == pwd.getpwnam("nobody").pw_uid

    def test_a_closed_folder_is_refused(self, home: Path, ordinary: list[str]) -> None:
        closed = home / "closed"
        closed.mkdir(mode=0o755)
        (closed / "data").mkdir(mode=0o755)
        for data in (closed / "new", closed / "data"):
            owner = self.owner(ordinary, home, data)
            assert owner.close() != 0
            assert "Choose another data folder" in owner.said["error"]

    def test_the_cluster_of_another_user_is_refused(self, home: Path, ordinary: list[str]) -> None:
        data = home / "data"
        with Embedded(data, fsync=False):
            pass
        os.chown(data / "postgres", 12345, -1)
        os.chown(data, pwd.getpwnam("nobody").pw_uid, -1)
        (data / "lock").unlink()
        owner = self.owner(ordinary, home, data)
        assert owner.close() != 0
        assert "belongs to the user 12345" in owner.said["error"]


def test_sigterm_to_the_owner_leaves_nothing(data: Path) -> None:
    owner = Owner(data)
    owner.process.send_signal(signal.SIGTERM)
    owner.close()
    assert gone(owner.pids, 5)
