"""Say what a stream is to the CDK: its hooks, its state, its errors."""

from abc import ABC
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, ClassVar

import requests
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams.core import StreamData
from airbyte_cdk.sources.streams.http import HttpStream
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy

from source_confluence.exceptions import BrokenPagingError, StoppedError
from source_confluence.failures import classify
from source_confluence.failures.failure import FinalFailureError, Request
from source_confluence.failures.table import BROKEN_PAGING, STOPPED
from source_confluence.identity import require_known_account
from source_confluence.limits.throttle import Throttle
from source_confluence.paging.listing import Listing
from source_confluence.paging.page import Row
from source_confluence.paging.pager import Position, row_key
from source_confluence.reading.context import ListContext
from source_confluence.reading.lookahead import Lookahead
from source_confluence.reading.page_size import PageSize
from source_confluence.reading.page_source import PageSource
from source_confluence.reading.progress import Progress
from source_confluence.reading.reader import Reader
from source_confluence.reading.retrying import RetryingClient
from source_confluence.reading.sequential import Sequential
from source_confluence.reading.state import COMPLETE, position_in
from source_confluence.reading.sync import SyncContext
from source_confluence.records.records import Records


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
    shown_to_visitors: ClassVar[bool] = False
    """Whether a site that is open to the public gives anonymous visitors a part of the list."""

    primary_key: str = "id"

    def __init__(self, sync: SyncContext) -> None:
        self.request = Request(
            host=sync.client.site.host,
            path=f"/{self.listing.path}",
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
        self._reader = self._new_reader(None)
        super().__init__(authenticator=sync.client.authenticator)

    @property
    def is_resumable(self) -> bool:
        """True: a state is printed after every page."""
        return True

    @property
    def state(self) -> MutableMapping[str, Any]:
        """Where the next page is: empty for the first one, `COMPLETE` after the last."""
        return dict(self._reader.state)

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        """Begin a read: where an earlier one stopped, else at the first page."""
        self._reader.close()
        self._reader = self._new_reader(self._position_in(value))

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
        if self.selected.is_empty:
            self.logger.info("Stream '%s' has nothing of the selected statuses.", self.name)
            self._reader.skip()
        try:
            yield from self._reader.read()
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

    def _position_in(self, state: Mapping[str, Any]) -> Position | None:
        """Where an earlier read stopped; None, with a warning, when it is no state of ours."""
        if not state or state == COMPLETE:
            return None
        paging = self.listing.paging
        like = {**paging.pager.example, **paging.fixed()}
        mark = paging.pager.example_mark
        position = position_in(state, of=self._context.of, like=like, mark=mark)
        if position is None:
            self.logger.warning(
                "The state of stream '%s' is not one that this connector has made for %s; "
                "reading from the beginning.",
                self.name,
                self._context.of,
            )
        else:
            self.logger.info("Resuming stream '%s' where an earlier read stopped.", self.name)
        return position

    def _new_reader(self, start: Position | None) -> Reader:
        left_out = self.selected.heavy_fields
        return Reader(
            self._context,
            records=Records(self.name, self.record, left_out=left_out, logger=self.logger),
            source=self._new_source(),
            confirm_identity=self._confirm_identity,
            start=start,
        )

    def _new_source(self) -> PageSource:
        # Airbyte's test kit sets `page_size`, by the setting `_page_size`.
        page_size = PageSize(self.page_size or self.listing.paging.max_rows)
        sequential = Sequential(self._context, RetryingClient(self._context), page_size)
        if self._sync.workers.count == 1:
            return sequential
        return Lookahead(self._context, sequential, page_size)

    def _confirm_identity(self, saw_rows: bool) -> None:
        """Raise when the site does not know the account, and the list may be that of a visitor."""
        if self.shown_to_visitors:
            self._context.throttle.take_turn()
            with self._sync.stop.interruptible():
                session = self._sync.identity_session
                require_known_account(self._sync.client, session, saw_rows=saw_rows)
