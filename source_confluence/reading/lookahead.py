"""Fetch the pages that come next, several at a time, and hand them out in the order of the list.

This only saves time: a page that could not be fetched ahead is left to whoever would have fetched
it otherwise, with all the care that is taken there.
"""

import logging
import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

import requests

from source_confluence.failures.table import RATE_LIMITED
from source_confluence.limits.headers import LONGEST_ASKED_WAIT_SECONDS, Heard
from source_confluence.limits.rate_limit import Throttle
from source_confluence.paging.page import NotAListError, NotJsonError
from source_confluence.paging.pager import BrokenPagingError
from source_confluence.paging.plan import FilterIgnoredError, Part, Query
from source_confluence.reading.context import Sync
from source_confluence.reading.state import Position
from source_confluence.transport.body import TooLargeError
from source_confluence.transport.workers import Answer

MOST_BYTES = 64 * 1024 * 1024
"""Of bodies that wait in the window, as they came; one of more than its share stays out."""

_UNSOUND = (
    requests.RequestException,
    NotJsonError,
    NotAListError,
    BrokenPagingError,
)
_FEWEST_ROWS = 10  # of a page; of smaller ones, two requests take longer than one
_MOST_PAGES_ALONE = 64


class Size(Protocol):
    """How many rows to ask for."""

    @property
    def rows(self) -> int:
        """Just now."""

    def was_too_much(self, rows: int) -> None:
        """So many were more than may wait in memory."""


class Ahead:
    """A window of pages that are being fetched, one behind the other.

    All that is decided, logged and waited for is so in the thread of the caller; the others ask.

    Args:
        sync: What all streams share: who asks, how often, and whether we were told to stop.
        throttle: What waits for the limit of the site, and says so.
        ask: Makes a request, with the session of a thread.
        size: How many rows to ask for; it hears when that was too much.
        of: What is read, host and path, for the log.
        logger: Gets a line when something does not go as it should.
    """

    def __init__(  # noqa: PLR0913 (it stands in the middle of all of these)
        self,
        sync: Sync,
        throttle: Throttle,
        *,
        ask: Callable[[requests.Session, Query], requests.Response],
        size: Size,
        of: str,
        logger: logging.Logger,
    ) -> None:
        self._workers = sync.workers
        self._limit = sync.rate_limit
        self._stop = sync.stop
        self._throttle = throttle
        self._ask = ask
        self._size = size
        self._of = of
        self._logger = logger
        self._parts: deque[Part] = deque()
        self._page_count = 0
        self._failures_in_a_row = 0
        self._pages_to_read_alone = 0
        self._is_off = self._workers.count == 1
        self._most = self._workers.count * 3 // 2 + 1
        self._largest_bytes = MOST_BYTES // self._most

    def begin(self, part: Part) -> None:
        """Go on with a page that was found otherwise, unless that is what we are at."""
        self._page_count += 1
        if not self._parts or self._parts[0].position != part.position:
            self.drop()
            if self._pages_to_read_alone:
                self._pages_to_read_alone -= 1
                return
            if self._is_off or part.limit < _FEWEST_ROWS:
                return
            self._parts.append(part)
        self._workers.settle()
        self._ask_for_what_may_be()

    def take(self, position: Position) -> Part | None:
        """The page at a position, with all that stands in it; None when it must be asked for.

        Raises:
            StoppedError: When we are told to stop while we wait for it.
        """
        self._workers.settle()
        if not self._parts or self._parts[0].position != position:
            self.drop()
            return None
        head = self._parts[0]
        self._wait_for(head)
        if not self._parts:
            return None
        if head.has_failed:
            self._fail(head)
            return None
        self._failures_in_a_row = 0
        if head.is_end:
            self.drop()
            return head
        self._ask_for_what_may_be()
        self._parts.popleft()
        return head

    def go_on(self) -> None:
        """Take what came, and ask for what it leads to, while the rows of the page leave."""
        self._workers.settle()
        if self._parts:
            self._ask_for_what_may_be()

    def drop(self) -> None:
        """Forget what is being fetched."""
        for part in self._parts:
            part.has_failed = True  # what still comes for it is not looked at
        self._parts.clear()

    def _wait_for(self, head: Part) -> None:
        while not head.is_settled:
            if head.body is not None:
                self._read_body(head)
                continue
            self._ask_for_what_may_be()
            if not self._parts:
                return
            if not (self._is_under_way or self._workers.is_free):
                head.has_failed = True  # all are busy with what nobody wants any more
                return
            self._wait_for_an_answer()
            self._workers.settle()

    @property
    def _is_under_way(self) -> bool:
        return any(part.is_under_way for part in self._parts)

    def _fail(self, head: Part) -> None:
        """Leave a page to whoever asks for it alone; what is behind it may still be of use.

        After failures in a row, 1, 3, 7 … pages are read alone before it is tried again.
        """
        self._parts.popleft()
        self._failures_in_a_row += 1
        self._pages_to_read_alone = min(2 ** (self._failures_in_a_row - 1) - 1, _MOST_PAGES_ALONE)
        if self._is_off or head.limit > self._size.rows:
            self.drop()
        self._workers.settle()

    def _ask_for_what_may_be(self) -> None:
        self._leave_what_is_slower()
        self._extend()
        while self._workers.is_free and not self._seconds_to_wait():
            part = self._next_to_ask()
            if part is None:
                return
            self._submit(part)

    def _seconds_to_wait(self) -> float:
        return self._throttle.seconds_to_wait(is_beside_others=self._workers.is_busy)

    def _is_slower(self, part: Part) -> bool:
        """Whether the page comes sooner in turn, with one request, while the site refuses some."""
        return self._throttle.answer_seconds < self._limit.seconds_for(part.request_count)

    def _leave_what_is_slower(self) -> None:
        """Take out of the window what was not begun, when it is sooner there in turn."""
        if self._parts and self._is_slower(self._parts[0]):
            while self._parts and not self._parts[-1].is_begun:
                self._parts.pop().has_failed = True

    def _extend(self) -> None:
        """Add pages to the window, as far as it is known where they begin."""
        if not self._parts or self._parts[-1].is_last or self._is_slower(self._parts[0]):
            return
        while self._parts and len(self._parts) < self._width():
            following = self._parts[-1].next(self._size.rows)
            if following is None:
                return
            self._parts.append(following)

    def _width(self) -> int:
        """Pages in the window: enough that no thread waits for the slowest of them."""
        return min(self._most, self._parts[0].most_in_doubt(self._page_count))

    def _next_to_ask(self) -> Part | None:
        """What leads on goes first, then what is needed first."""
        waiting = [part for part in self._parts if part.is_waiting]
        listing = next((part for part in waiting if part.is_listing), None)
        return listing or next(iter(waiting), None)

    def _submit(self, part: Part) -> None:
        """Have the next request of a part made.

        The threads are never given more than they can do at once: what waited in their queue
        would be sent after a refusal that nobody could foresee.
        """
        asked_at, query = self._limit.asking(), part.query()

        def ask(session: requests.Session) -> Answer:
            return Answer.of(
                lambda: self._ask_and_hear(session, query, asked_at), self._largest_bytes
            )

        try:
            self._workers.submit(ask, partial(self._settle, part))
        except RuntimeError as error:  # the machine gives us no more threads
            self._is_off = True
            self._give_up(part, str(error))
        else:
            part.is_under_way = True

    def _ask_and_hear(
        self, session: requests.Session, query: Query, asked_at: float
    ) -> requests.Response:
        response = self._ask(session, query)
        self._limit.hear(Heard.of(response, asked_at))
        return response

    def _wait_for_an_answer(self) -> None:
        """Or until the next request may be made; what was read so far is printed first."""
        sys.stdout.flush()
        seconds = self._seconds_to_wait()
        if not self._is_under_way:
            self._throttle.wait(seconds)
            return
        is_held_back = self._workers.is_free and self._next_to_ask() is not None
        with self._stop.interruptible():
            self._workers.wait(seconds if is_held_back else None)

    def _settle(self, part: Part, answer: Answer) -> None:
        """Take an answer; it may come when nobody wants it any more."""
        part.is_under_way = False
        if answer.refusal is not None:
            part.refusal_count += 1
            is_too_long = answer.refusal.seconds > LONGEST_ASKED_WAIT_SECONDS
            if is_too_long or part.refusal_count > RATE_LIMITED.retries:
                self._give_up(part, answer.failure)
        elif answer.body is None:
            self._give_up(part, answer.failure, is_too_large=answer.is_too_large)
        else:
            part.body = answer.body
            if not part.is_listing:
                self._throttle.answer_seconds = answer.seconds
            if part.is_listing and not part.has_failed:
                self._read_body(part)

    def _read_body(self, part: Part) -> None:
        """Decode what came; until then it takes a fraction of the memory."""
        try:
            part.read_body(self._largest_bytes if part.is_listing else None)
        except FilterIgnoredError:
            self._is_off = True
            part.has_failed = True
            self._logger.warning(
                "%s gives other rows than those it is asked for by id; "
                "reading on without fetching ahead.",
                self._of,
            )
        except TooLargeError as error:
            self._give_up(part, str(error), is_too_large=True)
        except _UNSOUND as error:
            self._give_up(part, str(error))

    def _give_up(self, part: Part, why: str, *, is_too_large: bool = False) -> None:
        if not part.has_failed:
            part.has_failed = True
            if is_too_large:
                self._size.was_too_much(part.limit)
            self._logger.info(
                "Could not fetch ahead from %s (%s); asking once more.", self._of, why
            )
