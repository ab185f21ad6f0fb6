"""``make demo`` killed outright takes the demo and its servers along."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.infra.embedded.lock import servers_in

pytestmark = [pytest.mark.kill, pytest.mark.timeout(60)]
ROOT = Path(__file__).parents[2]


def test_whoever_started_it_is_killed_and_nothing_is_left(tmp_path: Path) -> None:
    data = tmp_path / "data"
    starter = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    owner = [sys.executable, str(ROOT / "tests" / "kill" / "owner.py"), str(data)]
    tethered = [sys.executable, "-I", "-S", str(ROOT / "tools" / "tether.py"), *owner]
    process = subprocess.Popen(
        [sys.executable, "-c", starter, *tethered],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert process.stdout is not None
    with process.stdout:
        pid = int(process.stdout.readline())
        assert "app_url" in process.stdout.readline()
        assert servers_in(data)
        process.kill()
        process.wait()
        deadline = time.monotonic() + 5
        while (servers_in(data) or alive(pid)) and time.monotonic() < deadline:
            time.sleep(0.02)
    assert not alive(pid)
    assert servers_in(data) == []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
