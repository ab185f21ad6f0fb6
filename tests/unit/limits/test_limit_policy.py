"""The seed, the names of budgets, and each refusal of the loader with its text."""

import re
from dataclasses import replace
from datetime import date

import pytest

from service.limits import rules
from service.limits.model import (
    DIMENSION,
    SHARED,
    SHARES,
    TAG,
    Block,
    Dimension,
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
from service.limits.rules.naming import parameters
from service.limits.volatile import wire
from service.otp.rules.charging import CHECK, HOLDERS, SEND

S = rules.SECOND_US
HOUR, DAY = 3600 * S, 86_400 * S
SEED = rules.load_policy(rules.seed_text())


def test_every_limit_has_a_tag_of_its_own_and_a_dimension() -> None:
    assert set(TAG) == set(DIMENSION) == set(Limit)
    assert len(set(TAG.values())) == len(Limit)
    assert all(re.fullmatch("[a-z]{1,2}", tag) for tag in TAG.values())
    assert len({dimension.value for dimension in Dimension}) == len(Dimension)
    assert set(DIMENSION.values()) == set(Dimension), "a dimension that nothing is keyed by"


def test_who_charges_what_is_structure() -> None:
    assert {limit for limit, share in SHARES.items() if share is Share.SHARED} == SHARED
    assert rules.BLOCKS < SHARED
    assert set(SHARES) - SHARED == {Limit.OTP_CHALLENGE_PER_CLIENT, Limit.OTP_MONEY_PER_DAY}
    # Of others only what says so by its key: no shared budget is keyed by client, but the block of one.
    keyed_by_client = {limit for limit in SHARED if DIMENSION[limit] in (Dimension.CLIENT, Dimension.MSISDN)}
    assert keyed_by_client == {Limit.OTP_BLOCKED_CLIENT, Limit.OTP_BLOCKED_MSISDN}


def test_every_limit_is_charged_somewhere() -> None:
    charged = {*SEND, *HOLDERS, *(limit for limit, _ in CHECK), Limit.OTP_NEIGHBOURS_PER_HUNDRED}
    charged.add(Limit.REPORTS_PER_CLIENT)  # by service.reports, whose own tests run into it
    assert set(Limit) - charged == {Limit.OTP_MONEY_PER_DAY}  # by the price of each message


def test_the_seed_is_what_the_rings_are_held_to() -> None:
    buckets = {limit: rule.buckets for limit, rule in SEED.rules.items()}
    waits = tuple(wait * S for wait in (30, 60, 120, 300, 600))
    assert buckets[Limit.OTP_SENDS_PER_MSISDN] == (Schedule(waits, HOUR), Window(5, HOUR), Window(10, DAY))
    assert buckets[Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE] == (Window(15, DAY),)
    assert buckets[Limit.OTP_WRONG_CODES_PER_MSISDN] == (Window(20, DAY), Streak(100))
    assert buckets[Limit.OTP_SENDS_PER_CLIENT] == (Gcra(HOUR // 3000, 600),)
    assert buckets[Limit.OTP_UNVERIFIED_PER_BLOCK] == (Unverified(60, 200, DAY),)
    assert set(buckets) == set(Limit) - rules.BLOCKS - {Limit.OTP_MONEY_PER_DAY}
    assert SEED.money == Money("EUR", 2_000_000_000, 20_000_000)
    stages = {stage: {limit for limit, rule in SEED.rules.items() if rule.stage is stage} for stage in Stage}
    assert stages[Stage.SHADOW] == {
        Limit.OTP_NEIGHBOURS_PER_HUNDRED,
        Limit.OTP_UNVERIFIED_PER_COUNTRY,
        Limit.OTP_UNVERIFIED_PER_IP,
    }
    assert stages[Stage.PRESSURE] == {Limit.OTP_SEND_ATTEMPTS_PER_CLIENT, Limit.OTP_SPRAYED_PER_CLIENT}


def test_each_limit_has_a_key_of_its_own_and_each_bucket_a_part() -> None:
    every = dict.fromkeys(Dimension, "hash")
    charges = rules.all_charges(SEED, Limit, every)
    assert len({(each.key, each.part) for each in charges}) == len(charges)
    keys_of = {limit: {each.key for each in charges if each.limit is limit} for limit in Limit}
    assert {limit for limit, keys in keys_of.items() if len(keys) > 1} == {Limit.OTP_WRONG_CODES_PER_MSISDN}
    assert all(each.key.startswith("{otp}:l:hash:") for each in charges)
    several = rules.charges(SEED, Limit.OTP_SENDS_PER_MSISDN, {Dimension.MSISDN: "abc"})
    assert [(each.key, each.part) for each in several] == [
        ("{otp}:l:abc:s:+", "s"),
        ("{otp}:l:abc:s:+", "w3600"),
        ("{otp}:l:abc:s:+", "w86400"),
    ]
    # A streak is kept for a year, and nothing with it.
    wrong = rules.charges(SEED, Limit.OTP_WRONG_CODES_PER_MSISDN, {Dimension.MSISDN: "abc"})
    assert [(each.key, each.part) for each in wrong] == [
        ("{otp}:l:abc:w:w86400", ""),
        ("{otp}:l:abc:w:k", ""),
    ]
    [alone] = rules.charges(SEED, Limit.OTP_SENDS_PER_IP, {Dimension.IP: "abc"})
    assert (alone.key, alone.part) == ("{otp}:l:abc:si:w3600", "")


def test_what_a_request_or_a_policy_lacks_does_not_bind() -> None:
    every = dict.fromkeys(Dimension, "hash")
    assert not rules.charges(SEED, Limit.OTP_SENDS_PER_DEVICE, {Dimension.CLIENT: "c"})
    assert not rules.charges(LimitPolicy("none"), Limit.OTP_SENDS_PER_MSISDN, every)
    # But a block holds under every policy.
    [block] = rules.charges(LimitPolicy("none"), Limit.OTP_BLOCKED_COUNTRY, every)
    assert (block.bucket, block.stage) == (Block(), Stage.ENFORCED)
    assert block.key == rules.block_key(Limit.OTP_BLOCKED_COUNTRY, "hash")


def test_names_fit_what_must_be_small() -> None:
    """A purse by operator and day of UTC; a budget's name is shorter than its value may be."""
    assert rules.purse_key("abc", date(2026, 11, 23)) == "{otp}:l:abc:m:20261123"
    longest = max(
        len(each.key) for each in rules.all_charges(SEED, Limit, dict.fromkeys(Dimension, "x" * 22))
    )
    assert longest <= 44


def test_the_wire_to_lua_names_every_kind() -> None:
    kinds = {
        "window": Window(5, 60),
        "gcra": Gcra(60, 5),
        "schedule": Schedule((1, 2), 3),
        "streak": Streak(5),
        "unverified": Unverified(5, 50, 60),
        "purse": Purse(5),
        "block": Block(),
    }
    assert {parameters(bucket)[0]: bucket for bucket in kinds.values()} == kinds
    [charge] = rules.charges(
        replace(SEED, rules={Limit.OTP_SENDS_PER_DEALER: Rule((Gcra(60, 5),), Stage.SHADOW)}),
        Limit.OTP_SENDS_PER_DEALER,
        {Dimension.DEALER: "d"},
    )
    assert wire([charge]) == '[["gcra","own","shadow","",60,5]]'


def limit(name: str, buckets: str, stage: str = "") -> str:
    return f'version = "1"\n[limits.{name}]\n{stage}\nbuckets = {buckets}'


def money(**changes: str) -> str:
    rows = {"currency": '"EUR"', "per_day": "1000", "slice": "10", **changes}
    return 'version = "1"\n[limits]\n[money]\n' + "\n".join(f"{key} = {value}" for key, value in rows.items())


CLIENT = "OtpSendsPerClient"
WINDOW = '{kind="window", count=1, period="1h"}'


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("not toml", "not TOML: "),
        ("[limits]", r"a version \(text\) and a table \[limits\] are required"),
        ('version = "1"', r"a version \(text\) and a table \[limits\] are required"),
        ("version = 1\n[limits]", r"a version \(text\) and a table \[limits\] are required"),
        (f'version = "{"x" * 41}"\n[limits]', "version: at most 40 characters"),
        ('version = ""\n[limits]', "version: at most 40 characters"),
        (limit("OtpSendsPerMoon", f"[{WINDOW}]"), "limits.OtpSendsPerMoon: there is no such limit"),
        (limit("OtpMoneyPerDay", f"[{WINDOW}]"), "limits.OtpMoneyPerDay: is no rate"),
        (limit("OtpBlockedCountry", f"[{WINDOW}]"), "limits.OtpBlockedCountry: is no rate"),
        (limit(CLIENT, "[]"), f"limits.{CLIENT}: buckets, a list with an entry"),
        (limit(CLIENT, "{}"), f"limits.{CLIENT}: buckets, a list with an entry"),
        (f'version = "1"\n[limits]\n{CLIENT} = 3', f"limits.{CLIENT}: buckets, a list with an entry"),
        (limit(CLIENT, f"[{WINDOW}]", "share = true"), f"limits.{CLIENT}: buckets, a list with an entry"),
        (limit(CLIENT, f"[{WINDOW}]", 'stage = "off"'), "stage is enforced, shadow or pressure"),
        (limit(CLIENT, f"[{WINDOW}]", 'stage = "counted"'), "stage is enforced, shadow or pressure"),
        (limit(CLIENT, f"[{WINDOW}]", "stage = []"), "stage is enforced, shadow or pressure"),
        (limit(CLIENT, "[3]"), "a bucket is a window"),
        (limit(CLIENT, '[{kind="gcra"}]'), "a bucket is a window"),
        (limit(CLIENT, '[{kind="purse", price=3}]'), "a bucket is a window"),
        (limit(CLIENT, '[{kind="block"}]'), "a bucket is a window"),
        (limit(CLIENT, '[{kind="window", count=1, period="1h", burst=1}]'), "a bucket is a window"),
        (limit(CLIENT, '[{kind="window", count=0, period="1h"}]'), "count is a whole number from 1 to 20"),
        (limit(CLIENT, '[{kind="window", count=21, period="1h"}]'), "count is a whole number from 1 to 20"),
        (limit(CLIENT, '[{kind="window", count=true, period="1h"}]'), "count is a whole number from 1 to 20"),
        (limit(CLIENT, '[{kind="window", count=1.0, period="1h"}]'), "count is a whole number from 1 to 20"),
        (limit(CLIENT, '[{kind="window", count=1, period="1 hour"}]'), 'a duration is written like "30s"'),
        (limit(CLIENT, '[{kind="window", count=1, period="0s"}]'), 'a duration is written like "30s"'),
        (limit(CLIENT, '[{kind="window", count=1, period=3600}]'), 'a duration is written like "30s"'),
        (
            limit(CLIENT, '[{kind="gcra", count=5, period="1h", burst=6}]'),
            "burst is a whole number from 1 to 5",
        ),
        (
            limit(CLIENT, f'[{WINDOW}, {{kind="window", count=2, period="60m"}}]'),
            f"limits.{CLIENT}: two buckets of one kind and period",
        ),
        (
            limit(
                CLIENT,
                '[{kind="gcra", count=5, period="1h", burst=1}, {kind="gcra", count=5, period="1d", burst=1}]',
            ),
            f"limits.{CLIENT}: two buckets of one kind and period",
        ),
        (
            limit(CLIENT, '[{kind="schedule", waits=["2h"], quiet="1h"}]'),
            "quiet is shorter than a wait, which would never be served",
        ),
        (limit(CLIENT, '[{kind="schedule", waits=[], quiet="1h"}]'), "waits is a list of 1 to 20 durations"),
        (
            limit(CLIENT, '[{kind="schedule", waits="1h", quiet="1h"}]'),
            "waits is a list of 1 to 20 durations",
        ),
        (limit(CLIENT, '[{kind="streak", count=1001}]'), "count is a whole number from 1 to 1000"),
        (
            limit(CLIENT, '[{kind="unverified", floor=0, per_cent=1, period="1h"}]'),
            "floor is a whole number from 1 to 1000000",
        ),
        (
            limit(CLIENT, '[{kind="unverified", floor=1, per_cent=10001, period="1h"}]'),
            "per_cent is a whole number from 1 to 10000",
        ),
        (
            limit("OtpSendsPerMsisdnEverywhere", '[{kind="schedule", waits=["1m"], quiet="1h"}]'),
            "a shared limit takes no schedule",
        ),
        (money(currency='"euro"'), "money.currency is a code of ISO 4217"),
        (money(per_day="0"), "per_day is a whole number from 1 to "),
        (money(per_day="1.5"), "per_day is a whole number from 1 to "),
        (money(slice="1001"), "slice is a whole number from 1 to 1000"),
        (money(left="3"), "money: currency, per_day and slice, in micro-units, and nothing else"),
        (
            'version = "1"\nmoney = 3\n[limits]',
            "money: currency, per_day and slice, in micro-units, and nothing else",
        ),
    ],
)
def test_a_policy_that_is_wrong_says_where(body: str, says: str) -> None:
    with pytest.raises(PolicyInvalid, match=says):
        rules.load_policy(body)


def test_what_is_right_is_read_as_it_stands() -> None:
    body = limit(CLIENT, '[{kind="gcra", count=7, period="1m", burst=3}]', 'stage = "shadow"')
    [(_, rule)] = rules.load_policy(body).rules.items()
    # A minute is no multiple of seven: rounded up, so that never more than seven a minute are earned.
    assert rule == Rule((Gcra(8_571_429, 3),), Stage.SHADOW)
    assert rules.load_policy(money()).money == Money("EUR", 1000, 10)
    assert rules.load_policy('version = "1"\n[limits]').money is None
