"""A page that came ahead is the one that would come in turn; too large ones are made smaller."""

import json
import pickle
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any

import orjson
import pytest

from fake_confluence import Call, RunningSite
from fake_confluence.catalog import configured_catalog
from fake_confluence.reply import Reply
from source_confluence.paging.by_cursor import ByCursor
from source_confluence.paging.listing import Heavy, Listing
from source_confluence.reading import lookahead
from source_confluence.reading.slot import Slot
from source_confluence.transport.body import CompressedBody
from unit_tests.conftest import StartSite, change_answers
from unit_tests.protocol import lines_of, read
from unit_tests.streams_under_test import (
    ASKED_FOR,
    BY_ID,
    BY_OFFSET,
    OFFSETS,
    PAGE_SIZES,
    PATHS,
    PINNED,
    PREFETCHED,
    completed,
    content,
    contents,
    every_stream,
    list_calls,
    offset_stream,
    whole,
)

with_8_workers = pytest.mark.parametrize("num_workers", [8], indirect=True)
SHARES = 13  # of the memory of the window, with 8 workers


def is_read_whole(site: RunningSite, stream: str) -> bool:
    return whole(read(site.config, [stream]), site, stream, extra="pad")


def make_large(
    site: RunningSite, stream: str, byte_count: int, which: Callable[[int], bool]
) -> None:
    """Add to rows that leave so many bytes that gzip cannot make fewer."""
    keys = [_key(row) for row in site.service.content.rows(stream)]
    chance = Random(1)  # noqa: S311 (a test)
    pads = {key: chance.randbytes(byte_count).hex() for i, key in enumerate(keys) if which(i)}

    def larger(call: Call, answer: Reply) -> Reply:
        if call.path != PATHS[stream]:
            return answer
        is_listing = stream in PREFETCHED and not ASKED_FOR[stream].keys() & dict(call.params)
        pad = {} if is_listing else pads
        rows = [
            {**row, "pad": pad[_key(row)]} if _key(row) in pad else row
            for row in answer.document["results"]
        ]
        return replace(answer, document={**answer.document, "results": rows})

    change_answers(site, larger)


def _key(row: dict[str, Any]) -> str:
    return str(row.get("id") or orjson.dumps(row))


@every_stream
@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
@pytest.mark.parametrize("page_cap", [1, 2, 3])
def test_pages_of_a_row_or_two_end_nothing(
    page_cap: int, stream: str, start_site: StartSite
) -> None:
    site = start_site(content(stream, 25), page_cap=page_cap)
    assert is_read_whole(site, stream)


@every_stream
@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
@pytest.mark.parametrize(("before", "after"), [(10, 5), (10, 1), (5, 10)])
def test_a_site_may_change_its_own_limit_during_the_read(
    before: int, after: int, stream: str, start_site: StartSite
) -> None:
    site = start_site(content(stream, 100), page_cap=before)

    def changed(_: Call, answer: Reply) -> Reply:
        site.service.page_cap = before if len(list_calls(site)) < 4 else after
        return answer

    change_answers(site, changed)
    assert is_read_whole(site, stream)


@pytest.mark.parametrize("num_workers", [8, 25], indirect=True)
@pytest.mark.parametrize("seed", range(8))
@offset_stream
def test_pages_of_any_length_are_followed_as_long_as_there_is_more(
    stream: str, seed: int, start_site: StartSite
) -> None:
    """A page that is shorter than the one before says in a next link that it is not the last."""
    site = start_site(content(stream, 60), page_cap=5)
    chance = Random(seed)  # noqa: S311 (a test)

    def shorter(call: Call, answer: Reply) -> Reply:
        if call.path != PATHS[stream] or not answer.document["results"]:
            return answer
        rows = answer.document["results"][: chance.randint(1, 5)]
        end = int(dict(call.params).get("start", 0)) + len(rows)
        links = {"next": f"{PATHS[stream]}?start={end}"} if end < 60 else {}
        return replace(answer, document={**answer.document, "results": rows, "_links": links})

    change_answers(site, shorter)
    assert is_read_whole(site, stream)


@with_8_workers
@pytest.mark.parametrize("stream", [BY_ID, *OFFSETS])
def test_what_is_too_large_for_the_window_is_asked_for_in_smaller_parts(
    stream: str, start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = PAGE_SIZES[stream]
    byte_count = 250_000 // limit
    monkeypatch.setattr(lookahead, "MAX_WINDOW_BYTES", SHARES * limit * byte_count * 3 // 4)
    site = start_site(content(stream, 6 * limit))
    make_large(site, stream, byte_count, lambda _: True)
    assert is_read_whole(site, stream)
    limits = [int(dict(call.params)["limit"]) for call in list_calls(site)]
    assert limits.count(limit // 2) > 3
    assert min(limits) == limit // 2 or stream == BY_ID, "half once, for all that came ahead"


@with_8_workers
def test_a_few_huge_rows_do_not_end_the_fetching_ahead(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages become small there, and grow again behind."""
    monkeypatch.setattr(lookahead, "MAX_WINDOW_BYTES", SHARES * 200_000)
    site = start_site(content(BY_ID, 6_000))
    make_large(site, BY_ID, 200_000, lambda i: i < 1_600 and i % 250 == 100)
    assert is_read_whole(site, BY_ID)
    calls = [dict(call.params) for call in list_calls(site)]
    plain = [call for call in calls if "id" not in call and "body-format" in call]
    assert 0 < len(plain) < 60
    assert calls[-1]["id"]
    assert [call["limit"] for call in calls].count("250") > 10, "once more"


def test_a_page_that_is_listed_holds_its_ids_and_not_its_rows() -> None:
    rows = [{"id": str(i), "title": "x" * 1_000} for i in range(250)]
    paging = ByCursor(max_rows=250, fetch_by="id")
    body = Heavy(field="body", parameter="body-format", value="storage")
    plan = paging.first_plan(Listing(path="list", paging=paging, heavy=(body,)), {}, 250)
    assert plan is not None
    slot = Slot(plan)
    slot.body = CompressedBody(orjson.dumps({"results": rows, "_links": {}}), is_gzip=False)
    slot.read_body(None)
    assert slot.plan.request.query["id"].startswith("0,1,2,")
    assert len(pickle.dumps(slot)) < 10_000


@with_8_workers
def test_a_refusal_that_comes_after_the_end_of_a_stream_holds_the_next_one(
    start_site: StartSite, waits: list[float]
) -> None:
    """It is the answer to a request for events behind the end of the list."""
    site = start_site(contents({PINNED: 40, BY_OFFSET: 60}), page_cap=10)
    is_refused, groups_have_begun = threading.Event(), threading.Event()

    def late(call: Call, answer: Reply) -> Reply:
        start = int(dict(call.params).get("start", 0))
        if call.path == PATHS[BY_OFFSET] and start:
            groups_have_begun.set()
            assert is_refused.wait(10)
            time.sleep(0.1)
        elif call.path == PATHS[PINNED] and start > 40:
            assert groups_have_begun.wait(10)
            is_refused.set()
            return replace(answer, status=429, headers={"Retry-After": "70"}, document={})
        return answer

    change_answers(site, late)
    outcome = read(site.config, [PINNED, BY_OFFSET])
    assert completed(outcome, PINNED)
    assert completed(outcome, BY_OFFSET)
    assert 69 < sum(waits) < 100


@pytest.mark.parametrize("num_workers", [2], indirect=True)
def test_threads_that_are_still_busy_for_a_stream_that_has_ended_do_not_hold_the_next_one(
    start_site: StartSite,
) -> None:
    site = start_site(contents({PINNED: 60, BY_ID: 40}), page_cap=10)
    goes_on, went_on_in_time = threading.Event(), []

    def slow_behind_the_end(call: Call, answer: Reply) -> Reply:
        if call.path == PATHS[PINNED] and int(dict(call.params).get("start", 0)) > 60:
            went_on_in_time.append(goes_on.wait(5))
        if call.path == PATHS[BY_ID] and "cursor" in dict(call.params):
            goes_on.set()
        return answer

    change_answers(site, slow_behind_the_end)
    outcome = read(site.config, [PINNED, BY_ID])
    assert completed(outcome, PINNED)
    assert completed(outcome, BY_ID)
    assert len(outcome.records(BY_ID)) == 40
    assert all(went_on_in_time)


@with_8_workers
def test_what_comes_next_is_asked_for_while_the_rows_of_a_page_leave(
    start_site: StartSite,
) -> None:
    """The second list of ids comes when the first rows leave, so the third is asked for then."""
    site = start_site(content(BY_ID, 1_000))
    rows_leave, third_is_asked_for = threading.Event(), threading.Event()
    lists_of_ids = count(1)
    happens = {2: lambda: rows_leave.wait(10), 3: third_is_asked_for.set}

    def late(call: Call, answer: Reply) -> Reply:
        if call.path == PATHS[BY_ID] and "body-format" not in dict(call.params):
            happens.get(next(lists_of_ids), bool)()
        return answer

    change_answers(site, late)
    row_count = row_count_before = 0
    for line in lines_of("read", config=site.config, catalog=configured_catalog(BY_ID)):
        row_count += json.loads(line)["type"] == "RECORD"
        if row_count and not third_is_asked_for.is_set():
            rows_leave.set()
            third_is_asked_for.wait(0.03)
            row_count_before = row_count
    assert row_count == 1_000
    assert row_count_before < 250


@with_8_workers
def test_a_short_page_that_does_not_meet_the_one_before_it_is_not_the_end(
    start_site: StartSite,
) -> None:
    """A group is added; the last page was answered before that, the one in front of it after."""
    site = start_site(content(BY_OFFSET, 23))
    before = site.service.content.rows(BY_OFFSET)
    after = [*before[:18], {**before[0], "id": "added", "name": "added"}, *before[18:]]
    answered_after = (16, 21)  # one comes ahead; the other is the last, asked for in its turn

    def changing(call: Call, answer: Reply) -> Reply:
        if call.path != PATHS[BY_OFFSET]:
            return answer
        start = int(dict(call.params).get("start", 0))
        rows = after if start in answered_after else before
        links = {"next": f"{PATHS[BY_OFFSET]}?start=1"} if start + 5 < len(rows) else {}
        page = {"results": rows[start : start + 5], "limit": 200, "_links": links}
        return replace(answer, document=page)

    change_answers(site, changing)
    outcome = read(site.config, [BY_OFFSET])
    assert completed(outcome, BY_OFFSET)
    assert [record["id"] for record in outcome.records(BY_OFFSET)] == [row["id"] for row in after]
    assert 20 in starts(site), "it came ahead, and was short"


@with_8_workers
@offset_stream
def test_an_answer_without_rows_that_comes_ahead_is_not_the_end(
    stream: str, start_site: StartSite
) -> None:
    """It does not even hold the row before."""
    site = start_site(content(stream, 23), page_cap=5)

    def empty(call: Call, answer: Reply) -> Reply:
        if call.path != PATHS[stream] or dict(call.params).get("start") != "8":
            return answer
        return replace(answer, document={**answer.document, "results": [], "_links": {}})

    change_answers(site, empty)
    assert is_read_whole(site, stream)
    assert 8 in starts(site)


@pytest.mark.parametrize("num_workers", [2], indirect=True)
@offset_stream
def test_behind_the_end_nothing_more_is_asked_for(stream: str, start_site: StartSite) -> None:
    """What is in flight when the end comes is all there is, and one more that finds nothing."""
    site = start_site(content(stream, 100), page_cap=5)
    is_behind_the_end, is_read = threading.Event(), threading.Event()

    def late(call: Call, answer: Reply) -> Reply:
        start = int(dict(call.params).get("start", 0))
        if start == 96:  # the last one, with the row before
            assert is_behind_the_end.wait(10)
        if start >= 100 and not is_behind_the_end.is_set():
            is_behind_the_end.set()
            assert is_read.wait(10)
        return answer

    change_answers(site, late)
    try:
        assert is_read_whole(site, stream)
    finally:
        is_read.set()
    assert sum(start >= 100 for start in starts(site)) == 2


def starts(site: RunningSite) -> list[int]:
    """The offsets that were asked for."""
    return [int(dict(call.params).get("start", 0)) for call in list_calls(site)]
