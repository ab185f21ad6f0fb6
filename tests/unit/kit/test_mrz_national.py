"""Zones of no part of Doc 9303: the French identity card, the French and the Swiss driving licence."""

from datetime import date

import pytest

from service.kit.mrz import (
    NATIONAL_CHECK_IDS,
    DocumentUnreadable,
    Layout,
    MrzDate,
    MrzFields,
    check,
    compose,
    parse,
)
from service.kit.mrz.national import issued
from service.kit.names import Agreement, ZoneNames, names_agree
from service.kit.values import Malformed

# published samples: the card of 1988, the licence of 2013, the licence of 2003
CARD = ["IDFRABERTHIER<<<<<<<<<<<<<<<<<<<<<<<", "8806923102858CORINNE<<<<<<<6512068F6"]
FRENCH = ["D1FRA13AA000026181231MARTIN<<9"]
SWISS = ["AAA001D<<", "FACHE305142128097<<800126<<<<<", "MARCHAND<<FABIENNE<<<<<<<<<<<<"]
NOW = date(2026, 11, 23)


def codes(lines: list[str], today: date) -> dict[str, str]:
    return {result.id: f"{result.outcome}:{result.code}" for result in check(parse(lines), today)}


def not_passed(lines: list[str], today: date) -> dict[str, str]:
    return {key: value for key, value in codes(lines, today).items() if not value.startswith("pass")}


@pytest.mark.parametrize(
    ("lines", "layout", "fields", "names"),
    [
        (
            CARD,
            Layout.ID_FRA,
            ("ID", "FRA", "880692310285", "FRA", "651206", "F", ""),
            ZoneNames("BERTHIER", "CORINNE"),
        ),
        (FRENCH, Layout.DL_FRA, ("D1", "FRA", "13AA00002", "", "", "<", ""), ZoneNames("MARTIN", "")),
        (
            SWISS,
            Layout.DL_CHE,
            ("FA", "CHE", "305142128097", "", "800126", "<", "AAA001D"),
            ZoneNames("MARCHAND", "FABIENNE"),
        ),
    ],
)
def test_the_published_samples_are_read(
    lines: list[str], layout: Layout, fields: tuple[str, ...], names: ZoneNames
) -> None:
    mrz = parse(lines)
    assert mrz.layout is layout
    assert (
        mrz.document_code,
        mrz.issuing_state,
        mrz.document_number,
        mrz.nationality,
        mrz.birth_date,
        mrz.sex,
        mrz.optional,
    ) == fields
    assert mrz.names == names
    assert mrz.lines == tuple(lines)
    assert parse(["".join(lines).lower()]) == parse([f" {line}\n" for line in lines]) == mrz


def test_the_samples_pass_every_check_in_their_time() -> None:
    assert not_passed(CARD, date(1990, 1, 1)) == {}
    assert not_passed(FRENCH, date(2018, 12, 31)) == {}
    assert not_passed(SWISS, NOW) == {"mrz.document_number_digit": "warn:no-digit"}
    found = {*codes(CARD, NOW), *codes(FRENCH, NOW), *codes(SWISS, NOW)}
    assert set(NATIONAL_CHECK_IDS) <= found


def put(lines: list[str], line: int, at: int, text: str) -> list[str]:
    found = list(lines)
    found[line - 1] = found[line - 1][: at - 1] + text + found[line - 1][at - 1 + len(text) :]
    return found


@pytest.mark.parametrize(
    ("lines", "line", "at", "text", "wrong"),
    [
        (CARD, 2, 12, "6", {"mrz.document_number_digit": "fail:digit-wrong"}),
        (CARD, 2, 13, "<", {"mrz.document_number_digit": "fail:digit-missing"}),
        (CARD, 2, 28, "7", {"mrz.birth_date_digit": "fail:digit-wrong"}),
        (
            CARD,
            2,
            30,
            "13",
            {"mrz.birth_date": "fail:unreal", "mrz.birth_date_digit": "fail:digit-wrong"},
        ),
        (CARD, 2, 35, "Q", {"mrz.sex": "fail:unknown"}),
        (CARD, 2, 36, "7", {}),
        (CARD, 1, 6, "B3RTHIER", {"mrz.names": "fail:unsound"}),
        (CARD, 1, 6, "<" * 25, {"mrz.names": "fail:empty"}),
        (CARD, 2, 14, "C0RINNE", {"mrz.names": "fail:unsound"}),
        (
            CARD,
            2,
            3,
            "15",
            {
                "mrz.issue_date": "fail:unreal",
                "mrz.expiry_date": "skipped:not-shown",
                "mrz.document_number_digit": "fail:digit-wrong",
            },
        ),
        (
            CARD,
            2,
            8,
            "<",
            {"mrz.document_number": "fail:broken", "mrz.document_number_digit": "fail:digit-wrong"},
        ),
        (FRENCH, 1, 7, "4", {"mrz.document_number_digit": "fail:digit-wrong"}),
        (FRENCH, 1, 18, "13", {"mrz.expiry_date": "fail:unreal"}),
        (FRENCH, 1, 22, "DURAND", {}),
        (FRENCH, 1, 22, "M4RTIN", {"mrz.names": "fail:unsound"}),
    ],
)  # fmt: skip
def test_each_forgery_of_a_french_zone_is_named(
    lines: list[str], line: int, at: int, text: str, wrong: dict[str, str]
) -> None:
    """The last digit counts over every character before it, names included."""
    found = not_passed(put(lines, line, at, text), date(1990, 1, 1))
    assert found.pop("mrz.composite_digit") == "fail:digit-wrong"
    assert found == wrong


@pytest.mark.parametrize(
    ("line", "at", "text", "wrong"),
    [
        (1, 4, "O", {"mrz.fixed_characters": "fail:unsound"}),
        (1, 7, "Q", {"mrz.fixed_characters": "fail:unsound"}),
        (2, 18, "7", {"mrz.fixed_characters": "fail:unsound"}),
        (2, 30, "7", {"mrz.fixed_characters": "fail:unsound"}),
        (2, 6, "A", {"mrz.document_number": "fail:broken"}),
        (2, 6, "<" * 12, {"mrz.document_number": "fail:empty"}),
        (2, 22, "13", {"mrz.birth_date": "fail:unreal"}),
        (3, 1, "M4", {"mrz.names": "fail:unsound"}),
    ],
)
def test_a_swiss_licence_shows_only_forgeries_of_its_form(
    line: int, at: int, text: str, wrong: dict[str, str]
) -> None:
    found = not_passed(put(SWISS, line, at, text), NOW)
    assert found.pop("mrz.document_number_digit") == "warn:no-digit"
    assert found == wrong


@pytest.mark.parametrize("birth", [MrzDate(1980, None, None), MrzDate(None, None, None)])
def test_a_swiss_birth_date_may_be_unknown_in_part(birth: MrzDate) -> None:
    lines = put(SWISS, 2, 20, birth.zone)
    assert codes(lines, NOW)["mrz.birth_date"] == ("pass:partly-unknown" if birth.year else "warn:unknown")


def test_liechtenstein_prints_the_swiss_licence() -> None:
    assert parse(put(SWISS, 2, 3, "LIE")).issuing_state == "LIE"


@pytest.mark.parametrize(
    ("number", "born", "last"),
    [
        ("880692310285", MrzDate(1965, 12, 6), date(1998, 6, 30)),
        ("031275000001", MrzDate(1965, 12, 6), date(2013, 12, 31)),  # before the longer time
        ("040175000001", MrzDate(1965, 12, 6), date(2019, 1, 31)),
        ("210275000001", MrzDate(1965, 12, 6), date(2036, 2, 29)),
        ("151275000001", MrzDate(1997, 12, 31), date(2030, 12, 31)),  # of age in the month of issue
        ("151175000001", MrzDate(1997, 12, 31), date(2025, 11, 30)),
        ("151175000001", MrzDate(None, None, None), date(2025, 11, 30)),
    ],
)
def test_a_french_card_holds_ten_years_or_fifteen(number: str, born: MrzDate, last: date) -> None:
    lines = compose(Layout.ID_FRA, fields(number=number, born=born))
    since = issued(parse(lines))
    assert since is not None
    assert since.last_day(born) == last
    assert codes(list(lines), last)["mrz.expiry_date"] == "pass:valid"
    assert codes(list(lines), last.replace(year=last.year + 1, day=1))["mrz.expiry_date"] == "fail:expired"


@pytest.mark.parametrize("number", ["871275000001", "220175000001", "0400", "AB0175000001"])
def test_a_number_of_no_month_of_that_card_is_unreal(number: str) -> None:
    lines = compose(Layout.ID_FRA, fields(number=number))
    assert codes(list(lines), NOW)["mrz.issue_date"] == "fail:unreal"
    assert issued(parse(FRENCH)) is None


BORN = MrzDate(1974, 8, 12)


def fields(*, number: str, state: str = "FRA", born: MrzDate = BORN) -> MrzFields:
    return MrzFields(
        document_code="",
        issuing_state=state,
        family_name="de La Tour",
        given_names="Anne-Marie Jeanne",
        document_number=number,
        nationality=state,
        birth_date=born,
        sex="F",
        expiry_date=date(2032, 4, 15),
        optional="ABC001D" if state == "CHE" else "",
    )


@pytest.mark.parametrize(
    ("layout", "number", "state", "shown"),
    [
        (Layout.ID_FRA, "180675000001", "FRA", ZoneNames("DE<LA<TOUR", "ANNE<MARIE<JE", truncated=True)),
        (Layout.DL_FRA, "17AB12345", "FRA", ZoneNames("DE<LA<TO", "", truncated=True)),
        (Layout.DL_CHE, "005142128001", "CHE", ZoneNames("DE<LA<TOUR", "ANNE<MARIE<JEANNE")),
    ],
)
def test_what_is_composed_reads_back(layout: Layout, number: str, state: str, shown: ZoneNames) -> None:
    mrz = parse(compose(layout, fields(number=number, state=state)))
    assert (mrz.layout, mrz.document_number, mrz.names) == (layout, number, shown)
    assert all(result.outcome != "fail" for result in check(mrz, NOW))
    agrees = names_agree("de La Tour", "Anne-Marie Jeanne", mrz.names)
    assert agrees is (Agreement.AGREE if shown.secondary else agrees)
    assert agrees is not Agreement.DISAGREE


def test_what_such_a_zone_cannot_hold_is_refused() -> None:
    for layout, number, state in (
        (Layout.ID_FRA, "1234567890123", "FRA"),
        (Layout.ID_FRA, "180675000001", "BEL"),
        (Layout.DL_FRA, "17AB12345", "CHE"),
        (Layout.DL_CHE, "005142128001", "FRA"),
    ):
        with pytest.raises(Malformed):
            compose(layout, fields(number=number, state=state))


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (["D1NLD15094962111659VRNQ42P<<<5"], "licences"),
        (put(SWISS, 2, 3, "DEU"), "licences"),
        (["".join(put(SWISS, 2, 1, "FZ"))], "licences"),
        (put(SWISS, 2, 1, "XA"), "9, 30, 30"),
        (["I<UTOD231458907<<<<<<<<<<<<<<<"], "30"),
        (CARD[:1], "36"),
        (SWISS[1:], "30, 30"),
    ],
)
def test_other_licences_and_single_lines_are_refused_with_advice(lines: list[str], word: str) -> None:
    with pytest.raises(DocumentUnreadable) as refused:
        parse(lines)
    assert word in str(refused.value.facts["advice"])


def test_the_french_card_of_2021_is_a_td1_card_and_a_belgian_one_stays_td2() -> None:
    new = compose(Layout.TD1, MrzFields(**{**_plain(fields(number="X4RTBPFW4")), "document_code": "ID"}))
    assert parse(new).layout is Layout.TD1
    other = compose(
        Layout.TD2, MrzFields(**{**_plain(fields(number="X4RTBPFW4", state="BEL")), "document_code": "ID"})
    )
    assert parse(other).layout is Layout.TD2


def _plain(of: MrzFields) -> dict[str, object]:
    return {name: getattr(of, name) for name in of.__slots__}
