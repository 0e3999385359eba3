"""Decide after each attempt of a request: go on, try again, or stop and say why."""

import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

import pendulum
import requests
from airbyte_cdk.sources.streams.http.error_handlers import (
    ErrorHandler,
    ErrorResolution,
    ResponseAction,
)
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_confluence.failures import table as errors
from source_confluence.failures.recognition import is_unrecognised
from source_confluence.limits.backoff import asked_seconds
from source_confluence.limits.headers import LONGEST_ASKED_WAIT_SECONDS
from source_confluence.paging.page import NotAListError, NotJsonError, UnreadableError
from source_confluence.shutdown import Stop
from source_confluence.transport.body import TooLargeError

_NEVER = 1_000_000_000  # tries and seconds: this module decides when to stop, not the CDK

_YEAR_SECONDS = 365 * 24 * 60 * 60

_SUCCESS = ErrorResolution(response_action=ResponseAction.SUCCESS)


class FinalFailureError(AirbyteTracedException):
    """A request has failed for good.

    Args:
        failure: The row of the table.
        message: For the user.
        brief: For the log: method, path, status.
    """

    def __init__(self, failure: errors.Failure, message: str, brief: str) -> None:
        super().__init__(message=message, internal_message=brief, failure_type=failure.failure_type)
        self.failure = failure


class AnswerHandler(ErrorHandler):
    """Sorts the answers to the requests of one stream, one request at a time.

    A failure that will not be tried again is raised from here: the CDK's own way of failing logs
    the response's body and headers, and those are not ours to show.

    Args:
        request: Says what is asked for, for the messages.
        decode: Reads the body of a 200; what it may raise is said at `failure_of`.
        retries: How many more attempts are worth making after a failure.
        stop: Ends the reading of a body at once when we are told to stop.
        logger: Gets a line for each attempt that failed and will be repeated.
    """

    def __init__(
        self,
        request: Callable[[], errors.Request],
        *,
        decode: Callable[[requests.Response], object],
        retries: Callable[[errors.Failure], int],
        stop: Stop,
        logger: logging.Logger,
    ) -> None:
        self._request = request
        self._decode = decode
        self._retries = retries
        self._stop = stop
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
            FinalFailureError: When the failure will not be tried again.
        """
        with self._stop.interruptible():  # a body may take minutes
            failure, detail = failure_of(response, self._decode, LONGEST_ASKED_WAIT_SECONDS)
        if failure is None:
            self._failures.clear()
            return _SUCCESS
        brief = self._in_brief(failure, response, detail)
        status = response.status_code if isinstance(response, requests.Response) else None
        message = failure.message(self._request(), status=status, detail=detail)
        self._failures[failure] += 1
        attempt, attempts = self._failures[failure], self._retries(failure) + 1
        if attempt >= attempts:
            self._failures.clear()
            raise FinalFailureError(failure, message, brief)
        self._logger.warning("Attempt %d of %d: %s", attempt, attempts, brief)
        return ErrorResolution(failure.action, failure.failure_type, message)

    def _in_brief(
        self, failure: errors.Failure, response: requests.Response | Exception | None, detail: str
    ) -> str:
        """`GET /wiki/api/v2/pages: HTTP 503 (trace 69b2b100…)`: no query, header or body.

        Without an answer, what happened, and the kind of exception.
        """
        if not isinstance(response, requests.Response):
            summary = failure.summary(self._request(), detail=detail)
            return f"{summary} ({type(response).__name__})"
        path = urlsplit(response.request.url or "").path
        trace_id = response.headers.get("atl-traceid", "unknown")
        what = f"HTTP {response.status_code}" + (f", {detail}" if detail else "")
        return f"{response.request.method} {path}: {what} (trace {trace_id})"


def failure_of(
    response: requests.Response | Exception | None,
    decode: Callable[[requests.Response], object],
    longest_wait_seconds: float,
) -> tuple[errors.Failure | None, str]:
    """The row of the table for an answer, or for the exception that came instead.

    Args:
        response: The answer.
        decode: Reads the body of a 200. What makes it a failure: a NotJsonError, a NotAListError, a
            TooLargeError, and whatever requests raises when a body does not come as it should.
        longest_wait_seconds: A longer wait that the site asks for is a failure of its own.

    Returns:
        No row when all is well; else the row, and what exactly was wrong where that is known.
    """
    if not isinstance(response, requests.Response):
        cause = response or ConnectionError("no answer")
        return of_exception(cause), detail_of(cause)
    if is_login_refused(response.headers):
        return errors.ANONYMOUS, ""
    if response.status_code != requests.codes.ok:
        with response:  # nobody else reads its body
            return _sort_status(response, longest_wait_seconds)
    return _sort_body(response, decode)


def _sort_body(
    response: requests.Response, decode: Callable[[requests.Response], object]
) -> tuple[errors.Failure | None, str]:
    try:
        decode(response)
    except TooLargeError as error:
        return errors.TOO_LARGE, str(error)
    except requests.RequestException as error:
        return of_exception(error), detail_of(error)
    except UnreadableError as error:
        return errors.UNREADABLE, str(error)
    except NotJsonError as error:
        return errors.NOT_JSON, str(error)
    except NotAListError as error:
        return errors.NOT_A_LIST, str(error)
    return None, ""


def _sort_status(
    response: requests.Response, longest_wait_seconds: float
) -> tuple[errors.Failure, str]:
    wait = asked_seconds(response) or 0.0
    if wait > longest_wait_seconds:
        return errors.WAIT_TOO_LONG, _in_words(wait)
    if is_unrecognised(response):
        return errors.UNRECOGNISED, ""
    failure = of_status(response.status_code)
    return failure, "as it says itself" if failure is errors.TOO_LARGE else ""


def _in_words(seconds: float) -> str:
    """`1 hour 30 minutes`."""
    if seconds > _YEAR_SECONDS:
        return "more than a year"
    return pendulum.duration(seconds=seconds).in_words(locale="en")


def of_status(status: int) -> errors.Failure:
    """The row for an HTTP status other than 200.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v2/intro/
    """
    if status in errors.BY_STATUS:
        return errors.BY_STATUS[status]
    match status // 100:
        case 3:
            return errors.REDIRECT
        case 5:
            return errors.SERVER_ERROR
        case _:
            return errors.UNEXPECTED_STATUS


_BY_CAUSE: tuple[tuple[type[BaseException], errors.Failure], ...] = (
    (requests.exceptions.ProxyError, errors.PROXY),
    (requests.exceptions.InvalidProxyURL, errors.PROXY),
    (ssl.SSLCertVerificationError, errors.CERTIFICATE),
    (socket.gaierror, errors.UNKNOWN_HOST),
    (requests.exceptions.InvalidURL, errors.PROXY),  # ours is valid, so it is the proxy's
    (requests.exceptions.InvalidSchema, errors.PROXY),
    (ConnectionRefusedError, errors.REFUSED),
    (requests.exceptions.ConnectTimeout, errors.TIMEOUT),
    (requests.exceptions.Timeout, errors.SLOW_ANSWER),
    (TimeoutError, errors.SLOW_ANSWER),  # as requests hides it, when it is in the body
    (requests.exceptions.RequestException, errors.CONNECTION_LOST),
    (AirbyteTracedException, errors.PRIVATE_HOST),  # the CDK's own, on Airbyte Cloud
)


def of_exception(exception: BaseException) -> errors.Failure:
    """The row for a request that got no answer, or only part of one."""
    causes = list(_causes(exception))
    if any(_is_of_trust_store(cause) for cause in causes):
        return errors.TRUST_STORE
    for kind, row in _BY_CAUSE:
        for cause in causes:
            if isinstance(cause, kind):
                return errors.NAME_LOOK_UP if _is_temporary(cause) else row
    return errors.UNFORESEEN


def detail_of(exception: BaseException) -> str:
    """What exactly went wrong: the kind of exception, or what is wrong with a file."""
    is_of_file = _is_of_trust_store(exception) and not isinstance(exception, ssl.SSLError)
    return str(exception) if is_of_file else type(exception).__name__


def _is_of_trust_store(cause: BaseException) -> bool:
    """Whether the file that REQUESTS_CA_BUNDLE names is not there, or holds no certificates."""
    if isinstance(cause, ssl.SSLError):
        return getattr(cause, "library", "") in {"X509", "PEM"}
    return isinstance(cause, OSError) and "CA certificate bundle" in str(cause)


def _is_temporary(cause: BaseException) -> bool:
    """Whether names cannot be looked up just now, which says nothing about this one."""
    return isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN


def _causes(exception: BaseException) -> Iterator[BaseException]:
    """The exception and what led to it: requests wraps urllib3, which wraps the socket's own."""
    seen: set[int] = set()
    cause: BaseException | None = exception
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def is_login_refused(headers: Mapping[str, str]) -> bool:
    """Whether the answer, whatever its status, was given to an anonymous visitor instead of us.

    `X-Seraph-LoginReason: AUTHENTICATED_FAILED` (or `AUTHENTICATION_DENIED`, after a CAPTCHA).

    Source: https://jira.atlassian.com/browse/JRA-41559
    """
    reason = headers.get("X-Seraph-LoginReason", "")
    return "AUTHENTICATED_FAILED" in reason or "AUTHENTICATION_DENIED" in reason
