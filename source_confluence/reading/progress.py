"""Tell people how far a read is: a line now and then, and a summary when it ends."""

import logging
import math
from dataclasses import dataclass, fields

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
        speed = _per_second(self.records, self.seconds)
        parts = [
            f"{_counted(self.records, 'record')} in {self.seconds:.1f} s ({speed})",
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
        names = [each.name for each in fields(self)]
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in names})


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
        self._seconds_to_sleep = 0.0
        self.counts = Counts()
        self.begin()

    def begin(self) -> None:
        """Count from here."""
        self._began_at = self._logged_at = now_seconds()
        self._records = self._logged_records = self._light_records = 0
        self._waited_seconds = 0.0
        self._requests_before = self._sync.client.request_count
        self._refusals_before = self._sync.client.refusal_count
        self._due_at = self._began_at + FIRST_SECONDS
        self._live_at = self._began_at if self._live_line.is_shown else math.inf

    @property
    def seconds_until_due(self) -> float:
        """For so long, nothing is to be said."""
        return max(min(self._due_at, self._live_at) - now_seconds(), 0.0)

    def emitted(self, record_count: int, *, is_light: bool) -> None:
        """Count records; `is_light` when they lack a part."""
        self._records += record_count
        self._light_records += record_count * is_light
        self.tick()

    def tick(self) -> None:
        """Say how far the read is, if it is time to."""
        self._refresh_live_line()
        now = now_seconds()
        if now >= self._due_at:
            self._due_at = now + INTERVAL_SECONDS
            self._logger.info(self._line(self._logged_at, self._logged_records))
            self._logged_at, self._logged_records = now, self._records

    def sleep(self, seconds: float) -> None:
        """Wait so long before the next request; nothing is logged, because whoever waits says so.

        Raises:
            StoppedError: When the process is told to stop.
        """
        self._waited_seconds += seconds
        self._seconds_to_sleep = seconds
        while self._seconds_to_sleep > 0:
            part = min(
                self._seconds_to_sleep, _LIVE_SECONDS if self._live_line.is_shown else math.inf
            )
            with self._sync.stop.interruptible():
                sleep(part)
            self._seconds_to_sleep -= part
            self._refresh_live_line()

    def end(self, *, is_complete: bool) -> None:
        """Sum it up."""
        self.counts = Counts(
            records=self._records,
            light_records=self._light_records,
            requests=self._request_count,
            refusals=self._sync.client.refusal_count - self._refusals_before,
            waited_seconds=self._waited_seconds,
            seconds=now_seconds() - self._began_at,
        )
        outcome = "is complete" if is_complete else "is not complete"
        text = f"Stream '{self._stream}' {outcome}: {self.counts}."
        self._live_line.end(text)
        self._logger.log(logging.INFO if is_complete else logging.WARNING, text)

    def _refresh_live_line(self) -> None:
        now = now_seconds()
        if now >= self._live_at:
            self._live_at = now + _LIVE_SECONDS
            self._live_line.show(self._line(self._began_at, 0))

    def _line(self, since: float, records_then: int) -> str:
        return (
            f"Stream '{self._stream}': {_counted(self._records, 'record')}, "
            f"{_per_second(self._records - records_then, now_seconds() - since)}; "
            f"{_counted(self._request_count, 'request')}, {self._situation}."
        )

    @property
    def _request_count(self) -> int:
        return self._sync.client.request_count - self._requests_before

    @property
    def _situation(self) -> str:
        """What it waits for: `16 in flight, …`."""
        if self._seconds_to_sleep > 0:
            return f"the next one in {self._seconds_to_sleep:.0f} s"
        in_flight = self._sync.workers.in_flight_count
        parts = [f"{in_flight} in flight" if in_flight else "emitting records"]
        limit = self._sync.rate_limit
        if limit.per_second < math.inf:
            parts.append(f"about {limit.per_second:.1f} a second because the site refuses more")
        if limit.pause_seconds:
            parts.append(f"one every {limit.pause_seconds:.1f} s because the limit is near")
        return ", ".join(parts)
