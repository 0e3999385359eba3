"""The schemas: only words we mean, every field described, nothing stricter than Confluence is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import source_confluence
from unit_tests.protocol import discover
from unit_tests.streams_under_test import KEYS, NAMES, TABLE, every_stream

FOLDER = Path(source_confluence.__file__).parent / "schemas"
CONFIG = {"email": "ada@acme.com", "api_token": "t0ken", "domain_name": "acme.atlassian.net"}
WORDS = {
    "$schema",
    "additionalProperties",
    "airbyte_type",
    "description",
    "format",
    "items",
    "properties",
    "type",
}


@pytest.fixture(scope="module")
def catalog() -> dict[str, Any]:
    return discover(CONFIG)


def parts(schema: dict[str, Any], where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema, with the path of the field it is for."""
    yield where, schema
    for name, inner in schema.get("properties", {}).items():
        yield from parts(inner, f"{where}.{name}")
    if "items" in schema:
        yield from parts(schema["items"], f"{where}[]")


@every_stream
def test_only_known_words_are_used(stream: str, catalog: dict[str, Any]) -> None:
    for where, part in parts(catalog[stream]["json_schema"]):
        assert set(part) <= WORDS, where


@every_stream
def test_every_field_is_described(stream: str, catalog: dict[str, Any]) -> None:
    for where, part in parts(catalog[stream]["json_schema"]):
        assert len(part["description"]) > 6, where
        assert part["description"].endswith("."), where


@every_stream
def test_everything_but_the_key_may_be_null_and_objects_are_open(
    stream: str, catalog: dict[str, Any]
) -> None:
    schema = catalog[stream]["json_schema"]
    for where, part in parts(schema):
        if where in ("", f".{KEYS[stream]}"):
            assert part["type"] == ("object" if where == "" else "string")
        else:
            assert part["type"][0] == "null", where
            assert len(part["type"]) == 2, where
        if "object" in part["type"]:
            assert part["additionalProperties"] is True, where
            assert part["properties"], where
        if "array" in part["type"]:
            assert part["items"], where


@every_stream
def test_times_are_typed_as_times(stream: str, catalog: dict[str, Any]) -> None:
    for where, part in parts(catalog[stream]["json_schema"]):
        if where.endswith("At"):
            assert part["format"] == "date-time", where
            assert part["airbyte_type"] == "timestamp_with_timezone", where


def test_each_schema_file_belongs_to_a_stream_or_to_one_that_does() -> None:
    texts = {file: file.read_text() for file in FOLDER.rglob("*.json")}
    own = {file.stem for file in texts if file.parent == FOLDER}
    shared = {file.name for file in texts if file.parent != FOLDER}
    assert own == set(NAMES)
    assert shared
    for name in shared:
        assert any(f'"$ref": "{name}"' in text for text in texts.values()), name


def test_a_reference_stands_alone() -> None:
    """The CDK drops whatever stands beside a reference."""

    def check(part: object) -> None:
        if isinstance(part, dict):
            assert "$ref" not in part or list(part) == ["$ref"]
            for inner in part.values():
                check(inner)

    for file in FOLDER.rglob("*.json"):
        check(json.loads(file.read_text()))


def documented(schema: dict[str, Any], document: dict[str, Any], where: str = "") -> Iterator[str]:
    """The places of all fields in one of Atlassian's schemas."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for part in schema.get("allOf", []):
        yield from documented(part, document, where)
    for name, inner in schema.get("properties", {}).items():
        yield f"{where}.{name}"
        yield from documented(inner, document, f"{where}.{name}")
    if "items" in schema:
        yield from documented(schema["items"], document, f"{where}[]")


@every_stream
def test_every_field_atlassian_documents_is_declared(
    stream: str, catalog: dict[str, Any], api_notes: Path
) -> None:
    row = TABLE[stream]
    document = json.loads((api_notes / f"openapi-v{row.version}.json").read_text())
    fields = set(documented(document["components"]["schemas"][row.schema], document))
    declared = {where for where, _ in parts(catalog[stream]["json_schema"])}
    assert fields
    assert fields <= declared
