"""The fake site has a clock of its own, which may be off, or stand still."""

import time
from email.utils import parsedate_to_datetime

import pytest

from fake_confluence import Clock, Content, Fault, Service
from fake_confluence.clock import milliseconds, timestamp
from fake_confluence.reply import Reply
from unit_tests.conftest import StartSite
from unit_tests.replies import ask
from unit_tests.streams_under_test import (
    BY_CURSOR,
    BY_OFFSET,
    PATHS,
    PINNED,
    PREFETCHED,
    content,
    contents,
)
from unit_tests.test_fake_confluence import get

NOON = "2026-07-01T12:00:00Z"


def date_of(reply: Reply) -> float:
    return parsedate_to_datetime(reply.headers["Date"]).timestamp()


def test_each_response_shows_the_time_of_the_site(start_site: StartSite) -> None:
    site = start_site(clock=Clock(frozen_at=NOON), faults=[Fault(kind="status", path="/group")])
    answers = [get(site, path) for path in (*PATHS.values(), "/nothing/here", "/" + "x" * 70_000)]
    assert {answer.status_code for answer in answers} == {200, 404, 414, 500}
    assert {answer.headers["Date"] for answer in answers} == {"Wed, 01 Jul 2026 12:00:00 GMT"}


@pytest.mark.parametrize("offset", [-86_400.0, 0.0, 3_600.0])
def test_a_clock_may_be_off(offset: float) -> None:
    service = Service(Content(), clock=Clock(offset))
    before = time.time()
    shown = date_of(ask(service, BY_CURSOR, limit=1))
    assert int(before) <= shown - offset <= time.time()


def test_a_frozen_clock_moves_only_when_it_is_told_to() -> None:
    service = Service(Content(), clock=Clock())
    service.clock.freeze()
    first = date_of(ask(service, BY_OFFSET))
    assert service.clock.now() == service.clock.now()
    service.clock.advance(600)
    assert date_of(ask(service, BY_OFFSET)) == first + 600


def test_a_fault_may_send_another_date() -> None:
    fault = Fault(kind="headers", headers={"Date": "soon"})
    reply = ask(Service(Content(), faults=[fault]), BY_OFFSET)
    assert reply.headers["Date"] == "soon"


def test_new_events_happen_at_the_time_of_the_site() -> None:
    service = Service(content(PINNED, 3), clock=Clock(frozen_at=NOON), events_per_call=1)
    [newest, *_] = ask(service, PINNED).document["results"]
    assert newest["creationDate"] == milliseconds(NOON) + 1


@pytest.mark.parametrize("text", ["2026-03-19T14:26:45.468Z", "1999-12-31T23:59:59.007Z"])
def test_instants_are_read_as_they_are_written(text: str) -> None:
    assert timestamp(milliseconds(text)) == text


def test_no_generated_row_is_newer_than_the_audit_log() -> None:
    large = contents(dict.fromkeys(PREFETCHED, 100_000))
    newest = large.row(PINNED, 0)["creationDate"]
    for stream in PREFETCHED:
        rows = [large.row(stream, index) for index in range(99_000, 100_000)]
        assert max(milliseconds(row["version"]["createdAt"]) for row in rows) <= newest
