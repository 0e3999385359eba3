"""What is fetched ahead comes in order, once, and costs neither rows nor memory."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from fake_confluence import Call, Fault, Latency, RunningSite
from source_confluence.reading import lookahead
from unit_tests.conftest import StartSite
from unit_tests.protocol import Outcome, read
from unit_tests.streams_under_test import (
    AHEAD,
    BY_ID,
    NAMES,
    OFFSETS,
    PAGE_SIZES,
    PATHS,
    PREFETCHED,
    UNPINNED,
    completed,
    content,
    contents,
    every_stream,
    list_calls,
    offset_stream,
    on_the_wire,
    whole,
    without_key,
)

prefetched_stream = pytest.mark.parametrize("stream", PREFETCHED)
with_8_workers = pytest.mark.parametrize("num_workers", [8], indirect=True)


def kinds(site: RunningSite, stream: str) -> Counter[str]:
    """How many requests for a list were light, by id, and neither."""
    return Counter(kind(call) for call in site.calls if call.path == PATHS[stream])


def kind(call: Call) -> str:
    params = dict(call.params)
    if "id" in params:
        return "by id"
    return "plain" if "body-format" in params else "light"


@every_stream
@pytest.mark.parametrize("num_workers", [1, 2, 8, 25], indirect=True)
@pytest.mark.parametrize("count", [0, 1, 5, 6, 83])
def test_all_rows_come_once_and_in_order(stream: str, count: int, start_site: StartSite) -> None:
    site = start_site(content(stream, count), page_cap=5)
    assert whole(read(site.config, [stream]), site, stream)


@prefetched_stream
@pytest.mark.parametrize("num_workers", [2, 8, 25], indirect=True)
@pytest.mark.parametrize(("count", "page_count"), [(0, 1), (3, 1), (250, 1), (251, 2), (1_600, 7)])
def test_each_page_takes_one_light_request_and_one_by_ids(
    stream: str, count: int, page_count: int, start_site: StartSite
) -> None:
    site = start_site(content(stream, count))
    assert whole(read(site.config, [stream]), site, stream)
    wanted = Counter({"light": page_count, "by id": page_count if count else 0})
    assert kinds(site, stream) == +wanted


@every_stream
@pytest.mark.parametrize("num_workers", [1], indirect=True)
def test_one_worker_reads_one_page_after_the_other(stream: str, start_site: StartSite) -> None:
    site = start_site(content(stream, 23), page_cap=5)
    assert whole(read(site.config, [stream]), site, stream)
    assert "by id" not in kinds(site, stream)
    assert len(list_calls(site)) == (8 if stream in OFFSETS else 5)


@with_8_workers
@offset_stream
def test_few_offsets_behind_the_end_are_asked_for(stream: str, start_site: StartSite) -> None:
    site = start_site(content(stream, 12 * PAGE_SIZES[stream]))
    assert whole(read(site.config, [stream]), site, stream)
    starts = [int(dict(call.params).get("start", 0)) for call in list_calls(site)]
    assert len(starts) == len(set(starts)), "none twice"
    assert 13 <= len(starts) <= 12 + 2 + 7


@with_8_workers
@pytest.mark.parametrize("stream", AHEAD)
def test_several_requests_are_under_way(stream: str, start_site: StartSite) -> None:
    slow = Latency(request_seconds=0.03, body_seconds=0.04)
    site = start_site(content(stream, 150), page_cap=5, latency=slow)
    most = watch_what_is_in_flight(site)
    assert whole(read(site.config, [stream]), site, stream)
    assert max(most) >= 5


@pytest.mark.parametrize("stream", UNPINNED)
@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
@pytest.mark.parametrize("first", range(1, 16))
def test_rows_that_are_added_during_the_read_push_none_out(
    stream: str, first: int, start_site: StartSite
) -> None:
    """Of pages side by side, one in front may be answered after one behind it."""
    added = Fault(kind="added", path=PATHS[stream], first=first, count=None)
    jitter = Latency(request_seconds=0.004, jitter=0.9, seed=first)
    site = start_site(content(stream, 60), page_cap=5, faults=[added], latency=jitter)
    outcome = read(site.config, [stream])
    assert completed(outcome, stream)
    found = [record["id"] for record in outcome.records(stream)]
    assert {row["id"] for row in site.service.content.rows(stream)} <= set(found)
    assert len(found) == len(set(found)), "none twice"


@with_8_workers
@prefetched_stream
@pytest.mark.parametrize("kind", ["no_cursor", "foreign_next"])
def test_a_listing_far_ahead_that_does_not_lead_on_stops_nothing_before_it(
    kind: str, stream: str, start_site: StartSite
) -> None:
    broken = Fault(kind=kind, path=PATHS[stream], first=12, count=1)
    site = start_site(content(stream, 100), page_cap=5, faults=[broken])
    assert whole(read(site.config, [stream]), site, stream), "asked once more, it leads on"


@with_8_workers
def test_after_a_refusal_nothing_is_asked_until_the_time_is_over(
    start_site: StartSite, waits: list[float]
) -> None:
    refused = Fault(
        kind="status", status=429, headers={"Retry-After": "50"}, path=PATHS[BY_ID], first=9
    )
    slow = Latency(request_seconds=0.02)
    site = start_site(content(BY_ID, 200), page_cap=5, faults=[refused], latency=slow)
    times: list[tuple[float, bool]] = []
    reply = site.service.reply

    def noted(call: Call) -> Any:  # noqa: ANN401
        answer = reply(call)
        times.append((sum(waits), answer.status == 429))
        return answer

    site.service.reply = noted  # type: ignore[method-assign]
    assert whole(read(site.config, [BY_ID]), site, BY_ID)
    refused_at = next(i for i, (_, is_refused) in enumerate(times) if is_refused)
    before = [at for at, _ in times[refused_at + 1 :] if at < 49]
    assert len(before) < 8, "those that were in flight"


@with_8_workers
@prefetched_stream
def test_rows_that_are_deleted_in_between_are_no_error(stream: str, start_site: StartSite) -> None:
    """They were listed, and do not come by id; then the list is asked again."""
    gone = Fault(kind="gone", path=PATHS[stream], row=7, row_count=2, count=None)
    site = start_site(content(stream, 40), page_cap=5, faults=[gone])
    assert whole(read(site.config, [stream]), site, stream), "the list itself still shows them"
    assert kinds(site, stream)["plain"] == 1


@with_8_workers
@prefetched_stream
def test_a_site_that_looks_at_the_first_ids_only_loses_nothing(
    stream: str, start_site: StartSite
) -> None:
    few = Fault(kind="few_ids", path=PATHS[stream], row_count=3, count=None)
    site = start_site(content(stream, 100), page_cap=5, faults=[few])
    assert whole(read(site.config, [stream]), site, stream)
    assert kinds(site, stream)["plain"] == 20
    assert kinds(site, stream)["by id"] < 40, "after failures in a row it is tried less often"


@with_8_workers
@prefetched_stream
def test_a_site_that_ignores_the_ids_is_read_one_page_after_the_other(
    stream: str, start_site: StartSite
) -> None:
    ignored = Fault(kind="ignore_ids", path=PATHS[stream], count=None)
    site = start_site(content(stream, 100), page_cap=5, faults=[ignored])
    outcome = read(site.config, [stream])
    assert whole(outcome, site, stream)
    assert kinds(site, stream)["plain"] >= 19
    assert kinds(site, stream)["by id"] <= 13, "those that were in flight"
    warnings = [
        line for line in outcome.logs if "returned other rows than the ids that were" in line
    ]
    assert len(warnings) == 1


@with_8_workers
@every_stream
@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_what_fails_ahead_is_asked_for_in_the_ordinary_way(
    status: int, stream: str, start_site: StartSite, waits: list[float]
) -> None:
    """So far apart that the second one is not the same page in the ordinary way."""
    fault = Fault(kind="status", status=status, path=PATHS[stream], first=7, every=30, count=31)
    site = start_site(content(stream, 100), page_cap=5, faults=[fault])
    outcome = read(site.config, [stream])
    rows = on_the_wire(site.service.content.rows(stream))
    found = without_key(outcome.records(stream))
    assert found == (rows if completed(outcome, stream) else rows[: len(found)])
    if stream in PREFETCHED:
        assert completed(outcome, stream)
    assert sum(waits) < 100


@with_8_workers
@prefetched_stream
def test_a_body_that_fails_leaves_its_row_without_it(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    """The page before the last has a poisoned row; the pages around it still come ahead."""
    poison = Fault(kind="poison", path=PATHS[stream], row=33, count=None)
    site = start_site(content(stream, 100), page_cap=5, faults=[poison])
    outcome = read(site.config, [stream])
    assert completed(outcome, stream)
    records = outcome.records(stream)
    rows = on_the_wire(site.service.content.rows(stream))
    assert [record["id"] for record in records] == [row["id"] for row in rows]
    assert [i for i, record in enumerate(records) if "body" not in record] == [33]
    assert kinds(site, stream)["by id"] > 5
    assert waits


@with_8_workers
def test_the_window_is_bounded(start_site: StartSite) -> None:
    """However slowly the rows leave, so many pages are fetched, and no more."""
    site = start_site(content(BY_ID, 400), page_cap=5)
    seen: list[int] = []
    with slow_reader(site, seen):
        assert whole(read(site.config, [BY_ID]), site, BY_ID)
    assert max(seen) <= 8 * 3 // 2 + 1 + 1


@contextmanager
def slow_reader(site: RunningSite, seen: list[int]) -> Iterator[None]:
    """Leaves the site time to answer before each page is taken, and counts what it has answered."""
    page_at = lookahead.Lookahead.page_at
    taken = 0

    def slowly(self: lookahead.Lookahead, position: Any, place: str) -> Any:  # noqa: ANN401
        nonlocal taken
        time.sleep(0.02)
        seen.append(kinds(site, BY_ID)["by id"] - taken)
        taken += 1
        return page_at(self, position, place)

    patch = pytest.MonkeyPatch()
    patch.setattr(lookahead.Lookahead, "page_at", slowly)
    try:
        yield
    finally:
        patch.undo()


@pytest.mark.parametrize("num_workers", [2, 8], indirect=True)
def test_no_more_requests_are_in_flight_than_there_are_workers(start_site: StartSite) -> None:
    site = start_site(
        contents(dict.fromkeys(AHEAD, 200)),
        page_cap=5,
        latency=Latency(request_seconds=0.01),
    )
    most = watch_what_is_in_flight(site)
    assert read(site.config, NAMES).exception is None
    assert max(most) <= site.config["num_workers"] + 1, "and the one that is asked sequentially"
    assert max(most) > 1


def watch_what_is_in_flight(site: RunningSite) -> list[int]:
    """How many requests are being answered whenever another one comes."""
    lock, now, seen = threading.Lock(), [0], []
    reply = site.service.reply

    def watched(call: Call) -> Any:  # noqa: ANN401
        with lock:
            now[0] += 1
            seen.append(now[0])
        answer = reply(call)
        time.sleep(answer.delay_seconds)
        with lock:
            now[0] -= 1
        return answer

    site.service.reply = watched  # type: ignore[method-assign]
    return seen


def read_with_a_refusal(stream: str, seconds: str, start_site: StartSite) -> Outcome:
    refused = Fault(
        kind="status", status=429, headers={"Retry-After": seconds}, path=PATHS[stream], first=6
    )
    site = start_site(content(stream, 60), page_cap=5, faults=[refused])
    outcome = read(site.config, [stream])
    assert whole(outcome, site, stream)
    return outcome


@with_8_workers
@every_stream
def test_a_refusal_holds_all_of_them(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    outcome = read_with_a_refusal(stream, "7", start_site)
    assert 6.9 <= sum(waits) < 30
    if stream in AHEAD:
        slower = [line for line in outcome.logs if "refuses requests; asking it less often" in line]
        assert len(slower) == 1


@with_8_workers
@every_stream
def test_an_hours_wait_is_told_by_the_one_that_reads(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    outcome = read_with_a_refusal(stream, "3600", start_site)
    assert 3595 <= sum(waits) < 3660
    assert len([line for line in outcome.logs if line.startswith("Waiting before")]) == 60


@with_8_workers
def test_near_the_limit_all_of_them_ask_more_slowly(
    start_site: StartSite, waits: list[float]
) -> None:
    near = Fault(kind="headers", headers={"X-RateLimit-NearLimit": "true"}, count=None)
    site = start_site(content(BY_ID, 50), page_cap=5, faults=[near])
    assert whole(read(site.config, [BY_ID]), site, BY_ID)
    assert sum(waits) >= 2 * (20 - 3), "of twenty requests, the first few know nothing of it"


@with_8_workers
@prefetched_stream
def test_while_a_site_refuses_a_page_costs_one_request(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    """Time stands still but for waits, so that what is measured is not forgotten."""
    busy = Fault(
        kind="status",
        status=429,
        headers={"Retry-After": "1"},
        path=PATHS[stream],
        first=6,
        every=9,
    )
    site = start_site(content(stream, 200), page_cap=5, faults=[replace(busy, count=None)])
    assert whole(read(site.config, [stream]), site, stream)
    assert kinds(site, stream)["plain"] >= 30
    assert kinds(site, stream)["by id"] <= 9
    assert kinds(site, stream)["light"] <= 9
    assert waits


@with_8_workers
@prefetched_stream
@pytest.mark.usefixtures("waits")
def test_when_a_refusal_is_forgotten_pages_are_fetched_ahead_again(
    stream: str, start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_MEMORY_SECONDS", "_MAX_MEMORY_SECONDS", "_MIN_QUIET_SECONDS"):
        monkeypatch.setattr(f"source_confluence.limits.adaptive_rate.{name}", 0.0)
    once = Fault(
        kind="status", status=429, headers={"Retry-After": "1"}, path=PATHS[stream], first=6
    )
    site = start_site(content(stream, 200), page_cap=5, faults=[once])
    assert whole(read(site.config, [stream]), site, stream)
    assert kinds(site, stream)["by id"] >= 38


@with_8_workers
def test_requests_beside_others_keep_to_the_measured_rate(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def at_once(_: object) -> float:
        asked.append(1)
        return 0.0

    monkeypatch.setattr(
        "source_confluence.limits.adaptive_rate.AdaptiveRate.seconds_to_wait", at_once
    )
    slow = Latency(request_seconds=0.01)
    site = start_site(content(BY_ID, 60), page_cap=5, latency=slow)
    assert whole(read(site.config, [BY_ID]), site, BY_ID)
    assert len(asked) > 10


@with_8_workers
@offset_stream
def test_behind_a_page_that_is_not_full_one_page_is_fetched_ahead(
    stream: str, start_site: StartSite
) -> None:
    site = start_site(content(stream, 83), page_cap=5)
    assert whole(read(site.config, [stream]), site, stream)
    starts = [int(dict(call.params).get("start", 0)) for call in list_calls(site)]
    assert starts.count(82) == 1
    assert starts.count(83) == 1


@with_8_workers
def test_threads_end_with_the_read(start_site: StartSite) -> None:
    site = start_site(content(BY_ID, 100), page_cap=5)
    assert whole(read(site.config, [BY_ID]), site, BY_ID)
    for _ in range(100):
        names = [thread.name for thread in threading.enumerate()]
        if not any("Workers" in name or "_work" in name for name in names):
            return
        time.sleep(0.02)
    pytest.fail(f"these are still there: {names}")


@with_8_workers
@pytest.mark.usefixtures("waits")
def test_threads_print_and_log_nothing(start_site: StartSite) -> None:
    writers: set[str] = set()

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            writers.add(record.threadName or "")

    watch = Watch()
    logging.getLogger().addHandler(watch)
    logging.getLogger("airbyte").setLevel(logging.DEBUG)
    fault = Fault(kind="status", status=500, path=PATHS[BY_ID], first=9, every=3, count=20)
    site = start_site(content(BY_ID, 100), page_cap=5, faults=[fault])
    try:
        outcome = read(site.config, [BY_ID])
    finally:
        logging.getLogger().removeHandler(watch)
        logging.getLogger("airbyte").setLevel(logging.INFO)
    assert writers == {"MainThread"}
    assert any("(HTTP 500); fetching it sequentially" in line for line in outcome.logs)


@with_8_workers
def test_without_threads_it_reads_on_alone(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    site = start_site(content(BY_ID, 23), page_cap=5)
    monkeypatch.setattr("source_confluence.transport.workers.Workers.submit", none_left)
    outcome = read(site.config, [BY_ID])
    assert whole(outcome, site, BY_ID)
    assert kinds(site, BY_ID) == {"plain": 5}
    assert any("can't start new thread" in line for line in outcome.logs)


@with_8_workers
def test_after_an_exception_in_a_worker_the_page_is_read_sequentially(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise MemoryError

    site = start_site(content(BY_ID, 12), page_cap=5)
    monkeypatch.setattr("source_confluence.reading.lookahead.Bounds", broken)
    outcome = read(site.config, [BY_ID])
    assert whole(outcome, site, BY_ID)
    assert any("Could not prefetch" in line and "MemoryError" in line for line in outcome.logs)
