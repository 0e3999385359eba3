"""Find out how often a site can be asked that has refused: as often as it let us, then more."""

from collections import deque

from source_confluence.waits import now_seconds

_CAUTION = 0.95  # of the rate at which the site let us
_GROWTH = 1.02  # for each quiet second
_QUIET_SECONDS = 1.0
_LONGEST_PERIOD_SECONDS = 10.0
_SHORTEST_PERIOD_SECONDS = 0.2
_SHORTEST_INTERVAL_SECONDS = 0.001


class Pace:
    """The time between two requests; none until the site refuses one.

    What a site allows is not published, so it is measured: the requests it let pass since the
    refusal before, or in the last ten seconds. From then on 2 % more are made for each second
    without a refusal.

    Attributes:
        interval_seconds: The time between two requests.
    """

    def __init__(self) -> None:
        self.interval_seconds = 0.0
        self._asked: deque[float] = deque()
        self._slowed_at = 0.0
        self._quiet_from = 0.0

    def seconds_to_wait(self) -> float:
        """Until the next request."""
        if not self.interval_seconds or not self._asked:
            return 0.0
        return max(self._asked[-1] + self.interval_seconds - now_seconds(), 0.0)

    def asking(self) -> float:
        """A request is made now; the answer belongs to this instant."""
        now = now_seconds()
        self._asked.append(now)
        while self._asked[0] < now - _LONGEST_PERIOD_SECONDS:
            self._asked.popleft()
        return now

    def refused(self, asked_at: float, wait_seconds: float) -> bool:
        """The request of an instant was refused, and we are to wait.

        Returns:
            Whether we are slower now; not when it was made before we became so.
        """
        if asked_at < self._slowed_at:
            return False
        now = now_seconds()
        let_pass = max(sum(at >= self._slowed_at for at in self._asked) - 1, 1)
        began = max(self._slowed_at, self._asked[0])
        if self._slowed_at > now - _LONGEST_PERIOD_SECONDS:
            began = self._slowed_at  # the wait before the first of them counts
        rate = let_pass / max(now - began, _SHORTEST_PERIOD_SECONDS)
        self.interval_seconds = max(self.interval_seconds, 1 / (rate * _CAUTION))
        self._slowed_at = now
        self._quiet_from = now + wait_seconds
        return True

    def answered(self) -> None:
        """A request was answered; after a quiet while the next ones may come sooner."""
        now = now_seconds()
        if not self.interval_seconds or now - self._quiet_from < _QUIET_SECONDS:
            return
        self._quiet_from = now
        self.interval_seconds /= _GROWTH
        if self.interval_seconds < _SHORTEST_INTERVAL_SECONDS:
            self.interval_seconds = 0.0
