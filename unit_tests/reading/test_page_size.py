"""An answer that is too much is asked for in smaller parts, from the same place."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from fake_confluence import Content, Fault, RunningSite
from source_confluence.failures import table
from source_confluence.failures.failure import Failure, FinalFailureError
from source_confluence.limits.throttle import Throttle
from source_confluence.paging.by_cursor import ByCursor
from source_confluence.paging.listing import Heavy, Listing
from source_confluence.paging.page import Page
from source_confluence.paging.pager import row_key
from source_confluence.paging.plan import PageRequest
from source_confluence.reading.context import ListContext
from source_confluence.reading.page_size import PageSize
from source_confluence.reading.page_source import Batch
from source_confluence.reading.retrying import RetryingClient
from source_confluence.reading.sequential import Sequential
from unit_tests.conftest import StartSite
from unit_tests.protocol import Message, Outcome, read
from unit_tests.streams_under_test import (
    ASKED_FOR,
    LEFT_OUT,
    OTHERS,
    PAGE_SIZES,
    PATHS,
    WITH_BODIES,
    WITH_BODY,
    WITHOUT_ID,
    completed,
    content,
    every_stream,
    list_calls,
    nth_page,
    on_the_wire,
    sizes,
    without_key,
)


def limits(site: RunningSite) -> list[int]:
    return [int(dict(call.params)["limit"]) for call in list_calls(site)]


def changes(outcome: Outcome) -> dict[str, list[Message]]:
    """The marks of the records that have some, by id."""
    records = [m["record"] for m in outcome.messages if m["type"] == "RECORD"]
    return {r["data"]["id"]: r["meta"]["changes"] for r in records if "meta" in r}


def test_the_size_is_halved_down_to_one_and_grows_back() -> None:
    size = PageSize(250)
    halves = []
    while size.rows > 1:
        size.failed(size.rows)
        halves.append(size.rows)
    assert halves == [125, 62, 31, 15, 7, 3, 1]
    size.failed(size.rows)
    assert size.rows == 1
    grown = []
    for _ in range(30):
        size.succeeded(size.rows)
        grown.append(size.rows)
    assert grown[:6] == [1, 1, 2, 2, 2, 4]
    assert grown[-1] == 250


def test_a_size_that_is_always_too_much_is_tried_less_and_less() -> None:
    """100,000 rows of a site that never manages more than 200 at once: 9 attempts too many."""
    size, too_much, rows = PageSize(250), 0, 0
    while rows < 100_000:
        if size.rows > 200:
            too_much += 1
            size.failed(size.rows)
        else:
            rows += size.rows
            size.succeeded(size.rows)
    assert too_much == 9
    for _ in range(800):
        size.succeeded(size.rows)
    assert size.rows == 250, "it is tried again, and kept when it works"
    size.failed(size.rows)
    for _ in range(3):
        size.succeeded(size.rows)
    assert size.rows == 250


@every_stream
@pytest.mark.parametrize("status", [413, 500, 502, 504])
def test_too_many_rows_are_asked_for_in_smaller_parts(
    stream: str, status: int, start_site: StartSite, waits: list[float]
) -> None:
    largest = PAGE_SIZES[stream]
    fault = Fault(
        kind="status", status=status, path=PATHS[stream], limit_above=largest // 4, count=None
    )
    site = start_site(content(stream, largest + 7), faults=[fault])

    outcome = read(site.config, [stream])

    assert completed(outcome, stream)
    assert without_key(outcome.records(stream)) == on_the_wire(site.service.content.rows(stream))
    assert limits(site)[:4] == [largest, largest // 2, largest // 4, largest // 4]
    assert limits(site)[5] == largest // 4 * 2, "it grows back"
    assert waits == [2] * sum(limit > largest // 4 for limit in limits(site))
    assert changes(outcome) == {}
    cursors = [dict(call.params).get("cursor") for call in list_calls(site)]
    starts = [dict(call.params).get("start") for call in list_calls(site)]
    assert len(set(zip(cursors[:3], starts[:3], strict=True))) == 1, "from the same place"


@every_stream
def test_a_moment_of_failure_costs_a_wait_and_a_smaller_page(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    once = Fault(kind="status", status=502, first=nth_page(stream, 1))
    site = start_site(content(stream, 12), faults=[once])
    outcome = read(site.config, [stream])
    assert completed(outcome, stream)
    assert len(outcome.records(stream)) == 12
    assert waits == [2]
    [line] = [line for line in outcome.logs if "asking for" in line]
    largest = PAGE_SIZES[stream]
    assert line.endswith(f"; asking for {largest // 2} instead of {largest} rows.")


@every_stream
def test_a_slow_answer_is_asked_for_in_smaller_parts(
    stream: str, start_site: StartSite, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_confluence.transport.exchange.READ_TIMEOUT_SECONDS", 0.2)
    slow = Fault(kind="slow", seconds=1, path=PATHS[stream], limit_above=100, count=None)
    site = start_site(content(stream, 12), faults=[slow])
    outcome = read(site.config, [stream])
    assert completed(outcome, stream)
    assert len(outcome.records(stream)) == 12
    assert limits(site)[-1] <= 100
    assert waits == [2] * sum(limit > 100 for limit in limits(site))


@every_stream
def test_what_fails_in_every_size_fails_the_stream(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    second = nth_page(stream, 2)
    lasting = Fault(kind="status", status=500, path=PATHS[stream], first=second, count=None)
    site = start_site(content(stream, 12), page_cap=5, faults=[lasting])

    outcome = read(site.config, [stream, OTHERS[stream]])

    assert outcome.ending(stream) == "INCOMPLETE"
    assert len(outcome.records(stream)) == 5
    assert outcome.error(stream)["failure_type"] == "transient_error"
    assert outcome.statuses(OTHERS[stream])[-1] == "COMPLETE"
    calls = [call for call in list_calls(site) if call.path == PATHS[stream]]
    asked = [int(dict(call.params)["limit"]) for call in calls][1:]
    assert asked == sorted(asked, reverse=True)
    assert asked.count(1) == (2 + 6 if stream in WITH_BODIES else 6)
    assert len(waits) >= 10


@pytest.mark.parametrize("stream", WITH_BODIES)
@pytest.mark.parametrize("status", [413, 500, 502, 504])
@pytest.mark.parametrize("row", [0, 6, 11])
def test_a_row_whose_body_fails_leaves_without_it(
    row: int, status: int, stream: str, start_site: StartSite, waits: list[float]
) -> None:
    poison = Fault(kind="poison", status=status, row=row, path=PATHS[stream], count=None)
    site = start_site(content(stream, 12), page_cap=5, faults=[poison])

    outcome = read(site.config, [stream])

    assert completed(outcome, stream)
    whole = site.service.content.rows(stream)
    light = {k: v for k, v in whole[row].items() if k not in LEFT_OUT[stream]}
    assert outcome.records(stream) == on_the_wire([*whole[:row], light, *whole[row + 1 :]])
    assert changes(outcome) == {
        whole[row]["id"]: [
            {"field": field, "change": "NULLED", "reason": "SOURCE_RETRIEVAL_ERROR"}
            for field in LEFT_OUT[stream]
        ]
    }
    warnings = [line for line in outcome.logs if "is emitted without it" in line]
    assert [whole[row]["id"] in line for line in warnings] == [True]
    [summary] = [line for line in outcome.logs if line.startswith(f"Stream '{stream}' is complete")]
    assert "1 without a part (see the warnings above)" in summary
    assert sum(waits) < 60


@pytest.mark.parametrize("stream", WITH_BODIES)
def test_a_site_that_recovers_in_the_meantime_gives_the_body(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    """All sizes fail, and the row alone twice; then the list without bodies works again."""
    moment = Fault(kind="status", status=500, path=PATHS[stream], count=9)
    site = start_site(content(stream, 12), faults=[moment])

    outcome = read(site.config, [stream])

    assert completed(outcome, stream)
    assert outcome.records(stream) == on_the_wire(site.service.content.rows(stream))
    assert changes(outcome) == {}
    asked = [dict(call.params) for call in list_calls(site)]
    assert [i for i, params in enumerate(asked) if not ASKED_FOR[stream].keys() & params] == [9]
    assert waits


@pytest.mark.parametrize(("count", "ending"), [(25, "COMPLETE"), (26, "INCOMPLETE")])
def test_bodies_that_all_fail_are_the_fault_of_the_site(
    count: int, ending: str, start_site: StartSite, waits: list[float]
) -> None:
    """More than 25 in a row: better no end now than a table without bodies."""
    fault = Fault(kind="poison", row_count=count, path=PATHS[WITH_BODY], count=None)
    site = start_site(content(WITH_BODY, count + 3), faults=[fault])

    outcome = read(site.config, [WITH_BODY])

    assert outcome.ending(WITH_BODY) == ending
    assert len(changes(outcome)) == 25
    assert waits


@pytest.mark.parametrize("stream", WITH_BODIES)
def test_an_answer_that_is_too_large_is_asked_for_in_smaller_parts(
    stream: str, start_site: StartSite, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_confluence.transport.body.MAX_BODY_BYTES", 20_000)
    large = Fault(kind="huge", size_bytes=30_000, path=PATHS[stream], limit_above=2, count=None)
    site = start_site(content(stream, 12), faults=[large])
    outcome = read(site.config, [stream])
    assert completed(outcome, stream)
    assert outcome.records(stream) == on_the_wire(site.service.content.rows(stream))
    assert max(limits(site)[7:]) <= 4
    assert waits


class Pauses(Throttle):
    """Counts the waits."""

    def __init__(self) -> None:
        self.count = 0

    def wait(self, seconds: float) -> None:
        assert seconds == 2
        self.count += 1


class Asked(RetryingClient):
    """Answers requests as a list says: a failure, or None for a page."""

    def __init__(self, *answers: Failure | None) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[int, bool]] = []
        self.retries: list[tuple[int, int]] = []
        self.page_size = PageSize(4)
        self.throttle = Pauses()
        heavy = (Heavy(field="body", parameter="body-format", value="storage"),)
        not_used: Any = None
        context = ListContext(
            sync=not_used,
            listing=Listing(path="list", paging=ByCursor(max_rows=4), heavy=heavy),
            key=row_key,
            stream=WITH_BODY,
            request=not_used,
            throttle=self.throttle,
            progress=not_used,
            logger=logging.getLogger("test"),
        )
        self.source = Sequential(context, self, self.page_size)

    def batch(
        self, request: PageRequest, *, place: str, max_retries: Callable[[Failure], int]
    ) -> Batch:
        assert place == "here"
        rows = request.query["limit"]
        self.requests.append((rows, "body-format" not in request.query))
        self.retries.append((max_retries(table.SERVER_ERROR), max_retries(table.FORBIDDEN)))
        failure = self.answers.pop(0)
        if failure is not None:
            raise FinalFailureError(failure, "message", "brief")
        return Batch(page=Page(rows=[], asked_rows=rows))

    def fetch(self) -> Batch:
        return self.source.page_at({}, "here")


TOO_MUCH = table.SERVER_ERROR


def test_pages_of_fewer_rows_do_not_let_the_size_grow() -> None:
    """They were asked for ahead, before it grew."""
    asked = Asked(TOO_MUCH, None)
    asked.fetch()
    assert asked.page_size.rows == 2
    for _ in range(10):
        asked.page_size.succeeded(1)
    assert asked.page_size.rows == 2
    for _ in range(2):
        asked.page_size.succeeded(2)
    assert asked.page_size.rows == 4


def test_each_size_is_tried_once_and_a_row_alone_twice() -> None:
    asked = Asked(TOO_MUCH, TOO_MUCH, TOO_MUCH, None, TOO_MUCH)
    assert asked.fetch().is_light
    assert asked.requests == [(4, False), (2, False), (1, False), (1, True), (1, False)]
    assert [of_size for of_size, _ in asked.retries] == [0, 0, 1, TOO_MUCH.max_retries, 2]
    assert {other for _, other in asked.retries} == {table.FORBIDDEN.max_retries}
    assert asked.throttle.count == 3


@pytest.mark.parametrize("place", [0, 1, 3, 4])
def test_another_failure_is_no_matter_of_size(place: int) -> None:
    answers: list[Failure | None] = [TOO_MUCH, TOO_MUCH, TOO_MUCH, None, TOO_MUCH]
    answers[place] = table.FORBIDDEN
    asked = Asked(*answers)
    with pytest.raises(FinalFailureError) as raised:
        asked.fetch()
    assert raised.value.failure is table.FORBIDDEN
    assert len(asked.requests) == place + 1


def test_rows_without_bodies_are_counted_in_a_row_only() -> None:
    """Forty of them, but never more than twenty without a whole one in between."""
    light: list[Failure | None] = [TOO_MUCH, None, TOO_MUCH]
    asked = Asked(TOO_MUCH, TOO_MUCH, *light * 20, None, *light * 20)
    fetched = [asked.fetch().is_light for _ in range(41)]
    assert fetched == [True] * 20 + [False] + [True] * 20


def test_a_whole_row_after_a_light_one_ends_the_row_of_light_ones() -> None:
    light: list[Failure | None] = [TOO_MUCH, None, TOO_MUCH]
    recovered: list[Failure | None] = [TOO_MUCH, None, None]
    asked = Asked(TOO_MUCH, TOO_MUCH, *light * 20, *recovered, *light * 20)
    fetched = [asked.fetch().is_light for _ in range(41)]
    assert fetched.count(False) == 1


class Alike(Content):
    """Some events are the same as the one before, as those of one millisecond may be."""

    def row(self, name: str, index: int, *parents: str) -> Message:
        return super().row(name, {4: 3, 5: 3, 6: 3, 7: 3, 10: 9}.get(index, index), *parents)


@pytest.mark.parametrize("largest", [1, 2, 3, 1000])
@pytest.mark.parametrize("page_cap", [None, 1, 2, 3, 4, 5, 9])
@pytest.mark.usefixtures("waits")
def test_events_that_are_alike_all_leave(
    page_cap: int | None, largest: int, start_site: StartSite
) -> None:
    small = Fault(
        kind="status", status=413, path=PATHS[WITHOUT_ID], limit_above=largest, count=None
    )
    site = start_site(Alike(**sizes({WITHOUT_ID: 12})), faults=[small], page_cap=page_cap)
    outcome = read(site.config, [WITHOUT_ID])
    assert completed(outcome, WITHOUT_ID)
    assert len(outcome.records(WITHOUT_ID)) == 12


def test_a_row_that_comes_again_and_again_is_no_list(
    start_site: StartSite, waits: list[float]
) -> None:
    """The site ignores the position, and gives one row at a time."""
    faults = [
        Fault(
            kind="status", status=413, path=PATHS[WITHOUT_ID], limit_above=1, every=2, count=None
        ),
        Fault(kind="ignore_position", path=PATHS[WITHOUT_ID], count=None),
    ]
    site = start_site(content(WITHOUT_ID, 12), page_cap=1, faults=faults)
    outcome = read(site.config, [WITHOUT_ID])
    assert outcome.ending(WITHOUT_ID) == "INCOMPLETE"
    assert "same rows again" in outcome.error(WITHOUT_ID)["message"]
    assert len(outcome.records(WITHOUT_ID)) <= 11
    assert waits


def test_the_count_is_told_when_the_stream_fails_later(
    start_site: StartSite, waits: list[float]
) -> None:
    faults = [
        Fault(kind="status", status=401, path=PATHS[WITH_BODY], first=19, count=None),
        Fault(kind="poison", row=1, path=PATHS[WITH_BODY], count=None),
    ]
    site = start_site(content(WITH_BODY, 60), faults=faults)
    outcome = read(site.config, [WITH_BODY])
    assert outcome.ending(WITH_BODY) == "INCOMPLETE"
    assert len(changes(outcome)) == 1
    [summary] = [line for line in outcome.logs if "is not complete: " in line]
    assert "1 without a part" in summary
    assert waits


def test_what_was_asked_for_before_it_became_half_is_no_reason_for_another_half() -> None:
    size = PageSize(250)
    for _ in range(8):
        size.failed(250)
    assert size.rows == 125
    size.failed(125)
    assert size.rows == 62
