"""Read one list of Confluence: from requests to pages to records."""

from abc import ABC
from collections.abc import Generator, Iterable, Mapping, MutableMapping
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import requests
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams.core import StreamData
from airbyte_cdk.sources.streams.http import HttpStream
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy, ErrorHandler

from source_confluence import errors
from source_confluence.answers import AnswerHandler, FinalFailureError, detail_of, of_exception
from source_confluence.backoff import exponential_seconds
from source_confluence.body import body_of
from source_confluence.check import require_to_be_known
from source_confluence.page import Page, Row
from source_confluence.page_size import Fetched, Fetcher, PageSize
from source_confluence.pagination import BrokenPagingError, Pager
from source_confluence.rate_limit import Throttle
from source_confluence.records import Records
from source_confluence.state import COMPLETE, Position, position_in, start_over, state_at
from source_confluence.stopping import StoppedError
from source_confluence.sync import Sync

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 90
"""Between two pieces of an answer; Confluence itself gives up on a large page after a minute."""


class ConfluenceStream(HttpStream, ABC):
    """A list endpoint, read from its first page to its last.

    A stream declares where its list is and how it is paged; nothing else about it is code.

    Args:
        sync: What it shares with the other streams.
    """

    endpoint: ClassVar[str]
    """The path of the list: `wiki/api/v2/pages`."""
    query: ClassVar[Mapping[str, str]] = {}
    """What is asked for on every page besides the position: `{"body-format": "storage"}`."""
    heavy: ClassVar[Mapping[str, str]] = {}
    """Of these, what may be left out when the site fails on it, and the field it then does not
    give: `{"body-format": "body"}`."""
    pager: ClassVar[type[Pager]]
    """How the list is paged."""
    permission: ClassVar[str]
    """What the account must be allowed, as the end of "the account lacks …"."""

    shown_to_visitors: ClassVar[bool] = False
    """Whether a site that is open to the public gives anonymous visitors a part of the list."""

    primary_key: str = "id"
    page_size: int

    _pager: Pager
    _position: Position
    _next: Position | None
    _state: MutableMapping[str, Any]

    def __init__(self, sync: Sync) -> None:
        self._sync = sync
        self._site = sync.site
        self._pages: WeakKeyDictionary[requests.Response, Page] = WeakKeyDictionary()
        self._throttle = Throttle(sync.rate_limit, self.name, self._list, self.logger, sync.stop)
        self._start_over()
        super().__init__(authenticator=sync.authenticator, api_budget=self._throttle)

    @property
    def url_base(self) -> str:
        """Every address begins with our own site; no address from an answer is ever used."""
        return self._site.base_url

    @property
    def is_resumable(self) -> bool:
        """True: a state is printed after every page."""
        return True

    @property
    def state(self) -> MutableMapping[str, Any]:
        """Where the next page is: empty for the first one, `COMPLETE` after the last."""
        return self._state

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        """Begin a read: where an earlier one stopped, else at the first page."""
        self._start_over()
        if not value or value == COMPLETE:
            return
        position = position_in(value, of=self._list, like={**self.pager.example, **self.pinned()})
        if position is None:
            self.logger.warning(
                "The state of stream '%s' is not one that this connector has made for %s; "
                "reading from the beginning.",
                self.name,
                self._list,
            )
            return
        self.logger.info("Going on where an earlier read of stream '%s' stopped.", self.name)
        self._position = position
        self._pager.begin_at(position)
        self._state = state_at(position, of=self._list)

    def _start_over(self) -> None:
        self._pager = self.pager(self.page_size)
        self._position = {}
        self._next = None
        self._state = {}
        self._is_light = False
        left_out = list(self.heavy.values())
        self._records_of = Records(self.name, self.record, left_out=left_out, logger=self.logger)
        self._fetcher = Fetcher(
            PageSize(self.page_size),
            ask=self._ask,
            pause=lambda: self._throttle.wait_first(exponential_seconds(1)),
            has_light_form=bool(self.heavy),
            logger=self.logger,
        )

    def pinned(self) -> Mapping[str, int]:
        """What is decided when a read begins, and asked for on all its pages."""
        return {}

    def path(self, **_: object) -> str:
        """The endpoint; a position in the list is a query parameter."""
        return self.endpoint

    def request_params(self, *_: object, **__: object) -> MutableMapping[str, Any]:
        """`{"limit": 250, "body-format": "storage", "cursor": "eyJpZCI6…"}`."""
        left_out = self.heavy if self._is_light else {}
        query = {name: value for name, value in self.query.items() if name not in left_out}
        return {"limit": self._pager.limit, **query, **self._position}

    def request_kwargs(self, *_: object, **__: object) -> Mapping[str, Any]:
        """Every request ends, and ends where it was sent; the body is left to `body_of`."""
        return {
            "timeout": (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
            "allow_redirects": False,
            "stream": True,
        }

    def get_backoff_strategy(self) -> BackoffStrategy:
        """The one that all streams share."""
        return self._sync.backoff

    def get_error_handler(self) -> ErrorHandler:
        """Knows this stream's name and permission, for messages that tell the user what to do."""
        return AnswerHandler(
            self._request,
            decode=self._page,
            retries=lambda failure: self._fetcher.retries(failure),  # noqa: PLW0108 (one per read)
            stop=self._sync.stop,
            logger=self.logger,
        )

    def get_error_display_message(self, exception: BaseException) -> str:
        """The text for a failure that the answers themselves do not show."""
        if isinstance(exception, BrokenPagingError):
            return errors.BROKEN_PAGING.message(self._request, detail=str(exception))
        return of_exception(exception).message(self._request, detail=detail_of(exception))

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[StreamData]:
        """The records of one page, in the order of the site; the state then leads to the next one.

        The CDK calls it again and prints the state after each page, until that is `COMPLETE`.
        Overriding it also keeps the CDK from adding a cursor of its own to the stream, whose last
        state would make the next sync read nothing.

        Raises:
            FinalFailureError: When a request fails for good, when the site does not know the
                account, so that it shows what visitors may see, and when we are told to stop.
            BrokenPagingError: When the site does not lead to the end of the list.
        """
        try:
            self._sync.stop.raise_if_asked()
            yield from self._read_page()
        except (FinalFailureError, BrokenPagingError):
            self._records_of.tell_count()
            raise
        except StoppedError as stopped:
            self._records_of.tell_count()
            message = errors.STOPPED.message(self._request, detail=stopped.signal_name)
            brief = f"told to stop by {stopped.signal_name}"
            raise FinalFailureError(errors.STOPPED, message, brief) from None

    def _read_page(self) -> Iterable[StreamData]:
        is_resumed = self._pager.page_count == 0 and bool(self._position)
        if is_resumed and not (yield from self._resumed()):
            self.logger.warning(
                "%s has nothing where an earlier read of stream '%s' stopped; "
                "reading from the beginning.",
                self._list,
                self.name,
            )
            self._start_over()
            is_resumed = False
        if not is_resumed:
            self._position = self._position or self.pinned()
            yield from self._records(self._fetcher.fetch())
        yield from self._checkpoint()

    def _resumed(self) -> Generator[StreamData, None, bool]:
        """The records where an earlier read stopped; False when there is nothing, or no such place.

        To start over then is sure to miss nothing.
        """
        try:
            records = list(self._records(self._fetcher.fetch()))
        except FinalFailureError as error:
            if error.failure is errors.BAD_REQUEST:
                return False
            raise
        yield from records
        return bool(records) or self._next is not None

    def _ask(self, row_count: int, is_light: bool) -> requests.Response:
        """Make the request that the hooks above describe; HttpStream's own way to do it."""
        self._pager.limit = row_count
        self._is_light = is_light
        _, response = self._fetch_next_page()
        return response

    def _records(self, fetched: Fetched) -> Iterable[StreamData]:
        self._is_light = fetched.is_light
        yield from self.parse_response(fetched.response)
        self._next = self.next_page_token(fetched.response)

    def _checkpoint(self) -> Iterable[StreamData]:
        """Let the state lead to the next page, or be the end.

        Before the first state and before the last one the site must know the account; if it does
        not, no state may stay on which a later read goes on from what visitors were shown.
        """
        if self._pager.page_count == 1 or self._next is None:
            try:
                self._require_to_be_known()
            except FinalFailureError:
                yield start_over(self.name)
                raise
        if self._next is None:
            self._state = dict(COMPLETE)
            self._records_of.tell_count()
        else:
            pins = {name: self._position[name] for name in self.pinned()}
            self._position = {**pins, **self._next}
            self._state = state_at(self._position, of=self._list)

    def _require_to_be_known(self) -> None:
        if not self.shown_to_visitors:
            return
        saw_rows = self._pager.row_count > 0
        self._throttle.acquire_call(None)
        with self._sync.stop.interruptible():
            require_to_be_known(self._site, self._sync.authenticator, saw_rows=saw_rows)

    def parse_response(self, response: requests.Response, **_: object) -> Iterable[Any]:
        """The rows of an answer, as records; those that had to be changed say so."""
        page = self._page(response)
        rows = self._pager.admit(page)
        return self._records_of.rows(rows, is_odd=page.is_odd, is_light=self._is_light)

    def next_page_token(self, response: requests.Response) -> Mapping[str, Any] | None:
        """Where to go on after an answer, or None at the end."""
        return self._pager.after(self._page(response))

    def record(self, row: Row) -> Mapping[str, Any]:
        """The record for a row: the row itself, exactly as it came."""
        return row

    @property
    def _list(self) -> str:
        """Host and path: `acme.atlassian.net/wiki/api/v2/pages`."""
        return f"{self._site.host}/{self.endpoint}"

    @property
    def _request(self) -> errors.Request:
        return errors.Request(
            host=self._site.host,
            path=f"/{self.endpoint}",
            permission=self.permission,
            otherwise=f"deselect the stream '{self.name}'",
        )

    def _page(self, response: requests.Response) -> Page:
        """The decoded body; each response is decoded once, however often it is asked for."""
        page = self._pages.get(response)
        if page is None:
            page = self._pages[response] = Page.parse(body_of(response))
        return page
