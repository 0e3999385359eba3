"""Read the body of an answer, within bounds of memory and time."""

import re
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import requests
from urllib3.exceptions import DecodeError, HTTPError, ProtocolError, SSLError

LARGEST_BODY_BYTES = 64 * 1024 * 1024
"""Of an answer, unpacked: 250 pages of 256 KB. What is larger is asked for in smaller parts."""

LONGEST_BODY_SECONDS = 300
"""From the first byte of a body to its last."""

MOST_VALUES = 1_000_000
"""Of an answer: 60 MB of empty objects take 1.6 GB when they are decoded."""

SMALL_BODY_BYTES = 8 * 1024 * 1024
"""In this, no number of values is too much; to count them takes a millisecond per MB."""

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_PIECE_BYTES = 1024 * 1024
_MOST_MEMBERS = 100  # each takes a copy of what follows it
_GZIP = ("gzip", "x-gzip")
_GZIP_ONLY = zlib.MAX_WBITS | 16


class TooLargeError(ValueError):
    """A body is larger than what we take into memory."""


@dataclass(frozen=True, slots=True)
class PackedBody:
    """A body as it came.

    Args:
        content: The bytes.
        is_gzip: Whether they are packed.
        link_header: The header `Link` that came with it.
    """

    content: bytes
    is_gzip: bool
    link_header: str = ""


def body_of(
    response: requests.Response,
    largest_bytes: int | None = None,
    longest_seconds: float | None = None,
) -> bytes:
    """The body, unpacked; of a response that was asked for with `stream=True`, and only once.

    Args:
        response: The answer, of which nothing but the head was read so far.
        largest_bytes: How large the body may be; `LARGEST_BODY_BYTES` when nothing is said.
        longest_seconds: How long it may take; `LONGEST_BODY_SECONDS` when nothing is said.

    Raises:
        TooLargeError: When it is larger, however small it was when packed.
        requests.ReadTimeout: When it is not complete in time, or nothing came for too long.
        requests.RequestException: When it breaks off, or cannot be unpacked.
    """
    return unpacked(packed_body_of(response, largest_bytes, longest_seconds), largest_bytes)


def packed_body_of(
    response: requests.Response,
    largest_bytes: int | None = None,
    longest_seconds: float | None = None,
) -> PackedBody:
    """The body as it came, for `unpacked`; a tenth to a half of what it is then.

    `requests` would unpack it in pieces of 10 KB: 2.2 ms for 250 pages of 8 KB, and this 1.2.

    Raises:
        TooLargeError: When it is too large even so.
        requests.ReadTimeout: When it is not complete in time, or nothing came for too long.
        requests.RequestException: When it breaks off.
    """
    largest = largest_bytes or LARGEST_BODY_BYTES
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    is_foreign = bool(encoding) and encoding not in _GZIP  # urllib3 may know it
    pieces: list[bytes] = []
    size = 0
    with _deadline(response, longest_seconds or LONGEST_BODY_SECONDS), _as_requests_says_it():
        for piece in response.raw.stream(min(_PIECE_BYTES, largest), decode_content=is_foreign):
            pieces.append(piece)
            size += len(piece)
            if size > largest:
                response.close()
                raise _too_large(largest)
    return PackedBody(b"".join(pieces), encoding in _GZIP, response.headers.get("Link", ""))


def unpacked(body: PackedBody, largest_bytes: int | None = None) -> bytes:
    """The body, unpacked in one go.

    Raises:
        TooLargeError: When it is larger than `largest_bytes`, however small it was when packed.
        requests.RequestException: When it cannot be unpacked.
    """
    largest = largest_bytes or LARGEST_BODY_BYTES
    content = _unzipped(body.content, largest) if body.is_gzip else body.content
    if len(content) > SMALL_BODY_BYTES and _has_too_many_values(content):
        raise TooLargeError(f"more than {MOST_VALUES:,} values")
    return content


def _unzipped(packed: bytes, largest: int) -> bytes:
    """What is in a file of gzip: members that follow each other, in practice one."""
    members: list[bytes] = []
    left = largest
    while packed and len(members) < _MOST_MEMBERS:
        member = zlib.decompressobj(_GZIP_ONLY)
        try:
            members.append(member.decompress(packed, left + 1))
        except zlib.error as error:
            if members:
                break  # zeros, say, that fill a block; urllib3 does not mind them either
            raise requests.exceptions.ContentDecodingError(error) from error
        left -= len(members[-1])
        packed = _rest(member, left, largest)
    if len(members) == _MOST_MEMBERS:
        raise TooLargeError(f"{_MOST_MEMBERS} members of gzip")
    return b"".join(members)


def _rest(member: "zlib._Decompress", left: int, largest: int) -> bytes:
    """What follows a member that is whole, and no larger than it may be."""
    if left < 0:
        raise _too_large(largest)
    if not member.eof:
        raise requests.exceptions.ContentDecodingError("it breaks off")
    return member.unused_data


def _too_large(largest: int) -> TooLargeError:
    return TooLargeError(f"more than {largest // 1024 // 1024} MB")


_BY_CAUSE: tuple[tuple[type[HTTPError], type[requests.RequestException]], ...] = (
    (ProtocolError, requests.exceptions.ChunkedEncodingError),
    (DecodeError, requests.exceptions.ContentDecodingError),
    (SSLError, requests.exceptions.SSLError),
    (HTTPError, requests.exceptions.ConnectionError),
)


@contextmanager
def _as_requests_says_it() -> Iterator[None]:
    """Raise what `requests` would when it reads a body."""
    try:
        yield
    except HTTPError as error:
        kind = next(kind for cause, kind in _BY_CAUSE if isinstance(error, cause))
        raise kind(error) from error


def _has_too_many_values(body: bytes) -> bool:
    """Whether it does; what stands in texts is left out only when that matters: it takes long."""
    return _value_count(body) > MOST_VALUES and _value_count(_TEXT.sub(b"", body)) > MOST_VALUES


def _value_count(body: bytes) -> int:
    """The most values it may have, by what begins or precedes one; more, if texts hold such."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


class _Watch:
    """Cuts connections whose time is over; one thread, which sleeps while nothing is read.

    A thread for each body would take as long as 20 rows.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._deadlines: dict[requests.Response, float] = {}
        self._is_running = False

    def begin(self, response: requests.Response, seconds: float) -> None:
        with self._changed:
            self._deadlines[response] = time.monotonic() + seconds
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, daemon=True).start()
            self._changed.notify()

    def is_in_time(self, response: requests.Response) -> bool:
        return response in self._deadlines

    def end(self, response: requests.Response) -> bool:
        """Whether it was in time."""
        with self._changed:
            return self._deadlines.pop(response, None) is not None

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for response in [each for each, end in self._deadlines.items() if end <= now]:
                    del self._deadlines[response]
                    with suppress(Exception):  # it may have ended just now
                        response.raw.shutdown()
                earliest = min(self._deadlines.values(), default=None)
                self._changed.wait(None if earliest is None else earliest - now)


_WATCH = _Watch()


@contextmanager
def _deadline(response: requests.Response, seconds: float) -> Iterator[None]:
    """Cut the connection when the time is over: a timeout of requests begins anew with each byte.

    `shutdown` is urllib3's own means for that, from its version 2.3 on; before, it is only noticed
    at the end.
    """
    _WATCH.begin(response, seconds)
    is_in_time = True
    try:
        yield
    except requests.RequestException:
        if _WATCH.is_in_time(response):
            raise
    finally:
        is_in_time = _WATCH.end(response)
    if not is_in_time:  # also when it seems to be whole: not every body says how long it is
        raise requests.ReadTimeout("the body trickles in")
