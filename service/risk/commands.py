"""The child that tries a policy: a JSON mapping on standard input, what the gate says of it on standard output."""

import json
import sys

from service.infra.child import confine
from service.risk.model import RuleError
from service.risk.rules import load_policy

SECONDS = 10


def main() -> None:
    confine(SECONDS)
    try:
        load_policy(json.loads(sys.stdin.buffer.read()))
        said = None
    except RuleError as error:
        said = str(error)
    except Exception as error:  # noqa: BLE001  whatever a hostile text breaks, it is refused
        said = f"not of the right form ({type(error).__name__})"
    sys.stdout.write(json.dumps({"refused": said}))


if __name__ == "__main__":
    main()
