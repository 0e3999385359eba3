"""Ask for as many rows as the site can give at once; in the end for one, without its body."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import requests

from source_confluence.failures.classify import FinalFailureError
from source_confluence.failures.table import Failure
from source_confluence.reading.state import Position

_SUCCESSES_BEFORE_GROWTH = 3
_MOST_SUCCESSES_BEFORE_GROWTH = 384
_LAST_RETRIES = 2

MOST_IN_A_ROW = 25
"""Rows without their bodies; more is no fault of the rows, but of the site."""


class PageSize:
    """How many rows to ask for: half after an answer that was too much, then slowly more again.

    250 → 125 → 62 → 31 → 15 → 7 → 3 → 1; after three answers that were not too much, 1 → 2 → 4 …
    When that was too early, it takes 6, 12 … 384 answers until more is asked again.

    Args:
        largest: What to begin with.
    """

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self.rows = largest
        self._successes = 0
        self._patience = _SUCCESSES_BEFORE_GROWTH
        self._has_just_grown = False

    def halve(self) -> None:
        """The answer was too much; when it was the first of its size, more was asked too early."""
        if self._has_just_grown:
            self._patience = min(self._patience * 2, _MOST_SUCCESSES_BEFORE_GROWTH)
        self._change(max(self.rows // 2, 1), has_grown=False)

    def succeed(self) -> None:
        """The answer was not too much."""
        if self._has_just_grown:
            self._patience = _SUCCESSES_BEFORE_GROWTH
            self._has_just_grown = False
        self._successes += 1
        if self._successes >= self._patience and self.rows < self.largest:
            self._change(min(self.rows * 2, self.largest), has_grown=True)

    def _change(self, rows: int, *, has_grown: bool) -> None:
        self.rows = rows
        self._has_just_grown = has_grown
        self._successes = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer that is sound.

    Args:
        response: The answer.
        rows: How many rows were asked for.
        is_light: Whether it had to be asked for without what is heavy: bodies, descriptions.
    """

    response: requests.Response
    rows: int
    is_light: bool


class Fetcher:
    """Gets the answer for a position, whatever size of it the site can manage.

    Args:
        size: How many rows to ask for.
        ask: Makes the request for a position, and so many rows; a light one when its third argument
            is true.
        pause: Waits a moment before the next request.
        has_light_form: Whether something can be left out of the request.
        logger: Gets a line for each answer that was too much.
    """

    def __init__(
        self,
        size: PageSize,
        *,
        ask: Callable[[Position, int, bool], requests.Response],
        pause: Callable[[], None],
        has_light_form: bool,
        logger: logging.Logger,
    ) -> None:
        self._size = size
        self._ask = ask
        self._pause = pause
        self._has_light_form = has_light_form
        self._logger = logger
        self._light_in_a_row = 0
        self._is_light = False
        self._is_last_try = False
        self._position: Position = {}

    def retries(self, failure: Failure) -> int:
        """How many more attempts of this very request are worth making after a failure.

        None, where a smaller request is the better attempt.
        """
        if not failure.is_of_size:
            return failure.retries
        if self._size.rows > 1:
            return 0
        if self._is_last_try:
            return min(failure.retries, _LAST_RETRIES)
        if self._has_light_form and not self._is_light:
            return min(failure.retries, 1)
        return failure.retries

    @property
    def rows(self) -> int:
        """How many rows would be asked for now."""
        return self._size.rows

    def succeeded(self, rows: int) -> None:
        """So many rows were asked for and given, whoever asked; fewer than now prove nothing."""
        self._light_in_a_row = 0
        if rows >= self._size.rows:
            self._size.succeed()

    def was_too_much(self, rows: int) -> None:
        """So many rows were more than may wait in memory; more than now prove nothing."""
        if rows <= self._size.rows:
            self._size.halve()

    def fetch(self, position: Position) -> Fetched:
        """The answer for a position.

        Raises:
            FinalFailureError: When the site does not give it in any size.
        """
        self._position = position
        try:
            response = self._in_some_size()
        except FinalFailureError as error:
            if not self._has_light_form or not error.failure.is_of_size:
                raise
            return self._light_unless_it_was_a_moment(error)
        rows = self._size.rows
        self.succeeded(rows)
        return Fetched(response=response, rows=rows, is_light=False)

    def _in_some_size(self) -> requests.Response:
        while True:
            try:
                return self._ask(self._position, self._size.rows, False)
            except FinalFailureError as error:  # noqa: PERF203 (of a loop that waits)
                if not error.failure.is_of_size or self._size.rows == 1:
                    raise
                asked = self._size.rows
                self._size.halve()
                self._logger.warning(
                    "%s; asking for %d instead of %d rows.",
                    error.internal_message,
                    self._size.rows,
                    asked,
                )
                self._pause()

    def _light_unless_it_was_a_moment(self, error: FinalFailureError) -> Fetched:
        """One row without its body, when the body makes the site fail even while all else works."""
        if self._light_in_a_row >= MOST_IN_A_ROW:
            raise error
        self._is_light = True
        try:
            light = self._ask(self._position, self._size.rows, True)
        finally:
            self._is_light = False
        whole = self._once_more()
        if whole is not None:
            self._light_in_a_row = 0
            return Fetched(response=whole, rows=self._size.rows, is_light=False)
        self._light_in_a_row += 1
        return Fetched(response=light, rows=self._size.rows, is_light=True)

    def _once_more(self) -> requests.Response | None:
        """The whole answer after all, if the site has recovered in the meantime."""
        self._is_last_try = True
        self._pause()
        try:
            return self._ask(self._position, self._size.rows, False)
        except FinalFailureError as error:
            if not error.failure.is_of_size:
                raise
            return None
        finally:
            self._is_last_try = False
