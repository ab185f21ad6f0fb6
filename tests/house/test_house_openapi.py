"""What comes in is bounded: the OpenAPI says how long each string and list may be, and that nothing else is taken."""

from collections.abc import Iterator
from typing import Any

import pytest

from service.app import create_app
from service.settings import Settings

Schema = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Schema:
    return create_app(Settings(mode="test", sender="outbox")).openapi()


def _bodies(document: Schema) -> Iterator[tuple[str, Schema]]:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{verb} {path} {kind}", content["schema"]


def _parameters(document: Schema) -> Iterator[tuple[str, Schema]]:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            for parameter in operation.get("parameters", ()):
                yield f"{verb} {path} {parameter['name']}", parameter["schema"]


def _walk(
    document: Schema, schema: Schema, place: str, seen: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Schema]]:
    """Every schema below this one, references followed once."""
    if target := schema.get("$ref"):
        if target not in seen:
            name = target.rsplit("/", 1)[-1]
            yield from _walk(document, document["components"]["schemas"][name], place, seen | {target})
        return
    yield place, schema
    for key in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(key, ()):
            yield from _walk(document, part, place, seen)
    for name, part in schema.get("properties", {}).items():
        yield from _walk(document, part, f"{place}/{name}", seen)
    if isinstance(schema.get("items"), dict):
        yield from _walk(document, schema["items"], f"{place}/-", seen)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _walk(document, schema["additionalProperties"], f"{place}/*", seen)


def _incoming(document: Schema) -> Iterator[tuple[str, Schema]]:
    for place, schema in [*_bodies(document), *_parameters(document)]:
        yield from _walk(document, schema, place)


def test_there_are_bodies(document: Schema) -> None:
    assert len(list(_bodies(document))) >= 8


def test_every_string_is_bounded(document: Schema) -> None:
    found = [
        place
        for place, schema in _incoming(document)
        if schema.get("type") == "string"
        and not ({"maxLength", "enum", "const"} & schema.keys() or _is_bounded(schema))
    ]
    assert not found, found


def _is_bounded(schema: Schema) -> bool:
    """A pattern bounds where it is anchored and repeats nothing without an end; so does a format that we parse."""
    pattern = str(schema.get("pattern", ""))
    anchored = pattern.startswith("^") and pattern.endswith("$") and not {"*", "+"} & set(pattern)
    return anchored or schema.get("format") in ("date", "date-time", "uuid")


def test_every_list_is_bounded(document: Schema) -> None:
    found = [
        place
        for place, schema in _incoming(document)
        if schema.get("type") == "array" and "maxItems" not in schema
    ]
    assert not found, found


def test_every_object_is_closed(document: Schema) -> None:
    found = [
        place
        for place, schema in _incoming(document)
        if (schema.get("type") == "object" or "properties" in schema)
        and schema.get("additionalProperties") is not False
    ]
    assert not found, found


def test_every_field_has_a_type(document: Schema) -> None:
    """A schema without a type takes anything, so none of the bounds above would hold."""
    known = {"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"}
    found = [place for place, schema in _incoming(document) if not known & schema.keys()]
    assert not found, found


def test_every_number_is_bounded(document: Schema) -> None:
    found = [
        place
        for place, schema in _incoming(document)
        if schema.get("type") in ("integer", "number")
        and not (
            {"maximum", "exclusiveMaximum"} & schema.keys()
            and {"minimum", "exclusiveMinimum"} & schema.keys()
        )
    ]
    assert not found, found


def test_every_operation_says_how_it_refuses(document: Schema) -> None:
    """Problem documents, not the framework's own 422."""
    found = []
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items() if path.startswith("/v1/") else ():
            for status, answer in operation["responses"].items():
                if status.startswith("4") and "application/problem+json" not in answer.get("content", {}):
                    found.append(f"{verb} {path} {status}")
    assert not found, found


def test_every_route_of_v1_wants_a_key(document: Schema) -> None:
    found = [
        f"{verb} {path}"
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
        if path.startswith("/v1/") and not operation.get("security")
    ]
    assert not found, found
