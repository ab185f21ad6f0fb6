"""Refusals, events, limits and settings: the pages say what the code does, in both directions."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from service.dealers.model import QUOTA
from service.events import EventName
from service.kit.errors import Kind, Refusal
from service.limits.model import DIMENSION, SHARES, Bucket, Dimension, Limit, Share, Stage
from service.limits.rules import BLOCKS
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
    from service.response.jobs import FOLLOWED as RESPONSE
    from service.risk.jobs import FOLLOWED as RISK

    for who, followed in (("risk", RISK), ("response", RESPONSE)):
        said = {name for name, cells in documented("events") if who in cells[2].split(", ")}
        assert {name.value for name in followed} == said


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


def codes_limits() -> dict[str, tuple[str, ...]]:
    """Cells of the limits of codes: counts, keyed by, seed, share, stage."""
    known = {limit.value for limit in Limit}
    return {name: cells for name, cells in documented("limits") if name in known}


def test_the_page_says_who_charges_a_limit() -> None:
    said = {name: cells[3] for name, cells in codes_limits().items()}
    assert said == {limit.value: SHARES.get(limit, Share.OWN).value for limit in Limit}


_PARTS = {
    Dimension.OPERATOR: "operator",
    Dimension.CLIENT: "operator, client",
    Dimension.DEALER: "operator, client, dealer",
    Dimension.MSISDN: "operator, client, number",
    Dimension.MSISDN_EVERYWHERE: "number",
    Dimension.MSISDN_OPERATOR: "operator, number",
    Dimension.IP: "operator, client, address",
    Dimension.IP_OPERATOR: "operator, address",
    Dimension.NETWORK: "operator, client, network",
    Dimension.DEVICE: "operator, client, device",
    Dimension.BLOCK: "operator, client, block",
    Dimension.BLOCK_OPERATOR: "operator, block",
    Dimension.COUNTRY: "operator, client, country",
    Dimension.COUNTRY_OPERATOR: "operator, country",
    Dimension.HUNDRED: "operator, number without its last two digits",
}


def test_the_page_says_what_a_limit_is_keyed_by() -> None:
    said = {name: cells[1] for name, cells in codes_limits().items()}
    assert said == {limit.value: _PARTS[DIMENSION[limit]] for limit in Limit}


def test_the_page_gives_the_seed_version() -> None:
    """``window: 5 in 1 h`` for each bucket, and the stage."""
    seed = tomllib.loads((ROOT / "service/policy/limits.toml").read_text("utf-8"))["limits"]
    said = codes_limits()
    for name, table in seed.items():
        told = [part.strip() for part in said[name][2].split(";")]
        assert told == [_in_words(bucket) for bucket in table["buckets"]], name
        assert said[name][4] == table.get("stage", "enforced"), name
    rest = {name: (cells[2], cells[4]) for name, cells in said.items() if name not in seed}
    assert rest.pop(Limit.OTP_MONEY_PER_DAY.value) == ("purse", "always")
    assert rest == {limit.value: ("block", "always") for limit in BLOCKS}


def _in_words(bucket: dict[str, Any]) -> str:
    def spaced(text: str) -> str:
        amount, unit = text[:-1], text[-1]
        return f"{amount} {'min' if unit == 'm' else unit}"

    match bucket["kind"]:
        case "window":
            words = f"{bucket['count']} in {spaced(bucket['period'])}"
        case "gcra":
            words = f"{bucket['count']} in {spaced(bucket['period'])}, {bucket['burst']} at once"
        case "schedule":
            waits = ", ".join(spaced(each) for each in bucket["waits"])
            words = f"waits {waits}, forgotten after {spaced(bucket['quiet'])}"
        case "streak":
            words = f"{bucket['count']} in a row"
        case _:
            words = f"{bucket['floor']} or {bucket['per_cent']} % in {spaced(bucket['period'])}"
    return f"{bucket['kind']}: {words}"


def test_the_page_explains_every_kind_and_every_stage() -> None:
    page = (ROOT / "docs/limits.md").read_text("utf-8")
    kinds = page.partition("## Kinds of bucket")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| (\w+) \|", kinds, re.M)) - {"kind"} == {
        kind.__name__.lower() for kind in get_args(Bucket)
    }
    stages = page.partition("## Stages")[2].partition("\n## ")[0]
    assert {word for word in re.findall(r"`(\w+)`", stages) if word != "stage"} == {
        each.value for each in Stage if each is not Stage.COUNTED
    }
    shares = page.partition("## What is told to whom")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| (\w+) \|", shares, re.M)) - {"share"} == {each.value for each in Share}


def test_every_requirement_names_tests_that_there_are() -> None:
    """``path::name`` in the table of standards."""
    page = (ROOT / "docs/otp-standards.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if re.match(r"\| (§|V)", line)]
    named = {line: re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", line) for line in rows}
    assert len(rows) >= 25
    # Met or partly met: by a test; not met or without an object here: by a sentence that says so.
    assert all(tests or re.search(r"\| (not met|no object):", line) for line, tests in named.items()), named
    for line, tests in named.items():
        for path, name in tests:
            found = {
                node.name
                for node in ast.walk(parsed(Path(path)))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            assert name in found, line
    asvs = set(re.findall(r"^\| V(6\.[56]\.\d)", page, re.M))
    assert asvs == {f"6.5.{n}" for n in range(1, 9)} | {f"6.6.{n}" for n in range(1, 5)}


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
