"""Typed names against the zone, and names as text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.kit.names import Agreement, ZoneNames, names_agree
from service.kit.text import clean, clean_name
from service.kit.transliteration import Table, alternatives, fold, match, transliterate
from service.kit.values import Malformed

AGREE, PARTIAL, DISAGREE = Agreement.AGREE, Agreement.PARTIAL, Agreement.DISAGREE


@pytest.mark.parametrize(
    ("text", "long", "short"),
    [
        ("Müller", "MUELLER", "MULLER"),
        ("Ångström", "AANGSTROEM", "ANGSTROM"),
        ("Straße", "STRASSE", "STRASSE"),
        ("Þórður Ð", "THORDUR<D", "THORDUR<D"),
        ("Muñoz", "MUNOZ", "MUNOZ"),
        ("Ødegård", "OEDEGAARD", "ODEGARD"),
        ("Łukasz Żółć", "LUKASZ<ZOLC", "LUKASZ<ZOLC"),
        ("İpek Işık", "IPEK<ISIK", "IPEK<ISIK"),
        ("Nguyễn Thị", "NGUYEN<THI", "NGUYEN<THI"),
        ("O'Connor-Smith", "OCONNOR<SMITH", "OCONNOR<SMITH"),
        ("Щербаков Юрий", "SHCHERBAKOV<IURII", "SHCHERBAKOV<IURII"),
        ("Cœur", "COEUR", "COEUR"),
        ("Ærø Ĳsbrand Ŧ Ħ ŉ Ŋ", "AEROE<IJSBRAND<T<H<N<N", "AERO<IJSBRAND<T<H<N<N"),
        ("Ñandú Üç Åse", "NANDU<UEC<AASE", "NANDU<UC<ASE"),
        ("Ђорђе Љубица Њ Џ", "DORDE<LJUBITSA<NJ<DZ", "DORDE<LJUBITSA<NJ<DZ"),
        ("محمد عبدالرحيم", "MXHMD<EBDALRXHYM", "MXHMD<EBDALRXHYM"),
        ("فاطمة الزهراء", "FAXTTMXAH<ALZHRAXE", "FAXTTMXAH<ALZHRAXE"),
        ("محمّد", "MXHMMD", "MXHMMD"),
        ("مُحَمَّد", "MXHMMD", "MXHMMD"),
        ("پرویز چنگیز گل", "PRWXYAZ<XCNXGGXYAZ<XGGL", "PRWXYAZ<XCNXGGXYAZ<XGGL"),
        ("ة", "XAH", "XAH"),
        ("ّ", "", ""),
    ],
)
def test_both_tables_of_9303_3_section_6(text: str, long: str, short: str) -> None:
    assert transliterate(text) == long
    assert transliterate(text, Table.SHORT) == short


@pytest.mark.parametrize("text", ["王", "R2D2", "Ελένη", "דוד", "\u0000", "😀", "Aͥ" + "५"])
def test_what_no_table_knows_has_no_transliteration(text: str) -> None:
    assert transliterate(text) is None


JANSEN = ZoneNames("JANSEN", "ANNA<MARIA")


@pytest.mark.parametrize(
    ("family", "given", "zone", "expected"),
    [
        ("Jansen", "Anna Maria", JANSEN, AGREE),
        ("JANSEN", "ANNA-MARIA", JANSEN, AGREE),
        ("Jansen", "Maria Anna", JANSEN, AGREE),
        ("Jansen", "Annamaria", ZoneNames("JANSEN", "ANNAMARIA"), AGREE),
        ("Jansen", "Anna", JANSEN, PARTIAL),
        ("Jansen", "A. M.", JANSEN, PARTIAL),
        ("Anna Maria", "Jansen", JANSEN, PARTIAL),
        ("Jansen", None, JANSEN, PARTIAL),
        ("Janssen", "Anna Maria", JANSEN, DISAGREE),
        ("Jansen", "Eva Maria", JANSEN, DISAGREE),
        ("Jansen", "Bob", JANSEN, DISAGREE),
        ("王", "小明", JANSEN, PARTIAL),
        ("عبدالرحيم", "محمد", ZoneNames("EBDALRXHYM", "MXHMD"), AGREE),
        ("عبدالرحيم", "محمد", ZoneNames("ABDULRAHIM", "MOHAMMED"), PARTIAL),
        ("عبدالرحيم", "محمد", JANSEN, PARTIAL),
        ("Янков", "Юлия", ZoneNames("YANKOV", "YULIYA"), AGREE),
        ("Янков", "Юлия", ZoneNames("IANKOV", "IULIIA"), AGREE),
        ("Єгоров", "Їжак", ZoneNames("YEHOROV", "YIZHAK"), AGREE),
        ("Müller", "Jörg", ZoneNames("MUELLER", "JOERG"), AGREE),
        ("Müller", "Jörg", ZoneNames("MULLER", "JORG"), AGREE),
        ("Müller", "Jörg", ZoneNames("MUXXLLER", "JORG"), AGREE),
        ("Mueller", "Joerg", ZoneNames("MULLER", "JORG"), AGREE),
        ("Muñoz", "Íñigo", ZoneNames("MUNXXOZ", "INXXIGO"), AGREE),
        ("Ødegård", "Åse", ZoneNames("OEDEGAARD", "AASE"), AGREE),
        ("Ødegård", "Åse", ZoneNames("ODEGARD", "ASE"), AGREE),
        ("O'Connor", "Enya", ZoneNames("OCONNOR", "ENYA"), AGREE),
        ("O’Connor", "Enya", ZoneNames("O<CONNOR", "ENYA"), AGREE),
        ("de la Cruz", "José", ZoneNames("DE<LA<CRUZ", "JOSE"), AGREE),
        ("de la Cruz", "José", ZoneNames("DE<LA<ROSA", "JOSE"), DISAGREE),
        ("Suharto", None, ZoneNames("SUHARTO", ""), AGREE),
        ("Siti", "Nurhaliza", ZoneNames("SITI<NURHALIZA", ""), AGREE),
        ("Иванова", "Анна", ZoneNames("IVANOVA", "ANNA"), AGREE),
        ("Гнатюк", "Олексій", ZoneNames("HNATIUK", "OLEKSII"), AGREE),
        ("Nilavadhanananda", "Chayapa Dejthamrong Krasuang",
         ZoneNames("NILAVADHANANANDA", "CHAYAPA<DEJTHAMRONG<K", True), AGREE),
        ("Nilavadhanananda", "Arnpol Petch Charonguang",
         ZoneNames("NILAVADHANANANDA", "ARNPOL<PETCH<CHARONGUAN", True), AGREE),
        ("Bennelong Wooloomooloo Warrandyte Warnambool", "Dingo Potoroo",
         ZoneNames("BENNELONG<WOOLOOMOOLOO<WARRANDYTE<WARNA", "D", True), AGREE),
        ("Jansen", "Anna Maria", ZoneNames("JANSEN", "ANNA<M"), PARTIAL),
        ("Jansen", "Bob", ZoneNames("JANSEN", "A", True), DISAGREE),
    ],
)  # fmt: skip
def test_names_agree(family: str, given: str | None, zone: ZoneNames, expected: Agreement) -> None:
    assert names_agree(family, given, zone) is expected


@given(st.text(max_size=40), st.none() | st.text(max_size=40), st.text("ABZ<", max_size=30), st.booleans())
@settings(max_examples=150)
def test_no_text_makes_the_comparison_fail(
    family: str, given_names: str | None, zone: str, truncated: bool
) -> None:
    primary, _, secondary = zone.partition("<<")
    assert names_agree(family, given_names, ZoneNames(primary, secondary, truncated)) in Agreement


@given(st.text("ÄÖÜÅÑØßabcé'- ", min_size=1, max_size=60))
@settings(max_examples=100)
def test_a_name_matches_what_either_table_writes(text: str) -> None:
    forms = alternatives(text)
    assert forms is not None
    for table in Table:
        written = transliterate(text, table)
        assert written is not None
        if written:
            assert match(forms, written)[0]


def test_folding_joins_what_the_tables_spell_apart() -> None:
    assert fold("MUELLER") == fold("MUXXLLER") == fold("MULLER") == "MULLER"
    assert fold("MUNXXOZ") == "MUNOZ"


def test_matching_many_choices_stays_quick() -> None:
    forms = alternatives("Ü" * 2000)
    assert forms is not None
    assert match(forms, "U" * 2000)[0]
    assert not match(forms, "U" * 1999 + "X")[0]


@pytest.mark.parametrize(
    "name", ["Anna  Maria", "O'Connor", "Jean-Luc", "Nguyễn", "王小明", "محمد", "J. R. R.", "می‌خواهم"]
)
def test_names_of_people_pass(name: str) -> None:
    assert clean_name(name, "/name") == " ".join(name.split())


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "name-empty"),
        (" ", "name-empty"),
        ("A\u202eB", "text-characters"),
        ("A\u200bB", "text-characters"),
        ("A\x00B", "text-characters"),
        ("A\ud800", "text-characters"),
        ("A\U000e0041", "text-characters"),
        ("data:image/png;base64,AAAA", "text-data"),
        ("DATA:x", "text-data"),
        ("A" * 65, "text-encoded"),
        ("A" * 129, "name-length"),
        ("Z͑͗͊̈", "name-characters"),
        ("Robert'); DROP", "name-characters"),
        ("<script>", "name-characters"),
        ("007", "name-characters"),
        ("...", "name-characters"),
        ("\u200cA", "name-characters"),
    ],
)
def test_what_no_name_holds_is_refused(name: str, code: str) -> None:
    with pytest.raises(Malformed) as refused:
        clean_name(name, "/subscriber/family_name")
    assert refused.value.reason == code
    assert not name.strip() or name not in str(refused.value.facts)


def test_free_text_keeps_its_lines_and_composes() -> None:
    assert (
        clean("  Lost on the train.\nSee the report.\te\u0301 ", "/x")
        == "Lost on the train.\nSee the report.\té"
    )


@given(st.text(max_size=200))
@settings(max_examples=150)
def test_cleaning_raises_nothing_but_its_refusal(text: str) -> None:
    for function in (clean, clean_name):
        try:
            cleaned = function(text, "/x")
        except Malformed:
            continue
        assert function(cleaned, "/x") == cleaned
