"""Tell people how far a read is: a line now and then, and a summary when it ends."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from source_confluence.limits.waiting import now_seconds, sleep
from source_confluence.live_line import LiveLine
from source_confluence.reading.sync import SyncContext

FIRST_SECONDS = 10
"""After which the first line is logged; a short read has only its summary."""

INTERVAL_SECONDS = 60
"""Between two further lines."""

_LIVE_SECONDS = 0.5  # between two changes of the live line


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a stream, or all of them, took.

    Args:
        records: How many were emitted.
        light_records: How many of them lack a part that Confluence failed to give.
        requests: How many were sent, retries included.
        refusals: How many of them the site refused for its limit (HTTP 429 or 503).
        waited_seconds: Spent waiting before requests, for the limit or before a retry.
        seconds: All in all.
    """

    records: int = 0
    light_records: int = 0
    requests: int = 0
    refusals: int = 0
    waited_seconds: float = 0.0
    seconds: float = 0.0

    def __str__(self) -> str:
        """`20,000 records in 61.2 s (327 a second), 162 requests, 2 refused (HTTP 429 or 503)`."""
        speed = f" ({_per_second(self.records, self.seconds)})" if self.seconds >= 1 else ""
        parts = [
            f"{_counted(self.records, 'record')} in {self.seconds:.1f} s{speed}",
            _counted(self.requests, "request"),
        ]
        if self.refusals:
            parts.append(f"{self.refusals:,} refused (HTTP 429 or 503)")
        if self.waited_seconds:
            parts.append(f"{self.waited_seconds:.1f} s of waiting before requests")
        if self.light_records:
            parts.append(f"{self.light_records:,} without a part (see the warnings above)")
        return ", ".join(parts)

    def __add__(self, other: "Counts") -> "Counts":
        """Both together."""
        return Counts(
            records=self.records + other.records,
            light_records=self.light_records + other.light_records,
            requests=self.requests + other.requests,
            refusals=self.refusals + other.refusals,
            waited_seconds=self.waited_seconds + other.waited_seconds,
            seconds=self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a read was at an instant; a line tells what came since.

    Args:
        at: The instant.
        records: How many had been emitted.
        asking_seconds: How long the read had waited for pages.
    """

    at: float
    records: int = 0
    asking_seconds: float = 0.0


def _counted(count: int, what: str) -> str:
    """`1 request`, `20,000 records`."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _per_second(count: int, seconds: float) -> str:
    """`327 a second`."""
    return f"{count / seconds if seconds > 0 else count:,.0f} a second"


class Progress:
    """How far one stream is.

    Args:
        sync: What all streams share; it knows what was sent.
        stream: The name of the stream.
        logger: Gets the lines.

    Attributes:
        counts: What the read took, once it has ended.
    """

    def __init__(self, sync: SyncContext, *, stream: str, logger: logging.Logger) -> None:
        self._sync = sync
        self._stream = stream
        self._logger = logger
        self._live_line = LiveLine()
        self.counts = Counts()
        self._has_begun = False
        self._begin()

    def begin(self) -> None:
        """Count from here, unless a read has begun already."""
        if not self._has_begun:
            self._has_begun = True
            self._begin()

    def _begin(self) -> None:
        self._began = self._logged = Mark(at=now_seconds())
        self._records = self._light_records = 0
        self._asking_since: float | None = None
        self._asking_seconds = self._waited_seconds = 0.0
        self._requests_before = self._sync.client.request_count
        self._refusals_before = self._sync.client.refusal_count
        self._due_at = self._began.at + FIRST_SECONDS
        self._live_at = self._next_request_at = self._began.at

    @property
    def seconds_until_due(self) -> float:
        """For so long, nothing is to be said."""
        due_at = min(self._due_at, self._live_at) if self._live_line.is_shown else self._due_at
        return max(due_at - now_seconds(), 0.0)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Count the time in the block as one in which the read waits for a page."""
        self._asking_since = now_seconds()
        try:
            yield
        finally:
            self._asking_seconds = self._mark().asking_seconds
            self._asking_since = None

    def emitted(self, record_count: int, *, is_light: bool) -> None:
        """Count records; `is_light` when they lack a part."""
        self._records += record_count
        if is_light:
            self._light_records += record_count
        self.tick()

    def tick(self) -> None:
        """Say how far the read is, if it is time to."""
        self._refresh_live_line()
        now = now_seconds()
        if now >= self._due_at:
            self._due_at = now + INTERVAL_SECONDS
            self._logger.info(self._line(self._logged))
            self._logged = self._mark()

    def sleep(self, seconds: float, left_seconds: float) -> None:
        """Wait before the next request; nothing is logged, because whoever waits says so.

        Args:
            seconds: How long.
            left_seconds: Until the request is sent: longer, where the wait has several parts.

        Raises:
            StoppedError: When the process is told to stop.
        """
        self._next_request_at = now_seconds() + left_seconds
        while seconds > 0:
            part = min(seconds, _LIVE_SECONDS) if self._live_line.is_shown else seconds
            began_at = now_seconds()
            try:
                with self._sync.stop.interruptible():
                    sleep(part)
            finally:
                self._waited_seconds += now_seconds() - began_at
            seconds -= part
            self._refresh_live_line()

    def end(self, *, is_complete: bool) -> None:
        """Sum it up; a read that was stopped before its first request is not spoken of."""
        self._has_begun = False
        self.counts = Counts(
            records=self._records,
            light_records=self._light_records,
            requests=self._request_count,
            refusals=self._sync.client.refusal_count - self._refusals_before,
            waited_seconds=self._waited_seconds,
            seconds=now_seconds() - self._began.at,
        )
        if not (is_complete or self.counts.requests):
            return
        outcome = "is complete" if is_complete else "is not complete"
        text = f"Stream '{self._stream}' {outcome}: {self.counts}."
        self._live_line.end(text)
        self._logger.log(logging.INFO if is_complete else logging.WARNING, text)

    def _mark(self) -> Mark:
        now = now_seconds()
        asking = 0.0 if self._asking_since is None else now - self._asking_since
        return Mark(at=now, records=self._records, asking_seconds=self._asking_seconds + asking)

    def _refresh_live_line(self) -> None:
        now = now_seconds()
        if self._live_line.is_shown and now >= self._live_at:
            self._live_at = now + _LIVE_SECONDS
            self._live_line.show(self._line(self._began))

    def _line(self, since: Mark) -> str:
        """`Stream 'pages': 13,000 records in 70 s, 192 a second; 110 requests, 2 in flight, …`."""
        now = self._mark()
        seconds = now.at - since.at
        speed = _per_second(now.records - since.records, seconds)
        parts = [_counted(self._request_count, "request"), *self._situation()]
        if seconds > 0:
            asking = (now.asking_seconds - since.asking_seconds) / seconds
            parts.append(f"{asking:.0%} of the time waiting for Confluence")
        so_far = f"{_counted(now.records, 'record')} in {now.at - self._began.at:.0f} s"
        return f"Stream '{self._stream}': {so_far}, {speed}; {', '.join(parts)}."

    @property
    def _request_count(self) -> int:
        return self._sync.client.request_count - self._requests_before

    def _situation(self) -> list[str]:
        """What happens at the moment: `["16 in flight", …]`."""
        parts = []
        if in_flight := self._sync.workers.in_flight_count:
            parts.append(f"{in_flight} in flight")
        if (seconds := self._next_request_at - now_seconds()) > 0:
            parts.append(f"the next in {seconds:.0f} s")
        limit = self._sync.rate_limit
        if limit.per_second < math.inf:
            parts.append(f"about {limit.per_second:.1f} a second because the site refuses more")
        if limit.pause_seconds:
            parts.append(f"one every {limit.pause_seconds:.1f} s because the limit is near")
        return parts
