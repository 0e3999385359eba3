"""Make the site as slow and strict as a real one: latency, a rate limit, refusals."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from fake_confluence.reply import Reply, error_body


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long responses take.

    Args:
        request_seconds: For each request, whatever it is for.
        body_seconds: For each page or blog post whose body is in the response.
        jitter: How much longer or shorter a request may take at random: 0.2 is a fifth.
        seed: The same seed gives the same random numbers.
    """

    request_seconds: float = 0.0
    body_seconds: float = 0.0
    jitter: float = 0.0
    seed: int = 1
    _random: Random = field(default_factory=Random, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._random.seed(self.seed)

    def seconds(self, body_count: int) -> float:
        """For a response with so many bodies."""
        fair = self.request_seconds + body_count * self.body_seconds
        return fair * self._random.uniform(1 - self.jitter, 1 + self.jitter)


class Refuser(Protocol):
    """Decides which requests a site refuses."""

    def refusal(self) -> Reply | None:
        """None when one more request is allowed; else the answer to it."""


class Limiter:
    """Allows a number of requests a second, and a burst; it refuses the others with 429.

    Args:
        per_second: Requests a second.
        burst: How many may come at once after a pause; as many as a second allows, by default.
        later: Later rates: `((3, 5), (13, 20))` is 5 a second after 3 seconds, 20 after 13.
    """

    def __init__(
        self,
        per_second: float,
        burst: float | None = None,
        later: Sequence[tuple[float, float]] = (),
    ) -> None:
        self._per_second = per_second
        self._burst = burst or max(per_second, 1.0)
        self._later = later
        self._left = self._burst
        self._began = self._at = time.monotonic()
        self._lock = threading.Lock()

    def refusal(self) -> Reply | None:
        """None when one more request is allowed; else the answer to it."""
        with self._lock:
            now = time.monotonic()
            per_second = self._per_second
            for since, other in self._later:
                per_second = other if now - self._began >= since else per_second
            self._left = min(self._burst, self._left + (now - self._at) * per_second)
            self._at = now
            if self._left >= 1:
                self._left -= 1
                return None
        return too_fast("1")


class Chance:
    """Refuses requests at random, every n-th, or the first ones, as if others used up the limit.

    Args:
        part: The share of the requests that is refused at random: 0.1 is a tenth.
        every: Refuses every n-th request: 3 is the third, the sixth and so on.
        first: How many of the first requests are refused.
        seconds: How long every request is refused, from the first one on.
        retry_after: The header `Retry-After`; empty for none.
        seed: The same seed gives the same random numbers.
    """

    def __init__(  # noqa: PLR0913 (each is a way to refuse)
        self,
        part: float = 0.0,
        *,
        every: int = 0,
        first: int = 0,
        seconds: float = 0.0,
        retry_after: str = "1",
        seed: int = 1,
    ) -> None:
        self._part = part
        self._every = every
        self._first = first
        self._seconds = seconds
        self._retry_after = retry_after
        self._random = Random(seed)
        self._count = 0
        self._began: float | None = None
        self._lock = threading.Lock()

    def refusal(self) -> Reply | None:
        """None when this request is allowed; else the answer to it."""
        with self._lock:
            now = time.monotonic()
            self._began = now if self._began is None else self._began
            self._count += 1
            is_in_turn = self._every > 0 and self._count % self._every == 0
            is_early = self._count <= self._first or now - self._began < self._seconds
            is_by_chance = self._random.random() < self._part
        return too_fast(self._retry_after) if is_in_turn or is_early or is_by_chance else None


def too_fast(retry_after: str) -> Reply:
    """A refusal, with `Retry-After` unless that is empty."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    return Reply(status=429, headers=headers, document=error_body(429, "Too fast"))
