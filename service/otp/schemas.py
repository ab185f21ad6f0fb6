"""Wire shapes of verifications (``api.md``) and of delivery receipts (docs/ports.md)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from service.kit.clock import rfc3339
from service.kit.errors import JsonObject
from service.kit.ids import wire
from service.otp.model import Delivery, Receipt, Sent, Verification
from service.web.fields import Code, IpAddress, Language, Number, OneTimeCode, Opaque, Solved, Wire


class VerificationDevice(Wire):
    fingerprint: Opaque | None = None
    ip: IpAddress | None = None


class CreateVerification(Wire):
    to: Number
    channel: Literal["sms", "voice"] = "sms"
    client_ref: Annotated[Opaque, Field(max_length=64)] | None = None
    language: Language = "en"
    dealer: Code | None = None
    device: VerificationDevice | None = None
    challenge: Solved | None = None


class Resend(Wire):
    """``{}``, or another channel, language, or a solved challenge."""

    channel: Literal["sms", "voice"] = "sms"
    language: Language | None = None


class CheckVerification(Wire):
    code: OneTimeCode


class Open(BaseModel):
    """Answers: clients ignore fields that they do not know."""

    model_config = ConfigDict(extra="allow")


class VerificationSent(Open):
    id: str
    status: Literal["pending"]
    to_masked: str
    channel: str
    expires_at: datetime
    resend_at: datetime
    attempts_left: int


class VerificationVerified(Open):
    id: str
    status: Literal["verified"]
    verified_at: datetime


class VerificationOut(Open):
    id: str
    status: Literal["pending", "verified", "expired", "exhausted"]


def sent(found: tuple[str, Sent]) -> JsonObject:
    """``(wire id, what was sent)``."""
    ref, what = found
    return {
        "id": ref,
        "status": "pending",
        "to_masked": what.to_masked,
        "channel": what.channel.value,
        "expires_at": rfc3339(what.expires_at),
        "resend_at": rfc3339(what.resend_at),
        "attempts_left": what.attempts_left,
    }


def shown(found: Verification) -> JsonObject:
    body: JsonObject = {"id": wire("ver", found.id), "status": found.status}
    if found.verified_at is not None:
        body["verified_at"] = rfc3339(found.verified_at)
    if found.to_masked is not None:
        body["to_masked"] = found.to_masked
    if found.channel is not None:
        body["channel"] = found.channel.value
    if found.status == "pending":
        assert found.expires_at is not None
        assert found.resend_at is not None
        body |= {
            "expires_at": rfc3339(found.expires_at),
            "resend_at": rfc3339(found.resend_at),
            "attempts_left": found.attempts_left,
        }
    if found.client_ref is not None:
        body["client_ref"] = found.client_ref
    return body


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
