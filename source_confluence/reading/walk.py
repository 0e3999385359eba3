"""Lead a read from page to page, and to the first one where that of an earlier read is gone."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from source_confluence.failures.failure import FinalFailureError
from source_confluence.failures.table import BAD_REQUEST
from source_confluence.paging.page import Page
from source_confluence.paging.pager import Position
from source_confluence.reading.context import ListContext
from source_confluence.reading.page_source import Batch, PageSource
from source_confluence.reading.site_time import site_now


class Walk:
    """The way through one list, from its first page or from where an earlier read stopped.

    Args:
        context: Which list, for which stream.
        source: Gives its pages.
        start: Where an earlier read stopped; None at the first page.

    Attributes:
        position: Where the next page is; None behind the last one.
        pager: Follows the list.
    """

    def __init__(self, context: ListContext, source: PageSource, start: Position | None) -> None:
        self._paging = context.listing.paging
        self._key = context.key
        self._subject = context.subject
        self._stream = context.stream
        self._stop = context.sync.stop
        self._progress = context.progress
        self._logger = context.logger
        self._now = partial(site_now, context)
        self._source = source
        self._is_resumed = start is not None
        self.position: Position | None = None
        self._fixed: Position | None = None
        self._begin(start)

    @property
    def mark(self) -> Mapping[str, str | int]:
        """What a state says: the position, and what the pager must know besides."""
        return {**(self.position or {}), **self.pager.mark}

    def next_batch(self) -> Batch:
        """The page at the position, without the rows that were in the one before.

        Raises:
            FinalFailureError: When the site does not give it.
            BrokenPagingError: When there was such a page before in this read.
            StoppedError: When the process is told to stop.
        """
        self._stop.raise_if_asked()
        with self._progress.asking():
            batch = self._batch_at(self.position or {})
        return replace(batch, new_rows=self.pager.admit(batch.page))

    def step(self, page: Page) -> None:
        """Go on to what is behind a page; raises what `Pager.position_after` does."""
        following = self.pager.position_after(page)
        self.position = None if following is None else {**self._decided(), **following}

    def end(self) -> None:
        """Take the list as read."""
        self.position = None

    def _begin(self, start: Position | None) -> None:
        known, pager = start or {}, self._paging.pager
        mark = {name: known[name] for name in pager.example_mark if name in known}
        self.position = {name: value for name, value in known.items() if name not in mark}
        names = self._paging.fixed(lambda: 0)
        self._fixed = None if start is None else {name: start[name] for name in names}
        warn = partial(self._logger.warning, "%s %s", self._subject)
        self.pager = pager(key=self._key, warn=warn, mark=mark)

    def _batch_at(self, position: Position) -> Batch:
        """The page at a position; the first page if that of an earlier read is gone.

        To start over then is sure to miss nothing.
        """
        if not self._is_resumed:
            return self._settled_batch(position)
        self._is_resumed = False
        try:
            batch = self._settled_batch(position)
            if self.pager.is_expected(batch.page):
                return batch
        except FinalFailureError as error:
            if error.failure is not BAD_REQUEST:
                raise
        self._logger.warning(
            "%s has nothing where an earlier read of stream '%s' stopped; "
            "reading from the beginning.",
            self._subject,
            self._stream,
        )
        self._source.close()
        self._begin(None)
        return self._settled_batch({})

    def _settled_batch(self, position: Position) -> Batch:
        """The page at a position, asked for again where one response proves nothing."""
        ask_for: Position | None = self.pager.ask_at(position)
        while ask_for is not None:
            batch = self._source.page_at({**self._decided(), **ask_for}, self.pager.place)
            ask_for = self.pager.ask_again(batch.page)
        return replace(batch, page=self.pager.settle(batch.page))

    def _decided(self) -> Position:
        """What is asked for on all pages, since the first request; an earlier read may say it."""
        if self._fixed is None:
            self._fixed = self._paging.fixed(self._now)
        return self._fixed
