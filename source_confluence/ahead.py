"""Fetch the pages that come next, several at a time, and hand them out in the order of the list.

This only saves time: a page that could not be fetched ahead is left to whoever would have fetched
it otherwise, with all the care that is taken there.
"""

import logging
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

import requests

from source_confluence.answers import failure_of
from source_confluence.body import PackedBody, TooLargeError, packed_body_of
from source_confluence.errors import RATE_LIMITED
from source_confluence.page import NotAListError, NotJsonError
from source_confluence.pagination import BrokenPagingError
from source_confluence.parts import FilterIgnoredError, Part, Query
from source_confluence.rate_limit import (
    LONGEST_ASKED_WAIT_SECONDS,
    Throttle,
    refusal_seconds,
)
from source_confluence.state import Position
from source_confluence.sync import Sync

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

Ask = Callable[[requests.Session, Query], requests.Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one request.

    Args:
        part: What it was made for.
        asked_at: When.
        body: What was answered.
        failure: What is wrong with it, when there is none: `HTTP 500`.
        refusal_seconds: How long we are to wait, when it was refused.
        headers: What else the site says.
    """

    part: Part
    asked_at: float
    body: PackedBody | None = None
    failure: str = ""
    refusal_seconds: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


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
        ask: Ask,
        rows: Callable[[], int],
        of: str,
        logger: logging.Logger,
    ) -> None:
        self._workers = sync.workers
        self._limit = sync.rate_limit
        self._pace = sync.pace
        self._stop = sync.stop
        self._throttle = throttle
        self._ask = ask
        self._rows = rows
        self._of = of
        self._logger = logger
        self._parts: deque[Part] = deque()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._taken_count = 0
        self._failures_in_a_row = 0
        self._alone_count = 0
        self._is_off = self._workers.count == 1
        self._most = self._workers.count * 3 // 2 + 1

    def begin(self, part: Part) -> None:
        """Go on with a page that was found otherwise, unless that is what we are at."""
        if self._parts and self._parts[0].position == part.position:
            return
        self.drop()
        self._alone_count -= 1
        if self._is_off or self._alone_count >= 0 or part.limit < _FEWEST_ROWS:
            return
        self._parts.append(part)
        self._ask_for_what_may_be()

    def take(self, position: Position) -> Part | None:
        """The page at a position, with all that stands in it; None when it must be asked for.

        Raises:
            StoppedError: When we are told to stop while we wait for it.
        """
        if not self._parts or self._parts[0].position != position:
            self.drop()
            return None
        head = self._parts[0]
        self._settle_what_came()
        while not head.is_settled:
            if head.body is None:
                self._ask_for_what_may_be()
                self._wait_for_an_answer()
                self._settle_what_came()
            else:
                self._read_body(head)
        if head.has_failed:
            self._parts.popleft()
            if self._is_off:
                self.drop()
            self._failures_in_a_row += 1
            self._alone_count = min(2 ** (self._failures_in_a_row - 1) - 1, _MOST_PAGES_ALONE)
            return None
        self._failures_in_a_row = 0
        self._taken_count += 1
        self._ask_for_what_may_be()
        self._parts.popleft()
        return head

    def drop(self) -> None:
        """Forget what is being fetched."""
        for part in self._parts:
            part.has_failed = True  # so what has not been asked yet will not be
        self._parts.clear()
        self._answers = SimpleQueue()
        self._taken_count = 0

    @property
    def _running_count(self) -> int:
        return sum(part.is_under_way for part in self._parts)

    def _ask_for_what_may_be(self) -> None:
        self._extend()
        while not self._seconds_to_wait():
            part = self._next_to_ask()
            if part is None:
                return
            self._submit(part)

    def _extend(self) -> None:
        """Add pages to the window, as far as it is known where they begin."""
        while self._parts and len(self._parts) < self._width():
            following = self._parts[-1].next(self._rows())
            if following is None:
                return
            self._parts.append(following)

    def _width(self) -> int:
        """Pages in the window: enough that no thread waits for the slowest of them."""
        return min(self._most, self._parts[0].most_in_doubt(self._taken_count))

    def _next_to_ask(self) -> Part | None:
        """What leads on goes first, then what is needed first."""
        if self._pace.interval_seconds and self._running_count >= self._workers.count:
            return None
        waiting = [part for part in self._parts if part.is_waiting]
        listing = next((part for part in waiting if part.is_listing), None)
        if listing is not None or not waiting:
            return listing
        return waiting[0]

    def _seconds_to_wait(self) -> float:
        return max(self._limit.seconds_to_wait(), self._pace.seconds_to_wait())

    def _submit(self, part: Part) -> None:
        self._limit.asking()
        asked_at = self._pace.asking()
        part.is_under_way = True
        query, answers = part.query(), self._answers

        def task(session: requests.Session) -> None:
            if not part.has_failed:
                answers.put(self._answer(session, part, query, asked_at))

        self._workers.submit(task, is_urgent=part.is_listing)

    def _answer(
        self, session: requests.Session, part: Part, query: Query, asked_at: float
    ) -> Answer:
        """Ask, in a thread that must not end by an exception."""
        bodies: list[PackedBody] = []
        try:
            response = self._ask(session, query)
            _, detail = failure_of(
                response,
                lambda sound: bodies.append(packed_body_of(sound, MOST_BYTES // self._most)),
                LONGEST_ASKED_WAIT_SECONDS,
            )
        except Exception as error:  # noqa: BLE001 (whoever asks again meets it again)
            return Answer(part=part, asked_at=asked_at, failure=type(error).__name__)
        return Answer(
            part=part,
            asked_at=asked_at,
            body=bodies[0] if bodies else None,
            failure=f"HTTP {response.status_code} {detail}".strip(),
            refusal_seconds=refusal_seconds(response),
            headers=response.headers,
        )

    def _wait_for_an_answer(self) -> None:
        """Or until the next request may be made; what was read so far is printed first."""
        sys.stdout.flush()
        seconds = self._seconds_to_wait()
        if not self._running_count:
            self._throttle.wait(seconds)
            return
        answer = None
        with self._stop.interruptible(), suppress(Empty):
            answer = self._answers.get(timeout=seconds or None)
        if answer is not None:
            self._settle(answer)

    def _settle_what_came(self) -> None:
        with suppress(Empty):
            while True:
                self._settle(self._answers.get_nowait())

    def _settle(self, answer: Answer) -> None:
        part = answer.part
        part.is_under_way = False
        if answer.refusal_seconds is not None:
            self._slow_down(part, answer, answer.refusal_seconds)
        elif answer.body is None:
            self._give_up(part, answer.failure)
        else:
            self._limit.answered(answer.headers)
            self._throttle.tell_once()
            self._pace.answered()
            part.body = answer.body
            if part.is_listing:
                self._read_body(part)

    def _read_body(self, part: Part) -> None:
        """Decode what came; until then it takes less than half the memory."""
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

    def _slow_down(self, part: Part, answer: Answer, seconds: float) -> None:
        """The site has refused: all wait, and from then on ask less often."""
        part.refusal_count += 1
        if seconds > LONGEST_ASKED_WAIT_SECONDS or part.refusal_count > RATE_LIMITED.retries:
            self._give_up(part, answer.failure)
            return
        self._limit.refused(seconds, answer.headers.get("RateLimit-Reason"))
        if self._pace.refused(answer.asked_at, seconds):
            self._logger.info(
                "%s asks us to slow down (%s); asking no more often than every %.2f seconds, "
                "and from then on slowly more often again.",
                self._of,
                answer.failure,
                self._pace.interval_seconds,
            )

    def _give_up(self, part: Part, why: str) -> None:
        part.has_failed = True
        self._logger.info("Could not fetch ahead from %s (%s); asking once more.", self._of, why)
