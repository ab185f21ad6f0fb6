"""The rule language: what it computes, how it explains, what it refuses."""

from fractions import Fraction

import pytest

from service.risk.model import Fact, RuleError, Type
from service.risk.rules import RuleFailed, Unknown, Vocabulary, compile_expression
from service.risk.rules.compiler import shown

INT, BOOL = Type("int"), Type("bool")
WORDS = Vocabulary(
    {
        "a": INT,
        "b": INT,
        "yes": BOOL,
        "no": BOOL,
        "proof": Type("choice", frozenset({"none", "signed"})),
        "lines.on_document": INT,
    },
    {"cap": INT, "mode": Type("choice", frozenset({"review", "limited"}))},
)
ENV = {
    "a": 7,
    "b": 2,
    "yes": True,
    "no": False,
    "proof": "signed",
    "lines.on_document": 3,
    "cap": 5,
    "mode": "review",
}


def holds(text: str, **values: object) -> bool:
    return compile_expression(text, WORDS).holds({**ENV, **values})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a > 5", True),
        ("5 < a", True),
        ("1 <= b < 3", True),
        ("1 <= a < 3", False),
        ("a + b * 2 == 11", True),
        ("a - b - 1 == 4", True),
        ("-a == 0 - 7", True),
        ("a / b == 7 / 2", True),
        ("a / b > 3 and a / b < 4", True),
        ("a * 100 / 20 == 35", True),
        ("yes and not no", True),
        ("no or yes", True),
        ("yes == True", True),
        ("yes != no", True),
        ('proof == "signed"', True),
        ('proof in ("none", "signed")', True),
        ("proof not in ('none',)", True),
        ("a in (1, 7)", True),
        ("a in (-1, 2)", False),
        ("(a if yes else b) == 7", True),
        ("(a if no else b) == 2", True),
        ('("none" if no else "signed") == proof', True),
        ("min(a, b, 9) == 2", True),
        ("max(a, b) == 7", True),
        ("known(a)", True),
        ("lines.on_document >= cap", False),
        ('mode == "review" and a > cap', True),
        ("a >\n  5", True),
        ("\n  a > 5\n  and yes\n", True),
    ],
)
def test_what_it_computes(text: str, expected: bool) -> None:
    assert holds(text) is expected


def test_an_unknown_signal_is_declared_and_a_guard_protects() -> None:
    with pytest.raises(Unknown) as caught:
        compile_expression("a > 5", WORDS).holds({})
    assert caught.value.signal == "a"
    assert compile_expression("known(a) and a > 5", WORDS).holds({}) is False
    assert compile_expression("not known(a) or a > 5", WORDS).holds({}) is True
    assert compile_expression("a > 5 if known(a) else known(b)", WORDS).holds({"b": 1}) is True


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1 / a > 2", {"a": 0}),
        ("a / (b - 2) > 1", {}),
        ("a * a * a * a > 0", {"a": 10**8}),
        ("a > 5", {"a": "7"}),
        ("a > 5", {"a": True}),
        ("yes", {"yes": 1}),
        ('proof == "none"', {"proof": "face"}),
        ("a > cap", {"cap": None}),
    ],
)
def test_what_fails_at_run_time_is_declared(text: str, values: dict[str, object]) -> None:
    with pytest.raises(RuleFailed):
        holds(text, **values)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("a > 5", [Fact("a", ">", 7, 5, True)]),
        ("5 < a", [Fact("a", ">", 7, 5, True)]),
        ("a > cap", [Fact("a", ">", 7, 5, True)]),
        ("cap < a", [Fact("a", ">", 7, 5, True)]),
        ("a > 5 and b == 2", [Fact("a", ">", 7, 5, True), Fact("b", "==", 2, 2, True)]),
        ("a > 9 or b == 2", [Fact("b", "==", 2, 2, True)]),
        ("a > 9 and b == 2", [Fact("a", ">", 7, 9, False)]),
        ("not a > 9", [Fact("a", ">", 7, 9, False)]),
        ("yes", [Fact("yes", "==", True, True, True)]),
        ("not no", [Fact("no", "==", False, True, False)]),
        ('proof in ("signed", "none")', [Fact("proof", "in", "signed", "none, signed", True)]),
        ("a / b > 3", [Fact("a / b", ">", "3.50", 3, True)]),
        ("1 < b < 3", [Fact("b", ">", 2, 1, True), Fact("b", "<", 2, 3, True)]),
        ("max(a, b) >= cap", [Fact("max(a, b)", ">=", 7, 5, True)]),
        ('mode == "review" and a > 5', [Fact("a", ">", 7, 5, True)]),
    ],
)
def test_it_explains_by_the_comparisons_that_mattered(text: str, facts: list[Fact]) -> None:
    assert list(compile_expression(text, WORDS).explain(ENV)) == facts  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a >",
        "a = 5",
        "a + b",
        "cap > 5",
        "True",
        "unheard > 5",
        "A > 5",
        "a.b > 5",
        "a > 1.5",
        "a > 1e3",
        "a > 5j",
        "a > None",
        "a > b'x'",
        "a > ...",
        "a ** b > 5",
        "a // b > 5",
        "a % b > 5",
        "a << b > 5",
        "a & b == 1",
        "~a == 5",
        "+a == 7",
        "a is 7",
        "a == yes",
        "a > True",
        "yes > no",
        "yes + 1 > 0",
        "-yes == 1",
        "not a",
        "a and b",
        'proof == "face"',
        'proof > "none"',
        'proof == "none" == a',
        "a in (1, 'x')",
        "a in (1, b)",
        "a in ()",
        "a in [1]",
        "a in b",
        "1 < a in (7,)",
        "a if yes else no",
        "(a if b else 1) > 0",
        "(a if yes else 'x') > 0",
        "a / 0 > 1",
        "a / (1 - 1) > 1",
        "1 / 0 > a",
        "a > 1000000001",
        "a > 1000000000 * 1000000000",
        "known(cap)",
        "known(5)",
        "known(a, b)",
        "known(known(a))",
        "known(a=1)",
        "min(a) > 1",
        "max(*a) > 1",
        "abs(a) > 1",
        "__import__('os').system('true') == 0",
        "a.__class__ == 1",
        "yes.real",
        "(lambda: yes)()",
        "[yes for a in b]",
        "(yes := True)",
        "f'{a}' == 'x'",
        "a[0] > 1",
        "{a: 1} == 1",
        "{a}",
        "await a",
        "yield a",
        "yes; no",
        "yes # a remark",
        "yes) or (no",
        "yes\\\n",
        "yes\x00",
        "yеs",
        "a > ٣",
        "1if yes else 2 > 0",
        "'" + "x" * 2000,
        "a > 5 or " * 120 + "yes",
        "(" * 21 + "yes" + ")" * 21,
        "(" * 900,
        "not " * 200 + "yes",
        "-" * 900 + "a > 1",
        " + ".join(["a"] * 30) + " > 1",
        " or ".join(["yes"] * 110),
        "a > " + "9" * 900,
    ],
)
def test_what_it_refuses(text: str) -> None:
    with pytest.raises(RuleError):
        compile_expression(text, WORDS)


def test_the_limits_are_met_exactly() -> None:
    assert compile_expression(" or ".join(["yes"] * 99), WORDS).holds(ENV)
    assert compile_expression("(" * 20 + "yes" + ")" * 20, WORDS).holds(ENV)
    assert compile_expression("not " * 18 + "yes", WORDS).holds(ENV)
    assert compile_expression("yes" + " " * 997, WORDS).holds(ENV)
    with pytest.raises(RuleError):
        compile_expression("yes" + " " * 998, WORDS)


def test_it_knows_what_it_reads() -> None:
    expression = compile_expression("known(a) and b > cap", WORDS)
    assert expression.signals == {"a", "b"}
    assert expression.parameters == {"cap"}


@pytest.mark.parametrize(
    ("value", "text"), [(Fraction(7, 2), "3.50"), (Fraction(-1, 3), "-0.33"), (Fraction(1, 1000), "0.00")]
)
def test_fractions_are_shown_with_two_decimals(value: Fraction, text: str) -> None:
    assert shown(value) == text
