"""Read one list page by page: records, and after each page a state from which to resume."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from airbyte_cdk.sources.streams.core import StreamData

from source_confluence.failures.failure import FinalFailureError
from source_confluence.failures.table import BAD_REQUEST
from source_confluence.paging.pager import Position
from source_confluence.reading.context import ListContext
from source_confluence.reading.page_source import Batch, PageSource
from source_confluence.reading.state import COMPLETE, state_at, state_message
from source_confluence.records.records import Records

_ROWS_BETWEEN = 25  # are emitted in less than a millisecond


class Reader:
    """One read of one list, from its first page or from where an earlier read stopped.

    Args:
        context: Which list, for which stream.
        records: Makes records of the rows.
        new_source: Makes what gives the pages of a read.
        confirm_identity: Raises when the site no longer knows the account; it is told whether there
            were any rows.
        start: Where an earlier read stopped; None at the first page.

    Attributes:
        state: Where the read resumes: empty for the first page, `COMPLETE` after the last.
    """

    def __init__(
        self,
        context: ListContext,
        *,
        records: Records,
        new_source: Callable[[], PageSource],
        confirm_identity: Callable[[bool], None],
        start: Position | None,
    ) -> None:
        self._paging = context.listing.paging
        self._stream = context.stream
        self._subject = context.subject
        self._of = context.of
        self._stop = context.sync.stop
        self._progress = context.progress
        self._logger = context.logger
        self._key = context.key
        self._records = records
        self._new_source = new_source
        self._confirm_identity = confirm_identity
        self._is_resumed = start is not None
        self._position: Position | None = None
        self.state: Mapping[str, Any] = {}
        self._begin(start)

    def read(self) -> Iterator[StreamData]:
        """The records of all pages, in the order of the site; after each page but the last a state.

        Raises:
            FinalFailureError: When the site does not give a page, or no longer knows the account.
            BrokenPagingError: When the site does not lead to the end of the list.
            StoppedError: When the process is told to stop.
        """
        self._progress.begin()
        try:
            while self._position is not None:
                self._stop.raise_if_asked()
                with self._progress.asking():
                    batch = self._batch_at(self._position)
                yield from self._emit(batch)
                following = self._pager.position_after(batch.page)
                del batch  # before the next one is decoded beside it
                yield from self._checkpoint(following)
        finally:
            self.close()
            self._progress.end(is_complete=self._position is None)

    def skip(self) -> None:
        """Take the list as read: nothing of it is selected."""
        self._position = None
        self.state = COMPLETE

    def close(self) -> None:
        """End it, at its end or before."""
        self._source.close()

    def _begin(self, start: Position | None) -> None:
        """Begin where an earlier read stopped, or at the first page."""
        known, pager = start or {}, self._paging.pager
        mark = {name: known[name] for name in pager.example_mark if name in known}
        self._fixed = {name: known.get(name, now) for name, now in self._paging.fixed().items()}
        self._position = {
            **self._fixed,
            **{name: value for name, value in known.items() if name not in mark},
        }
        self.state = state_at(known, of=self._of) if known else {}
        warn = partial(self._logger.warning, "%s %s", self._subject)
        self._pager = pager(key=self._key, warn=warn, mark=mark)
        self._source = self._new_source()

    def _batch_at(self, position: Position) -> Batch:
        """The page at a position; the first page if that of an earlier read is gone.

        To start over then is sure to miss nothing.
        """
        if not self._is_resumed:
            return self._settled_batch(position)
        self._is_resumed = False
        try:
            batch = self._settled_batch(position)
            if self._pager.is_expected(batch.page):
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
        return self._settled_batch(self._fixed)

    def _settled_batch(self, position: Position) -> Batch:
        """The page at a position, asked for again where one response proves nothing."""
        ask_for: Position | None = self._pager.ask_at(position)
        while ask_for is not None:
            batch = self._source.page_at({**self._fixed, **ask_for}, self._pager.place)
            ask_for = self._pager.ask_again(batch.page)
        return replace(batch, page=self._pager.settle(batch.page))

    def _emit(self, batch: Batch) -> Iterable[StreamData]:
        page = batch.page
        rows = self._pager.admit(page)
        for start in range(0, len(rows), _ROWS_BETWEEN):
            some = rows[start : start + _ROWS_BETWEEN]
            yield from self._records.of_rows(
                some, needs_mending=page.needs_mending, is_light=batch.is_light
            )
            self._progress.emitted(len(some), is_light=batch.is_light)
            self._source.advance()

    def _checkpoint(self, following: Position | None) -> Iterable[StreamData]:
        """Let the state lead to the next page, or be the end.

        Before the first state and before the last one the site must know the account. If it does
        not, no state may stay from which a later read resumes after what visitors were shown.
        """
        if self._pager.page_count == 1 or following is None:
            try:
                self._confirm_identity(self._pager.row_count > 0)
            except FinalFailureError:
                yield state_message(self._stream, {})
                raise
        if following is None:
            self._position = None
            self.state = COMPLETE  # the CDK prints the last one
        else:
            self._position = {**self._fixed, **following}
            self.state = state_at({**self._position, **self._pager.mark}, of=self._of)
            yield state_message(self._stream, self.state)
