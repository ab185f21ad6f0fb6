"""Those who are asked about documents, each with a history: documents are issued, lost and found; people die, and some
entries are struck because the person lives."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar

from tests.fakes.wire import FakeServer, Request


class Fate(Enum):
    ISSUED = "issued"
    LOST = "reported lost"
    FOUND = "found again"
    DIED = "died"
    STRUCK = "entered by mistake"


@dataclass
class FakeAuthority(FakeServer):
    """``tell`` writes its history; a look-up answers from the newest entry about what was asked."""

    closed: bool = False
    """Out of office hours: it answers, and says that it cannot say."""
    swapped: bool = False
    """Gives everybody the answer to somebody else's question."""
    history: list[tuple[tuple[Any, ...], Fate]] = field(default_factory=list)
    path: ClassVar[str] = ""
    asked_by: ClassVar[tuple[str, ...]] = ()
    """The fields of a question that its history goes by."""

    def tell(self, *about: Any, fate: Fate) -> None:
        assert len(about) == len(self.asked_by)
        self.history.append((about, fate))

    def newest(self, body: dict[str, Any]) -> Fate | None:
        about = tuple(body[name] for name in self.asked_by)
        return next((fate for entry, fate in reversed(self.history) if entry == about), None)

    def says(self, body: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        if request.path != self.path:
            return 404, {}
        reference = "another" if self.swapped else request.body["reference"]
        said = {"answer": "not_available"} if self.closed else self.says(request.body)
        return 200, {**said, "reference": reference}


@dataclass
class FakeRegistry(FakeAuthority):
    """An issuer's registry: which document was issued to whom, and which numbers are on a person's record."""

    path = "/v1/documents/look-up"
    asked_by = ("issuing_state", "number", "primary_identifier")
    numbers: set[str] = field(default_factory=set)

    def says(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.newest(body) not in (Fate.ISSUED, Fate.FOUND):
            return {"answer": "no"}
        on_record = [name for name, number in body["phones"].items() if number in self.numbers]
        return {"answer": "yes", "phones": on_record}


@dataclass
class FakeLostStolen(FakeAuthority):
    """An issuer's list of documents that were lost, stolen or withdrawn."""

    path = "/v1/lost-stolen/look-up"
    asked_by = ("issuing_state", "number")

    def says(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"answer": "yes" if self.newest(body) is Fate.LOST else "no"}


@dataclass
class FakeDeaths(FakeAuthority):
    """A register of deaths."""

    path = "/v1/deaths/look-up"
    asked_by = ("primary_identifier", "secondary_identifier", "birth_date")

    def says(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"answer": "yes" if self.newest(body) is Fate.DIED else "no"}
