"""Make the site as slow as a real one: a latency for each answer, and a limit of requests."""

import threading
import time
from dataclasses import dataclass, field
from random import Random

from fake_confluence.faults import Reply, error_body


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long answers take.

    Args:
        request_seconds: For each request, whatever it asks for.
        body_seconds: For each page or blog post whose body is in the answer.
        jitter: How much longer or shorter a request may take by chance: 0.2 is a fifth.
        seed: The same seed gives the same chances.
    """

    request_seconds: float = 0.0
    body_seconds: float = 0.0
    jitter: float = 0.0
    seed: int = 1
    _random: Random = field(default_factory=Random, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._random.seed(self.seed)

    def seconds(self, body_count: int) -> float:
        """For an answer with so many bodies."""
        fair = self.request_seconds + body_count * self.body_seconds
        return fair * self._random.uniform(1 - self.jitter, 1 + self.jitter)


class Limiter:
    """Allows so many requests a second, and that many at once; it refuses the others with 429.

    Args:
        per_second: Requests a second.
        burst: How many may come at once when there were none for a while.
    """

    def __init__(self, per_second: float, burst: float | None = None) -> None:
        self._per_second = per_second
        self._burst = burst or max(per_second, 1.0)
        self._left = self._burst
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def refusal(self) -> Reply | None:
        """None when one more request is allowed; else the answer to it."""
        with self._lock:
            now = time.monotonic()
            self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
            self._at = now
            if self._left >= 1:
                self._left -= 1
                return None
        return Reply(status=429, headers={"Retry-After": "1"}, document=error_body(429, "Too fast"))
