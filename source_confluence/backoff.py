"""Decide how long to wait before a request is made again."""

import random
import re
from collections.abc import Callable

import pendulum
import requests
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy

_STATUSES_THAT_SAY_HOW_LONG = (429, 503)
_FIRST_WAIT_SECONDS = 2.0
_LONGEST_WAIT_SECONDS = 30.0
_JITTER = (0.7, 1.3)
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]+)?")
_SHORTEST_WAIT_SECONDS = 0.1  # airbyte-cdk 7.39.1 takes a wait of 0 for "no opinion"


class ConfluenceBackoff(BackoffStrategy):
    """Wait as long as Confluence asks, else longer after each attempt, with jitter.

    `airbyte-cdk` 7.39.1 adds one second to every wait, so none is shorter than asked.

    Args:
        jitter: Gives a factor for a wait we chose ourselves, 0.7 to 1.3.

    Source: https://developer.atlassian.com/cloud/confluence/rate-limiting/
    """

    def __init__(self, jitter: Callable[[], float] = lambda: random.uniform(*_JITTER)) -> None:  # noqa: S311 (no secret)
        self._jitter = jitter

    def backoff_time(
        self,
        response_or_exception: requests.Response | requests.RequestException | None,
        attempt_count: int,
    ) -> float:
        """Seconds to wait after the given number of attempts (1 after the first)."""
        asked = None
        if isinstance(response_or_exception, requests.Response):
            asked = asked_seconds(response_or_exception)
        if asked is None:
            return exponential_seconds(attempt_count) * self._jitter()
        return max(asked, _SHORTEST_WAIT_SECONDS)


def exponential_seconds(attempt_count: int) -> float:
    """2, 4, 8, 16, 30, 30 … seconds, as Atlassian recommends."""
    doublings = min(attempt_count - 1, 10)
    return min(_FIRST_WAIT_SECONDS * 2.0**doublings, _LONGEST_WAIT_SECONDS)


def asked_seconds(response: requests.Response) -> float | None:
    """Seconds a 429 or 503 asks us to wait, or None when it does not say.

    `Retry-After: 1847` → 1847.0; `Retry-After: Wed, 21 Oct 2026 07:28:00 GMT` and
    `X-RateLimit-Reset: 2026-03-26T16:00Z` → seconds until then, counted from the `Date` of the
    response, so that a wrong clock on this machine does not shorten the wait. The headers that
    begin with `Beta-` announce limits that are not in force, and are not read.
    """
    if response.status_code not in _STATUSES_THAT_SAY_HOW_LONG:
        return None
    headers = response.headers
    retry_after = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(retry_after):
        return float(retry_after)
    now = _instant(headers.get("Date", "")) or pendulum.now("UTC")
    until = _instant(retry_after) or _instant(headers.get("X-RateLimit-Reset", ""))
    return None if until is None else (until - now).total_seconds()


def _instant(text: str) -> pendulum.DateTime | None:
    """An HTTP date or an ISO 8601 time, whose seconds may be missing; None for anything else."""
    if ":" not in text:  # a bare number would be read as a year, or a day of this month
        return None
    try:
        instant = pendulum.parse(text, strict=False)
    except (ValueError, OverflowError):
        return None
    return instant if isinstance(instant, pendulum.DateTime) else None
