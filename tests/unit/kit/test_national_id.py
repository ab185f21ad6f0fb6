"""National numbers: each state's tables are there, what a number tells is read, and no text raises but the refusal."""

from datetime import date
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.kit.mrz.dates import MrzDate
from service.kit.national_id import FAULTS, NUMBERS, NationalId, compact_of_state
from service.kit.national_id.schemes import BY_STATE, SCHEMES
from service.kit.states import ISSUERS
from service.kit.values import Malformed

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize("country", NUMBERS)
def test_every_country_has_its_table_and_refuses_nonsense(country: str) -> None:
    state, schemes = SCHEMES[country]
    assert state in ISSUERS
    assert BY_STATE[state] == country
    for scheme in schemes:
        assert callable(import_module(f"stdnum.{scheme.module}").validate)
    for text in ("", "x", "0", "<<<<", "1" * 41, "٣" * 11, "😀", "\x00" * 11):
        with pytest.raises(Malformed) as refused:
            NationalId.parse(country, text, TODAY)
        assert refused.value.reason in FAULTS


# As published with each scheme: (country, text, canonical, birth date, sex, region).
TOLD = [
    ("AT", "1237 010180", "1237010180", "1980-01-01", "", None),
    ("BE", "85 07 30 033 28", "85073003328", "1985-07-30", "M", None),
    ("BE", "17 07 30 033 84", "17073003384", "2017-07-30", "M", None),
    ("BE", "01 49 07 001 85", "BIS01490700185", "2001-09-07", "M", None),
    ("BG", "8032056031", "8032056031", "1880-12-05", "F", None),
    ("BG", "7111 042 925", "PNF7111042925", None, "", None),
    ("CN", "360426199101010071", "360426199101010071", "1991-01-01", "M", True),
    ("CU", "91021027775", "91021027775", "1991-02-10", "F", None),
    ("CZ", "710319/2745", "7103192745", "1971-03-19", "M", None),
    ("DK", "211062-5629", "2110625629", "1862-10-21", "M", None),
    ("EE", "36805280109", "36805280109", "1968-05-28", "M", None),
    ("ES", "x-2482300w", "NIEX2482300W", None, "", None),
    ("FI", "131052-308T", "131052-308T", "1952-10-13", "F", None),
    ("FR", "2 95 10 99 126 111 93", "295109912611193", "1995-10", "F", None),
    ("FR", "253072B07300470", "253072B07300470", "1953-07", "F", None),
    ("GR", "01013099997", "01013099997", "1930-01-01", "M", None),
    ("ID", "3171011708450001", "3171011708450001", "1945-08-17", "M", True),
    ("IN", "234123412346", "234123412346", None, "", None),
    ("IN", "ACUPA7085R", "PANACUPA7085R", None, "", None),
    ("IS", "120174-3399", "1201743399", "1974-01-12", "", None),
    ("IT", "RCCMNL83S18D969H", "RCCMNL83S18D969H", "1983-11-18", "M", None),
    ("KR", "971013-9019902", "9710139019902", "1897-10-13", "M", None),
    ("LT", "33309240064", "33309240064", "1933-09-24", "M", None),
    ("LV", "161175-19997", "16117519997", "1975-11-16", "", None),
    ("LV", "328673-00679", "32867300679", None, "", None),
    ("MX", "BOXW310820HNERXN09", "BOXW310820HNERXN09", "1931-08-20", "M", True),
    ("MX", "GODE 561231 GR8", "RFCGODE561231GR8", "1956-12-31", "", None),
    ("MY", "770305-02-1234", "770305021234", "1977-03-05", "F", True),
    ("NL", "1112.22.333", "111222333", None, "", None),
    ("NO", "151086 95088", "15108695088", "1986-10-15", "F", None),
    ("PE", "10117410-2", "10117410", None, "", None),
    ("PK", "34201-0891231-8", "3420108912318", None, "F", True),
    ("PL", "44051401359", "44051401359", "1944-05-14", "M", None),
    ("RO", "1630615123457", "1630615123457", "1963-06-15", "M", True),
    ("SE", "880320-0016", "198803200016", "1988-03-20", "M", None),
    ("SE", "198803200016", "198803200016", "1988-03-20", "M", None),
    ("SI", "0101006500006", "0101006500006", "2006-01-01", "M", None),
    ("SK", "710319/2745", "7103192745", "1971-03-19", "M", None),
    ("TR", "10000000146", "10000000146", None, "", None),
    ("UA", "1759013776", "1759013776", "1948-02-28", "M", None),
    ("ZA", "7503305044089", "7503305044089", "1975-03-30", "M", None),
]


@pytest.mark.parametrize(("country", "text", "canonical", "born", "sex", "region"), TOLD)
def test_what_a_number_tells(
    country: str, text: str, canonical: str, born: str | None, sex: str, region: bool | None
) -> None:
    found = NationalId.parse(country, text, TODAY)
    assert found.canonical == canonical
    assert (found.birth.iso if found.birth else None) == born
    assert (found.sex, found.region) == (sex, region)
    assert found.number not in repr(found)
    first = found.canonical == found.number
    known = NationalId.of_state(found.state, text, TODAY)
    assert known == (found if first else None)
    assert compact_of_state(found.state, text, TODAY) == (canonical if first and found.scheme.digit else None)


def chinese(body: str) -> str:
    """17 digits with the check character of GB 11643 (ISO 7064, MOD 11-2)."""
    return body + "10X98765432"[sum(int(digit) * 2 ** (17 - at) for at, digit in enumerate(body)) % 11]


@pytest.mark.parametrize(
    ("body", "region"),
    [("11010119900307123", True), ("83000019900307123", False), ("99999919900307123", False)],
)
def test_a_chinese_region_may_be_in_no_table(body: str, region: bool) -> None:
    found = NationalId.parse("CN", chinese(body), TODAY)
    assert (found.region, found.birth, found.sex) == (region, MrzDate(1990, 3, 7), "M")


def indonesian(day: int, year: int) -> str:
    return f"317101{day:02d}08{year:02d}0001"


@pytest.mark.parametrize(
    ("year", "born"), [(26, date(2026, 8, 17)), (27, date(1927, 8, 17)), (99, date(1999, 8, 17))]
)
def test_a_century_that_is_not_told_is_the_latest_past_one(year: int, born: date) -> None:
    found = NationalId.parse("ID", indonesian(17, year), TODAY)
    assert found.birth == MrzDate.of(born)
    woman = NationalId.parse("ID", indonesian(57, year), TODAY)
    assert (woman.birth, woman.sex) == (MrzDate.of(born), "F")


@pytest.mark.parametrize(
    ("country", "text", "fault"),
    [
        ("PL", "44051401358", "number-digit"),
        ("PL", "4405140135", "number-shape"),
        ("CN", chinese("11010119901307123"), "number-birth"),
        ("CN", "360426199101010072", "number-digit"),
        ("MY", "771305-02-1234", "number-birth"),
        ("MY", "770305-17-1234", "number-region"),
        ("ID", "9971011708450001", "number-region"),
        ("RO", "1630615993454", "number-region"),
        ("PK", "94201-0891231-8", "number-part"),
        ("IN", "234123412347", "number-digit"),
        ("IN", "ABMXA3211G", "number-part"),
        # numbers of firms
        ("BY", "200988541", "number-shape"),
        ("IS", "450401-3150", "number-shape"),
        ("KE", "P051365947M", "number-shape"),
        ("LV", "LV 4000 3521 600", "number-shape"),
        ("MX", "MAB-930714-8T4", "number-shape"),
        ("IE", "6433435IH", "number-shape"),
    ],
)
def test_what_is_wrong_with_a_number(country: str, text: str, fault: str) -> None:
    with pytest.raises(Malformed) as refused:
        NationalId.parse(country, text, TODAY)
    assert refused.value.reason == fault


def test_a_number_of_a_country_without_a_table_is_refused() -> None:
    with pytest.raises(Malformed) as refused:
        NationalId.parse("AQ", "1", TODAY)
    assert refused.value.reason == "country-unknown"
    assert NationalId.of_state("ATA", "1", TODAY) is None


@given(st.sampled_from(NUMBERS), st.text(max_size=50) | st.text("0123456789X-/ ", min_size=7, max_size=20))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_number_or_refused(country: str, text: str) -> None:
    try:
        found = NationalId.parse(country, text, TODAY)
    except Malformed:
        return
    assert found.number.isascii()
    assert found.sex in ("", "F", "M")
