"""A process that owns the servers, for the tests to kill: ``python owner.py DATA``.

Prints one JSON line when ready, then waits for stdin to close and stops cleanly.
"""

import json
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from service.infra.embedded import Embedded, EmbeddedError, Servers


def main() -> int:
    embedded = Embedded(Path(sys.argv[1]))
    held: list[Servers] = []
    errors: list[EmbeddedError] = []

    def start() -> None:
        try:
            held.append(embedded.start())
        except EmbeddedError as error:
            errors.append(error)

    # From a thread that ends at once: the servers must not end with it.
    starter = threading.Thread(target=start)
    starter.start()
    starter.join()
    if errors:
        print(json.dumps({"error": str(errors[0])}), flush=True)
        return 2
    print(json.dumps(asdict(held[0])), flush=True)
    sys.stdin.read()
    embedded.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
