"""The law of staff access: who may what, when a session is over, how long a wrong try costs."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from service.staff.model import ABSOLUTE, IDLE, PASSWORD_MAX, PASSWORD_MIN, Permission, Role

_P = Permission
PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.ANALYST: frozenset({_P.READ, _P.DECIDE, _P.REVEAL, _P.RESTRICT, _P.EDIT_RULES}),
    Role.SUPERVISOR: frozenset(_P),
    # Reads everything, changes nothing, and has no need of anybody's data in clear.
    Role.AUDITOR: frozenset({_P.READ, _P.READ_AUDIT}),
    # Sets up people and shops; whoever does that does not also judge cases. Lifting lets codes flow again, for a
    # client that an admin has just set up too; setting stops somebody's codes, which is a judgement.
    Role.ADMIN: frozenset({_P.READ, _P.EDIT_DEALERS, _P.SUSPEND_DEALERS, _P.LIFT_BLOCKS, _P.READ_AUDIT}),
}

LOGIN = re.compile(r"[a-z][a-z0-9.-]{1,38}[a-z0-9]")

FREE_TRIES = 3
ACCOUNT_WAIT_MAX = timedelta(seconds=30)
ADDRESS_WAIT_MAX = timedelta(minutes=15)


def may(role: Role, permission: Permission) -> bool:
    return permission in PERMISSIONS[role]


def is_over(created_at: datetime, seen_at: datetime, now: datetime) -> bool:
    """Idle for 30 minutes, or 8 hours old. An instant of the future (a clock that stepped back) is over too."""
    return now - seen_at >= IDLE or now - created_at >= ABSOLUTE or created_at - now > timedelta(minutes=5)


def wait(failures: int, failed_at: datetime | None, now: datetime, longest: timedelta) -> timedelta:
    """How long until the next try is looked at: none for three, then 2, 4, 8 … seconds up to ``longest``.

    Never more: a lock without end would let anybody keep a colleague out. A try during the wait is not counted,
    so it does not prolong it.
    """
    if failed_at is None or failures < FREE_TRIES:
        return timedelta(0)
    due = min(timedelta(seconds=2 ** min(failures - FREE_TRIES + 1, 20)), longest)
    return max(timedelta(0), failed_at + due - now)


def password_fault(password: str, login: str) -> str | None:
    """What is wrong with a new password, in words; None if nothing is. Length is what counts (NIST SP 800-63B)."""
    if len(password) < PASSWORD_MIN:
        return f"Use at least {PASSWORD_MIN} characters; a short sentence is good."
    if len(password) > PASSWORD_MAX:
        return f"Use at most {PASSWORD_MAX} characters."
    if len(set(password.casefold())) < 5:
        return "Use more than a few different characters."
    if login.casefold() in password.casefold() and len(password) < PASSWORD_MIN + len(login):
        return "It is little more than the sign-in name."
    return None


def split_name(text: str) -> tuple[str, str] | None:
    """``anna@demo`` as login and operator; None if it has not that form."""
    login, at, operator = text.strip().casefold().rpartition("@")
    return (login, operator) if at and LOGIN.fullmatch(login) and 0 < len(operator) <= 60 else None
