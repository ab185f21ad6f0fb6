"""A network's register of subscribers. It has a history: numbers are given out, switched off, and taken back."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.fakes.wire import FakeServer, Request


class Fate(Enum):
    ACTIVE = "active"
    ABSENT = "absent"
    TAKEN_BACK = "unknown"


@dataclass
class FakeHlr(FakeServer):
    """``tell`` writes its history; a look-up answers from the newest entry, and knows no other number."""

    history: list[tuple[str, Fate, str | None]] = field(default_factory=list)
    closed: bool = False
    """It answers, and says that it cannot say."""

    def tell(self, number: str, fate: Fate = Fate.ACTIVE, line_type: str | None = "mobile") -> None:
        self.history.append((number, fate, line_type))

    def answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        if request.path != "/v1/hlr/look-up":
            return 404, {}
        if self.closed:
            return 200, {"status": "not_available", "line_type": None}
        known = [entry for entry in self.history if entry[0] == request.body["msisdn"]]
        if not known:
            return 200, {"status": "unknown", "line_type": None}
        return 200, {"status": known[-1][1].value, "line_type": known[-1][2]}
