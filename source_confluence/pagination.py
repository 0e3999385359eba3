"""Find the rows in an answer, and where to go on after them."""

import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import unquote

LONGEST_INTEGER = 38
"""Characters of an integer: as many as the widest number of a warehouse has digits."""

_ODD_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_ODD_BYTES = re.compile(rb"\xed[\xa0-\xbf]")

Row = Mapping[str, Any]
Token = Mapping[str, Any]
"""The query parameters that name a position: `{"cursor": "eyJpZCI6…"}` or `{"start": 1000}`."""


class NotJsonError(ValueError):
    """The body is not JSON, or not all of it."""


class NotAListError(ValueError):
    """The body is JSON, but not a list of results."""


class BrokenPagingError(ValueError):
    """The answer does not lead on, or leads back to where we have been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer of a list endpoint.

    Args:
        rows: The records, in the order they came.
        next_link: The link to what follows, `/wiki/api/v2/pages?cursor=eyJpZCI6…&limit=250`, or
            None at the end. v2 always has it, v1 only sometimes.
        limit: The most rows the site gives in one answer, where it says so (v1).
        is_odd: Whether there is a character or a number in it that no record may hold.
    """

    rows: list[Row]
    next_link: str | None
    limit: int | None
    is_odd: bool = False

    @classmethod
    def parse(cls, body: bytes | bytearray) -> "Page":
        """Read `{"results": […], "limit": 200, "_links": {"next": "…"}}`.

        Numbers and texts stay exactly what they were, so the standard library's parser is used:
        orjson turns integers beyond 64 bits into floats and refuses lone surrogates. Of a key that
        is given twice, the last value counts. An `Unfit` stands for what no record may hold.

        Raises:
            NotJsonError: When the body is not JSON, or was cut off.
            NotAListError: When there is no list of objects under `results`.
        """
        numbers = _Numbers()
        try:
            document = json.loads(
                body, parse_int=numbers.integer, parse_float=numbers.real, parse_constant=numbers.no
            )
        except (ValueError, RecursionError) as error:
            raise NotJsonError(_what_it_is(body)) from error
        return cls(
            rows=_rows(document),
            next_link=_next_link(document),
            limit=_positive(document, "limit"),
            is_odd=numbers.are_odd or _has_odd_text(body),
        )


class Unfit:
    """Stands where something was that no record may hold: a number too long, or not finite."""


class _Numbers:
    """Reads numbers, and remembers whether one of them was unfit."""

    def __init__(self) -> None:
        self.are_odd = False

    def integer(self, text: str) -> int | Unfit:
        return int(text) if len(text) <= LONGEST_INTEGER else self.no(text)

    def real(self, text: str) -> float | Unfit:
        number = float(text)
        return number if math.isfinite(number) else self.no(text)

    def no(self, _: str) -> Unfit:
        self.are_odd = True
        return Unfit()


def _has_odd_text(body: bytes | bytearray) -> bool:
    """Whether a NUL, or what may be half of a surrogate pair, stands in it, escaped or raw."""
    return (b"\\u" in body and _ODD_ESCAPE.search(body) is not None) or (
        b"\xed" in body and _ODD_BYTES.search(body) is not None
    )


def _rows(document: object) -> list[Row]:
    if not isinstance(document, dict) or "results" not in document:
        raise NotAListError("no 'results'")
    rows = document["results"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise NotAListError("'results' is not a list of objects")
    return rows


def _next_link(document: Mapping[str, Any]) -> str | None:
    links = document.get("_links") or {}
    if not isinstance(links, dict):
        raise NotAListError("'_links' is not an object")
    link = links.get("next")
    if link is not None and not isinstance(link, str):
        raise NotAListError("the next link is not a text")
    return link


def _positive(document: Mapping[str, Any], key: str) -> int | None:
    value = document.get(key)
    return value if isinstance(value, int) and value > 0 else None


def _what_it_is(body: bytes | bytearray) -> str:
    start = bytes(body[:100].lstrip()[:1])
    if not start:
        return "an empty body"
    if start == b"<":
        return "an HTML page"
    return "JSON that breaks off or is malformed" if start in b"{[" else "plain text"


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
        if page.rows and page.rows == self._last_rows:
            self._repeats += len(page.rows)
            if self._repeats > 1:  # a single row may be there twice: an event, in one millisecond
                raise BrokenPagingError("it gives the same rows again for a new position")
        rows = page.rows[_overlap(self._last_rows, page.rows) :]
        self._last_rows = page.rows
        self.page_count += 1
        self.row_count += len(rows)
        return rows

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
