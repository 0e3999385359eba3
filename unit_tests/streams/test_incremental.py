"""An incremental read brings what is new, moved or gone since the one before, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fake_confluence import Call, Clock, Fault, RunningSite
from fake_confluence.clock import milliseconds
from fake_confluence.faults import KINDS
from fake_confluence.history import History
from fake_confluence.reply import Reply
from fake_confluence.rows import SPACE_IDS, number_of
from source_confluence.reading.state import COMPLETE
from unit_tests.conftest import StartSite, change_answers
from unit_tests.destination import GONE, Connection
from unit_tests.protocol import Message, Outcome
from unit_tests.reading.test_resume import warnings
from unit_tests.replies import SPACES
from unit_tests.streams_under_test import (
    BY_ID,
    OTHERS,
    PATHS,
    PREFETCHED,
    completed,
    contents,
    on_the_wire,
)

NOON = "2026-07-01T12:00:00.000Z"
HOUR = 3600
ROWS = 23
SELECTED = ["current", "archived"]

both = pytest.mark.parametrize("stream", PREFETCHED)
Start = Callable[..., RunningSite]


@pytest.fixture
def at_noon(start_site: StartSite) -> Start:
    """Start a site with a few spaces, in small pages, at a noon that stays until it is moved."""

    def start(row_count: int = ROWS, *, page_cap: int = 5, **options: Any) -> RunningSite:  # noqa: ANN401
        counts = dict.fromkeys(PREFETCHED, row_count)
        clock = Clock(frozen_at=NOON)
        return start_site(
            contents({**counts, SPACES: 4}), page_cap=page_cap, clock=clock, **options
        )

    return start


def first_sync(site: RunningSite, stream: str = BY_ID, **settings: Any) -> Connection:  # noqa: ANN401
    """A connection that has been read once; a day has passed since."""
    connection = Connection(site.config, stream, **settings)
    assert completed(connection.sync(), stream)
    site.service.clock.advance(24 * HOUR)
    return connection


def some(site: RunningSite, stream: str = BY_ID, number: int = 7) -> str:
    """The id of a row that is current."""
    return str(site.service.history.rows(stream, "current")[number]["id"])


def synced(connection: Connection, stream: str = BY_ID, **settings: Any) -> list[Message]:  # noqa: ANN401
    """The records of a further sync, which is whole."""
    outcome = connection.sync(**settings)
    assert completed(outcome, stream)
    return outcome.dated_records(stream)


def state_of(connection: Connection, stream: str = BY_ID) -> Message:
    state: Message = connection.destination.states[stream]["stream"]["stream_state"]
    return state


def with_state(connection: Connection, state: Message, stream: str = BY_ID) -> None:
    connection.destination.states[stream]["stream"]["stream_state"] = state


def without_date(records: list[Message]) -> list[Message]:
    return [{k: v for k, v in record.items() if k != "readAt"} for record in records]


def assert_equal_to_site(
    connection: Connection, site: RunningSite, stream: str = BY_ID, *statuses: str
) -> None:
    alive = connection.destination.alive(stream, statuses or SELECTED)
    rows = sorted(alive.values(), key=lambda row: int(row["id"]))
    assert without_date(rows) == on_the_wire(site.service.history.rows(stream, *statuses))


def has_warned(outcome: Outcome, words: str) -> bool:
    return any(words in line for line in warnings(outcome))


@both
def test_the_first_read_brings_every_row_with_the_time_of_its_reading(
    stream: str, at_noon: Start
) -> None:
    site = at_noon()
    connection = first_sync(site, stream)
    assert_equal_to_site(connection, site, stream)
    dates = {row["readAt"] for row in connection.destination.rows[stream].values()}
    assert dates == {"2026-07-01T12:00:00Z"}
    state = state_of(connection, stream)
    assert state["of"].startswith(f"{site.host}{PATHS[stream]}")
    at_rest = {"of", "newest", "watermark", "recent", "counted", "countedAt", "rows", "sketch"}
    assert state.keys() == at_rest | {"told"}
    assert (state["rows"], state["told"]) == (ROWS, {})


@both
def test_a_quiet_read_brings_nothing_and_changes_only_dates_in_the_state(
    stream: str, at_noon: Start
) -> None:
    site = at_noon()
    connection = first_sync(site, stream)
    before = state_of(connection, stream)
    assert synced(connection, stream) == []
    after = state_of(connection, stream)
    assert after.keys() == before.keys()
    assert all(is_instant(after[name]) for name in after if after[name] != before[name])


def is_instant(value: object) -> bool:
    """Whether it is milliseconds or a text of these days."""
    noon = milliseconds(NOON)
    instant = value if isinstance(value, int) else milliseconds(str(value))
    return noon - 10**11 < instant < noon + 10**11


Acts = dict[str, Callable[[History, str], object]]
WITH_VERSION: Acts = {
    "edit": lambda history, own_id: history.edit(own_id),
    "rename": lambda history, own_id: history.rename(own_id, "Other"),
    "move": lambda history, own_id: history.move(
        own_id, space_id=str(SPACE_IDS[3]), new_version=True
    ),
}
WITHOUT_VERSION: Acts = {
    "move": lambda history, own_id: history.move(own_id, space_id=str(SPACE_IDS[3])),
    "to the root": lambda history, own_id: history.move(own_id, parent_id=None),
    "hand over": lambda history, own_id: history.hand_over(own_id, "712020:new"),
    "archive": lambda history, own_id: history.archive(own_id),
}


@both
@pytest.mark.parametrize("census", ["every_sync", "once_a_day", "never"])
@pytest.mark.parametrize("act", WITH_VERSION.values(), ids=WITH_VERSION)
def test_a_new_version_brings_its_row_alone(
    act: Callable[[History, str], object], census: str, stream: str, at_noon: Start
) -> None:
    site = at_noon()
    connection = first_sync(site, stream, census=census)
    own_id = some(site, stream)
    act(site.service.history, own_id)
    [record] = synced(connection, stream)
    assert without_date([record]) == on_the_wire([row_of(site, own_id)])
    assert record["readAt"] == "2026-07-02T12:00:00Z"
    assert synced(connection, stream) == []


@pytest.mark.parametrize("act", WITHOUT_VERSION.values(), ids=WITHOUT_VERSION)
def test_what_changes_without_a_new_version_is_seen_by_the_census(
    act: Callable[[History, str], object], at_noon: Start
) -> None:
    site = at_noon()
    connection = first_sync(site)
    assert synced(connection) == []
    site.service.clock.advance(HOUR)
    own_id = some(site)
    act(site.service.history, own_id)
    assert synced(connection, census="once_a_day") == []
    assert without_date(synced(connection)) == on_the_wire([row_of(site, own_id)])
    assert synced(connection) == []


def row_of(site: RunningSite, own_id: str) -> Message:
    row = site.service.history.row(own_id)
    assert row is not None
    return row


@both
def test_what_is_in_the_trash_comes_as_its_row_and_again_when_it_is_restored(
    stream: str, at_noon: Start
) -> None:
    site = at_noon()
    connection = first_sync(site, stream)
    own_id = some(site, stream)
    site.service.history.trash(own_id)
    [record] = synced(connection, stream)
    assert without_date([record]) == on_the_wire([row_of(site, own_id)])
    assert record["status"] == "trashed"
    assert_equal_to_site(connection, site, stream)
    assert synced(connection, stream) == []
    site.service.history.restore(own_id)
    assert without_date(synced(connection, stream)) == on_the_wire([row_of(site, own_id)])
    assert_equal_to_site(connection, site, stream)


@both
@pytest.mark.parametrize("act", ["purge", "hide"])
def test_what_is_gone_altogether_comes_as_its_id(act: str, stream: str, at_noon: Start) -> None:
    site = at_noon()
    connection = first_sync(site, stream)
    own_id = some(site, stream)
    getattr(site.service.history, act)(own_id)
    [record] = synced(connection, stream)
    assert record == {"id": own_id, "status": GONE, "readAt": "2026-07-02T12:00:00Z"}
    assert_equal_to_site(connection, site, stream)
    assert synced(connection, stream) == []


@both
def test_what_is_visible_again_comes_whole_in_the_version_it_has_by_then(
    stream: str, at_noon: Start
) -> None:
    site = at_noon()
    connection = first_sync(site, stream)
    history, own_id, other = site.service.history, some(site, stream), some(site, stream, 3)
    history.hide(own_id)
    assert [record["status"] for record in synced(connection, stream)] == [GONE]
    history.edit(own_id)
    site.service.clock.advance(HOUR)
    history.edit(other)
    assert [record["id"] for record in synced(connection, stream)] == [other]
    history.show(own_id)
    assert without_date(synced(connection, stream)) == on_the_wire([row_of(site, own_id)])
    assert connection.destination.gone(stream) == set()


@both
def test_what_is_new_comes(stream: str, at_noon: Start) -> None:
    site = at_noon()
    connection = first_sync(site, stream, census="never")
    own_id = site.service.history.create(stream)
    assert without_date(synced(connection, stream)) == on_the_wire([row_of(site, own_id)])


def test_what_a_quick_read_told_and_is_gone_later_is_found_by_the_next_census(
    at_noon: Start,
) -> None:
    site = at_noon()
    connection = first_sync(site)
    assert synced(connection) == []
    site.service.clock.advance(HOUR)
    own_id = site.service.history.create(BY_ID)
    assert [record["id"] for record in synced(connection, census="once_a_day")] == [own_id]
    site.service.history.purge(own_id)
    assert [record["status"] for record in synced(connection)] == [GONE]


def test_the_time_of_reading_never_goes_back(at_noon: Start) -> None:
    site = at_noon()
    connection = first_sync(site)
    site.service.history.edit(some(site))
    [first] = synced(connection)
    site.service.clock.advance(-2 * HOUR)
    site.service.history.purge(some(site))
    [second] = synced(connection)
    assert second["readAt"] >= first["readAt"]
    assert_equal_to_site(connection, site)


def test_the_census_runs_once_a_day_when_that_is_enough(at_noon: Start) -> None:
    site = at_noon()
    connection = first_sync(site, census="once_a_day")
    assert synced(connection) == [], "a day later: a census"
    site.service.clock.advance(HOUR)
    site.service.history.purge(some(site))
    assert synced(connection) == []
    site.service.clock.advance(24 * HOUR)
    assert [record["status"] for record in synced(connection)] == [GONE]


def test_a_census_that_is_dated_in_the_future_does_not_put_off_the_next(at_noon: Start) -> None:
    site = at_noon()
    connection = first_sync(site, census="once_a_day")
    state = state_of(connection)
    with_state(connection, {**state, "countedAt": state["countedAt"] + 10**11})
    site.service.history.purge(some(site))
    assert [record["status"] for record in synced(connection)] == [GONE]


def test_of_a_site_that_does_not_sort_nothing_is_lost_and_a_warning_says_so(
    at_noon: Start,
) -> None:
    fault = Fault(kind="ignore_sort", path=PATHS[BY_ID], count=None)
    site = at_noon(faults=[fault])
    connection = first_sync(site, census="never")
    for number in (1, 12, -1):
        site.service.history.edit(some(site, number=number))
    outcome = connection.sync()
    assert completed(outcome, BY_ID)
    assert_equal_to_site(connection, site)
    assert has_warned(outcome, "newest first")


def test_of_a_site_that_does_not_filter_only_what_is_selected_counts(at_noon: Start) -> None:
    fault = Fault(kind="ignore_filters", path=PATHS[BY_ID], count=None)
    site = at_noon(faults=[fault])
    history = site.service.history
    for number in (2, 3):
        history.trash(some(site, number=number))
    connection = first_sync(site, content_statuses=["current"])
    assert_equal_to_site(connection, site, BY_ID, "current")
    site.service.history.edit(some(site))
    assert len(synced(connection)) == 1
    assert_equal_to_site(connection, site, BY_ID, "current")
    assert connection.destination.gone(BY_ID) == set()


def test_a_list_of_which_most_is_not_shown_stops_the_stream_before_any_of_it_is_told(
    at_noon: Start,
) -> None:
    connection = first_sync(twin := at_noon(60))
    call_count = sum(call.path == PATHS[BY_ID] for call in twin.calls)
    fault: dict[str, Any] = {
        "kind": "part",
        "path": PATHS[BY_ID],
        "first": call_count + 1,
        "count": None,
    }
    site = at_noon(60, faults=[Fault(share=0.1, **fault)])
    connection = first_sync(site)
    assert_guarded(connection, site)


def test_rows_that_the_account_no_longer_sees_stop_the_stream_too(at_noon: Start) -> None:
    site = at_noon(60)
    connection = first_sync(site)
    rows = site.service.history.rows(BY_ID)
    site.service.history.hide(*(row["id"] for row in rows[6:]))
    assert_guarded(connection, site)
    records = synced(connection, allow_mass_removal=True)
    assert {record["id"] for record in records} == {row["id"] for row in rows[6:]}
    assert {record["status"] for record in records} == {GONE}
    assert_equal_to_site(connection, site)


@pytest.mark.parametrize("page", range(1, 6))
def test_one_response_without_rows_makes_nothing_gone(page: int, at_noon: Start) -> None:
    """Whichever it is behind the first page of the list: there, or where rows are looked at."""
    site = at_noon()
    connection = first_sync(site)
    for number in (3, 7, 9):
        site.service.history.move(some(site, number=number), space_id=str(SPACE_IDS[3]))
    site.service.misbehave(Fault(kind="cut_list", path=PATHS[BY_ID], first=2 + page))
    assert len(synced(connection)) == 3
    assert_equal_to_site(connection, site)


def assert_guarded(connection: Connection, site: RunningSite) -> None:
    """Each time, until the rows are there again."""
    for _ in range(2):
        outcome = connection.sync()
        assert outcome.ending(BY_ID) == "INCOMPLETE"
        error = outcome.error(BY_ID)
        assert error["failure_type"] == "config_error"
        assert "allow_mass_removal" in error["message"]
        assert outcome.records(BY_ID) == []
    assert connection.destination.gone(BY_ID) == set()
    assert len(connection.destination.rows[BY_ID]) == site.service.content.count(BY_ID)


def test_a_list_that_shrinks_by_less_than_a_fifth_is_told(at_noon: Start) -> None:
    site = at_noon(60)
    connection = first_sync(site)
    for _ in range(12):
        site.service.history.purge(some(site))
    assert [record["status"] for record in synced(connection)] == [GONE] * 12


@pytest.mark.parametrize(
    "change",
    [
        {"of": "elsewhere.invalid/wiki/api/v2/pages"},
        {"watermark": "yesterday"},
        {"watermark": -1},
        {"newest": 10**15},
        {"sketch": "!"},
        {"sketch": 7},
        {"sketch": ""},
        {"told": "x"},
        {"told": [[]]},
        {"counted": "x"},
    ],
    ids=str,
)
def test_a_state_that_is_not_ours_is_ignored_with_a_warning(
    change: dict[str, Any], at_noon: Start
) -> None:
    site = at_noon()
    connection = first_sync(site)
    with_state(connection, {**state_of(connection), **change})
    outcome = connection.sync()
    assert completed(outcome, BY_ID)
    assert len(outcome.records(BY_ID)) == ROWS
    assert has_warned(outcome, "reading from the beginning")
    assert synced(connection) == []


def test_the_state_of_another_list_is_ignored_with_a_warning(at_noon: Start) -> None:
    site = at_noon()
    connection, other = first_sync(site), first_sync(site, OTHERS[BY_ID])
    with_state(connection, state_of(other, OTHERS[BY_ID]))
    outcome = connection.sync()
    assert len(outcome.records(BY_ID)) == ROWS
    assert has_warned(outcome, "reading from the beginning")


@pytest.mark.parametrize(
    "settings",
    [{"content_statuses": ["current"]}, {"body_format": "none"}],
    ids=str,
)
def test_another_selection_starts_over(settings: dict[str, Any], at_noon: Start) -> None:
    site = at_noon()
    connection = first_sync(site)
    history = site.service.history
    history.purge(some(site))
    statuses = settings.get("content_statuses", SELECTED)
    records = synced(connection, **settings)
    selected = {row["id"] for row in history.rows(BY_ID, *statuses)}
    assert selected <= {record["id"] for record in records}
    assert len(connection.destination.gone(BY_ID)) == 1, "what was told before is not forgotten"
    assert synced(connection, **settings) == []


def test_another_body_format_is_read_after_a_read_for_which_the_account_was_unknown(
    at_noon: Start,
) -> None:
    site = at_noon()
    connection = first_sync(site)
    known = site.service.reply

    def unknown(call: Call) -> Reply:
        reply = known(call)
        is_user = call.path.endswith("/user/current")
        return replace(reply, document={"type": "anonymous"}) if is_user else reply

    site.service.reply = unknown  # type: ignore[method-assign]
    assert not completed(connection.sync(body_format="none"), BY_ID)
    site.service.reply = known  # type: ignore[method-assign]
    assert len(synced(connection, body_format="none")) == ROWS


def test_what_came_without_its_body_and_is_gone_later_is_told(at_noon: Start) -> None:
    site = at_noon()
    connection = first_sync(site)
    assert synced(connection) == []
    site.service.clock.advance(HOUR)
    own_id = some(site)
    history, healthy = site.service.history, site.service.reply
    history.move(own_id, space_id=str(SPACE_IDS[3]))
    poison = Fault(kind="poison", row=number_of(own_id), count=None)

    def failing(call: Call) -> Reply:
        reply = healthy(call)
        return KINDS[poison.kind](reply, poison) if call.path == PATHS[BY_ID] else reply

    site.service.reply = failing  # type: ignore[method-assign]
    [record] = synced(connection)
    assert record.get("body") is None
    site.service.reply = healthy  # type: ignore[method-assign]
    history.purge(own_id)
    assert [record["status"] for record in synced(connection)] == [GONE]


def test_what_was_told_before_a_kill_and_is_in_the_trash_since_is_told(at_noon: Start) -> None:
    site = at_noon()
    connection = Connection(site.config, BY_ID)
    own_id = connection.sync_killed_after(8).records(BY_ID)[0]["id"]
    site.service.history.trash(own_id)
    synced(connection)
    synced(connection)
    assert_equal_to_site(connection, site)


def test_a_row_that_is_dated_in_the_future_hides_no_other(at_noon: Start) -> None:
    site = at_noon()
    connection = first_sync(site, census="never")
    history = site.service.history
    history.edit(some(site, number=2), skew_seconds=48 * HOUR)
    assert len(synced(connection)) == 1
    site.service.clock.advance(HOUR)
    history.edit(some(site, number=3))
    assert some(site, number=3) in {record["id"] for record in synced(connection)}
    assert_equal_to_site(connection, site)


@pytest.mark.parametrize("kind", ["undated", "future"])
def test_rows_without_a_usable_date_are_not_lost(kind: str, at_noon: Start) -> None:
    fault = Fault(
        kind=kind, path=PATHS[BY_ID], row=5, row_count=3, seconds=10**6 * HOUR, count=None
    )
    site = at_noon(faults=[fault])
    connection = first_sync(site)
    history = site.service.history
    ids = [row["id"] for row in history.rows(BY_ID)]
    assert connection.destination.rows[BY_ID].keys() == set(ids)
    for number in (6, 9):
        history.rename(ids[number], "Other")
    synced(connection)
    titles = {row["id"]: row["title"] for row in connection.destination.rows[BY_ID].values()}
    assert titles == {row["id"]: row["title"] for row in history.rows(BY_ID)}


def test_more_differences_than_can_be_named_are_read_again_with_a_warning(
    at_noon: Start,
) -> None:
    row_count = 2_400
    site = at_noon(row_count, page_cap=250)
    connection = first_sync(site)
    history = site.service.history
    for row in history.rows(BY_ID, "archived"):
        history.restore(row["id"])
    for row in history.rows(BY_ID):
        history.move(row["id"], parent_id=None, space_id=str(SPACE_IDS[3]))
    outcome = connection.sync()
    assert completed(outcome, BY_ID)
    assert has_warned(outcome, "all of it is read again")
    assert_equal_to_site(connection, site)
    assert synced(connection) == []


def test_a_full_refresh_starts_over_and_so_does_the_incremental_read_after_it(
    at_noon: Start,
) -> None:
    site = at_noon()
    connection = first_sync(site)
    outcome = connection.sync_in_full()
    assert completed(outcome, BY_ID)
    assert len(outcome.records(BY_ID)) == ROWS
    assert {record["readAt"] for record in outcome.dated_records(BY_ID)} == {"2026-07-02T12:00:00Z"}
    assert state_of(connection) == COMPLETE
    assert len(synced(connection)) == ROWS
    assert synced(connection) == []
    assert_equal_to_site(connection, site)


@pytest.mark.parametrize("line_count", range(0, 40, 3))
def test_a_first_read_that_was_killed_resumes(line_count: int, at_noon: Start) -> None:
    site = at_noon()
    connection = Connection(site.config, BY_ID)
    killed = connection.sync_killed_after(line_count)
    records = synced(connection)
    found = {record["id"] for record in [*killed.records(BY_ID), *records]}
    assert len(found) == ROWS
    assert synced(connection) == []
    assert_equal_to_site(connection, site)


@pytest.mark.parametrize("rest_arrives", [True, False])
@pytest.mark.parametrize("census", ["every_sync", "once_a_day"])
def test_what_a_killed_read_may_have_told_is_looked_at_again(
    census: str, rest_arrives: bool, at_noon: Start
) -> None:
    """Whatever the line at which it dies: the row is gone before the next read."""
    site = at_noon()
    connection = first_sync(site)
    for line_count in range(9):
        assert_equal_to_site(connection, site)
        site.service.clock.advance(HOUR)
        own_id = site.service.history.create(BY_ID)
        connection.sync_killed_after(line_count, rest_arrives=rest_arrives, census=census)
        site.service.history.purge(own_id)
        synced(connection)
        synced(connection)
    assert_equal_to_site(connection, site)


@pytest.mark.parametrize("status", [400, 403])
@both
def test_a_site_that_does_not_look_into_the_trash_is_asked_without_it(
    stream: str, status: int, at_noon: Start
) -> None:
    site = at_noon()
    connection = first_sync(site, stream)
    moved, purged = some(site, stream, 7), some(site, stream, 8)
    site.service.history.move(moved, space_id=str(SPACE_IDS[3]))
    site.service.history.purge(purged)

    def refuse(call: Call, reply: Reply) -> Reply:
        is_for_trash = any(v == "trashed" for n, v in call.params if n == "status")
        return Reply(status=status, document={}) if is_for_trash else reply

    change_answers(site, refuse)
    outcome = connection.sync()
    assert completed(outcome, stream)
    assert has_warned(outcome, "refuses to look into the trash")
    assert_equal_to_site(connection, site, stream)
    assert connection.destination.gone(stream) == {purged}


@both
def test_a_site_that_looks_at_some_of_the_ids_only_loses_nothing(
    stream: str, at_noon: Start
) -> None:
    site = at_noon(faults=[Fault(kind="few_ids", row_count=2, count=None, limit_above=1)])
    connection = first_sync(site, stream)
    for number in range(5, 12):
        site.service.history.move(some(site, stream, number), space_id=str(SPACE_IDS[3]))
    assert completed(connection.sync(), stream)
    assert_equal_to_site(connection, site, stream)


@both
def test_a_read_that_fails_in_the_middle_does_not_repeat_what_it_has_emitted(
    stream: str, at_noon: Start
) -> None:
    fails = Fault(kind="status", status=403, path=PATHS[stream], first=5, count=None)
    site = at_noon(page_cap=5, faults=[fails])
    connection = Connection(site.config, stream)
    broken_off = connection.sync()
    assert broken_off.ending(stream) == "INCOMPLETE"

    site.service.recover()
    resumed = connection.sync()
    before, after = ({r["id"] for r in o.records(stream)} for o in (broken_off, resumed))
    assert before
    assert not before & after
    assert_equal_to_site(connection, site, stream)


def test_the_guard_holds_when_another_body_format_is_read(at_noon: Start) -> None:
    site = at_noon(60)
    connection = first_sync(site)
    rows = site.service.history.rows(BY_ID)
    site.service.history.hide(*(row["id"] for row in rows[6:]))
    outcome = connection.sync(body_format="none")
    assert outcome.ending(BY_ID) == "INCOMPLETE"
    assert "allow_mass_removal" in outcome.error(BY_ID)["message"]
    assert connection.destination.gone(BY_ID) == set()


@pytest.mark.parametrize("line_count", range(2, 9))
def test_what_a_killed_read_without_census_has_told_is_not_taken_for_known(
    line_count: int, at_noon: Start
) -> None:
    site = at_noon()
    connection = first_sync(site)
    own_id = site.service.history.create(BY_ID)
    connection.sync_killed_after(line_count, census="never")
    site.service.history.purge(own_id)
    is_known = "sketch" in state_of(connection)
    synced(connection)
    is_alive = own_id in connection.destination.alive(BY_ID, SELECTED)
    assert not (is_known and is_alive)


@pytest.mark.parametrize("number", [True, -5, 10**30], ids=str)
def test_an_odd_number_of_a_version_does_not_make_every_sync_read_everything(
    number: object, at_noon: Start
) -> None:
    site = at_noon()
    own_id = some(site)
    site.service.history.edit(own_id)  # it is the newest

    def odd(_: Call, reply: Reply) -> Reply:
        if not isinstance(reply.document, dict):
            return reply
        rows = reply.document.get("results", [])
        for row in rows:
            if row.get("id") == own_id:
                row["version"] = {**row["version"], "number": number}
        return reply

    change_answers(site, odd)
    connection = first_sync(site)
    site.service.history.edit(some(site, number=2))
    assert len(synced(connection)) < ROWS


def test_a_row_without_a_date_in_front_does_not_hide_the_newest_date(at_noon: Start) -> None:
    site = at_noon()
    own_id = some(site)
    site.service.history.edit(own_id)  # it is the newest
    row = number_of(own_id)
    site.service.misbehave(Fault(kind="undated", row=row, row_count=1, count=None))
    assert state_of(first_sync(site))["watermark"] > 0


def test_a_look_up_that_brings_a_row_twice_is_an_error(at_noon: Start) -> None:
    site = at_noon()
    connection = first_sync(site)
    site.service.history.move(some(site), space_id=str(SPACE_IDS[3]))

    def twice(call: Call, reply: Reply) -> Reply:
        if "id" not in dict(call.params):
            return reply
        return replace(reply, document={**reply.document, "results": reply.document["results"] * 2})

    change_answers(site, twice)
    outcome = connection.sync()
    assert outcome.ending(BY_ID) == "INCOMPLETE"
    assert "other rows than those requested by id" in outcome.error(BY_ID)["message"]
