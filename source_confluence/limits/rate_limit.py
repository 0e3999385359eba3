"""Send no faster than the site allows: one view of its limit, for all streams."""

import math
from collections.abc import Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue

from source_confluence.limits.adaptive_rate import AdaptiveRate
from source_confluence.limits.headers import (
    MAX_ASKED_WAIT_SECONDS,
    Budget,
    LimitReport,
    Refusal,
    budgets,
    says_near,
)
from source_confluence.limits.waiting import now_seconds

_CAUTIOUS_PAUSE_SECONDS = 2.0  # between requests, when the limit is near but nothing says how near


class RateLimit:
    """What the site has said about its limit, to any stream.

    Two things are remembered: until when nobody may send, and, near the limit, how much time must
    pass between two requests so that what is left lasts until the limit is renewed.

    Args:
        rate: How many requests a second it has let through, where several are in flight.

    Attributes:
        reason: Why the next request waits: `confluence-quota-tenant-based`.
        pause_seconds: Between two requests, near the limit; else 0.
    """

    def __init__(self, rate: AdaptiveRate | None = None) -> None:
        self.reason: str | None = None
        self.pause_seconds = 0.0
        self._rate = rate
        self._reports: SimpleQueue[LimitReport] = SimpleQueue()
        self._not_before = 0.0
        self._asked_at = 0.0
        self._pause_until = math.inf
        self._exhausted: dict[str, Budget] = {}

    def observe(self, report: LimitReport) -> None:
        """Learn from a response; from any thread, and before the next request, whoever sends it."""
        self._reports.put(report)

    def seconds_to_wait(self, *, is_beside_others: bool = False) -> float:
        """Until the next request may be sent, by all reports so far.

        Args:
            is_beside_others: Whether other requests are in flight.
        """
        with suppress(Empty):
            while True:
                self._take_in(self._reports.get_nowait())
        slowly = min(self._asked_at + self.pause_seconds, self._pause_until)
        earliest = max(self._not_before, slowly)
        in_step = self._rate.seconds_to_wait() if self._rate and is_beside_others else 0.0
        return max(earliest - now_seconds(), in_step, 0.0)

    @property
    def per_second(self) -> float:
        """Requests a second that the site lets through; `inf` while it refuses none."""
        return self._rate.per_second if self._rate else math.inf

    def seconds_for(self, request_count: int) -> float:
        """In how many seconds it pays to send so many requests instead of one."""
        return self._rate.seconds_for(request_count) if self._rate else 0.0

    def take_turn(self) -> float:
        """A request is about to be sent; the next one comes after the pause.

        Returns:
            When that was.
        """
        self._asked_at = self._rate.take_turn() if self._rate else now_seconds()
        return self._asked_at

    def _take_in(self, report: LimitReport) -> None:
        if report.refusal is not None:
            self._refused(report.refusal, report.asked_at, report.answered_at)
        elif report.headers is not None:
            self._answered(report.headers, report.answered_at)

    def _refused(self, refusal: Refusal, asked_at: float, answered_at: float) -> None:
        """The site told one stream to wait, so all of them do."""
        if refusal.seconds > MAX_ASKED_WAIT_SECONDS:  # ends that stream; no concern of the others
            return
        self._not_before = max(self._not_before, answered_at + refusal.seconds)
        self.reason = refusal.reason
        if self._rate is not None and refusal.is_of_rate:
            self._rate.refused(asked_at, answered_at, refusal.seconds)

    def _answered(self, headers: Mapping[str, str], answered_at: float) -> None:
        """Set the pause by what a response says is left; it lasts until that is renewed."""
        left = budgets(headers)
        pauses = [self._pause(budget, answered_at) for budget in left]
        until = max((budget.reset_seconds for budget in left), default=math.inf)
        if not pauses and says_near(headers):
            pauses = [_CAUTIOUS_PAUSE_SECONDS]
        self._exhausted = {budget.name: budget for budget in left if not budget.left}
        self.pause_seconds = max(pauses, default=0.0)
        self._pause_until = answered_at + until
        if pauses:
            self.reason = headers.get("RateLimit-Reason", "its request limit is nearly used up")

    def _pause(self, budget: Budget, answered_at: float) -> float:
        """Seconds between requests: the time to the renewal, shared among those that are left.

        Where none is left, the next waits until the limit is renewed; when the same is said again
        after that wait, it is no countdown, and requests only go slowly.
        """
        if budget.left:
            return budget.reset_seconds / budget.left
        before = self._exhausted.get(budget.name)
        if before is None or before.reset_seconds > budget.reset_seconds:
            self._not_before = max(self._not_before, answered_at + budget.reset_seconds)
        return _CAUTIOUS_PAUSE_SECONDS
