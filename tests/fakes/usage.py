"""An operator's figures of use: what each line did on which day, as a history that a test writes."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.fakes.wire import FakeServer, Request


@dataclass
class FakeUsage(FakeServer):
    days: dict[str, dict[date, tuple[int, int, int]]] = field(default_factory=dict)
    """Number -> day -> (outgoing, callees, incoming). A number that is missing is not known."""
    handsets: dict[str, str] = field(default_factory=dict)
    """Number -> when its handset was changed last, RFC 3339."""
    odd: dict[str, Any] = field(default_factory=dict)
    """Laid over every line's answer, to make it one that is not as agreed."""

    def use(self, number: str, *days: date, callees: int = 5) -> None:
        self.days.setdefault(number, {}).update(dict.fromkeys(days, (9, callees, 3)))

    def answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        if request.path != "/v1/usage":
            return 404, {}
        asked = request.body["lines"]
        return 200, {"lines": {each["line"]: self._of(each) for each in asked if each["msisdn"] in self.days}}

    def _of(self, asked: dict[str, Any]) -> dict[str, Any]:
        since, until = date.fromisoformat(asked["since"]), date.fromisoformat(asked["until"])
        used = {day: use for day, use in self.days[asked["msisdn"]].items() if since <= day <= until}
        names = ("outgoing", "callees", "incoming")
        days = [{"day": day.isoformat(), **dict(zip(names, use, strict=True))} for day, use in used.items()]
        return {"days": days, "handset_changed_at": self.handsets.get(asked["msisdn"]), **self.odd}
