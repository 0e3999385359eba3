"""Read the body of a response, within bounds of memory and time."""

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests
from urllib3.exceptions import DecodeError, HTTPError, ProtocolError, SSLError

from source_confluence.exceptions import TooLargeError
from source_confluence.transport.deadline import deadline

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Of a decompressed body: 250 pages of 256 KB. What is larger is asked for in smaller pages."""

MAX_BODY_SECONDS = 300
"""From the first byte of a body to its last."""

MAX_VALUES = 1_000_000
"""Of a body: 60 MB of empty objects take 1.6 GB when they are decoded."""

SMALL_BODY_BYTES = 8 * 1024 * 1024
"""In a smaller body values are not counted; to count them takes a millisecond per MB."""

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_PIECE_BYTES = 1024 * 1024
_MAX_MEMBERS = 100  # each takes a copy of what follows it
_GZIP = ("gzip", "x-gzip")
_GZIP_ONLY = zlib.MAX_WBITS | 16


@dataclass(frozen=True, slots=True)
class CompressedBody:
    """A body as it came.

    Args:
        content: The bytes.
        is_gzip: Whether they are compressed.
        link_header: The header `Link` that came with it.
    """

    content: bytes
    is_gzip: bool
    link_header: str = ""


def read_body(
    response: requests.Response, max_bytes: int | None = None, max_seconds: float | None = None
) -> CompressedBody:
    """The body as it came, a tenth to a half of its decompressed size; it can be read only once.

    `requests` would decompress it in pieces of 10 KB: 2.2 ms for 250 pages of 8 KB, and this 1.2.

    Args:
        response: One of which only the head was read so far (`stream=True`).
        max_bytes: How large the body may be, as it comes; `MAX_BODY_BYTES` by default.
        max_seconds: How long it may take; `MAX_BODY_SECONDS` by default.

    Raises:
        TooLargeError: When it is larger even as it comes.
        requests.ReadTimeout: When it is not complete in time, or nothing came for too long.
        requests.RequestException: When it breaks off.
    """
    largest = max_bytes or MAX_BODY_BYTES
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    is_foreign = bool(encoding) and encoding not in _GZIP  # urllib3 may know it
    pieces: list[bytes] = []
    size = 0
    with deadline(response, max_seconds or MAX_BODY_SECONDS), _errors_of_requests():
        for piece in response.raw.stream(min(_PIECE_BYTES, largest), decode_content=is_foreign):
            pieces.append(piece)
            size += len(piece)
            if size > largest:
                response.close()
                raise _too_large(largest)
    return CompressedBody(b"".join(pieces), encoding in _GZIP, response.headers.get("Link", ""))


def decompressed(body: CompressedBody, max_bytes: int | None = None) -> bytes:
    """The body, decompressed in one go.

    Raises:
        TooLargeError: When it is larger than `max_bytes`, however small it was when compressed.
        requests.RequestException: When it cannot be decompressed.
    """
    largest = max_bytes or MAX_BODY_BYTES
    content = _unzipped(body.content, largest) if body.is_gzip else body.content
    if len(content) > SMALL_BODY_BYTES and _has_too_many_values(content):
        raise TooLargeError(f"more than {MAX_VALUES:,} values")
    return content


def _unzipped(compressed: bytes, largest: int) -> bytes:
    """What is in a file of gzip: members that follow each other, in practice one."""
    members: list[bytes] = []
    left = largest
    while compressed and len(members) < _MAX_MEMBERS:
        member = zlib.decompressobj(_GZIP_ONLY)
        try:
            members.append(member.decompress(compressed, left + 1))
        except zlib.error as error:
            if members:
                break  # zeros, say, that fill a block; urllib3 does not mind them either
            raise requests.exceptions.ContentDecodingError(error) from error
        left -= len(members[-1])
        compressed = _rest(member, left, largest)
    if len(members) == _MAX_MEMBERS:
        raise TooLargeError(f"{_MAX_MEMBERS} members of gzip")
    return b"".join(members)


def _rest(member: "zlib._Decompress", left: int, largest: int) -> bytes:
    """What follows a member that is complete, and no larger than allowed."""
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
def _errors_of_requests() -> Iterator[None]:
    """Raise what `requests` would raise when it reads a body."""
    try:
        yield
    except HTTPError as error:
        kind = next(kind for cause, kind in _BY_CAUSE if isinstance(error, cause))
        raise kind(error) from error


def _has_too_many_values(body: bytes) -> bool:
    """Whether it does; what stands in texts is left out only when that matters: it takes long."""
    return _value_count(body) > MAX_VALUES and _value_count(_TEXT.sub(b"", body)) > MAX_VALUES


def _value_count(body: bytes) -> int:
    """The most values it may have, by what begins or precedes one; more, if texts hold such."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")
