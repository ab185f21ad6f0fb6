"""The published samples of ICAO Doc 9303, each field and each check of a zone, and what is refused."""

from dataclasses import replace
from datetime import date

import pytest

from service.kit.mrz import (
    CHECK_IDS,
    DocumentUnreadable,
    Layout,
    Mrz,
    MrzDate,
    MrzFields,
    birth_date,
    check,
    compose,
    expiry_date,
    parse,
)
from service.kit.mrz.compose import names
from service.kit.mrz.digits import of_long_values, of_text, of_values
from service.kit.names import Agreement, ZoneNames, names_agree
from service.kit.transliteration import Table
from service.kit.values import Malformed

TODAY = date(2011, 1, 1)

TD3 = ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"]
TD1 = ["I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"]
TD2 = ["I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"]
TD1_LONG = [
    "I<UTOD23145890<7349<<<<<<<<<<<",
    "3407127M9507122UTO<<<<<<<<<<<2",
    "STEVENSON<<PETER<JOHN<<<<<<<<<",
]
TD2_LONG = ["I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<", "D23145890<UTO3407127M95071227349<<<8"]
MRV_A = ["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<"]
MRV_B = ["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<"]


def codes(mrz: Mrz, today: date = TODAY) -> dict[str, str]:
    return {result.id: f"{result.outcome}:{result.code}" for result in check(mrz, today)}


def not_passed(lines: list[str], today: date = TODAY) -> dict[str, str]:
    return {key: value for key, value in codes(parse(lines), today).items() if not value.startswith("pass")}


@pytest.mark.parametrize(
    ("lines", "layout", "number", "today"),
    [
        (TD3, Layout.TD3, "L898902C3", TODAY),
        (TD1, Layout.TD1, "D23145890", TODAY),
        (TD2, Layout.TD2, "D23145890", TODAY),
        (TD1_LONG, Layout.TD1, "D23145890734", date(1994, 1, 1)),
        (TD2_LONG, Layout.TD2, "D23145890734", date(1994, 1, 1)),
        (MRV_A, Layout.MRV_A, "L8988901C", date(1996, 1, 1)),
        (MRV_B, Layout.MRV_B, "L8988901C", date(1996, 1, 1)),
    ],
)
def test_the_samples_of_the_standard_pass_every_check(
    lines: list[str], layout: Layout, number: str, today: date
) -> None:
    mrz = parse(lines)
    assert mrz.layout is layout
    assert mrz.document_number == number
    assert mrz.issuing_state == "UTO"
    assert mrz.lines == tuple(lines)
    assert not_passed(lines, today) == {}


def test_every_field_of_the_passport() -> None:
    mrz = parse(TD3)
    assert mrz.document_code == "P"
    assert mrz.nationality == "UTO"
    assert mrz.names == ZoneNames("ERIKSSON", "ANNA<MARIA", truncated=False)
    assert mrz.names.first_given == "ANNA"
    assert (mrz.birth_date, mrz.expiry_date, mrz.sex) == ("740812", "120415", "F")
    assert (mrz.optional, mrz.optional_2) == ("ZE184226B", "")
    assert parse(TD1_LONG).optional == ""
    assert parse(MRV_A).optional == "6ZE184226B"


def test_findings_come_in_the_order_of_the_catalogue_and_hold_each_id_once() -> None:
    assert [result.id for result in check(parse(TD3), TODAY)] == list(CHECK_IDS)
    for lines in (TD1, TD2, MRV_A, MRV_B):
        ids = [result.id for result in check(parse(lines), TODAY)]
        assert ids == [check_id for check_id in CHECK_IDS if check_id in ids]
        assert ("mrz.composite_digit" in ids) == (lines in (TD1, TD2))
        assert "mrz.personal_number_digit" not in ids


def put(lines: list[str], line: int, at: int, text: str) -> list[str]:
    """``lines`` with ``text`` written at a position that counts from 1, as 9303 does."""
    found = list(lines)
    found[line - 1] = found[line - 1][: at - 1] + text + found[line - 1][at - 1 + len(text) :]
    return found


def composite(field: str, code: str) -> dict[str, str]:
    """A field whose digit fails makes the composite digit fail too."""
    return {f"mrz.{field}_digit": f"fail:digit-{code}", "mrz.composite_digit": "fail:digit-wrong"}


@pytest.mark.parametrize(
    ("lines", "line", "at", "text", "wrong"),
    [
        (TD3, 2, 1, "M", composite("document_number", "wrong")),
        (TD3, 2, 10, "7", composite("document_number", "wrong")),
        (TD3, 2, 10, "<", composite("document_number", "missing")),
        (TD3, 2, 20, "3", composite("birth_date", "wrong")),
        (TD3, 2, 28, "X", composite("expiry_date", "wrong")),
        (TD3, 2, 43, "2", composite("personal_number", "wrong")),
        (TD3, 2, 44, "<", {"mrz.composite_digit": "fail:digit-missing"}),
        (TD1, 2, 30, "7", {"mrz.composite_digit": "fail:digit-wrong"}),
        (TD2, 2, 36, "A", {"mrz.composite_digit": "fail:digit-wrong"}),
        (TD3, 1, 1, "A", {"mrz.document_code": "fail:unknown"}),
        (TD3, 1, 2, "7", {"mrz.document_code": "fail:unknown"}),
        (TD1, 1, 1, "AC", {"mrz.document_code": "fail:crew"}),
        (TD1, 1, 1, "IV", {"mrz.document_code": "fail:unknown"}),
        (TD1, 1, 1, "AI", {"mrz.document_code": "fail:unknown"}),
        (TD1, 1, 1, "D<", {"mrz.document_code": "fail:unknown"}),
        (TD2, 1, 1, "P<", {"mrz.document_code": "fail:unknown"}),
        (TD3, 1, 3, "QQQ", {"mrz.issuing_state": "fail:unknown"}),
        (TD3, 1, 3, "XXA", {"mrz.issuing_state": "fail:unknown"}),
        (TD3, 2, 11, "QQQ", {"mrz.nationality": "fail:unknown"}),
        (TD3, 2, 11, "<<<", {"mrz.nationality": "fail:unknown"}),
        (TD3, 2, 21, "O", {"mrz.sex": "fail:unknown"}),
        (TD3, 1, 6, "<" * 39, {"mrz.names": "fail:empty"}),
        (TD3, 1, 6, "ER1KSSON", {"mrz.names": "fail:unsound"}),
        (TD3, 1, 6, "<", {"mrz.names": "fail:unsound"}),
        (TD3, 1, 6, "ERIKSSON<<ANNA<<MARIA", {"mrz.names": "warn:uneven"}),
    ],
)  # fmt: skip
def test_each_forgery_is_named(
    lines: list[str], line: int, at: int, text: str, wrong: dict[str, str]
) -> None:
    assert not_passed(put(lines, line, at, text)) == wrong


@pytest.mark.parametrize("code", ["P<", "PD", "PO", "PP", "PM"])
def test_passports_have_p_and_a_letter(code: str) -> None:
    assert not_passed(put(TD3, 1, 1, code)) == {}


@pytest.mark.parametrize("code", ["A<", "C<", "I<", "ID", "IR", "AR", "CR"])
def test_cards_have_a_c_or_i(code: str) -> None:
    assert not_passed(put(TD1, 1, 1, code)) == {}
    assert not_passed(put(TD2, 1, 1, code)) == {}


@pytest.mark.parametrize("sex", "MFX<")
def test_sexes(sex: str) -> None:
    assert not_passed(put(TD3, 2, 21, sex)) == {}


FIELDS = MrzFields(
    document_code="P",
    issuing_state="NLD",
    family_name="Jansen",
    given_names="Anna Maria",
    document_number="SPECI2014",
    nationality="NLD",
    birth_date=MrzDate(1974, 8, 12),
    sex="F",
    expiry_date=date(2032, 4, 15),
)
CODE = {Layout.TD1: "I", Layout.TD2: "I", Layout.TD3: "P", Layout.MRV_A: "V", Layout.MRV_B: "V"}
NOW = date(2026, 11, 23)


def test_an_empty_personal_number_may_have_a_filler_or_zero_as_its_digit() -> None:
    lines = list(compose(Layout.TD3, FIELDS))
    assert lines[1][42] == "<"
    for digit in "<0":
        assert codes(parse(put(lines, 2, 43, digit)), NOW)["mrz.personal_number_digit"] == "pass:field-empty"
    assert codes(parse(put(lines, 2, 43, "1")), NOW)["mrz.personal_number_digit"] == "fail:digit-wrong"
    filled = put(TD3, 2, 43, "<")
    assert codes(parse(filled))["mrz.personal_number_digit"] == "fail:digit-missing"


@pytest.mark.parametrize(
    ("born", "finding", "weak"),
    [
        (MrzDate(1974, None, None), "pass:partly-unknown", True),
        (MrzDate(1974, 8, None), "pass:partly-unknown", True),
        (MrzDate(None, None, None), "warn:unknown", True),
        (MrzDate(1974, 1, 1), "pass:real", True),
        (MrzDate(2004, 2, 29), "pass:real", False),
        (MrzDate(1974, 8, 12), "pass:real", False),
    ],
)
def test_birth_dates_may_be_unknown_in_part(born: MrzDate, finding: str, weak: bool) -> None:
    mrz = parse(compose(Layout.TD3, replace(FIELDS, birth_date=born)))
    assert codes(mrz, NOW)["mrz.birth_date"] == finding
    assert codes(mrz, NOW)["mrz.birth_date_digit"] == "pass:digit-agrees"
    assert birth_date(mrz.birth_date, NOW) == born
    assert born.is_weak is weak


@pytest.mark.parametrize(
    "text", ["741312", "740832", "750229", "74AB12", "740000", "74<<12", "<<1332", "ABCDEF", "7408<2"]
)
def test_what_is_no_birth_date(text: str) -> None:
    assert birth_date(text, NOW) is None
    assert codes(parse(put(TD3, 2, 14, text)), NOW)["mrz.birth_date"] == "fail:unreal"


@pytest.mark.parametrize(
    ("text", "today", "expected"),
    [
        ("261123", date(2026, 11, 23), "2026-11-23"),
        ("261124", date(2026, 11, 23), "1926-11-24"),
        ("000229", date(2026, 11, 23), "2000-02-29"),
        ("26<<<<", date(2026, 11, 23), "2026"),
        ("2612<<", date(2026, 11, 23), "1926-12"),
        ("991231", date(2000, 1, 1), "1999-12-31"),
    ],
)
def test_a_birth_is_in_the_past(text: str, today: date, expected: str) -> None:
    born = birth_date(text, today)
    assert born is not None
    assert born.iso == expected


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("261123", "pass:valid"),
        ("261122", "fail:expired"),
        ("251231", "fail:expired"),
        ("070101", "fail:expired"),
        ("361123", "pass:valid"),
        ("461231", "pass:valid"),
        ("470101", "warn:far"),
        ("990101", "warn:far"),
        ("280229", "pass:valid"),
        ("240229", "fail:expired"),
        ("<<<<<<", "warn:none"),
        ("270229", "fail:unreal"),
        ("2704<<", "fail:unreal"),
        ("27XX01", "fail:unreal"),
    ],
)
def test_expiry_dates(text: str, finding: str) -> None:
    lines = put(put(TD3, 2, 22, text), 2, 28, of_text(text))
    found = codes(parse(lines), NOW)
    assert found["mrz.expiry_date"] == finding
    assert found["mrz.expiry_date_digit"] == "pass:digit-agrees"
    if finding.endswith("unreal"):
        assert expiry_date(text, NOW) is None


@pytest.mark.parametrize("layout", [Layout.TD1, Layout.TD2])
@pytest.mark.parametrize("number", ["D23145890734", "1234567890", "AB12CD34EF567"])
def test_long_numbers_go_on_in_the_optional_field(layout: Layout, number: str) -> None:
    fields = replace(FIELDS, document_code="I", document_number=number, optional="")
    mrz = parse(compose(layout, fields))
    assert mrz.document_number == number
    assert not {key for key, value in codes(mrz, NOW).items() if not value.startswith("pass")}
    place = mrz.positions.optional.start
    forged = mrz.text[:place] + ("9" if number[9] != "9" else "8") + mrz.text[place + 1 :]
    found = codes(parse([forged]), NOW)
    assert found["mrz.document_number_digit"] == "fail:digit-wrong"


def test_a_long_number_without_its_rest_has_no_digit() -> None:
    for lines in (
        put(TD1, 1, 15, "<"),
        put(TD1_LONG, 1, 16, "7<<<"),
        put(put(TD1_LONG, 1, 14, "<"), 1, 15, "<"),
    ):
        assert codes(parse(lines))["mrz.document_number_digit"] == "fail:digit-missing"


def test_a_long_number_leaves_room_for_optional_data() -> None:
    fields = replace(
        FIELDS, document_code="I", document_number="D23145890734", optional="AB123", optional_2="XYZ"
    )
    mrz = parse(compose(Layout.TD1, fields))
    assert (mrz.document_number, mrz.optional, mrz.optional_2) == ("D23145890734", "AB123", "XYZ")


def test_numbers_that_do_not_fit_are_refused() -> None:
    for layout, number in (
        (Layout.TD3, "1234567890"),
        (Layout.MRV_A, "1234567890"),
        (Layout.TD2, "1234567890123456"),
        (Layout.TD1, "1" * 30),
        (Layout.TD3, "12é4"),
    ):
        with pytest.raises(Malformed):
            compose(layout, replace(FIELDS, document_code=CODE[layout], document_number=number))


@pytest.mark.parametrize("table", Table)
@pytest.mark.parametrize("layout", CODE)
def test_what_is_composed_reads_back(layout: Layout, table: Table) -> None:
    fields = replace(FIELDS, document_code=CODE[layout], family_name="Müller-Ångström", given_names=None)
    mrz = parse(compose(layout, fields, table))
    assert all(value.startswith("pass") for value in codes(mrz, NOW).values())
    shown = "MUELLER<AANGSTROEM" if table is Table.LONG else "MULLER<ANGSTROM"
    assert mrz.names == ZoneNames(shown, "")


@pytest.mark.parametrize(
    ("family", "given", "width"),
    [
        ("Nilavadhanananda", "Chayapa Dejthamrong Krasuang", 39),
        ("Bennelong Wooloomooloo Warrandyte Warnambool", "Dingo Potoroo", 39),
        ("A" * 60, "B", 31),
        ("A" * 60, None, 30),
        ("Ab Cd Ef Gh Ij Kl Mn Op Qr St Uv Wx Yz Ab Cd", None, 30),
        ("Ab Cd Ef Gh Ij Kl Mn Op Qr St Uv Wx Yz Ab Cd", "Q", 30),
        ("Papandropoulous", "Jonathon Alec Aaa Bbb", 24),
    ],
)
def test_long_names_end_in_a_letter_in_the_last_place(family: str, given: str | None, width: int) -> None:
    """9303-4, 4.2.3: a letter in the last position says that names may have been truncated."""
    text = names(family, given, width)
    assert len(text) == width
    assert text[-1].isalpha()
    assert ("<<" in text) == (given is not None)
    assert not text.startswith("<")
    primary, _, secondary = text.partition("<<")
    assert names_agree(family, given, ZoneNames(primary, secondary, truncated=True)) is Agreement.AGREE


def test_names_of_single_letters_cannot_be_shortened() -> None:
    assert names("A B C D E F G H I J K", None, 10) == "A<B<C<D<E<"


def test_names_that_fit_are_not_cut() -> None:
    assert names("Jansen", "Anna", 12) == "JANSEN<<ANNA"
    assert names("Jansen", None, 6) == "JANSEN"


@pytest.mark.parametrize(
    "lines",
    [
        ["p<utoeriksson<<anna<maria<<<<<<<<<<<<<<<<<<<", "l898902c36uto7408122f1204159ze184226b<<<<<10"],
        [f"  {TD3[0]}\r\n", f"{TD3[1]} "],
        ["\n".join(TD3)],
        ["".join(TD3)],
        [TD3[0], "", TD3[1]],
        [TD3[0], "L898902C3 6UTO 740812 2F 120415 9 ZE184226B<<<<<10"],
    ],
)
def test_spaces_line_ends_and_small_letters_are_mended(lines: list[str]) -> None:
    assert parse(lines) == parse(TD3)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [""],
        ["", ""],
        ["P<UTO"],
        [TD3[0], TD3[1][:-1]],
        [TD3[0][:-1], TD3[1] + "<"],
        [TD3[0], TD3[1], TD3[0]],
        [TD3[0], TD2[1]],
        TD1[:2],
        [TD3[0], TD3[1].replace("<", "«")],
        [TD3[0], TD3[1][:-1] + "０"],
        [TD3[0], TD3[1][:-1] + "é"],
        [TD3[0], TD3[1][:-1] + "\x00"],
        [TD3[0][:-1] + "ß", TD3[1]],
        [TD3[0], TD3[1][:-1] + "\ud800"],
        ["<" * 100_000],
        ["<"] * 100_000,
        ["\n" * 200],
        ["data:image/png;base64,iVBORw0KGgoAAAANSUhEUg", TD3[1]],
    ],
)
def test_what_is_no_zone_is_refused_with_advice(lines: list[str]) -> None:
    with pytest.raises(DocumentUnreadable) as refused:
        parse(lines)
    assert refused.value.code == "document-unreadable"
    assert isinstance(refused.value.facts["advice"], str)
    assert not any(line.strip() and line.strip() in str(refused.value.facts) for line in lines)


def test_a_zone_does_not_print_its_characters() -> None:
    assert "ERIKSSON" not in repr(parse(TD3))
    assert "JANSEN" not in repr(FIELDS).upper()


def test_check_digits_of_the_standard() -> None:
    assert of_text("520727") == "3"  # 9303-3, 4.9, first example
    assert of_text("AB2134<<<") == "5"  # second example
    assert of_text("HA672242<658022549601086<<<<<<<<<<<<<<0") == "8"  # composite of TD3
    values = bytes(range(36)) + bytes(3)
    assert of_values(values) == of_long_values(values)


@pytest.mark.parametrize(
    ("text", "year"), [("1974", "1974"), ("1974-08", "1974-08"), ("1974-08-12", "1974-08-12")]
)
def test_dates_of_the_contract(text: str, year: str) -> None:
    parsed = MrzDate.parse(text)
    assert parsed.iso == year
    assert parsed.agrees(MrzDate(1974, 8, 12))
    assert not parsed.agrees(MrzDate(1975, 8, 12))


@pytest.mark.parametrize(
    "text", ["", "74", "1974-8", "1974-13", "1974-02-30", "0000", "1974-08-12T", "١٩٧٤", "1974-08-12-01"]
)
def test_what_is_no_date_of_the_contract(text: str) -> None:
    with pytest.raises(Malformed):
        MrzDate.parse(text)
