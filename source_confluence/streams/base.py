"""Say what a stream is to the CDK: its hooks, its state, its errors."""

from abc import ABC
from collections.abc import Iterable, Mapping, MutableMapping
from logging import INFO, WARNING
from typing import Any, ClassVar, cast

import requests
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams.core import StreamData
from airbyte_cdk.sources.streams.http import HttpStream
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy

from source_confluence.exceptions import BrokenPagingError, StoppedError
from source_confluence.failures import classify
from source_confluence.failures.failure import FinalFailureError
from source_confluence.failures.table import BROKEN_PAGING, STOPPED
from source_confluence.identity import require_known_account
from source_confluence.limits.throttle import Throttle
from source_confluence.paging.listing import Listing
from source_confluence.paging.page import Row
from source_confluence.paging.pager import Position, row_key
from source_confluence.reading.context import ListContext
from source_confluence.reading.incremental import IncrementalReader, Ways
from source_confluence.reading.incremental_state import IncrementalState
from source_confluence.reading.lookahead import Lookahead
from source_confluence.reading.page_size import PageSize
from source_confluence.reading.page_source import PageSource
from source_confluence.reading.progress import Progress
from source_confluence.reading.reader import Part, Reader
from source_confluence.reading.retrying import RetryingClient
from source_confluence.reading.sequential import Sequential
from source_confluence.reading.space_selection import in_selected_spaces, source_in_spaces
from source_confluence.reading.state import COMPLETE, position_in, why_ignored
from source_confluence.reading.sync import SyncContext
from source_confluence.reading.watermark import Told
from source_confluence.reading.windows import Windows
from source_confluence.records.records import READ_AT, Records

_STARTS_OVER = (
    "Stream '%s' reads another selection or body format than before, so it reads everything. Rows "
    "that are no longer selected, but were told before, stay as they are in the destination."
)


class ConfluenceStream(HttpStream, ABC):
    """A list of Confluence, read from its first page to its last.

    A stream declares what its list is; nothing else about it is code.

    Args:
        sync: What it shares with the other streams.

    Attributes:
        selected: The list, as far as the user wants it.
        request: What it asks for, in words for messages.
        progress: How far a read of it is, and what it took.
    """

    listing: ClassVar[Listing]
    """All of the list: path, paging, what is heavy in it."""
    permission: ClassVar[str]
    """What the account must be allowed, as the end of "the account lacks …"."""
    scope: ClassVar[str]
    """What a token with scopes must have for it: `read:page:confluence`."""
    shown_to_visitors: ClassVar[bool] = False
    """Whether a site that is open to the public gives anonymous visitors a part of the list."""
    dated_by: ClassVar[str] = ""
    """The field with the date that the list can be filtered by: `creationDate`."""

    primary_key: str = "id"

    def __init__(self, sync: SyncContext) -> None:
        self.request = sync.client.in_words(
            self.listing.path,
            scope=self.scope,
            permission=self.permission,
            otherwise=f"deselect the stream '{self.name}'",
        )
        self.progress = Progress(sync, stream=self.name, logger=self.logger)
        throttle = Throttle(
            sync.rate_limit,
            stream=self.name,
            before=self.request.subject,
            logger=self.logger,
            stop=sync.stop,
            sleep=self.progress.sleep,
        )
        self.selected = self.listing.selected(sync.selection)
        self._sync = sync
        self._context = ListContext(
            sync=sync,
            listing=self.selected,
            key=self.key,
            stream=self.name,
            request=self.request,
            throttle=throttle,
            progress=self.progress,
            logger=self.logger,
        )
        self._given: Mapping[str, Any] = {}
        self._reader: Reader | IncrementalReader | Windows | None = None
        super().__init__(authenticator=sync.client.authenticator)

    @property
    def is_resumable(self) -> bool:
        """True: a state is printed after every page."""
        return True

    @property
    def cursor_field(self) -> str | list[str]:
        """`readAt` where it can be seen what has changed: the latest reading of a row counts."""
        return READ_AT if self.listing.changes else self.dated_by or []

    @property
    def state(self) -> MutableMapping[str, Any]:
        """What a later read continues from; `COMPLETE` after a full refresh."""
        # The CDK asks for it after each record, so it is no copy.
        return cast("dict[str, Any]", self._reader.state) if self._reader else {}

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        """Begin a read: with what an earlier one has said."""
        if self._reader:
            self._reader.close()
        self._reader, self._given = None, value

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[StreamData]:
        """All records, in the order of the site, and a state message after each page but the last.

        Overriding it also keeps the CDK from adding a cursor of its own to the stream, whose last
        state would make the next sync read nothing.

        Raises:
            FinalFailureError: When a request fails for good, when the site does not know the
                account, so that it shows what visitors may see, and when the process is told to
                stop.
            BrokenPagingError: When the site does not lead to the end of the list.
        """
        try:
            self._reader = reader = self._new_reader(sync_mode)
            yield from reader.read()
        except StoppedError as stopped:
            message = STOPPED.message(self._context.request, detail=stopped.signal_name)
            brief = f"told to stop by {stopped.signal_name}"
            raise FinalFailureError(STOPPED, message, brief) from None

    def get_error_display_message(self, exception: BaseException) -> str:
        """The text for a failure that no response shows."""
        if isinstance(exception, BrokenPagingError):
            return BROKEN_PAGING.message(self._context.request, detail=str(exception))
        failure, detail = classify.of_exception(exception)
        return failure.message(self._context.request, detail=detail)

    @property
    def url_base(self) -> str:
        """Every address begins with the site's own; no address from a response is ever used."""
        return self._sync.client.site.base_url

    def path(self, **_: object) -> str:
        """The path of the list; a position in it is a query parameter."""
        return self.listing.path

    def get_backoff_strategy(self) -> BackoffStrategy:
        """The one that all streams share."""
        return self._sync.backoff

    def parse_response(self, response: requests.Response, **_: object) -> Iterable[Any]:
        """The rows of a response; only the CDK's own `read_records` asks for it."""
        request = self.selected.request({}, self.selected.paging.max_rows)
        return request.parse(response.content, response.headers.get("Link", "")).rows

    def next_page_token(self, response: requests.Response) -> None:
        """None, for the same reason; `paging` knows where the next page is."""

    def record(self, row: Row) -> Mapping[str, Any]:
        """The record for a row: the row itself, exactly as it came."""
        return row

    def key(self, row: Row) -> str:
        """What tells a row from the others of its list, also when it is read again later."""
        return row_key(row)

    def _new_reader(self, sync_mode: SyncMode) -> Reader | IncrementalReader | Windows:
        is_incremental = sync_mode is SyncMode.incremental
        if is_incremental and self.dated_by:
            return self._new_windows()
        is_empty = self.selected.is_empty
        context = self._context if is_empty else in_selected_spaces(self._context)
        reader: Reader | IncrementalReader
        if is_incremental and self.listing.changes:
            reader = self._new_incremental_reader(context)
        else:
            reader = self._opened(context, self._position)
        if is_empty:
            self.logger.info("Stream '%s' has nothing of the selected statuses.", self.name)
            reader.skip()
        return reader

    def _opened(
        self, context: ListContext, start: Position | None, part: Part | None = None
    ) -> Reader:
        return Reader(
            context,
            records=self._records,
            source=self._new_source(context),
            confirm_identity=self._confirm_identity,
            start=start,
            part=part,
        )

    def _new_windows(self) -> Windows:
        pager = self.listing.paging.pager
        of, like, mark = self._context.of, pager.example, pager.example_mark
        told = Told.parse(self._given, of=of, like=like, mark=mark)
        if told is None:
            self._say_what_is_ignored(is_incremental=True)
        elif told.unfinished:
            self.logger.info("Resuming stream '%s' where an earlier read stopped.", self.name)
        return Windows(
            self._context, told or Told(), date_field=self.dated_by, open_reader=self._opened
        )

    def _new_incremental_reader(self, context: ListContext) -> IncrementalReader:
        told, of = IncrementalState.of_saved(self._given), self._context.of
        is_known = told is not None and told.of.partition("?")[0] == of.partition("?")[0]
        if told is None or not is_known:
            self._say_what_is_ignored(is_incremental=True)
            told = IncrementalState(of=of)
        starts_over = told.of != of
        if starts_over:
            self.logger.log(WARNING if told.run else INFO, _STARTS_OVER, self.name)
            told.of = of
            told.drop_run()
        ways = Ways(
            new_source=self._new_source,
            confirm_identity=self._confirm_identity,
            records=self._records,
        )
        return IncrementalReader(context, ways, told, starts_over=starts_over)

    @property
    def _records(self) -> Records:
        left_out = self.selected.heavy_fields
        return Records(self.name, self.record, left_out=left_out, logger=self.logger)

    @property
    def _position(self) -> Position | None:
        """Where an earlier read stopped; None, with a warning, when that is no state of ours."""
        if not self._given or self._given == COMPLETE:
            return None
        paging = self.listing.paging
        like = {**paging.pager.example, **paging.fixed(lambda: 0)}
        mark = paging.pager.example_mark
        position = position_in(self._given, of=self._context.of, like=like, mark=mark)
        if position is None:
            self._say_what_is_ignored(is_incremental=False)
        else:
            self.logger.info("Resuming stream '%s' where an earlier read stopped.", self.name)
        return position

    def _say_what_is_ignored(self, *, is_incremental: bool) -> None:
        if self._given and self._given != COMPLETE:
            of = self._context.of
            level, text = why_ignored(self._given, of=of, is_incremental=is_incremental)
            self.logger.log(level, text, self.name, of)

    def _new_source(self, context: ListContext) -> PageSource:
        return source_in_spaces(context, self._new_source_of_all)

    def _new_source_of_all(self, context: ListContext) -> PageSource:
        # Airbyte's test kit sets `page_size`, by the setting `_page_size`.
        page_size = PageSize(self.page_size or self.listing.paging.max_rows)
        sequential = Sequential(context, RetryingClient(context), page_size)
        if self._sync.workers.count == 1:
            return sequential
        return Lookahead(context, sequential, page_size)

    def _confirm_identity(self, saw_rows: bool) -> None:
        """Raise when the site does not know the account, and the list may be that of a visitor."""
        if self.shown_to_visitors:
            self._context.throttle.take_turn()
            require_known_account(
                self._sync.client,
                self._sync.identity_session,
                saw_rows=saw_rows,
                waiting=self._sync.stop.interruptible,
            )
