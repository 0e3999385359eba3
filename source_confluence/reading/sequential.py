"""Fetch pages one after the other, with as many rows as the site can give; in the end with one.

A single row that fails is asked for without what is heavy in it, such as its body.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from source_confluence.exceptions import BrokenPagingError, FilterIgnoredError
from source_confluence.failures.failure import Failure, FinalFailureError
from source_confluence.limits.backoff import exponential_seconds
from source_confluence.paging.page import Page
from source_confluence.paging.pager import Position
from source_confluence.paging.plan import PageRequest, Plan
from source_confluence.reading.context import ListContext
from source_confluence.reading.page_size import PageSize
from source_confluence.reading.page_source import Batch
from source_confluence.reading.retrying import RetryingClient

MAX_LIGHT_IN_A_ROW = 25
"""Rows without their bodies; more is no fault of the rows, but of the site."""

_ALL = sys.maxsize
_RETRIES_BEFORE_LIGHT = 1
_RETRIES_AFTER_LIGHT = 2


class Sequential:
    """Gives the page at a position, in whatever size the site can manage.

    Args:
        context: Which list, for which stream.
        client: Sends the requests, and retries them.
        page_size: How many rows to ask for.
    """

    def __init__(self, context: ListContext, client: RetryingClient, page_size: PageSize) -> None:
        self._listing = context.listing
        self._throttle = context.throttle
        self._logger = context.logger
        self._client = client
        self._page_size = page_size

    def page_at(self, position: Position, place: str) -> Batch:
        """The page at a position; raises FinalFailureError when no size of it succeeds."""
        try:
            batch = self._in_some_size(position, place)
        except FinalFailureError as error:
            if not self._listing.heavy or not error.failure.is_of_size:
                raise
            return self._light_unless_it_was_a_moment(position, place, error)
        self._page_size.succeeded(batch.page.asked_rows)
        return batch

    def advance(self) -> None:
        """Nothing is in flight between two pages."""

    def close(self) -> None:
        """Nothing is in flight between two pages."""

    def _in_some_size(self, position: Position, place: str) -> Batch:
        last_retries = _RETRIES_BEFORE_LIGHT if self._listing.heavy else _ALL
        while True:
            rows = self._page_size.rows
            try:
                return self._ask(position, place, 0 if rows > 1 else last_retries)
            except FinalFailureError as error:
                if not error.failure.is_of_size or rows == 1:
                    raise
                self._page_size.failed(rows)
                self._logger.warning(
                    "%s; asking for %d instead of %d rows.",
                    error.internal_message,
                    self._page_size.rows,
                    rows,
                )
                self._throttle.wait(exponential_seconds(1))

    def _light_unless_it_was_a_moment(
        self, position: Position, place: str, error: FinalFailureError
    ) -> Batch:
        """One row without its body, when the site fails on the body even while all else works."""
        if self._page_size.light_in_a_row >= MAX_LIGHT_IN_A_ROW:
            raise error
        light = self._ask(position, place, is_light=True)
        whole = self._once_more(position, place)
        if whole is not None:
            self._page_size.succeeded(1)
            return whole
        self._page_size.succeeded_light()
        return replace(light, is_light=True)

    def _once_more(self, position: Position, place: str) -> Batch | None:
        """The whole row after all, if the site has recovered in the meantime."""
        self._throttle.wait(exponential_seconds(1))
        try:
            return self._ask(position, place, _RETRIES_AFTER_LIGHT)
        except FinalFailureError as error:
            if not error.failure.is_of_size:
                raise
            return None

    def _ask(
        self,
        position: Position,
        place: str,
        size_retries: int = _ALL,
        *,
        is_light: bool = False,
    ) -> Batch:
        """The page; what a smaller request may avoid is retried at most `size_retries` times."""

        def max_retries(failure: Failure) -> int:
            return min(failure.max_retries, size_retries if failure.is_of_size else _ALL)

        def send(request: PageRequest) -> Batch:
            return self._client.batch(request, place=place, max_retries=max_retries)

        rows, listing = self._page_size.rows, self._listing
        plan = listing.paging.first_plan(listing, position, rows) if self._is_sparse else None
        if plan is not None:
            with suppress(BrokenPagingError, FilterIgnoredError):
                return _carried_out(plan, send, is_light=is_light)
        batch = send(listing.request(position, rows, is_light=is_light))
        return replace(batch, page=listing.chosen_of(batch.page))

    @property
    def _is_sparse(self) -> bool:
        """Whether it takes less to list the rows first, and fetch only those that are wanted."""
        return self._listing.choice is not None and not self._listing.choice.is_dense


def _carried_out(plan: Plan, send: Callable[[PageRequest], Batch], *, is_light: bool) -> Batch:
    """The page that a plan comes to; `is_light` when its rows lack what is heavy."""
    batch = send(plan.request)
    rest = plan.advance(batch.page)
    while not isinstance(rest, Page):
        batch = send(rest.light_request if is_light else rest.request)
        rest = rest.advance(batch.page)
    return replace(batch, page=rest)
