"""Count through a list of v1, whose rows move while it is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from source_confluence.exceptions import BrokenPagingError
from source_confluence.paging.listing import Listing, Paging
from source_confluence.paging.page import Page, Row
from source_confluence.paging.pager import Key, Pager, Position, Warn, digest, row_key
from source_confluence.paging.plan import PageRequest, Plan

_FEW_ROWS = 2
_LIKELY_REPEATS = 10  # of few rows, one after the other
_MOVED = (
    "gives its rows in another order each time, or many of them were removed while they were read; "
    "some may be missing until the next sync."
)


class OffsetPager(Pager):
    """Counts through the offsets of v1; only an empty response is the end.

    A site may give fewer rows than it was asked for, at any place, and not say that there are more.

    Rows move while a list is read: an event is written late, a group is added or removed. So each
    page but the first is asked for one row early, and begins with the row that ended the one
    before. Where it does not, rows in front are gone, and others have slipped into their places:
    it is asked for once more, from a page earlier.
    """

    example: ClassVar[Position] = {"start": 1000}
    example_mark: ClassVar[Position] = {"rowBefore": "9f86d081884c7d65"}

    def __init__(
        self, *, key: Key = row_key, warn: Warn = lambda _: None, mark: Position | None = None
    ) -> None:
        super().__init__(key=key, warn=warn, mark=mark)
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

    def ask_at(self, position: Position) -> Position:
        """The offset of the row before, where that row is known."""
        self._may_step_back = self._is_met  # not twice: a list without an order never meets
        self._is_met = True
        self._held = None
        self._is_early = bool(self.mark)
        return self._at(int(position.get("start", 0)) - self._is_early)

    def ask_again(self, page: Page) -> Position | None:
        """A page earlier where pages do not meet; behind rows that are all known, and back again.

        What comes from behind them counts only when the row before is still in its place.
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
            full_rows = min(self._most_rows or page.asked_rows, page.asked_rows)
            start = max(self._start - max(full_rows - 1, 1), 0)
        elif met_at == len(page.rows) and self._held is None:
            self._is_early = False
            start = self._start + met_at
        else:
            return None
        self._refuse_repeats(page)
        return self._at(start)

    def settle(self, page: Page) -> Page:
        """The page from behind the row before, when the last request brought only that row.

        When it brought others in front of it, that row was pushed on, perhaps into that page.
        """
        brings_more = page.rows and self._met_at(page) != len(page.rows)
        if self._held is None or brings_more:
            return page
        self._is_early = len(page.rows) > 1
        self._at(self._start + 1)
        return self._held

    def is_expected(self, page: Page) -> bool:
        """Whether there are rows, behind the row before if that is known."""
        return self._is_met if self.mark else bool(page.rows)

    def position_after(self, page: Page) -> Position | None:
        """The offset behind the rows so far: `{"start": 1000}`."""
        if not page.rows:
            return None
        self._refuse_endless_emptiness()
        return {"start": self._start + len(page.rows)}

    def _new_rows(self, page: Page) -> list[Row]:
        if not self._is_met:
            if not page.rows:
                raise BrokenPagingError("it ends before the place that was reached")
            self._warn_once(_MOVED)
        new = page.rows[self._met_at(page) or 0 :] if self._is_early else page.rows
        if page.rows:
            self._before = page.rows
            self.mark = {"rowBefore": self._digest(page.rows[-1])}
        self._most_rows = max(self._most_rows, len(page.rows))
        return new

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
        return digest(self._key(row))

    def _at(self, start: int) -> Position:
        self._start = start
        return {"start": start} if start else {}

    @property
    def _order(self) -> int:
        return self._start

    def _is_repeated(self, page: Page) -> bool:
        """Not for a while where they are few, or alike: others may have been added before them."""
        self._repeats = self._repeats + 1 if super()._is_repeated(page) else 0
        rows = page.rows
        may_be_pushed = len(rows) <= _FEW_ROWS or self._key(rows[0]) == self._key(rows[-1])
        return self._repeats > (_LIKELY_REPEATS if may_be_pushed else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByOffset(Paging):
    """Each page is asked for by the number of rows before it.

    Args:
        fixed_end: The parameter that ends the list at the instant the read begins, `endDate`, in
            epoch milliseconds. A list that is newest first needs it: without a fixed end each new
            row would push the rows that are not read yet one offset further. So does an end that
            the site has not reached.
    """

    pager: ClassVar[type[Pager]] = OffsetPager
    has_links: ClassVar[bool] = False  # missing where there is more, and there where there is not

    fixed_end: str = ""

    def fixed(self, now: Callable[[], int]) -> Mapping[str, int]:
        """`{"endDate": 1795348800000}`, now."""
        return {self.fixed_end: now()} if self.fixed_end else {}

    def without_fixed(self) -> "ByOffset":
        """The same, for a part of the list that has an end of its own."""
        return replace(self, fixed_end="")

    def plan_behind(
        self, listing: Listing, position: Position, page: Page, rows: int, full_rows: int
    ) -> Plan | None:
        """One row early, so that it is seen whether the two pages meet."""
        step = min(len(page.rows), rows) - 1
        if step < 1:
            return None
        return OffsetPlan(
            listing=listing,
            position={**position, "start": int(position.get("start", 0)) + len(page.rows) - 1},
            rows=rows,
            step=step,
            is_last=len(page.rows) < full_rows,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetPlan(Plan):
    """Fetch a page whose place can be counted out; it begins with the last row of the one before.

    Rows move while a list is read: an event is written late, a group is added or removed. Of pages
    that are asked for in parallel, one in front may be answered after one behind it, and rows may
    be in neither. The row that both have shows that they meet; `OffsetPager` looks at it.

    Args:
        step: The rows it is to have, besides that one; at least 1.
        is_last: Whether there is probably nothing behind it.
    """

    listing: Listing
    step: int
    is_last: bool = False

    @property
    def request(self) -> PageRequest:
        """`{"limit": 1000, "endDate": 1795348800000, "start": 2999}`."""
        return self.listing.request(self.position, self.rows)

    def advance(self, response: Page) -> Page:
        """One response is all there is to it."""
        return response

    def following(self, rows: int) -> Plan | None:
        """The one behind it, unless its place is unknown because the page size has changed."""
        if self.is_last or rows != self.rows:
            return None
        position = {**self.position, "start": int(self.position["start"]) + self.step}
        return replace(self, position=position)

    def is_end(self, page: Page) -> bool:
        """When fewer rows came than it was to have: what follows begins in another place."""
        return len(page.rows) <= self.step

    def speculation_limit(self, page_count: int) -> int:
        """One at first, and one more for each two pages there were, since the list may end."""
        return 1 + page_count // 2
