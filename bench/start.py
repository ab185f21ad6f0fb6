"""How long a start takes: the API with the servers up, and the demo a second time.

``python bench/start.py``
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DEMO = [sys.executable, "-m", "service", "demo", "--port", "0", "--empty", "--data"]


def demo(data: Path) -> float:
    """Seconds from the start of the process to its first line."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [*DEMO, str(data)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        json.loads(process.stdout.readline())
        return time.perf_counter() - started
    finally:
        process.send_signal(2)
        process.wait(30)


def imports() -> float:
    """Seconds of a process that imports the API and ends."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import service.app"], check=True)
    return time.perf_counter() - started


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="simward-bench-") as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        print(f"first demo, with initdb and migrations  {demo(data):6.2f} s")
        print(f"second demo on the same data            {demo(data):6.2f} s   (wanted < 5)")
        print(f"importing the API                       {imports():6.2f} s   (start-up wanted < 2)")


if __name__ == "__main__":
    main()
