"""Whatever an answer holds, it ends in a record that a destination can take, or in one error."""

import gzip
import io
import json
import tracemalloc
from dataclasses import replace

import pytest
import requests
from urllib3 import HTTPResponse

from fake_confluence import Call, Fault
from fake_confluence.reply import Reply
from source_confluence.exceptions import NotJsonError, TooLargeError
from source_confluence.paging.page import Page
from source_confluence.records.mending import mended
from source_confluence.transport.body import CompressedBody, decompressed, read_body
from unit_tests.conftest import StartSite, change_answers
from unit_tests.protocol import Message, Outcome, check, read
from unit_tests.streams_under_test import (
    BY_OFFSET,
    LEFT_OUT,
    LINKED,
    NAMES,
    OFFSETS,
    PATHS,
    WITH_BODIES,
    completed,
    content,
    every_stream,
    list_calls,
    nth_page,
)

TRUNCATED = {"field": "odd", "change": "TRUNCATED", "reason": "SOURCE_SERIALIZATION_ERROR"}
NULLED = {"field": "odd", "change": "NULLED", "reason": "SOURCE_SERIALIZATION_ERROR"}
ODD: list[tuple[str, str, object, list[Message]]] = [
    ("NUL", r'"a\u0000b"', "a\ufffdb", [TRUNCATED]),
    ("lone surrogate", r'"a\ud800b"', "a\ufffdb", [TRUNCATED]),
    ("raw surrogate", '"a\udc00b"', "a\ufffdb", [TRUNCATED]),
    ("no UTF-8", '"caf\udce9"', "caf\ufffd", [TRUNCATED]),
    ("line break", '"a\nb"', "a\nb", []),
    ("raw NUL", '"a\x00b"', "a\ufffdb", [TRUNCATED]),
    ("emoji", r'"\ud83d\ude00"', "😀", []),
    ("no NUL", r'"\\u0000"', r"\u0000", []),
    ("more than 64 bits", "123456789012345678901234567890", 123456789012345678901234567890, []),
    ("39 digits", "1" * 39, None, [NULLED]),
    ("5000 digits", "1" * 5000, None, [NULLED]),
    ("infinite", "-1e999", None, [NULLED]),
    ("not a number", "NaN", None, [NULLED]),
    ("twice", '1, "odd": 2', 2, []),
    ("nested", "[" * 90 + "]" * 90, json.loads("[" * 90 + "]" * 90), []),
    ("deeply nested", '{"a": ' * 400 + "1" + "}" * 400, None, [NULLED]),
    (
        "within",
        r'{"a": ["x", "\u0000"], "b\u0000": 1e999}',
        {"a": ["x", "\ufffd"], "b\ufffd": None},
        [
            {**TRUNCATED, "field": "odd.a.1"},
            {**TRUNCATED, "field": "odd.b\ufffd"},
            {**NULLED, "field": "odd.b\ufffd"},
        ],
    ),
]


def record_with_meta(outcome: Outcome) -> tuple[Message, list[Message]]:
    [record] = [m["record"] for m in outcome.messages if m["type"] == "RECORD"][1:2]
    return record["data"], record.get("meta", {}).get("changes", [])


@every_stream
@pytest.mark.parametrize(("raw", "value", "changes"), [o[1:] for o in ODD], ids=[o[0] for o in ODD])
def test_what_no_destination_takes_is_mended_and_marked(
    raw: str, value: object, changes: list[Message], stream: str, start_site: StartSite
) -> None:
    site = start_site(content(stream, 3), faults=[Fault(kind="odd", row=1, raw=raw, count=None)])

    outcome = read(site.config, [stream])

    assert completed(outcome, stream)
    data, marks = record_with_meta(outcome)
    assert data.get("odd") == value
    assert marks == changes
    assert len(outcome.records(stream)) == 3
    json.dumps(outcome.messages, allow_nan=False, ensure_ascii=False).encode()


@every_stream
def test_a_row_that_is_nested_without_end_is_one_error(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    deep = Fault(kind="odd", raw="[" * 200_000, path=PATHS[stream], count=None)
    site = start_site(content(stream, 3), faults=[deep])
    outcome = read(site.config, [stream])
    assert outcome.ending(stream) == "INCOMPLETE"
    error = outcome.error(stream)
    assert "with a row that cannot be decoded (nested too deep to be decoded)" in error["message"]
    assert error["failure_type"] == "system_error", "it does not pass"
    assert waits


DEEP = "[" * 5_000 + "]" * 5_000


@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
@pytest.mark.parametrize("raw", [DEEP, r'{"storage": "\q"}'], ids=["deep", "malformed"])
@pytest.mark.parametrize("stream", WITH_BODIES)
def test_a_row_whose_body_cannot_be_decoded_leaves_without_it(
    raw: str, stream: str, start_site: StartSite, waits: list[float]
) -> None:
    names = LEFT_OUT[stream]
    rows = content(stream, 40).rows(stream)
    number = next(number for number in range(17, 40) if rows[number][names[0]])
    odd = Fault(kind="odd_body", path=PATHS[stream], row=number, raw=raw, count=None)
    site = start_site(content(stream, 40), faults=[odd])

    outcome = read(site.config, [stream])

    assert completed(outcome, stream)
    records = [m["record"] for m in outcome.messages if m["type"] == "RECORD"]
    marked = {r["data"]["id"]: r["meta"]["changes"] for r in records if r.get("meta")}
    mark = {"change": "NULLED", "reason": "SOURCE_RETRIEVAL_ERROR"}
    assert marked == {rows[number]["id"]: [{"field": name, **mark} for name in names]}
    assert [r["data"]["id"] for r in records] == [row["id"] for row in rows]
    assert all(
        names[0] in r["data"] or not row[names[0]] or r.get("meta")
        for r, row in zip(records, rows, strict=True)
    )
    assert sum(waits) < 60, "halves, and not attempts that cannot pass"


@pytest.mark.parametrize(
    ("stream", "place"),
    [
        *((name, "behind the row with the id ") for name in LINKED),
        *((name, "at the offset 7, with a row") for name in OFFSETS),
    ],
)
def test_where_a_row_cannot_be_decoded_at_all_the_error_names_the_place(
    stream: str, place: str, start_site: StartSite, waits: list[float]
) -> None:
    site = start_site(content(stream, 12))
    rows = site.service.content.rows(stream)

    def odd(call: Call, answer: Reply) -> Reply:
        rows_of_it = answer.document.get("results", []) if call.path == PATHS[stream] else []
        if not any(_alike(row, rows[7]) for row in rows_of_it):
            return answer
        body = json.dumps({**answer.document, "odd": "#"}).replace('"#"', DEEP)
        return replace(answer, document=body.encode())

    change_answers(site, odd)
    outcome = read(site.config, [stream])

    assert outcome.ending(stream) == "INCOMPLETE"
    error = outcome.error(stream)
    assert error["failure_type"] == "system_error", "it does not pass"
    assert place in error["message"]
    if stream in LINKED:
        assert f"behind the row with the id {rows[6]['id']}," in error["message"]
    assert len(outcome.records(stream)) == 7
    assert waits


def _alike(row: Message, other: Message) -> bool:
    own = ("id", "creationDate", "affectedObject")
    return [row.get(name) for name in own] == [other.get(name) for name in own]


@every_stream
@pytest.mark.parametrize("kind", ["huge", "bomb"])
def test_what_does_not_fit_into_memory_is_not_taken_into_it(
    kind: str,
    stream: str,
    start_site: StartSite,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("source_confluence.transport.body.MAX_BODY_BYTES", 4 * 1024 * 1024)
    large = Fault(
        kind=kind,
        size_bytes=12 * 1024 * 1024,
        path=PATHS[stream],
        first=nth_page(stream, 1),
        count=None,
    )
    site = start_site(content(stream, 3), faults=[large])
    outcome = read(site.config, [stream])
    assert outcome.ending(stream) == "INCOMPLETE"
    assert "is too large (more than 4 MB), even for one row" in outcome.error(stream)["message"]
    assert waits
    assert outcome.records(stream) == []


def parsed(body: bytes) -> Page:
    return Page.parse(body, asked_rows=250, has_links=False)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_body_in_another_encoding_is_no_json(encoding: str) -> None:
    with pytest.raises(NotJsonError):
        parsed('{"results": [{"a": "ä\\u0000"}]}'.encode(encoding))


def test_a_byte_order_mark_is_skipped() -> None:
    assert parsed(b"\xef\xbb\xbf" + b'{"results": []}').rows == []


@pytest.mark.parametrize(("digits", "needs_mending"), [("9" * 38, False), ("-" + "9" * 38, False)])
def test_a_sign_is_no_digit(digits: str, needs_mending: bool) -> None:
    page = parsed(f'{{"results": [{{"a": {digits}}}]}}'.encode())
    assert page.needs_mending is needs_mending
    assert page.rows == [{"a": int(digits)}]


def test_names_that_become_the_same_keep_their_values() -> None:
    record, marks = mended(dict(zip(("\ufffd", "\x00", "\ud800"), range(3), strict=True)))
    assert record == {"\ufffd": 0, "\ufffd1": 1, "\ufffd2": 2}
    assert [mark.field for mark in marks] == ["\ufffd1", "\ufffd2"]


def test_many_names_that_become_the_same_take_no_longer_than_others() -> None:
    names = [chr(0xD800 + n % 2048) + chr(0xD800 + n // 2048) for n in range(50_000)]
    record, _ = mended(dict.fromkeys(names, 1))
    assert len(record) == 50_000
    assert max(map(len, record)) < 20


@pytest.mark.parametrize(
    ("body", "is_refused"),
    [
        (b"[" + b"{}," * 600_000 + b"{}]", True),
        (b"[" + b'{"": {"": {}}},' * 400_000 + b"0]", True),
        (b"[" * 1_100_000, True),
        (b'["' + b"1,2,{[" * 600_000 + b'"]', False),
        (b'["\\"' + b"1,2,{[" * 600_000 + b'\\\\"]', False),
    ],
    ids=["objects", "nested", "lists", "text", "escaped text"],
)
def test_a_million_values_are_too_much_and_a_million_commas_in_a_text_are_not(
    body: bytes, is_refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_confluence.transport.body.SMALL_BODY_BYTES", 1_000_000)
    response = requests.Response()
    response.raw = HTTPResponse(io.BytesIO(body), preload_content=False)
    if is_refused:
        with pytest.raises(TooLargeError):
            decompressed(read_body(response))
    else:
        assert decompressed(read_body(response)) == body


def test_a_million_empty_objects_are_not_decoded(
    start_site: StartSite, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_confluence.transport.body.MAX_VALUES", 10_000)
    monkeypatch.setattr("source_confluence.transport.body.SMALL_BODY_BYTES", 10_000)
    many = Fault(kind="odd", raw="[" + "{}," * 10_001 + "{}]", path=PATHS[BY_OFFSET], count=None)
    outcome = read(start_site(content(BY_OFFSET, 3), faults=[many]).config, [BY_OFFSET])
    assert outcome.ending(BY_OFFSET) == "INCOMPLETE"
    assert "more than 10,000 values" in outcome.error(BY_OFFSET)["message"]
    assert waits


def test_the_body_of_a_redirect_is_not_read(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests would, to find out where it leads."""
    read_bodies: list[object] = []
    content_of = requests.Response.content

    def content_seen(response: requests.Response) -> object:
        read_bodies.append(response.status_code)
        return content_of.fget(response)  # type: ignore[attr-defined]

    monkeypatch.setattr(requests.Response, "content", property(content_seen))
    away = Fault(kind="redirect", path=PATHS[BY_OFFSET], count=None)
    site = start_site(content(BY_OFFSET, 3), faults=[away])
    outcome = read(site.config, [BY_OFFSET])
    assert outcome.error(BY_OFFSET)["failure_type"] == "config_error"
    assert read_bodies == []


def test_a_bomb_is_not_unpacked_beyond_the_bound(
    start_site: StartSite, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_confluence.transport.body.MAX_BODY_BYTES", 8 * 1024 * 1024)
    bomb = Fault(kind="bomb", size_bytes=1024**3, path=PATHS[BY_OFFSET], count=None)
    site = start_site(content(BY_OFFSET, 3), faults=[bomb])
    tracemalloc.start()
    try:
        outcome = read(site.config, [BY_OFFSET])
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome.ending(BY_OFFSET) == "INCOMPLETE"
    assert waits
    assert peak_bytes < 64 * 1024 * 1024


@every_stream
def test_a_body_that_trickles_in_ends_in_time(
    stream: str, start_site: StartSite, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_confluence.transport.body.MAX_BODY_SECONDS", 0.3)
    slow = Fault(kind="trickle", seconds=0.05, path=PATHS[stream], first=nth_page(stream, 1))
    site = start_site(content(stream, 3), faults=[slow])
    outcome = read(site.config, [stream])
    assert completed(outcome, stream)
    assert len(list_calls(site)) == 2 + 2 * (stream in OFFSETS)
    assert waits == [2]


@pytest.mark.parametrize("kind", ["huge", "bomb", "trickle"])
def test_a_check_takes_no_more_than_it_needs(
    kind: str, start_site: StartSite, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_confluence.identity.DEADLINE_SECONDS", 2)
    fault = Fault(kind=kind, seconds=0.05, size_bytes=32 * 1024 * 1024, count=None)
    site = start_site(faults=[fault])
    status, message = check(site.config)
    assert status == "FAILED"
    assert "too large" in message or "in time" in message
    assert waits is not None


def test_every_record_of_a_whole_site_leaves_as_it_came(start_site: StartSite) -> None:
    outcome = read(start_site().config, NAMES)
    assert not [m for m in outcome.messages if m["type"] == "RECORD" and "meta" in m["record"]]


@pytest.mark.parametrize(
    ("body", "needs_mending"),
    [
        (b'{"results": [{"a": "\\u00e4 \\n"}]}', False),
        ('{"results": [{"a": "한국어 ퟿"}]}'.encode(), False),
        (b'{"results": [{"a": "\xed\xa0\x80"}]}', True),
        (b'{"results": [{"a": "\\uD83D\\uDE00"}]}', False),
        (b'{"results": [{"a": 12345678901234567890123456789012345678}]}', False),
        (b'{"results": [{"a": 1e400}]}', True),
    ],
)
def test_only_what_may_need_mending_is_looked_at_again(body: bytes, needs_mending: bool) -> None:
    assert parsed(body).needs_mending is needs_mending


@pytest.mark.parametrize("behind", [b"", b"\0" * 512, b"not a member of gzip"])
@pytest.mark.parametrize("members", [1, 3])
def test_whatever_stands_behind_the_packed_body_is_left_out(members: int, behind: bytes) -> None:
    packed = gzip.compress(b"{} ") * members + behind
    assert decompressed(CompressedBody(packed, is_gzip=True)) == b"{} " * members


def test_a_packed_body_that_breaks_off_is_no_body() -> None:
    packed = gzip.compress(b'{"results": []}')
    for length in (12, len(packed) - 1):
        with pytest.raises(requests.exceptions.ContentDecodingError):
            decompressed(CompressedBody(packed[:length], is_gzip=True))
    with pytest.raises(requests.exceptions.ContentDecodingError):
        decompressed(CompressedBody(b"<html>", is_gzip=True))


def test_a_packed_body_of_many_members_is_refused() -> None:
    """Each takes a copy of what follows it, so a hundred thousand would take hours."""
    with pytest.raises(TooLargeError, match="100 members of gzip"):
        decompressed(CompressedBody(gzip.compress(b" ") * 100_000, is_gzip=True))
