"""Read one list page by page: where the read is, where it goes on, and where it ends."""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import requests
from airbyte_cdk.sources.streams.core import StreamData

from source_confluence.failures.classify import FinalFailureError
from source_confluence.failures.table import BAD_REQUEST
from source_confluence.paging.page import Page
from source_confluence.paging.pager import Pager
from source_confluence.paging.plan import Part, Wanted
from source_confluence.reading.lookahead import Ahead
from source_confluence.reading.page_size import Fetcher
from source_confluence.reading.state import COMPLETE, Position, state_at
from source_confluence.records.records import Records

_ROWS_BETWEEN = 25  # so many leave in less than a millisecond


@dataclass(frozen=True, slots=True, kw_only=True)
class _Came:
    """The page at a position.

    Args:
        page: What stands in it.
        is_light: Whether it had to be asked for without what is heavy.
        part: How it was fetched ahead, if it was.
    """

    page: Page
    is_light: bool = False
    part: Part | None = None


class Reading:
    """One read of one list.

    Args:
        of: The list, host and path, as the state names it.
        pins: What was decided when the read began, and is asked for on all pages.
        pager: Leads from page to page.
        fetcher: Gets a page in whatever size the site can manage.
        decode: Reads an answer that the fetcher got.
        ahead: Gets pages before they are needed.
        part: The kind of page it gets; None when it is to get none.
        wanted: What it asks for.
        records: Makes records of the rows.

    Attributes:
        position: Where the page begins that is read next.
        state: What leads there: empty for the first page, `COMPLETE` after the last.
        is_resumed: Whether it began where an earlier read stopped, and has read nothing so far.
    """

    def __init__(  # noqa: PLR0913 (it holds them together)
        self,
        *,
        of: str,
        pins: Position,
        pager: Pager,
        fetcher: Fetcher,
        decode: Callable[[requests.Response], Page],
        ahead: Ahead,
        part: type[Part] | None,
        wanted: Wanted,
        records: Records,
    ) -> None:
        self.position = pins
        self.state: Mapping[str, Any] = {}
        self.is_resumed = False
        self._of = of
        self._pins = pins
        self._pager = pager
        self._fetcher = fetcher
        self._decode = decode
        self._ahead = ahead
        self._part = part
        self._wanted = wanted
        self._records = records
        self._next: Position | None = None

    @property
    def is_at_an_end(self) -> bool:
        """Whether the page read last is the first one, or there is none behind it."""
        return self._pager.page_count == 1 or self._next is None

    @property
    def place(self) -> str:
        """Where the page is that is read next, for people: `at the offset 2000`."""
        return self._pager.place

    @property
    def row_count(self) -> int:
        """How many rows there were so far."""
        return self._pager.row_count

    def begin_at(self, position: Position) -> None:
        """Begin where an earlier read stopped."""
        mark = {name: position[name] for name in self._pager.example_mark if name in position}
        self._pins = {name: position[name] for name in self._pins}
        self.position = {name: position[name] for name in position if name not in mark}
        self.state = state_at(position, of=self._of)
        self.is_resumed = True
        self._pager.begin_at(mark)

    def records(self) -> Iterable[StreamData]:
        """The records of the page at the position, whether or not it was fetched ahead.

        Raises:
            FinalFailureError: When the site does not give it.
            BrokenPagingError: When it does not lead on to the next page.
        """
        return self._records_of(self._page())

    def resumed_records(self) -> Generator[StreamData, None, bool]:
        """The records where an earlier read stopped; False when there is nothing, or no such place.

        To start over then is sure to miss nothing.
        """
        try:
            came = self._page()
        except FinalFailureError as error:
            if error.failure is BAD_REQUEST:
                return False
            raise
        if not self._pager.is_there(came.page):
            return False
        yield from self._records_of(came)
        return True

    def _page(self) -> _Came:
        """The page at the position, looked at again where the first look proves nothing."""
        self._begin_ahead()
        look = self._pager.look(self.position)
        part = self._ahead.take(self.position)
        if part is not None and part.page is not None:
            self._pager.limit = part.limit
            self._fetcher.succeeded(part.limit)
            came = _Came(page=part.page, part=part)
        else:
            came = self._fetched(look)
        while (another := self._pager.second_look(came.page)) is not None:
            came = self._fetched(another)
        return replace(came, page=self._pager.settled(came.page))

    def _fetched(self, look: Position) -> _Came:
        fetched = self._fetcher.fetch({**self._pins, **look})
        self._pager.limit = fetched.rows
        return _Came(page=self._decode(fetched.response), is_light=fetched.is_light)

    def _begin_ahead(self) -> None:
        """Begin with the first page; the ones behind it lead on from page to page."""
        if self._part is None or self._pager.page_count or self.is_resumed:
            return
        part = self._part.first(self.position, self._fetcher.rows, self._wanted)
        if part is not None:
            self._ahead.begin(part)

    def _records_of(self, came: _Came) -> Iterable[StreamData]:
        page = came.page
        rows = self._pager.admit(page)
        for start in range(0, len(rows), _ROWS_BETWEEN):
            some = rows[start : start + _ROWS_BETWEEN]
            yield from self._records.rows(some, is_odd=page.is_odd, is_light=came.is_light)
            if came.part is not None:
                self._ahead.go_on()
        token = self._pager.after(page)
        self._next = None if token is None else {**self._pins, **token}
        following = self._following(came)
        if following is not None:
            self._ahead.begin(following)

    def _following(self, came: _Came) -> Part | None:
        """How to fetch the page behind that one ahead."""
        if self._next is None or self._part is None:
            return None
        if came.part is not None and not came.part.is_end:
            return came.part.next(self._fetcher.rows)
        given, rows = len(came.page.rows), self._fetcher.rows
        part = self._part.behind(given, self._next, rows, self._wanted)
        if part is not None:
            part.is_last = self._pager.is_likely_end
        return part

    def advance(self) -> None:
        """Let the position, and the state, lead to the next page, or be the end."""
        self.is_resumed = False
        if self._next is None:
            self.state = COMPLETE
            self.close()
        else:
            self.position = self._next
            self.state = state_at({**self.position, **self._pager.mark}, of=self._of)

    def close(self) -> None:
        """End it, at its end or before."""
        self._ahead.drop()
        self._records.tell_count()
