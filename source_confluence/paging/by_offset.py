"""Count through a list of v1, whose rows move while it is read."""

import hashlib
from typing import ClassVar

from source_confluence.paging.page import Page, Row
from source_confluence.paging.pager import BrokenPagingError, Key, Pager, Token, Warn, row_key

_FEW_ROWS = 2
_LIKELY_REPEATS = 10  # of few rows, one behind the other
_MOVED = (
    "gives its rows in another order each time, or many of them were removed while they were read; "
    "some may be missing until the next sync."
)


class OffsetPager(Pager):
    """Counts through the offsets of v1; only an empty answer is the end.

    A site may give fewer rows than it was asked for, at any place, and not say that there are more.

    Rows move while a list is read: an event is written late, a group is added or removed. So each
    page but the first is asked for one row early, and begins with the row that ended the one
    before. Where it does not, rows in front are gone, and others have slipped into their places:
    it is asked for once more, from a page earlier.
    """

    example: ClassVar[Token] = {"start": 1000}
    example_mark: ClassVar[Token] = {"rowBefore": "9f86d081884c7d65"}

    def __init__(self, limit: int, *, key: Key = row_key, warn: Warn = lambda _: None) -> None:
        super().__init__(limit, key=key, warn=warn)
        self._start = 0
        self._before: list[Row] = []
        self._most_rows = 0
        self._repeats = 0
        self._held: Page | None = None
        self._is_early = False
        self._is_met = True
        self._may_step_back = True

    @property
    def place(self) -> str:
        """`at the offset 2000`."""
        return f"at the offset {self._start}"

    def look(self, position: Token) -> Token:
        """The offset of the row before, where that row is known."""
        self._may_step_back = self._is_met  # not twice: a list without an order never meets
        self._is_met = True
        self._held = None
        self._is_early = bool(self.mark)
        return self._at(int(position.get("start", 0)) - self._is_early)

    def second_look(self, page: Page) -> Token | None:
        """A page earlier where pages do not meet; behind rows that are all known, and back again.

        What comes from behind them is taken only when the row before is still in its place.
        """
        if not self._is_early:
            if not (page.rows and self.mark):
                return None
            self._held, self._is_early = page, True
            return self._at(self._start - 1)
        met_at = self._met_at(page)
        self._is_met = met_at is not None
        if not self._is_met and self._may_step_back:
            self._may_step_back, self._held = False, None
            start = max(self._start - max(self._full_rows - 1, 1), 0)
        elif met_at == len(page.rows) and self._held is None:
            self._is_early = False
            start = self._start + met_at
        else:
            return None
        self._refuse_repeats(page.rows)
        return self._at(start)

    def settled(self, page: Page) -> Page:
        """The page from behind the row before, when only that row came with the last look."""
        brings_more = page.rows and self._met_at(page) != len(page.rows)
        if self._held is None or brings_more:
            return page
        self._is_early = False
        self._at(self._start + 1)
        return self._held

    def is_there(self, page: Page) -> bool:
        """Whether there are rows, behind the row before if that is known."""
        return self._is_met if self.mark else bool(page.rows)

    def after(self, page: Page) -> Token | None:
        """The offset behind the rows so far: `{"start": 1000}`."""
        if not page.rows:
            return None
        self._refuse_to_go_on_without_rows()
        return {"start": self._start + len(page.rows)}

    def _new_rows(self, page: Page) -> list[Row]:
        if not self._is_met:
            if not page.rows:
                raise BrokenPagingError("it ends before the place that was reached")
            self._tell(_MOVED)
        new = page.rows[self._met_at(page) or 0 :] if self._is_early else page.rows
        if page.rows:
            self._before = page.rows
            self.mark = {"rowBefore": self._digest(page.rows[-1])}
        self.is_likely_end = len(page.rows) < self._full_rows
        self._most_rows = max(self._most_rows, len(page.rows))
        return new

    @property
    def _full_rows(self) -> int:
        """As many rows as were asked for, or, after a first answer, as the site may give."""
        return min(self._most_rows or self.limit, self.limit)

    def _met_at(self, page: Page) -> int | None:
        """Where the rows begin that were not in the page before; None where the two do not meet.

        Of rows that are alike, the first one counts: twice is better than not at all.
        """
        wanted = self.mark.get("rowBefore")
        if wanted is None or not page.rows:
            return None
        if self._digest(page.rows[0]) == wanted:
            return 1
        places: dict[str, int] = {}
        for place, row in enumerate(page.rows, 1):
            places.setdefault(self._digest(row), place)
        before = (self._digest(row) for row in reversed(self._before))
        return next((places[each] for each in (wanted, *before) if each in places), None)

    def _digest(self, row: Row) -> str:
        key = self._key(row).encode("utf-8", "surrogatepass")
        return hashlib.sha256(key).hexdigest()[:16]

    def _at(self, start: int) -> Token:
        self._start = start
        return {"start": start} if start else {}

    @property
    def _place(self) -> int:
        return self._start

    def _is_repeated(self, rows: list[Row]) -> bool:
        """Not for a while where they are few, or alike: others may have been added before them."""
        self._repeats = self._repeats + 1 if super()._is_repeated(rows) else 0
        may_be_pushed = len(rows) <= _FEW_ROWS or self._key(rows[0]) == self._key(rows[-1])
        return self._repeats > (_LIKELY_REPEATS if may_be_pushed else 0)
