"""Only what is selected is read, of every list to which that means something."""

from typing import Any

import pytest

from fake_confluence import RunningSite
from unit_tests.conftest import StartSite
from unit_tests.protocol import Message, Outcome, read
from unit_tests.streams_under_test import (
    BY_OFFSET,
    PATHS,
    PREFETCHED,
    completed,
    contents,
    list_calls,
    on_the_wire,
)

ARCHIVABLE, NEVER_ARCHIVED = PREFETCHED
WORKERS = pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
both = pytest.mark.parametrize("stream", PREFETCHED)


def site_with_history(start_site: StartSite) -> RunningSite:
    """Each list has rows in the trash, and that of pages has some that were archived."""
    site = start_site(contents({ARCHIVABLE: 30, NEVER_ARCHIVED: 30}), page_cap=10)
    history = site.service.history
    for stream in PREFETCHED:
        current = [row["id"] for row in history.rows(stream, "current")]
        for own_id in current[2:5]:
            history.trash(own_id)
    history.archive(history.rows(ARCHIVABLE, "current")[7]["id"])
    return site


def selected(site: RunningSite, stream: str, **settings: Any) -> Outcome:  # noqa: ANN401
    return read({**site.config, **settings}, [stream])


@WORKERS
@both
@pytest.mark.parametrize(
    "statuses",
    [["current"], ["trashed"], ["current", "trashed"], ["current", "archived", "trashed"]],
    ids="+".join,
)
def test_rows_of_the_selected_statuses_are_read_with_their_bodies(
    statuses: list[str], stream: str, start_site: StartSite
) -> None:
    site = site_with_history(start_site)
    outcome = selected(site, stream, content_statuses=statuses)
    assert completed(outcome, stream)
    there = site.service.history.rows(stream, *statuses)
    assert there
    assert outcome.records(stream) == on_the_wire(there)


@WORKERS
def test_a_list_that_has_no_such_status_is_empty_and_is_not_asked_for(
    start_site: StartSite,
) -> None:
    site = site_with_history(start_site)
    outcome = selected(site, NEVER_ARCHIVED, content_statuses=["archived"])
    assert outcome.ending(NEVER_ARCHIVED) == "COMPLETE"
    assert outcome.records(NEVER_ARCHIVED) == []
    assert f"Stream '{NEVER_ARCHIVED}' has nothing of the selected statuses." in outcome.logs
    assert list_calls(site) == []


@WORKERS
@both
def test_bodies_come_in_the_selected_format(stream: str, start_site: StartSite) -> None:
    site = site_with_history(start_site)
    outcome = selected(site, stream, body_format="atlas_doc_format")
    assert completed(outcome, stream)
    bodies = [record["body"] for record in outcome.records(stream)]
    assert len(bodies) == len(site.service.history.rows(stream))
    assert {tuple(body) for body in bodies} == {("atlas_doc_format",)}


@WORKERS
@both
def test_without_bodies_there_is_one_request_a_batch(stream: str, start_site: StartSite) -> None:
    site = site_with_history(start_site)
    outcome = selected(site, stream, body_format="none")
    assert completed(outcome, stream)
    there = site.service.history.rows(stream)
    assert [record["id"] for record in outcome.records(stream)] == [row["id"] for row in there]
    assert not any(record.get("body") for record in outcome.records(stream))
    calls = list_calls(site)
    assert len(calls) == -(-len(there) // 10)
    assert not any("body-format" in dict(call.params) for call in calls)


def test_lists_without_statuses_and_bodies_are_read_as_ever(start_site: StartSite) -> None:
    site = site_with_history(start_site)
    outcome = selected(site, BY_OFFSET, content_statuses=["trashed"], body_format="none")
    assert completed(outcome, BY_OFFSET)
    assert {call.path for call in list_calls(site)} == {PATHS[BY_OFFSET]}


@both
@pytest.mark.parametrize(
    "settings", [{"content_statuses": ["current", "trashed"]}, {"body_format": "none"}], ids=str
)
def test_a_state_of_another_selection_starts_over(
    settings: dict[str, Any], stream: str, start_site: StartSite
) -> None:
    site = site_with_history(start_site)
    states: list[Message] = [
        m["state"] for m in selected(site, stream, **settings).messages if m["type"] == "STATE"
    ]
    outcome = read({**site.config, **settings}, [stream], state=[states[0]])
    assert any("Resuming stream" in line for line in outcome.logs), "of the same"
    outcome = read(site.config, [stream], state=[states[0]])
    assert outcome.records(stream) == on_the_wire(site.service.history.rows(stream))
    assert any("reading from the beginning" in line for line in outcome.logs)
