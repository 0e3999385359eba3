"""Follow the cursors of v2; where bodies are heavy, list ids first and fetch the rows by id."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar
from urllib.parse import unquote

from source_confluence.exceptions import BrokenPagingError, FilterIgnoredError
from source_confluence.paging.listing import Listing, Paging
from source_confluence.paging.page import Page, Row
from source_confluence.paging.pager import Key, Pager, Position, Warn, row_key
from source_confluence.paging.plan import PageRequest, Plan

_MAX_ID_LENGTH = 40


class CursorPager(Pager):
    """Follows cursors; an empty page is followed too, as long as it has a next link.

    An empty page without one is asked for twice before it is the end: Confluence has cut lists off
    in that form.

    Source: https://jira.atlassian.com/browse/CONFCLOUD-84015
    """

    example: ClassVar[Position] = {"cursor": "eyJpZCI6…"}

    def __init__(
        self, *, key: Key = row_key, warn: Warn = lambda _: None, mark: Position | None = None
    ) -> None:
        super().__init__(key=key, warn=warn, mark=mark)
        self._cursors: set[int] = set()
        self._position: Position = {}
        self._is_asked_again = False
        self._last_row: Row = {}

    @property
    def place(self) -> str:
        """`behind the row with the id 65538`, if the row has one, and was read in this read."""
        last_id = str(self._last_row.get("id", ""))
        is_sound = last_id.isascii() and last_id.isalnum() and len(last_id) <= _MAX_ID_LENGTH
        return f"behind the row with the id {last_id}" if is_sound else "where this read began"

    def ask_at(self, position: Position) -> Position:
        """The position itself."""
        self._position, self._is_asked_again = position, False
        return position

    def ask_again(self, page: Page) -> Position | None:
        """The same place, when an empty page there says that the list ends."""
        is_end = page.is_empty and next_cursor(page) is None
        if not is_end or "cursor" not in self._position or self._is_asked_again:
            return None
        self._is_asked_again = True
        return self._position

    def is_expected(self, page: Page) -> bool:
        """Whether there is a row, or a next page."""
        return not page.is_empty or next_cursor(page) is not None

    def position_after(self, page: Page) -> Position | None:
        """The cursor of the next link: `{"cursor": "eyJpZCI6…"}`."""
        cursor = next_cursor(page)
        if cursor is None:
            return None
        other = cursor_in(page.header_link)
        if other is not None and other != cursor:
            self._warn_once(
                "has other next links in headers than in bodies; following those in bodies."
            )
        self._refuse_endless_emptiness()
        if hash(cursor) in self._cursors:
            raise BrokenPagingError("its next link repeats an earlier cursor")
        self._cursors.add(hash(cursor))
        return {"cursor": cursor}

    def _new_rows(self, page: Page) -> list[Row]:
        self._last_row = self._last_row if page.is_empty else page.ends[-1]
        return page.rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ByCursor(Paging):
    """Each response names the cursor of the next page, in its body or its header `Link`.

    Args:
        fetch_by: The parameter that fetches rows by their ids, `id`. Where rows have a heavy part,
            pages are then listed without it, which is quick and says what is complete, and several
            requests fetch the rows behind it. Else the list is read one page after the other.
    """

    pager: ClassVar[type[Pager]] = CursorPager
    has_links: ClassVar[bool] = True

    fetch_by: str = ""

    def first_plan(self, listing: Listing, position: Position, rows: int) -> Plan | None:
        """By ids: while the first bodies come, so do the ids of the next pages."""
        if not (self.fetch_by and listing.heavy):
            return None
        return IdsPlan(listing=listing, fetch_by=self.fetch_by, position=position, rows=rows)

    def plan_behind(
        self,
        listing: Listing,
        position: Position,
        page: Page,
        rows: int,
        full_rows: int,  # noqa: ARG002 (how many rows a page has says nothing about the next one)
    ) -> Plan | None:
        """By ids, at the cursor that the page names, unless nothing there is wanted."""
        if listing.choice is not None and listing.choice.is_past(page.listed):
            return None
        with suppress(BrokenPagingError):  # whoever reads the page finds out
            cursor = next_cursor(page)
            if cursor is not None:
                return self.first_plan(listing, {**position, "cursor": cursor}, rows)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdsPlan(Plan):
    """List the ids of a page, without what is heavy; then fetch its rows by them."""

    request_count: ClassVar[int] = 2
    leads_on: ClassVar[bool] = True

    listing: Listing
    fetch_by: str

    @property
    def request(self) -> PageRequest:
        """`{"limit": 250, "cursor": "eyJpZCI6…"}`."""
        light = self.listing.request(self.position, self.rows, is_light=True)
        return replace(light, ids_only=True)

    def advance(self, response: Page) -> "RowsPlan | Page":
        """Fetch the rows that are wanted, unless there are none."""
        ids = _ids(response)
        next_cursor(response)  # raises where the list does not lead on
        page = replace(response, rows=[])  # decoded rows are large, and others will come
        if self.listing.choice is not None:
            chosen = self.listing.chosen_of(response)
            ids = _ids(chosen)
            page = replace(page, listed=chosen.listed)
        if not ids:
            return page
        return RowsPlan(listed=self, position=self.position, rows=self.rows, ids=ids, page=page)

    def following(self, rows: int) -> None:  # noqa: ARG002
        """Unknown before the ids are there."""
        return


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsPlan(Plan):
    """Fetch the rows of a page by their ids.

    The page is whole only when each row that was asked for comes, unless the reader looks for it
    later. One that does not may have been deleted in between, or the filter leaves it out: whoever
    reads the page without a filter sees.

    Args:
        listed: The plan by which they were listed.
        ids: Those that were listed, in their order.
        page: The listing, without rows.
    """

    request_count: ClassVar[int] = 2
    is_started: ClassVar[bool] = True

    listed: IdsPlan
    ids: list[str]
    page: Page

    @property
    def request(self) -> PageRequest:
        """`{"limit": 250, "body-format": "storage", "id": "65538,98307…"}`."""
        return self.listed.listing.request(self._by_ids, len(self.ids))

    @property
    def light_request(self) -> PageRequest:
        """`{"limit": 250, "id": "65538,98307…"}`."""
        return self.listed.listing.request(self._by_ids, len(self.ids), is_light=True)

    @property
    def _by_ids(self) -> Position:
        return {self.listed.fetch_by: ",".join(self.ids)}

    def advance(self, response: Page) -> Page:
        """The page, with its rows in the order of the list."""
        rows = dict(zip(_ids(response), response.rows, strict=True))
        if not rows.keys() <= set(self.ids):
            raise FilterIgnoredError
        choice = self.listed.listing.choice
        if len(rows) < len(self.ids) and (choice is None or choice.needs_all):
            raise BrokenPagingError("rows that were listed did not come")
        in_order = [rows[each] for each in self.ids if each in rows]
        return replace(
            self.page,
            rows=in_order,
            needs_mending=response.needs_mending,
            size_bytes=response.size_bytes,
        )

    def following(self, rows: int) -> Plan | None:
        """List the ids of the next page."""
        cursor = next_cursor(self.page)
        if cursor is None:
            return None
        return replace(self.listed, position={**self.position, "cursor": cursor}, rows=rows)


def _ids(page: Page) -> list[str]:
    """The ids of the rows, each another one.

    Raises:
        BrokenPagingError: When a row has none, or two have the same.
    """
    ids = [row.get("id") for row in page.rows]
    texts = [each for each in ids if isinstance(each, str) and each.isalnum()]
    if len(set(texts)) < len(ids):
        raise BrokenPagingError("rows without ids of their own")
    return texts


def next_cursor(page: Page) -> str | None:
    """The cursor that leads on: that of the body's next link, else of the header's.

    None at the end of the list.

    Raises:
        BrokenPagingError: When there is a next link, and no cursor in it.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v2/intro/#using-cursor-based-pagination
    """
    cursor = cursor_in(page.next_link) or cursor_in(page.header_link)
    has_link = page.next_link is not None or page.header_link is not None
    if cursor is None and has_link:
        raise BrokenPagingError("its next link has no cursor")
    return cursor


def cursor_in(link: str | None) -> str | None:
    """The cursor in a next link, percent-decoded exactly once; None when there is none.

    `/wiki/api/v2/pages?limit=2&cursor=eyJp+Q%3D=` → `eyJp+Q==`: wherever it stands, a `+` is a
    plus sign, and `=` may come raw (as v2 sends it) or escaped (as v1 search does).
    """
    query = (link or "").partition("?")[2].partition("#")[0]
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        if name == "cursor" and value:
            with suppress(UnicodeEncodeError):  # half a surrogate pair cannot be sent
                return unquote(value).encode().decode()
    return None
