"""Hold back the requests of one stream until the site's limit lets them go."""

import logging
import math
import re
from collections.abc import Callable

import pendulum

from source_confluence import output
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.limits.waiting import print_rate_limited
from source_confluence.shutdown import Stop

MAX_SILENT_SECONDS = 60
"""A wait that is not longer is not reported."""

_MOMENT_SECONDS = 0.001  # is not worth a wait
_HARMLESS = re.compile(r"[\w .:/-]{1,100}")


class Throttle:
    """Waits for the limit on behalf of one stream, and says so.

    Args:
        limit: What all streams know of it.
        stream: The name of the stream.
        before: What it asks for, for the log: `acme.atlassian.net/wiki/api/v2/pages`.
        logger: Gets a line when requests become slower, and each minute of a long wait.
        stop: Whether the process was told to stop.
        sleep: Waits so many seconds of so many that are left, unless the process is told to stop.
    """

    def __init__(  # noqa: PLR0913 (whom it works for, and by what means)
        self,
        limit: RateLimit,
        *,
        stream: str,
        before: str,
        logger: logging.Logger,
        stop: Stop,
        sleep: Callable[[float, float], None],
    ) -> None:
        self._limit = limit
        self._stream = stream
        self._before = before
        self._logger = logger
        self._stop = stop
        self._sleep = sleep
        self._pause_seconds = 0.0
        self._is_refused = False

    def take_turn(self) -> float:
        """Wait until a request may be sent; what was read so far is printed first.

        It may still be buffered, the wait may be long, and a process that is killed in it would
        have to read it again.

        Returns:
            When the request is sent.

        Raises:
            StoppedError: When the process is told to stop.
        """
        self._stop.raise_if_asked()
        output.flush()
        while (seconds := self.seconds_to_wait()) > _MOMENT_SECONDS:
            self.wait(seconds)  # in which others may have been refused
        return self._limit.take_turn()

    def seconds_to_wait(self, *, is_beside_others: bool = False) -> float:
        """Until the next request may be sent; a change of speed is logged."""
        seconds = self._limit.seconds_to_wait(is_beside_others=is_beside_others)
        self._log_changes()
        return seconds

    def wait(self, seconds: float) -> None:
        """Let the next request wait; a long wait is reported every minute, to Airbyte too.

        Raises:
            StoppedError: When the process is told to stop.

        Source: https://docs.airbyte.com/platform/understanding-airbyte/heartbeats
        """
        is_long = seconds > MAX_SILENT_SECONDS
        until = pendulum.now("UTC").add(seconds=max(seconds, 0))
        reason = self._limit.reason or ""
        while seconds > 0:
            if is_long:
                self._logger.warning(
                    "Waiting before the next request to %s until %s, %s more: "
                    "the site asked for it (%s).",
                    self._before,
                    until.format("YYYY-MM-DD HH:mm:ss [UTC]"),
                    pendulum.duration(seconds=int(seconds)).in_words(locale="en"),
                    reason if _HARMLESS.fullmatch(reason) else "no reason given",
                )
                print_rate_limited(self._stream)
            self._sleep(min(seconds, MAX_SILENT_SECONDS), seconds)
            seconds -= MAX_SILENT_SECONDS

    def _log_changes(self) -> None:
        """Say once when requests become slower, and when they no longer are."""
        was_refused, self._is_refused = self._is_refused, self._limit.per_second < math.inf
        if self._is_refused and not was_refused:
            self._logger.info(
                "%s refuses requests; asking it less often for a while.", self._before
            )
        slower, was_slower = self._limit.pause_seconds, self._pause_seconds
        self._pause_seconds = slower
        if slower and not was_slower:
            self._logger.info(
                "Asking %s no more often than every %.1f seconds: its request limit is near.",
                self._before,
                slower,
            )
        elif was_slower and not slower:
            self._logger.info("Asking %s at full speed again.", self._before)
