"""Everything that is measured, one after another; each in a process of its own, as if it were run alone."""

import subprocess
import sys
from pathlib import Path

for name in ("mrz", "redis_batch", "api", "start"):
    print(f"\n== bench/{name}.py", flush=True)
    done = subprocess.run([sys.executable, str(Path(__file__).with_name(f"{name}.py"))], check=False)
    if done.returncode:
        sys.exit(done.returncode)
