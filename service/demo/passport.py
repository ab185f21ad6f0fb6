"""``simward demo passport``: an invented person, for trying the API by hand."""

import json
import random  # noqa: TID251  the system's generator behind the interface that the people's module takes

from service.kit.clock import SystemClock
from service.kit.people import invent


def show() -> str:
    """JSON with ``subscriber`` and ``lines``, ready for the requests of the README."""
    person = invent(random.SystemRandom(), SystemClock().now().date())
    subscriber = {
        "family_name": person.family_name,
        "given_names": person.given_names,
        "birth_date": person.birth_date.isoformat(),
    }
    return json.dumps({"subscriber": subscriber, "lines": list(person.lines)}, ensure_ascii=False, indent=2)
