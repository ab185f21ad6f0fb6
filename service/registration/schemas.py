"""Wire shapes of registrations (``api.md``). Unknown fields are refused, every string has a length."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from service.kit.iccid import Iccid
from service.kit.imei import Imei
from service.kit.text import clean, clean_name
from service.kit.values import Malformed
from service.registration.model import Channel, Purpose
from service.web.fields import Code, IpAddress, Language, Number, OneTimeCode, Opaque, Solved, Wire


def _iccid(text: str) -> str:
    return Iccid.parse(text).value


def _imei(text: str) -> str:
    return Imei.parse(text).value


def _name(text: str) -> str:
    return clean_name(text, "")


def _text(text: str) -> str:
    return clean(text, "")


_PARTIAL = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", re.ASCII)


def _birth_date(text: str) -> str:
    """``1974``, ``1974-08`` or ``1974-08-12``: a date that exists, from 1850."""
    shape = _PARTIAL.fullmatch(text)
    if shape is None:
        raise Malformed("", "birth-date", "Write it as 1974, 1974-08 or 1974-08-12.")
    year, month, day = shape.groups()
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        raise Malformed("", "birth-date", "There is no such date.") from None
    if int(year) < 1850:
        raise Malformed("", "birth-date", "It is too long ago.")
    return text


def _email(text: str) -> str:
    if not re.fullmatch(r"[^\s@\"<>]{1,64}@[^\s@\"<>]{1,190}", clean(text, "")):
        raise Malformed("", "email", "It is not an e-mail address.")
    return text


def _utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise Malformed("", "instant", "It is beyond the calendar.") from None


Name = Annotated[str, Field(max_length=128), AfterValidator(_name)]
Text = Annotated[str, AfterValidator(_text)]
Country2 = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Country3 = Annotated[str, Field(pattern="^[A-Z]{1,3}$")]
Instant = Annotated[AwareDatetime, AfterValidator(_utc)]


class Address(Wire):
    lines: Annotated[list[Annotated[Text, Field(max_length=120)]], Field(min_length=1, max_length=5)]
    postal_code: Annotated[Text, Field(max_length=16)] | None = None
    locality: Annotated[Text, Field(max_length=80)]
    country: Country2


class SubscriberIn(Wire):
    family_name: Name
    given_names: Name | None = None
    birth_date: Annotated[str, Field(max_length=10), AfterValidator(_birth_date)] | None = None
    nationality: Country3 | None = None
    contact_msisdn: Number | None = None
    email: Annotated[str, Field(max_length=254), AfterValidator(_email)] | None = None
    address: Address | None = None


class SubscriberPatch(SubscriberIn):
    """Fields that are given replace; the others stay."""

    family_name: Name | None = None  # type: ignore[assignment]  # optional here, required at creation


class Device(Wire):
    fingerprint: Opaque | None = None
    ip: IpAddress | None = None
    role: Literal["applicant", "dealer"] = "applicant"


class Service(Wire):
    plan: Literal["prepaid", "postpaid", "data", "iot"] = "prepaid"
    form: Literal["sim", "esim"] = "sim"
    service_until: Instant | None = None


class Payment(Wire):
    token: Opaque


class Holder(Wire):
    kind: Literal["person", "organisation"]


class CreateRegistration(Wire):
    msisdn: Number
    purpose: Purpose
    iccid: Annotated[str, Field(max_length=22), AfterValidator(_iccid)] | None = None
    imei: Annotated[str, Field(max_length=18), AfterValidator(_imei)] | None = None
    channel: Channel = Channel.SHOP
    dealer: Code | None = None
    agent: Code | None = None
    service: Service = Service()
    subscriber: SubscriberIn | None = None
    device: Device | None = None
    payment: Payment | None = None
    holder: Holder | None = None
    service_until: Instant | None = None
    sim_lost: bool = False
    """With ``sim_swap``: the old card can confirm nothing; a person looks, and the holder is told."""


class PatchRegistration(Wire):
    subscriber: SubscriberPatch


class SendCode(Wire):
    to: Literal["line", "contact"] = "line"
    channel: Literal["sms", "voice"] = "sms"
    language: Language = "en"
    challenge: Solved | None = None


class CheckCode(Wire):
    code: OneTimeCode
    challenge_id: Annotated[str, Field(max_length=40)] | None = None


class Appeal(Wire):
    text: Annotated[Text, Field(min_length=1, max_length=2000)]


class Empty(Wire):
    """``{}``"""


class Open(BaseModel):
    """Answers: clients ignore fields that they do not know."""

    model_config = ConfigDict(extra="allow")


class NextAction(Open):
    action: str
    not_before: datetime | None


class DocumentEvidence(Open):
    id: str
    outcome: Literal["pass", "refer", "fail"]
    proof: Literal["none", "consistent", "confirmed", "signed"]


class CodeEvidence(Open):
    to: Literal["line", "contact"]
    status: Literal["pending", "verified"]


class Evidence(Open):
    documents: list[DocumentEvidence]
    otp: list[CodeEvidence]


class ActivationOut(Open):
    state: Literal["pending", "done", "failed"]
    detail: str | None


class DecisionOut(Open):
    id: str
    verdict: Literal["approved", "review", "denied"]
    reasons: list[dict[str, Any]]
    assurance: Literal["none", "basic", "substantial", "high"]
    conditions: dict[str, datetime | None]
    policy_version: str
    decided_at: datetime
    reference: str


class RegistrationOut(Open):
    id: str
    state: Literal["collecting", "approved", "in_review", "denied", "active", "expired", "cancelled"]
    msisdn: str
    purpose: str
    evidence: Evidence
    missing: list[str]
    decision: DecisionOut | None
    activation: ActivationOut | None
    next_actions: list[NextAction]
    created_at: datetime
    expires_at: datetime


class RegistrationList(Open):
    items: list[RegistrationOut]
    next_cursor: str | None


class CodeSent(Open):
    challenge_id: str
    to: Literal["line", "contact"]
    to_masked: str
    channel: str
    expires_at: datetime
    resend_at: datetime
    attempts_left: int


class CodeVerified(Open):
    status: Literal["verified"]
    to: Literal["line", "contact"]
    verified_at: datetime
