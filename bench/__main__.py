"""Everything that is measured, one after another; each in a process of its own, as if it were run alone."""

import subprocess
import sys

for name in (
    "mrz",
    "emrtd",
    "redis_batch",
    "api",
    "start",
    "limits",
    "verifications",
    "memory",
    "links",
    "images",
    "pictures",
    "images",
):
    print(f"\n== bench/{name}.py", flush=True)
    done = subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False)
    if done.returncode:
        sys.exit(done.returncode)
