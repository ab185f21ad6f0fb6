"""The operator's stock of numbers and cards over HTTP; the schemas are in ``docs/ports.md``."""

from typing import Any

from service.adapters.caller import Caller, CallFailed
from service.kit.errors import Unavailable
from service.lines.model import Stock, StockAnswer

DEPENDENCY = "inventory"


class HttpInventory:
    """:class:`service.lines.ports.Inventory` over a :class:`Caller`. It fails closed: no clear answer, no line."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def check(self, msisdn: str, iccid: str | None, dealer_code: str | None) -> StockAnswer:
        body = {"msisdn": msisdn, "iccid": iccid, "dealer": dealer_code}
        try:
            answer = await self._caller.post("/v1/stock", body, reads=True)
        except CallFailed as error:
            raise Unavailable(DEPENDENCY, error.retry_after_s) from None
        number = _stock(answer.data.get("number"))
        sim = None if iccid is None else _stock(answer.data.get("sim"))
        if answer.status != 200 or number is None or (iccid is not None and sim is None):
            raise Unavailable(DEPENDENCY)
        return StockAnswer(number, sim)

    async def close(self) -> None:
        await self._caller.close()


def _stock(data: Any) -> Stock | None:
    """The three facts, all of them and all boolean; anything else is no answer."""
    if not isinstance(data, dict):
        return None
    ours, allotted, unused = (data.get(name) for name in ("ours", "allotted", "unused"))
    if not (isinstance(ours, bool) and isinstance(allotted, bool) and isinstance(unused, bool)):
        return None
    return Stock(ours, allotted, unused)
