"""Statements that are compiled once: for the paths that every request takes.

SQLAlchemy builds, keys and compiles a statement anew each time it is written out in a function, which cost
several times what PostgreSQL takes to run it (measured: some 0.6 ms of CPU a statement, against 0.15 ms for the
driver alone). A :class:`Statement` is written once at import, in the same language, and then goes to the driver
as text and values. What is staged of this kind is sent in one round trip, the commit with it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.elements import ClauseElement

_DIALECT: Any = cast(Any, PGDialect_psycopg)()


class Statement:
    """``Statement(sa.insert(TABLE))`` takes every column of the table by name; others take their ``bindparam``s.

    Lists are matched with ``= ANY(:name)``: an expanding ``IN`` has no one text.
    """

    __slots__ = ("_fixed", "_processors", "sql")

    def __init__(self, statement: ClauseElement, columns: Sequence[str] | None = None) -> None:
        if columns is None and getattr(statement, "is_insert", False):
            columns = [column.name for column in statement.table.columns]  # type: ignore[attr-defined]  # an insert
        compiled: Any = statement.compile(dialect=_DIALECT, column_keys=columns)
        self.sql: str = compiled.string
        assert "__[POSTCOMPILE" not in self.sql, "an expanding IN: write = ANY(:name)"
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}
        self._processors: dict[str, Callable[[Any], Any]] = dict(compiled._bind_processors)

    def bind(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The driver's parameters; a column that is not named is null."""
        bound = {**self._fixed, **values}
        for name, process in self._processors.items():
            value = bound.get(name)
            if value is not None:
                bound[name] = process(value)
        return bound

    def after(self, first: "Statement") -> "Statement":
        """Both in one statement, ``first`` as a common table expression: neither sees what the other writes. Their
        values are given together, so that no name may mean one thing here and another there."""
        joined = Statement.__new__(Statement)
        joined.sql = f"WITH first AS ({first.sql}) {self.sql}"
        joined._fixed = {**first._fixed, **self._fixed}
        joined._processors = {**first._processors, **self._processors}
        return joined
