"""Lead through one list, from its first page or from a position, to its end."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

from source_confluence.exceptions import BrokenPagingError
from source_confluence.paging.page import Page, Row

MAX_FRUITLESS_ROWS = 25_000
"""Rows that consecutive empty pages may have been asked for."""

Position = Mapping[str, str | int]
"""The query parameters that name a place in a list: `{"cursor": "eyJpZCI6…"}`, `{"start": 1000}`.

Empty at the first page.
"""

Key = Callable[[Row], str]
Warn = Callable[[str], None]


def row_key(row: Row) -> str:
    """What tells a row from the others of its list: its id, or all of it where it has none."""
    return str(row.get("id") or repr(row))


def digest(key: str) -> str:
    """What a state knows a row by: `9f86d081884c7d65`."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Pager(ABC):
    """Follows one list; for each page: `ask_at`, `ask_again` until it is None, `settle`, `admit`.

    Args:
        key: Tells a row from the others.
        warn: Is told what the user should know of the list, each thing once.
        mark: What the state of an earlier read says besides the position.

    Attributes:
        page_count: How many pages were admitted so far.
        row_count: How many rows were admitted so far.
        mark: What a state says besides the position: `{"rowBefore": "9f86d081884c7d65"}`.
    """

    example: ClassVar[Position]
    """A position in such a list, for comparison with what a state says."""
    example_mark: ClassVar[Position] = {}
    """What its state may say besides."""

    def __init__(
        self, *, key: Key = row_key, warn: Warn = lambda _: None, mark: Position | None = None
    ) -> None:
        self.page_count = 0
        self.row_count = 0
        self.mark: Position = mark or {}
        self._key = key
        self._warn = warn
        self._warned: set[str] = set()
        self._seen: dict[int, int] = {}
        self._fruitless_rows = 0

    @property
    @abstractmethod
    def place(self) -> str:
        """Where the page is that was asked for, for people: `behind the row with the id 65538`."""

    @abstractmethod
    def ask_at(self, position: Position) -> Position:
        """What to ask for to get the page at a position."""

    @abstractmethod
    def ask_again(self, page: Page) -> Position | None:
        """What else to ask for before a page is taken for the one at the position.

        Args:
            page: What came of the request before.
        """

    def settle(self, page: Page) -> Page:
        """The page at the position, by all that came; usually what came last."""
        return page

    @abstractmethod
    def is_expected(self, page: Page) -> bool:
        """Whether a page is what an earlier read, which named the position, expects there."""

    def admit(self, page: Page) -> list[Row]:
        """Take the page at the position.

        Returns:
            Its rows, without those at its beginning that were in the page before.

        Raises:
            BrokenPagingError: When there was such a page before in this read.
        """
        self._refuse_repeats(page)
        if not page.is_empty:
            self._seen.setdefault(self._digest_of(page), self._order)
        rows = self._new_rows(page)
        is_fruitful = rows or page.listed
        self._fruitless_rows = 0 if is_fruitful else self._fruitless_rows + page.asked_rows
        self.page_count += 1
        self.row_count += len(rows)
        return rows

    @abstractmethod
    def position_after(self, page: Page) -> Position | None:
        """The position after the page that was admitted last, or None when it was the last one.

        Raises:
            BrokenPagingError: When the site leads back to where the read has been, or nowhere.
        """

    @abstractmethod
    def _new_rows(self, page: Page) -> list[Row]:
        """The rows of a page that were not in the one before."""

    @property
    def _order(self) -> int:
        """A number that grows from page to page."""
        return self.page_count

    def _refuse_repeats(self, page: Page) -> None:
        if not page.is_empty and self._is_repeated(page):
            raise BrokenPagingError("it gives the same rows again for a new position")

    def _is_repeated(self, page: Page) -> bool:
        """Whether such rows were admitted at an earlier position."""
        return self._seen.get(self._digest_of(page), self._order) < self._order

    def _digest_of(self, page: Page) -> int:
        """Equal for as many rows, from the same first one to the same last one."""
        count, first, last = page.ends
        return hash((count, self._key(first), self._key(last)))

    def _refuse_endless_emptiness(self) -> None:
        if self._fruitless_rows >= MAX_FRUITLESS_ROWS:
            raise BrokenPagingError(
                f"its pages hold no rows, {self._fruitless_rows:,} of which were asked for"
            )

    def _warn_once(self, what: str) -> None:
        if what not in self._warned:
            self._warned.add(what)
            self._warn(what)
