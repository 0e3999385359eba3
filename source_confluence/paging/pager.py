"""Find where to go on after a page, and where the list ends."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar
from urllib.parse import unquote

from source_confluence.paging.page import Page, Row

_MAX_ID_LENGTH = 40

MAX_FRUITLESS_ROWS = 25_000
"""Rows that pages without any, one behind the other, may be asked for."""

Token = Mapping[str, Any]
"""The query parameters that name a position: `{"cursor": "eyJpZCI6…"}` or `{"start": 1000}`."""

Key = Callable[[Row], str]
Warn = Callable[[str], None]


class BrokenPagingError(ValueError):
    """The answer does not lead on, or leads back to where we have been."""


def row_key(row: Row) -> str:
    """What tells a row from the others of its list: its id; the whole of it where it has none."""
    return str(row.get("id") or repr(row))


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


class Pager(ABC):
    """Leads through one list from its first page, or from a position, to its last, once.

    For each page: `look`, then `second_look` until it is None, `settled`, `admit` and `after`.

    Args:
        limit: Rows to ask for at a time.
        key: Tells a row from the others.
        warn: Is told what the user should know of the list, each thing once.

    Attributes:
        limit: The same; it may be changed before any request.
        page_count: How many pages were admitted so far.
        row_count: How many rows were admitted so far.
        mark: What a state says besides the position: `{"rowBefore": "9f86d081884c7d65"}`.
        is_likely_end: Whether there is probably nothing behind the page that was admitted last.
    """

    example: ClassVar[Token]
    """A position in such a list."""
    example_mark: ClassVar[Token] = {}
    """What its state may say besides."""
    is_linked: ClassVar[bool] = False
    """Whether each page leads to the next one by a link."""

    def __init__(self, limit: int, *, key: Key = row_key, warn: Warn = lambda _: None) -> None:
        self.limit = limit
        self.page_count = 0
        self.row_count = 0
        self.mark: Token = {}
        self.is_likely_end = False
        self._key = key
        self._warn = warn
        self._told: set[str] = set()
        self._seen: dict[int, int] = {}
        self._fruitless_rows = 0

    @property
    @abstractmethod
    def place(self) -> str:
        """Where the page is that is looked at, for people: `behind the row with the id 65538`."""

    def begin_at(self, mark: Token) -> None:
        """Begin at a position for which an earlier read has left a mark, or none."""
        self.mark = mark

    @abstractmethod
    def look(self, position: Token) -> Token:
        """What to ask for, besides the limit, to get the page at a position."""

    @abstractmethod
    def second_look(self, page: Page) -> Token | None:
        """What to ask for once more before a page is taken for the one at the position.

        Args:
            page: What came of the look before.
        """

    def settled(self, page: Page) -> Page:
        """The page at the position, by all that came; as a rule, what came last."""
        return page

    @abstractmethod
    def is_there(self, page: Page) -> bool:
        """Whether a page is what an earlier read, which named the position, expects there."""

    def admit(self, page: Page) -> list[Row]:
        """Take the page at the position.

        Returns:
            Its rows, but not those at its beginning that were in the page before.

        Raises:
            BrokenPagingError: When there was such a page before in this read.
        """
        self._refuse_repeats(page.rows)
        if page.rows:
            self._seen.setdefault(self._digest_of(page.rows), self._place)
        rows = self._new_rows(page)
        self._fruitless_rows = 0 if rows else self._fruitless_rows + self.limit
        self.page_count += 1
        self.row_count += len(rows)
        return rows

    @abstractmethod
    def after(self, page: Page) -> Token | None:
        """The position after the page that was admitted last, or None when it was the last one.

        Raises:
            BrokenPagingError: When the site leads back to where we have been, or nowhere.
        """

    @abstractmethod
    def _new_rows(self, page: Page) -> list[Row]:
        """The rows of a page that were not in the one before."""

    @property
    def _place(self) -> int:
        """Which page it is that is looked at."""
        return self.page_count

    def _refuse_repeats(self, rows: list[Row]) -> None:
        if rows and self._is_repeated(rows):
            raise BrokenPagingError("it gives the same rows again for a new position")

    def _is_repeated(self, rows: list[Row]) -> bool:
        """Whether such rows were admitted in an earlier place."""
        return self._seen.get(self._digest_of(rows), self._place) < self._place

    def _digest_of(self, rows: list[Row]) -> int:
        """As many rows, from the same first one to the same last one."""
        return hash((len(rows), self._key(rows[0]), self._key(rows[-1])))

    def _refuse_to_go_on_without_rows(self) -> None:
        if self._fruitless_rows >= MAX_FRUITLESS_ROWS:
            raise BrokenPagingError(
                f"its pages hold no rows, {self._fruitless_rows:,} of which were asked for"
            )

    def _tell(self, what: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self._warn(what)


class CursorPager(Pager):
    """Follows the cursors of v2; an empty page is followed too, as long as it has a next link.

    An empty page without one is asked for twice before it is the end: Confluence has cut lists off
    in that form.

    Source: https://jira.atlassian.com/browse/CONFCLOUD-84015
    """

    example: ClassVar[Token] = {"cursor": "eyJpZCI6…"}
    is_linked: ClassVar[bool] = True

    def __init__(self, limit: int, *, key: Key = row_key, warn: Warn = lambda _: None) -> None:
        super().__init__(limit, key=key, warn=warn)
        self._cursors: set[int] = set()
        self._position: Token = {}
        self._looks = 0
        self._last_row: Row = {}

    @property
    def place(self) -> str:
        """`behind the row with the id 65538`, if the row has one, and was read in this read."""
        last_id = str(self._last_row.get("id", ""))
        is_sound = last_id.isascii() and last_id.isalnum() and len(last_id) <= _MAX_ID_LENGTH
        return f"behind the row with the id {last_id}" if is_sound else "where this read began"

    def look(self, position: Token) -> Token:
        """The position itself."""
        self._position, self._looks = position, 1
        return position

    def second_look(self, page: Page) -> Token | None:
        """The same place, behind which an empty page says that the list ends."""
        is_empty = not page.rows and next_cursor(page) is None
        if not is_empty or "cursor" not in self._position or self._looks > 1:
            return None
        self._looks += 1
        return self._position

    def is_there(self, page: Page) -> bool:
        """Whether there is a row, or a next page."""
        return bool(page.rows) or next_cursor(page) is not None

    def after(self, page: Page) -> Token | None:
        """The cursor of the next link: `{"cursor": "eyJpZCI6…"}`."""
        cursor = next_cursor(page)
        if cursor is None:
            return None
        other = cursor_in(page.header_link)
        if other is not None and other != cursor:
            self._tell("has other next links in headers than in bodies; following those in bodies.")
        self._refuse_to_go_on_without_rows()
        if hash(cursor) in self._cursors:
            raise BrokenPagingError("its next link repeats an earlier cursor")
        self._cursors.add(hash(cursor))
        return {"cursor": cursor}

    def _new_rows(self, page: Page) -> list[Row]:
        self._last_row = page.rows[-1] if page.rows else self._last_row
        return page.rows
