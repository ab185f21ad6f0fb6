"""An issuer's registry. It has a history: documents are issued, reported lost, and found again."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.fakes.wire import FakeServer, Request


class Fate(Enum):
    ISSUED = "issued"
    LOST = "reported lost"
    FOUND = "found again"


@dataclass
class FakeRegistry(FakeServer):
    """``tell`` writes its history; a look-up answers from the newest entry of the document and the person on it."""

    closed: bool = False
    """Out of office hours: it answers, and says that it cannot say."""
    history: list[tuple[str, str, str, Fate]] = field(default_factory=list)

    def tell(self, state: str, number: str, primary: str, fate: Fate = Fate.ISSUED) -> None:
        self.history.append((state, number, primary, fate))

    def answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        body = request.body
        if request.path != "/v1/documents/look-up":
            return 404, {}
        if self.closed:
            return 200, {"answer": "not_available"}
        asked = (body["issuing_state"], body["number"], body["primary_identifier"])
        fates = [fate for *key, fate in self.history if tuple(key) == asked]
        return 200, {"answer": "yes" if fates and fates[-1] is not Fate.LOST else "no"}
