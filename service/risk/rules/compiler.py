"""From a bounded tree of the rule language to closures that compute and explain it.

Every kind of node that is not named here is refused. Types are checked once, here, so that what runs later
can only meet the failures that ``language`` declares.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from service.risk.model import Fact, RuleError, Type, Value
from service.risk.model.catalogue import BOOL, INT
from service.risk.rules.language import (
    MAX_DEPTH,
    Env,
    EvaluationError,
    Explain,
    Expression,
    Number,
    RuleFailed,
    Run,
    Unknown,
    Vocabulary,
    parse,
)

MAX_LITERAL = 10**9
MAX_NUMBER = 10**15


@dataclass(frozen=True, slots=True)
class _Node:
    """A compiled part. ``is_constant``: it mentions no name, so that it is computed once."""

    type: Type
    run: Run
    explain: Explain
    text: str
    signals: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()

    @property
    def is_constant(self) -> bool:
        return not self.signals and not self.parameters


def compile_expression(text: str, vocabulary: Vocabulary) -> Expression:
    """Compile a condition. Anything that is not acceptable is :class:`RuleError`, whatever the text."""
    body = parse(text)
    node = _Compiler(vocabulary).compile(body, 1)
    if node.type != BOOL:
        raise RuleError("a condition is true or false, and this is not")
    if not node.signals:
        raise RuleError("a condition reads at least one signal")
    return Expression(text, node.signals, node.parameters, node.run, node.explain)


def _bounded(value: Number) -> Number:
    if isinstance(value, Fraction):
        if value.denominator == 1:
            value = value.numerator
        elif abs(value.numerator) > MAX_NUMBER or value.denominator > MAX_NUMBER:
            raise RuleFailed("a number is out of bounds")
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise RuleFailed("a number is out of bounds")
    return value


def _divide(left: Number, right: Number) -> Number:
    if right == 0:
        raise RuleFailed("division by zero")
    return Fraction(left) / Fraction(right)


_ARITHMETIC: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divide,
}
_COMPARISONS: Mapping[type[ast.cmpop], tuple[str, Callable[[object, object], bool]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", cast("Callable[[object, object], bool]", operator.lt)),
    ast.LtE: ("<=", cast("Callable[[object, object], bool]", operator.le)),
    ast.Gt: (">", cast("Callable[[object, object], bool]", operator.gt)),
    ast.GtE: (">=", cast("Callable[[object, object], bool]", operator.ge)),
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_NAME = re.compile(r"[a-z][a-z0-9_.]*")


def shown(value: object) -> Value:
    """A value as it is kept in a fact: a fraction becomes text with two decimals."""
    if isinstance(value, Fraction):
        hundredths = round(value * 100)
        sign = "-" if hundredths < 0 else ""
        return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"
    return cast(Value, value)


def _nothing(_: Env) -> tuple[Fact, ...]:
    return ()


def _names(nodes: Sequence[_Node]) -> tuple[frozenset[str], frozenset[str]]:
    signals: frozenset[str] = frozenset().union(*(n.signals for n in nodes))
    return signals, frozenset().union(*(n.parameters for n in nodes))


class _Compiler:
    """One visit of the tree, from the leaves up; every kind of node that is not named here is refused."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def compile(self, tree: ast.expr, depth: int) -> _Node:
        if depth > MAX_DEPTH:
            raise RuleError(f"nested deeper than {MAX_DEPTH}")
        match tree:
            case ast.Constant():
                node = self.constant(tree)
            case ast.Name() | ast.Attribute():
                node = self.name(tree)
            case ast.BoolOp():
                node = self.both(tree, depth)
            case ast.UnaryOp():
                node = self.unary(tree, depth)
            case ast.BinOp():
                node = self.arithmetic(tree, depth)
            case ast.Compare():
                node = self.compare(tree, depth)
            case ast.IfExp():
                node = self.either(tree, depth)
            case ast.Call():
                node = self.call(tree, depth)
            case _:
                raise RuleError(f"{type(tree).__name__} is not part of the language")
        return self.folded(node)

    @staticmethod
    def folded(node: _Node) -> _Node:
        """A part that mentions no name is computed now, and refused now."""
        if not node.is_constant:
            return node
        try:
            value = node.run({})
        except EvaluationError as error:
            raise RuleError(f"{node.text}: {error}") from None
        return _Node(node.type, lambda _: value, _nothing, node.text)

    def want(self, tree: ast.expr, depth: int, wanted: Type) -> _Node:
        node = self.compile(tree, depth + 1)
        if node.type.kind != wanted.kind:
            raise RuleError(f"{node.text} is {node.type.kind} where {wanted.kind} is needed")
        return node

    @staticmethod
    def constant(tree: ast.Constant) -> _Node:
        value = tree.value
        if type(value) is bool:
            kind = BOOL
        elif type(value) is int:
            if value > MAX_LITERAL:
                raise RuleError(f"a number is larger than {MAX_LITERAL}")
            kind = INT
        elif type(value) is str:
            kind = Type("choice", frozenset({value}))
        else:
            raise RuleError("literals are whole numbers, True, False and codes")
        return _Node(kind, lambda _: value, _nothing, ast.unparse(tree))

    def dotted(self, tree: ast.expr) -> str:
        parts: list[str] = []
        while isinstance(tree, ast.Attribute):
            parts.append(tree.attr)
            tree = tree.value
        if not isinstance(tree, ast.Name):
            raise RuleError("only names may be dotted")
        name = ".".join([tree.id, *reversed(parts)])
        if not _NAME.fullmatch(name) or self.vocabulary.type_of(name) is None:
            raise RuleError(f"there is no signal or parameter {name}")
        return name

    def name(self, tree: ast.Name | ast.Attribute) -> _Node:
        name = self.dotted(tree)
        kind = cast(Type, self.vocabulary.type_of(name))
        is_signal = name in self.vocabulary.signals

        def run(env: Env) -> object:
            value = env.get(name)
            if value is None:
                raise Unknown(name) if is_signal else RuleFailed(f"parameter {name} is missing")
            if not kind.holds(value):
                raise RuleFailed(f"{name} has a value that it cannot have")
            return value

        def explain(env: Env) -> tuple[Fact, ...]:
            value = cast(bool, run(env))
            return (Fact(name, "==", value, True, value),)

        mine = frozenset({name})
        return _Node(
            kind,
            run,
            explain if kind == BOOL and is_signal else _nothing,
            name,
            mine if is_signal else frozenset(),
            frozenset() if is_signal else mine,
        )

    def both(self, tree: ast.BoolOp, depth: int) -> _Node:
        """``and`` stops at the first false, ``or`` at the first true, so that a guard protects what follows."""
        parts = tuple(self.want(value, depth, BOOL) for value in tree.values)
        stops_at = isinstance(tree.op, ast.Or)

        def run(env: Env) -> bool:
            for part in parts:
                if part.run(env) is stops_at:
                    return stops_at
            return not stops_at

        def explain(env: Env) -> tuple[Fact, ...]:
            facts: tuple[Fact, ...] = ()
            for part in parts:
                if part.run(env) is stops_at:
                    return part.explain(env)
                facts += part.explain(env)
            return facts

        return _Node(BOOL, run, explain, ast.unparse(tree), *_names(parts))

    def unary(self, tree: ast.UnaryOp, depth: int) -> _Node:
        if isinstance(tree.op, ast.Not):
            inner = self.want(tree.operand, depth, BOOL)
            return _Node(
                BOOL, lambda env: not inner.run(env), inner.explain, ast.unparse(tree), *_names([inner])
            )
        if isinstance(tree.op, ast.USub):
            inner = self.want(tree.operand, depth, INT)
            return _Node(
                INT, lambda env: -cast(Number, inner.run(env)), _nothing, ast.unparse(tree), *_names([inner])
            )
        raise RuleError(f"{type(tree.op).__name__} is not part of the language")

    def arithmetic(self, tree: ast.BinOp, depth: int) -> _Node:
        compute = _ARITHMETIC.get(type(tree.op))
        if compute is None:
            raise RuleError(f"{type(tree.op).__name__} is not part of the language")
        left, right = self.want(tree.left, depth, INT), self.want(tree.right, depth, INT)
        if isinstance(tree.op, ast.Div) and right.is_constant and right.run({}) == 0:
            raise RuleError(f"{right.text}: division by zero")

        def run(env: Env) -> Number:
            return _bounded(compute(cast(Number, left.run(env)), cast(Number, right.run(env))))

        return _Node(INT, run, _nothing, ast.unparse(tree), *_names([left, right]))

    def either(self, tree: ast.IfExp, depth: int) -> _Node:
        test = self.want(tree.test, depth, BOOL)
        yes = self.compile(tree.body, depth + 1)
        no = self.want(tree.orelse, depth, yes.type)
        kind = Type(yes.type.kind, yes.type.values | no.type.values)

        def chosen(env: Env) -> _Node:
            return yes if test.run(env) else no

        return _Node(
            kind,
            lambda env: chosen(env).run(env),
            lambda env: test.explain(env) + chosen(env).explain(env),
            ast.unparse(tree),
            *_names([test, yes, no]),
        )

    def call(self, tree: ast.Call, depth: int) -> _Node:
        function = tree.func.id if isinstance(tree.func, ast.Name) else None
        if tree.keywords or any(isinstance(arg, ast.Starred) for arg in tree.args):
            raise RuleError("functions take plain arguments")
        if function == "known" and len(tree.args) == 1:
            return self.known(tree)
        if function not in ("min", "max") or not 2 <= len(tree.args) <= 10:
            raise RuleError("the functions are known(signal), min(a, b, …) and max(a, b, …)")
        args = tuple(self.want(arg, depth, INT) for arg in tree.args)
        pick = min if function == "min" else max

        def run(env: Env) -> Number:
            return pick([cast(Number, arg.run(env)) for arg in args])

        return _Node(INT, run, _nothing, ast.unparse(tree), *_names(args))

    def known(self, tree: ast.Call) -> _Node:
        name = self.dotted(tree.args[0])
        if name not in self.vocabulary.signals:
            raise RuleError(f"{name} is a parameter: it is always known")
        return _Node(
            BOOL, lambda env: env.get(name) is not None, _nothing, ast.unparse(tree), frozenset({name})
        )

    def compare(self, tree: ast.Compare, depth: int) -> _Node:
        """Each side is computed once, from the left, up to the first comparison that does not hold."""
        sides = [self.compile(tree.left, depth + 1)]
        links: list[_Link] = []
        for op, right in zip(tree.ops, tree.comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn):
                if len(tree.ops) > 1:
                    raise RuleError("in is not chained")
                return self.membership(tree, sides[0], right, isinstance(op, ast.In), depth)
            if type(op) not in _COMPARISONS:
                raise RuleError(f"{type(op).__name__} is not part of the language")
            sides.append(self.compile(right, depth + 1))
            links.append(_link(sides[-2], sides[-1], *_COMPARISONS[type(op)]))

        def run(env: Env) -> bool:
            left = sides[0].run(env)
            for side, link in zip(sides[1:], links, strict=True):
                right = side.run(env)
                if not link.test(left, right):
                    return False
                left = right
            return True

        def explain(env: Env) -> tuple[Fact, ...]:
            facts: tuple[Fact, ...] = ()
            left = sides[0].run(env)
            for side, link in zip(sides[1:], links, strict=True):
                right = side.run(env)
                fact = link.fact(left, right)
                if not link.test(left, right):
                    return fact
                facts, left = facts + fact, right
            return facts

        return _Node(BOOL, run, explain, ast.unparse(tree), *_names(sides))

    def membership(self, tree: ast.Compare, left: _Node, right: ast.expr, wanted: bool, depth: int) -> _Node:
        if not isinstance(right, ast.Tuple) or not right.elts:
            raise RuleError("in takes a tuple of literals: x in (1, 2)")
        items = [self.compile(item, depth + 2) for item in right.elts]
        for item in items:
            if not item.is_constant:
                raise RuleError(f"{item.text} is not a literal")
            _comparable(left, item)
        values = frozenset(cast(Value, item.run({})) for item in items)
        listed = ", ".join(sorted(str(value) for value in values))
        op = "in" if wanted else "not in"

        def run(env: Env) -> bool:
            return (left.run(env) in values) is wanted

        def explain(env: Env) -> tuple[Fact, ...]:
            return (Fact(left.text, op, shown(left.run(env)), listed, run(env)),)

        return _Node(BOOL, run, explain, ast.unparse(tree), left.signals, left.parameters)


def _comparable(left: _Node, right: _Node) -> None:
    if left.type.kind != right.type.kind:
        raise RuleError(f"{left.text} is {left.type.kind} and {right.text} is {right.type.kind}")
    a, b = left.type.values, right.type.values
    if not (a <= b or b <= a):
        raise RuleError(f"{left.text} and {right.text} can never agree: {', '.join(sorted(a ^ b))}")


@dataclass(frozen=True, slots=True)
class _Link:
    """One comparison of a chain; ``fact`` explains it for two values."""

    test: Callable[[object, object], bool]
    fact: Callable[[object, object], tuple[Fact, ...]]


def _link(left: _Node, right: _Node, op: str, test: Callable[[object, object], bool]) -> _Link:
    """The side that reads a signal is the value, the other the threshold."""
    _comparable(left, right)
    if left.type.kind != "int" and op not in ("==", "!="):
        raise RuleError(f"{left.text} has no order")

    def fact(a: object, b: object) -> tuple[Fact, ...]:
        if left.signals:
            return (Fact(left.text, op, shown(a), shown(b), test(a, b)),)
        if right.signals:
            return (Fact(right.text, _MIRRORED[op], shown(b), shown(a), test(a, b)),)
        return ()

    return _Link(test, fact)
