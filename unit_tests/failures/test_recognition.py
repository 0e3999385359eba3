"""What a refusal must hold to be one for callers that the site does not know."""

import gzip
import io
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from urllib3 import HTTPResponse

from source_confluence.failures import table
from source_confluence.failures.failure import Failure
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.settings.credentials import ApiToken
from source_confluence.transport.access import TokenAccess
from source_confluence.transport.client import Client
from source_confluence.transport.site import Site
from unit_tests.recordings import recording

BARE = {"status": 404, "code": "NOT_FOUND", "title": "Not Found", "detail": None}
NO_ACCESS = "caller cannot access Confluence"
ORDINARY = {403: table.FORBIDDEN, 404: table.NOT_FOUND}
MB = 1024 * 1024


def refusal(
    status: int, body: bytes | io.RawIOBase, headers: dict[str, str] | None = None
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers or {})
    stream = io.BytesIO(body) if isinstance(body, bytes) else body
    response.raw = HTTPResponse(stream, headers=headers, preload_content=False)
    return response


class Answering(requests.Session):
    """Answers every request in the same way."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__()
        self._response = response

    def request(self, *_: Any, **__: Any) -> requests.Response:  # noqa: ANN401
        return self._response


def row_of(response: requests.Response) -> Failure | None:
    access = TokenAccess(Site("acme.atlassian.net"), ApiToken(email="ada@acme.com", token="t"))
    client = Client(access, RateLimit())
    answer = client.get(Answering(response), "wiki/api/v2/pages", {})
    assert answer.detail == ""
    assert response.raw.closed
    return answer.failure


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (404, {"errors": [BARE]}),
        (404, {"errors": [{**BARE, "status": "404"}]}),
        (404, {"errors": [{"title": "Not Found"}], "more": 1}),
        (403, {"statusCode": 403, "message": NO_ACCESS}),
        (403, {"message": f'Status: 403 FORBIDDEN "Rejected because {NO_ACCESS}"'}),
        (403, {"message": NO_ACCESS.upper()}),
    ],
)
def test_a_refusal_that_every_stranger_gets_is_of_the_credential(
    status: int, document: object
) -> None:
    assert row_of(refusal(status, json.dumps(document).encode())) is table.UNRECOGNISED


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (404, {"errors": [{**BARE, "title": "Cannot find a space with id [7]"}]}),
        (404, {"errors": [{**BARE, "detail": "There is no space with id 7"}]}),
        (404, {"errors": [{**BARE, "title": "not found: the space"}]}),
        (404, {"errors": [BARE, {**BARE, "title": "Cannot find a page with id [7]"}]}),
        (404, {"errors": []}),
        (404, {"errors": 7}),
        (404, {"errors": [7]}),
        (404, {"errors": {"title": "Not Found"}}),
        (404, {"title": "Not Found", "message": NO_ACCESS}),
        (404, {"timestamp": "2025-06-25T21:28:19Z", "status": 404, "error": "Not Found"}),
        (404, [BARE]),
        (404, "Not Found"),
        (404, None),
        (403, {"errors": [BARE]}),
        (403, {"statusCode": 403, "message": "Current user not permitted to use Confluence"}),
        (403, {"message": [NO_ACCESS]}),
        (403, {"message": {"text": NO_ACCESS}}),
        (403, {"message": None}),
        (403, NO_ACCESS),
        (403, [NO_ACCESS]),
        (403, 7),
    ],
)
def test_every_other_refusal_keeps_its_row(status: int, document: object) -> None:
    assert row_of(refusal(status, json.dumps(document).encode())) is ORDINARY[status]


@pytest.mark.parametrize(
    "name",
    [
        "error.v2_blogpost_not_found.404",
        "error.v2_content_not_found.404",
        "error.gateway_unknown_path.404",
        "error.v1_no_confluence_access.403",
    ],
)
def test_recorded_refusals_that_are_meant_keep_their_row(name: str, api_notes: Path) -> None:
    recorded = recording(api_notes, name)
    status = recorded["status"]
    body = json.dumps(recorded["body"]).encode()
    assert row_of(refusal(status, body)) is ORDINARY[status]


def test_a_recorded_refusal_of_a_wrong_token_is_of_the_credential(api_notes: Path) -> None:
    body = json.dumps(recording(api_notes, "error.v2_page_not_found.404")["body"]).encode()
    assert row_of(refusal(404, body)) is table.UNRECOGNISED


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><title>Not Found</title>",
        b'{"errors": [{"title": "Not Found"',
        b'{"message": "caller cannot access Confluence\xff"}',
        b"[" * 60_000,
        b'{"errors": ' * 5_000,
        b'{"errors": 1e999, "message": NaN}',
        b'{"message": ' + b"9" * 60_000 + b"}",
        b'{"message": "\\ud800"}',
    ],
    ids=["empty", "html", "cut", "no utf-8", "lists", "objects", "infinite", "digits", "surrogate"],
)
def test_a_body_that_says_nothing_leaves_the_row_to_the_status(status: int, body: bytes) -> None:
    assert row_of(refusal(status, body)) is ORDINARY[status]


class Endless(io.RawIOBase):
    """A body that goes on and on."""

    def __init__(self, piece: bytes = b" ", pause_seconds: float = 0.0) -> None:
        self.read_bytes = 0
        self._piece = piece
        self._pause_seconds = pause_seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (a memoryview, as the base says it)
        time.sleep(self._pause_seconds)
        count = 1 if self._pause_seconds else len(buffer)
        buffer[:count] = (self._piece * count)[:count]
        self.read_bytes += count
        return count


@pytest.mark.parametrize("status", [403, 404])
def test_no_more_of_a_refusal_is_read_than_it_takes(status: int) -> None:
    body = Endless()
    assert row_of(refusal(status, body)) is ORDINARY[status]
    assert body.read_bytes <= MB // 4


@pytest.mark.parametrize("status", [409, 410, 500])
def test_the_body_of_another_status_is_not_read_at_all(status: int) -> None:
    body = Endless()
    row_of(refusal(status, body))
    assert body.read_bytes == 0


def deflated(content: bytes) -> bytes:
    return zlib.compress(content, 9)


def packed_twice(content: bytes) -> bytes:
    return gzip.compress(gzip.compress(content, 9), 9)


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", deflated), ("gzip, gzip", packed_twice)],
)
def test_a_refusal_that_is_a_bomb_is_not_unpacked(
    status: int, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    body = pack(b" " * 50 * MB)
    assert len(body) < 64 * 1024
    tracemalloc.start()
    try:
        row = row_of(refusal(status, body, {"Content-Encoding": encoding}))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert row is ORDINARY[status]
    assert peak_bytes < 4 * MB


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_refusal_may_come_packed(encoding: str) -> None:
    pack = gzip.compress if encoding == "gzip" else deflated
    body = pack(json.dumps({"errors": [BARE]}).encode())
    assert row_of(refusal(404, body, {"Content-Encoding": encoding})) is table.UNRECOGNISED


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_refusal_that_is_packed_wrongly_leaves_the_row_to_the_status(encoding: str) -> None:
    assert row_of(refusal(404, b"{}", {"Content-Encoding": encoding})) is table.NOT_FOUND
