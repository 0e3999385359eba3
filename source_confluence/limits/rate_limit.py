"""Ask no faster than the site allows: one view of its limit, for all streams."""

import logging
import math
import sys
from collections.abc import Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

import requests
from airbyte_cdk.sources.streams.call_rate import APIBudget

from source_confluence.limits.adaptive_rate import Pace
from source_confluence.limits.headers import (
    LONGEST_ASKED_WAIT_SECONDS,
    Budget,
    Heard,
    Refusal,
    budgets,
    says_near,
)
from source_confluence.limits.waiting import now_seconds, wait
from source_confluence.shutdown import Stop

_CAUTIOUS_PAUSE_SECONDS = 2.0  # between requests, when the limit is near and nobody says how near
_MOMENT_SECONDS = 0.001  # is not worth a wait


class RateLimit:
    """What the site has said about its limit, to any stream.

    Two things are remembered: until when nobody may ask, and, near the limit, how much time must
    pass between two requests so that what is left lasts until the limit is renewed.

    Args:
        pace: How often it has let us ask, where several requests are under way.
    """

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace
        self.reason: str | None = None
        self.pause_seconds = 0.0
        self._heard: SimpleQueue[Heard] = SimpleQueue()
        self._not_before = 0.0
        self._asked_at = 0.0
        self._pause_until = math.inf
        self._last: dict[str, Budget] = {}
        self._costs: dict[str, int] = {}

    def hear(self, heard: Heard) -> None:
        """Learn from an answer; from any thread, and before the next request, whoever makes it."""
        self._heard.put(heard)

    def seconds_to_wait(self, *, is_beside_others: bool = False) -> float:
        """Until the next request may be made, by all that was heard so far.

        Args:
            is_beside_others: Whether requests are under way that were not answered.
        """
        with suppress(Empty):
            while True:
                self._take_in(self._heard.get_nowait())
        slowly = min(self._asked_at + self.pause_seconds, self._pause_until)
        earliest = max(self._not_before, slowly)
        in_step = self.pace.seconds_to_wait() if self.pace and is_beside_others else 0.0
        return max(earliest - now_seconds(), in_step, 0.0)

    @property
    def is_refused(self) -> bool:
        """Whether the site has refused requests that several of us made, a few seconds ago."""
        return self.pace is not None and self.pace.rate < math.inf

    def seconds_for(self, request_count: int) -> float:
        """In how many seconds it is worth while to make so many requests instead of one."""
        return self.pace.seconds_for(request_count) if self.pace else 0.0

    def asking(self) -> float:
        """A request is about to be made; the next one comes after the pause.

        Returns:
            When that was.
        """
        self._asked_at = self.pace.asking() if self.pace else now_seconds()
        return self._asked_at

    def _take_in(self, heard: Heard) -> None:
        if heard.refusal is not None:
            self._refused(heard.refusal, heard.asked_at, heard.answered_at)
        elif heard.headers is not None:
            self._answered(heard.headers, heard.answered_at)

    def _refused(self, refusal: Refusal, asked_at: float, answered_at: float) -> None:
        """The site has told one of us to wait, so all of us do."""
        if refusal.seconds > LONGEST_ASKED_WAIT_SECONDS:  # no concern of the others
            return
        self._not_before = max(self._not_before, answered_at + refusal.seconds)
        self.reason = refusal.reason
        if self.pace is not None and refusal.is_of_rate:
            self.pace.refused(asked_at, answered_at, refusal.seconds)

    def _answered(self, headers: Mapping[str, str], answered_at: float) -> None:
        """Set the pause by what an answer says is left; it lasts until that is renewed."""
        left = budgets(headers)
        pauses = [self._pause(budget, answered_at) for budget in left]
        until = max((budget.reset_seconds for budget in left), default=math.inf)
        if not pauses and says_near(headers):
            pauses = [_CAUTIOUS_PAUSE_SECONDS]
        self._last = {budget.name: budget for budget in left}
        self.pause_seconds = max(pauses, default=0.0)
        self._pause_until = answered_at + until
        if pauses:
            self.reason = headers.get("RateLimit-Reason", "its request limit is nearly used up")

    def _pause(self, budget: Budget, answered_at: float) -> float:
        """Seconds between requests: all that is left to wait, shared among those we can afford.

        Requests cost points, a full page many, so the price is what the last one has cost. Where
        not one can be afforded, the next waits until the limit is renewed; when the same is said
        again after that wait, it is no countdown, and we only go slowly.
        """
        before = self._last.get(budget.name)
        is_later = before is not None and before.reset_seconds >= budget.reset_seconds
        if before is not None and is_later and before.left > budget.left:
            self._costs[budget.name] = before.left - budget.left
        cost = self._costs.get(budget.name, 1)
        if budget.left >= cost:
            return budget.reset_seconds / (budget.left // cost)
        if before is None or before.left >= cost or before.reset_seconds > budget.reset_seconds:
            self._not_before = max(self._not_before, answered_at + budget.reset_seconds)
        return _CAUTIOUS_PAUSE_SECONDS


class Throttle(APIBudget):
    """Holds back the requests of one stream; the CDK asks it before each, and shows it each answer.

    Args:
        limit: What all streams know.
        stream: The name of the stream.
        before: What it asks for, for the log: `acme.atlassian.net/wiki/api/v2/pages`.
        logger: Gets a line when we begin to ask more slowly, and each minute of a long wait.
        stop: Ends a wait at once when we are told to stop.

    Attributes:
        answer_seconds: How long the site took for the page that came last.
    """

    def __init__(
        self, limit: RateLimit, stream: str, before: str, logger: logging.Logger, stop: Stop
    ) -> None:
        super().__init__(policies=[])
        self._limit = limit
        self._stream = stream
        self._before = before
        self._logger = logger
        self._stop = stop
        self._pause_seconds = 0.0
        self._asked_at = 0.0
        self._is_refused = False
        self.answer_seconds = math.inf

    def acquire_call(
        self,
        request: Any,  # noqa: ANN401, ARG002 (the CDK's signature, here and below)
        block: bool = True,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002
    ) -> None:
        """Wait until a request may be made; what then comes from the network can be interrupted.

        What was read so far is printed first: it may be in a buffer, the wait may be long, and a
        process that is killed in it would have to read that again.
        """
        self._stop.end_interruptible()
        sys.stdout.flush()
        while (seconds := self.seconds_to_wait()) > _MOMENT_SECONDS:
            self.wait(seconds)  # in which others may have been refused
        self._asked_at = self._limit.asking()
        self._stop.begin_interruptible()

    def seconds_to_wait(self, *, is_beside_others: bool = False) -> float:
        """Until the next request may be made; when that has just become slower, it is told."""
        seconds = self._limit.seconds_to_wait(is_beside_others=is_beside_others)
        self._tell()
        return seconds

    def wait(self, seconds: float) -> None:
        """Let the next request wait."""
        wait(
            seconds,
            before=self._before,
            reason=self._limit.reason,
            stream=self._stream,
            logger=self._logger,
            stop=self._stop,
        )

    def update_from_response(self, request: Any, response: requests.Response) -> None:  # noqa: ANN401, ARG002
        """Learn from an answer."""
        self._stop.end_interruptible()
        heard = Heard.of(response, self._asked_at)
        self._limit.hear(heard)
        if heard.headers is not None:
            self.answer_seconds = heard.answered_at - heard.asked_at
        self.seconds_to_wait()

    def get_matching_policy(self, request: Any) -> None:  # noqa: ANN401, ARG002
        """None: there is one limit for all requests."""
        return

    def _tell(self) -> None:
        """Say when we begin to ask more slowly, and when we stop doing so; once."""
        was_refused, self._is_refused = self._is_refused, self._limit.is_refused
        if self._is_refused and not was_refused:
            self._logger.info(
                "%s refuses requests; asking it less often for a while.", self._before
            )
        slower, was_slower = self._limit.pause_seconds, self._pause_seconds
        self._pause_seconds = slower
        if slower and not was_slower:
            self._logger.info(
                "Asking %s no more often than every %.1f seconds: its request limit is near.",
                self._before,
                slower,
            )
        elif was_slower and not slower:
            self._logger.info("Asking %s at full speed again.", self._before)
