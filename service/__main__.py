"""``simward`` and ``python -m service``."""

import gc
import sys

# Nothing that an import makes is garbage: collecting while the modules load cost a fifth of a second (measured).
gc.disable()

from service.cli import main  # noqa: E402  after the collector was switched off

if __name__ == "__main__":
    sys.exit(main())
