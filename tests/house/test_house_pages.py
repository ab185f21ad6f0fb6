"""Refusals, events, limits and settings: the pages say what the code does, in both directions."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator

import pytest

from service.dealers.model import QUOTA
from service.events import EventName
from service.kit.errors import Kind, Refusal
from service.limits.model import SHARED, Limit
from service.settings import Settings
from service.web.problems import STATUS
from tests.house.tree import ROOT, documented, import_everything, names_on, parsed, python

PAGES = ("refusals", "events", "limits", "settings", "jobs")
INTERNAL = "internal"
"""The code of a 500, which is no refusal; the edge writes it itself."""

CONTRACT = frozenset(
    """unauthenticated scope-missing dealer-mismatch dealer-suspended not-found state-conflict evidence-missing
    number-in-use sim-in-use number-in-quarantine idempotency-in-progress otp-expired otp-exhausted
    registration-expired too-large unsupported-media invalid-request idempotency-key-reused otp-rejected
    number-not-allowed agent-unknown sim-not-in-stock document-unreadable biometric-refused purpose-not-enabled
    category-not-enabled limit-exceeded unavailable""".split()  # noqa: SIM905 - compared with the contract as a block
)
"""The codes of v1's contract."""


def _below(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for child in kind.__subclasses__():
        if child.__module__.startswith("service."):
            yield child
        yield from _below(child)


def refusals() -> list[type[Refusal]]:
    import_everything()
    return list(_below(Refusal))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_nothing_twice(page: str) -> None:
    twice = [name for name, count in Counter(names_on(page)).items() if count > 1]
    assert page == "jobs" or not twice, twice


def test_a_code_has_one_kind() -> None:
    kinds: dict[str, set[Kind]] = {}
    for refusal in refusals():
        kinds.setdefault(refusal.code, set()).add(refusal.kind)
    assert {code: found for code, found in kinds.items() if len(found) > 1} == {}


def test_every_refusal_says_its_own_code_and_title() -> None:
    bare = [
        each.__qualname__ for each in refusals() if each.code == Refusal.code or each.title == Refusal.title
    ]
    assert not bare, bare


def test_refusals_and_their_page_agree() -> None:
    assert {each.code for each in refusals()} | {INTERNAL} == set(names_on("refusals"))


def test_the_page_gives_the_status_that_is_answered() -> None:
    said = {code: cells[0] for code, cells in documented("refusals")}
    assert {each.code: str(STATUS[each.kind]) for each in refusals()} | {INTERNAL: "500"} == said


def test_every_code_of_the_contract_is_on_the_page() -> None:
    assert not CONTRACT - set(names_on("refusals"))


def test_what_is_documented_is_raised() -> None:
    """Each refusal is built somewhere, or stands under "Not yet built"."""
    built = {
        ast.unparse(node.func).rsplit(".", 1)[-1]
        for name in python("service/")
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Call)
    }
    page = (ROOT / "docs/refusals.md").read_text("utf-8")
    later = set(re.findall(r"^\| `([^`]+)`", page.partition("## Not yet built")[2], re.M))
    codes = {each.code for each in refusals()}
    raised = {each.code for each in refusals() if each.__name__ in built}
    assert codes - raised == later & codes


def test_events_and_their_page_agree() -> None:
    assert {name.value for name in EventName} == set(names_on("events"))


def test_every_event_is_emitted() -> None:
    used = {
        node.attr
        for name in python("service/")
        if not str(name).startswith(
            ("service/events.py", "service/risk/", "service/demo/", "service/worker.py")
        )
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "EventName"
    }
    assert {each.name for each in EventName} == used


def test_who_is_told_is_as_the_page_says() -> None:
    from service.risk.jobs import FOLLOWED

    said = {name for name, cells in documented("events") if "risk" in cells[2].split(", ")}
    assert {name.value for name in FOLLOWED} == said


def test_limits_and_their_page_agree() -> None:
    assert {limit.value for limit in Limit} | {QUOTA} | _limits_of_refusals() == set(names_on("limits"))


def _limits_of_refusals() -> set[str]:
    """Names that are given to ``LimitExceeded`` as they are, outside the catalogue."""
    return {
        str(node.args[0].value)
        for name in python("service/")
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "LimitExceeded"
        and isinstance(node.args[0], ast.Constant)
    }


def test_the_page_says_which_limits_are_shared() -> None:
    said = {name for name, cells in documented("limits") if cells[3] == "yes"}
    assert said == {limit.value for limit in SHARED}


def test_the_page_gives_the_seed_version() -> None:
    """``5 in 1 h`` for each window, the waits of each schedule."""
    seed = tomllib.loads((ROOT / "service/policy/limits.toml").read_text("utf-8"))["limits"]
    said = {name: cells[2] for name, cells in documented("limits")}
    for name, table in seed.items():
        told = [part.strip() for part in said[name].split(";")]
        assert told == [_in_words(bucket) for bucket in table["buckets"]], name
    assert set(seed) == {limit.value for limit in Limit}


def _in_words(bucket: dict[str, object]) -> str:
    def spaced(text: object) -> str:
        amount, unit = re.fullmatch(r"(\d+)([smhd])", str(text)).groups()  # type: ignore[union-attr]  # it has that form
        return f"{amount} {'min' if unit == 'm' else unit}"

    if bucket["kind"] == "window":
        return f"{bucket['count']} in {spaced(bucket['period'])}"
    waits = ", ".join(spaced(each) for each in bucket["waits"])  # type: ignore[attr-defined]  # a list of TOML
    return f"waits {waits}, forgotten after {spaced(bucket['quiet'])}"


def test_settings_and_their_page_agree() -> None:
    assert {f"SIMWARD_{name.upper()}" for name in Settings.model_fields} == set(names_on("settings"))


def test_the_page_gives_defaults_and_meanings() -> None:
    for name, (default, meaning) in documented("settings"):
        field = Settings.model_fields[name.removeprefix("SIMWARD_").lower()]
        assert default == _shown(field.default), name
        assert meaning == field.description, name


def _shown(value: object) -> str:
    plain = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    if plain in (None, ""):
        return "none"
    if isinstance(plain, bool):
        return f"`{str(plain).lower()}`"
    return f"`{plain}`"
