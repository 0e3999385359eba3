import json
from dataclasses import replace
from typing import Any

import pytest

from source_confluence.exceptions import (
    BrokenPagingError,
    NotAListError,
    NotJsonError,
    UndecodableError,
)
from source_confluence.paging.by_cursor import CursorPager, cursor_in
from source_confluence.paging.page import Page
from source_confluence.paging.pager import (
    MAX_FRUITLESS_ROWS,
    Position,
)


def page(rows: int = 0, *, next_link: str | None = None, header: str | None = None) -> Page:
    listed: list[dict[str, Any]] = [{"id": str(n)} for n in range(rows)]
    return Page(rows=[*listed], asked_rows=250, next_link=next_link, header_link=header)


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        ("/wiki/api/v2/pages?limit=2&cursor=eyJpZCI6MX0=", "eyJpZCI6MX0="),
        ("/wiki/api/v2/pages?limit=2&cursor=eyJpZCI6MX0%3D", "eyJpZCI6MX0="),
        ("/wiki/api/v2/pages?cursor=a==&depth=all&limit=100", "a=="),
        ("/wiki/api/v2/pages?depth=all&cursor=a%3D%3D&limit=100", "a=="),
        ("/wiki/api/v2/pages?cursor=a+b/c=", "a+b/c="),
        ("/wiki/api/v2/pages?cursor=a%2Bb%2Fc%3D", "a+b/c="),
        ("/wiki/api/v2/pages?cursor=a%252Bb", "a%2Bb"),
        ("/wiki/api/v2/pages?xcursor=no&cursor=yes#cursor=no", "yes"),
        ("https://elsewhere.invalid/wiki/api/v2/pages?cursor=yes", "yes"),
        ("?cursor=yes", "yes"),
    ],
)
def test_the_cursor_is_decoded_exactly_once(link: str, cursor: str) -> None:
    assert cursor_in(link) == cursor


BARE = ["", "/wiki/api/v2/pages", "/wiki/api/v2/pages?limit=2", "?cursor=", "?cursor", "cursor"]


@pytest.mark.parametrize("link", [*BARE, "?cursor=\ud800"])
def test_a_next_link_without_a_cursor_is_an_error(link: str) -> None:
    for broken in (page(2, next_link=link), page(2, header=link)):
        with pytest.raises(BrokenPagingError, match="no cursor"):
            CursorPager().position_after(broken)


@pytest.mark.parametrize("link", [*BARE, None])
def test_where_the_body_has_no_cursor_the_headers_is_followed(link: str | None) -> None:
    pager = CursorPager()
    assert pager.position_after(page(2, next_link=link, header="?cursor=a%3D")) == {"cursor": "a="}


@pytest.mark.parametrize("link", [*BARE, None])
def test_a_header_without_a_cursor_is_no_matter_where_the_body_has_one(link: str | None) -> None:
    assert CursorPager().position_after(page(2, next_link="?cursor=a", header=link)) == {
        "cursor": "a"
    }


def test_where_body_and_header_differ_the_bodys_is_followed_with_one_warning() -> None:
    warnings: list[str] = []
    pager = CursorPager(warn=warnings.append)
    assert pager.position_after(page(next_link="?cursor=a%3D", header="?x&cursor=a=")) == {
        "cursor": "a="
    }
    assert warnings == []
    assert pager.position_after(page(next_link="?cursor=b", header="?cursor=c")) == {"cursor": "b"}
    assert pager.position_after(page(next_link="?cursor=d", header="?cursor=e")) == {"cursor": "d"}
    assert len(warnings) == 1


@pytest.mark.parametrize("length", [1, 2, 3, 10])
def test_a_cursor_that_comes_back_is_an_error_at_once_whatever_the_circle(length: int) -> None:
    pager = CursorPager()
    for number in range(length):
        assert pager.position_after(page(next_link=f"?cursor={number}")) == {"cursor": str(number)}
    with pytest.raises(BrokenPagingError, match="repeats an earlier cursor"):
        pager.position_after(page(next_link="?cursor=0"))


def test_a_page_that_comes_back_is_an_error_before_its_rows_leave() -> None:
    pager = CursorPager()
    for rows in (1, 2, 3):
        pager.admit(page(rows))
    with pytest.raises(BrokenPagingError, match="same rows again"):
        pager.admit(page(2))


def test_a_page_without_rows_is_followed_when_it_has_a_next_link() -> None:
    assert CursorPager().position_after(page(0, next_link="?cursor=a")) == {"cursor": "a"}


@pytest.mark.parametrize(("asked_rows", "page_count"), [(250, 100), (1000, 25), (10, 2_500)])
def test_pages_without_rows_end_in_an_error_when_many_rows_were_asked_for(
    asked_rows: int, page_count: int
) -> None:
    pager = CursorPager()

    def admit_empty(number: int) -> Position | None:
        empty = replace(page(0, next_link=f"?cursor={number}"), asked_rows=asked_rows)
        pager.admit(empty)
        return pager.position_after(empty)

    for number in range(page_count - 1):
        assert admit_empty(number)
    with pytest.raises(BrokenPagingError, match=f"hold no rows, {MAX_FRUITLESS_ROWS:,} of which"):
        admit_empty(page_count)


def test_a_row_in_between_lets_pages_without_rows_be_followed_again() -> None:
    pager = CursorPager()
    for number in range(300):
        empty_or_not = page(number if number % 90 == 0 else 0, next_link=f"?cursor={number}")
        pager.admit(empty_or_not)
        assert pager.position_after(empty_or_not)


def test_v2_ends_where_there_is_no_next_link_however_full_the_page() -> None:
    assert CursorPager().position_after(page(2)) is None


@pytest.mark.parametrize(
    ("position", "came", "is_looked_at_twice"),
    [
        ({"cursor": "a"}, page(0), True),
        ({"cursor": "a"}, page(0, next_link="?cursor=b"), False),
        ({"cursor": "a"}, page(0, header="?cursor=b"), False),
        ({"cursor": "a"}, page(1), False),
        ({}, page(0), False),
    ],
)
def test_an_empty_last_page_is_looked_at_twice(
    position: Position, came: Page, is_looked_at_twice: bool
) -> None:
    pager = CursorPager()
    assert pager.ask_at(position) == position
    assert pager.ask_again(came) == (position if is_looked_at_twice else None)
    assert pager.ask_again(came) is None


def parsed(text: bytes, *, asked: int | None = None, header: str = "") -> Page:
    """A response to a request for so many rows; without them, of a list by offset."""
    has_links = asked is not None
    page = Page.parse(text, asked_rows=asked or 250, has_links=has_links, link_header=header)
    return replace(page, asked_rows=250)


def body(**document: object) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "document",
    [
        {"results": []},
        {"results": [], "_links": {}},
        {"results": [], "_links": {"next": None}},
        {"results": [], "_links": {"base": "https://acme.atlassian.net/wiki"}, "limit": 0},
        {"results": [], "limit": "200"},
    ],
)
def test_an_empty_list_may_come_in_several_forms(document: dict[str, Any]) -> None:
    assert parsed(body(**document), asked=250) == page(0)


@pytest.mark.parametrize("links", [None, False, [], ["next"], 7, "next", {"next": "?start=1"}])
def test_of_a_list_by_offset_nothing_but_the_rows_is_read(links: object) -> None:
    assert parsed(body(results=[{"id": "0"}], _links=links)) == page(1)


@pytest.mark.parametrize("links", [None, False, [], ["next"], 7, "next", {"next": 7}])
@pytest.mark.parametrize("header", ["", '</wiki/api/v2/pages?cursor=b>; rel="next"'])
def test_links_that_are_no_object_make_an_answer_that_is_no_list(
    links: object, header: str
) -> None:
    with pytest.raises(NotAListError):
        parsed(body(results=[{"id": "0"}], _links=links), asked=250, header=header)


def test_a_full_page_that_does_not_say_where_it_leads_is_no_list() -> None:
    full = body(results=[{"id": "0"}, {"id": "1"}])
    with pytest.raises(NotAListError, match="a full page without '_links'"):
        parsed(full, asked=2)
    assert parsed(full, asked=3) == page(2), "a short one is the last"
    header = '</wiki/api/v2/pages?cursor=b>; rel="next"'
    assert parsed(full, asked=2, header=header).header_link == "/wiki/api/v2/pages?cursor=b"
    assert parsed(body(results=[{"id": "0"}], _links={}), asked=1) == page(1)


def test_a_page_has_rows_and_a_next_link() -> None:
    document = {"results": [{"id": "0"}], "limit": 25, "size": 99, "_links": {"next": "/rest/x"}}
    assert parsed(body(**document), asked=25) == page(1, next_link="/rest/x")


@pytest.mark.parametrize(
    ("header", "link"),
    [
        ("", None),
        ('</wiki/api/v2/pages?cursor=a>; rel="next"', "/wiki/api/v2/pages?cursor=a"),
        ("</x?cursor=a>;rel=next", "/x?cursor=a"),
        ('</x?cursor=a>; title="x"; REL="Next"', "/x?cursor=a"),
        ('</x?cursor=a>; rel="last next"', "/x?cursor=a"),
        (
            '<https://acme/wiki>; rel="base", </x?cursor=a==&limit=2>; rel="next"',
            "/x?cursor=a==&limit=2",
        ),
        ('<https://acme/wiki>; rel="base"', None),
        ('</x?cursor=a>; rel="prev"', None),
        ("<>; <; ,;=,,<a", None),
        ("rel=next", None),
    ],
)
def test_the_next_link_is_found_in_the_header(header: str, link: str | None) -> None:
    assert parsed(body(results=[]), asked=250, header=header).header_link == link


def test_numbers_and_texts_stay_what_they_were() -> None:
    text = b'{"results": [{"id": "1", "n": 123456789012345678901234567890, "s": "\\ud800"}]}'
    assert parsed(text).rows == [{"id": "1", "n": 123456789012345678901234567890, "s": "\ud800"}]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"", "empty body"),
        (b"  \n", "empty body"),
        (b"<!doctype html><title>Log in</title>", "HTML page"),
        (b'{"results": [{"id": "1"', "breaks off"),
        (b"Basic authentication with passwords is deprecated.", "plain text"),
        (b'{"results": ' + b"[" * 100_000, "breaks off"),
        (b'{"results": [{"id": "1", "body": {"a": "}', "breaks off"),
        (b'{"results": [{"id": "1"}', "breaks off"),
    ],
)
def test_what_is_not_json_is_named(text: bytes, what: str) -> None:
    with pytest.raises(NotJsonError, match=what):
        parsed(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b'{"results": [' + b"[" * 100_000 + b"]}", "nested too deep"),
        (b'{"results": [' + b"[" * 5_000 + b"]" * 5_000 + b"]}", "nested too deep"),
        (b'{"results": [{"id": "\\q"}]}', "malformed JSON"),
        (b'\xef\xbb\xbf {"results": [{"id": 1x}]} \n', "malformed JSON"),
    ],
)
def test_what_is_whole_and_cannot_be_decoded_is_a_matter_of_its_rows(
    text: bytes, what: str
) -> None:
    with pytest.raises(UndecodableError, match=what):
        parsed(text)


@pytest.mark.parametrize(
    "document",
    [
        b"[]",
        b"null",
        b'"results"',
        b"{}",
        b'{"errors": []}',
        b'{"results": null}',
        b'{"results": {}}',
        b'{"results": [1]}',
        b'{"results": ["\xff"]}',
    ],
)
def test_json_that_is_no_list_of_results_is_an_error(document: bytes) -> None:
    with pytest.raises(NotAListError):
        parsed(document)
