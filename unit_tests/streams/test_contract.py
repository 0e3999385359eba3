"""What every stream promises, through whole reads of a site on a socket."""

import gc
import weakref
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
import requests
from airbyte_cdk.models import AirbyteMessage
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

from fake_confluence import Content, Fault
from source_confluence import SourceConfluence
from source_confluence.paging.page import Page
from source_confluence.records.records import READ_AT
from source_confluence.streams.base import ConfluenceStream
from unit_tests.conftest import StartSite
from unit_tests.protocol import discover, read
from unit_tests.streams_under_test import (
    ASKED_FOR,
    BY_CURSOR,
    BY_OFFSET,
    KEYS,
    LEFT_OUT,
    NAMES,
    OFFSETS,
    PAGE_SIZES,
    PATHS,
    TABLE,
    WITH_BODIES,
    completed,
    content,
    every_stream,
    linked_stream,
    list_calls,
    on_the_wire,
    row_counts,
    without_key,
)


def test_the_streams_are_those_of_the_catalogue(start_site: StartSite) -> None:
    assert list(discover(start_site().config)) == list(NAMES)


@every_stream
@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_every_row_leaves_once_in_order_and_unchanged(
    stream: str, extra: int, start_site: StartSite
) -> None:
    rows = 2 * PAGE_SIZES[stream] + extra
    site = start_site(content(stream, rows))

    outcome = read(site.config, [stream])

    assert completed(outcome, stream)
    assert without_key(outcome.records(stream)) == on_the_wire(site.service.content.rows(stream))


@every_stream
@pytest.mark.parametrize("rows", [0, 1])
def test_a_list_that_is_empty_or_short_takes_one_request_and_by_offset_two_for_its_end(
    stream: str, rows: int, start_site: StartSite
) -> None:
    site = start_site(content(stream, rows))

    outcome = read(site.config, [stream])

    assert completed(outcome, stream)
    assert len(outcome.records(stream)) == rows
    count = 3 if rows and stream in OFFSETS else 1
    assert [call.path for call in list_calls(site)] == [PATHS[stream]] * count


@every_stream
def test_it_asks_for_full_pages(stream: str, start_site: StartSite) -> None:
    site = start_site(content(stream, PAGE_SIZES[stream] + 1))

    read(site.config, [stream])

    assert [dict(call.params)["limit"] for call in list_calls(site)] == [
        str(PAGE_SIZES[stream])
    ] * (4 if stream in OFFSETS else 2)


@every_stream
def test_a_site_that_gives_smaller_pages_loses_nothing(stream: str, start_site: StartSite) -> None:
    site = start_site(content(stream, 23), page_cap=5)

    outcome = read(site.config, [stream])

    assert completed(outcome, stream)
    assert without_key(outcome.records(stream)) == on_the_wire(site.service.content.rows(stream))


@every_stream
def test_every_record_has_a_key_of_its_own(stream: str, start_site: StartSite) -> None:
    site = start_site(content(stream, 40))
    catalog = discover(site.config)

    keys = [record[KEYS[stream]] for record in read(site.config, [stream]).records(stream)]

    assert catalog[stream]["source_defined_primary_key"] == [[KEYS[stream]]]
    assert all(isinstance(key, str) and key for key in keys)
    assert len(set(keys)) == len(keys) == 40


@every_stream
def test_every_record_is_what_its_schema_says(stream: str, start_site: StartSite) -> None:
    site = start_site(content(stream, 40))
    schema = discover(site.config)[stream]["json_schema"]

    for record in read(site.config, [stream]).records(stream):
        jsonschema.validate(record, schema)


@every_stream
def test_the_modes_that_are_offered_and_that_a_read_can_be_resumed(
    stream: str, start_site: StartSite
) -> None:
    offered = discover(start_site().config)[stream]

    cursor = TABLE[stream].cursor_field
    assert offered["supported_sync_modes"] == ["full_refresh", *(["incremental"] if cursor else [])]
    assert offered["is_resumable"] is True
    assert offered.get("source_defined_cursor", False) is bool(cursor)
    assert offered.get("default_cursor_field", []) == ([cursor] if cursor else [])


@linked_stream
def test_a_page_without_rows_but_with_a_next_link_is_not_the_end(
    stream: str, start_site: StartSite
) -> None:
    site = start_site(content(stream, 600), faults=[Fault(kind="empty_page", first=2, count=2)])

    outcome = read(site.config, [stream])

    assert completed(outcome, stream)
    assert outcome.records(stream) == on_the_wire(site.service.content.rows(stream))
    assert len(list_calls(site)) == 5


@linked_stream
def test_a_next_link_to_another_host_changes_nothing(stream: str, start_site: StartSite) -> None:
    site = start_site(content(stream, 600), faults=[Fault(kind="foreign_next", count=None)])

    outcome = read(site.config, [stream])

    assert completed(outcome, stream)
    assert outcome.records(stream) == on_the_wire(site.service.content.rows(stream))


@pytest.mark.parametrize(
    ("stream", "field"), [(name, field) for name in WITH_BODIES for field in LEFT_OUT[name]]
)
def test_bodies_descriptions_and_icons_arrive(
    stream: str, field: str, start_site: StartSite
) -> None:
    """All that the site has, and of most rows it has them."""
    site = start_site(content(stream, 40))
    arrived = [record.get(field) for record in read(site.config, [stream]).records(stream)]
    assert arrived == [row[field] for row in site.service.content.rows(stream)]
    assert sum(value is not None for value in arrived) > 20


def test_fields_nobody_has_heard_of_come_through(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"id": "1", "invented": {"deep": [1, None, "ü"]}, "title": None}
    monkeypatch.setattr(Content, "row", lambda *_: dict(row))
    site = start_site(content(BY_CURSOR, 1))

    assert read(site.config, [BY_CURSOR]).records(BY_CURSOR) == on_the_wire([row])


def test_all_streams_in_one_sync(start_site: StartSite) -> None:
    site = start_site()

    outcome = read(site.config, NAMES)

    assert outcome.exception is None
    wanted = row_counts(site.service.content)
    assert {name: len(outcome.records(name)) for name in NAMES} == wanted
    assert {outcome.ending(name) for name in NAMES} == {"COMPLETE"}


def test_a_stream_that_does_not_exist_fails_and_the_others_finish(start_site: StartSite) -> None:
    outcome = read(start_site().config, [BY_CURSOR, "no stream", BY_OFFSET])

    assert outcome.exception is not None
    assert outcome.statuses("no stream") == ["INCOMPLETE"]
    assert "'no stream' in your connection configuration was not found" in str(
        outcome.error("no stream")["internal_message"]
    )
    assert outcome.ending(BY_CURSOR) == outcome.ending(BY_OFFSET) == "COMPLETE"


@every_stream
def test_the_stream_itself_changes_nothing_not_even_a_null(
    stream: str, start_site: StartSite
) -> None:
    site = start_site(content(stream, 23), page_cap=5)
    [instance] = [s for s in SourceConfluence().streams(site.config) if s.name == stream]

    for _ in range(2):
        instance.state = {}  # type: ignore[attr-defined]  # as the CDK does before each read
        records = [
            {k: v for k, v in dict(message.record.data).items() if k != READ_AT}
            for message in instance.read_only_records()
            if isinstance(message, AirbyteMessage) and message.record
        ]
        assert without_key(records) == site.service.content.rows(stream)


@every_stream
def test_the_page_size_of_airbytes_test_kit_is_respected(
    stream: str, start_site: StartSite
) -> None:
    site = start_site(content(stream, 12))

    outcome = read({**site.config, "_page_size": 5}, [stream])

    assert len(outcome.records(stream)) == 12
    assert {dict(call.params)["limit"] for call in list_calls(site)} == {"5"}


@every_stream
def test_the_hooks_of_the_cdk_say_where_the_list_is_and_what_stands_in_it(
    stream: str, start_site: StartSite
) -> None:
    """They are for who knows the CDK; the connector's own requests go through its client."""
    site = start_site(content(stream, 3))
    [instance] = [s for s in SourceConfluence().streams(site.config) if s.name == stream]
    assert isinstance(instance, ConfluenceStream)
    response = requests.get(
        instance.url_base + instance.path(),
        params={"limit": str(PAGE_SIZES[stream]), **ASKED_FOR[stream]},
        auth=(site.config["email"], site.config["api_token"]),
        timeout=5,
    )
    assert list(instance.parse_response(response)) == site.service.content.rows(stream)


def test_a_failure_nobody_foresaw_is_told_in_three_parts(start_site: StartSite) -> None:
    for instance in SourceConfluence().streams(start_site().config):
        message = instance.get_error_display_message(ZeroDivisionError()) or ""
        assert "in a way we did not foresee (ZeroDivisionError)." in message
        assert "What to do: " in message


def test_a_file_of_certificates_that_is_not_there_is_named(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = start_site()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file.pem")
    outcome = read(site.config, [BY_CURSOR])
    assert outcome.ending(BY_CURSOR) == "INCOMPLETE"
    assert "REQUESTS_CA_BUNDLE" in outcome.error(BY_CURSOR)["message"]


def test_each_page_is_decoded_once(start_site: StartSite, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[bytes] = []
    parse = Page.parse

    def counting(body: bytes, **options: Any) -> Page:  # noqa: ANN401
        decoded.append(body)
        return parse(body, **options)

    monkeypatch.setattr(Page, "parse", counting)
    site = start_site(content(BY_OFFSET, 12), page_cap=5)

    assert len(read(site.config, [BY_OFFSET]).records(BY_OFFSET)) == 12
    assert len(decoded) == len(site.calls)


def test_pages_are_forgotten_when_their_records_have_left(start_site: StartSite) -> None:
    def pages() -> int:
        gc.collect()
        return len([page for page in gc.get_objects() if isinstance(page, Page) and page.rows])

    site = start_site(content(BY_CURSOR, 23), page_cap=5)
    [instance] = [s for s in SourceConfluence().streams(site.config) if s.name == BY_CURSOR]
    before = pages()
    assert len(list(instance.read_only_records())) >= 23
    assert pages() == before


@every_stream
def test_a_page_is_forgotten_before_the_next_one_is_decoded(
    stream: str, start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pages near the largest size would take twice the memory."""
    alive: weakref.WeakSet[Rows] = weakref.WeakSet()
    seen: list[int] = []
    parse = Page.parse

    def watched(body: bytes, **options: Any) -> Page:  # noqa: ANN401
        seen.append(len(alive))
        page = parse(body, **options)
        rows = Rows(page.rows)
        alive.add(rows)
        return replace(page, rows=rows)

    monkeypatch.setattr(Page, "parse", watched)
    site = start_site(content(stream, 23), page_cap=5)
    assert completed(read(site.config, [stream]), stream)
    assert len(seen) >= 5
    # A list by offset keeps the page before, and one that may be its end, to see whether they meet.
    assert max(seen) <= (2 if stream in OFFSETS else 0)


class Rows(list[Any]):
    """A list that can be watched."""

    __hash__ = object.__hash__  # type: ignore[assignment]


def test_the_token_is_masked_even_when_it_was_entered_with_blanks(start_site: StartSite) -> None:
    config = start_site().config
    SourceConfluence().streams({**config, "api_token": f" {config['api_token']}\n"})
    assert filter_secrets(f"a {config['api_token']} b") == "a **** b"


@every_stream
def test_every_request_has_both_timeouts(
    stream: str, start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeouts = []
    send = requests.Session.send

    def listening(self: requests.Session, *args: Any, **options: Any) -> requests.Response:  # noqa: ANN401
        timeouts.append(options["timeout"])
        return send(self, *args, **options)

    monkeypatch.setattr(requests.Session, "send", listening)
    site = start_site(content(stream, 12), page_cap=5)

    assert completed(read(site.config, [stream]), stream)
    assert len(timeouts) == len(site.calls)
    for timeout in timeouts:
        connect, answer = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        assert 0 < connect <= 30
        assert 0 < answer <= 300
