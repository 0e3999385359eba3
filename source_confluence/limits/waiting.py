"""Keep time, and tell Airbyte that a stream waits for the site's limit."""

import time

import orjson
from airbyte_cdk.models import (
    AirbyteMessageSerializer,
    AirbyteStreamStatus,
    AirbyteStreamStatusReason,
    AirbyteStreamStatusReasonType,
    StreamDescriptor,
)
from airbyte_cdk.utils.stream_status_utils import as_airbyte_message

from source_confluence import output


def now_seconds() -> float:
    """A clock that never goes back."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Do nothing for so long."""
    time.sleep(seconds)


def print_rate_limited(stream: str) -> None:
    """Print the status RUNNING with the reason RATE_LIMITED, in the form airbyte-cdk 7.39.1 uses.

    During a wait nobody takes messages from the stream, so it is printed, not yielded.
    """
    reasons = [AirbyteStreamStatusReason(type=AirbyteStreamStatusReasonType.RATE_LIMITED)]
    status = as_airbyte_message(StreamDescriptor(name=stream), AirbyteStreamStatus.RUNNING, reasons)
    message = AirbyteMessageSerializer.dump(status)
    output.write_line(orjson.dumps(message, option=orjson.OPT_APPEND_NEWLINE))
    output.flush()
