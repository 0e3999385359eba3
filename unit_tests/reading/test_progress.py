"""A read says now and then how far it is, and in the end what it took."""

import logging
import re
from types import SimpleNamespace
from typing import Any

import pytest
from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer

from fake_confluence import Fault
from fake_confluence.catalog import configured_catalog
from source_confluence import SourceConfluence
from source_confluence.exceptions import StoppedError
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.reading.progress import Progress
from source_confluence.shutdown import Stop
from unit_tests.conftest import StartSite
from unit_tests.protocol import read
from unit_tests.streams_under_test import (
    BY_ID,
    BY_OFFSET,
    PATHS,
    WITH_BODY,
    completed,
    content,
    contents,
    every_stream,
)


class Read:
    """A read whose clock stands still, and what is logged of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
        self.now = 1e6
        clock = SimpleNamespace(monotonic=lambda: self.now, sleep=self.pass_by)
        monkeypatch.setattr("source_confluence.limits.waiting.time", clock)
        caplog.set_level(logging.INFO)
        self.log = caplog
        self.client = SimpleNamespace(request_count=7, refusal_count=1)
        self.workers = SimpleNamespace(in_flight_count=0)
        self.limit = RateLimit()
        sync: Any = SimpleNamespace(
            client=self.client, workers=self.workers, rate_limit=self.limit, stop=Stop()
        )
        self.progress = Progress(sync, stream="notes", logger=logging.getLogger("test"))
        self.progress.begin()

    def pass_by(self, seconds: float) -> None:
        self.now += seconds

    @property
    def lines(self) -> list[str]:
        return self.log.messages


@pytest.fixture
def a_read(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Read:
    return Read(monkeypatch, caplog)


def test_a_line_comes_after_ten_seconds_and_then_each_minute(a_read: Read) -> None:
    seconds = []
    for second in range(1, 200):
        a_read.pass_by(1)
        before = len(a_read.lines)
        a_read.progress.emitted(100, is_light=False)
        seconds += [second] * (len(a_read.lines) - before)
    assert seconds == [10, 70, 130, 190]


def test_a_line_says_how_many_how_fast_of_late_and_what_is_in_flight(a_read: Read) -> None:
    a_read.client.request_count += 12
    a_read.workers.in_flight_count = 5
    a_read.pass_by(10)
    a_read.progress.emitted(1_000, is_light=False)
    a_read.workers.in_flight_count = 0
    a_read.pass_by(60)
    a_read.progress.emitted(30_000, is_light=False)
    asking = "0% of the time waiting for Confluence."
    assert a_read.lines == [
        f"Stream 'notes': 1,000 records in 10 s, 100 a second; 12 requests, 5 in flight, {asking}",
        f"Stream 'notes': 31,000 records in 70 s, 500 a second; 12 requests, {asking}",
    ]


def test_a_line_says_why_requests_are_slow(a_read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    a_read.workers.in_flight_count = 2
    a_read.limit.pause_seconds = 1.5
    monkeypatch.setattr(RateLimit, "per_second", 4.06)
    a_read.pass_by(10)
    a_read.progress.tick()
    [line] = a_read.lines
    assert line.endswith(
        ", 2 in flight, about 4.1 a second because the site refuses more, "
        "one every 1.5 s because the limit is near, 0% of the time waiting for Confluence."
    )


def test_a_line_says_which_part_of_the_time_went_into_waiting(a_read: Read) -> None:
    with a_read.progress.asking():
        a_read.pass_by(3)
    a_read.pass_by(1)
    with a_read.progress.asking():
        a_read.pass_by(6)
        a_read.progress.tick()  # while it still waits
    a_read.pass_by(60)
    a_read.progress.tick()
    assert [line.partition("requests, ")[2] for line in a_read.lines] == [
        "90% of the time waiting for Confluence.",
        "0% of the time waiting for Confluence.",
    ]


def test_the_time_that_a_page_takes_counts_as_waiting(
    start_site: StartSite, waits: list[float]
) -> None:
    busy = Fault(kind="status", status=429, headers={"Retry-After": "30"}, path=PATHS[BY_ID])
    outcome = read(start_site(content(BY_ID, 3), faults=[busy]).config, [BY_ID])
    [line] = [line for line in outcome.logs if line.startswith(f"Stream '{BY_ID}': ")]
    assert line.startswith(f"Stream '{BY_ID}': 3 records in 30 s, ")
    assert line.endswith(", 100% of the time waiting for Confluence.")
    assert sum(waits) == 30


def test_a_wait_that_is_broken_off_counts_as_long_as_it_was(
    a_read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: float) -> None:
        a_read.pass_by(4)
        raise StoppedError("SIGTERM")

    monkeypatch.setattr("source_confluence.reading.progress.sleep", interrupted)
    with pytest.raises(StoppedError):
        a_read.progress.sleep(60, 130)
    a_read.client.request_count += 1
    a_read.progress.end(is_complete=False)
    assert a_read.progress.counts.waited_seconds == 4


def test_until_the_next_request_it_counts_down_all_that_is_left(
    a_read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait_and_tell(seconds: float) -> None:
        a_read.pass_by(seconds)
        a_read.progress.tick()

    monkeypatch.setattr("source_confluence.reading.progress.sleep", wait_and_tell)
    a_read.progress.sleep(60, 130)
    a_read.progress.sleep(60, 70)
    found = [re.search(r"the next in (\d+) s", line) for line in a_read.lines]
    assert [each and each[1] for each in found] == ["70", "10"]


def test_the_time_until_the_next_line_is_known(a_read: Read) -> None:
    assert a_read.progress.seconds_until_due == 10
    a_read.pass_by(11)
    assert a_read.progress.seconds_until_due == 0
    a_read.progress.tick()
    assert a_read.progress.seconds_until_due == 60


def test_the_summary_has_all_that_the_read_took(a_read: Read) -> None:
    a_read.progress.emitted(1_999, is_light=False)
    a_read.progress.emitted(1, is_light=True)
    a_read.progress.sleep(2.5, 2.5)
    a_read.client.request_count += 1
    a_read.client.refusal_count += 1
    a_read.pass_by(7.5)
    a_read.progress.end(is_complete=False)
    [line] = a_read.log.records
    assert line.levelname == "WARNING"
    assert line.getMessage() == (
        "Stream 'notes' is not complete: 2,000 records in 10.0 s (200 a second), 1 request, "
        "1 refused (HTTP 429 or 503), 2.5 s of waiting before requests, "
        "1 without a part (see the warnings above)."
    )


@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
@every_stream
def test_the_summary_counts_what_the_site_saw(
    stream: str, num_workers: int, start_site: StartSite
) -> None:
    site = start_site(content(stream, 23), page_cap=5)
    outcome = read(site.config, [stream])
    assert completed(outcome, stream)
    [summary] = [line for line in outcome.logs if line.startswith("Stream '")]
    figures = r"23 records in [\d.]+ s(?: \([\d,]+ a second\))?, (\d+) requests\."
    found = re.fullmatch(rf"Stream '{stream}' is complete: {figures}", summary)
    assert found, summary
    behind_the_end = 0 if num_workers == 1 else num_workers  # may not have arrived yet
    assert 0 <= int(found[1]) - len(site.calls) <= behind_the_end


def test_refusals_and_waits_are_summed_up(start_site: StartSite, waits: list[float]) -> None:
    refusals = Fault(
        kind="status", status=429, headers={"Retry-After": "7"}, path=PATHS[BY_ID], count=2
    )
    site = start_site(content(BY_ID, 23), page_cap=5, faults=[refusals])
    outcome = read(site.config, [BY_ID])
    [summary] = [line for line in outcome.logs if line.startswith(f"Stream '{BY_ID}' is complete")]
    assert f"{len(site.calls)} requests, 2 refused (HTTP 429 or 503), 14.0 s of waiting" in summary
    assert sum(waits) == 14


def test_the_sync_ends_with_one_line_over_all_streams(
    start_site: StartSite, waits: list[float]
) -> None:
    gone = Fault(kind="status", status=403, path=PATHS[BY_OFFSET], count=None)
    poison = Fault(kind="poison", row=1, path=PATHS[WITH_BODY], count=None)
    site = start_site(contents({WITH_BODY: 23, BY_OFFSET: 3}), faults=[gone, poison])
    outcome = read(site.config, [BY_OFFSET, WITH_BODY])
    [summary] = [line for line in outcome.logs if line.startswith("The sync has ended: ")]
    assert summary.startswith("The sync has ended: 23 records in ")
    assert f", {len(site.calls)} requests, " in summary
    assert ", 1 without a part (see the warnings above)." in summary
    assert summary.endswith(f" Not complete: {BY_OFFSET}.")
    assert waits


def test_a_sync_that_is_broken_off_is_not_called_complete(
    start_site: StartSite, caplog: pytest.LogCaptureFixture
) -> None:
    """By whoever takes its messages, and wants no more of them."""
    caplog.set_level(logging.INFO)
    source = SourceConfluence()
    site = start_site(content(BY_ID, 23), page_cap=5)
    catalog = ConfiguredAirbyteCatalogSerializer.load(configured_catalog(BY_ID))
    messages = source.read(logging.getLogger("airbyte"), site.config, catalog)
    while next(messages).record is None:
        pass
    messages.close()  # type: ignore[attr-defined] # it is a generator
    summary = [line for line in caplog.messages if line.startswith("The sync has ended")]
    assert [line.rpartition(". ")[2] for line in summary] == ["It was broken off."]


def test_a_sync_that_read_nothing_has_no_summary(start_site: StartSite) -> None:
    outcome = read({**start_site().config, "num_workers": 99}, [BY_ID])
    assert outcome.exception
    assert not [line for line in outcome.logs if "The sync has ended" in line]
