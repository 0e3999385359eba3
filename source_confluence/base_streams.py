"""Read one list of Confluence: from requests to pages to records."""

from abc import ABC
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import requests
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams.core import StreamData
from airbyte_cdk.sources.streams.http import HttpStream
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy, ErrorHandler
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from requests.auth import AuthBase

from source_confluence import errors
from source_confluence.answers import AnswerHandler, detail_of, of_exception
from source_confluence.check import CheckFailedError, require_to_be_known
from source_confluence.pagination import BrokenPagingError, Page, Pager, Row
from source_confluence.site import Site

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 120
"""Between two pieces of an answer; Confluence itself gives up on a large page after a minute."""


class ConfluenceStream(HttpStream, ABC):
    """A list endpoint, read from its first page to its last.

    A stream declares where its list is and how it is paged; nothing else about it is code.

    Args:
        site: Where to ask.
        authenticator: Signs each request.
        backoff: How long to wait before a request is repeated; one object for all streams.
    """

    endpoint: ClassVar[str]
    """The path of the list: `wiki/api/v2/pages`."""
    query: ClassVar[Mapping[str, str]] = {}
    """What is asked for on every page besides the position: `{"body-format": "storage"}`."""
    pager: ClassVar[type[Pager]]
    """How the list is paged."""
    permission: ClassVar[str]
    """What the account must be allowed, as the end of "the account lacks …"."""

    shown_to_visitors: ClassVar[bool] = False
    """Whether a site that is open to the public gives anonymous visitors a part of the list."""

    primary_key: str = "id"
    page_size: int

    def __init__(self, site: Site, authenticator: AuthBase, backoff: BackoffStrategy) -> None:
        self._site = site
        self._authenticator = authenticator
        self._backoff = backoff
        self._pager = self.pager(self.page_size)
        self._pages: WeakKeyDictionary[requests.Response, Page] = WeakKeyDictionary()
        super().__init__(authenticator=authenticator)

    @property
    def url_base(self) -> str:
        """Every address begins with our own site; no address from an answer is ever used."""
        return self._site.base_url

    @property
    def is_resumable(self) -> bool:
        """False: a sync starts at the first page, whatever state comes along."""
        return False

    def path(
        self,
        *,
        stream_state: Mapping[str, Any] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> str:
        """The endpoint; a position in the list is a query parameter."""
        return self.endpoint

    def request_params(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> MutableMapping[str, Any]:
        """`{"limit": 250, "body-format": "storage", "cursor": "eyJpZCI6…"}`."""
        position = next_page_token or {}
        return {"limit": self._pager.limit, **self.query, **(stream_slice or {}), **position}

    def request_kwargs(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """Every request ends, and ends where it was sent: a redirect is an answer, not followed."""
        return {
            "timeout": (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
            "allow_redirects": False,
        }

    def get_backoff_strategy(self) -> BackoffStrategy:
        """The one that all streams share."""
        return self._backoff

    def get_error_handler(self) -> ErrorHandler:
        """Knows this stream's name and permission, for messages that tell the user what to do."""
        return AnswerHandler(self._request, self._page, self.logger)

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
        """All records, in the order of the site.

        Overriding it also keeps the CDK from adding a cursor of its own to the stream, with which
        it would read one page a call and end in a state that makes the next sync read nothing.

        Raises:
            AirbyteTracedException: When a request fails for good, or when the site does not know
                the account at the end, so that what it showed was what visitors may see.
            BrokenPagingError: When the site does not lead to the end of the list.
        """
        self._pager = self.pager(self.page_size)
        yield from super().read_records(sync_mode, cursor_field, stream_slice, stream_state)
        if self.shown_to_visitors:
            self._require_to_be_known()

    def _require_to_be_known(self) -> None:
        try:
            saw_rows = self._pager.row_count > 0
            require_to_be_known(self._site, self._authenticator, saw_rows=saw_rows)
        except CheckFailedError as error:
            raise AirbyteTracedException(
                message=str(error), failure_type=error.failure.failure_type
            ) from None

    def parse_response(
        self,
        response: requests.Response,
        *,
        stream_state: Mapping[str, Any],
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any]]:
        """The rows of a page, as records."""
        page = self._page(response)
        yield from map(self.record, self._pager.admit(page))

    def next_page_token(self, response: requests.Response) -> Mapping[str, Any] | None:
        """Where to go on after a page, or None at the end."""
        return self._pager.after(self._page(response))

    def record(self, row: Row) -> Mapping[str, Any]:
        """The record for a row: the row itself, exactly as it came."""
        return row

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
            page = self._pages[response] = Page.parse(response.content)
        return page
