"""Decide how long to wait before a request is retried."""

import random
from collections.abc import Callable

import requests
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy

from source_confluence.limits.headers import asked_seconds

_MIN_WAIT_SECONDS = 1.0  # a site that asks for 0 would be asked again at once, and again
_FIRST_WAIT_SECONDS = 2.0
_MAX_WAIT_SECONDS = 30.0
_JITTER = (0.7, 1.3)


class ConfluenceBackoff(BackoffStrategy):
    """Wait as long as Confluence asks, else longer after each attempt, with jitter.

    Args:
        jitter: Gives a factor for a wait of our own choice, 0.7 to 1.3.

    Source: https://developer.atlassian.com/cloud/confluence/rate-limiting/
    """

    def __init__(
        self,
        jitter: Callable[[], float] = lambda: random.uniform(*_JITTER),  # noqa: S311 (no secret)
    ) -> None:
        self._jitter = jitter

    def backoff_time(
        self,
        response_or_exception: requests.Response | requests.RequestException | None,
        attempt_count: int,
    ) -> float:
        """Seconds to wait after the given number of attempts (1 after the first)."""
        if isinstance(response_or_exception, requests.Response):
            response = response_or_exception
            asked = asked_seconds(response.status_code, response.headers)
            if asked is not None:
                return max(asked, _MIN_WAIT_SECONDS)
        return exponential_seconds(attempt_count) * self._jitter()


def exponential_seconds(attempt_count: int) -> float:
    """2, 4, 8, 16, 30, 30 … seconds, as Atlassian recommends."""
    doublings = min(attempt_count - 1, 10)
    return min(_FIRST_WAIT_SECONDS * 2.0**doublings, _MAX_WAIT_SECONDS)
