import json
from typing import Any

import pytest

from source_confluence.page import NotAListError, NotJsonError, Page, Row
from source_confluence.pagination import BrokenPagingError, CursorPager, OffsetPager, next_cursor


def page(rows: int = 0, *, next_link: str | None = None, limit: int | None = None) -> Page:
    return Page(rows=[{"id": str(n)} for n in range(rows)], next_link=next_link, limit=limit)


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
    assert next_cursor(link) == cursor


@pytest.mark.parametrize(
    "link",
    ["", "/wiki/api/v2/pages", "/wiki/api/v2/pages?limit=2", "?cursor=", "?cursor", "cursor"],
)
def test_a_next_link_without_a_cursor_is_an_error(link: str) -> None:
    with pytest.raises(BrokenPagingError, match="no cursor"):
        CursorPager(250).after(page(2, next_link=link))


def test_a_cursor_that_comes_back_is_an_error_even_after_others() -> None:
    pager = CursorPager(250)
    assert pager.after(page(2, next_link="?cursor=a")) == {"cursor": "a"}
    assert pager.after(page(2, next_link="?cursor=b")) == {"cursor": "b"}
    with pytest.raises(BrokenPagingError, match="repeats an earlier cursor"):
        pager.after(page(2, next_link="?cursor=a"))


def test_a_page_without_rows_is_followed_when_it_has_a_next_link() -> None:
    assert CursorPager(250).after(page(0, next_link="?cursor=a")) == {"cursor": "a"}


def test_v2_ends_where_there_is_no_next_link_however_full_the_page() -> None:
    assert CursorPager(2).after(page(2)) is None


def test_offsets_advance_by_the_rows_that_came() -> None:
    pager = OffsetPager(200)
    assert pager.after(page(200)) == {"start": 200}
    assert pager.after(page(150, next_link="/rest/api/group?start=400")) == {"start": 350}
    assert pager.after(page(3)) is None


@pytest.mark.parametrize(
    ("last", "why"),
    [
        (page(0), "empty"),
        (page(0, next_link="/rest/api/group?start=200"), "empty, whatever it links to"),
        (page(199), "short"),
        (page(199, limit=200), "short"),
        (page(199, limit=1000), "short for what was asked"),
    ],
)
def test_offsets_end_at_an_empty_page_or_a_short_one_with_no_next_link(
    last: Page, why: str
) -> None:
    assert OffsetPager(200).after(last) is None, why


def test_a_page_that_is_as_full_as_the_site_allows_is_not_the_last() -> None:
    assert OffsetPager(1000).after(page(100, limit=100)) == {"start": 100}


def test_a_page_as_full_as_was_asked_for_is_not_the_last_whatever_the_site_allows() -> None:
    assert OffsetPager(200).after(page(200, limit=1000)) == {"start": 200}


def test_the_same_rows_twice_are_refused_before_they_are_used() -> None:
    pager = OffsetPager(200)
    pager.admit(page(200))
    with pytest.raises(BrokenPagingError, match="same rows again"):
        pager.admit(page(200))


def test_rows_that_were_pushed_on_to_the_next_page_do_not_leave_twice() -> None:
    rows: list[Row] = [{"n": n} for n in range(9)]
    pager = OffsetPager(5)
    first = Page(rows=rows[:5], next_link=None, limit=None)
    second = Page(rows=rows[3:8], next_link=None, limit=None)
    assert pager.admit(first) == rows[:5]
    assert pager.admit(second) == rows[5:8]
    assert pager.admit(Page(rows=rows[8:], next_link=None, limit=None)) == rows[8:]


def test_a_last_page_of_nothing_but_pushed_rows_is_the_end_and_no_fault() -> None:
    rows: list[Row] = [{"n": n} for n in range(5)]
    pager = OffsetPager(5)
    pager.admit(Page(rows=rows, next_link=None, limit=None))
    assert pager.admit(Page(rows=rows[4:], next_link=None, limit=None)) == []
    assert pager.row_count == 5


def test_the_longest_overlap_counts() -> None:
    rows: list[Row] = [{"n": n} for n in (1, 2, 1, 2, 1, 2)]
    pager = OffsetPager(4)
    pager.admit(Page(rows=rows[:4], next_link=None, limit=None))
    assert pager.admit(Page(rows=[*rows[2:4], {"n": 3}], next_link=None, limit=None)) == [{"n": 3}]


@pytest.mark.parametrize("rows", [[{"n": 3}, {"n": 9}], [{"n": 9}, {"n": 4}], [{"n": 1}]])
def test_a_single_row_that_looks_alike_is_no_repetition(rows: list[Row]) -> None:
    pager = OffsetPager(5)
    pager.admit(Page(rows=[{"n": n} for n in range(5)], next_link=None, limit=None))
    assert pager.admit(Page(rows=rows, next_link=None, limit=None)) == rows


def test_two_empty_pages_are_not_a_repetition() -> None:
    pager = CursorPager(250)
    pager.admit(page(0))
    pager.admit(page(0))


def body(**document: object) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "document",
    [
        {"results": []},
        {"results": [], "_links": None},
        {"results": [], "_links": {}},
        {"results": [], "_links": {"next": None}},
        {"results": [], "_links": {"base": "https://acme.atlassian.net/wiki"}, "limit": 0},
        {"results": [], "limit": "200"},
    ],
)
def test_an_empty_list_may_come_in_several_forms(document: dict[str, Any]) -> None:
    assert Page.parse(body(**document)) == page(0)


def test_a_page_has_rows_a_next_link_and_perhaps_a_limit() -> None:
    document = {"results": [{"id": "0"}], "limit": 25, "size": 99, "_links": {"next": "/rest/x"}}
    assert Page.parse(body(**document)) == page(1, next_link="/rest/x", limit=25)


def test_numbers_and_texts_stay_what_they_were() -> None:
    text = b'{"results": [{"id": "1", "n": 123456789012345678901234567890, "s": "\\ud800"}]}'
    assert Page.parse(text).rows == [
        {"id": "1", "n": 123456789012345678901234567890, "s": "\ud800"}
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"", "empty body"),
        (b"  \n", "empty body"),
        (b"<!doctype html><title>Log in</title>", "HTML page"),
        (b'{"results": [{"id": "1"', "breaks off"),
        (b"Basic authentication with passwords is deprecated.", "plain text"),
        (b'{"results": ' + b"[" * 100_000, "breaks off"),
        (b'{"results": ["\xff"]}', "breaks off"),
    ],
)
def test_what_is_not_json_is_named(text: bytes, what: str) -> None:
    with pytest.raises(NotJsonError, match=what):
        Page.parse(text)


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
        b'{"results": [], "_links": ["next"]}',
        b'{"results": [], "_links": {"next": 7}}',
    ],
)
def test_json_that_is_no_list_of_results_is_an_error(document: bytes) -> None:
    with pytest.raises(NotAListError):
        Page.parse(document)
