"""Find out how often a site can be asked that has refused: as often as it let us, then try more."""

from collections import deque
from math import inf

from source_confluence.limits.waiting import now_seconds

_PROBE = 1.15  # times the rate at which the site let us; with less than 1 it could only sink
_AT_ONCE_SECONDS = 0.3  # worth of requests may be made together
_SHORTEST_PERIOD_SECONDS = 0.2
_LONGEST_PERIOD_SECONDS = 10.0
_MEMORY_SECONDS = 9.5
_LONGEST_MEMORY_SECONDS = 38.0  # where full speed is refused again and again
_SHORTEST_QUIET_SECONDS = 3.0  # after a long wait
_QUICK_SECONDS = 0.1  # an answer within this is not worth two requests to a site that refuses some


class Pace:
    """How often the site lets us ask; not known until it refuses a request.

    What a site allows is not published, so it is measured, from the end of one wait that it ordered
    to the end of the next: the time that it makes us wait belongs to it, because a limit is renewed
    in it. Ten seconds after the last refusal it is forgotten, since limits are shared, and whatever
    used them up may have gone; later where that was too early.

    Only what is asked beside other requests keeps to it. A request that is the only one under way
    waits for nothing but what was ordered, so several workers are never slower than one.
    """

    def __init__(self) -> None:
        self._asked: deque[float] = deque()  # and not refused, since the last refusal
        self._limit = inf
        self._quiet_from = self._next_at = self._forgotten_at = -inf
        self._memory_seconds = _MEMORY_SECONDS

    @property
    def rate(self) -> float:
        """Requests a second that the site let us make; `inf` while it refuses none."""
        return self._limit if now_seconds() < self._forgotten_at else inf

    def seconds_to_wait(self) -> float:
        """Until the next request beside others."""
        return max(min(self._next_at, self._forgotten_at) - now_seconds(), 0.0)

    def seconds_for(self, request_count: int) -> float:
        """In how many seconds it is worth while to make so many requests instead of one."""
        is_quick_enough = self.rate < inf and request_count > 1
        return max(request_count / self.rate, _QUICK_SECONDS if is_quick_enough else 0.0)

    def asking(self) -> float:
        """A request is made now; its answer belongs to this instant."""
        now = now_seconds()
        earliest = max(min(self._next_at, now), now - _AT_ONCE_SECONDS)
        self._next_at = earliest + 1 / (self.rate * _PROBE)
        self._asked.append(now)
        while self._asked[0] < now - _LONGEST_PERIOD_SECONDS:
            self._asked.popleft()
        return now

    def refused(self, asked_at: float, answered_at: float, wait_seconds: float) -> None:
        """A request was refused, and all of us are to wait."""
        quiet_from, until = self._quiet_from, answered_at + wait_seconds
        began = max(quiet_from, self._asked[0] if self._asked else asked_at)
        self._quiet_from = max(quiet_from, until)
        if asked_at in self._asked:
            self._asked.remove(asked_at)
        if asked_at < quiet_from:
            return  # made before it was known that others are refused
        count = sum(at < asked_at for at in self._asked)
        self._limit = max(count, 1) / max(until - began, _SHORTEST_PERIOD_SECONDS)
        self._asked = deque(at for at in self._asked if at > asked_at)
        self._next_at = asked_at
        self._remember(answered_at, until)

    def _remember(self, answered_at: float, until: float) -> None:
        """Remember it twice as long as the time before, when it was forgotten too early."""
        quiet_seconds = answered_at - self._forgotten_at
        if quiet_seconds > self._memory_seconds:
            self._memory_seconds = _MEMORY_SECONDS
        elif quiet_seconds > 0:
            self._memory_seconds = min(2 * self._memory_seconds, _LONGEST_MEMORY_SECONDS)
        self._forgotten_at = max(
            answered_at + self._memory_seconds, until + _SHORTEST_QUIET_SECONDS
        )
