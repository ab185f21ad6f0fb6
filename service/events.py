"""The closed catalogue of events: what happened, told between domains that may not import one another.

An event carries ids only. It is deferred on the connection of the transaction that caused it, so that it is
told if and only if the rows are kept. Handlers are idempotent by the event's id.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from service.kit.ids import new_id


class EventName(StrEnum):
    """Every event there is. Adding one means: a line here, a row in ``docs/events.md``, a subscriber."""

    REGISTRATION_CREATED = "registration.created"
    REGISTRATION_APPROVED = "registration.approved"
    REGISTRATION_IN_REVIEW = "registration.in_review"
    REGISTRATION_DENIED = "registration.denied"
    REGISTRATION_CANCELLED = "registration.cancelled"
    REGISTRATION_EXPIRED = "registration.expired"
    REGISTRATION_ACTIVE = "registration.active"
    ACTIVATION_FAILED = "activation.failed"
    NOTICE_SENT = "notice.sent"
    OTP_VERIFIED = "otp.verified"
    LINE_ACTIVATED = "line.activated"
    LINE_RESTRICTED = "line.restricted"
    LINE_SUSPENDED = "line.suspended"
    LINE_REINSTATED = "line.reinstated"
    LINE_CLOSED = "line.closed"
    LINE_SIM_CHANGED = "line.sim_changed"
    LINE_REVERIFIED = "line.reverified"
    LINE_PROBATION_ENDED = "line.probation_ended"
    LINE_PROBATION_RESTARTED = "line.probation_restarted"
    REPORT_FILED = "report.filed"
    REPORT_CORROBORATED = "report.corroborated"
    REPORT_CONFIRMED = "report.confirmed"
    REPORT_DISMISSED = "report.dismissed"
    REPORT_APPEALED = "report.appealed"


@dataclass(frozen=True, slots=True)
class Event:
    """``refs`` maps a role to an id or a code: ``{"registration": "<hex>", "reason": "scam"}``."""

    name: EventName
    operator: UUID
    at: datetime
    refs: Mapping[str, str] = field(default_factory=dict)
    id: UUID = field(default_factory=new_id)
