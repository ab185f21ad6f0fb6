"""Everything that is measured, one after another."""

import runpy
import sys

for name in ("mrz", "api", "start"):
    print(f"\n== bench/{name}.py", flush=True)
    sys.argv = [name]
    runpy.run_module(f"bench.{name}", run_name="__main__")
