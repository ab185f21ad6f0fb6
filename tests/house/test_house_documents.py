"""docs/documents.md names every check of documents, and the test that can fail for it."""

import ast
import re

import pytest

from service.documents.rules.details import SUBJECTS
from service.documents.rules.proving import PROVES
from tests.house.tree import ROOT, documented, names_on, parsed

_TEST = re.compile(r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`")


def test_the_table_names_every_check_once() -> None:
    assert sorted(names_on("documents")) == sorted(SUBJECTS) == sorted(PROVES)


@pytest.mark.parametrize("row", documented("documents"), ids=lambda row: row[0])
def test_a_row_says_what_is_proved_by_which_clause_and_names_a_test_that_exists(
    row: tuple[str, tuple[str, ...]],
) -> None:
    proves, clause, tests = row[1]
    assert proves.replace("`", "") == PROVES[row[0]], "staff read the same words"
    assert clause
    named = _TEST.findall(tests)
    assert named
    for path, function in named:
        assert (ROOT / path).is_file(), path
        assert function in {
            node.name
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
