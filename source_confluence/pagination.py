"""Find where to go on after a page, and where the list ends."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import unquote

from source_confluence.page import Page, Row

_LIKELY_REPEATS = 10  # of the same row, pushed on again and again, or alike

Token = Mapping[str, Any]
"""The query parameters that name a position: `{"cursor": "eyJpZCI6…"}` or `{"start": 1000}`."""


class BrokenPagingError(ValueError):
    """The answer does not lead on, or leads back to where we have been."""


def next_cursor(next_link: str) -> str:
    """The cursor in a next link, percent-decoded exactly once.

    `/wiki/api/v2/pages?limit=2&cursor=eyJp+Q%3D=` → `eyJp+Q==`: wherever it stands, a `+` is a
    plus sign, and `=` may come raw (as v2 sends it) or escaped (as v1 search does).

    Raises:
        BrokenPagingError: When the link has no cursor.
    """
    query = next_link.partition("?")[2].partition("#")[0]
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        if name == "cursor" and value:
            return unquote(value)
    raise BrokenPagingError("its next link has no cursor")


def next_start(page: Page, *, start: int, limit: int) -> int | None:
    """The offset after a page of v1, or None at the end.

    The site may give fewer rows than asked for and still have more, so the offset advances by the
    rows that came. The end is an empty page, or one that is not full and has no next link; `size`
    means different things on different endpoints and is not read. The audit log never has a next
    link, so a page counts as full when it holds what the site says is its own limit.

    Args:
        page: The answer.
        start: The offset that was asked for, in rows.
        limit: The rows that were asked for.
    """
    full = min(limit, page.limit or limit)
    if not page.rows or (len(page.rows) < full and page.next_link is None):
        return None
    return start + len(page.rows)


def _overlap(before: list[Row], after: list[Row]) -> int:
    """How many rows end one page and begin the next: of `a b c d` and `c d e`, 2."""
    if not after:
        return 0
    for start, row in enumerate(before):
        count = len(before) - start
        if row == after[0] and before[start:] == after[:count]:
            return count
    return 0


class Pager(ABC):
    """Leads through one list from its first page, or from a position, to its last, once.

    Args:
        limit: Rows to ask for at a time.

    Attributes:
        limit: The same; it may be changed before any request.
        page_count: How many pages were admitted so far.
        row_count: How many rows were admitted so far.
    """

    example: ClassVar[Token]
    """A position in such a list."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.page_count = 0
        self.row_count = 0
        self._last_rows: list[Row] = []
        self._repeats = 0

    @property
    def last_row(self) -> Row:
        """The last row of the page admitted last; empty when it had none."""
        return self._last_rows[-1] if self._last_rows else {}

    def begin_at(self, position: Token) -> None:  # noqa: B027 (only offsets are counted on)
        """Begin at a position that `after` of an earlier read has given."""

    def admit(self, page: Page) -> list[Row]:
        """Take the page that was asked for.

        Returns:
            Its rows, but not those at its beginning that ended the page before: in a list paged by
            offset, a row that is added before them pushes them on.

        Raises:
            BrokenPagingError: When it is the page before: the site ignored the position.
        """
        shorter = min(len(self._last_rows), len(page.rows))
        is_repeated = shorter > 0 and page.rows[:shorter] == self._last_rows[:shorter]
        self._repeats = self._repeats + 1 if is_repeated else 0
        if is_repeated and self._is_broken(page.rows[:shorter]):
            raise BrokenPagingError("it gives the same rows again for a new position")
        overlap = page.rows[: _overlap(self._last_rows, page.rows)]
        rows = page.rows if self._are_alike(overlap) else page.rows[len(overlap) :]
        self._last_rows = page.rows
        self.page_count += 1
        self.row_count += len(rows)
        return rows

    def _is_broken(self, rows: list[Row]) -> bool:  # noqa: ARG002 (some lists look at them)
        """Whether rows that come again mean that the position is ignored."""
        return True

    def _are_alike(self, rows: list[Row]) -> bool:  # noqa: ARG002 (the same)
        """Whether rows that end one page and begin the next may be others that are just alike."""
        return False

    @abstractmethod
    def after(self, page: Page) -> Token | None:
        """The position after the page that was admitted last, or None when it was the last one.

        Raises:
            BrokenPagingError: When the site leads back to where we have been, or nowhere.
        """


class CursorPager(Pager):
    """Follows the cursors of v2; an empty page is followed too, as long as it has a next link.

    A cursor that leads back in a circle is found without remembering all of them: one is kept, and
    after 1, 2, 4, 8 … pages a newer one in its place.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v2/intro/#using-cursor-based-pagination
    """

    example: ClassVar[Token] = {"cursor": "eyJpZCI6…"}

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._kept = ""
        self._pages_with_it = 0
        self._patience = 1

    def after(self, page: Page) -> Token | None:
        """The cursor of the next link: `{"cursor": "eyJpZCI6…"}`."""
        if page.next_link is None:
            return None
        cursor = next_cursor(page.next_link)
        if cursor == self._kept:
            raise BrokenPagingError("its next link repeats an earlier cursor")
        self._pages_with_it += 1
        if self._pages_with_it >= self._patience:
            self._kept, self._pages_with_it = cursor, 0
            self._patience *= 2
        return {"cursor": cursor}


class OffsetPager(Pager):
    """Counts through the offsets of v1."""

    example: ClassVar[Token] = {"start": 1000}

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._start = 0

    def begin_at(self, position: Token) -> None:
        """Count on from an offset."""
        self._start = int(position["start"])

    def after(self, page: Page) -> Token | None:
        """The offset behind the rows so far: `{"start": 1000}`."""
        start = next_start(page, start=self._start, limit=self.limit)
        if start is None:
            return None
        self._start = start
        return {"start": start}

    def _is_broken(self, rows: list[Row]) -> bool:
        """Not when a single row comes again a few times: others were added before it."""
        return any(row != rows[0] for row in rows) or self._repeats > _LIKELY_REPEATS


class EventPager(OffsetPager):
    """Counts through a list in which two rows may be the same: events of one millisecond."""

    def _are_alike(self, rows: list[Row]) -> bool:
        """Rows that are all the same may be pushed on, or alike; twice is better than not once."""
        return all(row == rows[0] for row in rows)
