"""Let a process live by a clock that waits move, knowing no name within the connector.

The clock stands still but for sleeps, which take no more than a moment, and for waits with a time
limit that is reached. So what is said of times is the same in each run. Jitter is what it is on the
average. Times of day stay as they are.
"""

import random
import threading
import time
from typing import Any, SupportsIndex

import requests.adapters

_MOMENT_SECONDS = 0.01
"""Answers that are on their way come in, as they would if a sleep took its time."""

_sleep = time.sleep
_wait = threading.Condition.wait
_send = requests.adapters.HTTPAdapter.send


class _Clock:
    """Tells the time, and lets it pass."""

    def __init__(self) -> None:
        self._now = 1_000.0  # the same in each run, to the last digit of every difference
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: "float | SupportsIndex", /) -> None:
        _sleep(min(float(seconds), _MOMENT_SECONDS))
        self.let_pass(float(seconds))

    def let_pass(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds


def hurry(answer_seconds: float, longest_seconds: float) -> None:
    """Replace what sleeps, what tells the time, what waits, and what is left to chance.

    Args:
        answer_seconds: How long a request waits for an answer at most.
        longest_seconds: How long a wait with a time limit takes at most; a longer one ends then as
            if its own time were over.
    """
    clock = _Clock()

    def wait(self: threading.Condition, timeout: float | None = None) -> bool:
        is_notified = _wait(self, None if timeout is None else min(timeout, longest_seconds))
        if timeout is not None and not is_notified:
            clock.let_pass(timeout)
        return is_notified

    def send(self: requests.adapters.HTTPAdapter, *args: Any, **more: Any) -> requests.Response:  # noqa: ANN401
        limits = more.get("timeout")
        limits = limits if isinstance(limits, tuple) else (limits, limits)
        more["timeout"] = tuple(min(each or answer_seconds, answer_seconds) for each in limits)
        return _send(self, *args, **more)

    time.sleep, time.monotonic = clock.sleep, clock.now
    random.uniform = lambda a, b: (a + b) / 2
    threading.Condition.wait = wait  # type: ignore[method-assign]
    requests.adapters.HTTPAdapter.send = send  # type: ignore[method-assign]
