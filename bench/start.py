"""How long a start takes: the API until it is ready, with the servers up; and the demo a second time.

``python bench/start.py``
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from service.demo.stage import prepare
from service.infra.embedded import Embedded

PYTHON = [sys.executable, "-m", "service"]
# As an installed service runs: with its compiled modules kept.
PLAIN = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def demo(data: Path) -> float:
    """Seconds from the start of the process to its first line."""
    started = time.perf_counter()
    command = [*PYTHON, "demo", "--port", "0", "--empty", "--data", str(data)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=PLAIN
    )
    try:
        assert process.stdout is not None
        json.loads(process.stdout.readline())
        return time.perf_counter() - started
    finally:
        process.send_signal(2)
        process.wait(30)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def serve(data: Path) -> float:
    """Seconds from the start of ``simward serve`` until ``/readyz`` says yes; the better of three."""
    embedded = Embedded(data)
    servers = embedded.start()
    best = float("inf")
    try:
        stage = prepare(data, servers)
        for _ in range(3):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            env = {
                **PLAIN,
                "SIMWARD_MODE": "demo",
                "SIMWARD_DATABASE_URL": servers.app_url,
                "SIMWARD_REDIS_URL": servers.redis_url,
                "SIMWARD_KEYS_DIR": str(stage.keys),
            }
            started = time.perf_counter()
            process = subprocess.Popen(
                [*PYTHON, "serve", "--port", str(port)], env=env, stderr=subprocess.DEVNULL
            )
            try:
                while not _is_ready(port):
                    if process.poll() is not None:
                        raise SystemExit("the API ended before it was ready")
                    time.sleep(0.02)
                best = min(best, time.perf_counter() - started)
            finally:
                process.terminate()
                process.wait(30)
    finally:
        embedded.stop()
    return best


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="simward-bench-") as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        print(f"first demo, with initdb and migrations  {demo(data):6.2f} s")
        print(f"second demo on the same data            {demo(data):6.2f} s   (wanted < 5)")
        print(f"the API until it is ready               {serve(data):6.2f} s   (wanted < 2)")


if __name__ == "__main__":
    main()
