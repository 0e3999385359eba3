"""Find out how often a site can be asked that has refused: as often as it let us, then more."""

from collections import deque

from source_confluence.waits import now_seconds

_CAUTION = 0.95  # of the rate at which the site let us
_GROWTH = 1.02  # for each quiet second
_LONGEST_PERIOD_SECONDS = 10.0
_SHORTEST_PERIOD_SECONDS = 0.2
_LONGEST_INTERVAL_SECONDS = 10.0
_SHORTEST_INTERVAL_SECONDS = 0.001


class Pace:
    """The time between two requests; none until the site refuses one.

    What a site allows is not published, so it is measured: the requests it let pass since the
    refusal before, or in the last ten seconds. From then on 2 % more are made with each second
    without a refusal.
    """

    def __init__(self) -> None:
        self._interval_seconds = 0.0
        self._asked: deque[float] = deque()
        self._slowed_at = 0.0
        self._quiet_from = 0.0

    @property
    def interval_seconds(self) -> float:
        """The time between two requests, from 1 ms to 10 s, or 0."""
        quiet_seconds = max(now_seconds() - self._quiet_from, 0.0)
        interval = self._interval_seconds / _GROWTH ** min(quiet_seconds, 1_000.0)
        return interval if interval >= _SHORTEST_INTERVAL_SECONDS else 0.0

    def seconds_to_wait(self) -> float:
        """Until the next request."""
        if not self._asked:
            return 0.0
        return max(self._asked[-1] + self.interval_seconds - now_seconds(), 0.0)

    def asking(self) -> float:
        """A request is made now; its answer belongs to this instant."""
        now = now_seconds()
        self._asked.append(now)
        while self._asked[0] < now - _LONGEST_PERIOD_SECONDS:
            self._asked.popleft()
        return now

    def refused(self, asked_at: float, answered_at: float, wait_seconds: float) -> bool:
        """A request was refused, and we are to wait.

        Returns:
            Whether we are slower now; not when it was made before we became so.
        """
        if asked_at < self._slowed_at:
            return False
        began = max(self._slowed_at, answered_at - _LONGEST_PERIOD_SECONDS)
        asked = [at for at in self._asked if began <= at <= answered_at]
        if began != self._slowed_at and asked:
            began = asked[0]  # else the wait before the first of them counts
        period = max(answered_at - began, _SHORTEST_PERIOD_SECONDS)
        slower = period / (max(len(asked) - 1, 1) * _CAUTION)
        self._interval_seconds = min(max(self.interval_seconds, slower), _LONGEST_INTERVAL_SECONDS)
        self._slowed_at = answered_at
        self._quiet_from = answered_at + wait_seconds
        return True
