"""Decide after each attempt of a request: go on, try again, or stop and say why."""

import logging
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

import pendulum
import requests
from airbyte_cdk.sources.streams.http.error_handlers import (
    ErrorHandler,
    ErrorResolution,
    ResponseAction,
)
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_confluence import errors
from source_confluence.backoff import asked_seconds
from source_confluence.pagination import NotAListError, NotJsonError

LONGEST_ASKED_WAIT_SECONDS = 2 * 60 * 60
"""Longer than any wait Confluence announces: its quotas are renewed at the top of each hour.

Source: https://developer.atlassian.com/cloud/confluence/rate-limiting/
"""

_NEVER = 1_000_000_000  # tries and seconds: this module decides when to stop, not the CDK

_SUCCESS = ErrorResolution(response_action=ResponseAction.SUCCESS)


class AnswerHandler(ErrorHandler):
    """Sorts the answers to the requests of one stream, one request at a time.

    A failure that will not be tried again is raised from here: the CDK's own way of failing logs
    the response's body and headers, and those are not ours to show.

    Args:
        request: What is asked for, for the messages.
        decode: Reads the body of a 200; a NotJsonError or NotAListError makes it a failure.
        logger: Gets a line for each attempt that failed and will be repeated.
    """

    def __init__(
        self,
        request: errors.Request,
        decode: Callable[[requests.Response], object],
        logger: logging.Logger,
    ) -> None:
        self._request = request
        self._decode = decode
        self._logger = logger
        self._failures: Counter[errors.Failure] = Counter()

    @property
    def max_retries(self) -> int:
        """No limit over all failures of a request: each kind has its own, in its row."""
        return _NEVER

    @property
    def max_time(self) -> int:
        """No limit in seconds: a quota may ask for an hour."""
        return _NEVER

    def interpret_response(self, response: requests.Response | Exception | None) -> ErrorResolution:
        """Sort one answer, or the exception that came instead.

        Raises:
            AirbyteTracedException: When the failure is final.
        """
        failure, detail = self._sort(response)
        if failure is None:
            self._failures.clear()
            return _SUCCESS
        status = response.status_code if isinstance(response, requests.Response) else None
        message = failure.message(self._request, status=status, detail=detail)
        self._failures[failure] += 1
        if self._failures[failure] > failure.retries:
            self._failures.clear()
            raise _final(failure, message, response)
        self._logger.warning(
            "Attempt %d of %d: %s",
            self._failures[failure],
            failure.retries + 1,
            _in_brief(response, detail),
        )
        return ErrorResolution(failure.action, failure.failure_type, message)

    def _sort(
        self, response: requests.Response | Exception | None
    ) -> tuple[errors.Failure | None, str]:
        """The row of the table, with what exactly was wrong; no row when all is well."""
        if not isinstance(response, requests.Response):
            cause = response or ConnectionError("no answer")
            return errors.of_exception(cause), type(cause).__name__
        if errors.is_login_refused(response.headers):
            return errors.ANONYMOUS, ""
        if response.status_code != requests.codes.ok:
            return self._sort_status(response)
        try:
            self._decode(response)
        except NotJsonError as error:
            return errors.NOT_JSON, str(error)
        except NotAListError as error:
            return errors.NOT_A_LIST, str(error)
        return None, ""

    def _sort_status(self, response: requests.Response) -> tuple[errors.Failure, str]:
        failure = errors.of_status(response.status_code)
        wait = asked_seconds(response) or 0.0
        if wait > LONGEST_ASKED_WAIT_SECONDS:
            return errors.WAIT_TOO_LONG, pendulum.duration(seconds=wait).in_words(locale="en")
        return failure, ""


def _final(
    failure: errors.Failure, message: str, response: requests.Response | Exception | None
) -> AirbyteTracedException:
    return AirbyteTracedException(
        message=message,
        internal_message=_in_brief(response, ""),
        failure_type=failure.failure_type,
    )


def _in_brief(response: requests.Response | Exception | None, detail: str) -> str:
    """`GET /wiki/api/v2/pages: HTTP 503 (trace 69b2b100…)`: no query, header or body."""
    if not isinstance(response, requests.Response):
        return f"no answer ({type(response).__name__})"
    path = urlsplit(response.request.url or "").path
    trace_id = response.headers.get("atl-traceid", "unknown")
    what = f"HTTP {response.status_code}" + (f", {detail}" if detail else "")
    return f"{response.request.method} {path}: {what} (trace {trace_id})"
