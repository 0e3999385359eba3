"""Decide how long to wait before a request is made again."""

import logging
import random
import re
from collections.abc import Callable, Mapping

import pendulum
import requests
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy

from source_confluence.limits.waiting import SILENT_SECONDS
from source_confluence.shutdown import Stop

_STATUSES_THAT_SAY_HOW_LONG = (429, 503)
_FIRST_WAIT_SECONDS = 2.0
_LONGEST_WAIT_SECONDS = 30.0
_JITTER = (0.7, 1.3)
_LONGEST_ANNOUNCED_SECONDS = 1e9  # what is longer is as good as never
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_WEEKDAY = re.compile(r"^[A-Za-z]{3,9},? ")  # pendulum would move the date to it
_HTTP_DATES = ("DD MMM YYYY HH:mm:ss z", "DD-MMM-YY HH:mm:ss z", "MMM D HH:mm:ss YYYY")
_ISO_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:")
_ADDED_SECONDS = 1.0  # by airbyte-cdk 7.39.1, to each wait
_SHORTEST_WAIT_SECONDS = 0.1  # airbyte-cdk 7.39.1 takes a wait of 0 for "no opinion"


class ConfluenceBackoff(BackoffStrategy):
    """Wait as long as Confluence asks, else longer after each attempt, with jitter.

    `airbyte-cdk` 7.39.1 sleeps a second longer than it is told, which is taken off what Confluence
    asks; `rate_limit` sees to it that no wait is shorter than that. The CDK sleeps without a word,
    so a wait of more than a minute is left to `rate_limit`, which tells.

    Args:
        stop: Ends the wait at once when we are told to stop.
        jitter: Gives a factor for a wait we chose ourselves, 0.7 to 1.3.

    Source: https://developer.atlassian.com/cloud/confluence/rate-limiting/
    """

    def __init__(
        self,
        stop: Stop,
        jitter: Callable[[], float] = lambda: random.uniform(*_JITTER),  # noqa: S311 (no secret)
    ) -> None:
        self._stop = stop
        self._jitter = jitter

    def backoff_time(
        self,
        response_or_exception: requests.Response | requests.RequestException | None,
        attempt_count: int,
    ) -> float:
        """Seconds to wait after the given number of attempts (1 after the first)."""
        asked = asked_seconds(response_or_exception)
        if asked is None:
            seconds = exponential_seconds(attempt_count) * self._jitter()
        elif asked > SILENT_SECONDS:
            seconds = _SHORTEST_WAIT_SECONDS
        else:
            seconds = max(asked - _ADDED_SECONDS, _SHORTEST_WAIT_SECONDS)
        _LOGGER.info("Trying again in %.1f seconds.", seconds + _ADDED_SECONDS)
        if not _LOGGER.isEnabledFor(logging.DEBUG):  # else the CDK prints a line after its sleep
            self._stop.begin_interruptible()
        return seconds


class _WithoutWrongCause(logging.Filter):
    """Drops the CDK's line before a repetition.

    airbyte-cdk 7.39.1 says "Rate limit exceeded" whatever the cause; our lines name the real one.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("UserDefinedBackoffException: Rate limit exceeded")


_LOGGER = logging.getLogger("airbyte")
_LOGGER.addFilter(_WithoutWrongCause())


def exponential_seconds(attempt_count: int) -> float:
    """2, 4, 8, 16, 30, 30 … seconds, as Atlassian recommends."""
    doublings = min(attempt_count - 1, 10)
    return min(_FIRST_WAIT_SECONDS * 2.0**doublings, _LONGEST_WAIT_SECONDS)


def asked_seconds(response: requests.Response | Exception | None) -> float | None:
    """Seconds a 429 or 503 asks us to wait, or None when nothing does.

    `Retry-After: 1847` → 1847.0; `Retry-After: Wed, 21 Oct 2026 07:28:00 GMT` and
    `X-RateLimit-Reset: 2026-03-26T16:00Z` → seconds until then, counted from the `Date` of the
    response, so that a wrong clock on this machine does not shorten the wait. The headers that
    begin with `Beta-` announce limits that are not in force, and are not read.
    """
    if (
        not isinstance(response, requests.Response)
        or response.status_code not in _STATUSES_THAT_SAY_HOW_LONG
    ):
        return None
    headers = response.headers
    retry_after = headers.get("Retry-After", "").strip()
    seconds = _seconds(retry_after)
    if seconds is None:
        seconds = seconds_until(retry_after, headers)
    if seconds is None:
        seconds = seconds_until(headers.get("X-RateLimit-Reset", ""), headers)
    return None if seconds is None else min(seconds, _LONGEST_ANNOUNCED_SECONDS)


def seconds_until(text: str, headers: Mapping[str, str]) -> float | None:
    """Seconds until an instant, counted from the `Date` of the answer; None when it is none."""
    until = _instant(text)
    if until is None:
        return None
    now = _instant(headers.get("Date", "")) or pendulum.now("UTC")
    return float((until - now).total_seconds())


def _seconds(text: str) -> float | None:
    """`1847` → 1847.0; of a header that was sent twice, `5, 10`, the longest: 10.0."""
    parts = [part.strip() for part in text.split(",")]
    if not all(_SECONDS.fullmatch(part) for part in parts):
        return None
    return max(float(part) for part in parts)


def _instant(text: str) -> pendulum.DateTime | None:
    """An HTTP date in any of its three forms, or an ISO 8601 time whose seconds may be missing.

    Source: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
    """
    words = _WEEKDAY.sub("", " ".join(text.split())).replace(":60 ", ":59 ")  # a leap second
    http_dates = (_in_form(words, form) for form in _HTTP_DATES)
    return next(filter(None, http_dates), None) or _iso_time(text)


def _in_form(text: str, form: str) -> pendulum.DateTime | None:
    try:
        return pendulum.from_format(text, form, tz="UTC")
    except ValueError:
        return None


def _iso_time(text: str) -> pendulum.DateTime | None:
    if not _ISO_TIME.match(text):  # a bare number would be read as a year
        return None
    try:
        instant = pendulum.parse(text)
        return instant.in_timezone("UTC") if isinstance(instant, pendulum.DateTime) else None
    except (ValueError, OverflowError):
        return None
