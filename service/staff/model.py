"""Nouns of staff: people, roles and permissions, sessions, and what sign-in refuses."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from service.kit.errors import Kind, Refusal

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=8)
LINK_TTL = timedelta(minutes=15)
DEMO_LINK_TTL = timedelta(days=7)
STEP_UP_TTL = timedelta(minutes=5)
REVEALS_PER_HOUR = 30
RECOVERY_CODES = 10
PASSWORD_MIN, PASSWORD_MAX = 12, 256


class Role(StrEnum):
    ANALYST = "analyst"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a page or an act asks for. Checked in the route, before anything is read."""

    READ = "read"
    DECIDE = "decide"
    REVEAL = "reveal"
    RESTRICT = "restrict"
    ACT_ON_LINES = "act_on_lines"
    EDIT_DEALERS = "edit_dealers"
    SUSPEND_DEALERS = "suspend_dealers"
    SET_BLOCKS = "set_blocks"
    LIFT_BLOCKS = "lift_blocks"
    READ_AUDIT = "read_audit"
    EDIT_RULES = "edit_rules"
    PUBLISH_RULES = "publish_rules"


class StaffState(StrEnum):
    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Staff:
    """A person. ``sealed`` holds name and TOTP secret; ``epoch`` grows with everything that ends sessions."""

    id: UUID
    operator_id: UUID
    login: str
    role: Role
    state: StaffState
    epoch: int
    sealed: bytes
    password_hash: str | None
    totp_step: int | None
    failures: int
    failed_at: datetime | None
    created_at: datetime
    version: int = 1


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link; ``is_demo`` links sign in without a password and work until they end."""

    id: UUID
    staff_id: UUID
    sha256: bytes
    is_demo: bool
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the page behind a link shows: whose it is, and the second factor to be set up."""

    login: str
    name: str
    totp_secret: str
    totp_uri: str


@dataclass(frozen=True, slots=True)
class Session:
    """What Redis holds of a session; ``sid`` is the cookie's value, ``csrf`` the token of its forms."""

    sid: str
    operator_id: UUID
    operator: str
    operator_name: str
    staff_id: UUID
    epoch: int
    csrf: str
    created_at: datetime
    seen_at: datetime
    flash: str | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live session and the person as they are now."""

    session: Session
    staff: Staff
    name: str


@dataclass(frozen=True, slots=True)
class Second:
    """What a second factor turned out to be: a TOTP step, or the slot of a recovery code."""

    step: int | None = None
    slot: int | None = None


class LoginTaken(Refusal):
    code = "login-taken"
    kind = Kind.CONFLICT
    title = "This operator has a person with this sign-in name"


class LinkGone(Refusal):
    """Used, expired, or never ours: the page does not say which."""

    code = "link-gone"
    kind = Kind.GONE
    title = "This link no longer works"


class SignInRefused(Refusal):
    """Name, password and code do not fit together; which of them is never said."""

    code = "sign-in-refused"
    kind = Kind.UNAUTHENTICATED
    title = "Name, password and code do not fit together"


class SignInDelayed(Refusal):
    """Too many wrong tries; nothing was checked. ``retry_after_s`` says when it will be."""

    code = "sign-in-delayed"
    kind = Kind.LIMITED
    title = "Too many wrong tries"


class PasswordUnfit(Refusal):
    code = "password-unfit"
    kind = Kind.INVALID
    title = "The password cannot be used"


class CodeRefused(Refusal):
    """The code that proves the new second factor, or a step-up, is wrong or was used before."""

    code = "code-refused"
    kind = Kind.INVALID
    title = "The code does not fit, or was used before"


class NotPermitted(Refusal):
    """The role does not carry the permission."""

    code = "not-permitted"
    kind = Kind.FORBIDDEN
    title = "Your role does not allow this"


class TooManyReveals(Refusal):
    code = "too-many-reveals"
    kind = Kind.LIMITED
    title = "Your reveals for this hour are used"
