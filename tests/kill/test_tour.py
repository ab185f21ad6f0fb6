"""The demo as a new user starts it, and the tour against it: real processes, real HTTP, every scene as told."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.kill, pytest.mark.timeout(420)]
ROOT = Path(__file__).parents[2]
ENV = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class Demo:
    """``simward demo --empty`` on a folder of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        command = [sys.executable, "-m", "service", "demo", "--empty", "--port", str(free_port())]
        self.process = subprocess.Popen(
            [*command, "--data", str(data)], cwd=data.parent, env=ENV, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.told: dict[str, Any] = json.loads(self.process.stdout.readline())

    def get(self, path: str) -> Any:
        ask = urllib.request.Request(
            self.told["url"] + path, headers={"Authorization": f"Bearer {self.told['api_key']}"}
        )
        with urllib.request.urlopen(ask, timeout=30) as answer:
            return json.load(answer)

    def stop(self, by: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(by)
        assert self.process.stdout is not None
        with self.process.stdout:
            return self.process.wait(60)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("tour")
    running = Demo(folder / "data")
    try:
        yield running
    finally:
        running.stop()


def tour(data: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "service", "tour", "--fast", "--data", str(data)],
        cwd=data.parent,
        env={**ENV, **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def played(demo: Demo) -> "subprocess.CompletedProcess[str]":
    return tour(demo.data)


def scene(text: str, number: int) -> str:
    """One scene's lines."""
    return re.split(r"\n\n", text)[number]


def test_every_scene_goes_as_told(played: "subprocess.CompletedProcess[str]") -> None:
    assert played.returncode == 0, played.stdout + played.stderr
    assert played.stdout.rstrip().endswith("7 of 7 scenes went as told.")
    assert played.stdout.count(" ● ") == 7
    assert "✕" not in played.stdout
    assert "\x1b" not in played.stdout, "no colours into a pipe"


def test_each_scene_has_a_call_an_answer_and_a_page(played: "subprocess.CompletedProcess[str]") -> None:
    for number in range(1, 8):
        told = scene(played.stdout, number)
        assert told.startswith(f"{number}  ")
        assert "   → " in told
        assert "   ← " in told
        assert re.search(r"   http://127\.0\.0\.1:\d+/admin/", told), told


def test_what_the_scenes_say(played: "subprocess.CompletedProcess[str]") -> None:
    out = played.stdout
    took = re.search(r"Anna is live in (\d+\.\d) s", out)
    assert took
    assert float(took[1]) < 20
    assert "mrz.document_number_digit" in scene(out, 2)
    assert "422 biometric-refused" in scene(out, 3)
    assert "2 approved, 48 review" in scene(out, 4)
    verdicts = re.findall(r"← (denied|review|approved): ", scene(out, 5))
    assert verdicts == ["denied", "review", "review"]
    assert "found: nothing" in scene(out, 6)
    assert re.search(r"← link: entry \d+ \([0-9a-f-]{36}\)", scene(out, 7))


def test_the_demo_stays_whole(demo: Demo, played: "subprocess.CompletedProcess[str]") -> None:
    """What the tour left waiting it cancelled; Anna's line is there; the altered entry is as it was."""
    assert played.returncode == 0
    waiting = demo.get("/v1/registrations?state=in_review")["items"]
    assert waiting == []
    number = re.search(r"GET /v1/lines/(\+\d+)", played.stdout)
    assert number
    assert demo.get(f"/v1/lines/{number[1]}")["state"] == "active"
    assert tour(demo.data, NO_COLOR="1").returncode == 0, "the tour can be played again"


def test_without_a_demo_it_says_what_to_do(tmp_path: Path) -> None:
    played = tour(tmp_path / "nothing")
    assert played.returncode == 1
    assert "make demo" in played.stderr
    assert "Traceback" not in played.stderr


def test_a_scene_that_goes_otherwise_is_told_and_fails(
    demo: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from service.demo import tour as module
    from service.demo.scenes.theatre import NotAsTold, Theatre

    async def missed(here: Theatre) -> str:
        await here.done("GET", "/v1/registrations/reg_00000000000000000000000000000000")
        raise AssertionError("a refusal ends the scene")

    async def good(_: Theatre) -> str:
        return "This one went well."

    async def otherwise(_: Theatre) -> str:
        raise NotAsTold("three lines instead of two")

    scenes = (("One", missed), ("Two", good), ("Three", otherwise))
    monkeypatch.setattr(module, "SCENES", scenes)
    assert module.play(demo.data, fast=True) == 1
    out = capsys.readouterr().out
    assert "✕ Not as told: GET /v1/registrations/" in out
    assert "404 not-found" in out
    assert "✕ Not as told: three lines instead of two" in out
    assert "1 of 3 scenes went as told." in out


def test_a_demo_that_was_killed_is_not_played_against(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its call sheet is left behind; nothing answers there any more, and no server is started."""
    from service.demo import tour as module

    sheet = {"url": f"http://127.0.0.1:{free_port()}", "staff_link": "http://127.0.0.1/admin"}
    (tmp_path / "demo.json").write_text(json.dumps(sheet))
    (tmp_path / "demo-key").write_text("sk_x\n")
    assert module.play(tmp_path, fast=True) == 1
    assert "does not answer" in capsys.readouterr().err
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["demo-key", "demo.json"]


def test_terminated_it_ends_in_order(tmp_path: Path) -> None:
    running = Demo(tmp_path / "data")
    assert (running.data / "demo.json").stat().st_mode & 0o077 == 0
    assert running.stop(signal.SIGTERM) == 0
    assert not (running.data / "demo.json").exists()
    assert not (running.data / "postgres" / "postmaster.pid").exists(), "PostgreSQL was not shut down"


def test_the_lines_of_the_readme(demo: Demo) -> None:
    """The ten lines, as they stand but for the port and the folder, end in an active line."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    script = next(block for block in blocks if "curl" in block)
    assert len(script.splitlines()) == 10
    script = script.replace("http://127.0.0.1:8080", demo.told["url"]).replace("data/", f"{demo.data}/")
    # The worker may be slower here than the two seconds of the page.
    script = script.replace("sleep 2;", f"for i in $(seq 100); do {ACTIVE} && break; sleep 0.2; done;")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in re.split(r"(?<=\})(?=\{)", done.stdout.replace("\n", ""))]
    assert [answers[-3]["decision"]["verdict"], answers[-2]["state"], answers[-1]["state"]] == [
        "approved",
        "active",
        "active",
    ]


ACTIVE = """curl -s -H "$K" $U/v1/registrations/$R | grep -q '"state":"active"'"""


def test_the_example(demo: Demo) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "register.py"), "--url", demo.told["url"]],
        env={**ENV, "SIMWARD_KEY": demo.told["api_key"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"line_[0-9a-f]{32} is active", done.stdout)
