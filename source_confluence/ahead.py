"""Fetch the pages that come next, several at a time, and hand them out in the order of the list.

This only saves time: a page that could not be fetched ahead is left to whoever would have fetched
it otherwise, with all the care that is taken there.
"""

import logging
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue

import requests

from source_confluence.body import TooLargeError
from source_confluence.errors import RATE_LIMITED
from source_confluence.page import NotAListError, NotJsonError, Row
from source_confluence.pagination import BrokenPagingError
from source_confluence.parts import FilterIgnoredError, Part, Query
from source_confluence.rate_limit import LONGEST_ASKED_WAIT_SECONDS, Throttle
from source_confluence.state import Position
from source_confluence.sync import Sync
from source_confluence.workers import Answer

MOST_BYTES = 64 * 1024 * 1024
"""Of bodies that wait in the window, as they came; one of more than its share stays out."""

_UNSOUND = (
    TooLargeError,
    requests.RequestException,
    NotJsonError,
    NotAListError,
    BrokenPagingError,
)
_FEWEST_ROWS = 10  # of a page; of smaller ones, two requests take longer than one
_MOST_PAGES_ALONE = 64


class Ahead:
    """A window of pages that are being fetched, one behind the other.

    All that is decided, logged and waited for is so in the thread of the caller; the others ask.

    Args:
        sync: What all streams share: who asks, how often, and whether we were told to stop.
        throttle: What waits for the limit of the site, and says so.
        ask: Makes a request, with the session of a thread.
        rows: How many rows to ask for.
        of: What is read, host and path, for the log.
        logger: Gets a line when something does not go as it should.
    """

    def __init__(  # noqa: PLR0913 (it stands in the middle of all of these)
        self,
        sync: Sync,
        throttle: Throttle,
        *,
        ask: Callable[[requests.Session, Query], requests.Response],
        rows: Callable[[], int],
        of: str,
        logger: logging.Logger,
    ) -> None:
        self._workers = sync.workers
        self._limit = sync.rate_limit
        self._stop = sync.stop
        self._throttle = throttle
        self._ask = ask
        self._rows = rows
        self._of = of
        self._logger = logger
        self._parts: deque[Part] = deque()
        self._answers: SimpleQueue[tuple[Part, Answer]] = SimpleQueue()
        self._page_count = 0
        self._failures_in_a_row = 0
        self._alone_count = 0
        self._most_rows = sys.maxsize
        self._is_off = self._workers.count == 1
        self._most = self._workers.count * 3 // 2 + 1
        self._largest_bytes = MOST_BYTES // self._most

    @property
    def rows(self) -> int:
        """How many rows a page is to have."""
        return min(self._rows(), self._most_rows)

    def begin(self, part: Part) -> None:
        """Go on with a page that was found otherwise, unless that is what we are at."""
        self._page_count += 1
        if not self._parts or self._parts[0].position != part.position:
            self.drop()
            self._alone_count -= 1
            if self._is_off or self._alone_count >= 0 or part.limit < _FEWEST_ROWS:
                return
            self._parts.append(part)
        self._settle_what_came()
        self._ask_for_what_may_be()

    def take(self, position: Position, last_row: Row) -> Part | None:
        """The page at a position, with all that stands in it; None when it must be asked for.

        Args:
            position: Where it begins.
            last_row: The row that left last.

        Raises:
            StoppedError: When we are told to stop while we wait for it.
        """
        self._settle_what_came()
        if not self._parts or self._parts[0].position != position:
            self.drop()
            return None
        head = self._parts[0]
        self._wait_for(head)
        if head.has_failed or not head.follows(last_row):
            self._without(head)
            return None
        self._failures_in_a_row = self._alone_count = 0
        self._ask_for_what_may_be()
        self._parts.popleft()
        return head

    def drop(self) -> None:
        """Forget what is being fetched."""
        for part in self._parts:
            part.has_failed = True  # so what has not been asked yet will not be
        self._parts.clear()

    def _wait_for(self, head: Part) -> None:
        while not head.is_settled:
            if head.body is not None:
                self._read_body(head)
                continue
            self._ask_for_what_may_be()
            self._wait_for_an_answer()
            self._settle_what_came()

    def _without(self, head: Part) -> None:
        """Leave a page to whoever asks for it alone; what is behind it may still be of use."""
        self._parts.popleft()
        self._failures_in_a_row += 1
        self._alone_count = min(2 ** (self._failures_in_a_row - 1) - 1, _MOST_PAGES_ALONE)
        if self._is_off or head.limit > self.rows:
            self.drop()
        self._settle_what_came()

    @property
    def _running_count(self) -> int:
        return sum(part.is_under_way for part in self._parts)

    def _ask_for_what_may_be(self) -> None:
        self._extend()
        while self._running_count < self._workers.count and not self._limit.seconds_to_wait():
            part = self._next_to_ask()
            if part is None:
                return
            self._submit(part)

    def _extend(self) -> None:
        """Add pages to the window, as far as it is known where they begin."""
        while self._parts and len(self._parts) < self._width():
            following = self._parts[-1].next(self.rows)
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
        asked_at, query, answers = self._limit.asking(), part.query(), self._answers

        def task(session: requests.Session) -> None:
            if not part.has_failed:
                answer = Answer.of(lambda: self._ask(session, query), asked_at, self._largest_bytes)
                answers.put((part, answer))

        try:
            self._workers.submit(task, is_urgent=part.is_listing)
        except RuntimeError as error:  # the machine gives us no more threads
            self._is_off = True
            self._give_up(part, str(error))
        else:
            part.is_under_way = True

    def _wait_for_an_answer(self) -> None:
        """Or until the next request may be made; what was read so far is printed first."""
        sys.stdout.flush()
        seconds = self._limit.seconds_to_wait()
        if not self._running_count:
            self._throttle.wait(seconds)
            return
        answer = None
        is_free = self._running_count < self._workers.count
        with self._stop.interruptible(), suppress(Empty):
            answer = self._answers.get(timeout=seconds if seconds and is_free else None)
        if answer is not None:
            self._settle(*answer)

    def _settle_what_came(self) -> None:
        with suppress(Empty):
            while True:
                self._settle(*self._answers.get_nowait())

    def _settle(self, part: Part, answer: Answer) -> None:
        """Learn from an answer; of one that nobody waits for any more, only what it says to all."""
        part.is_under_way = False
        if answer.refusal is not None:
            self._throttle.refused(answer.refusal, answer.asked_at, answer.answered_at)
            part.refusal_count += 1
            is_too_long = answer.refusal.seconds > LONGEST_ASKED_WAIT_SECONDS
            if is_too_long or part.refusal_count > RATE_LIMITED.retries:
                self._give_up(part, answer.failure)
        elif answer.body is None:
            self._give_up(part, answer.failure)
            if answer.is_too_large:
                self._most_rows = max(part.limit // 2, 1)
        else:
            self._throttle.answered(answer.headers)
            part.body = answer.body
            if part.is_listing and not part.has_failed:
                self._read_body(part)

    def _read_body(self, part: Part) -> None:
        """Decode what came; until then it takes a fraction of the memory."""
        try:
            part.read_body()
        except FilterIgnoredError:
            self._is_off = True
            part.has_failed = True
            self._logger.warning(
                "%s gives other rows than those it is asked for by id; "
                "reading on without fetching ahead.",
                self._of,
            )
        except _UNSOUND as error:
            self._give_up(part, str(error))

    def _give_up(self, part: Part, why: str) -> None:
        if not part.has_failed:
            part.has_failed = True
            self._logger.info(
                "Could not fetch ahead from %s (%s); asking once more.", self._of, why
            )
