"""Get the page for one request, retried as long as that is worthwhile."""

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import requests

from source_confluence.exceptions import ResponseError
from source_confluence.failures import classify
from source_confluence.failures.failure import Failure, FinalFailureError, Request
from source_confluence.failures.table import RATE_LIMITED, UNFORESEEN
from source_confluence.limits.waiting import print_rate_limited
from source_confluence.paging.page import Page
from source_confluence.paging.plan import PageRequest
from source_confluence.reading.context import ListContext
from source_confluence.reading.page_source import Batch
from source_confluence.transport.body import decompressed
from source_confluence.transport.exchange import Answer


class RetryingClient:
    """Asks for pages of one list, one request at a time.

    Args:
        context: Which list, for which stream.
    """

    def __init__(self, context: ListContext) -> None:
        self._sync = context.sync
        self._path = context.listing.path
        self._stream = context.stream
        self._request = context.request
        self._throttle = context.throttle
        self._logger = context.logger

    def batch(
        self, request: PageRequest, *, place: str, max_retries: Callable[[Failure], int]
    ) -> Batch:
        """The page in the response.

        Args:
            request: What to ask for.
            place: Where in the list that is, for messages.
            max_retries: How many more attempts are worthwhile after a failure; each kind of failure
                has its own count.

        Raises:
            FinalFailureError: When a failure is not retried, or no more.
            StoppedError: When the process is told to stop.
        """
        in_words = replace(self._request, place=place)
        failure_counts: Counter[Failure] = Counter()
        for attempt in itertools.count(1):
            answer, page = self._attempt(request)
            if page is not None:
                return Batch(page=page, seconds=answer.seconds)
            failure, words = answer.failure or UNFORESEEN, answer.in_words(in_words)
            failure_counts[failure] += 1
            if failure_counts[failure] == 1 and self._sync.client.access.renew(answer):
                continue
            brief = self._brief(answer, failure, words)
            attempts = max_retries(failure) + 1
            if failure_counts[failure] >= attempts:
                message = failure.message(words, status=answer.status, detail=answer.detail)
                raise FinalFailureError(failure, message, brief)
            self._logger.warning("Attempt %d of %d: %s", failure_counts[failure], attempts, brief)
            self._back_off(answer, attempt)
        raise AssertionError  # the loop has no end of its own

    def _attempt(self, request: PageRequest) -> tuple[Answer, Page | None]:
        """The answer to one request, or what stands in the way; and the page in it, if any."""
        asked_at = self._throttle.take_turn()
        shut = self._sync.client.access.open()
        if shut is not None:
            return shut, None
        self._logger.debug("Sending GET /%s with %s.", self._path, dict(request.query))
        with self._sync.stop.interruptible():
            answer = self._sync.client.get(
                self._sync.session, self._path, request.query, asked_at=asked_at
            )
        self._throttle.seconds_to_wait()  # logs what has changed
        if answer.body is None:
            return answer, None
        try:
            content = decompressed(answer.body)
            return answer, request.parse(content, answer.body.link_header)
        except (ResponseError, requests.RequestException) as error:
            failure, detail = classify.of_exception(error)
            return replace(answer, body=None, failure=failure, detail=detail), None

    def _back_off(self, answer: Answer, attempt: int) -> None:
        if answer.failure is RATE_LIMITED:
            print_rate_limited(self._stream)
        seconds = self._sync.backoff.backoff_time(answer.response, attempt)
        self._logger.info("Trying again in %.1f seconds.", seconds)
        self._throttle.wait(max(seconds, self._throttle.seconds_to_wait()))

    def _brief(self, answer: Answer, failure: Failure, request: Request) -> str:
        """`GET /wiki/api/v2/pages: HTTP 503 (trace 69b2b100…)`: no query, header or body.

        What is not known is left out. Without a response, it is what happened, and the kind of
        exception.
        """
        if answer.response is None:
            summary = failure.summary(request, detail=answer.detail)
            return f"{summary} ({answer.cause})"
        trace = f" (trace {answer.trace_id})" if answer.trace_id else ""
        return f"{answer.response.request.method} {request.path}: {answer.summary}{trace}"
