"""Fetch the next pages before they are needed, several at a time, and give them out in order.

This only saves time. A page that could not be fetched ahead is asked for sequentially, with all the
care that is taken there.
"""

from collections import deque
from functools import partial

import requests

from source_confluence import output
from source_confluence.exceptions import FilterIgnoredError, TooLargeError
from source_confluence.failures.table import RATE_LIMITED, TOO_LARGE
from source_confluence.limits.headers import MAX_ASKED_WAIT_SECONDS
from source_confluence.paging.page import Page
from source_confluence.paging.pager import Position
from source_confluence.paging.plan import Plan
from source_confluence.reading.context import ListContext
from source_confluence.reading.page_size import PageSize
from source_confluence.reading.page_source import Batch, PageSource
from source_confluence.reading.slot import UNSOUND, Slot
from source_confluence.transport.exchange import Answer, Bounds

MAX_WINDOW_BYTES = 64 * 1024 * 1024
"""Of compressed bodies in the window; one of more than its share is fetched sequentially."""

_MIN_ROWS = 10  # of a page; of smaller ones, two requests take longer than one
_MAX_SEQUENTIAL_PAGES = 64


class Lookahead:
    """A window of consecutive pages that are being fetched.

    The caller's thread decides, logs and waits; workers only send.

    Args:
        context: Which list, for which stream.
        sequential: Gets the pages that do not come ahead.
        page_size: How many rows to ask for.
    """

    def __init__(self, context: ListContext, sequential: PageSource, page_size: PageSize) -> None:
        self._listing = context.listing
        self._subject = context.subject
        self._throttle = context.throttle
        self._progress = context.progress
        self._logger = context.logger
        self._client = context.sync.client
        self._workers = context.sync.workers
        self._limit = context.sync.rate_limit
        self._stop = context.sync.stop
        self._sequential = sequential
        self._page_size = page_size
        self._slots: deque[Slot] = deque()
        self._page_count = 0
        self._most_rows = 0
        self._last_seconds = float("inf")
        self._failures_in_a_row = 0
        self._pages_to_read_sequentially = 0
        self._is_off = False
        self._max_slots = self._workers.count * 3 // 2 + 1
        self._max_bytes = MAX_WINDOW_BYTES // self._max_slots

    def page_at(self, position: Position, place: str) -> Batch:
        """The page at a position, fetched ahead if possible; then the pages behind it are."""
        if not self._page_count:
            paging, rows = self._listing.paging, self._page_size.rows
            self._start_window(paging.first_plan(self._listing, position, rows), rows)
        batch = self._fetched_ahead(position) or self._sequential.page_at(position, place)
        self._page_count += 1
        self._last_seconds = batch.seconds
        self._start_window(self._plan_behind(position, batch.page), batch.page.asked_rows)
        return batch

    def advance(self) -> None:
        """Take what came, and ask for what it leads to."""
        self._workers.settle()
        if self._slots:
            self._fill_window()

    def close(self) -> None:
        """Forget what is being fetched."""
        for slot in self._slots:
            slot.is_given_up = True  # what still comes for it is not looked at
        self._slots.clear()

    def _plan_behind(self, position: Position, page: Page) -> Plan | None:
        full_rows = min(self._most_rows or page.asked_rows, page.asked_rows)
        self._most_rows = max(self._most_rows, len(page.rows))
        return self._listing.paging.plan_behind(
            self._listing, position, page, self._page_size.rows, full_rows
        )

    def _start_window(self, plan: Plan | None, tried_rows: int) -> None:
        """Let the window begin with a page, unless that is where it begins already.

        A page size that has just grown is tried sequentially first: once, not by all slots.
        """
        if plan is None:
            self.close()
            return
        if not self._slots or self._slots[0].plan.position != plan.position:
            self.close()
            if self._pages_to_read_sequentially:
                self._pages_to_read_sequentially -= 1
                return
            if self._is_off or not _MIN_ROWS <= plan.rows <= tried_rows:
                return
            self._slots.append(Slot(plan))
        self._workers.settle()
        self._fill_window()

    def _fetched_ahead(self, position: Position) -> Batch | None:
        """The page at a position, if it is in the window; waits until it is whole."""
        self._workers.settle()
        if not self._slots or self._slots[0].plan.position != position:
            self.close()
            return None
        head = self._slots[0]
        self._wait_for(head)
        if not self._slots:
            return None
        if head.page is None:
            self._give_up_window_behind(head)
            return None
        self._failures_in_a_row = 0
        self._page_size.succeeded(head.plan.rows)
        if head.is_end:
            self.close()
        else:
            self._fill_window()
            if self._slots:  # it is closed when there is no way in for the moment
                self._slots.popleft()
        return Batch(page=head.page, seconds=head.seconds)

    def _wait_for(self, head: Slot) -> None:
        while not head.is_settled:
            if head.body is not None:
                self._read_body(head)
                continue
            self._fill_window()
            if not self._slots:
                return
            if not (self._is_in_flight or self._workers.is_free):
                head.is_given_up = True  # all workers are busy with what nobody wants any more
                return
            self._wait_for_an_answer()
            self._workers.settle()

    @property
    def _is_in_flight(self) -> bool:
        return any(slot.is_in_flight for slot in self._slots)

    def _give_up_window_behind(self, head: Slot) -> None:
        """Leave a page to the sequential way; what is behind it may still be of use.

        After failures in a row, 1, 3, 7 … pages are read sequentially before the next attempt.
        """
        self._slots.popleft()
        self._failures_in_a_row += 1
        self._pages_to_read_sequentially = min(
            2 ** (self._failures_in_a_row - 1) - 1, _MAX_SEQUENTIAL_PAGES
        )
        if self._is_off or head.plan.rows > self._page_size.rows:
            self.close()
        self._workers.settle()

    def _fill_window(self) -> None:
        if self._slots and self._is_faster_sequentially(self._slots[0]):
            while self._slots and not self._slots[-1].is_begun:
                self._slots.pop().is_given_up = True
        else:
            self._extend()
        while self._workers.is_free and not self._seconds_to_wait():
            slot = self._next_to_send()
            if slot is None:
                return
            self._send(slot)

    def _seconds_to_wait(self) -> float:
        return self._throttle.seconds_to_wait(is_beside_others=self._workers.is_busy)

    def _is_faster_sequentially(self, slot: Slot) -> bool:
        """Whether one request brings the page sooner than its plan, while the site refuses some."""
        return self._last_seconds < self._limit.seconds_for(slot.plan.request_count)

    def _extend(self) -> None:
        """Add pages to the window, as far as it is known where they begin."""
        while self._slots and len(self._slots) < self._width():
            following = self._slots[-1].plan.following(self._page_size.rows)
            if following is None or self._slots[-1].is_given_up:
                return
            self._slots.append(Slot(following))

    def _width(self) -> int:
        """Slots in the window: enough that no worker waits for the slowest of them."""
        limit = self._slots[0].plan.speculation_limit(self._page_count)
        return self._max_slots if limit is None else min(self._max_slots, limit)

    def _next_to_send(self) -> Slot | None:
        """What leads on goes first, then what is needed first."""
        waiting = [slot for slot in self._slots if slot.is_waiting]
        listing = next((slot for slot in waiting if slot.plan.leads_on), None)
        return listing or next(iter(waiting), None)

    def _send(self, slot: Slot) -> None:
        """Have the next request of a page sent.

        The workers are never given more than they can send at once: what waited in their queue
        would be sent after a refusal that nobody could foresee.
        """
        if self._client.access.open() is not None:
            self.close()  # read on sequentially, where it is asked for again and, in the end, told
            return
        asked_at, query = self._limit.take_turn(), slot.plan.request.query

        def send(session: requests.Session) -> Answer:
            return self._client.get(
                session,
                self._listing.path,
                query,
                bounds=Bounds(max_bytes=self._max_bytes),
                asked_at=asked_at,
            )

        try:
            self._workers.submit(send, partial(self._settle, slot))
        except RuntimeError as error:  # the machine does not give us another thread
            self._is_off = True
            self._give_up(slot, str(error))
        else:
            slot.is_in_flight = True

    def _wait_for_an_answer(self) -> None:
        """Or until the next request may be sent; what was read so far is printed first."""
        output.flush()
        seconds = self._seconds_to_wait()
        if not self._is_in_flight:
            self._throttle.wait(seconds)
            return
        is_held_back = self._workers.is_free and self._next_to_send() is not None
        until_due = self._progress.seconds_until_due
        with self._stop.interruptible():
            self._workers.wait(min(seconds, until_due) if is_held_back else until_due)
        self._progress.tick()

    def _settle(self, slot: Slot, answer: Answer) -> None:
        """Take an answer; it may come when nobody wants it any more."""
        slot.is_in_flight = False
        if answer.refusal is not None:
            slot.refusal_count += 1
            is_too_long = answer.refusal.seconds > MAX_ASKED_WAIT_SECONDS
            if is_too_long or slot.refusal_count > RATE_LIMITED.max_retries:
                self._give_up(slot, answer.summary)
        elif answer.body is None:
            if not self._is_renewed(slot, answer):  # else it is sent again
                self._give_up(slot, answer.summary, is_too_large=answer.failure is TOO_LARGE)
        else:
            slot.body, slot.seconds = answer.body, answer.seconds
            if slot.plan.leads_on and not slot.is_given_up:
                self._read_body(slot)

    def _is_renewed(self, slot: Slot, answer: Answer) -> bool:
        """Whether the credentials may be accepted in another way; once for each page."""
        if slot.was_refused:
            return False
        slot.was_refused = self._client.access.renew(answer)
        return slot.was_refused

    def _read_body(self, slot: Slot) -> None:
        try:
            slot.read_body(self._max_bytes if slot.plan.leads_on else None)
        except FilterIgnoredError:
            self._is_off = True
            slot.is_given_up = True
            self._logger.warning(
                "%s returned other rows than the ids that were requested; "
                "reading on without prefetching.",
                self._subject,
            )
        except TooLargeError as error:
            self._give_up(slot, str(error), is_too_large=True)
        except UNSOUND as error:
            self._give_up(slot, str(error))

    def _give_up(self, slot: Slot, why: str, *, is_too_large: bool = False) -> None:
        if not slot.is_given_up:
            slot.is_given_up = True
            if is_too_large:
                self._page_size.failed(slot.plan.rows)
            self._logger.info(
                "Could not prefetch from %s (%s); fetching it sequentially.", self._subject, why
            )
