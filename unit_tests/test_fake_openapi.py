"""Atlassian's OpenAPI documents judge the rows and the scopes of the fake site."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from fake_confluence import Content, Service
from fake_confluence.routes import CURRENT_USER, ROUTES, scopes_at
from unit_tests.replies import rows_of
from unit_tests.streams_under_test import PREFETCHED, TABLE, contents


def judge(api_notes: Path, stream: str) -> Draft4Validator:
    """Judges rows by the types and values that the document names."""
    document = json.loads((api_notes / "openapi-v2.json").read_text())
    reference = f"#/components/schemas/{TABLE[stream].schema}"
    return Draft4Validator({"$ref": reference, "components": document["components"]})


def without_null(value: Any) -> Any:  # noqa: ANN401
    """Real sites give null where the document does not say so."""
    if isinstance(value, dict):
        return {k: without_null(v) for k, v in value.items() if v is not None}
    return value


@pytest.mark.parametrize("body_format", ["storage", "atlas_doc_format"])
@pytest.mark.parametrize("stream", PREFETCHED)
def test_rows_are_what_the_document_says(stream: str, body_format: str, api_notes: Path) -> None:
    service = Service(contents({stream: 40}))
    first, second, *_ = (row["id"] for row in service.history.rows(stream, "current"))
    service.history.edit(first)
    service.history.trash(second)
    service.history.create(stream)
    rows = rows_of(service, stream, body_format=body_format)
    trashed = rows_of(service, stream, body_format=body_format, status="trashed")
    assert (len(rows), len(trashed)) == (40, 1)
    for row in (*rows, *trashed):
        judge(api_notes, stream).validate(without_null(row))


@pytest.mark.parametrize("stream", PREFETCHED)
def test_the_document_would_refuse_another_row(stream: str, api_notes: Path) -> None:
    row = Service(Content()).history.rows(stream)[0]
    for changed in ({"status": "gone"}, {"version": {"number": "2"}}, {"spaceId": 5}):
        assert not judge(api_notes, stream).is_valid({**without_null(row), **changed})


def documented_scopes(api_notes: Path, path: str) -> set[str]:
    """The scopes of which any one is enough, each in its own set of alternatives."""
    v2 = path.startswith("/wiki/api/v2/")
    document = json.loads((api_notes / f"openapi-v{2 if v2 else 1}.json").read_text())
    asked = document["paths"][path.removeprefix("/wiki/api/v2") if v2 else path]["get"]
    alternatives = [each["scopes"] for each in asked["x-atlassian-oauth2-scopes"]]
    return {scopes[0] for scopes in alternatives if len(scopes) == 1}


@pytest.mark.parametrize("path", [CURRENT_USER, *(route.path for route in ROUTES)])
def test_a_route_opens_for_the_scopes_that_the_document_names(path: str, api_notes: Path) -> None:
    assert scopes_at(path, ROUTES) == documented_scopes(api_notes, path)
