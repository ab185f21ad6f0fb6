"""A policy set from texts: the seed, the overlay, and what is refused."""

import pytest

from service.policies import PolicyRefused, Sources, build, seed
from service.policies.model import FILES
from service.policies.rules import merge

PLAIN = seed(demo=False)
DEMO = seed(demo=True)


def test_the_seed_is_strict_and_the_demos_overlay_is_not() -> None:
    plain, demo = build(PLAIN, demo=False), build(DEMO, demo=True)
    assert (plain.risk.parameters.unproven_evidence, plain.risk.parameters.specimens) == ("review", "refuse")
    assert (demo.risk.parameters.unproven_evidence, demo.risk.parameters.specimens) == ("limited", "allow")
    assert (plain.documents.specimens, demo.documents.specimens) == (False, True)
    assert plain.risk.parameters.cap == demo.risk.parameters.cap == 5
    assert plain.limits is plain.codes.limits


def test_the_version_is_the_content_and_is_what_decisions_record() -> None:
    plain = build(PLAIN, demo=False)
    assert plain.version == plain.risk.version == PLAIN.version
    assert seed(demo=False).version == PLAIN.version
    assert DEMO.version != PLAIN.version
    changed = Sources({**PLAIN.texts, "risk.toml": PLAIN.texts["risk.toml"] + "\n# a remark\n"})
    assert changed.version != PLAIN.version


def test_an_overlay_is_for_the_demo_alone() -> None:
    with pytest.raises(PolicyRefused, match="for the demo and tests alone"):
        build(DEMO, demo=False)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("text", ["", "= no toml", "faces = true", "x" * 1_000_001])
def test_a_file_that_is_wrong_is_named(name: str, text: str) -> None:
    with pytest.raises(PolicyRefused, match=rf"^{name}: "):
        build(Sources({**PLAIN.texts, name: text}), demo=False)


def test_missing_and_unknown_files_are_named() -> None:
    with pytest.raises(PolicyRefused, match=r"risk\.toml: is missing"):
        build(Sources({k: v for k, v in PLAIN.texts.items() if k != "risk.toml"}), demo=False)
    with pytest.raises(PolicyRefused, match=r"faces\.toml: is no policy file"):
        build(Sources({**PLAIN.texts, "faces.toml": ""}), demo=False)


def test_only_risk_and_documents_are_overlaid() -> None:
    with pytest.raises(PolicyRefused, match="limits cannot be overlaid"):
        build(Sources({**PLAIN.texts, "demo.toml": "[limits.x]"}), demo=True)
    with pytest.raises(PolicyRefused, match="risk"):
        build(Sources({**PLAIN.texts, "demo.toml": "[risk]\nparameters = 3"}), demo=True)


def test_merging_joins_tables_and_replaces_the_rest() -> None:
    below = {"a": {"x": 1, "y": [1, 2]}, "b": 2}
    assert merge(below, {"a": {"y": [3]}, "c": 4}) == {"a": {"x": 1, "y": [3]}, "b": 2, "c": 4}
    assert below == {"a": {"x": 1, "y": [1, 2]}, "b": 2}


TEST_NUMBERS = '\n[[test_numbers]]\nnumber = "+4915112349999"\ncode = "424242"\nuntil = 2020-01-31\n'


def test_test_numbers_are_refused_in_production_unless_allowed() -> None:
    """Expired ones too: what is in force says what it means."""
    texts = {**PLAIN.texts, "limits.toml": PLAIN.texts["limits.toml"] + TEST_NUMBERS}
    with pytest.raises(PolicyRefused, match=r"limits\.toml: test_numbers .* SIMWARD_ALLOW_TEST_NUMBERS=true"):
        build(Sources(texts), demo=False)
    for built in (
        build(Sources(texts), demo=True),
        build(Sources(texts), demo=False, allows_test_numbers=True),
    ):
        assert set(built.codes.test_numbers) == {"+4915112349999"}


def test_an_empty_list_of_test_numbers_is_none() -> None:
    empty = "test_numbers = []\n" + PLAIN.texts["limits.toml"]
    assert not build(Sources({**PLAIN.texts, "limits.toml": empty}), demo=False).codes.test_numbers
