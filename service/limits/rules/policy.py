"""The policy of limits: read and checked. Pure but for the seed's file."""

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from importlib import resources
from typing import Any

from service.limits.model import (
    SHARES,
    Block,
    Bucket,
    Gcra,
    Limit,
    LimitPolicy,
    Money,
    PolicyInvalid,
    Purse,
    Rule,
    Schedule,
    Share,
    Stage,
    Streak,
    Unverified,
    Window,
)

SECOND_US = 1_000_000
MOST_MARKS = 20
"""Charges that a window remembers: a larger count is what :class:`Gcra` is for."""

MOST_OF_A_NAME = 40

BLOCKS = frozenset(limit for limit in Limit if limit.value.startswith("OtpBlocked"))
"""Limits that are no rates: they hold while a block is set, under every policy."""

_STAGES = (Stage.ENFORCED, Stage.SHADOW, Stage.PRESSURE)
_ONE_US = timedelta(microseconds=1)
_NOT_IN_TABLES = BLOCKS | {Limit.OTP_MONEY_PER_DAY}


def load_policy(text: str) -> LimitPolicy:
    """Read ``version``, ``[limits]`` and ``[money]`` of a policy file; :class:`PolicyInvalid` says what is wrong."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyInvalid(f"not TOML: {error}") from None
    version, tables = data.get("version"), data.get("limits")
    if not isinstance(version, str) or not isinstance(tables, dict):
        raise PolicyInvalid("a version (text) and a table [limits] are required")
    if not 1 <= len(version) <= MOST_OF_A_NAME:
        raise PolicyInvalid(
            f"version: at most {MOST_OF_A_NAME} characters, and not none: the history keeps it"
        )
    rules = {_limit(name): _rule(name, table) for name, table in tables.items()}
    money = data.get("money")
    return LimitPolicy(version, rules, None if money is None else _money(money))


def seed_text() -> str:
    """The seed version of ``policy/limits.toml``, as it is packaged."""
    return resources.files("service").joinpath("policy/limits.toml").read_text("utf-8")


def duration_us(text: Any) -> int:
    """``"30s"``, ``"2m"``, ``"1h"``, ``"1d"`` as microseconds."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text) if isinstance(text, str) else None
    if not found:
        raise PolicyInvalid('a duration is written like "30s", "2m", "1h" or "1d"')
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[found[2]] * SECOND_US


def duration(text: Any) -> timedelta:
    return duration_us(text) * _ONE_US


def suffix(bucket: Bucket) -> str:
    """Tells kind and period in a key's name, so that a published change of one bucket never reads another's state."""
    match bucket:
        case Window():
            return f"w{bucket.period_us // SECOND_US}"
        case Unverified():
            return f"u{bucket.period_us // SECOND_US}"
        case Gcra():
            return "g"
        case Schedule():
            return "s"
        case Streak():
            return "k"
        case Purse():
            return "p"
        case Block():
            return "b"


def _limit(name: str) -> Limit:
    try:
        limit = Limit(name)
    except ValueError:
        raise PolicyInvalid(f"limits.{name}: there is no such limit") from None
    if limit in _NOT_IN_TABLES:
        raise PolicyInvalid(f"limits.{name}: is no rate; blocks are set by people, money by [money]")
    return limit


def _rule(name: str, table: Any) -> Rule:
    rows = table.get("buckets") if isinstance(table, dict) and set(table) <= {"buckets", "stage"} else None
    if not isinstance(rows, list) or not rows:
        raise PolicyInvalid(
            f"limits.{name}: buckets, a list with an entry, perhaps a stage, and nothing else"
        )
    stage = table.get("stage", Stage.ENFORCED)
    if stage not in _STAGES:
        raise PolicyInvalid(f"limits.{name}: stage is enforced, shadow or pressure")
    buckets = tuple(_bucket(name, row) for row in rows)
    if len({suffix(bucket) for bucket in buckets}) < len(buckets):
        raise PolicyInvalid(f"limits.{name}: two buckets of one kind and period")
    share = SHARES.get(Limit(name), Share.OWN)
    if share is Share.SHARED and any(isinstance(bucket, Schedule) for bucket in buckets):
        raise PolicyInvalid(f"limits.{name}: a shared limit takes no schedule")
    return Rule(buckets, Stage(stage))


def _bucket(name: str, row: Any) -> Bucket:
    kind: object = row.get("kind") if isinstance(row, Mapping) else None
    fields = set(row) - {"kind"} if isinstance(row, Mapping) else set()
    match kind, sorted(fields):
        case "window", ["count", "period"]:
            return Window(_whole(name, "count", row["count"], MOST_MARKS), duration_us(row["period"]))
        case "gcra", ["burst", "count", "period"]:
            count = _whole(name, "count", row["count"], 1_000_000)
            burst = _whole(name, "burst", row["burst"], count)
            return Gcra(-(-duration_us(row["period"]) // count), burst)
        case "schedule", ["quiet", "waits"]:
            return _schedule(name, row)
        case "streak", ["count"]:
            return Streak(_whole(name, "count", row["count"], 1000))
        case "unverified", ["floor", "per_cent", "period"]:
            floor = _whole(name, "floor", row["floor"], 1_000_000)
            return Unverified(
                floor, _whole(name, "per_cent", row["per_cent"], 10_000), duration_us(row["period"])
            )
    raise PolicyInvalid(
        f"limits.{name}: a bucket is a window (count, period), a gcra (count, period, burst), a schedule (waits,"
        " quiet), a streak (count) or an unverified (floor, per_cent, period)"
    )


def _schedule(name: str, row: Mapping[str, Any]) -> Schedule:
    if not isinstance(row["waits"], list) or not 1 <= len(row["waits"]) <= 20:
        raise PolicyInvalid(f"limits.{name}: waits is a list of 1 to 20 durations")
    bucket = Schedule(tuple(duration_us(wait) for wait in row["waits"]), duration_us(row["quiet"]))
    if bucket.quiet_us < max(bucket.waits_us):
        raise PolicyInvalid(f"limits.{name}: quiet is shorter than a wait, which would never be served")
    return bucket


def _money(table: Any) -> Money:
    if not isinstance(table, dict) or set(table) != {"currency", "per_day", "slice"}:
        raise PolicyInvalid("money: currency, per_day and slice, in micro-units, and nothing else")
    currency = table["currency"]
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise PolicyInvalid("money.currency is a code of ISO 4217")
    per_day = _whole("money", "per_day", table["per_day"], 10**15)
    return Money(currency, per_day, _whole("money", "slice", table["slice"], per_day))


def _whole(place: str, name: str, value: Any, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise PolicyInvalid(f"limits.{place}: {name} is a whole number from 1 to {most}")
    return value
