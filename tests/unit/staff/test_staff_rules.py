"""The law of staff access, without any server."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.staff import rules
from service.staff.model import ABSOLUTE, IDLE, Permission, Role
from service.staff.workflow.factors import Factors

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
seconds = st.integers(0, 100_000).map(lambda s: timedelta(seconds=s))


def test_who_judges_cases_does_not_set_up_people_and_the_auditor_changes_nothing() -> None:
    changes = {
        Permission.DECIDE,
        Permission.RESTRICT,
        Permission.ACT_ON_LINES,
        Permission.EDIT_DEALERS,
        Permission.SUSPEND_DEALERS,
        Permission.REVEAL,
        Permission.EDIT_RULES,
        Permission.PUBLISH_RULES,
    }
    assert not rules.PERMISSIONS[Role.AUDITOR] & changes
    assert Permission.DECIDE not in rules.PERMISSIONS[Role.ADMIN]
    assert Permission.REVEAL not in rules.PERMISSIONS[Role.ADMIN]
    assert Permission.EDIT_RULES not in rules.PERMISSIONS[Role.ADMIN]
    assert not rules.may(Role.ANALYST, Permission.PUBLISH_RULES)
    assert rules.PERMISSIONS[Role.ANALYST] < rules.PERMISSIONS[Role.SUPERVISOR]
    assert set(rules.PERMISSIONS) == set(Role)
    assert all(rules.may(role, Permission.READ) for role in Role)


@given(seconds, seconds)
def test_a_session_is_over_when_idle_or_old(age: timedelta, rest: timedelta) -> None:
    rest = min(rest, age)
    over = rules.is_over(NOW - age, NOW - rest, NOW)
    assert over == (rest >= IDLE or age >= ABSOLUTE)


def test_a_session_of_the_future_is_over() -> None:
    later = NOW + timedelta(minutes=6)
    assert rules.is_over(later, later, NOW)
    assert not rules.is_over(NOW + timedelta(seconds=2), NOW, NOW), "clocks of two machines differ a little"


@given(st.integers(0, 10_000), seconds)
def test_a_wait_grows_and_never_passes_its_end(failures: int, since: timedelta) -> None:
    longest = timedelta(seconds=30)
    wait = rules.wait(failures, NOW - since, NOW, longest)
    assert timedelta(0) <= wait <= longest
    assert wait <= rules.wait(failures + 1, NOW - since, NOW, longest)
    if failures < rules.FREE_TRIES:
        assert wait == timedelta(0)
    assert rules.wait(failures, NOW - longest, NOW, longest) == timedelta(0)


def test_the_first_waits() -> None:
    longest = timedelta(minutes=15)
    waits = [rules.wait(n, NOW, NOW, longest).total_seconds() for n in (0, 2, 3, 4, 5, 9, 60)]
    assert waits == [0, 0, 2, 4, 8, 128, 900]


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "at least 12"),
        ("x" * 257, "at most 256"),
        ("abababababababab", "different characters"),
        ("anna.smith-1234", "sign-in name"),
        ("a calm sentence", None),
        ("пароль из слов", None),
        ("   spaces count   ", None),
    ],
)
def test_passwords(password: str, said: str | None) -> None:
    fault = rules.password_fault(password, "anna.smith")
    assert (fault is None) if said is None else (said in (fault or ""))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("anna@demo", ("anna", "demo")),
        ("  Anna.B@DEMO ", ("anna.b", "demo")),
        ("anna", None),
        ("@demo", None),
        ("anna@", None),
        ("a@demo", None),
        ("anna smith@demo", None),
        ("anna@" + "x" * 61, None),
    ],
)
def test_sign_in_names(text: str, parts: tuple[str, str] | None) -> None:
    assert rules.split_name(text) == parts


def test_a_code_belongs_to_its_step_or_a_neighbour() -> None:
    secret = pyotp.random_base32()
    totp = pyotp.TOTP(secret)
    step = totp.timecode(NOW)
    for away in (-1, 0, 1):
        assert Factors.step_of(secret, totp.generate_otp(step + away), NOW) == step + away
    for away in (-2, 2, 100):
        found = Factors.step_of(secret, totp.generate_otp(step + away), NOW)
        assert found is None or totp.generate_otp(found) == totp.generate_otp(step + away)
    for wrong in ("", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "💥"):
        assert Factors.step_of(secret, wrong, NOW) is None


def test_recovery_codes_name_their_slot_and_read_in_any_case() -> None:
    codes = Factors.new_recovery()
    assert len(set(codes)) == 10
    for slot, code in enumerate(codes):
        assert Factors.recovery_slot(code) == slot
        assert Factors.recovery_slot(code.upper().replace("-", "")) == slot
        assert Factors.recovery_text(code.upper()) == Factors.recovery_text(code.replace("-", ""))
    for wrong in ("", "123456", "x-aaaa-bbbb-cccc", "1-aaaa-bbbb", "11-aaaa-bbbb-cccc"):
        assert Factors.recovery_slot(wrong) is None
