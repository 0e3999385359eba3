"""Find out how many requests a second a site lets through that has refused some."""

from collections import deque
from math import inf

from source_confluence.limits.waiting import now_seconds

_PROBE = 1.15  # times the measured rate; with less than 1 it could only sink
_BURST_SECONDS = 0.3  # worth of requests may be sent together
_MIN_PERIOD_SECONDS = 0.2
_MAX_PERIOD_SECONDS = 10.0
_MEMORY_SECONDS = 9.5
_MAX_MEMORY_SECONDS = 38.0  # where full speed is refused again and again
_MIN_QUIET_SECONDS = 3.0  # after a long wait
_QUICK_SECONDS = 0.1  # a response within this is not worth two requests to a site that refuses


class AdaptiveRate:
    """How many requests a second the site lets through; unknown until it refuses one.

    What a site allows is not published, so it is measured, from the end of one wait that it ordered
    to the end of the next. The wait counts, because a limit is renewed in it. Ten seconds after the
    last refusal the rate is forgotten, since limits are shared, and whatever used them up may be
    gone; later where that was too early.

    Only requests beside others keep to the rate. A request that is alone in flight waits for
    nothing but what was ordered, so several workers are never slower than one.
    """

    def __init__(self) -> None:
        self._asked: deque[float] = deque()  # and not refused, since the last refusal
        self._limit = inf
        self._quiet_from = self._next_at = self._forgotten_at = -inf
        self._memory_seconds = _MEMORY_SECONDS

    @property
    def per_second(self) -> float:
        """Requests a second that the site lets through; `inf` while it refuses none."""
        return self._limit if now_seconds() < self._forgotten_at else inf

    def seconds_to_wait(self) -> float:
        """Until the next request beside others."""
        return max(min(self._next_at, self._forgotten_at) - now_seconds(), 0.0)

    def seconds_for(self, request_count: int) -> float:
        """In how many seconds it pays to send so many requests instead of one."""
        is_quick_enough = self.per_second < inf and request_count > 1
        return max(request_count / self.per_second, _QUICK_SECONDS if is_quick_enough else 0.0)

    def take_turn(self) -> float:
        """A request is sent now; its response belongs to this instant."""
        now = now_seconds()
        earliest = max(min(self._next_at, now), now - _BURST_SECONDS)
        self._next_at = earliest + 1 / (self.per_second * _PROBE)
        self._asked.append(now)
        while self._asked[0] < now - _MAX_PERIOD_SECONDS:
            self._asked.popleft()
        return now

    def refused(self, asked_at: float, answered_at: float, wait_seconds: float) -> None:
        """A request was refused, and all streams are to wait."""
        quiet_from, until = self._quiet_from, answered_at + wait_seconds
        began = max(quiet_from, self._asked[0] if self._asked else asked_at)
        self._quiet_from = max(quiet_from, until)
        if asked_at in self._asked:
            self._asked.remove(asked_at)
        if asked_at < quiet_from:
            return  # sent before it was known that others are refused
        count = sum(at < asked_at for at in self._asked)
        self._limit = max(count, 1) / max(until - began, _MIN_PERIOD_SECONDS)
        self._asked = deque(at for at in self._asked if at > asked_at)
        self._next_at = asked_at
        self._remember(answered_at, until)

    def _remember(self, answered_at: float, until: float) -> None:
        """Remember it twice as long as the time before, when it was forgotten too early."""
        quiet_seconds = answered_at - self._forgotten_at
        if quiet_seconds > self._memory_seconds:
            self._memory_seconds = _MEMORY_SECONDS
        elif quiet_seconds > 0:
            self._memory_seconds = min(2 * self._memory_seconds, _MAX_MEMORY_SECONDS)
        self._forgotten_at = max(answered_at + self._memory_seconds, until + _MIN_QUIET_SECONDS)
