"""Real rows of real sites go through the streams; skipped where the recordings are not at hand."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests_mock

from live_tests.comparison import undeclared, violations
from unit_tests.protocol import Message, discover, read
from unit_tests.recordings import recorded_lists, recording
from unit_tests.streams_under_test import (
    BY_CURSOR,
    KEYS,
    PATHS,
    TABLE,
    WITHOUT_ID,
    every_stream,
    on_the_wire,
    without_key,
)

CONFIG = {
    "email": "ada@acme.com",
    "api_token": "t0ken",
    "domain_name": "acme.atlassian.net",
    "num_workers": 1,
}


def read_rows(stream: str, rows: list[Message]) -> list[Message]:
    """The records that come out when a site holds these rows."""

    def answer(request: Any, _: object) -> Message:  # noqa: ANN401
        start = int(dict(parse_qsl(urlsplit(request.url).query)).get("start", 0))
        return {"results": rows[start:]}

    with requests_mock.Mocker() as site:
        site.get(f"https://acme.atlassian.net{PATHS[stream]}", json=answer)
        outcome = read(CONFIG, [stream])
    assert outcome.ending(stream) == "COMPLETE"
    return outcome.records(stream)


@every_stream
def test_every_recorded_row_comes_through_unchanged_and_fits_its_schema(
    stream: str, api_notes: Path
) -> None:
    schema = discover(CONFIG)[stream]["json_schema"]
    count = 0
    for name, rows in recorded_lists(api_notes, stream):
        records = read_rows(stream, rows)
        assert without_key(records) == on_the_wire(rows), name
        for record in records:
            assert not list(violations(record, schema)), name
            assert not list(undeclared(record, schema)), name
        count += len(records)
    assert count >= TABLE[stream].recorded_row_count


def test_two_events_of_one_millisecond_get_two_keys(api_notes: Path) -> None:
    rows = recording(api_notes, "v1_audit.same_millisecond.200")["body"]["results"]

    records = read_rows(WITHOUT_ID, rows)

    assert len({row["creationDate"] for row in rows}) < len(rows)
    assert len({record[KEYS[WITHOUT_ID]] for record in records}) == len(rows)


def test_recorded_events_have_distinct_keys(api_notes: Path) -> None:
    rows = recording(api_notes, "v1_audit.37_records.200")["body"]["results"]

    assert len({record[KEYS[WITHOUT_ID]] for record in read_rows(WITHOUT_ID, rows)}) == 37


def test_a_recorded_sequence_of_two_pages_is_followed(api_notes: Path) -> None:
    first = recording(api_notes, "v2_blogposts.limit2.page1.200")
    last = recording(api_notes, "v2_blogposts.limit2.page2_last.200")
    with requests_mock.Mocker() as site:
        answers = [{"json": first["body"]}, {"json": last["body"]}]
        site.get(f"https://acme.atlassian.net{PATHS['blog_posts']}", answers)
        outcome = read(CONFIG, ["blog_posts"])
        cursors = [
            dict(parse_qsl(urlsplit(request.url).query)).get("cursor")
            for request in site.request_history
            if urlsplit(request.url).path == PATHS["blog_posts"]
        ]
    assert outcome.ending("blog_posts") == "COMPLETE"
    assert cursors == [None, last["request"]["query"]["cursor"]]
    rows = [*first["body"]["results"], *last["body"]["results"]]
    assert outcome.records("blog_posts") == on_the_wire(rows)


RECORDED_ERRORS = [
    "error.gateway_scope_mismatch.401",
    "error.gateway_unknown_path.404",
    "error.site_bad_credentials.401.html",
    "error.site_password_refused.401.text",
    "error.v1_bad_request.400",
    "error.v1_gone.410",
    "error.v1_no_confluence_access.403",
    "error.v2_bad_cursor.400",
    "error.v2_limit_over_250.400",
    "error.v2_page_not_found.404",
    "error.cloudfront_get_with_body.400.html",
]


@pytest.mark.parametrize("name", RECORDED_ERRORS)
@pytest.mark.usefixtures("waits")
def test_a_recorded_error_fails_the_stream_in_three_parts(name: str, api_notes: Path) -> None:
    recorded = recording(api_notes, name)
    body = recorded["body"]
    content = {"text": body} if isinstance(body, str) else {"json": body}
    with requests_mock.Mocker() as site:
        site.get(requests_mock.ANY, status_code=recorded["status"], **content)
        outcome = read(CONFIG, [BY_CURSOR])

    message = outcome.error(BY_CURSOR)["message"]
    assert outcome.ending(BY_CURSOR) == "INCOMPLETE"
    assert f"HTTP {recorded['status']}" in message
    assert "Likely cause: " in message
    assert "What to do: " in message


def test_the_documented_quota_answer_is_waited_for(api_notes: Path, waits: list[float]) -> None:
    recorded = recording(api_notes, "error.quota.429")
    with requests_mock.Mocker() as site:
        refused = {"status_code": 429, "headers": recorded["headers"]}
        site.get(requests_mock.ANY, [refused, {"json": {"results": []}}])
        outcome = read(CONFIG, [BY_CURSOR])

    assert outcome.ending(BY_CURSOR) == "COMPLETE"
    assert sum(waits) == pytest.approx(1847)


def test_recorded_beta_headers_are_no_reason_to_wait(api_notes: Path, waits: list[float]) -> None:
    recorded = recording(api_notes, "ratelimit.beta_headers.200")
    with requests_mock.Mocker() as site:
        site.get(requests_mock.ANY, headers=recorded["headers"], json={"results": []})
        outcome = read(CONFIG, [BY_CURSOR])

    assert outcome.ending(BY_CURSOR) == "COMPLETE"
    assert waits == []
