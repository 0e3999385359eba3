"""Take several pages together, as many as one state can name the rows of."""

from collections.abc import Callable, Sequence

from source_confluence.exceptions import BrokenPagingError, StoppedError
from source_confluence.failures.failure import FinalFailureError
from source_confluence.limits.waiting import now_seconds
from source_confluence.paging.page import Page
from source_confluence.reading.changed import Changed, is_sorted
from source_confluence.reading.page_source import Batch
from source_confluence.reading.walk import Walk

MAX_NAMED = 1_000
"""Rows of a group; newest first, of which each is remembered for a while, a quarter of them."""

_MAX_BYTES = 8 * 1024 * 1024
_MAX_SECONDS = 2

Failed = FinalFailureError | BrokenPagingError | StoppedError


class Groups:
    """Goes through a list in groups of pages, as far as anything in it is wanted.

    Args:
        walk: Leads through the list.
        choice: What of it is wanted.
        warn: Is told when the list is not sorted as it should be.
    """

    def __init__(self, walk: Walk, choice: Changed, warn: Callable[[str], None]) -> None:
        self._walk = walk
        self._choice = choice
        self._warn = warn
        self._max_named = MAX_NAMED // 4 if choice.is_newest_first else MAX_NAMED
        self._last_date: int | None = None
        self._is_in_order = True

    def following(self) -> tuple[list[Batch], Failed | None]:
        """The next pages, and the error that ended them, if one did: what came is not lost."""
        group: list[Batch] = []
        began_at = now_seconds()
        while self._walk.position is not None and not _is_full(group, began_at, self._max_named):
            try:
                batch = self._walk.next_batch()
                group.append(batch)
                self._walk.step(batch.page)
            except (FinalFailureError, BrokenPagingError, StoppedError) as error:
                return group, error
            if self._is_past(batch.page):
                self._walk.end()
        return group, None

    def _is_past(self, page: Page) -> bool:
        """Whether nothing newer than the watermark is left, if the list is sorted at all."""
        if not self._choice.is_newest_first:
            return False
        dates = [self._last_date, *(row.modified for row in page.listed)]
        self._last_date = next((date for date in reversed(dates) if date is not None), None)
        if self._is_in_order and not is_sorted(dates):
            self._is_in_order = False
            self._warn("does not give its rows newest first; reading to the end instead.")
        return self._is_in_order and self._choice.is_past(page.listed)


def _is_full(group: Sequence[Batch], began_at: float, max_named: int) -> bool:
    rows = [len(batch.new_rows) for batch in group]
    size = sum(batch.page.size_bytes for batch in group)
    is_late = now_seconds() - began_at >= _MAX_SECONDS
    is_full = sum(rows) + max(rows, default=0) > max_named
    return bool(group) and (is_late or is_full or size >= _MAX_BYTES)
