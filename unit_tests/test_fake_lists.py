"""The fake site sorts, filters and pages its lists of v2 as Confluence does."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fake_confluence import Fault, Service
from fake_confluence.clock import milliseconds
from fake_confluence.rows import SPACE_IDS
from unit_tests.protocol import Message
from unit_tests.replies import BLOG_POSTS, PAGES, SPACES, ask, ask_link, ids_of, pages_of, rows_of
from unit_tests.streams_under_test import contents

CONTENT = contents({PAGES: 60, BLOG_POSTS: 40, SPACES: 12})

Value = Callable[[Message], int | str]
OF_CONTENT: dict[str, Value] = {
    "id": lambda row: int(row["id"]),
    "created-date": lambda row: milliseconds(row["createdAt"]),
    "modified-date": lambda row: milliseconds(row["version"]["createdAt"]),
}
OF_SPACES: dict[str, Value] = {
    "id": OF_CONTENT["id"],
    "key": lambda row: str(row["key"]),
    "name": lambda row: str(row["name"]),
}
ORDERS = [
    (stream, f"{sign}{name}", value)
    for stream, values in ((PAGES, OF_CONTENT), (BLOG_POSTS, OF_CONTENT), (SPACES, OF_SPACES))
    for name, value in values.items()
    for sign in ("", "-")
]


def by(order: str, value: Value) -> Callable[[list[Message]], list[Message]]:
    """Sort rows, by id where the value is the same, in the same direction."""

    def ordered(rows: list[Message]) -> list[Message]:
        def key(row: Message) -> tuple[int | str, int]:
            return value(row), int(row["id"])

        return sorted(rows, key=key, reverse=order.startswith("-"))

    return ordered


def cursor_of(rows_reply: Any) -> Any:  # noqa: ANN401
    query = dict(parse_qsl(urlsplit(rows_reply.document["_links"]["next"]).query))
    return json.loads(base64.b64decode(query["cursor"].replace(" ", "+")))


@pytest.mark.parametrize("limit", [1, 7, 250])
@pytest.mark.parametrize(("stream", "order", "value"), ORDERS)
def test_each_order_leads_through_every_row_once(
    stream: str, order: str, value: Value, limit: int
) -> None:
    service = Service(CONTENT)
    expected = by(order, value)(rows_of(service, stream, limit=250))
    pages = list(pages_of(service, stream, limit=limit, sort=order))
    assert [row for rows in pages for row in rows] == expected
    assert all(len(rows) == limit for rows in pages[:-1])
    capped = Service(CONTENT, page_cap=9)
    assert rows_of(capped, stream, limit=limit, sort=order) == expected


def test_without_a_sort_lists_are_by_id() -> None:
    for stream in (PAGES, BLOG_POSTS, SPACES):
        ids = ids_of(rows_of(Service(CONTENT), stream, limit=7))
        assert ids == sorted(ids)


@pytest.mark.parametrize(("stream", "order", "value"), ORDERS)
def test_a_cursor_is_the_key_of_the_last_row(stream: str, order: str, value: Value) -> None:
    reply = ask(Service(CONTENT), stream, sort=order, limit=3)
    last = reply.document["results"][-1]
    expected = {"id": last["id"], "contentOrder": order, "contentOrderValue": value(last)}
    assert cursor_of(reply).items() >= expected.items()


def test_a_cursor_of_another_order_is_refused() -> None:
    service = Service(CONTENT)
    link = ask(service, PAGES, sort="-modified-date", limit=3).document["_links"]["next"]
    assert ask_link(service, link).status == 200
    for other in ("modified-date", "-created-date", "id"):
        reply = ask_link(service, link.replace("sort=-modified-date", f"sort={other}"))
        assert reply.status == 400
        assert "Expected type is Cursor" in reply.document["errors"][0]["title"]


def test_a_next_link_repeats_all_parameters() -> None:
    params = {"status": ("current", "archived"), "space_id": SPACE_IDS[0], "sort": "-id"}
    reply = ask(Service(CONTENT), PAGES, limit=2, body_format="storage", **params)
    asked = parse_qsl(urlsplit(reply.document["_links"]["next"]).query)
    assert sorted(pair for pair in asked if pair[0] != "cursor") == [
        ("body-format", "storage"),
        ("limit", "2"),
        ("sort", "-id"),
        ("space-id", str(SPACE_IDS[0])),
        ("status", "archived"),
        ("status", "current"),
    ]


@pytest.mark.parametrize("form", [lambda ids: ",".join(map(str, ids)), tuple])
@pytest.mark.parametrize("stream", [PAGES, BLOG_POSTS])
def test_spaces_select_rows(stream: str, form: Callable[[list[int]], object]) -> None:
    service = Service(CONTENT)
    wanted = [SPACE_IDS[0], SPACE_IDS[2]]
    everything = rows_of(service, stream, limit=250)
    expected = [row for row in everything if int(row["spaceId"]) in wanted]
    assert 0 < len(expected) < len(everything)
    assert rows_of(service, stream, limit=3, space_id=form(wanted)) == expected


def test_statuses_select_rows() -> None:
    service = Service(CONTENT)
    everything = rows_of(service, PAGES, limit=250)
    archived = [row for row in everything if row["status"] == "archived"]
    assert archived
    assert rows_of(service, PAGES, status="archived") == archived
    assert rows_of(service, PAGES, status=("current", "archived"), limit=250) == everything
    assert rows_of(service, PAGES, status="current,archived", limit=250) == everything
    assert rows_of(service, PAGES, status="trashed,deleted") == []
    assert rows_of(service, BLOG_POSTS, status="trashed,deleted") == []


def test_an_id_obeys_the_other_filters_and_the_order() -> None:
    service = Service(CONTENT)
    everything = rows_of(service, PAGES, limit=250)
    ids = [row["id"] for row in everything[10:50]]
    archived = rows_of(service, PAGES, id=",".join(ids), status="archived")
    assert archived == [row for row in everything[10:50] if row["status"] == "archived"]
    newest = rows_of(service, PAGES, id=tuple(ids), sort="-modified-date", limit=7)
    assert newest == by("-modified-date", OF_CONTENT["modified-date"])(everything[10:50])
    one_space = rows_of(service, PAGES, id=tuple(ids), space_id=everything[10]["spaceId"])
    assert {row["spaceId"] for row in one_space} == {everything[10]["spaceId"]}


def test_spaces_are_selected_by_key_id_type_and_status() -> None:
    service = Service(CONTENT)
    everything = rows_of(service, SPACES)
    some = everything[2:5]
    assert rows_of(service, SPACES, keys=",".join(row["key"] for row in some)) == some
    assert rows_of(service, SPACES, keys=tuple(row["key"] for row in some), limit=2) == some
    assert rows_of(service, SPACES, ids=",".join(row["id"] for row in some)) == some
    assert rows_of(service, SPACES, keys=some[0]["key"].lower()) == some[:1]
    assert rows_of(service, SPACES, keys="NOSUCH") == []
    for name, value in (("type", "personal"), ("status", "archived")):
        expected = [row for row in everything if row[name] == value]
        assert 0 < len(expected) < len(everything)
        assert rows_of(service, SPACES, **{name: value}) == expected
    assert rows_of(service, SPACES, status="trashed") == []


@pytest.mark.parametrize(
    ("stream", "params"),
    [
        (PAGES, {"status": "draft"}),
        (PAGES, {"status": ""}),
        (BLOG_POSTS, {"status": "archived"}),
        (SPACES, {"status": "current,archived"}),
        (SPACES, {"type": "nonsense"}),
        (SPACES, {"keys": tuple(range(251))}),
        (SPACES, {"ids": tuple(range(251))}),
        (SPACES, {"sort": "modified-date"}),
        (PAGES, {"sort": "key"}),
        (PAGES, {"space_id": "ENG"}),
        (PAGES, {"space_id": tuple(range(101))}),
        (BLOG_POSTS, {"space_id": ",".join(map(str, range(101)))}),
        (PAGES, {"sort": ("id", "-id")}),
    ],
)
def test_what_confluence_refuses_is_refused(stream: str, params: dict[str, Any]) -> None:
    assert ask(Service(CONTENT), stream, **params).status == 400


def test_a_hundred_spaces_are_one_request() -> None:
    service = Service(CONTENT)
    assert rows_of(service, PAGES, space_id=tuple(SPACE_IDS[:100])) == rows_of(service, PAGES)


@pytest.mark.parametrize(("stream", "order", "value"), ORDERS)
def test_an_empty_response_leads_to_the_beginning_of_each_order(
    stream: str, order: str, value: Value
) -> None:
    service = Service(CONTENT, faults=[Fault(kind="empty_page")])
    first, *pages = pages_of(service, stream, sort=order, limit=50)
    rows = [row for page in pages for row in page]
    assert first == []
    assert rows == by(order, value)(rows_of(Service(CONTENT), stream, limit=250))


def test_lists_that_need_no_sorting_cost_nothing_on_a_large_site() -> None:
    service = Service(contents({PAGES: 1_000_000}))
    began = time.monotonic()
    assert len(ask(service, PAGES, limit=250).document["results"]) == 250
    assert rows_of(service, PAGES, status="trashed") == []
    assert time.monotonic() - began < 2, "75 us a row; all of them take over a minute"
