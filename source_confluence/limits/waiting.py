"""Wait; during a long wait, say every minute what for, until when, and why."""

import logging
import re
import time

import orjson
import pendulum
from airbyte_cdk.models import (
    AirbyteMessageSerializer,
    AirbyteStreamStatus,
    AirbyteStreamStatusReason,
    AirbyteStreamStatusReasonType,
    StreamDescriptor,
)
from airbyte_cdk.utils.stream_status_utils import as_airbyte_message

from source_confluence import output
from source_confluence.shutdown import Stop

MAX_SILENT_SECONDS = 60
"""A wait that is not longer is not reported."""

_HARMLESS = re.compile(r"[\w .:/-]{1,100}")


def now_seconds() -> float:
    """A clock that never goes back."""
    return time.monotonic()


def wait(  # noqa: PLR0913 (each is a word of the line)
    seconds: float,
    *,
    before: str,
    reason: str | None,
    stream: str,
    logger: logging.Logger,
    stop: Stop,
) -> None:
    """Sleep; of a long wait, log a line every minute, and print a status for Airbyte's heartbeat.

    Args:
        seconds: How long.
        before: What is waited for: `acme.atlassian.net/wiki/api/v2/pages`.
        reason: The header `RateLimit-Reason`: `confluence-quota-tenant-based`.
        stream: The name of the stream that waits.
        logger: Gets the lines.
        stop: Ends the wait at once when the process is told to stop.

    Raises:
        StoppedError: When it is.

    Source: https://docs.airbyte.com/platform/understanding-airbyte/heartbeats
    """
    if seconds <= 0:
        return
    is_long = seconds > MAX_SILENT_SECONDS
    until = pendulum.now("UTC").add(seconds=seconds)
    why = reason if reason and _HARMLESS.fullmatch(reason) else "no reason given"
    while seconds > 0:
        if is_long:
            logger.warning(
                "Waiting before the next request to %s until %s, %s more: "
                "the site asked for it (%s).",
                before,
                until.format("YYYY-MM-DD HH:mm:ss [UTC]"),
                pendulum.duration(seconds=int(seconds)).in_words(locale="en"),
                why,
            )
            print_rate_limited(stream)
        step = min(seconds, MAX_SILENT_SECONDS)
        with stop.interruptible():
            time.sleep(step)
        seconds -= step


def print_rate_limited(stream: str) -> None:
    """Print the status RUNNING with the reason RATE_LIMITED, in the form airbyte-cdk 7.39.1 uses.

    During a wait nobody takes messages from the stream, so it is printed, not yielded.
    """
    reasons = [AirbyteStreamStatusReason(type=AirbyteStreamStatusReasonType.RATE_LIMITED)]
    status = as_airbyte_message(StreamDescriptor(name=stream), AirbyteStreamStatus.RUNNING, reasons)
    message = AirbyteMessageSerializer.dump(status)
    output.write_line(orjson.dumps(message, option=orjson.OPT_APPEND_NEWLINE))
    output.flush()
