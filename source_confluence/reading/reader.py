"""Read one list page by page: records, and after each page a state from which to resume."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from airbyte_cdk.sources.streams.core import StreamData

from source_confluence.failures.failure import FinalFailureError
from source_confluence.paging.page import Row
from source_confluence.paging.pager import Position
from source_confluence.reading.context import ListContext
from source_confluence.reading.emission import Emission
from source_confluence.reading.page_source import Batch, PageSource
from source_confluence.reading.state import COMPLETE, state_at, state_message
from source_confluence.reading.walk import Walk
from source_confluence.records.records import Records


class Part(Protocol):
    """What a list is a part of, when it is not read for itself."""

    def new_of(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Those of a page that are to be emitted."""

    def state_at(self, mark: Position) -> Mapping[str, Any]:
        """What a state says from which the whole resumes.

        Args:
            mark: The place in this list: `{"start": 1000, "rowBefore": "9f86d081884c7d65"}`.
        """


class Reader:
    """One read of one list, from its first page or from where an earlier read stopped.

    Args:
        context: Which list, for which stream.
        records: Makes records of the rows.
        source: Gives the pages.
        confirm_identity: Raises when the site no longer knows the account; it is told whether there
            were any rows.
        start: Where an earlier read stopped; None at the first page.
        part: What it is a part of, if it is.

    Attributes:
        state: Where the read resumes: empty for the first page, `COMPLETE` after the last.
    """

    def __init__(  # noqa: PLR0913 (all that a read is made of)
        self,
        context: ListContext,
        *,
        records: Records,
        source: PageSource,
        confirm_identity: Callable[[bool], None],
        start: Position | None,
        part: Part | None = None,
    ) -> None:
        self._stream = context.stream
        self._of = context.of
        self._progress = context.progress
        self._clock = context.sync.client.site_clock
        self._is_dated = context.listing.changes is not None
        self._emission = Emission(records, context.progress)
        self._source = source
        self._confirm_identity = confirm_identity
        self._walk = Walk(context, source, start)
        self._part = part
        self.state: Mapping[str, Any] = state_at(start, of=self._of) if start else {}

    def read(self) -> Iterator[StreamData]:
        """The records of all pages, in the order of the site; after each page but the last a state.

        Raises:
            FinalFailureError: When the site does not give a page, or no longer knows the account.
            BrokenPagingError: When the site does not lead to the end of the list.
            StoppedError: When the process is told to stop.
        """
        self._progress.begin()
        try:
            yield from self.pages()
        finally:
            self.close()
            self._progress.end(is_complete=self.state is COMPLETE)

    def pages(self) -> Iterator[StreamData]:
        """The same, as a part of a longer read, which closes it."""
        while self._walk.position is not None:
            batch = self._walk.next_batch()
            yield from self._emit(batch)
            self._walk.step(batch.page)
            del batch  # before the next one is decoded beside it
            yield from self._checkpoint()

    def skip(self) -> None:
        """Take the list as read: nothing of it is selected."""
        self._walk.end()
        self.state = COMPLETE

    def close(self) -> None:
        """End it, at its end or before."""
        self._source.close()

    def _emit(self, batch: Batch) -> Iterable[StreamData]:
        rows = self._part.new_of(batch.new_rows) if self._part else batch.new_rows
        read_at = self._clock.latest if self._is_dated else None
        return self._emission.of(rows, batch, read_at=read_at, source=self._source)

    def _checkpoint(self) -> Iterable[StreamData]:
        """Let the state lead to the next page, or be the end.

        Before the first state and before the last one the site must know the account. If it does
        not, no state may stay from which a later read resumes after what visitors were shown.
        """
        pager, is_end = self._walk.pager, self._walk.position is None
        if pager.page_count == 1 or is_end:
            try:
                self._confirm_identity(pager.row_count > 0)
            except FinalFailureError:
                yield state_message(self._stream, {})
                raise
        if is_end:
            self.state = COMPLETE  # the CDK prints the last one
        else:
            mark = self._walk.mark
            self.state = self._part.state_at(mark) if self._part else state_at(mark, of=self._of)
            yield state_message(self._stream, self.state)
