"""An operator's stock: numbers and cards, each perhaps set aside for a dealer, perhaps used."""

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.wire import FakeServer, Request


@dataclass
class Item:
    dealer: str | None = None
    used: bool = False


@dataclass
class FakeInventory(FakeServer):
    numbers: dict[str, Item] = field(default_factory=dict)
    cards: dict[str, Item] = field(default_factory=dict)

    def answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        if request.path != "/v1/stock":
            return 404, {}
        dealer = request.body["dealer"]
        iccid = request.body["iccid"]
        return 200, {
            "number": self._facts(self.numbers.get(request.body["msisdn"]), dealer),
            "sim": None if iccid is None else self._facts(self.cards.get(iccid), dealer),
        }

    @staticmethod
    def _facts(item: Item | None, dealer: str | None) -> dict[str, bool]:
        if item is None:
            return {"ours": False, "allotted": False, "unused": False}
        return {"ours": True, "allotted": item.dealer in (None, dealer), "unused": not item.used}
