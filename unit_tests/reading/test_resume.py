"""A read resumes where an earlier one stopped, and nothing is missing."""

import json
from typing import Any

import pytest

from fake_confluence import Fault, RunningSite
from source_confluence.reading.state import COMPLETE, position_in, state_at
from unit_tests.conftest import StartSite
from unit_tests.protocol import Outcome, given, read, states
from unit_tests.streams_under_test import (
    BY_CURSOR,
    BY_OFFSET,
    KEYS,
    NAMES,
    OFFSETS,
    PATHS,
    PINNED,
    SEQUENTIAL,
    SHOWN_TO_VISITORS,
    completed,
    content,
    contents,
    every_stream,
    list_calls,
    nth_page,
    without_key,
)

ROWS = 23  # in pages of 5, which in a list by offset begin with the row before
ROWS_OF_PAGES = {name: [5, 4, 4, 4, 4, 2] if name in OFFSETS else [5] * 4 + [3] for name in NAMES}


def warnings(outcome: Outcome) -> list[str]:
    logs = [m["log"] for m in outcome.messages if m["type"] == "LOG"]
    return [log["message"] for log in logs if log["level"] == "WARN"]


def keys(outcome: Outcome, stream: str) -> list[str]:
    return [record[KEYS[stream]] for record in outcome.records(stream)]


def positions(site: RunningSite) -> list[dict[str, str]]:
    """What the requests for lists asked for, but for what they all ask for."""
    known = {"cursor", "start"}
    return [{k: v for k, v in call.params if k in known} for call in list_calls(site)]


@pytest.fixture
def site(stream: str, start_site: StartSite) -> RunningSite:
    return start_site(content(stream, ROWS), page_cap=5)


@every_stream
def test_a_state_is_printed_after_every_page(stream: str, site: RunningSite) -> None:
    outcome = read(site.config, [stream])
    counts = [0]
    for message in outcome.messages:
        if message["type"] == "RECORD":
            counts[-1] += 1
        elif message["type"] == "STATE":
            counts.append(0)
    assert [count for count in counts if count] == ROWS_OF_PAGES[stream]
    assert states(outcome)[-1] == COMPLETE


@every_stream
def test_a_state_is_small_flat_and_names_its_list(stream: str, site: RunningSite) -> None:
    first = states(read(site.config, [stream]))[0]
    assert first["of"] == f"{site.host}{PATHS[stream]}"
    assert all(isinstance(value, str | int) for value in first.values())
    assert len(json.dumps(first)) < 300
    assert set(first) - {"of", "cursor", "start", "rowBefore", "endDate"} == set()


@every_stream
@pytest.mark.parametrize("page", [0, 1, 3])
def test_a_read_goes_on_where_an_earlier_one_stopped(
    page: int, stream: str, site: RunningSite
) -> None:
    whole = read(site.config, [stream])
    state = states(whole)[page]
    before = len(list_calls(site))

    rest = read(site.config, [stream], state=given(stream, state))

    assert completed(rest, stream)
    assert keys(rest, stream) == keys(whole, stream)[sum(ROWS_OF_PAGES[stream][: page + 1]) :]
    assert len(list_calls(site)) - before <= before - page - 1
    if stream == PINNED:
        ends = {dict(call.params)["endDate"] for call in list_calls(site)}
        assert len(ends) == 1, "what was pinned stays so"


@every_stream
def test_a_stream_that_fails_goes_on_after_its_last_whole_page(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    third = nth_page(stream, 3)
    fault = Fault(kind="status", status=503, path=PATHS[stream], first=third, count=6)
    site = start_site(content(stream, ROWS), page_cap=5, faults=[fault])

    broken = read(site.config, [stream])
    rest = read(site.config, [stream], state=given(stream, states(broken)[-1]))

    assert broken.ending(stream) == "INCOMPLETE"
    assert completed(rest, stream)
    records = [*broken.records(stream), *rest.records(stream)]
    assert len(broken.records(stream)) == sum(ROWS_OF_PAGES[stream][:2])
    assert without_key(records) == [
        {k: v for k, v in row.items() if v is not None} for row in site.service.content.rows(stream)
    ]
    assert waits


@every_stream
def test_after_the_end_a_read_starts_over(stream: str, site: RunningSite) -> None:
    state = states(read(site.config, [stream]))[-1]
    again = read(site.config, [stream], state=given(stream, state))
    assert completed(again, stream)
    assert len(again.records(stream)) == ROWS
    assert not [line for line in again.logs if "reading from the beginning" in line]


FOREIGN: list[dict[str, Any]] = [
    {"cursor": "eyJpZCI6IjkwMDcxOTkyNTQ3NDA5OTMifQ=="},
    {"next_page_token": {"next": "https://elsewhere.invalid/wiki/api/v2/pages?cursor=end"}},
    {"of": "elsewhere.invalid/wiki/api/v2/pages", "cursor": "eyJpZCI6IjkwMDcxOTkyNTQ3NDA5OTMifQ=="},
    {"of": None, "cursor": 7},
    {"of": "HERE", "cursor": "\ud800"},
    {"of": "HERE", "cursor": "x\udfff"},
    {"of": "HERE", "start": 10**4000},
    {"of": "HERE", "start": 10**4000, "endDate": 10**4000},
    {"start": 1_000_000},
    {"creationDate": 4_102_444_800_000},
    {"__ab_full_refresh_sync_complete": False},
    {"__ab_full_refresh_sync_complete": True, "cursor": "x"},
]


@every_stream
@pytest.mark.parametrize("state", FOREIGN, ids=lambda state: json.dumps(state)[:60])
def test_a_state_from_elsewhere_is_ignored_with_a_warning(
    state: dict[str, Any], stream: str, site: RunningSite
) -> None:
    if state.get("of") == "HERE":
        state = {**state, "of": f"{site.host}{PATHS[stream]}"}
    outcome = read(site.config, [stream], state=given(stream, state))
    assert completed(outcome, stream)
    assert len(outcome.records(stream)) == ROWS
    assert len([line for line in outcome.logs if "reading from the beginning" in line]) == 1


NO_LISTS: list[object] = [
    7,
    10**4000,
    False,
    '"state"',
    {BY_CURSOR: {"cursor": "eyJpZCI6IjkwMDcxOTkyNTQ3NDA5OTMifQ=="}},
    {"type": "STREAM", "stream": {"stream_descriptor": {"name": BY_CURSOR}, "stream_state": {}}},
    {"type": "GLOBAL", "global": {"shared_state": {}, "stream_states": []}},
    {"\ud800": None},
]


@pytest.mark.parametrize("document", NO_LISTS, ids=lambda document: repr(document)[:30])
def test_what_is_no_list_of_states_is_ignored_with_a_warning(
    document: object, start_site: StartSite
) -> None:
    site = start_site(content(BY_CURSOR, ROWS), page_cap=5)
    outcome = read(site.config, [BY_CURSOR], state=document)
    assert completed(outcome, BY_CURSOR)
    assert len(outcome.records(BY_CURSOR)) == ROWS
    [warning] = warnings(outcome)
    assert "What --state gives is no list of states" in warning
    assert "All streams are read from the beginning." in warning


def nested(levels: int) -> object:
    tree: object = "x"
    for _ in range(levels):
        tree = {"cursor": tree}
    return tree


NAMED = {"stream_descriptor": {"name": BY_CURSOR}}
NO_STATES: list[object] = [
    None,
    7,
    BY_CURSOR,
    [],
    {},
    {BY_CURSOR: {"cursor": "x"}},
    {"type": "STREAM"},
    {"type": "STREAM", "stream": None},
    {"type": "STREAM", "stream": BY_CURSOR},
    {"type": "STREAM", "stream": {"stream_state": {"cursor": "x"}}},
    {"type": "STREAM", "stream": {"stream_descriptor": BY_CURSOR}},
    {"type": "STREAM", "stream": {"stream_descriptor": {"name": 7}, "stream_state": {}}},
    {"type": "STREAM", "stream": {"stream_descriptor": {"name": BY_CURSOR, "namespace": 7}}},
    {"type": "LEGACY", "data": {BY_CURSOR: {"cursor": "x"}}},
    {"type": "GLOBAL", "global": {"shared_state": {"a": 1}, "stream_states": [NAMED]}},
    {"type": ["STREAM"], "stream": NAMED},
    {"stream": NAMED},
    {"type": "STREAM", "stream": NAMED, "sourceStats": "many"},
    *given(BY_CURSOR, 7),
    *given(BY_CURSOR, "x"),
    *given(BY_CURSOR, []),
    *given(BY_CURSOR, [["of", BY_CURSOR]]),
    *given(BY_CURSOR, nested(600)),
]


@pytest.mark.parametrize("entry", NO_STATES, ids=lambda entry: json.dumps(entry)[:60])
def test_what_is_no_state_of_a_stream_is_ignored_with_a_warning(
    entry: object, start_site: StartSite
) -> None:
    site = start_site(contents({BY_CURSOR: ROWS, SEQUENTIAL: ROWS}), page_cap=5)
    [_, second, *_] = states(read(site.config, [SEQUENTIAL]))

    outcome = read(site.config, [BY_CURSOR, SEQUENTIAL], state=[entry, *given(SEQUENTIAL, second)])

    assert completed(outcome, BY_CURSOR)
    assert completed(outcome, SEQUENTIAL)
    assert len(outcome.records(BY_CURSOR)) == ROWS
    assert len(outcome.records(SEQUENTIAL)) == ROWS - 10, "the other one is as it was"
    [warning] = warnings(outcome)
    assert "1 of 2 entries (number 1) are ignored" in warning
    assert "is read from the beginning" in warning


def test_a_warning_about_many_states_is_short(start_site: StartSite) -> None:
    site = start_site(content(BY_CURSOR, ROWS))
    [warning] = warnings(read(site.config, [BY_CURSOR], state=[7] * 100_000))
    assert "100000 of 100000 entries (number 1, 2, 3, 4, 5, …)" in warning
    assert len(warning) < 300


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        "null",
        given(BY_CURSOR, None),
        given(BY_CURSOR, {}),
        [{"type": "STREAM", "stream": NAMED}],
        given("of another connector", {"cursor": {"next": "x"}}),
        given("\ud800", {"\udfff": "\ud800"}),
        [{"type": "STREAM", "stream": NAMED, "data": {BY_CURSOR: {}}, "more": [1]}],
    ],
    ids=json.dumps,
)
def test_what_may_be_given_to_a_first_read_is_no_reason_for_a_warning(
    document: object, start_site: StartSite
) -> None:
    site = start_site(content(BY_CURSOR, ROWS), page_cap=5)
    outcome = read(site.config, [BY_CURSOR], state=document)
    assert completed(outcome, BY_CURSOR)
    assert len(outcome.records(BY_CURSOR)) == ROWS
    assert warnings(outcome) == []


def test_of_keys_and_states_that_are_given_twice_the_last_counts(start_site: StartSite) -> None:
    site = start_site(content(BY_CURSOR, ROWS), page_cap=5)
    first, second, *_ = [json.dumps(state) for state in states(read(site.config, [BY_CURSOR]))]
    named = '"type": "STREAM", "stream": {"stream_descriptor": {"name": "%s"}, "stream_state": '
    named %= BY_CURSOR
    text = f'[{{{named}{first}}}}}, {{"type": "GLOBAL", {named}7, "stream_state": {second}}}}}]'
    outcome = read(site.config, [BY_CURSOR], state=text)
    assert completed(outcome, BY_CURSOR)
    assert len(outcome.records(BY_CURSOR)) == ROWS - 10
    assert warnings(outcome) == []


@pytest.mark.parametrize("stream", NAMES)
@pytest.mark.parametrize("other", NAMES)
def test_the_state_of_another_stream_is_ignored(
    other: str, stream: str, start_site: StartSite
) -> None:
    site = start_site(contents({}, others=9), page_cap=2)
    state = states(read(site.config, [other]))[2]
    outcome = read(site.config, [stream], state=given(stream, state))
    assert completed(outcome, stream)
    rest = 5 if stream in OFFSETS else 3
    assert len(outcome.records(stream)) == (rest if other == stream else 9)


@every_stream
def test_the_state_of_another_site_is_ignored(stream: str, site: RunningSite) -> None:
    state = states(read(site.config, [stream]))[2]
    elsewhere = {**state, "of": state["of"].replace(site.host, "acme.atlassian.net")}
    outcome = read(site.config, [stream], state=given(stream, elsewhere))
    assert completed(outcome, stream)
    assert len(outcome.records(stream)) == ROWS


@pytest.mark.parametrize(
    ("stream", "place"),
    [
        (BY_CURSOR, {"cursor": "not a cursor at all"}),
        (SEQUENTIAL, {"cursor": "eyJpZCI6IjkwMDcxOTkyNTQ3NDA5OTMifQ=="}),
        (BY_OFFSET, {"start": 1_000_000}),
        (PINNED, {"start": 1_000_000, "endDate": 4_102_444_800_000}),
    ],
)
def test_a_place_that_is_not_there_any_more_ends_no_stream_early(
    stream: str, place: dict[str, Any], start_site: StartSite
) -> None:
    site = start_site(content(stream, ROWS), page_cap=5)
    state = state_at(place, of=f"{site.host}{PATHS[stream]}")

    outcome = read(site.config, [stream], state=given(stream, state))

    assert completed(outcome, stream)
    assert len(outcome.records(stream)) == ROWS
    assert len([line for line in outcome.logs if "has nothing where" in line]) == 1
    assert positions(site)[1] == {}


@pytest.mark.parametrize("stream", SHOWN_TO_VISITORS)
@pytest.mark.parametrize("asked", [1, 2], ids=["after the first page", "at the end"])
def test_what_visitors_were_shown_leaves_no_state_to_go_on_from(
    asked: int, stream: str, start_site: StartSite
) -> None:
    unknown = Fault(kind="status", status=401, path="/user/current", first=asked, count=None)
    site = start_site(content(stream, ROWS), page_cap=5, faults=[unknown])

    outcome = read(site.config, [stream])

    assert outcome.ending(stream) == "INCOMPLETE"
    assert states(outcome)[-1] == {}
    assert len(states(outcome)) == (1 if asked == 1 else 5)


@pytest.mark.parametrize("stream", SHOWN_TO_VISITORS)
@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
@pytest.mark.parametrize("moments", [2, None])
def test_a_moment_without_recognition_leaves_the_state_as_it_is(
    moments: int | None, stream: str, start_site: StartSite, waits: list[float]
) -> None:
    unknown = Fault(kind="unrecognised", path="/user/current", first=2, count=moments)
    site = start_site(content(stream, ROWS), page_cap=5, faults=[unknown])

    outcome = read(site.config, [stream])

    assert outcome.ending(stream) == ("COMPLETE" if moments else "INCOMPLETE")
    assert (states(outcome)[-1] == {}) == (moments is None)
    assert len(waits) == 2


@pytest.mark.parametrize("value", ["", 7, None, True, ["x"]])
def test_a_cursor_is_a_text(value: object) -> None:
    state = {"of": "acme.example/pages", "cursor": value}
    assert position_in(state, of="acme.example/pages", like={"cursor": "x"}, mark={}) is None


@pytest.mark.parametrize("value", ["7", -1, None, True, 1.5])
def test_an_offset_is_a_count(value: object) -> None:
    state = {"of": "acme.example/group", "start": value}
    assert position_in(state, of="acme.example/group", like={"start": 1}, mark={}) is None


def test_a_position_comes_back_as_it_went() -> None:
    position = {"start": 7, "endDate": 9}
    state = state_at(position, of="acme.example/audit")
    like = {"start": 1, "endDate": 1}
    assert position_in(state, of="acme.example/audit", like=like, mark={}) == position
    marked = {**state, "rowBefore": "9f86d081884c7d65"}
    assert position_in(marked, of="acme.example/audit", like=like, mark={}) is None
    mark = {"rowBefore": "x"}
    found = position_in(marked, of="acme.example/audit", like=like, mark=mark)
    assert found == {**position, "rowBefore": "9f86d081884c7d65"}
