"""Any text either compiles or is refused as RuleError; whatever compiles gives a value or a declared failure."""

from hypothesis import given, settings
from hypothesis import strategies as st

from service.risk.model import RuleError, Type
from service.risk.rules import EvaluationError, Vocabulary, compile_expression
from service.risk.rules.compiler import MAX_NUMBER

INT, BOOL = Type("int"), Type("bool")
PROOF = Type("choice", frozenset({"none", "signed"}))
WORDS = Vocabulary({"a": INT, "b": INT, "yes": BOOL, "proof": PROOF}, {"cap": INT})

_ATOMS = [
    "a",
    "b",
    "yes",
    "proof",
    "cap",
    "known(a)",
    "known(yes)",
    "1",
    "0",
    "7",
    "1000000000",
    "True",
    "False",
]
_ATOMS += ['"none"', '"signed"', '"face"', "(1, 2)", '("none",)', "1.5", "None", "x", "a.b", "()", "[]"]
_GLUE = [
    " and ",
    " or ",
    " + ",
    " - ",
    " * ",
    " / ",
    " < ",
    " >= ",
    " == ",
    " != ",
    " in ",
    " not in ",
    " ** ",
    ", ",
    "",
]


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(_GLUE), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"not {text}"),
        inner.map(lambda text: f"-{text}"),
        st.tuples(inner, inner).map(lambda pair: f"max({pair[0]}, {pair[1]})"),
        st.tuples(inner, inner, inner).map(lambda three: f"({three[0]} if {three[1]} else {three[2]})"),
        inner.map(lambda text: f"known({text})"),
    )


SHAPED = st.recursive(st.sampled_from(_ATOMS), _grow, max_leaves=25)
NUMBERS = st.one_of(st.none(), st.integers(-10, 10), st.integers(-(10**15), 10**15))
ENVS = st.fixed_dictionaries(
    {
        "a": NUMBERS,
        "b": NUMBERS,
        "yes": st.one_of(st.none(), st.booleans()),
        "proof": st.one_of(st.none(), st.sampled_from(["none", "signed", "face"])),
        "cap": st.integers(0, 100),
    }
)


def check(text: str, env: dict[str, object]) -> None:
    try:
        expression = compile_expression(text, WORDS)
    except RuleError:
        return
    assert len(text) <= 1_000
    try:
        outcome = expression.holds(env)  # type: ignore[arg-type]
        facts = expression.explain(env)  # type: ignore[arg-type]
    except EvaluationError:
        return
    assert type(outcome) is bool
    for fact in facts:
        for value in (fact.value, fact.threshold):
            assert type(value) in (int, bool, str)
            assert type(value) is not int or abs(value) <= MAX_NUMBER


@given(text=st.text(max_size=1_200), env=ENVS)
@settings(max_examples=100, deadline=None)
def test_any_text(text: str, env: dict[str, object]) -> None:
    check(text, env)


@given(text=st.text("ab()[]{}'\"\\\n\t #.,:=<>+-*/%&|^~!@0123456789eExXjJ_f", max_size=300), env=ENVS)
@settings(max_examples=100, deadline=None)
def test_any_line_noise(text: str, env: dict[str, object]) -> None:
    check(text, env)


@given(text=SHAPED, env=ENVS)
@settings(max_examples=300, deadline=None)
def test_anything_that_looks_like_a_rule(text: str, env: dict[str, object]) -> None:
    check(text, env)


@given(
    unit=st.sampled_from(
        ["(", "[", "{", "-", "not ", "a+", "a if yes else ", "a.", "known(", "max(a,", "yes and(", "~", "a<"]
    ),
    times=st.integers(1, 1_000),
    tail=st.sampled_from(["", "a", "yes", "yes)"]),
)
@settings(max_examples=100, deadline=None)
def test_depth_never_breaks_the_parser(unit: str, times: int, tail: str) -> None:
    check((unit * times)[:990] + tail, {"a": 1, "b": 2, "yes": True, "proof": "none", "cap": 5})
