"""Read the body of an answer, within bounds of memory and time."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import requests

LARGEST_BODY_BYTES = 64 * 1024 * 1024
"""Of an answer, unpacked: 250 pages of 256 KB. What is larger is asked for in smaller parts."""

LONGEST_BODY_SECONDS = 300
"""From the first byte of a body to its last."""

MOST_VALUES = 1_000_000
"""Of an answer: 60 MB of empty objects take 1.6 GB when they are decoded."""

SMALL_BODY_BYTES = 8 * 1024 * 1024
"""In this, no number of values is too much; to count them takes a millisecond per MB."""

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_PIECE_BYTES = 128 * 1024


class TooLargeError(ValueError):
    """A body is larger than what we take into memory."""


def body_of(response: requests.Response, largest_bytes: int | None = None) -> bytearray:
    """The body, unpacked; of a response that was asked for with `stream=True`, and only once.

    Args:
        response: The answer, of which nothing but the head was read so far.
        largest_bytes: How large the body may be; `LARGEST_BODY_BYTES` when nothing is said.

    Raises:
        TooLargeError: When it is larger, however small it was when packed.
        requests.ReadTimeout: When it is not complete in time, or nothing came for too long.
        requests.RequestException: When it breaks off, or cannot be unpacked.
    """
    largest = largest_bytes or LARGEST_BODY_BYTES
    body = bytearray()
    with _deadline(response):
        for piece in response.iter_content(_PIECE_BYTES):
            body += piece
            if len(body) > largest:
                response.close()
                raise TooLargeError(f"more than {largest // 1024 // 1024} MB")
    if len(body) > SMALL_BODY_BYTES and _has_too_many_values(body):
        raise TooLargeError(f"more than {MOST_VALUES:,} values")
    return body


def _has_too_many_values(body: bytearray) -> bool:
    """Whether it does; what stands in texts is left out only when that matters: it takes long."""
    return _value_count(body) > MOST_VALUES and _value_count(_TEXT.sub(b"", body)) > MOST_VALUES


def _value_count(body: bytes | bytearray) -> int:
    """The most values it may have, by what begins or precedes one; more, if texts hold such."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


@contextmanager
def _deadline(response: requests.Response) -> Iterator[None]:
    """Cut the connection when the time is over: a timeout of requests begins anew with each byte.

    `shutdown` is urllib3's own means for that, from its version 2.3 on; before, it is only noticed
    at the end.
    """
    is_over = threading.Event()

    def cut() -> None:
        is_over.set()
        with suppress(Exception):  # it may have ended just now
            response.raw.shutdown()

    timer = threading.Timer(LONGEST_BODY_SECONDS, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except requests.RequestException:
        if not is_over.is_set():
            raise
    finally:
        timer.cancel()
    if is_over.is_set():  # also when it seems to be whole: not every body says how long it is
        raise requests.ReadTimeout("the body trickles in")
