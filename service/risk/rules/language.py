"""The rule language: a small typed subset of Python's expression grammar.

Comparisons (also chained), ``and or not``, ``+ - * /`` on whole numbers, ``in`` over a tuple of literals,
``a if b else c``, ``min``, ``max``, ``known(signal)``, names of signals and parameters, and literals of their
types. Nothing else: no other call, no attribute of a value, no subscript, no loop, no float.

A rule is checked when it is saved and again when it is loaded (``security.md`` 12): at most 1,000
characters, 100 nodes, 20 levels. It is compiled to closures (``compiler``). Division is exact (a fraction),
numbers are bounded, and every outcome but a value is declared: :class:`Unknown` (a signal was read that is
not known) and :class:`RuleFailed` (division by zero, a number out of bounds, a value of the wrong type).
"""

import ast
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from service.risk.model import Fact, RuleError, Type, Value

MAX_CHARACTERS = 1_000
MAX_NODES = 100
MAX_DEPTH = 20

Number: TypeAlias = int | Fraction
Env: TypeAlias = Mapping[str, Value]
Run: TypeAlias = Callable[[Env], object]
Explain: TypeAlias = Callable[[Env], tuple[Fact, ...]]


class EvaluationError(Exception):
    """A rule gave no value."""


class Unknown(EvaluationError):
    """A signal was read that is not known."""

    def __init__(self, signal: str) -> None:
        super().__init__(f"{signal} is not known")
        self.signal = signal


class RuleFailed(EvaluationError):
    """The rule cannot be computed from these values."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that a rule may use, with their types. Signals may be unknown, parameters never."""

    signals: Mapping[str, Type]
    parameters: Mapping[str, Type]

    def type_of(self, name: str) -> Type | None:
        return self.signals.get(name) or self.parameters.get(name)


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled condition. ``signals`` and ``parameters`` are the names that it mentions."""

    text: str
    signals: frozenset[str]
    parameters: frozenset[str]
    _run: Run
    _explain: Explain

    def holds(self, env: Env) -> bool:
        """Whether it is true of ``env`` (signals and parameters by name; a missing signal is unknown).

        Raises only :class:`EvaluationError`.
        """
        return bool(self._run(env))

    def explain(self, env: Env) -> tuple[Fact, ...]:
        """The comparisons that made the outcome what it is. Raises only :class:`EvaluationError`."""
        return tuple(dict.fromkeys(self._explain(env)))


def parse(text: str) -> ast.expr:
    """To a bounded tree. Length and brackets are counted first: the parser recurses on them."""
    if len(text) > MAX_CHARACTERS:
        raise RuleError(f"longer than {MAX_CHARACTERS} characters")
    if not text.isascii() or not all(c.isprintable() or c in "\n\t" for c in text) or {"\\", "#"} & set(text):
        raise RuleError("only printable ASCII without backslashes and remarks is accepted")
    depth = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if depth > MAX_DEPTH:
            raise RuleError(f"nested deeper than {MAX_DEPTH}")
    # A TOML rule of several lines is one expression.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = ast.parse(" ".join(text.split("\n")).strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError, Warning) as error:
        why = error.msg if isinstance(error, SyntaxError) else "too deep or malformed"
        raise RuleError(f"not an expression: {why}") from None
    if sum(isinstance(node, ast.expr) for node in ast.walk(tree)) > MAX_NODES:
        raise RuleError(f"more than {MAX_NODES} parts")
    return tree.body
