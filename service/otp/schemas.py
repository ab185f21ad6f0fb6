"""Wire shapes of codes."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from service.otp.model import Delivery, Receipt


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ReceiptData(_Closed):
    """``id``: the id that the message was sent with (``otp_…``), or the gateway's own reference of it."""

    id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]
    outcome: Literal["delivered", "undelivered", "expired", "rejected", "unknown"]
    at: AwareDatetime


class ReceiptIn(_Closed):
    """A delivery receipt (docs/ports.md)."""

    type: Literal["message.receipt"]
    data: ReceiptData

    def receipt(self, sender: str) -> Receipt:
        return Receipt(sender, self.data.id, Delivery(self.data.outcome), self.data.at)


def receipt_schema() -> dict[str, Any]:
    """JSON Schema of :class:`ReceiptIn` in one piece: its body is read by hand, after its signature was judged."""
    schema = ReceiptIn.model_json_schema()
    schema["properties"]["data"] = schema.pop("$defs")["ReceiptData"]
    return schema
