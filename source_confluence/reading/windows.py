"""Read what a list by date has had since an earlier read: window by window, the oldest first.

Within a window, rows come newest first, by a reader of its own. What was read stays read: after
each window, the state has a new watermark.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from airbyte_cdk.sources.streams.core import StreamData

from source_confluence.paging.page import Row
from source_confluence.paging.pager import Position, digest
from source_confluence.reading.context import ListContext
from source_confluence.reading.reader import Part, Reader
from source_confluence.reading.site_time import site_now
from source_confluence.reading.state import state_message
from source_confluence.reading.watermark import MAX_RECENT, OVERLAP_MS, Told, Unfinished, Window


class OpenReader(Protocol):
    """Opens a reader of one list."""

    def __call__(
        self, context: ListContext, start: Position | None, part: Part | None = None
    ) -> Reader:
        """It begins at the position, or at the first page."""


class Windows:
    """One incremental read.

    Args:
        context: The whole list, for which stream.
        told: What was told by earlier reads.
        date_field: The field of a row that the list is filtered by: `creationDate`.
        open_reader: Opens the reader of a window.

    Attributes:
        state: From where the next read continues.
    """

    def __init__(
        self, context: ListContext, told: Told, *, date_field: str, open_reader: OpenReader
    ) -> None:
        self._context = context
        self._told = told
        self._date_field = date_field
        self._open_reader = open_reader
        self._reader: Reader | None = None
        self.state: Mapping[str, Any] = told.state(of=context.of)

    def read(self) -> Iterator[StreamData]:
        """The records that are new; a state after each page, and after each window but the last.

        Raises:
            FinalFailureError: When the site does not give a page.
            BrokenPagingError: When the site does not lead to the end of a window.
            StoppedError: When the process is told to stop.
        """
        progress, is_complete = self._context.progress, False
        progress.begin()
        try:
            with progress.asking():
                now = site_now(self._context)
            yield from self._read_until(now)
            is_complete = True
        finally:
            self.close()
            progress.end(is_complete=is_complete)

    def close(self) -> None:
        """End it, at its end or before."""
        if self._reader is not None:
            self._reader.close()

    def _read_until(self, now: int) -> Iterator[StreamData]:
        unfinished = self._told.unfinished or self._next(now)
        yield from self._read_window(unfinished)
        while unfinished.window.until < now:
            yield state_message(self._context.stream, self.state)
            unfinished = self._next(now)
            yield from self._read_window(unfinished)

    def _next(self, now: int) -> Unfinished:
        listing = self._context.listing
        first = listing.filtered_by.get(listing.filters.since, 0)
        return Unfinished(window=Window.behind(self._told.watermark, now=now, first=first))

    def _read_window(self, unfinished: Unfinished) -> Iterator[StreamData]:
        """Read it to its end; what is told then has its end as the watermark."""
        window = unfinished.window
        listing = self._context.listing.between(window.since, window.until)
        part = WindowPart(self._context, self._told, unfinished, date_field=self._date_field)
        context = replace(self._context, listing=listing)
        self._reader = self._open_reader(context, unfinished.position or None, part)
        yield from self._reader.pages()
        self._reader.close()
        self._told = part.after
        self.state = self._told.state(of=self._context.of)


class WindowPart:
    """One window as a part of an incremental read.

    Args:
        context: The whole list.
        told: What was told by earlier reads.
        unfinished: The window, and how far it was read before.
        date_field: The field of a row that the list is filtered by.
    """

    def __init__(
        self, context: ListContext, told: Told, unfinished: Unfinished, *, date_field: str
    ) -> None:
        self._of = context.of
        self._key = context.key
        self._told = told
        self._recent = frozenset(told.recent)
        self._window = unfinished.window
        self._seen = dict.fromkeys(unfinished.seen)
        self._date_field = date_field

    def new_of(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Those that were not told before; what is near the end of the window is noted."""
        return [row for row in rows if not self._was_told(row)]

    def state_at(self, mark: Position) -> Mapping[str, Any]:
        """What was told before, the window, and the place in it."""
        unfinished = Unfinished(window=self._window, position=mark, seen=tuple(self._seen))
        return replace(self._told, unfinished=unfinished).state(of=self._of)

    @property
    def after(self) -> Told:
        """What is told when all of it was read."""
        return Told(watermark=self._window.until, recent=tuple(self._seen))

    def _was_told(self, row: Row) -> bool:
        """Only rows near the ends of a window are looked at: a digest takes as long as a record."""
        date = row.get(self._date_field)
        if not isinstance(date, int):
            date = self._window.until
        is_near_end = date >= self._window.until - OVERLAP_MS
        if not is_near_end and date > self._told.watermark:
            return False
        own = digest(self._key(row))
        was_told = own in self._recent or own in self._seen
        if is_near_end and len(self._seen) < MAX_RECENT:
            self._seen[own] = None
        return was_told
