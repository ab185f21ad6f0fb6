"""``simward demo``, whole: ready, interrupted, killed, started twice, by an ordinary user."""

import os
import pwd
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

from service.infra.embedded.lock import servers_in
from tests.fakes.processes import Program, free_port, until

pytestmark = [pytest.mark.kill, pytest.mark.timeout(150)]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
Start = Callable[..., Program]


@pytest.fixture
def start() -> Iterator[Start]:
    """``start(data, "--empty")``: a demo on a port of its own."""
    started: list[Program] = []

    def begin(
        data: Path, *options: str, port: int | None = None, python: Sequence[str] | None = None
    ) -> Program:
        arguments = ["demo", "--port", str(port or free_port()), "--data", str(data), *options]
        home = {"HOME": str(data.parent)}
        program = Program(*arguments, env=home, **({"python": python} if python else {}))
        started.append(program)
        return program

    yield begin
    for program in started:
        program.close()


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="simward-demo-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "data"
        left = servers_in(Path(folder) / "data")
        assert left == [], f"servers left over: {left}"


def ask(told: dict[str, str], method: str, path: str, body: Any = None) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {told['api_key']}"}
    extra = {} if body is None else {"json": body}
    return httpx2.request(method, told["url"] + path, headers=headers, timeout=30, **extra)


def listed(told: dict[str, str]) -> list[str]:
    answer = ask(told, "GET", "/v1/registrations")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def nothing_left(data: Path) -> None:
    until(lambda: servers_in(data) == [], "no server is left", 5)


def test_interrupted_killed_and_started_again(data: Path, start: Start) -> None:
    demo = start(data, "--empty")
    told = demo.first_line()
    assert set(told) == {"url", "api_key", "staff_link", "version"}
    assert httpx2.get(told["url"] + "/readyz", timeout=10).status_code == 200
    assert httpx2.get(told["staff_link"], timeout=10).status_code == 303
    assert listed(told) == []
    first = ask(told, "POST", "/v1/registrations", {"msisdn": "+4915112345678", "purpose": "new"}).json()[
        "id"
    ]

    # A second one on the same folder says where the first is, stops, and does it no harm.
    second = start(data)
    assert second.wait() == 1
    assert second.out == ""
    assert str(data) in second.err
    assert told["url"] in second.err
    assert "Traceback" not in second.err
    assert listed(told) == [first]

    demo.send(signal.SIGINT)
    assert demo.wait() == 0, demo.err
    assert servers_in(data) == []
    assert "Traceback" not in demo.err, demo.err

    # Data and key survive; the address may be another.
    demo = start(data, "--empty")
    again = demo.first_line()
    assert again["api_key"] == told["api_key"]
    assert listed(again) == [first]
    answer = ask(again, "POST", "/v1/registrations", {"msisdn": "+4915112345679", "purpose": "new"})
    assert answer.status_code == 201
    demo.kill()
    nothing_left(data)

    demo = start(data, "--empty")
    after = demo.first_line()
    assert listed(after) == [answer.json()["id"], first]
    demo.send(signal.SIGTERM)
    assert demo.wait() == 0, demo.err
    assert servers_in(data) == []
    assert "Traceback" not in demo.err, demo.err


def test_killed_while_it_seeds_it_goes_on_at_the_next_start(data: Path, start: Start) -> None:
    demo = start(data)
    told = demo.first_line()
    until(lambda: len(listed(told)) >= 5, "invented people")
    demo.kill()
    nothing_left(data)
    demo = start(data)
    told = demo.first_line()
    before = ask(told, "GET", "/v1/registrations?limit=100").json()
    until(
        lambda: ask(told, "GET", "/v1/registrations?limit=100").json()["items"][0] != before["items"][0],
        "more invented people",
    )
    assert "not all in" not in demo.err, demo.err
    demo.send(signal.SIGINT)
    assert demo.wait() == 0, demo.err
    assert servers_in(data) == []


def test_a_taken_port_is_said_and_nothing_stays_behind(data: Path, start: Start) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        demo = start(data, "--empty", port=port)
        assert demo.wait() == 1
    assert demo.out == ""
    assert str(port) in demo.err
    assert "Traceback" not in demo.err
    assert servers_in(data) == []


def test_a_start_that_is_interrupted_leaves_nothing(data: Path, start: Start) -> None:
    """Ctrl-C while the cluster is made, before anything answers."""
    demo = start(data, "--empty")
    until(lambda: (data / "postgres.new").exists() or (data / "postgres").exists(), "initdb")
    demo.send(signal.SIGINT)
    assert demo.wait() != 1
    nothing_left(data)
    assert demo.out == ""


@as_root
def test_it_runs_as_an_ordinary_user(start: Start, ordinary: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="simward-home-", ignore_cleanup_errors=True) as home:
        os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)
        demo = start(Path(home) / "data", "--empty", python=ordinary)
        told = demo.first_line()
        assert listed(told) == []
        demo.send(signal.SIGINT)
        assert demo.wait() == 0, demo.err
        assert servers_in(Path(home) / "data") == []
