"""docs/assurance.md has the rows of the scheme, the profiles and what each check contributes as the code has them."""

import re

from service.documents.rules.assurance.profiles import PROFILES, Profile
from service.documents.rules.assurance.scheme import BY_CHECK, BY_SOURCE, ROWS
from service.risk.model import Assurance
from tests.house.tree import ROOT, documented

PAGE = "assurance"


def scores(profile: Profile) -> tuple[int, int, int]:
    return profile.activity, profile.fraud, profile.verification


def test_the_table_of_scores_is_the_codes() -> None:
    rows = {name: cells for name, cells in documented(PAGE) if name in ROWS}
    assert rows == {name: (row.part, row.gives, row.why, row.clause) for name, row in ROWS.items()}


def test_the_table_of_contributions_is_the_codes() -> None:
    told = {name: cells[0] for name, cells in documented(PAGE) if len(cells) == 1}
    assert told == {f"{source}.*": text for source, text in BY_SOURCE.items()} | BY_CHECK


def test_every_value_of_the_wire_is_explained() -> None:
    named = [name for name, cells in documented(PAGE) if len(cells) == 2]
    assert named == [value.value for value in Assurance]


def test_the_profiles_are_the_codes() -> None:
    text = (ROOT / "docs" / f"{PAGE}.md").read_text("utf-8")
    rows = re.findall(r"^\| ([LM]\d[A-C]) \| (\w+) \| ([^|]+) \| (\d) \| (\d) \| (\d) \|", text, re.M)
    written = [
        (each.name, each.confidence.value, " ".join(map(str, each.evidence)), *map(str, scores(each)))
        for each in PROFILES
    ]
    assert rows == written
