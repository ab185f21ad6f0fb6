"""Any text is read or refused; what is composed reads back; one wrong character of a field is found."""

import tomllib
from datetime import date, timedelta
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

import service
from service.documents import rules
from service.documents.model import Answers
from service.kit.checks import CheckOutcome
from service.kit.mrz import DocumentUnreadable, Layout, MrzDate, MrzFields, birth_date, check, compose, parse
from service.kit.mrz.digits import ALPHABET
from service.kit.mrz.layout import NATIONAL, POSITIONS
from service.kit.names import Agreement, names_agree
from service.kit.transliteration import Table

TODAY = date(2026, 11, 23)
CODES = {
    Layout.TD1: ("I", "A", "C", "ID", "IR"),
    Layout.TD2: ("I", "A", "C", "ID"),
    Layout.TD3: ("P", "PD", "PO"),
    Layout.MRV_A: ("V", "VB"),
    Layout.MRV_B: ("V", "VC"),
}
ZONE = ALPHABET.decode()
PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
NAME = st.text("ABCDEYZÄÖÜÅÑØßéžЖщ", min_size=1, max_size=14)


@st.composite
def people(draw: st.DrawFn, layout: Layout) -> MrzFields:
    longest = {Layout.TD1: 22, Layout.TD2: 14}.get(layout, 9)
    number = draw(st.text(PLAIN, min_size=1, max_size=longest))
    spare = 0 if len(number) > 9 else 7
    return MrzFields(
        document_code=draw(st.sampled_from(CODES[layout])),
        issuing_state=draw(st.sampled_from(("NLD", "D", "UTO", "RKS", "UNO"))),
        family_name=" ".join(draw(st.lists(NAME, min_size=1, max_size=4))),
        given_names=" ".join(draw(st.lists(NAME, max_size=4))) or None,
        document_number=number,
        nationality=draw(st.sampled_from(("NLD", "D", "XXA", "GBN"))),
        birth_date=MrzDate.of(TODAY - timedelta(days=draw(st.integers(0, 36_000)))),
        sex=draw(st.sampled_from("MF<X")),
        expiry_date=TODAY + timedelta(days=draw(st.integers(0, 3_650))),
        optional=draw(st.text(PLAIN, max_size=spare)),
        optional_2=draw(st.text(PLAIN, max_size=11)) if layout is Layout.TD1 else "",
    )


@st.composite
def zones(draw: st.DrawFn) -> tuple[Layout, MrzFields, tuple[str, ...]]:
    layout = draw(st.sampled_from(sorted(CODES)))
    fields = draw(people(layout))
    return layout, fields, compose(layout, fields, draw(st.sampled_from(Table)))


@given(zones())
@settings(max_examples=150, deadline=None)
def test_what_is_composed_reads_back(zone: tuple[Layout, MrzFields, tuple[str, ...]]) -> None:
    layout, fields, lines = zone
    mrz = parse(lines)
    assert mrz.layout is layout
    assert [result for result in check(mrz, TODAY) if result.outcome is not CheckOutcome.PASS] == []
    assert mrz.document_number == fields.document_number
    assert (mrz.document_code, mrz.issuing_state, mrz.nationality) == (
        fields.document_code,
        fields.issuing_state,
        fields.nationality,
    )
    assert birth_date(mrz.birth_date, TODAY) == fields.birth_date
    assert mrz.optional == fields.optional
    assert names_agree(fields.family_name, fields.given_names, mrz.names) is Agreement.AGREE


@given(zones(), st.data())
@settings(max_examples=150, deadline=None)
def test_one_wrong_character_of_a_field_is_found(
    zone: tuple[Layout, MrzFields, tuple[str, ...]], data: st.DataObject
) -> None:
    """Weights 7, 3 and 1 have no factor in common with 10, so a change of less than ten in value is always seen.

    A digit for a digit is such a change; a letter for one ten further (A for K, 0 for A) is not, and is not claimed.
    """
    layout, _, lines = zone
    text = "".join(lines)
    at = POSITIONS[layout]
    places = [
        place
        for field in (at.document_number, at.birth_date, at.expiry_date)
        for place in range(field.start, field.stop)
        if text[place].isdigit()
    ]
    place = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != text[place]]))
    found = check(parse([text[:place] + other + text[place + 1 :]]), TODAY)
    assert any(result.id.endswith("_digit") and result.outcome is CheckOutcome.FAIL for result in found)


@given(st.lists(st.text(max_size=60), max_size=5))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    try:
        mrz = parse(lines)
    except DocumentUnreadable:
        return
    check(mrz, TODAY)


@given(st.sampled_from([(3, 30), (2, 36), (2, 44)]), st.data())
@settings(max_examples=300, deadline=None)
def test_any_characters_of_a_zone_are_judged(shape: tuple[int, int], data: st.DataObject) -> None:
    """Reading the fields of a zone that is nonsense never raises, whatever its check digits say."""
    lines = [data.draw(st.text(ZONE, min_size=shape[1], max_size=shape[1])) for _ in range(shape[0])]
    mrz = parse(lines)
    found = check(mrz, TODAY)
    assert found
    for field in (
        "document_code",
        "document_number",
        "optional",
        "optional_2",
        "names",
        "sex",
        "issuing_state",
    ):
        assert getattr(mrz, field) is not None
    assert names_agree("Jansen", "Anna", mrz.names) in Agreement


POLICY = rules.load_policy(
    tomllib.loads((Path(service.__file__).parent / "policy/documents.toml").read_text("utf-8"))
)
SEEDS = (
    ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"),
    ("I<UTOD23145890<7349<<<<<<<<<<<", "3407127M9507122UTO<<<<<<<<<<<2", "STEVENSON<<PETER<JOHN<<<<<<<<<"),
    ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"),
    ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<"),
    ("IDFRABERTHIER<<<<<<<<<<<<<<<<<<<<<<<", "8806923102858CORINNE<<<<<<<6512068F6"),
    ("D1FRA13AA000026181231MARTIN<<9",),
    ("AAA001D<<", "FACHE305142128097<<800126<<<<<", "MARCHAND<<FABIENNE<<<<<<<<<<<<"),
)


def judged(lines: tuple[str, ...]) -> bool:
    """Read, judge and compare as the service does; False where the lines are refused."""
    try:
        mrz = parse(lines)
    except DocumentUnreadable:
        return False
    facts = rules.facts_of(mrz, POLICY, TODAY)
    findings = rules.findings_of_mrz(
        mrz, facts, {"family_name": "Jansen", "birth_date": "1974"}, POLICY, TODAY
    )
    assert all(rules.describe(result) for result in rules.conclude(findings, Answers()).checks)
    rules.identity_of(facts)
    rules.complete({}, facts)
    assert "".join(mrz.lines) == mrz.text
    return True


@given(st.sampled_from(sorted(NATIONAL)), st.data())
@settings(max_examples=150, deadline=None)
def test_any_characters_of_a_national_zone_are_judged(layout: Layout, data: st.DataObject) -> None:
    at = POSITIONS[layout]
    prefix = {"id_fra": "IDFRA", "dl_fra": "D1FRA", "dl_che": "FACHE"}[layout]
    body = data.draw(st.text(ZONE, min_size=at.size, max_size=at.size))
    text = body[: at.code.start] + prefix + body[at.issuer.stop :]
    assert parse([text]).layout is layout
    assert judged((text,))


def test_broken_zones_and_random_bytes_are_judged_or_refused() -> None:
    """Samples with characters changed, lost, doubled and swapped, and bytes of no meaning: the same every time."""
    dice = Random(9303)
    read = 0
    for _ in range(4000):
        lines = list(dice.choice(SEEDS))
        for _ in range(dice.randrange(4)):
            line = dice.randrange(len(lines))
            at = dice.randrange(len(lines[line]) + 1)
            with_it = dice.choice([*ZONE, "", "<<", "\u212a", "\x00", "é", "\udc80", "٣", " "])
            lines[line] = lines[line][:at] + with_it + lines[line][at + dice.randrange(2) :]
        if not dice.randrange(8):
            dice.shuffle(lines)
        read += judged(tuple(lines))
    for _ in range(1000):
        raw = dice.randbytes(dice.choice((1, 30, 60, 72, 88, 90, 256, 4096)))
        judged(tuple(raw.decode("utf-8", "surrogateescape").split("\n", 6)))
        judged((raw.decode("latin-1"),))
    assert 1500 < read < 4000
