"""Atlassian's OpenAPI documents judge our requests; skipped where they are not at hand."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest

from unit_tests.conftest import StartSite
from unit_tests.protocol import check, read
from unit_tests.streams_under_test import (
    NAMES,
    PAGE_SIZES,
    PATHS,
    account_questions,
    contents,
    request_count,
)

SERVERS = {"v1": "", "v2": "/wiki/api/v2"}


@contextmanager
def sent_requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[requests.PreparedRequest]]:
    sent: list[requests.PreparedRequest] = []
    send = requests.Session.send

    def listening(
        self: requests.Session,
        request: requests.PreparedRequest,
        **options: Any,  # noqa: ANN401
    ) -> requests.Response:
        sent.append(request)
        return send(self, request, **options)

    with monkeypatch.context() as patch:
        patch.setattr(requests.Session, "send", listening)
        yield sent


def document(api_notes: Path, version: str, host: str) -> dict[str, Any]:
    """Atlassian's document, with our site as its server.

    It gives null as the default of some parameters, which their own types forbid; those go. Of ids
    it says in words that they are separated by commas, which is added in its own terms.
    """
    text = (api_notes / f"openapi-{version}.json").read_text()
    spec: dict[str, Any] = json.loads(text, object_hook=mended)
    return {**spec, "servers": [{"url": f"https://{host}{SERVERS[version]}"}]}


def mended(part: dict[str, Any]) -> dict[str, Any]:
    if "as a comma-separated list" in str(part.get("description")) and part.get("in") == "query":
        part = {**part, "style": "form", "explode": False}
    return {k: v for k, v in part.items() if k != "default" or v is not None}


def known_parameters(document: dict[str, Any], path: str) -> set[str]:
    operation = document["paths"][path]["get"]
    return {parameter["name"] for parameter in operation.get("parameters", [])}


@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
def test_every_request_of_a_check_and_a_full_read_is_what_the_documents_say(
    api_notes: Path, start_site: StartSite, num_workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {name: PAGE_SIZES[name] + 10 for name in NAMES}
    site = start_site(contents(counts))
    with sent_requests(monkeypatch) as sent:
        assert check(site.config)[0] == "SUCCEEDED"
        assert read(site.config, NAMES).exception is None

    documents = {version: document(api_notes, version, site.host) for version in SERVERS}
    # Atlassian's own documents are not strictly valid, so they are not validated themselves.
    lenient = Config(spec_validator_cls=None)  # type: ignore[arg-type]
    judges = {version: OpenAPI.from_dict(documents[version], config=lenient) for version in SERVERS}
    for request in sent:
        path = urlsplit(str(request.url)).path
        version = "v2" if path.startswith(SERVERS["v2"]) else "v1"
        judges[version].validate_request(RequestsOpenAPIRequest(request))
        names = {name for name, _ in parse_qsl(urlsplit(str(request.url)).query)}
        unknown = names - known_parameters(documents[version], path.removeprefix(SERVERS[version]))
        assert not unknown, path
    paths = [urlsplit(str(request.url)).path for request in sent]
    assert set(paths) == {*PATHS.values(), "/wiki/rest/api/user/current"}
    lists = sum(request_count(name, count, num_workers) for name, count in counts.items())
    of_check = 1 + len(NAMES)
    assert len(paths) == of_check + account_questions(site.service.content) + lists
