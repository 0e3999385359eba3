"""The check says which streams the account may not read, and succeeds all the same."""

import time
from dataclasses import replace
from typing import Any

import pytest

from fake_confluence import Fault
from unit_tests.conftest import StartSite
from unit_tests.protocol import check, run
from unit_tests.streams_under_test import (
    BY_CURSOR,
    BY_OFFSET,
    NAMES,
    PATHS,
    PREFETCHED,
    every_stream,
)


def refused(stream: str, **changes: Any) -> Fault:  # noqa: ANN401 (any field of a fault)
    refusal = Fault(kind="status", status=403, path=PATHS[stream], count=None)
    return replace(refusal, **changes)


@every_stream
def test_a_stream_that_is_refused_is_named_with_what_to_do(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    site = start_site(faults=[refused(stream)])
    outcome = run("check", config=site.config)
    [status] = [m for m in outcome.messages if m["type"] == "CONNECTION_STATUS"]
    assert status["connectionStatus"]["status"] == "SUCCEEDED"
    message = status["connectionStatus"]["message"]
    first, why = message.splitlines()
    assert first == f"All is well, but 1 of {len(NAMES)} streams cannot be read: {stream}."
    assert why.startswith(
        f"{stream}: {site.host} refused {PATHS[stream]} (HTTP 403). Likely cause:"
    )
    assert why.endswith(f" or deselect the stream '{stream}'.")
    assert message in outcome.logs, "Airbyte shows the message of a failure only"
    assert len(waits) == 1, "the refusal may have come for a moment"


def test_all_that_are_refused_are_named_in_the_order_of_the_catalog(
    start_site: StartSite, waits: list[float]
) -> None:
    site = start_site(faults=[refused(BY_OFFSET), refused(BY_CURSOR, status=404)])
    status, message = check(site.config)
    assert status == "SUCCEEDED"
    names = [line.partition(":")[0] for line in message.splitlines()[1:]]
    assert names == [name for name in NAMES if name in {BY_OFFSET, BY_CURSOR}]
    assert waits


def test_a_refusal_for_a_moment_is_none(start_site: StartSite, waits: list[float]) -> None:
    site = start_site(faults=[refused(BY_OFFSET, count=1)])
    assert check(site.config) == ("SUCCEEDED", "")
    assert len(waits) == 1


def test_an_account_that_may_read_nothing_fails(start_site: StartSite, waits: list[float]) -> None:
    site = start_site(faults=[refused(name) for name in NAMES])
    status, message = check(site.config)
    assert status == "FAILED"
    assert message.startswith(f"The account is known, but {len(NAMES)} of {len(NAMES)} streams ")
    assert waits


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=429, headers={"Retry-After": "30"}),
        Fault(kind="status", status=503),
        Fault(kind="drop"),
        Fault(kind="html"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
def test_what_says_nothing_about_permissions_is_no_refusal_and_is_not_waited_for(
    fault: Fault, start_site: StartSite, waits: list[float]
) -> None:
    lasting = refused(BY_OFFSET, kind=fault.kind, status=fault.status, headers=fault.headers)
    assert check(start_site(faults=[lasting]).config) == ("SUCCEEDED", "")
    assert waits == []


def test_a_list_that_does_not_answer_is_not_waited_for(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_confluence.permissions.DEADLINE_SECONDS", 0.5)
    site = start_site(faults=[refused(BY_OFFSET, kind="slow", seconds=5)])
    began = time.monotonic()
    assert check(site.config) == ("SUCCEEDED", "")
    assert time.monotonic() - began < 3


def test_of_what_is_selected_one_row_is_asked_for(start_site: StartSite) -> None:
    site = start_site()
    assert check({**site.config, "content_statuses": ["archived"]}) == ("SUCCEEDED", "")
    asked = {call.path: dict(call.params) for call in site.calls if "limit" in dict(call.params)}
    archivable, never_archived = (PATHS[name] for name in PREFETCHED)
    assert asked[archivable] == {"limit": "1", "status": "archived"}
    assert never_archived not in asked
    assert len(asked) == len(NAMES) - 1
