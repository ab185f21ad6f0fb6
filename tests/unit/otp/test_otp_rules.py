"""What messages say, how long they are, whom they may go to; and the policy of codes."""

import re

import pytest

from service.kit.msisdn import Msisdn
from service.limits.model import PolicyInvalid
from service.limits.rules import seed_text
from service.otp import rules
from service.otp.model import NumberNotAllowed
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


def test_the_seed_policy_sends_to_mobiles_everywhere() -> None:
    policy = rules.seed_policy()
    for number in ("+4915112345678", "+31612345678", "+12125550123"):
        rules.may_receive(policy, Msisdn.parse(number))


@pytest.mark.parametrize("number", ["+493012345678", "+499001123456", "+498001234567"])
def test_no_code_goes_to_a_fixed_premium_or_free_number(number: str) -> None:
    with pytest.raises(NumberNotAllowed):
        rules.may_receive(rules.seed_policy(), Msisdn.parse(number))


def test_a_country_that_is_not_in_the_policy_gets_none() -> None:
    policy = rules.load_policy(seed_text().replace('countries = ["*"]', 'countries = ["DE"]'))
    rules.may_receive(policy, NUMBER)
    with pytest.raises(NumberNotAllowed):
        rules.may_receive(policy, Msisdn.parse("+31612345678"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('ttl = "10m"', 'ttl = "11m"'),
        ('ttl = "10m"', "ttl = 600"),
        ("attempts = 5", "attempts = 6"),
        ("attempts = 5", "attempts = true"),
        ('claim = "5s"', 'clam = "5s"'),
        ('"mobile", ', '"mobil", '),
        ('countries = ["*"]', 'countries = ["Germany"]'),
        ('countries = ["*"]', "countries = []"),
        ("[otp]", "[more]\n[otp]"),
    ],
)
def test_a_policy_that_is_wrong_is_refused(old: str, new: str) -> None:
    assert old in seed_text()
    with pytest.raises(PolicyInvalid):
        rules.load_policy(seed_text().replace(old, new))


def test_codes_are_six_digits_and_not_the_same() -> None:
    codes = {new_code() for _ in range(200)}
    assert len(codes) > 190
    assert all(re.fullmatch(r"[0-9]{6}", code) for code in codes)
