"""A long wait is seen: every minute a line, and a status for Airbyte's heartbeat."""

import json
import re

import pytest

from fake_confluence import Fault
from unit_tests.conftest import StartSite
from unit_tests.protocol import Outcome, read
from unit_tests.streams_under_test import BY_OFFSET, PATHS, completed, content, every_stream

QUOTA = {"RateLimit-Reason": "confluence-quota-tenant-based"}


def lines(outcome: Outcome) -> list[str]:
    return [line for line in outcome.logs if line.startswith("Waiting before")]


@every_stream
def test_an_hour_is_waited_out_and_every_minute_says_so(
    stream: str,
    start_site: StartSite,
    waits: list[float],
    capfd: pytest.CaptureFixture[str],
) -> None:
    busy = Fault(
        kind="status", status=429, path=PATHS[stream], headers={"Retry-After": "3600", **QUOTA}
    )
    site = start_site(content(stream, 7), faults=[busy])

    outcome = read(site.config, [stream])

    assert completed(outcome, stream)
    assert len(outcome.records(stream)) == 7
    assert sum(waits) == pytest.approx(3600)
    assert max(waits) == 60
    assert len(lines(outcome)) == 60
    assert re.fullmatch(
        rf"Waiting before the next request to {site.host}{PATHS[stream]} until "
        r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC, 1 hour more: the site asked for it "
        r"\(confluence-quota-tenant-based\)\.",
        lines(outcome)[0],
    )
    assert "59 minutes more" in lines(outcome)[1]
    printed = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    statuses = [m["trace"]["stream_status"] for m in printed if m["type"] == "TRACE"]
    assert len(statuses) == 60 + 1, "the first with the refusal"
    assert {status["status"] for status in statuses} == {"RUNNING"}
    assert {status["stream_descriptor"]["name"] for status in statuses} == {stream}
    assert {reason["type"] for s in statuses for reason in s["reasons"]} == {"RATE_LIMITED"}


def test_a_minute_needs_no_more_words(start_site: StartSite, waits: list[float]) -> None:
    busy = Fault(kind="status", status=503, path=PATHS[BY_OFFSET], headers={"Retry-After": "60"})
    site = start_site(content(BY_OFFSET, 7), faults=[busy])
    outcome = read(site.config, [BY_OFFSET])
    assert completed(outcome, BY_OFFSET)
    assert waits == [60]
    assert lines(outcome) == []


@pytest.mark.parametrize("reason", ["<script>", "x" * 101, "a\tb", ""])
def test_a_reason_that_is_no_plain_word_is_not_repeated(
    reason: str, start_site: StartSite, waits: list[float]
) -> None:
    headers = {"Retry-After": "62", "RateLimit-Reason": reason}
    busy = Fault(kind="status", status=429, path=PATHS[BY_OFFSET], headers=headers)
    site = start_site(content(BY_OFFSET, 7), faults=[busy])
    outcome = read(site.config, [BY_OFFSET])
    assert [line.partition("asked for it ")[2] for line in lines(outcome)] == [
        "(no reason given)."
    ] * 2
    assert sum(waits) == pytest.approx(62)


def test_each_wait_is_waited_once(start_site: StartSite, waits: list[float]) -> None:
    busy = Fault(
        kind="status", status=429, path=PATHS[BY_OFFSET], headers={"Retry-After": "90"}, count=3
    )
    site = start_site(content(BY_OFFSET, 7), faults=[busy])
    assert completed(read(site.config, [BY_OFFSET]), BY_OFFSET)
    assert sum(waits) == pytest.approx(3 * 90)
