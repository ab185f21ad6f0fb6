"""Value types: what each takes, what each refuses, and that a refusal never repeats the input."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.kit import luhn, masking, states
from service.kit.errors import InvalidRequest
from service.kit.iccid import Iccid
from service.kit.imei import Imei
from service.kit.imsi import Imsi
from service.kit.msisdn import Msisdn
from service.kit.values import Malformed


@pytest.mark.parametrize("number", ["490154203237518", "356938035643809", "79927398713"])
def test_luhn_knows_published_numbers(number: str) -> None:
    assert luhn.is_valid(number)
    assert luhn.digit(number[:-1]) == number[-1]


@given(st.text("0123456789", min_size=2, max_size=20), st.integers(0, 19), st.integers(1, 9))
@settings(max_examples=100)
def test_luhn_finds_every_single_wrong_digit(body: str, at: int, by: int) -> None:
    number = body + luhn.digit(body)
    at %= len(number)
    forged = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
    assert luhn.is_valid(number)
    assert not luhn.is_valid(forged)


@pytest.mark.parametrize("text", ["", "x", "٣٤٥", "12 34", "²"])
def test_luhn_is_false_for_what_is_not_ascii_digits(text: str) -> None:
    assert not luhn.is_valid(text)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("+4915112345678", "+49 151 •••• 678"),
        ("+31612000001", "+31 612 •••• 001"),
        ("+12025550123", "+1 202 •••• 123"),
        ("+390612345678", "+39 061 •••• 678"),
        ("+4930123", "+49 •••• 23"),
    ],
)
def test_an_msisdn_is_parsed_and_masked(text: str, masked: str) -> None:
    number = Msisdn.parse(text)
    assert str(number) == text
    assert number.masked == masked


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "msisdn-shape"),
        ("4915112345679", "msisdn-shape"),
        ("004915112345678", "msisdn-shape"),
        ("+49 15112345678", "msisdn-shape"),
        ("+0915112345678", "msisdn-shape"),
        ("+1234567890123456", "msisdn-shape"),
        ("+٤٩١٥١١٢٣٤٥٦٧٨", "msisdn-shape"),
        ("+4915112345678\n", "msisdn-shape"),
        ("+99912345678", "msisdn-country"),
        ("+4916", "msisdn-shape"),
        ("+12025550", "msisdn-length"),
        ("+49015112345678", "msisdn-length"),
    ],
)
def test_what_is_not_e164_is_refused(text: str, code: str) -> None:
    with pytest.raises(Malformed) as refused:
        Msisdn.parse(text)
    assert refused.value.reason == code
    assert isinstance(refused.value, InvalidRequest)
    assert refused.value.facts["errors"][0]["pointer"] == "/msisdn"  # type: ignore[index,call-overload]
    assert not text or text not in str(refused.value.facts) + str(refused.value)


def test_line_types_come_from_the_numbering_plans() -> None:
    assert Msisdn.parse("+4915112345678").line_type == "mobile"
    assert Msisdn.parse("+493012345678").line_type == "fixed"
    assert Msisdn.parse("+498001234567").line_type == "toll_free"
    assert Msisdn.parse("+447012345678").line_type in {"personal", "unknown"}
    assert Msisdn.parse("+4915112345678").region == "DE"
    assert not Msisdn.parse("+12005550123").is_valid


def test_iccid() -> None:
    assert Iccid.parse("8949020000123456788").value == "8949020000123456788"
    assert Iccid.parse("8949 0200 0012 3456 788F").value == "8949020000123456788"
    body = "8944500000123456789"
    assert Iccid.parse(body + luhn.digit(body)).masked.startswith("8944 ••••")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "iccid-shape"),
        ("8949020000123456789", "iccid-digit"),
        ("894902000012345678", "iccid-shape"),
        ("7949020000123456788", "iccid-shape"),
        ("89490200001234567880F", "iccid-shape"),
        ("８９４９０２００００１２３４５６７８８", "iccid-shape"),
        ("8903000000000000000", "iccid-country"),
        (" " * 1000, "iccid-shape"),
    ],
)
def test_what_is_not_an_iccid_is_refused(text: str, code: str) -> None:
    with pytest.raises(Malformed) as refused:
        Iccid.parse(text)
    assert refused.value.reason == code


def test_imei() -> None:
    assert Imei.parse("49-015420-323751-8").value == "490154203237518"
    assert Imei.parse("490154203237518").tac == "49015420"
    assert Imei.from_imeisv("4901542032375101") == Imei("490154203237518")


@pytest.mark.parametrize(
    "text", ["49015420323751", "4901542032375101", "490154203237519", "0" * 15, "x" * 15, ""]
)
def test_what_is_not_an_imei_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Imei.parse(text)


def test_imsi() -> None:
    for text, mcc, mnc, country in (
        ("262011234567890", "262", "01", "DE"),
        ("310150123456789", "310", "150", "US"),
        ("26201123456789", "262", "01", "DE"),
        ("901011234567890", "901", "01", None),
        ("999701234567890", "999", None, None),
    ):
        imsi = Imsi.parse(text)
        assert (imsi.mcc, imsi.mnc, imsi.country) == (mcc, mnc, country)
    for text in ("", "12345", "062011234567890", "26201123456789012", "26201123456789٠", "700011234567890"):
        with pytest.raises(Malformed):
            Imsi.parse(text)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("894911234567890123", "49"),
        ("8935112345678901234", "351"),
        ("890112345678901234", None),
        ("891" + "0" * 15, "1"),
    ],
)
def test_an_iccid_tells_its_country(body: str, code: str | None) -> None:
    text = body + luhn.digit(body)
    if code is not None:
        assert Iccid.parse(text).country_code == code
    else:
        with pytest.raises(Malformed):
            Iccid.parse(text)


def test_masks_never_show_more_than_half() -> None:
    for length in range(40):
        text = "".join(chr(65 + n % 26) for n in range(length))
        shown = sum(char in text for char in masking.tail(text, 4, lead=4).replace("•", "").replace(" ", ""))
        assert shown <= length // 2
    assert masking.name("Anna Maria") == "A•••• M••••"
    assert masking.email("anna@example.org") == "a••••@example.org"
    assert masking.email("nonsense") == "••••"


def test_states_hold_the_standard() -> None:
    assert sum(kind is states.StateKind.COUNTRY for kind in states.KINDS.values()) == 249 + 3
    special = "D RKS EUE UTO GBD GBN GBO GBP GBS UNO UNA UNK XBA XIM XCC XCE XCO XEC XPO XES XMP XOM XDC NTZ"
    for code in (*special.split(), "NLD"):
        assert code in states.ISSUERS
    for code in ("XXA", "XXB", "XXC", "XXX"):
        assert code in states.NATIONALITIES
        assert code not in states.ISSUERS
    for code in ("", "QQQ", "DDR", "ZZZ", "GB", "nld"):
        assert not states.is_known(code)
    assert states.agree("D", "DEU")
    assert states.agree("GBN", "GBR")
    assert not states.agree("D", "NLD")
    assert states.is_specimen("UTO")
