"""Say what a stream is to the CDK: its hooks, its state, its errors."""

from abc import ABC
from collections.abc import Iterable, Mapping, MutableMapping
from functools import partial
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
from source_confluence.limits.backoff import exponential_seconds
from source_confluence.limits.throttle import Throttle
from source_confluence.paging.listing import Listing
from source_confluence.paging.page import Row
from source_confluence.paging.pager import Position, row_key
from source_confluence.reading.context import SyncContext
from source_confluence.reading.lookahead import Lookahead
from source_confluence.reading.page_size import PageSize
from source_confluence.reading.page_source import PageSource
from source_confluence.reading.reader import Reader
from source_confluence.reading.retrying import RetryingClient
from source_confluence.reading.sequential import Sequential
from source_confluence.reading.state import COMPLETE, position_in
from source_confluence.records.records import Records


class ConfluenceStream(HttpStream, ABC):
    """A list of Confluence, read from its first page to its last.

    A stream declares what its list is; nothing else about it is code.

    Args:
        context: What it shares with the other streams.
    """

    listing: ClassVar[Listing]
    """All of the list: path, paging, what is heavy in it."""
    permission: ClassVar[str]
    """What the account must be allowed, as the end of "the account lacks …"."""
    shown_to_visitors: ClassVar[bool] = False
    """Whether a site that is open to the public gives anonymous visitors a part of the list."""

    primary_key: str = "id"

    def __init__(self, context: SyncContext) -> None:
        self._context = context
        self._throttle = Throttle(
            context.rate_limit,
            stream=self.name,
            before=self._subject,
            logger=self.logger,
            stop=context.stop,
        )
        self._reader = self._new_reader(None)
        super().__init__(authenticator=context.authenticator)

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
        try:
            yield from self._reader.read()
        except StoppedError as stopped:
            message = STOPPED.message(self._request_in_words, detail=stopped.signal_name)
            brief = f"told to stop by {stopped.signal_name}"
            raise FinalFailureError(STOPPED, message, brief) from None

    def get_error_display_message(self, exception: BaseException) -> str:
        """The text for a failure that no response shows."""
        if isinstance(exception, BrokenPagingError):
            return BROKEN_PAGING.message(self._request_in_words, detail=str(exception))
        failure, detail = classify.of_exception(exception)
        return failure.message(self._request_in_words, detail=detail)

    @property
    def url_base(self) -> str:
        """Every address begins with the site's own; no address from a response is ever used."""
        return self._context.client.site.base_url

    def path(self, **_: object) -> str:
        """The path of the list; a position in it is a query parameter."""
        return self.listing.path

    def get_backoff_strategy(self) -> BackoffStrategy:
        """The one that all streams share."""
        return self._context.backoff

    def parse_response(self, response: requests.Response, **_: object) -> Iterable[Any]:
        """The rows of a response; only the CDK's own `read_records` asks for it."""
        request = self.listing.request({}, self.listing.paging.max_rows)
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
        position = position_in(
            state, of=self._subject, like=paging.example, mark=paging.example_mark
        )
        if position is None:
            self.logger.warning(
                "The state of stream '%s' is not one that this connector has made for %s; "
                "reading from the beginning.",
                self.name,
                self._subject,
            )
        else:
            self.logger.info("Going on where an earlier read of stream '%s' stopped.", self.name)
        return position

    def _new_reader(self, start: Position | None) -> Reader:
        return Reader(
            paging=self.listing.paging,
            key=self.key,
            stream=self.name,
            subject=self._subject,
            start=start,
            new_source=self._new_source,
            records=Records(
                self.name, self.record, left_out=self.listing.heavy_fields, logger=self.logger
            ),
            confirm_identity=self._confirm_identity,
            stop=self._context.stop,
            logger=self.logger,
        )

    def _new_source(self) -> PageSource:
        page_size = PageSize(self.page_size or self.listing.paging.max_rows)
        client = RetryingClient(
            self._context,
            self._throttle,
            path=self.listing.path,
            stream=self.name,
            request=self._request_in_words,
            logger=self.logger,
        )
        sequential = Sequential(
            self.listing,
            client,
            page_size,
            pause=partial(self._throttle.wait, exponential_seconds(1)),
            logger=self.logger,
        )
        if self._context.workers.count == 1:
            return sequential
        return Lookahead(
            self.listing,
            sequential,
            self._context,
            self._throttle,
            page_size,
            subject=self._subject,
            logger=self.logger,
        )

    def _confirm_identity(self, saw_rows: bool) -> None:
        """Raise when the site does not know the account, and the list may be that of a visitor."""
        if self.shown_to_visitors:
            self._throttle.take_turn()
            with self._context.stop.interruptible():
                require_known_account(
                    self._context.client, self._context.identity_session, saw_rows=saw_rows
                )

    @property
    def _subject(self) -> str:
        """Host and path: `acme.atlassian.net/wiki/api/v2/pages`."""
        return f"{self._context.client.site.host}/{self.listing.path}"

    @property
    def _request_in_words(self) -> Request:
        return Request(
            host=self._context.client.site.host,
            path=f"/{self.listing.path}",
            permission=self.permission,
            otherwise=f"deselect the stream '{self.name}'",
        )
