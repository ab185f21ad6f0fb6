"""What messages say, how long they are, whom they may go to; and the policy of codes."""

import re
from datetime import date

import pytest

from service.kit.msisdn import Msisdn
from service.limits.model import PolicyInvalid
from service.limits.rules import seed_text
from service.otp import rules
from service.otp.model import Destination, NumberNotAllowed
from service.otp.workflow import new_code

NUMBER = Msisdn.parse("+4915112345678")
PURPOSES = ("new", "port_in", "sim_swap", "reverify")
LANGUAGES = sorted(rules.wordings())
LONGEST = "W" * (rules.OPERATOR_CHARACTERS + 10)


def text(language: str = "en", purpose: str = "new", *, in_shop: bool = False, **more: str) -> str:
    return rules.compose(
        language=language,
        purpose=purpose,
        operator=more.get("operator", LONGEST),
        number=NUMBER,
        code="013579",
        in_shop=in_shop,
        web_domain=more.get("web_domain"),
    )[0]


def test_the_languages_that_are_promised() -> None:
    assert {"en", "de", "fr", "es", "th", "ar"} <= set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("in_shop", [False, True])
def test_a_message_says_who_why_and_which(language: str, purpose: str, in_shop: bool) -> None:
    said = text(language, purpose, in_shop=in_shop, operator="Demo Telecom")
    words = rules.wordings()[language]
    assert "Demo Telecom" in said
    assert said.count("013579") == 1
    assert "678" in said
    assert "5112345" not in said
    assert words.purposes[purpose] in said
    assert (words.shop if in_shop else words.caller) in said
    assert (words.caller if in_shop else words.shop) not in said
    assert "{" not in said
    assert said.count("\n") == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_longer_than_it_may_cost(language: str) -> None:
    """One part in the languages of GSM 03.38, at most two or three in the others; one more with WebOTP."""
    for purpose in PURPOSES:
        for in_shop in (False, True):
            said = text(language, purpose, in_shop=in_shop)
            parts = rules.sms_parts(said)
            if language in {"en", "de", "fr", "es", "it", "pt", "nl", "id"}:
                assert parts == 1, (language, purpose, len(said))
            else:
                assert parts <= (3 if language in {"th", "pl", "tr"} else 2), (language, purpose, len(said))
            assert (
                rules.sms_parts(text(language, purpose, in_shop=in_shop, web_domain="sim.example"))
                <= parts + 1
            )


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ó" * 70, 1),
        ("ó" * 71, 2),
        ("ó" * 134, 2),
        ("ó" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("", 1),
    ],
)
def test_parts_are_counted_as_networks_do(said: str, parts: int) -> None:
    assert rules.sms_parts(said) == parts


def test_the_last_line_binds_the_code_to_a_page() -> None:
    assert text(web_domain="sim.example").endswith("\n@sim.example #013579")


@pytest.mark.parametrize(
    ("asked", "spoken"), [("de-AT", "de"), ("DE", "de"), ("xx", "en"), ("", "en"), ("zh-Hans", "zh")]
)
def test_an_unknown_language_falls_back(asked: str, spoken: str) -> None:
    composed = rules.compose(
        language=asked, purpose="new", operator="Demo", number=NUMBER, code="1", in_shop=False
    )
    assert composed[1] == spoken


def test_an_operators_name_is_shown_plain_and_short() -> None:
    said = text(operator="Evil\r\n{code} \u202eTel" + "x" * 80)
    assert said.startswith("Evil{code} Tel")
    assert "\u202e" not in said
    assert said.count("013579") == 1


def _to(number: str) -> Destination:
    return rules.destination(Msisdn.parse(number))


def test_the_seed_policy_sends_to_mobiles_of_europe() -> None:
    policy = rules.seed_policy()
    for number in ("+4915112345678", "+31612345678", "+447400123456", "+41791234567"):
        rules.may_receive(policy, _to(number))
    assert {"DE", "FR", "GB", "PL"} <= set(policy.prices)


@pytest.mark.parametrize("number", ["+493012345678", "+499001123456", "+498001234567"])
def test_no_code_goes_to_a_fixed_premium_or_free_number(number: str) -> None:
    with pytest.raises(NumberNotAllowed):
        rules.may_receive(rules.seed_policy(), _to(number))


@pytest.mark.parametrize("number", ["+12125552345", "+2348031234567", "+88213300000"])
def test_a_country_without_a_price_gets_none(number: str) -> None:
    with pytest.raises(NumberNotAllowed):
        rules.may_receive(rules.seed_policy(), _to(number))


def test_a_number_that_no_plan_has_gets_none_unless_the_policy_says_so() -> None:
    never = Destination(NUMBER, "DE", "mobile", is_allocated=False)
    with pytest.raises(NumberNotAllowed):
        rules.may_receive(rules.seed_policy(), never)
    text = seed_text().replace("allow_unallocated = false", "allow_unallocated = true")
    rules.may_receive(rules.load_policy(text), never)


def test_a_test_number_ends() -> None:
    row = '\ntest_numbers = [{ number = "+4915112345678", code = "135790", until = 2026-12-31 }]'
    policy = rules.load_policy(seed_text().replace("\n[otp]", f"{row}\n[otp]", 1))
    found = policy.test_number(NUMBER.value, date(2026, 12, 31))
    assert found is not None
    assert found.code == "135790"
    assert policy.test_number(NUMBER.value, date(2027, 1, 1)) is None
    assert policy.test_number("+4915112345679", date(2026, 12, 31)) is None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('ttl = "10m"', 'ttl = "11m"', "ttl is at most 10m"),
        ('ttl = "10m"', "ttl = 600", "a duration is written"),
        ("attempts = 5", "attempts = 6", "attempts is a whole number from 1 to 5"),
        ("attempts = 5", "attempts = true", "attempts is a whole number from 1 to 5"),
        ("attempts = 5", "attempts = 0", "attempts is a whole number from 1 to 5"),
        ("work_bits = 18", "work_bits = 7", "work_bits is a whole number from 8 to 28"),
        ("work_bits = 18", "work_bits = 29", "work_bits is a whole number from 8 to 28"),
        ("allow_unallocated = false", "allow_unallocated = 0", "allow_unallocated is true or false"),
        ('claim = "5s"', 'clam = "5s"', "exactly"),
        ('"mobile", ', '"mobil", ', "a sort of line that there is not"),
        ('line_types = ["mobile", "fixed_or_mobile", "unknown"]', "line_types = []", "a list of words"),
        ("DE = 75_000", "Germany = 75_000", "code of ISO 3166-1"),
        ("DE = 75_000", "de = 75_000", "code of ISO 3166-1"),
        ("DE = 75_000", "DE = 0", r"countries\.DE: a price is whole micro-units"),
        ("DE = 75_000", "DE = 0.075", r"countries\.DE: a price is whole micro-units"),
        ("DE = 75_000", "DE = true", r"countries\.DE: a price is whole micro-units"),
        ("[otp]", "[more]\n[otp]", "exactly"),
        ("\n[otp]", "\ntest_numbers = 3\n[otp]", "test_numbers is a list"),
        ("\n[otp]", "\ntest_numbers = [{}]\n[otp]", "number, code and until"),
        (
            "\n[otp]",
            '\ntest_numbers = [{ number = "+4915112345678", code = "1", until = 2026-12-31 }]\n[otp]',
            "six digits",
        ),
        (
            "\n[otp]",
            '\ntest_numbers = [{ number = "+4915112345678", code = "135790", until = "never" }]\n[otp]',
            "would be a back door",
        ),
        (
            "\n[otp]",
            '\ntest_numbers = [{ number = "0151", code = "135790", until = 2026-12-31 }]\n[otp]',
            r"as \+ and digits",
        ),
    ],
)
def test_a_policy_that_is_wrong_says_why(old: str, new: str, says: str) -> None:
    assert old in seed_text()
    with pytest.raises(PolicyInvalid, match=says):
        rules.load_policy(seed_text().replace(old, new, 1))


def test_countries_may_not_be_left_out() -> None:
    text = seed_text()
    start, end = text.index("[countries]"), text.index("# What an operator's messages may cost")
    with pytest.raises(PolicyInvalid, match="exactly"):
        rules.load_policy(text[:start] + text[end:])
    with pytest.raises(PolicyInvalid, match="the price of one SMS part"):
        rules.load_policy(text[:start] + "[countries]\n" + text[end:])


def test_codes_are_six_digits_and_not_the_same() -> None:
    codes = {new_code() for _ in range(200)}
    assert len(codes) > 190
    assert all(re.fullmatch(r"[0-9]{6}", code) for code in codes)
