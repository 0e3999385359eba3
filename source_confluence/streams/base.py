"""Read one list of Confluence: from requests to pages to records."""

from abc import ABC
from collections.abc import Iterable, Mapping, MutableMapping
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlencode

import requests
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams.core import StreamData
from airbyte_cdk.sources.streams.http import HttpStream
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy, ErrorHandler

from source_confluence.failures import table as errors
from source_confluence.failures.classify import (
    AnswerHandler,
    FinalFailureError,
    detail_of,
    of_exception,
)
from source_confluence.identity import require_to_be_known
from source_confluence.limits.backoff import exponential_seconds
from source_confluence.limits.rate_limit import Throttle
from source_confluence.paging.page import Row
from source_confluence.paging.pager import BrokenPagingError, Pager, row_key
from source_confluence.paging.plan import Part, Query, Wanted
from source_confluence.reading.context import Sync
from source_confluence.reading.lookahead import Ahead
from source_confluence.reading.page_size import Fetcher, PageSize
from source_confluence.reading.reader import Reading
from source_confluence.reading.state import COMPLETE, Position, position_in, start_over
from source_confluence.records.records import Records
from source_confluence.shutdown import StoppedError
from source_confluence.transport.decoder import Decoder

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

    part: ClassVar[type[Part] | None] = None
    """How its pages can be fetched before they are needed, if they can."""

    primary_key: str = "id"
    page_size: int

    _reading: Reading

    def __init__(self, sync: Sync) -> None:
        self._sync = sync
        self._site = sync.site
        self._decoder = Decoder(is_linked=self.pager.is_linked)
        self._throttle = Throttle(sync.rate_limit, self.name, self._list, self.logger, sync.stop)
        self._reading = self._begin()
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
        return dict(self._reading.state)

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        """Begin a read: where an earlier one stopped, else at the first page."""
        self._reading.close()
        self._reading = self._begin()
        if not value or value == COMPLETE:
            return
        like = {**self.pager.example, **self.pinned()}
        position = position_in(value, of=self._list, like=like, mark=self.pager.example_mark)
        if position is None:
            self.logger.warning(
                "The state of stream '%s' is not one that this connector has made for %s; "
                "reading from the beginning.",
                self.name,
                self._list,
            )
            return
        self.logger.info("Going on where an earlier read of stream '%s' stopped.", self.name)
        self._reading.begin_at(position)

    def _begin(self) -> Reading:
        self._fetcher = Fetcher(
            PageSize(self.page_size),
            ask=self._ask,
            pause=lambda: self._throttle.wait(exponential_seconds(1)),
            has_light_form=bool(self.heavy),
            logger=self.logger,
        )
        ahead = Ahead(
            self._sync,
            self._throttle,
            ask=self._ask_aside,
            size=self._fetcher,
            of=self._list,
            logger=self.logger,
        )
        warn = partial(self.logger.warning, "%s %s", self._list)
        return Reading(
            of=self._list,
            pins=self.pinned(),
            pager=self.pager(self.page_size, key=self.key, warn=warn),
            fetcher=self._fetcher,
            decode=self._decoder.page,
            ahead=ahead,
            part=self.part,
            wanted=Wanted(query=self.query, light=self._query(is_light=True)),
            records=Records(
                self.name, self.record, left_out=list(self.heavy.values()), logger=self.logger
            ),
        )

    def pinned(self) -> Mapping[str, int]:
        """What is decided when a read begins, and asked for on all its pages."""
        return {}

    def path(self, **_: object) -> str:
        """The endpoint; a position in the list is a query parameter."""
        return self.endpoint

    def request_params(
        self, *_: object, next_page_token: Mapping[str, Any] | None = None, **__: object
    ) -> MutableMapping[str, Any]:
        """`{"limit": 250, "body-format": "storage", "cursor": "eyJpZCI6…"}`, from `_ask`."""
        return dict(next_page_token or {})

    def _query(self, *, is_light: bool) -> Query:
        left_out = self.heavy if is_light else {}
        return {name: value for name, value in self.query.items() if name not in left_out}

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
            lambda: self._request,
            decode=self._decoder.page,
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
        is_sound = False
        try:
            self._sync.stop.raise_if_asked()
            yield from self._read_page()
            is_sound = True
        except StoppedError as stopped:
            message = errors.STOPPED.message(self._request, detail=stopped.signal_name)
            brief = f"told to stop by {stopped.signal_name}"
            raise FinalFailureError(errors.STOPPED, message, brief) from None
        finally:
            if not is_sound:
                self._reading.close()

    def _read_page(self) -> Iterable[StreamData]:
        if not self._reading.is_resumed:
            yield from self._reading.records()
        elif not (yield from self._reading.resumed_records()):
            self.logger.warning(
                "%s has nothing where an earlier read of stream '%s' stopped; "
                "reading from the beginning.",
                self._list,
                self.name,
            )
            self._reading.close()
            self._reading = self._begin()
            yield from self._reading.records()
        yield from self._checkpoint()

    def _ask(self, position: Position, row_count: int, is_light: bool) -> requests.Response:
        """Make the request that the hooks above describe; HttpStream's own way to do it."""
        query = {"limit": row_count, **self._query(is_light=is_light), **position}
        _, response = self._fetch_next_page(next_page_token=query)
        return response

    def _ask_aside(self, session: requests.Session, query: Query) -> requests.Response:
        """Make a request in another thread, without the CDK.

        `requests` would escape the commas between 250 ids in 0.6 ms.
        """
        url = f"{self._site.url(self.endpoint)}?{urlencode(query, safe=',')}"
        return session.get(url, **self.request_kwargs())

    def _checkpoint(self) -> Iterable[StreamData]:
        """Let the state lead to the next page, or be the end.

        Before the first state and before the last one the site must know the account; if it does
        not, no state may stay on which a later read goes on from what visitors were shown.
        """
        if self._reading.is_at_an_end:
            try:
                self._require_to_be_known()
            except FinalFailureError:
                yield start_over(self.name)
                raise
        self._reading.advance()

    def _require_to_be_known(self) -> None:
        if not self.shown_to_visitors:
            return
        self._throttle.acquire_call(None)
        rows = self._reading.row_count
        with self._sync.stop.interruptible():
            require_to_be_known(self._site, self._sync.questioner, saw_rows=rows > 0)

    def parse_response(self, response: requests.Response, **_: object) -> Iterable[Any]:
        """The rows of an answer; asked for by the CDK's own `read_records`, not by ours."""
        return self._decoder.page(response).rows

    def next_page_token(self, response: requests.Response) -> None:
        """None, for the same reason; `reading` knows where to go on."""

    def record(self, row: Row) -> Mapping[str, Any]:
        """The record for a row: the row itself, exactly as it came."""
        return row

    def key(self, row: Row) -> str:
        """What tells a row from the others of its list, also when it is read again later."""
        return row_key(row)

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
            place=self._reading.place,
        )
