"""Only what is in the selected spaces is read, and what cannot be found of them is named."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from fake_confluence import Call, Fault, RunningSite
from fake_confluence.catalog import configured_catalog
from fake_confluence.reply import Reply
from unit_tests.conftest import StartSite, change_answers
from unit_tests.protocol import Message, Outcome, read, run
from unit_tests.streams_under_test import (
    BY_OFFSET,
    IN_SPACES,
    PATHS,
    SPACES,
    TABLE,
    completed,
    contents,
    list_calls,
    on_the_wire,
)

WORKERS = pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
each_list = pytest.mark.parametrize("stream", IN_SPACES)
FIRST = IN_SPACES[0]
MOST_IDS = 100
"""Spaces that one request can be filtered by."""


def site_of(start_site: StartSite, space_count: int = 12, rows: int = 90) -> RunningSite:
    """A site whose lists have several batches, with rows in most of its spaces."""
    sizes = {**dict.fromkeys(IN_SPACES, rows), SPACES: space_count}
    return start_site(contents(sizes), page_cap=10)


def keys_of(site: RunningSite, *indices: int) -> list[str]:
    spaces = site.service.content.rows(SPACES)
    return [str(spaces[index]["key"]) for index in indices]


def ids_of(site: RunningSite, keys: Iterable[str]) -> set[str]:
    wanted = set(keys)
    return {row["id"] for row in site.service.content.rows(SPACES) if row["key"] in wanted}


def rows_in(site: RunningSite, stream: str, keys: Iterable[str]) -> list[Message]:
    """What the account may view in some spaces."""
    ids = ids_of(site, keys)
    rows = [row for row in site.service.history.rows(stream) if row["spaceId"] in ids]
    return on_the_wire(rows)


def selected(site: RunningSite, *streams: str, **settings: Any) -> Outcome:  # noqa: ANN401
    return read({**site.config, **settings}, streams)


def calls_for(site: RunningSite, stream: str) -> list[dict[str, str]]:
    return [dict(call.params) for call in site.calls if call.path == PATHS[stream]]


def warnings(outcome: Outcome) -> list[str]:
    logs = [m["log"] for m in outcome.messages if m["type"] == "LOG"]
    return [log["message"] for log in logs if log["level"] == "WARN"]


@WORKERS
@each_list
def test_what_is_in_the_selected_spaces_is_read_with_bodies(
    stream: str, start_site: StartSite
) -> None:
    site = site_of(start_site)
    keys = keys_of(site, 1, 3)
    outcome = selected(site, stream, spaces=keys)
    assert completed(outcome, stream)
    there = rows_in(site, stream, keys)
    assert len(there) > 10
    assert outcome.records(stream) == there
    assert warnings(outcome) == []
    assert {params["space-id"] for params in calls_for(site, stream)} == {
        ",".join(sorted(ids_of(site, keys)))
    }


@WORKERS
@each_list
@pytest.mark.parametrize("personal", [True, False])
def test_what_is_in_the_other_spaces_is_left_out(
    stream: str, personal: bool, start_site: StartSite
) -> None:
    site = site_of(start_site)
    excluded = keys_of(site, 0, 2)
    outcome = selected(site, stream, excluded_spaces=excluded, personal_spaces=personal)
    assert completed(outcome, stream)
    keys = set(keys_of(site, *range(12))) - set(excluded)
    left = {key for key in keys if personal or not key.startswith("~")}
    assert outcome.records(stream) == rows_in(site, stream, left)
    assert bool(rows_in(site, stream, {key for key in left if key.startswith("~")})) is personal


@WORKERS
@each_list
def test_of_more_spaces_than_one_request_takes_rows_are_sorted_out_before_their_bodies_come(
    stream: str, start_site: StartSite
) -> None:
    site = site_of(start_site, MOST_IDS + 10, rows=300)
    excluded = keys_of(site, *range(5))
    outcome = selected(site, stream, excluded_spaces=excluded)
    assert completed(outcome, stream)
    kept = set(keys_of(site, *range(MOST_IDS + 10))) - set(excluded)
    there = rows_in(site, stream, kept)
    assert outcome.records(stream) == there
    calls = calls_for(site, stream)
    assert not any("space-id" in params for params in calls)
    with_bodies = [params["id"] for params in calls if "body-format" in params]
    fetched = {own_id for ids in with_bodies for own_id in ids.split(",")}
    assert fetched == {row["id"] for row in there}


@WORKERS
@each_list
def test_without_bodies_more_spaces_than_one_request_takes_are_sorted_out_too(
    stream: str, start_site: StartSite
) -> None:
    site = site_of(start_site, MOST_IDS + 10)
    excluded = keys_of(site, *range(5))
    outcome = selected(site, stream, excluded_spaces=excluded, body_format="none")
    assert completed(outcome, stream)
    there = rows_in(site, stream, set(keys_of(site, *range(MOST_IDS + 10))) - set(excluded))
    assert [row["id"] for row in outcome.records(stream)] == [row["id"] for row in there]


@WORKERS
@each_list
def test_rows_of_other_spaces_that_a_site_returns_all_the_same_are_left_out_with_one_warning(
    stream: str, start_site: StartSite
) -> None:
    ignored = Fault(kind="ignore_filters", path=PATHS[stream], count=None)
    sizes = {**dict.fromkeys(IN_SPACES, 90), SPACES: 12}
    site = start_site(contents(sizes), page_cap=10, faults=[ignored])
    keys = keys_of(site, 7)
    outcome = selected(site, stream, spaces=keys)
    assert completed(outcome, stream)
    assert outcome.records(stream) == rows_in(site, stream, keys)
    [warning] = warnings(outcome)
    assert "returned rows of other spaces than the selected ones" in warning


def test_spaces_may_be_selected_while_others_are_left_out(start_site: StartSite) -> None:
    site = site_of(start_site)
    keys = keys_of(site, 1, 2)
    outcome = selected(site, FIRST, spaces=keys, excluded_spaces=keys_of(site, 0))
    assert outcome.records(FIRST) == rows_in(site, FIRST, keys)
    assert warnings(outcome) == []
    assert len(calls_for(site, SPACES)) == 1


@WORKERS
def test_the_list_of_spaces_has_the_selected_ones(start_site: StartSite) -> None:
    site = site_of(start_site)
    keys = keys_of(site, 1, 3, 8)
    outcome = selected(site, SPACES, spaces=keys)
    assert completed(outcome, SPACES)
    assert [row["key"] for row in outcome.records(SPACES)] == keys
    assert any(row.get("description") for row in outcome.records(SPACES))


@WORKERS
def test_of_very_many_spaces_the_others_are_sorted_out(start_site: StartSite) -> None:
    site = start_site(contents({SPACES: 270}))
    excluded = keys_of(site, *range(2, 12))
    outcome = selected(site, SPACES, excluded_spaces=excluded)
    assert completed(outcome, SPACES)
    kept = [row for row in site.service.content.rows(SPACES) if row["key"] not in excluded]
    assert outcome.records(SPACES) == on_the_wire(kept)
    assert warnings(outcome) == []


@pytest.mark.parametrize("write", [str.lower, str.upper, lambda key: f" {key} "])
def test_a_key_may_be_in_small_letters(write: Callable[[str], str], start_site: StartSite) -> None:
    site = site_of(start_site)
    keys = keys_of(site, 1, 3)
    outcome = selected(site, FIRST, spaces=[write(key) for key in keys])
    assert outcome.records(FIRST) == rows_in(site, FIRST, keys)
    assert warnings(outcome) == []


def test_all_streams_of_a_sync_share_one_question_for_the_spaces(start_site: StartSite) -> None:
    site = site_of(start_site)
    keys = keys_of(site, 1, 3)
    selected(site, *IN_SPACES, BY_OFFSET, spaces=keys)
    assert [params["keys"] for params in calls_for(site, SPACES)] == [",".join(keys)]


def test_a_list_that_knows_no_spaces_is_read_without_that_question(start_site: StartSite) -> None:
    site = site_of(start_site)
    assert completed(selected(site, BY_OFFSET, spaces=keys_of(site, 1)), BY_OFFSET)
    assert {call.path for call in list_calls(site)} == {PATHS[BY_OFFSET]}


def test_more_keys_than_one_request_takes_are_asked_for_in_several(start_site: StartSite) -> None:
    site = start_site(contents({SPACES: 270}))
    keys = keys_of(site, *range(270))
    outcome = selected(site, SPACES, spaces=keys)
    assert [row["key"] for row in outcome.records(SPACES)] == keys
    asked = [params["keys"].split(",") for params in calls_for(site, SPACES) if "keys" in params]
    assert [key for some in asked for key in some] == keys
    assert len(asked) > 1
    assert all(len(some) <= 250 for some in asked)
    assert all(len(",".join(some)) < 5_000 for some in asked)


# What is no longer there


@WORKERS
@each_list
def test_a_selected_space_that_is_no_longer_visible_is_named_and_the_rest_is_read(
    stream: str, start_site: StartSite
) -> None:
    site = site_of(start_site)
    keys = keys_of(site, 1, 3)
    site.service.history.hide(*ids_of(site, keys[:1]))
    outcome = selected(site, stream, spaces=keys)
    assert completed(outcome, stream)
    assert outcome.records(stream) == rows_in(site, stream, keys[1:])
    [warning] = warnings(outcome)
    assert f"no space with the selected key {keys[0]}: it was deleted" in warning
    assert warning.endswith("The rest of the selection is read.")


@each_list
def test_a_selected_space_that_was_archived_is_named_and_read_as_far_as_it_is_shown(
    stream: str, start_site: StartSite
) -> None:
    site = site_of(start_site)
    keys = keys_of(site, 1, 2)
    site.service.history.archive(*ids_of(site, keys[:1]))
    outcome = selected(site, stream, spaces=keys)
    assert outcome.records(stream) == rows_in(site, stream, keys)
    [warning] = warnings(outcome)
    assert f"{keys[0]} is archived or in the trash" in warning


def test_the_warning_comes_in_every_sync_and_once_in_each(start_site: StartSite) -> None:
    site = site_of(start_site)
    keys = [*keys_of(site, 1), "NOSUCH"]
    for _ in range(2):
        outcome = selected(site, *IN_SPACES, SPACES, spaces=keys)
        assert ["NOSUCH" in warning for warning in warnings(outcome)] == [True]


def test_a_space_with_another_name_is_the_same(start_site: StartSite) -> None:
    site = site_of(start_site)
    keys = keys_of(site, 1)
    site.service.history.rename(ids_of(site, keys).pop(), "Another name")
    outcome = selected(site, FIRST, spaces=keys)
    assert outcome.records(FIRST) == rows_in(site, FIRST, keys)
    assert warnings(outcome) == []


def say_of_space(site: RunningSite, named: str, **changes: str) -> None:
    """Let the row of a space say other things."""

    def change(call: Call, reply: Reply) -> Reply:
        if call.path != PATHS[SPACES]:
            return reply
        rows = [
            {**row, **changes} if row["key"] == named else row for row in reply.document["results"]
        ]
        return replace(reply, document={**reply.document, "results": rows})

    change_answers(site, change)


def test_a_space_is_found_by_the_key_that_its_address_shows(start_site: StartSite) -> None:
    site = site_of(start_site)
    keys = keys_of(site, 1, 2)
    say_of_space(site, keys[0], currentActiveAlias="NEWKEY")
    outcome = selected(site, FIRST, spaces=["NEWKEY", keys[1]])
    assert outcome.records(FIRST) == rows_in(site, FIRST, keys)
    assert warnings(outcome) == []


def test_a_space_whose_key_was_changed_is_named_and_the_rest_is_read(
    start_site: StartSite,
) -> None:
    site = site_of(start_site)
    keys = keys_of(site, 1, 2)
    say_of_space(site, keys[0], key="NEWKEY", currentActiveAlias="NEWKEY")
    outcome = selected(site, FIRST, spaces=keys)
    assert outcome.records(FIRST) == rows_in(site, FIRST, keys[1:])
    [warning] = warnings(outcome)
    assert f"no space with the selected key {keys[0]}: it was deleted, its key was" in warning


def test_a_selected_space_that_turns_out_to_be_personal_is_named(start_site: StartSite) -> None:
    site = site_of(start_site)
    keys = keys_of(site, 1, 3)
    say_of_space(site, keys[1], currentActiveAlias="ADA")
    outcome = selected(site, FIRST, spaces=[keys[0], "ADA"], personal_spaces=False)
    assert outcome.records(FIRST) == rows_in(site, FIRST, keys[:1])
    [warning] = warnings(outcome)
    assert "the selected space ADA is personal" in warning


def test_a_space_to_leave_out_that_is_not_there_is_named(start_site: StartSite) -> None:
    site = site_of(start_site)
    outcome = selected(site, FIRST, excluded_spaces=["NOSUCH"])
    assert outcome.records(FIRST) == on_the_wire(site.service.history.rows(FIRST))
    [warning] = warnings(outcome)
    assert "no space with the key NOSUCH, which is to be left out" in warning


@WORKERS
@pytest.mark.parametrize("stream", [*IN_SPACES, SPACES])
def test_where_no_selected_space_is_visible_nothing_is_listed(
    stream: str, start_site: StartSite
) -> None:
    site = site_of(start_site)
    keys = keys_of(site, 1, 3)
    site.service.history.hide(*ids_of(site, keys))
    outcome = selected(site, stream, spaces=keys)
    assert completed(outcome, stream)
    assert outcome.records(stream) == []
    [warning] = warnings(outcome)
    assert f"with the selected key {', '.join(keys)}: " in warning
    assert warning.endswith("Nothing else is selected, so nothing is read.")
    assert {call.path for call in list_calls(site)} == {PATHS[SPACES]}


@pytest.mark.parametrize("stream", [*IN_SPACES, SPACES])
def test_an_account_that_the_site_does_not_know_is_not_taken_for_one_without_spaces(
    stream: str, start_site: StartSite
) -> None:
    site = start_site(contents({SPACES: 12}), welcomes_visitors=True)
    config = {**site.config, "api_token": "expired", "spaces": keys_of(site, 1)}
    outcome = read(config, [stream])
    assert outcome.ending(stream) == "INCOMPLETE"
    assert "anonymous visitor" in outcome.error(stream)["message"]


# When the site fails, or the process dies


def test_the_question_for_the_spaces_is_retried_like_any_other(
    start_site: StartSite, waits: list[float]
) -> None:
    failing = Fault(kind="status", status=503, path=PATHS[SPACES], count=2)
    site = start_site(contents({FIRST: 90, SPACES: 12}), faults=[failing])
    keys = keys_of(site, 1)
    outcome = selected(site, FIRST, spaces=keys)
    assert completed(outcome, FIRST)
    assert outcome.records(FIRST) == rows_in(site, FIRST, keys)
    [summary] = [line for line in outcome.logs if line.startswith(f"Stream '{FIRST}' is complete")]
    assert f", {len(site.calls)} requests, " in summary
    assert f"{sum(waits):.1f} s of waiting" in summary


def test_an_account_that_may_not_list_spaces_is_told_what_to_do(
    start_site: StartSite, waits: list[float]
) -> None:
    refused = Fault(kind="status", status=403, path=PATHS[SPACES], count=None)
    site = start_site(contents({SPACES: 12}), faults=[refused])
    outcome = selected(site, *IN_SPACES, spaces=["SP1"])
    for stream in IN_SPACES:
        assert outcome.ending(stream) == "INCOMPLETE"
        message = outcome.error(stream)["message"]
        assert message.startswith(f"{site.host} refused {PATHS[SPACES]} (HTTP 403). ")
        assert message.endswith(" or leave out the settings that select spaces.")
        assert any(line.startswith(f"Stream '{stream}' is not complete: ") for line in outcome.logs)
    assert waits


@WORKERS
@each_list
@pytest.mark.parametrize("space_count", [12, MOST_IDS + 10])
def test_a_read_that_was_killed_resumes_within_the_selection(
    stream: str, space_count: int, start_site: StartSite
) -> None:
    site = site_of(start_site, space_count)
    settings = {"excluded_spaces": keys_of(site, 0)}
    first = selected(site, stream, **settings)
    there = rows_in(site, stream, set(keys_of(site, *range(space_count))) - set(keys_of(site, 0)))
    states = [i for i, m in enumerate(first.messages) if m["type"] == "STATE"]
    places = [i for i in states if "cursor" in first.messages[i]["state"]["stream"]["stream_state"]]
    assert len(places) > 2
    for place in places:
        before = Outcome(messages=first.messages[: place + 1]).records(stream)
        state = first.messages[place]["state"]
        outcome = read({**site.config, **settings}, [stream], state=[state])
        assert completed(outcome, stream)
        assert [*before, *outcome.records(stream)] == there


@each_list
@pytest.mark.parametrize(
    "settings",
    [{"spaces": ["SP1", "SP0"]}, {"excluded_spaces": ["SP1"]}, {"personal_spaces": False}],
    ids=str,
)
def test_a_state_of_another_selection_starts_over(
    settings: dict[str, Any], stream: str, start_site: StartSite
) -> None:
    site = site_of(start_site)
    states = [
        m["state"] for m in selected(site, stream, **settings).messages if m["type"] == "STATE"
    ]
    again = {name: list(reversed(v)) if isinstance(v, list) else v for name, v in settings.items()}
    outcome = selected_from(site, stream, states[0], **again)
    assert any("Resuming stream" in line for line in outcome.logs), "of the same"
    outcome = selected_from(site, stream, states[0])
    assert outcome.records(stream) == on_the_wire(site.service.history.rows(stream))
    assert any("reading from the beginning" in line for line in outcome.logs)


def selected_from(
    site: RunningSite,
    stream: str,
    state: Message,
    **settings: Any,  # noqa: ANN401
) -> Outcome:
    return read({**site.config, **settings}, [stream], state=[state])


# Read incrementally


def told(site: RunningSite, stream: str, state: Message | None, **settings: Any) -> Outcome:  # noqa: ANN401
    """What an incremental read says, after an earlier one has ended with a state."""
    catalog = configured_catalog(stream)
    catalog["streams"][0] |= {"sync_mode": "incremental"}
    outcome = run(
        "read",
        config={**site.config, **settings},
        catalog=catalog,
        state=[state] if state else [],
    )
    assert completed(outcome, stream)
    return outcome


def last_state(outcome: Outcome) -> Message:
    states: list[Message] = [m["state"] for m in outcome.messages if m["type"] == "STATE"]
    return states[-1]


def by_id(rows: Iterable[Message]) -> dict[str, Message]:
    return {row["id"]: row for row in rows}


SELECTIONS = pytest.mark.parametrize("space_count", [12, MOST_IDS + 10])
INCREMENTAL = tuple(name for name in IN_SPACES if TABLE[name].cursor_field)


@WORKERS
@SELECTIONS
@pytest.mark.parametrize("stream", INCREMENTAL)
def test_an_incremental_read_tells_what_happens_in_the_selected_spaces(
    stream: str, space_count: int, start_site: StartSite
) -> None:
    site = site_of(start_site, space_count)
    history = site.service.history
    left_out = keys_of(site, 1, 2)
    settings: dict[str, Any] = {"excluded_spaces": left_out}
    inside = rows_in(site, stream, set(keys_of(site, *range(space_count))) - set(left_out))
    outside = rows_in(site, stream, left_out)
    first = told(site, stream, None, **settings)
    assert by_id(first.records(stream)) == by_id(inside)
    quiet = told(site, stream, last_state(first), **settings)
    assert quiet.records(stream) == []

    edited, purged, moved_out = (row["id"] for row in inside[3:6])
    history.edit(edited)
    history.purge(purged)
    history.move(moved_out, space_id=outside[0]["spaceId"])
    history.edit(outside[1]["id"])
    history.purge(outside[2]["id"])
    history.move(outside[3]["id"], space_id=inside[0]["spaceId"])
    second = told(site, stream, last_state(quiet), **settings)
    found = by_id(second.records(stream))
    assert found.keys() == {edited, purged, moved_out, outside[3]["id"]}
    assert found[purged] == {"id": purged, "status": "gone"}
    assert found[moved_out]["spaceId"] == outside[0]["spaceId"], "as it is now"
    assert found[outside[3]["id"]]["body"]
    again = told(site, stream, last_state(second), **settings)
    assert again.records(stream) == []


@SELECTIONS
@pytest.mark.parametrize("stream", INCREMENTAL)
def test_what_is_in_a_space_that_is_no_longer_visible_is_told_as_gone(
    stream: str, space_count: int, start_site: StartSite
) -> None:
    site = site_of(start_site, space_count)
    settings: dict[str, Any] = {"excluded_spaces": keys_of(site, 1)}
    first = told(site, stream, None, **settings)
    hidden = keys_of(site, 4)
    there = {row["id"] for row in rows_in(site, stream, hidden)}
    assert there
    site.service.history.hide(*ids_of(site, hidden))
    second = told(site, stream, last_state(first), **settings)
    assert {(row["id"], row["status"]) for row in second.records(stream)} == {
        (own_id, "gone") for own_id in there
    }


@pytest.mark.parametrize("stream", INCREMENTAL)
def test_where_nothing_selected_is_visible_an_incremental_read_lists_nothing(
    stream: str, start_site: StartSite
) -> None:
    site = site_of(start_site)
    keys = keys_of(site, 1, 3)
    site.service.history.hide(*ids_of(site, keys))
    outcome = told(site, stream, None, spaces=keys)
    assert outcome.records(stream) == []
    assert {call.path for call in list_calls(site)} == {PATHS[SPACES]}


@pytest.mark.parametrize("stream", INCREMENTAL)
def test_with_fewer_spaces_it_starts_over_and_leaves_the_others_as_they_are(
    stream: str, start_site: StartSite
) -> None:
    site = site_of(start_site)
    keys = keys_of(site, 0, 1, 2)
    first = told(site, stream, None, spaces=keys)
    second = told(site, stream, last_state(first), spaces=keys[:2])
    assert by_id(second.records(stream)) == by_id(rows_in(site, stream, keys[:2]))
    third = told(site, stream, last_state(second), spaces=keys[:2])
    assert third.records(stream) == []


@pytest.mark.parametrize("stream", INCREMENTAL)
def test_rows_of_other_spaces_that_come_all_the_same_are_not_remembered(
    stream: str, start_site: StartSite
) -> None:
    ignored = Fault(kind="ignore_filters", path=PATHS[stream], count=None)
    sizes = {**dict.fromkeys(IN_SPACES, 90), SPACES: 12}
    site = start_site(contents(sizes), page_cap=10, faults=[ignored])
    keys = keys_of(site, 1, 3)
    first = told(site, stream, None, spaces=keys)
    assert by_id(first.records(stream)) == by_id(rows_in(site, stream, keys))
    site.service.recover()
    second = told(site, stream, last_state(first), spaces=keys)
    assert second.records(stream) == []


@each_list
def test_a_state_is_kept_when_the_question_for_the_spaces_fails(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    site = site_of(start_site)
    settings = {"excluded_spaces": keys_of(site, 0)}
    state = next(m for m in selected(site, stream, **settings).messages if m["type"] == "STATE")
    change_answers(
        site,
        lambda call, reply: replace(reply, status=503) if call.path == PATHS[SPACES] else reply,
    )
    outcome = selected_from(site, stream, state["state"], **settings)
    assert outcome.ending(stream) == "INCOMPLETE"
    assert all(m["state"] == state["state"] for m in outcome.messages if m["type"] == "STATE")
    assert waits
