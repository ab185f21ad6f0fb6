"""Columns say whether they hold personal data; a tenant's rows can only point at rows of the same tenant."""

import re

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BIT

from service.tables import metadata

COMMENT = re.compile(r"pii:(none|sealed|index) \S")
TENANTS = sorted(name for name, table in metadata.tables.items() if "operator_id" in table.columns)


def test_there_are_tables() -> None:
    assert {"registration", "line", "audit_entry", "subscriber", "staff", "dealer"} <= set(metadata.tables)


def test_every_column_says_what_it_holds() -> None:
    found = [
        str(column)
        for table in metadata.tables.values()
        for column in table.columns
        if not COMMENT.match(column.comment or "")
    ]
    assert not found, found


def test_what_is_sealed_or_an_index_is_bytes() -> None:
    """A sealed blob or a keyed hash in a text column would be something else; a perceptual hash is bits."""
    found = [
        str(column)
        for table in metadata.tables.values()
        for column in table.columns
        if not (column.comment or "").startswith("pii:none") and not _is_bytes(column.type)
    ]
    assert not found, found


def _is_bytes(kind: sa.types.TypeEngine[object]) -> bool:
    return isinstance(kind, sa.LargeBinary | BIT) or (
        isinstance(kind, sa.ARRAY) and _is_bytes(kind.item_type)
    )


@pytest.mark.parametrize("name", TENANTS)
def test_a_tenants_key_begins_with_the_operator(name: str) -> None:
    key = [column.name for column in metadata.tables[name].primary_key.columns]
    assert key[0] == "operator_id", key


@pytest.mark.parametrize("name", TENANTS)
def test_a_tenants_foreign_keys_hold_the_operator(name: str) -> None:
    """(operator_id, x) -> (operator_id, id): no row can point across tenants."""
    for key in metadata.tables[name].foreign_key_constraints:
        target = key.referred_table.name
        if target in TENANTS:
            pairs = [(element.parent.name, element.column.name) for element in key.elements]
            assert pairs[0] == ("operator_id", "operator_id"), (name, target, pairs)
        else:
            assert target in ("operator", "installation"), (name, target)


@pytest.mark.parametrize("name", TENANTS)
def test_a_tenants_unique_rules_are_per_operator(name: str) -> None:
    """Uniqueness over operators would tell one of them what another has."""
    table = metadata.tables[name]
    unique = [list(found.columns) for found in table.constraints if isinstance(found, sa.UniqueConstraint)]
    unique += [list(found.columns) for found in table.indexes if found.unique]
    for columns in unique:
        assert "operator_id" in {column.name for column in columns}, (name, columns)


def test_instants_know_their_zone() -> None:
    found = [
        str(column)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, sa.DateTime) and not column.type.timezone
    ]
    assert not found, found


def test_no_table_takes_the_clock_of_the_server() -> None:
    clock = re.compile(r"\bnow\(|current_(date|time)|localtime|_timestamp\(|timeofday", re.I)
    found = [
        str(column)
        for table in metadata.tables.values()
        for column in table.columns
        if clock.search(str(getattr(column.server_default, "arg", "")))
    ]
    assert not found, found
