"""What happens on the fake site shows in its lists, as it does in Confluence."""

import html
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_confluence import Clock, Service
from fake_confluence.clock import milliseconds
from fake_confluence.history import History
from fake_confluence.rows import PAGE_IDS, SPACE_IDS
from unit_tests.protocol import Message
from unit_tests.replies import BLOG_POSTS, PAGES, SPACES, ask, ask_link, ids_of, rows_of
from unit_tests.streams_under_test import PINNED, PREFETCHED, contents
from unit_tests.test_fake_lists import OF_CONTENT, by

NOON = "2026-07-01T12:00:00.000Z"
ALL = "current,archived,trashed"
IN_ALL = {PAGES: ALL, BLOG_POSTS: "current,trashed"}

both = pytest.mark.parametrize("stream", [PAGES, BLOG_POSTS])


def at_noon(counts: Mapping[str, int] | None = None) -> Service:
    counts = {PAGES: 300, BLOG_POSTS: 40, SPACES: 5, **(counts or {})}
    return Service(contents(counts), clock=Clock(frozen_at=NOON))


def some(service: Service, stream: str, number: int = 7) -> str:
    """The id of a row that is current."""
    return str(rows_of(service, stream, status="current")[number]["id"])


def looked_up(service: Service, stream: str, own_id: str, **params: object) -> Message | None:
    """The row by its id; that of the whole list is the same."""
    params = {"body_format": "storage", "limit": 250, **params}
    rows = rows_of(service, stream, id=own_id, **params)
    listed = rows_of(service, stream, **params)
    assert [row for row in listed if row["id"] == own_id] == rows
    return rows[0] if rows else None


def found(service: Service, stream: str, own_id: str, **params: object) -> Message:
    row = looked_up(service, stream, own_id, **params)
    assert row is not None
    return row


def changes(before: Message, after: Message) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@both
def test_an_edit_is_a_new_version_at_the_time_of_the_site(stream: str) -> None:
    service = at_noon()
    own_id = some(service, stream)
    before = found(service, stream, own_id)
    service.clock.advance(90)
    service.history.edit(own_id, "More & more")
    after = found(service, stream, own_id)
    assert changes(before, after) == {"version", "body"}
    assert after["version"]["number"] == before["version"]["number"] + 1
    assert after["version"]["createdAt"] == "2026-07-01T12:01:30.000Z"
    assert after["body"]["storage"]["value"].endswith("<p>More &amp; more</p>")
    service.history.edit(own_id, "Less")
    value = found(service, stream, own_id)["body"]["storage"]["value"]
    assert value == before["body"]["storage"]["value"] + "<p>Less</p>"
    assert rows_of(service, stream, sort="-modified-date", limit=1)[0]["id"] == own_id


@both
def test_a_new_title_is_a_new_version(stream: str) -> None:
    service = at_noon()
    own_id = some(service, stream)
    before = found(service, stream, own_id)
    service.history.rename(own_id, "No number at its end")
    after = found(service, stream, own_id)
    assert changes(before, after) == {"version", "title"}
    assert after["title"] == "No number at its end"


@both
def test_a_version_may_be_written_by_a_machine_whose_clock_is_off(stream: str) -> None:
    service = at_noon()
    first, second = some(service, stream, 3), some(service, stream, 4)
    service.history.edit(first, skew_seconds=300)
    service.history.edit(second, skew_seconds=-300)
    assert found(service, stream, first)["version"]["createdAt"] == "2026-07-01T12:05:00.000Z"
    assert found(service, stream, second)["version"]["createdAt"] == "2026-07-01T11:55:00.000Z"
    assert ids_of(rows_of(service, stream, sort="-modified-date"))[:2] == [int(first), int(second)]


def test_a_move_may_come_without_a_new_version() -> None:
    service = at_noon()
    own_id, other = some(service, PAGES, 7), some(service, PAGES, 2)
    before = found(service, PAGES, own_id)
    space = next(str(each) for each in SPACE_IDS if str(each) != before["spaceId"])
    service.history.move(own_id, parent_id=other, space_id=space)
    after = found(service, PAGES, own_id)
    assert changes(before, after) <= {"parentId", "parentType", "spaceId", "_links"}
    assert (after["parentId"], after["parentType"], after["spaceId"]) == (other, "page", space)
    [key] = [row["key"] for row in rows_of(service, SPACES) if row["id"] == space]
    assert after["_links"]["webui"].startswith(f"/spaces/{key}/")
    assert looked_up(service, PAGES, own_id, space_id=space)
    assert looked_up(service, PAGES, own_id, space_id=before["spaceId"]) is None
    service.history.move(own_id, parent_id=None, new_version=True)
    last = found(service, PAGES, own_id)
    assert changes(after, last) == {"version", "parentId", "parentType"}
    assert (last["parentId"], last["parentType"]) == (None, None)


def test_a_blog_post_moves_to_another_space_and_has_no_parent() -> None:
    service = at_noon()
    own_id = some(service, BLOG_POSTS)
    service.history.move(own_id, space_id=str(SPACE_IDS[4]))
    assert found(service, BLOG_POSTS, own_id)["spaceId"] == str(SPACE_IDS[4])
    with pytest.raises(ValueError, match="Only pages have a parent"):
        service.history.move(own_id, parent_id=None)


def test_a_page_that_is_archived_keeps_its_parent_and_its_version() -> None:
    service = at_noon()
    own_id = some(service, PAGES)
    before = found(service, PAGES, own_id)
    service.history.archive(own_id)
    assert changes(before, found(service, PAGES, own_id)) == {"status"}
    assert looked_up(service, PAGES, own_id, status="current") is None
    assert found(service, PAGES, own_id, status="archived")["status"] == "archived"
    service.history.restore(own_id)
    assert found(service, PAGES, own_id) == before


@both
def test_what_is_in_the_trash_shows_only_to_those_who_ask_for_it(stream: str) -> None:
    service = at_noon()
    own_id = some(service, stream)
    before = found(service, stream, own_id)
    service.history.trash(own_id)
    assert looked_up(service, stream, own_id) is None
    trashed = found(service, stream, own_id, status="trashed")
    assert found(service, stream, own_id, status=IN_ALL[stream]) == trashed
    places = {"parentId", "parentType", "position"} & before.keys()
    assert changes(before, trashed) <= {"status", *places}
    assert [trashed[name] for name in places] == [None] * len(places)
    assert trashed["status"] == "trashed"
    service.history.restore(own_id)
    assert found(service, stream, own_id) == before
    service.history.trash(own_id)
    service.history.restore(own_id, new_version=True)
    assert changes(before, found(service, stream, own_id)) == {"version"}


@both
def test_what_is_purged_is_nowhere(stream: str) -> None:
    service = at_noon()
    own_id = some(service, stream)
    service.history.purge(own_id)
    for status in ("current", "trashed", "deleted", IN_ALL[stream]):
        assert looked_up(service, stream, own_id, status=status) is None
    assert service.history.row(own_id) is None
    with pytest.raises(ValueError, match=f"{own_id} is purged, not current"):
        service.history.edit(own_id)


@both
def test_what_is_hidden_is_nowhere_until_it_is_shown(stream: str) -> None:
    service = at_noon()
    own_id = some(service, stream)
    before = rows_of(service, stream)
    service.history.hide(own_id)
    assert looked_up(service, stream, own_id, status=IN_ALL[stream]) is None
    assert ids_of(rows_of(service, stream)) == [i for i in ids_of(before) if i != int(own_id)]
    service.history.edit(own_id)
    assert looked_up(service, stream, own_id) is None
    service.history.show(own_id)
    assert found(service, stream, own_id)["version"]["createdAt"] == NOON
    assert ids_of(rows_of(service, stream)) == ids_of(before)


@both
def test_a_space_takes_along_what_is_in_it_when_it_is_hidden(stream: str) -> None:
    service = at_noon()
    before = rows_of(service, stream)
    hidden, kept = str(SPACE_IDS[0]), str(SPACE_IDS[1])
    service.history.edit(next(row["id"] for row in before if row["spaceId"] == hidden))
    service.history.hide(hidden)
    assert hidden not in {row["id"] for row in rows_of(service, SPACES)}
    others = [row["id"] for row in before if row["spaceId"] != hidden]
    assert [row["id"] for row in rows_of(service, stream)] == others
    assert [row["id"] for row in service.history.rows(stream)] == others
    assert rows_of(service, stream, space_id=hidden) == []
    assert {row["spaceId"] for row in rows_of(service, stream, space_id=kept)} == {kept}
    service.history.show(hidden)
    assert ids_of(rows_of(service, stream)) == ids_of(before)


@both
def test_what_is_new_has_a_greater_id_and_the_newest_date(stream: str) -> None:
    service = at_noon()
    before = rows_of(service, stream)
    own_id = service.history.create(stream, title="New", space_id=str(SPACE_IDS[3]))
    row = found(service, stream, own_id)
    assert int(own_id) > max(ids_of(before))
    assert (row["title"], row["spaceId"], row["status"]) == ("New", str(SPACE_IDS[3]), "current")
    assert (row["createdAt"], row["version"]["createdAt"]) == (NOON, NOON)
    assert row["version"]["number"] == 1
    assert ids_of(rows_of(service, stream)) == [*ids_of(before), int(own_id)]
    for order in ("-created-date", "-modified-date", "-id"):
        assert rows_of(service, stream, sort=order, limit=1)[0]["id"] == own_id
    assert int(service.history.create(stream)) > int(own_id)
    assert "child" in str(found(service, PAGES, child_of(service, "child"))["title"])


def child_of(service: Service, title: str) -> str:
    parent = service.history.create(PAGES, parent_id=None)
    own_id = service.history.create(PAGES, parent_id=parent, title=title)
    assert found(service, PAGES, own_id)["parentId"] == parent
    assert found(service, PAGES, parent)["parentId"] is None
    return own_id


def test_an_owner_may_change_without_a_new_version() -> None:
    service = at_noon()
    own_id = some(service, PAGES)
    before = found(service, PAGES, own_id)
    service.history.hand_over(own_id, "712020:new")
    after = found(service, PAGES, own_id)
    assert changes(before, after) <= {"ownerId", "lastOwnerId"}
    assert (after["ownerId"], after["lastOwnerId"]) == ("712020:new", before["ownerId"])
    with pytest.raises(ValueError, match="Only pages have an owner"):
        service.history.hand_over(some(service, BLOG_POSTS), "712020:new")


def test_spaces_are_renamed_archived_trashed_restored_and_added() -> None:
    service = at_noon()
    history, own_id = service.history, str(SPACE_IDS[1])
    pages = rows_of(service, PAGES)
    history.rename(own_id, "Zeta")
    assert rows_of(service, SPACES, sort="-name")[0]["name"] == "Zeta"
    history.archive(own_id)
    assert own_id in {row["id"] for row in rows_of(service, SPACES, status="archived")}
    history.trash(own_id)
    assert [row["id"] for row in rows_of(service, SPACES, status="trashed")] == [own_id]
    history.restore(own_id)
    assert own_id in {row["id"] for row in rows_of(service, SPACES, status="current")}
    assert rows_of(service, PAGES) == pages
    added = history.create(SPACES, title="Omega")
    assert rows_of(service, SPACES)[-1].items() >= {"id": added, "name": "Omega"}.items()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda history, _: history.archive(str(history.rows(BLOG_POSTS)[0]["id"])), "archived"),
        (lambda history, own_id: history.restore(own_id), "is current, not archived or trashed"),
        (lambda history, own_id: (history.trash(own_id), history.edit(own_id)), "is trashed"),
        (lambda history, own_id: (history.trash(own_id), history.trash(own_id)), "is trashed"),
        (lambda history, own_id: (history.archive(own_id), history.move(own_id)), "is archived"),
        (lambda history, _: history.hide("5"), "The site never had 5"),
        (lambda history, _: history.edit(str(PAGE_IDS[10**6])), "never had"),
    ],
)
def test_what_cannot_happen_is_an_error(act: Callable[[History, str], Any], words: str) -> None:
    service = at_noon()
    with pytest.raises(ValueError, match=words):
        act(service.history, some(service, PAGES))


def test_an_event_may_be_written_long_after_it_happened() -> None:
    service = at_noon({PINNED: 5})
    service.history.log()
    service.history.log(late_seconds=600)
    service.clock.advance(60)
    service.history.log()
    dates = [row["creationDate"] for row in ask(service, PINNED).document["results"]]
    noon = milliseconds(NOON)
    assert dates[:3] == [noon + 60_000, noon, noon - 600_000]
    assert dates == sorted(dates, reverse=True)
    assert len(dates) == 5 + 3
    late = ask(service, PINNED, startDate=noon - 600_000, endDate=noon - 1)
    assert [row["creationDate"] for row in late.document["results"]] == [noon - 600_000]


@pytest.mark.parametrize("stream", PREFETCHED)
def test_a_row_that_is_edited_while_one_pages_newest_first_is_behind_the_reader(
    stream: str,
) -> None:
    """As a keyset does: it moves to the front, so one that was not reached is not seen."""
    service = at_noon()
    rows = rows_of(service, stream, sort="-modified-date", limit=250)
    order = ids_of(rows)
    reply = ask(service, stream, sort="-modified-date", limit=10)
    edited = next(int(row["id"]) for row in rows[20:] if row["status"] == "current")
    service.history.edit(str(edited))
    seen, link = reply.document["results"], reply.document["_links"].get("next")
    while link:
        reply = ask_link(service, link)
        seen += reply.document["results"]
        link = reply.document["_links"].get("next")
    assert ids_of(seen) == [own_id for own_id in order if own_id != edited]
    newest = ask(service, stream, sort="-modified-date", limit=1).document["results"]
    assert ids_of(newest) == [edited]


ACTS = ("edit", "rename", "move", "archive", "trash", "restore", "purge", "hide", "show")


def happens(history: History, act: str, own_id: str) -> None:
    """Let it happen, if the state of the row allows it."""
    extra = {"rename": ("Other",)}.get(act, ())
    options = {"space_id": str(SPACE_IDS[1])} if act == "move" else {}
    with suppress(ValueError):
        getattr(history, act)(own_id, *extra, **options)


@given(
    st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 11), st.integers(0, 2)), max_size=40),
    st.integers(1, 9),
)
def test_each_order_leads_through_every_visible_row_once_whatever_has_happened(
    acts: list[tuple[str, int, int]], page_cap: int
) -> None:
    """Many share a date, since the clock stands still between most of them."""
    clock = Clock(frozen_at=NOON)
    service = Service(contents({PAGES: 8, SPACES: 2}), clock=clock, page_cap=page_cap)
    for _ in range(4):
        service.history.create(PAGES, title=html.escape("<ties>"))
    for act, index, seconds in acts:
        clock.advance(seconds)
        happens(service.history, act, str(PAGE_IDS[index]))
    visible = service.history.rows(PAGES, "current", "archived", "trashed")
    assert rows_of(service, PAGES, status=ALL, body_format="storage") == visible
    for name, value in OF_CONTENT.items():
        for order in (name, f"-{name}"):
            rows = rows_of(service, PAGES, sort=order, status=ALL, body_format="storage")
            assert rows == by(order, value)(visible)
    for status in ("current", "archived", "trashed"):
        expected = [row for row in visible if row["status"] == status]
        assert rows_of(service, PAGES, status=status, body_format="storage") == expected
